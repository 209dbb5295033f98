//! The running hash over what L1 puts into the lane (P46).

use alloy_primitives::{B256, FixedBytes, Keccak256};
use weft_types::{Domain, Tag};

/// Running hash over inbox entries, cut to 28 bytes so that it shares a word with a block number.
pub type Accumulator = FixedBytes<28>;

/// Returns the accumulator after entry `index`, which L1 block `block` holds: `H(64, before || index || block ||
/// keccak(payload))`, cut.
pub fn accumulate(
    domain: &Domain,
    before: &Accumulator,
    index: u64,
    block: u32,
    payload_hash: &B256,
) -> Accumulator {
    let mut hasher: Keccak256 = domain.hasher(Tag::InboxEntry);
    hasher.update(before);
    hasher.update(index.to_be_bytes());
    hasher.update(block.to_be_bytes());
    hasher.update(payload_hash);
    Accumulator::from_slice(&hasher.finalize()[..28])
}
