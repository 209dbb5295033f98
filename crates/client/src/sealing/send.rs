//! Sealing an item and having its order promised.

use super::{Committee, SealingKey};
use crate::{error::ClientError, promise::VerifiedPromise, realm::Realm};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes};
use alloy_signer::Signer;
use serde::Deserialize;
use std::{
    fmt,
    time::{Duration, Instant},
};
use weft_crypto::{Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, SizeBucket};
use weft_types::{Encode as _, Item, NetworkId, Position, Section, SignedTx, Statement};

/// Largest index of a gas bucket.
const LARGEST_GAS: u8 = 10;
/// Time between two looks for a key that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Code of an envelope that is not taken.
const NOT_TAKEN: i64 = -38020;
/// Names of refusals that another epoch or slot may lift.
const PASSING: &[&str] =
    &["NoKey", "OtherEpoch", "OtherList", "Expired", "TooLate", "EpochFull", "SlotFull"];

/// On which terms items are sealed.
#[derive(Debug, Clone)]
pub struct SealingTerms {
    /// Most that an item may cost its payer beside its gas, in wei.
    pub max_fee_wei: u128,
    /// Key that must sign the promise; the one that the node names when there is none here.
    pub promise_key: Option<Address>,
    /// Whom the user trusts to keep keys; whoever the node says when there is none here.
    pub committee: Option<Committee>,
    /// How long to try again in the next epoch, while there is no key or no room.
    pub patience: Duration,
    /// Gas to choose the bucket by, if it shall not tell what the item declares.
    pub gas: Option<u64>,
}

impl Default for SealingTerms {
    fn default() -> Self {
        Self {
            // A thousandth of an ether.
            max_fee_wei: 1_000_000_000_000_000,
            promise_key: None,
            committee: None,
            patience: Duration::from_secs(20),
            gas: None,
        }
    }
}

/// An item that nobody can read, signed by its payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedItem {
    /// The envelope.
    pub envelope: Envelope,
    /// Its hash, by which outcome and promises are asked for.
    pub id: B256,
    /// The payer's signature over the hash.
    pub signature: Bytes,
    /// What opens the envelope for everybody: it refutes a false verdict (P11).
    pub seed: Seed,
}

/// The seed of an envelope. Whoever has it reads what is inside, so it is not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub B256);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A sealed item with a promised position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// What was sent.
    pub sealed: SealedItem,
    /// Where it is ordered.
    pub position: Position,
    /// Signed promise of that, which was checked.
    pub promise: VerifiedPromise,
}

#[derive(Debug, Deserialize)]
struct Answered {
    item: B256,
    promise: Option<Told>,
}

#[derive(Debug, Deserialize)]
struct Told {
    encoding: Bytes,
}

impl SealingKey {
    /// Seals an item; the payer signs for its carriage.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] when it costs more than the terms allow or is too large, [`ClientError::Signer`].
    pub async fn seal<S: Signer + Sync + ?Sized>(
        &self,
        item: &Item,
        payer: &S,
        terms: &SealingTerms,
    ) -> Result<SealedItem, ClientError> {
        let plaintext = item.encode();
        let carriage = self.carriage(item, plaintext.len(), payer.address(), terms)?;
        let mut entropy = B256::ZERO;
        getrandom::fill(&mut entropy.0)
            .map_err(|error| ClientError::Sealing(format!("no random bytes: {error}")))?;
        let (envelope, seed) = EpochKeyScheme::new(&self.list)
            .encrypt_with_seed(&carriage, &plaintext, &entropy)
            .map_err(|error| ClientError::Sealing(error.to_string()))?;
        let id = envelope.id(self.list.domain());
        let signature = payer.sign_hash(&id).await?;
        let (signature, seed) = (Bytes::from(signature.as_bytes()), Seed(B256::new(*seed)));
        Ok(SealedItem { envelope, id, signature, seed })
    }

    fn carriage(
        &self,
        item: &Item,
        len: usize,
        payer: Address,
        terms: &SealingTerms,
    ) -> Result<Carriage, ClientError> {
        let declared = item.legs().iter().map(|leg| leg.tx.envelope().gas_limit());
        let declared = declared.fold(0_u64, u64::saturating_add);
        let asked = terms.gas.unwrap_or_default().max(declared);
        let mut buckets = (0..=LARGEST_GAS).filter_map(GasBucket::new);
        let gas = buckets.find(|bucket| bucket.gas_limit() >= asked);
        let gas =
            gas.ok_or_else(|| ClientError::Sealing(format!("no gas bucket takes {asked} gas")))?;
        let size =
            SizeBucket::for_len(len).map_err(|error| ClientError::Sealing(error.to_string()))?;
        let fee_wei = self.prices.fee_wei(size.bytes() as u64, gas.gas_limit());
        if fee_wei > terms.max_fee_wei {
            let most = terms.max_fee_wei;
            let why = format!("carriage may cost {fee_wei} wei, over the {most} agreed to");
            return Err(ClientError::Sealing(why));
        }
        Ok(Carriage {
            payer,
            deposit: self.prices.home,
            rollup: None,
            epoch: self.epoch(),
            valid_until: self.last_slot,
            size,
            gas,
            max_fee_wei: fee_wei,
        })
    }
}

