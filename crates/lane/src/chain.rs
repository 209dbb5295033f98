//! Running chains of a slot's sections (P2, P14).

use alloy_primitives::{B256, Keccak256};
use weft_types::{Domain, Section, SlotNumber, Tag, Writer};

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

/// Running chain of one section of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionChain {
    head: B256,
    count: u32,
}

impl SectionChain {
    /// Starts the chain of `section` of `slot`.
    pub fn start(domain: &Domain, slot: SlotNumber, section: Section) -> Self {
        Self { head: chain_start(domain, slot, section), count: 0 }
    }

    /// Adds an item and returns its index.
    ///
    /// # Panics
    ///
    /// Panics after 2^32 items, more than any slot holds.
    pub fn push(&mut self, item: &B256) -> u32 {
        let index = self.count;
        self.head = chain_next(&self.head, index, item);
        self.count = index.checked_add(1).expect("a section has fewer than 2^32 items");
        index
    }

    /// Returns the running hash after the last item.
    pub const fn head(&self) -> B256 {
        self.head
    }

    /// Returns the number of items.
    pub const fn count(&self) -> u32 {
        self.count
    }
}
