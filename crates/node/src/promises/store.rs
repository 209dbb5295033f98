//! The last promises, by item.

use alloy_primitives::{B256, map::HashMap};
use std::{collections::VecDeque, sync::Arc};
use weft_types::{SignedPromise, Statement};

/// What was promised about one item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub(crate) order: Option<Arc<SignedPromise>>,
    pub(crate) execution: Option<Arc<SignedPromise>>,
    /// Hashes by which the item is known, its own first.
    keys: Vec<B256>,
}

/// The last promises; the oldest items make room.
#[derive(Debug)]
pub(super) struct Store {
    capacity: usize,
    items: HashMap<B256, Kept>,
    /// Item of a bundle or transaction.
    names: HashMap<B256, B256>,
    age: VecDeque<B256>,
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            items: HashMap::default(),
            names: HashMap::default(),
            age: VecDeque::new(),
        }
    }

    /// Remembers by which hashes clients may ask for an item.
    pub(super) fn name(&mut self, item: B256, names: Vec<B256>) {
        for name in &names {
            self.names.insert(*name, item);
        }
        self.entry(item).keys.extend(names);
    }

    pub(super) fn insert(&mut self, promise: Arc<SignedPromise>) {
        let Some(item) = promise.statement.item() else { return };
        let kept = self.entry(item);
        match promise.statement {
            Statement::Order(_) => kept.order = Some(promise),
            Statement::Execution(_) => kept.execution = Some(promise),
            Statement::Checkpoint(_) => {}
        }
    }

    pub(super) fn get(&self, key: &B256) -> Option<Kept> {
        let item = self.names.get(key).unwrap_or(key);
        let kept = self.items.get(item)?;
        (kept.order.is_some() || kept.execution.is_some()).then(|| kept.clone())
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
                if self.names.get(&name) == Some(&oldest) {
                    self.names.remove(&name);
                }
            }
        }
    }
}
