//! Items with a position in a recent slot.

use alloc::collections::BTreeMap;
use alloy_primitives::B256;
use weft_types::{Position, SlotNumber};

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
        let before = self.positions.insert(item, position);
        assert!(before.is_none(), "item {item} gets a second position {position}");
        self.order.insert(position, item);
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
