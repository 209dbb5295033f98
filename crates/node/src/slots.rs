//! Items of recent slots with what stood before them, so that they can be executed again.

use crate::keep::Shelf;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use weft_evm::Escrow;
use weft_state::StoreError;
use weft_types::{Item, NetworkId, Outcome, Position, Removal, SlotHeader};

/// Most slots that are remembered; states before them cannot be read anyway.
pub(crate) const MAX_SLOTS: usize = 256;
/// Most bytes of remembered items; the last slot is remembered whatever its size.
const MAX_BYTES: usize = 64 << 20;
/// What an item costs beside its raw bytes.
const ITEM_BYTES: usize = 512;

/// An item that had its turn.
#[derive(Debug, Clone)]
pub(crate) struct ItemRecord {
    pub(crate) position: Position,
    pub(crate) item: Item,
    /// Why it was removed; `None` when it was included.
    pub(crate) removal: Option<Removal>,
}

/// A slot with what stood before it.
#[derive(Debug, Clone)]
pub(crate) struct SlotRecord {
    pub(crate) header: SlotHeader,
    /// Last block of every rollup before the slot.
    pub(crate) before: BTreeMap<NetworkId, u64>,
    pub(crate) escrow: Escrow,
    pub(crate) items: Vec<ItemRecord>,
    pub(crate) bytes: usize,
}

impl SlotRecord {
    pub(crate) fn new(
        header: SlotHeader,
        before: BTreeMap<NetworkId, u64>,
        escrow: Escrow,
        items: Vec<ItemRecord>,
    ) -> Self {
        let bytes = items.iter().map(|item| bytes_of(&item.item)).sum();
        Self { header, before, escrow, items, bytes }
    }
}

fn bytes_of(item: &Item) -> usize {
    item.legs().iter().map(|leg| leg.tx.raw().len()).sum::<usize>() + ITEM_BYTES
}

/// Recent slots that had items, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    kept: VecDeque<Arc<SlotRecord>>,
    open: Option<SlotRecord>,
    bytes: usize,
    shelf: Option<Shelf>,
}

impl Slots {
    /// Begins a slot.
    pub(crate) fn open(
        &mut self,
        header: SlotHeader,
        before: BTreeMap<NetworkId, u64>,
        escrow: Escrow,
    ) {
        self.open = Some(SlotRecord::new(header, before, escrow, Vec::new()));
    }

    /// Remembers an item of the open slot.
    pub(crate) fn push(&mut self, position: Position, item: &Item, outcome: &Outcome) {
        let Some(open) = &mut self.open else { return };
        let removal = match outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal.clone()),
        };
        open.bytes += bytes_of(item);
        open.items.push(ItemRecord { position, item: item.clone(), removal });
    }

    /// Ends the slot, and forgets old ones; returns it when it had items.
    pub(crate) fn close(&mut self) -> Option<Arc<SlotRecord>> {
        let open = Arc::new(self.open.take().filter(|open| !open.items.is_empty())?);
        self.bytes += open.bytes;
        self.kept.push_back(open.clone());
        while self.kept.len() > 1 && (self.kept.len() > MAX_SLOTS || self.bytes > MAX_BYTES) {
            let oldest = self.kept.pop_front().expect("longer than one");
            self.bytes -= oldest.bytes;
        }
        Some(open)
    }

    /// Looks on a shelf for what is not in memory.
    pub(crate) fn shelve(&mut self, shelf: Shelf) {
        self.shelf = Some(shelf);
    }

    /// Returns a closed slot.
    pub(crate) fn get(&self, number: u64) -> Result<Option<Arc<SlotRecord>>, StoreError> {
        let number_of = |slot: &Arc<SlotRecord>| slot.header.number.get();
        match (self.kept.binary_search_by_key(&number, number_of), &self.shelf) {
            (Ok(index), _) => Ok(self.kept.get(index).cloned()),
            (Err(_), Some(shelf)) => shelf.slot(number),
            (Err(_), None) => Ok(None),
        }
    }
}
