//! Signed promises, checked here against a key that the caller trusts.

use crate::{
    error::ClientError,
    realm::{Realm, by_hash},
};
use alloy_network::Ethereum;
use alloy_primitives::{Address, B256, Bytes};
use alloy_provider::{GetSubscription, Provider as _, ProviderBuilder, RootProvider, WsConnect};
use alloy_pubsub::Subscription;
use serde::Deserialize;
use serde_json::value::RawValue;
use weft_types::{Decode as _, Domain, PromiseError, SignedPromise, Statement};

/// Promises that wait for a subscriber before its feed ends.
const FEED: usize = 65_536;

/// The key that signs promises, as the node tells it: compare it with the one that you know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PromiseKey {
    /// Address of the key.
    pub key: Address,
    /// Realm that it signs for.
    pub domain: Domain,
    /// Whether it signs now.
    pub signing: bool,
    /// Why it does not.
    pub stopped: Option<String>,
}

/// A promise whose signature, path and realm were checked: there is no other way to get one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPromise {
    promise: SignedPromise,
    key: Address,
}

/// What was promised about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promises {
    /// That it has this position.
    pub order: Option<VerifiedPromise>,
    /// That it has this result.
    pub execution: Option<VerifiedPromise>,
}

/// A promise as the node writes it. The words beside the encoding are for people and are not read.
#[derive(Debug, Deserialize)]
struct Told {
    encoding: Bytes,
}

#[derive(Debug, Deserialize)]
struct ToldPromises {
    order: Option<Told>,
    execution: Option<Told>,
}

impl VerifiedPromise {
    /// Checks an encoded promise: it must be one of `key` about `domain`. Asks nobody.
    ///
    /// # Errors
    ///
    /// [`ClientError::Promise`] or [`ClientError::OtherDomain`].
    pub fn check(encoding: &[u8], key: Address, domain: &Domain) -> Result<Self, ClientError> {
        let promise = SignedPromise::decode(encoding).map_err(PromiseError::from)?;
        if promise.domain != *domain {
            let (expected, found) = (Box::new(*domain), Box::new(promise.domain));
            return Err(ClientError::OtherDomain { expected, found });
        }
        promise.verify(key)?;
        Ok(Self { promise, key })
    }

    /// Returns the promise with its signature.
    pub const fn signed(&self) -> &SignedPromise {
        &self.promise
    }

    /// Returns what is promised.
    pub const fn statement(&self) -> &Statement {
        &self.promise.statement
    }

    /// Returns the key that signed.
    pub const fn key(&self) -> Address {
        self.key
    }

    /// Returns true when the promise names an item, bundle or transaction by hash.
    pub fn is_about(&self, hash: B256) -> bool {
        match self.statement() {
            Statement::Order(order) => {
                order.item == hash || order.bundle.is_some_and(|bundle| bundle.hash() == hash)
            }
            Statement::Execution(execution) => {
                execution.item == hash || execution.legs.iter().any(|leg| leg.tx_hash == hash)
            }
            Statement::Checkpoint(_) => false,
            Statement::Bundle(bundle) => bundle.places.iter().any(|place| place.item == hash),
        }
    }
}

impl Realm {
    /// Returns the key that signs promises, as the node tells it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`] when the node has no key.
    pub async fn promise_key(&self) -> Result<PromiseKey, ClientError> {
        Ok(self.ask("weft_getPromiseKey", [(); 0]).await?)
    }

    /// Returns what was promised about an item, bundle or transaction, checked against `key`; `None` when the node
    /// knows of nothing.
    ///
    /// Both promises are about the same item. An order promise names items and bundles, an execution promise items and
    /// transactions: whether the item is the one that was asked about can be told from one of the two.
    ///
    /// # Errors
    ///
    /// [`ClientError::Promise`], [`ClientError::OtherDomain`] or [`ClientError::OtherSubject`] when a promise binds nobody
    /// about this; [`ClientError::Rpc`].
    pub async fn promises(
        &self,
        hash: B256,
        key: Address,
    ) -> Result<Option<Promises>, ClientError> {
        let told: Option<ToldPromises> = self.ask("weft_getPromise", by_hash(hash)).await?;
        let Some(told) = told else { return Ok(None) };
        let check = |told: Option<Told>| {
            told.map(|told| VerifiedPromise::check(&told.encoding, key, self.domain())).transpose()
        };
        let promises = Promises { order: check(told.order)?, execution: check(told.execution)? };
        promises.check_subject(hash)?;
        Ok(Some(promises))
    }

