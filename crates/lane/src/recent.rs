//! Items with a position in a recent slot: millions of them under load, of which one is looked up for each submission.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use alloy_primitives::B256;
use hashbrown::HashTable;
use weft_types::{Position, Section, SlotNumber};

/// Tables into which items are divided, so that a table that grows moves a small part of them.
const TABLES: usize = 64;

/// Items with a position in a recent slot.
// Invariant: `places` has the place of each item that was not released, once.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    slots: Slots,
    places: Box<[HashTable<Place>]>,
}

/// Slots in ascending order, each with its items in the order in which they came.
#[derive(Debug, Clone, Default)]
struct Slots(VecDeque<(SlotNumber, Vec<Entry>)>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    item: B256,
    index: u32,
    section: Section,
    is_released: bool,
}

/// Where an entry stands: the low half of its slot's number, in which recent slots differ, and its index there.
#[derive(Debug, Clone, Copy)]
struct Place {
    slot: u32,
    index: u32,
}

impl Default for Recent {
    fn default() -> Self {
        let places = (0..TABLES).map(|_| HashTable::new()).collect();
        Self { slots: Slots::default(), places }
    }
}

impl Recent {
    pub(crate) fn position(&self, item: &B256) -> Option<Position> {
        let (table, hash) = home(item);
        let place = self.places[table].find(hash, |place| self.slots.is_at(*place, item))?;
        self.slots.get(*place).map(|(slot, entry)| entry.position(slot))
    }

    /// Takes an item that has no position, at one that no other item has, in the last slot or a later one.
    pub(crate) fn insert(&mut self, item: B256, position: Position) {
        assert!(self.position(&item).is_none(), "item {item} gets a second position {position}");
        let place = self.slots.push(item, position);
        let (table, hash) = home(&item);
        let slots = &self.slots;
        let rehash = |place: &Place| slots.get(*place).map_or(0, |(_, entry)| home(&entry.item).1);
        self.places[table].insert_unique(hash, place, rehash);
    }

    /// Returns the items of one slot, in order.
    pub(crate) fn of(&self, slot: SlotNumber) -> impl Iterator<Item = (Position, B256)> + '_ {
        let entries = self.slots.find(slot).map_or(&[][..], |at| &self.slots.0[at].1);
        let there = entries.iter().filter(|entry| !entry.is_released);
        let mut items: Vec<_> = there.map(|entry| (entry.position(slot), entry.item)).collect();
        // Sections come interleaved.
        items.sort_unstable();
        items.into_iter()
    }

    pub(crate) fn remove(&mut self, item: &B256) {
        if let Some(place) = self.unlink(item)
            && let Some(entry) = self.slots.get_mut(place)
        {
            entry.is_released = true;
        }
    }

    /// Forgets what stands before the last `slots` slots, `current` being the last.
    pub(crate) fn forget(&mut self, current: SlotNumber, slots: u64) {
        self.slots.end();
        while let Some((oldest, _)) = self.slots.0.front()
            && current.get() - oldest.get() >= slots
        {
            for at in 0..self.slots.0[0].1.len() {
                let Entry { item, is_released, .. } = self.slots.0[0].1[at];
                if !is_released {
                    self.unlink(&item);
                }
            }
            self.slots.0.pop_front();
        }
    }

    fn unlink(&mut self, item: &B256) -> Option<Place> {
        let (table, hash) = home(item);
        let found = self.places[table].find_entry(hash, |place| self.slots.is_at(*place, item));
        Some(found.ok()?.remove().0)
    }
}

impl Slots {
    fn find(&self, slot: SlotNumber) -> Option<usize> {
        let first = self.0.front()?.0.get();
        // Under load no slot is without items.
        let guess = usize::try_from(slot.get().checked_sub(first)?).ok()?;
        if self.0.get(guess).is_some_and(|(number, _)| *number == slot) {
            return Some(guess);
        }
        self.0.binary_search_by_key(&slot, |(number, _)| *number).ok()
    }

    fn push(&mut self, item: B256, position: Position) -> Place {
        let Position { slot, section, index } = position;
        if self.0.back().is_none_or(|(last, _)| *last < slot) {
            self.0.push_back((slot, Vec::new()));
        }
        let (last, entries) = self.0.back_mut().expect("one was just pushed");
        assert_eq!(*last, slot, "positions are given in the last slot");
        entries.push(Entry { item, index, section, is_released: false });
        // A slot has fewer items than a `u32` counts.
        Place { slot: slot.get() as u32, index: (entries.len() - 1) as u32 }
    }

