//! What became of items, by bundle id and by transaction hash.

use alloy_primitives::{B256, Bytes, map::HashMap};
use std::collections::BTreeMap;
use weft_evm::LegResult;
use weft_types::{BundleId, Hop, NetworkId, Position, Removal};

/// Legs and siblings of an item.
#[derive(Debug, Clone)]
pub(crate) struct LegRef {
    pub(crate) network: NetworkId,
    pub(crate) tx_hash: B256,
    pub(crate) raw: Bytes,
    pub(crate) may_revert: bool,
}

/// What became of an item.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Its transactions are in the open or closed blocks.
    Included,
    /// It had a position and is in no block.
    Removed(Removal),
    /// It never had a position: its legs did not come in time, or it became invalid while it waited.
    Dropped(String),
}

/// An item with everything that is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) bundle: Option<BundleId>,
    /// False for bundles whose legs can be lifted out (P18).
    pub(crate) protected: bool,
    pub(crate) position: Option<Position>,
    pub(crate) fate: Fate,
    pub(crate) legs: Vec<LegRef>,
    pub(crate) results: Vec<LegResult>,
    pub(crate) hops: Vec<Hop>,
    /// System transactions that it made (P29).
    pub(crate) system: Vec<(NetworkId, B256)>,
}

/// The last outcomes.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    capacity: usize,
    next: u64,
    records: BTreeMap<u64, Record>,
    index: HashMap<B256, u64>,
}

impl Outcomes {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), ..Self::default() }
    }

    pub(crate) fn insert(&mut self, record: Record) {
        let sequence = self.next;
        self.next += 1;
        for key in keys(&record) {
            self.index.insert(key, sequence);
        }
        self.records.insert(sequence, record);
        while self.records.len() > self.capacity
            && let Some((oldest, record)) = self.records.pop_first()
        {
            self.forget(oldest, &record);
        }
    }

    fn forget(&mut self, sequence: u64, record: &Record) {
        for key in keys(record) {
            if self.index.get(&key) == Some(&sequence) {
                self.index.remove(&key);
            }
        }
    }

    /// Returns the last outcome of a bundle or transaction.
    pub(crate) fn get(&self, key: &B256) -> Option<&Record> {
        self.records.get(self.index.get(key)?)
    }

    /// Returns a point to which [`Self::truncate`] goes back.
    pub(crate) const fn mark(&self) -> u64 {
        self.next
    }

    /// Forgets everything since `mark`.
    pub(crate) fn truncate(&mut self, mark: u64) {
        for (sequence, record) in self.records.split_off(&mark) {
            self.forget(sequence, &record);
        }
    }
}

fn keys(record: &Record) -> impl Iterator<Item = B256> + '_ {
    let bundle = record.bundle.map(BundleId::hash);
    bundle.into_iter().chain(record.legs.iter().map(|leg| leg.tx_hash))
}
