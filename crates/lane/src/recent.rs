//! Items with a position in a recent slot.

use alloc::{collections::VecDeque, vec::Vec};
use alloy_primitives::B256;
#[expect(clippy::disallowed_types, reason = "looked up and never iterated over")]
use alloy_primitives::map::B256Map;
use weft_types::{Position, SlotNumber};

/// Items with a position in a recent slot: millions of them under load, of which one is looked up for each submission.
// Invariant: `slots` names every item of `positions` once, slots and the items of a slot in ascending order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    #[expect(clippy::disallowed_types, reason = "looked up and never iterated over")]
    positions: B256Map<Position>,
    slots: VecDeque<(SlotNumber, Vec<(Position, B256)>)>,
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
        if self.positions.contains_key(&item) {
            return false;
        }
        let items = self.slot_mut(position.slot);
        // Items come in order, but for those that are put back.
        let Err(at) = items.binary_search_by_key(&position, |(position, _)| *position) else {
            return false;
        };
        items.insert(at, (position, item));
        self.positions.insert(item, position);
        true
    }

    /// Returns the items of one slot, in order.
    pub(crate) fn of(&self, slot: SlotNumber) -> impl Iterator<Item = (Position, B256)> + '_ {
        let at = self.find(slot).ok();
        at.into_iter().flat_map(|at| self.slots[at].1.iter().copied())
    }

    pub(crate) fn remove(&mut self, item: &B256) {
        let Some(position) = self.positions.remove(item) else { return };
        let items = self.slot_mut(position.slot);
        if let Ok(at) = items.binary_search_by_key(&position, |(position, _)| *position) {
            items.remove(at);
        }
    }

    /// Forgets what stands before the last `slots` slots, `current` being the last.
    pub(crate) fn forget(&mut self, current: SlotNumber, slots: u64) {
        while let Some((oldest, _)) = self.slots.front()
            && current.get() - oldest.get() >= slots
        {
            for (_, item) in self.slots.pop_front().into_iter().flat_map(|(_, items)| items) {
                self.positions.remove(&item);
            }
        }
    }

    fn find(&self, slot: SlotNumber) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&slot, |(slot, _)| *slot)
    }

    fn slot_mut(&mut self, slot: SlotNumber) -> &mut Vec<(Position, B256)> {
        let at = self.find(slot).unwrap_or_else(|at| {
            self.slots.insert(at, (slot, Vec::new()));
            at
        });
        &mut self.slots[at].1
    }
}