    /// Gives back the room for items that did not come into the last slot.
    fn end(&mut self) {
        self.0.iter_mut().next_back().iter_mut().for_each(|(_, entries)| entries.shrink_to_fit());
    }

    fn at(&self, place: Place) -> Option<usize> {
        let first = self.0.front()?.0.get();
        let ahead = place.slot.wrapping_sub(first as u32);
        self.find(SlotNumber::new(first.checked_add(u64::from(ahead))?))
    }

    fn get(&self, place: Place) -> Option<(SlotNumber, &Entry)> {
        let (number, entries) = self.0.get(self.at(place)?)?;
        Some((*number, entries.get(place.index as usize)?))
    }

    fn get_mut(&mut self, place: Place) -> Option<&mut Entry> {
        let at = self.at(place)?;
        self.0[at].1.get_mut(place.index as usize)
    }

    fn is_at(&self, place: Place, item: &B256) -> bool {
        self.get(place).is_some_and(|(_, entry)| entry.item == *item)
    }
}

impl Entry {
    const fn position(&self, slot: SlotNumber) -> Position {
        Position { slot, section: self.section, index: self.index }
    }
}

/// Returns the table of an item and its hash there. Items are named by hashes, of which any part will do.
fn home(item: &B256) -> (usize, u64) {
    let hash = u64::from_be_bytes(core::array::from_fn(|index| item[index]));
    (item[31] as usize % TABLES, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        /// An item in a section of the open slot.
        Push(u8, bool),
        Release(u8),
        /// Slots forward.
        Next(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (any::<u8>(), any::<bool>()).prop_map(|(item, is_sealed)| Step::Push(item, is_sealed)),
            2 => any::<u8>().prop_map(Step::Release),
            1 => (1_u8..5).prop_map(Step::Next),
        ];
        proptest::collection::vec(step, 1..200)
    }

    /// The same with a map: slow, and plainly right.
    #[derive(Default)]
    struct Model(BTreeMap<B256, Position>);

    impl Model {
        fn of(&self, slot: SlotNumber) -> Vec<(Position, B256)> {
            let at = self.0.iter().filter(|(_, position)| position.slot == slot);
            let mut items: Vec<_> = at.map(|(item, position)| (*position, *item)).collect();
            items.sort_unstable();
            items
        }
    }

    proptest! {
        #[test]
        fn recent_items_are_those_of_the_slow_model(first in prop_oneof![Just(1), Just(u64::from(u32::MAX) - 3)], steps in steps()) {
            let (mut recent, mut model) = (Recent::default(), Model::default());
            let (mut slot, mut indices) = (SlotNumber::new(first), [0_u32; 2]);
            for step in steps {
                match step {
                    Step::Push(item, is_sealed) => {
                        let item = keccak256([item]);
                        if recent.position(&item).is_some() {
                            continue;
                        }
                        let section = if is_sealed { Section::Sealed } else { Section::Plaintext };
                        let index = &mut indices[usize::from(is_sealed)];
                        let position = Position { slot, section, index: *index };
                        *index += 1;
                        recent.insert(item, position);
                        model.0.insert(item, position);
                    }
                    Step::Release(item) => {
                        recent.remove(&keccak256([item]));
                        model.0.remove(&keccak256([item]));
                    }
                    Step::Next(count) => {
                        slot = SlotNumber::new(slot.get() + u64::from(count));
                        indices = [0; 2];
                        recent.forget(slot, 6);
                        model.0.retain(|_, position| slot.get() - position.slot.get() < 6);
                    }
                }
                for item in 0..=u8::MAX {
                    let item = keccak256([item]);
                    prop_assert_eq!(recent.position(&item), model.0.get(&item).copied());
                }
                for back in 0..8 {
                    let slot = SlotNumber::new(slot.get().saturating_sub(back));
                    prop_assert_eq!(recent.of(slot).collect::<Vec<_>>(), model.of(slot));
                }
                let known: usize = recent.places.iter().map(HashTable::len).sum();
                prop_assert_eq!(known, model.0.len());
            }
        }
    }
}
