//! The running chain of a section (P2, P14): what order promises are links of.

use crate::{
    codec::Writer,
    domain::{Domain, Tag},
    ids::{Section, SlotNumber},
};
use alloy_primitives::{B256, Keccak256};

/// Returns `chain_0 = H(tag, domain, slot, section)` (P2).
pub fn chain_start(domain: &Domain, slot: SlotNumber, section: Section) -> B256 {
    let mut out = Writer::with_capacity(9);
    out.u64(slot.get()).u8(section as u8);
    domain.hash(Tag::LaneChain, out.as_slice())
}

/// Returns the running hash after `item` at `index`: `keccak(prev || index || item)` (P14). The domain is in the
/// start of the chain.
pub fn chain_next(prev: &B256, index: u32, item: &B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(prev);
    hasher.update(index.to_be_bytes());
    hasher.update(item);
    hasher.finalize()
}