    /// Hears every promise and a checkpoint each 100 ms, over a WebSocket of its own, each checked against `key`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`] when the node takes no subscriptions there or has no key.
    pub async fn subscribe_promises(&self, key: Address) -> Result<Feed, ClientError> {
        let (feed, connection) = self.subscribe("promises").await?;
        Ok(Feed { key, domain: *self.domain(), feed, _connection: connection })
    }

    /// Hears every slot commitment and every notice of an epoch's key, over a WebSocket of its own. What they say and who
    /// signed it is for the caller to check.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`] when the node takes no such subscriptions.
    pub async fn subscribe_notices(&self) -> Result<NoticeFeed, ClientError> {
        let (feed, connection) = self.subscribe("notices").await?;
        Ok(NoticeFeed { feed, _connection: connection })
    }

    async fn subscribe(
        &self,
        what: &'static str,
    ) -> Result<(Subscription<Box<RawValue>>, RootProvider), ClientError> {
        let Some(rollup) = self.rollups().first() else {
            return Err(ClientError::Answer("a realm without rollups".to_owned()));
        };
        // A second connection would go on somewhere else: a feed with a gap looks like broken promises.
        let connect = WsConnect::new(rollup.ws_url()).with_max_retries(0);
        let builder = ProviderBuilder::<_, _, Ethereum>::default();
        let connection = builder.connect_pubsub_with(connect).await?;
        let mut call = connection.client().request("weft_subscribe", (what,));
        call.set_is_subscription();
        let feed = GetSubscription::new(connection.weak_client(), call).channel_size(FEED);
        Ok((feed.await?, connection))
    }
}

impl Promises {
    /// Refuses promises about different items, or about another one than was asked about where that can be told.
    fn check_subject(&self, asked: B256) -> Result<(), ClientError> {
        let both = [&self.order, &self.execution];
        let items: Vec<B256> =
            both.into_iter().flatten().filter_map(|promise| promise.statement().item()).collect();
        let are_one = items.windows(2).all(|pair| pair[0] == pair[1]);
        let named = both.into_iter().flatten().any(|promise| promise.is_about(asked));
        // An execution promise of a bundle does not name the bundle's id, an order promise not the transactions.
        let is_whole = both.iter().all(|promise| promise.is_some());
        if are_one && (named || !is_whole) {
            return Ok(());
        }
        Err(ClientError::OtherSubject { asked })
    }
}

/// Promises as they are made.
#[derive(Debug)]
pub struct Feed {
    key: Address,
    domain: Domain,
    feed: Subscription<Box<RawValue>>,
    /// The feed ends with its connection.
    _connection: RootProvider,
}

impl Feed {
    /// Waits for the next promise.
    ///
    /// # Errors
    ///
    /// [`ClientError::FeedEnded`] when the node ends it, the connection breaks, or promises came faster than they were
    /// taken; [`ClientError::Promise`] and [`ClientError::OtherDomain`] for what binds nobody.
    pub async fn next(&mut self) -> Result<VerifiedPromise, ClientError> {
        let text = self.feed.recv().await.map_err(|_| ClientError::FeedEnded)?;
        let told: Told = serde_json::from_str(text.get())
            .map_err(|error| ClientError::Answer(error.to_string()))?;
        VerifiedPromise::check(&told.encoding, self.key, &self.domain)
    }
}

/// Words of the sequencer that are no promises, as they are signed.
#[derive(Debug)]
pub struct NoticeFeed {
    feed: Subscription<Box<RawValue>>,
    /// The feed ends with its connection.
    _connection: RootProvider,
}

/// Something that the sequencer signed, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldNotice {
    /// `slotCommitment` or `epochNotice`.
    pub kind: String,
    /// The bytes that count.
    pub encoding: Bytes,
}

impl NoticeFeed {
    /// Waits for the next one.
    ///
    /// # Errors
    ///
    /// [`ClientError::FeedEnded`] when the node ends it or the connection breaks; [`ClientError::Answer`].
    pub async fn next(&mut self) -> Result<ToldNotice, ClientError> {
        let text = self.feed.recv().await.map_err(|_| ClientError::FeedEnded)?;
        serde_json::from_str(text.get()).map_err(|error| ClientError::Answer(error.to_string()))
    }
}
