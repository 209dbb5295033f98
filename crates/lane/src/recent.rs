//! Items with a position in a recent slot.

use alloc::collections::{BTreeMap, VecDeque};
use alloy_primitives::B256;
use weft_types::{Position, SlotNumber};

/// Items with a position in a recent slot.
// Invariant: `order` holds the keys of `positions`, each once, by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    positions: BTreeMap<B256, Position>,
    order: VecDeque<B256>,
}

impl Recent {
    pub(crate) fn position(&self, item: &B256) -> Option<Position> {
        self.positions.get(item).copied()
    }

    pub(crate) fn insert(&mut self, item: B256, position: Position) {
        let before = self.positions.insert(item, position);
        assert!(before.is_none(), "item {item} gets a second position {position}");
        self.order.push_back(item);
    }

    /// Forgets what stands before the last `slots` slots, `current` being the last.
    pub(crate) fn forget(&mut self, current: SlotNumber, slots: u64) {
        while let Some(item) = self.order.front() {
            let slot = self.positions[item].slot;
            if current.get() - slot.get() < slots {
                return;
            }
            self.positions.remove(item);
            self.order.pop_front();
        }
    }
}
