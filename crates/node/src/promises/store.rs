//! The last promises, by item.

use alloy_primitives::{B256, map::B256Map};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::RangeInclusive,
    sync::Arc,
};
use weft_types::{SignedGroup, SignedPromise, SlotNumber, Statement};

/// Most closing heads whose checkpoints are kept: more epochs than may wait for their secrets.
const MAX_CLOSINGS: usize = 256;

/// Most slots whose checkpoints are kept.
const MAX_CHECKPOINTS: usize = 1 << 12;

/// Most items that are known by one name: more than can wait for their results.
const MAX_NAMED: usize = 8;

/// What was promised about one item.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) order: Option<SignedPromise>,
    pub(crate) execution: Option<SignedPromise>,
}

/// A promise: its group, and its number there.
type Place = (Arc<SignedGroup>, u16);

#[derive(Debug, Default)]
struct Kept {
    order: Option<Place>,
    execution: Option<Place>,
    /// Hashes by which the item is known, its own first.
    keys: Vec<B256>,
}

/// The last promises; the oldest items make room.
#[derive(Debug)]
pub(super) struct Store {
    capacity: usize,
    items: B256Map<Kept>,
    /// Items of a bundle or transaction, the oldest first.
    names: B256Map<Vec<B256>>,
    age: VecDeque<B256>,
    /// Checkpoints behind the closing heads of epochs, once they are signed.
    closings: BTreeMap<B256, Option<Place>>,
    /// Their heads, the oldest first.
    heads: VecDeque<B256>,
    /// The first checkpoint of each slot, which binds all slots before. Without the rest of its group, which may be large.
    checkpoints: BTreeMap<SlotNumber, SignedPromise>,
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            items: B256Map::default(),
            names: B256Map::default(),
            age: VecDeque::new(),
            closings: BTreeMap::new(),
            heads: VecDeque::new(),
            checkpoints: BTreeMap::new(),
        }
    }

    /// Remembers by which hashes clients may ask for an item.
    pub(super) fn name(&mut self, item: B256, names: Vec<B256>) {
        for name in &names {
            let mut items = self.names.remove(name).unwrap_or_default();
            if items.len() >= MAX_NAMED {
                let other = items.iter().position(|item| !self.is_included(item));
                items.remove(other.unwrap_or_default());
            }
            items.push(item);
            self.names.insert(*name, items);
        }
        self.entry(item).keys.extend(names);
    }

    fn is_included(&self, item: &B256) -> bool {
        let place = self.items.get(item).and_then(|kept| kept.execution.as_ref());
        let statement =
            place.and_then(|(group, index)| group.statements().get(usize::from(*index)));
        matches!(statement, Some(Statement::Execution(promise)) if promise.removal.is_none())
    }

    /// Returns the item that a name stands for: the one that is in a block, else the last. Anybody can force or seal public
    /// bytes a second time, which are removed then.
    fn named(&self, name: &B256) -> Option<&B256> {
        let items = self.names.get(name)?;
        items.iter().find(|item| self.is_included(item)).or(items.last())
    }

    /// Keeps the next checkpoint behind a closing head.
    pub(super) fn await_closing(&mut self, head: B256) {
        if self.closings.insert(head, None).is_none() {
            self.heads.push_back(head);
        }
        while self.heads.len() > MAX_CLOSINGS
            && let Some(oldest) = self.heads.pop_front()
        {
            self.closings.remove(&oldest);
        }
    }

    /// Returns the checkpoint behind a closing head.
    pub(super) fn closing(&self, head: &B256) -> Option<SignedPromise> {
        let (group, index) = self.closings.get(head)?.as_ref()?;
        group.promise(*index)
    }

    /// Returns a checkpoint of the last of these slots that has one.
    pub(super) fn checkpoint(
        &self,
        slots: RangeInclusive<SlotNumber>,
    ) -> Option<(SlotNumber, SignedPromise)> {
        let last = self.checkpoints.range(slots).next_back();
        last.map(|(slot, signed)| (*slot, signed.clone()))
    }

    fn keep_checkpoint(
        &mut self,
        slot: SlotNumber,
        signed: impl FnOnce() -> Option<SignedPromise>,
    ) {
        if self.checkpoints.contains_key(&slot) {
            return;
        }
        self.checkpoints.extend(signed().map(|signed| (slot, signed)));
        if self.checkpoints.len() > MAX_CHECKPOINTS {
            self.checkpoints.pop_first();
        }
    }

    pub(super) fn insert(&mut self, group: &Arc<SignedGroup>) {
        for (index, statement) in (0_u16..).zip(group.statements()) {
            if let Statement::Checkpoint(checkpoint) = statement {
                self.keep_checkpoint(checkpoint.slot, || group.promise(index));
            }
            if let Statement::Checkpoint(checkpoint) = statement
                && let Some(place @ None) = self.closings.get_mut(&checkpoint.parent)
            {
                *place = Some((group.clone(), index));
            }
            let Some(item) = statement.item() else { continue };
            let place = Some((group.clone(), index));
            let kept = self.entry(item);
            match statement {
                Statement::Order(_) => kept.order = place,
                Statement::Execution(_) => kept.execution = place,
                Statement::Checkpoint(_) | Statement::Bundle(_) => {}
            }
        }
    }

    pub(super) fn get(&self, key: &B256) -> Option<Found> {
        let item = self.named(key).unwrap_or(key);
        let kept = self.items.get(item)?;
        let promise = |place: &Option<Place>| {
            let (group, index) = place.as_ref()?;
            group.promise(*index)
        };
        let found = Found { order: promise(&kept.order), execution: promise(&kept.execution) };
        (found.order.is_some() || found.execution.is_some()).then_some(found)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    fn entry(&mut self, item: B256) -> &mut Kept {
        if !self.items.contains_key(&item) {
            self.age.push_back(item);
            self.make_room();
        }
        self.items.entry(item).or_default()
    }

    fn make_room(&mut self) {
        while self.age.len() > self.capacity
            && let Some(oldest) = self.age.pop_front()
        {
            let forgotten = self.items.remove(&oldest).unwrap_or_default();
            for name in forgotten.keys {
                let items = self.names.entry(name).or_default();
                items.retain(|item| *item != oldest);
                if items.is_empty() {
                    self.names.remove(&name);
                }
            }
        }
    }
}
