//! What a batch says of itself on L1 (P40).

use crate::inbox::Accumulator;
use alloy_primitives::{B256, U256};
use weft_types::{Domain, Tag, Writer};

/// Head of a batch, as L1 sees it; the content is in blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchHeader {
    /// Number, from 1.
    pub number: u64,
    /// Hash of the batch before.
    pub parent: B256,
    /// First slot.
    pub first_slot: u64,
    /// Last slot.
    pub last_slot: u64,
    /// Inbox entries consumed up to its end.
    pub inbox_cursor: u64,
    /// Number of the L1 block on which it rests.
    pub l1_number: u64,
    /// Hash of that block.
    pub l1_hash: B256,
    /// Rollups that it may change: bit `id - 1` for each.
    pub rollups: u128,
    /// Root over the slot commitments.
    pub lane_root: B256,
    /// Keccak of the encoded content before compression.
    pub content: B256,
}

impl BatchHeader {
    /// Returns what the sequencer signs: `H(60, abi.encode(header) || blobs)`.
    pub fn digest(&self, domain: &Domain, blobs: &[B256]) -> B256 {
        let mut out = Writer::default();
        let number = |out: &mut Writer, value: u128| {
            out.u256(U256::from(value));
        };
        number(&mut out, self.number.into());
        out.hash(&self.parent);
        number(&mut out, self.first_slot.into());
        number(&mut out, self.last_slot.into());
        number(&mut out, self.inbox_cursor.into());
        number(&mut out, self.l1_number.into());
        out.hash(&self.l1_hash);
        number(&mut out, self.rollups);
        out.hash(&self.lane_root).hash(&self.content);
        blobs.iter().for_each(|blob| {
            out.hash(blob);
        });
        domain.hash(Tag::BatchHeader, out.as_slice())
    }

    /// Returns the batch's hash: `H(61, digest || registry hash || inbox accumulator)`.
    pub fn hash(
        &self,
        domain: &Domain,
        blobs: &[B256],
        registry_hash: &B256,
        accumulator: &Accumulator,
    ) -> B256 {
        let mut out = Writer::default();
        out.hash(&self.digest(domain, blobs)).hash(registry_hash).raw(accumulator.as_slice());
        domain.hash(Tag::PostedBatch, out.as_slice())
    }
}

/// Returns the hash of batch 0, which is before the first.
pub fn genesis_hash(domain: &Domain) -> B256 {
    domain.hash(Tag::PostedBatch, &[])
}
