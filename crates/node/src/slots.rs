//! Items of recent slots with what stood before them, so that they can be executed again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use weft_evm::Escrow;
use weft_types::{Item, NetworkId, Outcome, Position, Removal, SlotHeader};

/// Most slots that are remembered; states before them cannot be read anyway.
const MAX_SLOTS: usize = 256;
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
    bytes: usize,
}

/// Recent slots that had items, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    kept: VecDeque<Arc<SlotRecord>>,
    open: Option<SlotRecord>,
    bytes: usize,
}

impl Slots {
    /// Begins a slot.
    pub(crate) fn open(
        &mut self,
        header: SlotHeader,
        before: BTreeMap<NetworkId, u64>,
        escrow: Escrow,
    ) {
        self.open = Some(SlotRecord { header, before, escrow, items: Vec::new(), bytes: 0 });
    }

    /// Remembers an item of the open slot.
    pub(crate) fn push(&mut self, position: Position, item: &Item, outcome: &Outcome) {
        let Some(open) = &mut self.open else { return };
        let removal = match outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal.clone()),
        };
        let raw: usize = item.legs().iter().map(|leg| leg.tx.raw().len()).sum();
        open.bytes += raw + ITEM_BYTES;
        open.items.push(ItemRecord { position, item: item.clone(), removal });
    }

    /// Ends the slot, and forgets old ones.
    pub(crate) fn close(&mut self) {
        let Some(open) = self.open.take().filter(|open| !open.items.is_empty()) else { return };
        self.bytes += open.bytes;
        self.kept.push_back(Arc::new(open));
        while self.kept.len() > 1 && (self.kept.len() > MAX_SLOTS || self.bytes > MAX_BYTES) {
            let oldest = self.kept.pop_front().expect("longer than one");
            self.bytes -= oldest.bytes;
        }
    }

    /// Returns a closed slot.
    pub(crate) fn get(&self, number: u64) -> Option<&Arc<SlotRecord>> {
        let number_of = |slot: &Arc<SlotRecord>| slot.header.number.get();
        let index = self.kept.binary_search_by_key(&number, number_of).ok()?;
        self.kept.get(index)
    }
}
