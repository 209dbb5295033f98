//! States before the last one: reading them, going back to them, forgetting them.

use crate::{
    chain::ChainState,
    entry::Input,
    error::StoreError,
    kept::{History, index_keys, load},
    keys::NETWORK,
    read::Read,
    table::{ACCOUNT_BLOCKS, BLOCK_HASHES, SLOT_BLOCKS, Table, UNDO},
    undo::{self, Overwritten, Undo},
};
use alloy_primitives::{Address, B256, U256};
use revm::{DatabaseRef, state::AccountInfo};
use std::{ops::Bound, sync::Arc};
use weft_evm::StateChange;

/// Blocks whose hashes BLOCKHASH can see.
const VISIBLE_HASHES: u64 = 256;
/// Blocks that are forgotten with each new one when more are kept than wanted.
const PRUNED_PER_BLOCK: usize = 16;

impl ChainState {
    /// Returns the last block that was closed; `None` before the first.
    pub const fn head_number(&self) -> Option<u64> {
        self.kept.head
    }

    /// Returns the first block whose state can be read.
    pub const fn oldest(&self) -> u64 {
        self.kept.oldest
    }

    /// Returns true when the state after block `number` can be read.
    pub fn reaches(&self, number: u64) -> bool {
        self.kept.check(number).is_ok()
    }

    /// Returns an account after block `number`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotKept`], or any error of the database.
    pub fn account_at(
        &self,
        number: u64,
        address: Address,
    ) -> Result<Option<AccountInfo>, StoreError> {
        let from = self.keys.account_block(address, number);
        let find = |undo: &Undo| undo.account(address);
        match self.overwritten(number, (ACCOUNT_BLOCKS, from), find)? {
            Some(account) => account.map(|account| self.info(&account)).transpose(),
            None => self.basic_ref(address),
        }
    }

    /// Returns a storage slot after block `number`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotKept`], or any error of the database.
    pub fn storage_at(&self, number: u64, address: Address, key: U256) -> Result<U256, StoreError> {
        let from = self.keys.slot_block(address, key, number);
        let find = |undo: &Undo| undo.slot(address, key);
        match self.overwritten(number, (SLOT_BLOCKS, from), find)? {
            Some(value) => Ok(value),
            None => self.storage_ref(address, key),
        }
    }

