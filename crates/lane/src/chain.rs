//! Running chains of a slot's sections (P2, P14).

use alloy_primitives::B256;
use weft_types::{Domain, Section, SlotNumber};
pub use weft_types::{chain_next, chain_start};

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
