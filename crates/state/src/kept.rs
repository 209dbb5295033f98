//! What is kept of the states before the last one.

use crate::{
    entry::Input,
    error::StoreError,
    keys::Keys,
    overlay::Overlay,
    read::Read,
    table::{ACCOUNT_BLOCKS, HEADS, SLOT_BLOCKS, Table, UNDO},
    undo::{Overwritten, Undo},
};
use std::{collections::VecDeque, sync::Arc};

/// Blocks whose overwritten values stay in memory.
const WINDOW: u64 = 128;

/// Which states before the last one can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Those after each of the last blocks, this many before the last one.
    Last(u64),
    /// All of them.
    All,
}

impl Default for History {
    fn default() -> Self {
        Self::Last(WINDOW)
    }
}

/// What is kept of earlier states.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) history: History,
    /// Last block; `None` before the first.
    pub(crate) head: Option<u64>,
    /// First block whose state can be read.
    pub(crate) oldest: u64,
    /// Last block that the index of an archive knows.
    pub(crate) indexed: u64,
    /// What the last blocks overwrote, oldest first, without gaps.
    pub(crate) recent: Arc<VecDeque<(u64, Undo)>>,
}

impl Kept {
    pub(crate) fn load(
        overlay: &mut Overlay,
        keys: Keys,
        history: History,
    ) -> Result<Self, StoreError> {
        let mut kept = Self { history, head: None, oldest: 0, indexed: 0, recent: Arc::default() };
        let Some(entry) = overlay.get(HEADS, &keys.of(&[]))? else { return Ok(kept) };
        let mut input = Input(&entry);
        kept.head = Some(input.u64()?);
        (kept.oldest, kept.indexed) = (input.u64()?, input.u64()?);
        input.end()?;
        kept.load_recent(overlay, keys)?;
        if history == History::All {
            kept.index_rest(overlay, keys)?;
        }
        Ok(kept)
    }

    /// Reads what the last blocks overwrote.
    pub(crate) fn load_recent(&mut self, overlay: &Overlay, keys: Keys) -> Result<(), StoreError> {
        let head = self.head.unwrap_or_default();
        let first = self.oldest.max(head.saturating_sub(self.window())) + 1;
        let load = |number| Ok((number, load(overlay, keys, number)?));
        self.recent = Arc::new((first..=head).map(load).collect::<Result<_, StoreError>>()?);
        Ok(())
    }

    pub(crate) const fn window(&self) -> u64 {
        match self.history {
            History::Last(blocks) => blocks,
            History::All => WINDOW,
        }
    }

    /// Adds blocks to the index that were made when this was no archive.
    fn index_rest(&mut self, overlay: &mut Overlay, keys: Keys) -> Result<(), StoreError> {
        let head = self.head.unwrap_or_default();
        for number in self.indexed.max(self.oldest) + 1..=head {
            let overwritten = load(overlay, keys, number)?.decode()?;
            for (table, key) in index_keys(keys, number, &overwritten) {
                overlay.put(table, key, Vec::new());
            }
        }
        self.indexed = head;
        self.save(overlay, keys);
        Ok(())
    }

    pub(crate) fn save(&self, overlay: &mut Overlay, keys: Keys) {
        let Some(head) = self.head else { return };
        let numbers = [head, self.oldest, self.indexed];
        overlay.put(HEADS, keys.of(&[]), numbers.map(u64::to_be_bytes).concat());
    }

    pub(crate) fn check(&self, wanted: u64) -> Result<(), StoreError> {
        let (oldest, head) = (self.oldest, self.head.unwrap_or_default());
        if (oldest..=head).contains(&wanted) {
            return Ok(());
        }
        Err(StoreError::NotKept { wanted, oldest, head })
    }
}

/// Reads what a block overwrote.
pub(crate) fn load(overlay: &Overlay, keys: Keys, number: u64) -> Result<Undo, StoreError> {
    let bytes = overlay.get(UNDO, &keys.block(number))?;
    Undo::new(
        bytes.ok_or_else(|| {
            StoreError::corrupt(format!("what block {number} overwrote is missing"))
        })?,
    )
}

/// Returns the index entries of a block.
pub(crate) fn index_keys(
    keys: Keys,
    number: u64,
    overwritten: &Overwritten,
) -> Vec<(Table, Vec<u8>)> {
    let mut entries = Vec::new();
    for (address, before) in overwritten {
        entries.push((ACCOUNT_BLOCKS, keys.account_block(*address, number)));
        let slots = before.slots.keys().map(|key| keys.slot_block(*address, *key, number));
        entries.extend(slots.map(|key| (SLOT_BLOCKS, key)));
    }
    entries
}