impl SealedItem {
    /// Returns who pays for carriage.
    pub const fn payer(&self) -> Address {
        self.envelope.carriage.payer
    }
}

impl Realm {
    /// Makes an item of a signed transaction.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] for what is no transaction of a rollup of the realm.
    pub fn item_of(&self, raw: Bytes) -> Result<Item, ClientError> {
        let wrong = |why: String| ClientError::Sealing(format!("not a transaction: {why}"));
        let tx = SignedTx::decode(raw).map_err(|error| wrong(error.to_string()))?;
        let chain_id = tx.chain_id();
        let chain_id = chain_id.ok_or_else(|| wrong("it names no chain".to_owned()))?;
        let network: NetworkId = self.rollup(chain_id)?.network();
        Ok(Item::Transaction(weft_types::Leg { network, tx, may_revert: false }))
    }

    /// Seals an item to the open epoch and sends it; returns with the checked promise of its position. An epoch that ended
    /// in between is tried again with the next one, while the terms' patience lasts; the part of a bundle waits for its own.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] when no key is to be trusted or the item cannot be sealed, [`ClientError::Refused`] by
    /// the node, [`ClientError::NoPromise`] when it takes the item and promises nothing, or something else.
    pub async fn seal_and_send<S: Signer + Sync + ?Sized>(
        &self,
        item: &Item,
        payer: &S,
        terms: &SealingTerms,
    ) -> Result<Promised, ClientError> {
        let begun = Instant::now();
        loop {
            let last = match self.sealing_key(None, terms.committee.as_ref()).await? {
                Some(key) => match other_epoch(item, &key) {
                    Some((is_over, error)) if is_over => return Err(error),
                    Some((_, error)) => error,
                    None => {
                        let sealed = key.seal(item, payer, terms).await?;
                        match self.send_sealed(sealed, terms.promise_key).await {
                            Err(error) if error.is_passing() => error,
                            decided => return decided,
                        }
                    }
                },
                None => ClientError::Sealing("the open epoch has no key".to_owned()),
            };
            if begun.elapsed() >= terms.patience {
                return Err(last);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Sends an envelope; returns with the checked promise of its position. `promise_key` must sign it; without one, the
    /// key that the node names.
    ///
    /// # Errors
    ///
    /// As [`Self::seal_and_send`].
    pub async fn send_sealed(
        &self,
        sealed: SealedItem,
        promise_key: Option<Address>,
    ) -> Result<Promised, ClientError> {
        let key = match promise_key {
            Some(key) => key,
            None => self.promise_key().await?.key,
        };
        let params = (Bytes::from(sealed.envelope.encode()), sealed.signature.clone());
        let answered: Answered =
            self.ask("weft_sendSealed", params).await.map_err(ClientError::of_bundle)?;
        let broken = |why: &str| ClientError::NoPromise { id: sealed.id, why: why.to_owned() };
        if answered.item != sealed.id {
            return Err(broken("the node ordered something else"));
        }
        let told = answered.promise.ok_or_else(|| broken("the node gives none"))?;
        let promise = VerifiedPromise::check(&told.encoding, key, self.domain())
            .map_err(|error| broken(&error.to_string()))?;
        let position = promise.sealed_position(sealed.id).map_err(|why| broken(&why))?;
        Ok(Promised { sealed, position, promise })
    }
}

/// Tells whether the only epoch of a part is over, when it is another than the one that is open.
fn other_epoch(item: &Item, key: &SealingKey) -> Option<(bool, ClientError)> {
    let Item::Part(part) = item else { return None };
    let (open, named) = (key.epoch(), part.epoch());
    let why = format!("the bundle can run in epoch {named} alone, and epoch {open} is open");
    (open != named).then(|| (open > named, ClientError::Sealing(why)))
}

impl VerifiedPromise {
    /// Returns the position that is promised to a sealed item.
    fn sealed_position(&self, item: B256) -> Result<Position, String> {
        let Statement::Order(order) = self.statement() else {
            return Err("it is no promise of a position".to_owned());
        };
        if order.item != item || order.position.section != Section::Sealed {
            return Err(format!("it promises {} to {}", order.position, order.item));
        }
        Ok(order.position)
    }
}

impl ClientError {
    /// Returns true when an envelope is refused for something that passes: it may be sealed anew.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refused) => {
                refused.code == NOT_TAKEN && PASSING.contains(&refused.name.as_str())
            }
            _ => false,
        }
    }
}
