//! A realm, found through any of its rollups.

use crate::error::ClientError;
use alloy_eips::BlockId;
use alloy_network::Ethereum;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{Provider as _, ProviderBuilder, RootProvider};
use alloy_transport::{RpcError, TransportErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::BTreeMap, time::Duration};
use weft_types::{Domain, NetworkId};

/// The rollups that share one order.
#[derive(Debug, Clone)]
pub struct Realm {
    domain: Domain,
    slot: Duration,
    rollups: Vec<Rollup>,
    entry: RootProvider,
}

/// One rollup of a realm.
#[derive(Debug, Clone)]
pub struct Rollup {
    chain_id: u64,
    network: NetworkId,
    url: String,
    ws_url: String,
    provider: RootProvider,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    chains: Vec<ToldChain>,
    slot_ms: u64,
    domain: Domain,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldChain {
    chain_id: u64,
    network: NetworkId,
    url: String,
    ws_url: String,
}

impl Realm {
    /// Finds the realm of the rollup at `url`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Url`] for a URL that cannot be used, [`ClientError::Rpc`] when nobody answers there, or somebody
    /// who knows nothing of realms (an imported chain).
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::connect_with(url, &BTreeMap::new()).await
    }

    /// Finds the realm of the rollup at `url` and uses other URLs than the node tells, by EIP-155 id: for nodes behind a
    /// proxy. Whatever is put there in the place of `http` has to take WebSockets as well.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub async fn connect_with(
        url: &str,
        urls: &BTreeMap<u64, String>,
    ) -> Result<Self, ClientError> {
        let entry = http(url)?;
        let told: Told = entry.client().request_noparams("weft_chains").await?;
        let rollups = told.chains.into_iter().map(|mut chain| {
            if let Some(own) = urls.get(&chain.chain_id) {
                (chain.url, chain.ws_url) = (own.clone(), own.replacen("http", "ws", 1));
            }
            let provider = http(&chain.url)?;
            let ToldChain { chain_id, network, url, ws_url } = chain;
            Ok(Rollup { chain_id, network, url, ws_url, provider })
        });
        Ok(Self {
            domain: told.domain,
            slot: Duration::from_millis(told.slot_ms),
            rollups: rollups.collect::<Result<_, ClientError>>()?,
            entry,
        })
    }

    /// Returns what everything signed in this realm is bound to.
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the length of a slot: about the time until something is included.
    pub const fn slot(&self) -> Duration {
        self.slot
    }

    /// Returns the rollups in the order of their ids.
    pub fn rollups(&self) -> &[Rollup] {
        &self.rollups
    }

    /// Returns a rollup by its EIP-155 id.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnknownChain`].
    pub fn rollup(&self, chain_id: u64) -> Result<&Rollup, ClientError> {
        let found = self.rollups.iter().find(|rollup| rollup.chain_id == chain_id);
        found.ok_or_else(|| {
            let known = self.rollups.iter().map(|rollup| rollup.chain_id).collect();
            ClientError::UnknownChain { chain_id, known }
        })
    }

    /// Calls a `weft_*` method, which answers the same on every rollup.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl serde::Serialize,
    ) -> Result<T, RpcError<TransportErrorKind>> {
        let params = serde_json::to_value(params).map_err(RpcError::SerError)?;
        let answer: serde_json::Value = self.entry.client().request(method, params).await?;
        serde_json::from_value(answer.clone())
            .map_err(|error| RpcError::deser_err(error, answer.to_string()))
    }
}

impl Rollup {
    /// Returns the EIP-155 id.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Returns the number by which contracts of the realm name the rollup.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Returns alloy's provider of the rollup: everything that is not particular to a realm.
    pub const fn provider(&self) -> &RootProvider {
        &self.provider
    }

    /// Returns where the rollup is served.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns where subscriptions are served.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Returns what an account has in the open slot, in wei.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`].
    pub async fn balance(&self, account: Address) -> Result<U256, ClientError> {
        Ok(self.provider.get_balance(account).block_id(BlockId::pending()).await?)
    }

    /// Returns true when there is code at an address in the open slot.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`].
    pub async fn has_code(&self, address: Address) -> Result<bool, ClientError> {
        let code = self.provider.get_code_at(address).block_id(BlockId::pending()).await?;
        Ok(!code.is_empty())
    }
}

fn http(url: &str) -> Result<RootProvider, ClientError> {
    let wrong = |why: String| ClientError::Url { url: url.to_owned(), why };
    let parsed = url.parse().map_err(|error| wrong(format!("{error}")))?;
    let builder = ProviderBuilder::<_, _, Ethereum>::default();
    Ok(builder.connect_http(parsed))
}

/// Something that can be asked about by hash.
pub(crate) const fn by_hash(hash: B256) -> [B256; 1] {
    [hash]
}
