//! What became of items, by bundle id and by transaction hash.

use alloy_primitives::{B256, Bytes, map::B256Map};
use std::{collections::VecDeque, sync::Arc};
use weft_evm::LegResult;
use weft_types::{BundleId, Hop, HopBody, InvalidReason, NetworkId, Position, Removal};

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
    /// It is this leg of a bundle in so many parts, not all of which were there in its turn; it did nothing.
    Part(u16, u16),
    /// It never had a turn: its legs did not come in time, it became invalid while it waited, or it was given up while it was
    /// sealed.
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
    /// Hash of the envelope in which it was sealed.
    pub(crate) envelope: Option<B256>,
}

impl Record {
    /// Returns true for an envelope whose leg cannot run by itself: it says nothing of a transaction that another one says more of.
    fn is_surplus(&self) -> bool {
        let is_alone = self.envelope.is_some() && self.bundle.is_none();
        let unbundled = Some(InvalidReason::Unbundled);
        is_alone && matches!(&self.fate, Fate::Removed(removal) if removal.invalid == unbundled)
    }

    /// Returns about how many bytes it takes, index included.
    fn bytes(&self) -> usize {
        let index_entry = size_of::<(B256, u64)>();
        let raw: usize = self.legs.iter().map(|leg| leg.raw.len()).sum();
        let outputs: usize = self.results.iter().map(|result| result.output.len()).sum();
        let hops: usize = self.hops.iter().map(hop_bytes).sum();
        let fate = match &self.fate {
            Fate::Included | Fate::Part(..) => 0,
            Fate::Removed(removal) => removal.reason.len() + removal.revert_data.len(),
            Fate::Dropped(why) => why.len(),
        };
        let fixed = size_of::<Self>()
            + index_entry
            + size_of_val(&*self.legs)
            + self.legs.len() * index_entry
            + size_of_val(&*self.results)
            + size_of_val(&*self.hops)
            + size_of_val(&*self.system);
        fixed + raw + outputs + hops + fate
    }
}

fn hop_bytes(hop: &Hop) -> usize {
    match &hop.body {
        HopBody::Call(call) => call.data.len(),
        HopBody::Return(back) => back.data.len() + size_of_val(&*back.touched),
        HopBody::Rollback { .. } | HopBody::Verdict(_) => 0,
    }
}

/// The last outcomes.
// Invariant: `bytes` is the sum over `records`, whose numbers ascend.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    capacity: usize,
    max_bytes: usize,
    bytes: usize,
    next: u64,
    records: VecDeque<(u64, Arc<Record>)>,
    index: B256Map<u64>,
}

impl Outcomes {
    pub(crate) fn new(capacity: usize, max_bytes: usize) -> Self {
        Self { capacity: capacity.max(1), max_bytes, ..Self::default() }
    }

    pub(crate) fn insert(&mut self, record: Record) {
        self.insert_at(self.next, Arc::new(record));
    }

    /// Puts back a record that was kept, behind those that are there.
    pub(crate) fn insert_at(&mut self, sequence: u64, record: Arc<Record>) {
        assert!(sequence >= self.next, "outcome {sequence} comes before {}", self.next);
        self.next = sequence + 1;
        for key in keys(&record) {
            let is_told =
                if record.is_surplus() { self.get(&key).is_some() } else { self.is_included(&key) };
            if !is_told || matches!(record.fate, Fate::Included) {
                self.index.insert(key, sequence);
            }
        }
        self.bytes += record.bytes();
        self.records.push_back((sequence, record));
        while self.is_over()
            && let Some((oldest, record)) = self.records.pop_front()
        {
            self.forget(oldest, &record);
        }
    }

    /// Returns true for what stands in a block, which nothing that comes later changes: anybody can force or seal its public
    /// bytes a second time, and that is removed.
    fn is_included(&self, key: &B256) -> bool {
        self.get(key).is_some_and(|record| matches!(record.fate, Fate::Included))
    }

    /// Returns true when the oldest record has to go; the last one stays, whatever its size.
    fn is_over(&self) -> bool {
        let count = self.records.len();
        count > self.capacity || (count > 1 && self.bytes > self.max_bytes)
    }

    fn forget(&mut self, sequence: u64, record: &Record) {
        self.bytes -= record.bytes();
        for key in keys(record) {
            if self.index.get(&key) == Some(&sequence) {
                self.index.remove(&key);
            }
        }
    }

    /// Returns the outcome of a bundle or transaction: that with which it stands in a block, else the last one.
    pub(crate) fn get(&self, key: &B256) -> Option<&Record> {
        let sequence = self.index.get(key)?;
        let at = self.records.binary_search_by_key(sequence, |(number, _)| *number).ok()?;
        Some(&self.records[at].1)
    }

    /// The same, with the outcome of its bundle for a part: it is known once the last one had its turn.
    pub(crate) fn decided(&self, key: &B256) -> Option<&Record> {
        let record = self.get(key)?;
        let bundle = record.bundle.filter(|_| matches!(record.fate, Fate::Part(..)));
        bundle.and_then(|id| self.get(&id.hash())).or(Some(record))
    }

    /// Returns the records from number `from` on.
    pub(crate) fn since(&self, from: u64) -> impl Iterator<Item = (u64, &Arc<Record>)> {
        let at = self.records.partition_point(|(number, _)| *number < from);
        self.records.range(at..).map(|(number, record)| (*number, record))
    }

    /// Returns the number of the first record that is remembered.
    pub(crate) fn first(&self) -> u64 {
        self.records.front().map_or(self.next, |(number, _)| *number)
    }

    /// Lets the next record have number `next`, unless it is higher already.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// Returns a point to which [`Self::truncate`] goes back.
    pub(crate) const fn mark(&self) -> u64 {
        self.next
    }

    /// Forgets everything since `mark`.
    pub(crate) fn truncate(&mut self, mark: u64) {
        while let Some((sequence, record)) = self.records.pop_back_if(|(number, _)| *number >= mark)
        {
            self.forget(sequence, &record);
        }
    }
}

fn keys(record: &Record) -> impl Iterator<Item = B256> + '_ {
    let bundle = record.bundle.map(BundleId::hash);
    bundle.into_iter().chain(record.envelope).chain(record.legs.iter().map(|leg| leg.tx_hash))
}