    /// Returns what the first block after `number` that wrote to an entry overwrote there.
    fn overwritten<T>(
        &self,
        number: u64,
        (table, from): (Table, Vec<u8>),
        find: impl Fn(&Undo) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.kept.check(number)?;
        let recent = &self.kept.recent;
        let begin = recent.front().map_or(u64::MAX, |(first, _)| *first);
        if number + 1 < begin && Some(number) != self.kept.head {
            let Some(block) = self.indexed_after(table, &from)? else { return Ok(None) };
            return find(&load(&self.overlay, self.keys, block)?);
        }
        let first = recent.partition_point(|(block, _)| *block <= number);
        for (_, undo) in recent.range(first..) {
            if let Some(found) = find(undo)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns the block of the first index entry after `from`, which ends in a block number.
    fn indexed_after(&self, table: Table, from: &[u8]) -> Result<Option<u64>, StoreError> {
        let mut to = from.to_vec();
        let end = to.len() - 8;
        to[end..].fill(0xff);
        let span = (Bound::Excluded(from), Bound::Included(to.as_slice()));
        let first = self.overlay.range(table, span)?.next().transpose()?;
        first.map(|(key, _)| Input(&key[end..]).u64()).transpose()
    }

    /// Closes block `number` over what it overwrote; without that, nothing before it can be read.
    pub(crate) fn close_block(
        &mut self,
        number: u64,
        overwritten: Option<Overwritten>,
    ) -> Result<(), StoreError> {
        let follows = self.kept.head.is_none_or(|head| head.checked_add(1) == Some(number));
        let is_first = self.kept.head.replace(number).is_none();
        match overwritten {
            Some(overwritten) if follows && number > 0 => {
                self.kept.oldest = if is_first { number - 1 } else { self.kept.oldest };
                self.remember(number, &overwritten)?;
            }
            _ => self.forget_history(number)?,
        }
        self.prune()?;
        self.kept.save(&mut self.overlay, self.keys);
        Ok(())
    }

    fn remember(&mut self, number: u64, overwritten: &Overwritten) -> Result<(), StoreError> {
        self.put_undo(number, overwritten)?;
        let window = self.kept.window();
        let recent = Arc::make_mut(&mut self.kept.recent);
        while recent.len() as u64 > window {
            recent.pop_front();
        }
        Ok(())
    }

    /// Keeps what a block overwrote, in place of what was kept of it before.
    fn put_undo(&mut self, number: u64, overwritten: &Overwritten) -> Result<(), StoreError> {
        let bytes = undo::encode(overwritten);
        let recent = Arc::make_mut(&mut self.kept.recent);
        recent.pop_back_if(|(last, _)| *last == number);
        recent.push_back((number, Undo::new(bytes.clone())?));
        self.overlay.put(UNDO, self.keys.block(number), bytes);
        if self.kept.history == History::All {
            for (table, key) in index_keys(self.keys, number, overwritten) {
                self.overlay.put(table, key, Vec::new());
            }
            self.kept.indexed = number;
        }
        Ok(())
    }

    /// Forgets everything before block `number`.
    fn forget_history(&mut self, number: u64) -> Result<(), StoreError> {
        let first = self.keys.block(0);
        let last = self.keys.block(u64::MAX);
        let span = (Bound::Included(first.as_slice()), Bound::Included(last.as_slice()));
        let kept: Result<Vec<_>, _> = self.overlay.range(UNDO, span)?.collect();
        for (key, bytes) in kept? {
            let block = Input(&key[NETWORK..]).u64()?;
            self.delete_undo(block, &Undo::new(bytes)?)?;
        }
        self.kept.recent = Arc::default();
        self.kept.oldest = number;
        Ok(())
    }

    fn delete_undo(&mut self, number: u64, undo: &Undo) -> Result<(), StoreError> {
        if number <= self.kept.indexed {
            for (table, key) in index_keys(self.keys, number, &undo.decode()?) {
                self.overlay.delete(table, key)?;
            }
        }
        self.overlay.delete(UNDO, self.keys.block(number))
    }

    /// Forgets blocks that are not to be kept any more.
    fn prune(&mut self) -> Result<(), StoreError> {
        let (History::Last(blocks), Some(head)) = (self.kept.history, self.kept.head) else {
            return Ok(());
        };
        for _ in 0..PRUNED_PER_BLOCK {
            if head - self.kept.oldest <= blocks {
                break;
            }
            let number = self.kept.oldest + 1;
            self.delete_undo(number, &load(&self.overlay, self.keys, number)?)?;
            self.kept.oldest = number;
            if let Some(hidden) = number.checked_sub(VISIBLE_HASHES + 1) {
                self.overlay.delete(BLOCK_HASHES, self.keys.block(hidden))?;
            }
        }
        Ok(())
    }

    /// Writes outside of any block, as part of what the last block left. The root follows with the next block.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn amend(&mut self, changes: &StateChange) -> Result<(), StoreError> {
        let overwritten = self.write(changes)?;
        let Some((number, undo)) = self.kept.recent.back() else { return Ok(()) };
        let (number, known) = (*number, undo.decode()?);
        self.put_undo(number, &older_wins(known, overwritten))
    }

    /// Goes back to the state after block `number`; returns its root.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotKept`], after which nothing changed, or any error of the database.
    pub fn unwind_to(&mut self, number: u64) -> Result<B256, StoreError> {
        self.kept.check(number)?;
        if let Some(open) = self.open.take() {
            self.restore_all(&open)?;
        }
        let head = self.kept.head.unwrap_or_default();
        for block in (number + 1..=head).rev() {
            let undo = load(&self.overlay, self.keys, block)?;
            self.restore_all(&undo.decode()?)?;
            self.delete_undo(block, &undo)?;
            self.overlay.delete(BLOCK_HASHES, self.keys.block(block))?;
        }
        self.kept.head = self.kept.head.map(|_| number);
        self.kept.indexed = self.kept.indexed.min(number);
        self.kept.load_recent(&self.overlay, self.keys)?;
        self.kept.save(&mut self.overlay, self.keys);
        self.compute_root()
    }

    fn restore_all(&mut self, overwritten: &Overwritten) -> Result<(), StoreError> {
        overwritten.iter().try_for_each(|(address, before)| self.restore(*address, before))
    }
}

/// Joins what two writes overwrote, the first of which is `older`.
pub(crate) fn older_wins(mut older: Overwritten, newer: Overwritten) -> Overwritten {
    for (address, before) in newer {
        let Some(known) = older.get_mut(&address) else {
            older.insert(address, before);
            continue;
        };
        for (key, value) in before.slots {
            known.slots.entry(key).or_insert(value);
        }
    }
    older
}
