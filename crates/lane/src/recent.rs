//! Items with a position in a recent slot.

use alloc::collections::BTreeMap;
use alloy_primitives::B256;
use weft_types::{Position, Section, SlotNumber};

/// Items with a position in a recent slot.
// Invariant: `order` is the inverse of `positions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    positions: BTreeMap<B256, Position>,
    order: BTreeMap<Position, B256>,
}

impl Recent {
    pub(crate) fn position(&self, item: &B256) -> Option<Position> {
        self.positions.get(item).copied()
    }

    pub(crate) fn insert(&mut self, item: B256, position: Position) {
        let is_new = self.try_insert(item, position);
        assert!(is_new, "item {item} gets a second position {position}");
    }

    /// Takes an item; false, changing nothing, when it has a position or another item has this one.
    pub(crate) fn try_insert(&mut self, item: B256, position: Position) -> bool {
        if self.positions.contains_key(&item) || self.order.contains_key(&position) {
            return false;
        }
        self.positions.insert(item, position);
        self.order.insert(position, item);
        true
    }

    /// Returns the items of one slot, in order.
    pub(crate) fn of(&self, slot: SlotNumber) -> impl Iterator<Item = (Position, B256)> + '_ {
        let first = Position { slot, section: Section::L1Born, index: 0 };
        let last = Position { slot, section: Section::Plaintext, index: u32::MAX };
        self.order.range(first..=last).map(|(position, item)| (*position, *item))
    }

    pub(crate) fn remove(&mut self, item: &B256) {
        if let Some(position) = self.positions.remove(item) {
            self.order.remove(&position);
        }
    }

    /// Forgets what stands before the last `slots` slots, `current` being the last.
    pub(crate) fn forget(&mut self, current: SlotNumber, slots: u64) {
        while let Some(oldest) = self.order.first_entry()
            && current.get() - oldest.key().slot.get() >= slots
        {
            self.positions.remove(&oldest.remove());
        }
    }
}
