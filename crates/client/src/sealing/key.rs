//! What is sealed to.

use crate::{error::ClientError, realm::Realm};
use alloy_primitives::{Address, B256, Bytes};
use serde::Deserialize;
use std::collections::BTreeMap;
use weft_crypto::{KeyList, MemberId, Setup, setup::RSA_2048};
use weft_types::{NetworkId, Signature, SlotNumber};

/// The key of an epoch. Every share of it was checked.
#[derive(Debug, Clone)]
pub struct SealingKey {
    pub(crate) list: KeyList,
    pub(crate) last_slot: SlotNumber,
    pub(crate) prices: Prices,
    first_slot: SlotNumber,
    close_at_unix_ms: u64,
    delay_squarings: u64,
    notice: Option<Bytes>,
}

/// What carriage costs, and where it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) home: NetworkId,
    wei_per_byte: u128,
    wei_per_gas: u128,
}

/// Whom a user trusts to keep keys: at least one of them has to be honest. The node cannot choose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    /// Keys by which members sign their shares.
    pub members: BTreeMap<MemberId, Address>,
    /// Fewest members whose shares make a key that is sealed to.
    ///
    /// The node chooses which members are in a list, and one honest member has to be in it. So everybody, unless fewer than
    /// `members.len() - least + 1` of them can be dishonest.
    pub least: usize,
    /// Fewest squarings that anybody needs to open it (P17); with a short delay the node opens envelopes before it orders them.
    pub least_delay: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: B256,
    list: Bytes,
    setup: Bytes,
    first_slot: SlotNumber,
    last_slot: SlotNumber,
    close_at: u64,
    #[serde(default)]
    signatures: BTreeMap<MemberId, Signature>,
    #[serde(default)]
    notice: Option<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Epoch {
    home: u64,
    wei_per_byte: String,
    wei_per_gas: String,
}

impl Realm {
    /// Returns the key of an epoch, by default of the open one; `None` when it has none.
    ///
    /// With a committee, each share must be signed by the member that it is said to be of, and enough of them must be
    /// there. Without one, whoever runs the node may have made all shares alone, and reads everything.
    ///
    /// Takes some milliseconds a member.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] when the key is not to be trusted, [`ClientError::Rpc`].
    pub async fn sealing_key(
        &self,
        epoch: Option<u64>,
        committee: Option<&Committee>,
    ) -> Result<Option<SealingKey>, ClientError> {
        let params: Vec<u64> = epoch.into_iter().collect();
        let listed: Option<Listed> = self.ask("weft_keyList", &params).await?;
        let Some(listed) = listed else { return Ok(None) };
        let told: Epoch = self.ask("weft_getEpoch", &params).await?;
        let home = self.rollup(told.home)?.network();
        let wei = |text: &str| {
            text.parse().map_err(|_| ClientError::Answer(format!("a price of `{text}` wei")))
        };
        let (wei_per_byte, wei_per_gas) = (wei(&told.wei_per_byte)?, wei(&told.wei_per_gas)?);
        let prices = Prices { home, wei_per_byte, wei_per_gas };
        let refused = |why: String| ClientError::Sealing(format!("the key is refused: {why}"));
        let setup = Setup::decode(&listed.setup).map_err(|error| refused(error.to_string()))?;
        if *setup.group().modulus() != RSA_2048 {
            // Whoever made another modulus may know its factors, and read everything.
            return Err(refused("its modulus is not RSA-2048".to_owned()));
        }
        let list = KeyList::decode(&setup, self.domain(), &listed.list)
            .map_err(|error| refused(error.to_string()))?;
        if list.id() != listed.id || epoch.is_some_and(|asked| asked != list.epoch()) {
            return Err(refused("it is another one than the node names".to_owned()));
        }
        if let Some(committee) = committee {
            committee.check(&setup, &list, &listed.signatures).map_err(refused)?;
        }
        Ok(Some(SealingKey {
            list,
            first_slot: listed.first_slot,
            last_slot: listed.last_slot,
            close_at_unix_ms: listed.close_at,
            delay_squarings: setup.delay_squarings(),
            prices,
            notice: listed.notice,
        }))
    }
}

impl Committee {
    /// Checks whose shares make a key.
    fn check(
        &self,
        setup: &Setup,
        list: &KeyList,
        signatures: &BTreeMap<MemberId, Signature>,
    ) -> Result<(), String> {
        for member in list.shares().keys() {
            let key = self.members.get(member);
            let key = key.ok_or_else(|| format!("member {member} is not of the committee"))?;
            let digest = list.announcement_digest(setup, *member);
            let signer = digest
                .zip(signatures.get(member))
                .and_then(|(digest, signature)| signature.signer(digest));
            if signer != Some(*key) {
                return Err(format!("the share of member {member} is not signed by {key}"));
            }
        }
        let (delay, least) = (setup.delay_squarings(), self.least_delay);
        if delay < least {
            return Err(format!("its delay is {delay} squarings, at least {least} are asked for"));
        }
        let (found, least) = (list.shares().len(), self.least);
        if found < least {
            return Err(format!("{found} members made it, at least {least} are asked for"));
        }
        Ok(())
    }
}

impl SealingKey {
    /// Returns the name of the key list, to be compared with that of people whom one trusts.
    pub const fn id(&self) -> B256 {
        self.list.id()
    }

    /// Returns the epoch.
    pub const fn epoch(&self) -> u64 {
        self.list.epoch()
    }

    /// Returns the members whose shares it is made of; one of them must be honest.
    pub fn members(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.list.shares().keys().copied()
    }

    /// Returns the slots in which items sealed to it are ordered.
    pub const fn slots(&self) -> (SlotNumber, SlotNumber) {
        (self.first_slot, self.last_slot)
    }

    /// Returns when the order has to stand, in milliseconds since the Unix epoch.
    pub const fn close_at_unix_ms(&self) -> u64 {
        self.close_at_unix_ms
    }

    /// Returns the sequencer's signed word about this key, encoded and unchecked, as the node gave it.
    pub const fn notice(&self) -> Option<&Bytes> {
        self.notice.as_ref()
    }

    /// Returns the squarings after which anybody can open it.
    pub const fn delay_squarings(&self) -> u64 {
        self.delay_squarings
    }

    /// Returns the list with its shares.
    pub const fn list(&self) -> &KeyList {
        &self.list
    }
}

impl Prices {
    /// Returns the highest fee of two buckets, in wei.
    pub(crate) const fn fee_wei(&self, size_bytes: u64, gas_limit: u64) -> u128 {
        let size = self.wei_per_byte.saturating_mul(size_bytes as u128);
        size.saturating_add(self.wei_per_gas.saturating_mul(gas_limit as u128))
    }
}
