//! The promise of a result.

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    ids::{NetworkId, Position},
    outcome::{Removal, RemovalCause},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, Log, keccak256};
use serde::{Deserialize, Serialize};

/// Most legs that an execution promise names.
const MAX_LEGS: usize = 1 << 10;

/// Promise of what an item did at its position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPromise {
    /// Position.
    pub position: Position,
    /// Hash of the item.
    pub item: B256,
    /// Running hash of the section after the item, as in its order promise.
    pub chain: B256,
    /// Hash of the L1 block on which the result rests, zero without L1; void when that block is not canonical (P48).
    pub l1_origin: B256,
    /// Transactions of the item that are in blocks, by leg; empty when it was removed.
    pub legs: Vec<PromisedLeg>,
    /// Why it is in no block, when it is not.
    pub removal: Option<PromisedRemoval>,
}

/// Promised result of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromisedLeg {
    /// Leg, from 0.
    pub leg: u16,
    /// Rollup.
    pub network: NetworkId,
    /// Hash of the transaction.
    pub tx_hash: B256,
    /// True when it succeeded.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Keccak of what it returned, or of its revert data.
    pub output_hash: B256,
    /// Hash of its logs, see [`logs_hash`].
    pub logs_hash: B256,
    /// Number of the block that it will be in.
    pub block_number: u64,
    /// Hash of that block's parent.
    pub parent_hash: B256,
}

/// Promised cause of a removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromisedRemoval {
    /// Cause.
    pub cause: RemovalCause,
    /// Rollup on which it failed.
    pub network: NetworkId,
    /// Leg that failed, from 0.
    pub leg: u16,
    /// Keccak of the leg's revert data.
    pub output_hash: B256,
}

impl ExecutionPromise {
    /// Returns why the promise contradicts itself, if it does.
    pub fn flaw(&self) -> Option<&'static str> {
        let is_torn = self.removal.is_some() && !self.legs.is_empty();
        is_torn.then_some("a removed item has no legs in blocks")
    }
}

impl From<&Removal> for PromisedRemoval {
    fn from(removal: &Removal) -> Self {
        Self {
            cause: removal.cause,
            network: removal.network,
            leg: removal.leg,
            output_hash: keccak256(&removal.revert_data),
        }
    }
}

/// Returns `H(domain, tag 14, logs)`: a list of address, list of topics and data for each log.
pub fn logs_hash(domain: &Domain, logs: &[Log]) -> B256 {
    let mut out = Writer::default();
    out.len(logs.len());
    for log in logs {
        out.address(&log.address).len(log.topics().len());
        for topic in log.topics() {
            out.hash(topic);
        }
        out.bytes(&log.data.data);
    }
    domain.hash(Tag::Logs, out.as_slice())
}

impl Encode for ExecutionPromise {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.position).hash(&self.item).hash(&self.chain).hash(&self.l1_origin);
        out.list(&self.legs).bool(self.removal.is_some());
        self.removal.iter().for_each(|removal| removal.encode_to(out));
    }
}

impl Decode for ExecutionPromise {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let promise = Self {
            position: input.get()?,
            item: input.hash()?,
            chain: input.hash()?,
            l1_origin: input.hash()?,
            legs: input.bounded_list(MAX_LEGS)?,
            removal: if input.bool()? { Some(input.get()?) } else { None },
        };
        if promise.legs.windows(2).any(|pair| pair[0].leg >= pair[1].leg) {
            return Err(CodecError::NotCanonical("legs are not in increasing order"));
        }
        Ok(promise)
    }
}

impl Encode for PromisedLeg {
    fn encode_to(&self, out: &mut Writer) {
        out.number(self.leg).put(&self.network).hash(&self.tx_hash).bool(self.success);
        out.number(self.gas_used).hash(&self.output_hash).hash(&self.logs_hash);
        out.number(self.block_number).hash(&self.parent_hash);
    }
}

impl Decode for PromisedLeg {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            leg: input.number()?,
            network: input.get()?,
            tx_hash: input.hash()?,
            success: input.bool()?,
            gas_used: input.number()?,
            output_hash: input.hash()?,
            logs_hash: input.hash()?,
            block_number: input.number()?,
            parent_hash: input.hash()?,
        })
    }
}

impl Encode for PromisedRemoval {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.cause).put(&self.network).number(self.leg).hash(&self.output_hash);
    }
}

impl Decode for PromisedRemoval {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            cause: input.get()?,
            network: input.get()?,
            leg: input.number()?,
            output_hash: input.hash()?,
        })
    }
}
