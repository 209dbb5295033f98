//! Writing accounts and slots, and keeping the tries in step.

use crate::{
    chain::{ChainState, hashed_key},
    entry::{Account, decode_slot, encode_slot},
    error::StoreError,
    keys,
    read::{Read, under},
    table::{ACCOUNT_NODES, ACCOUNTS, CODES, SLOT_NODES, SLOTS, Table},
    trie::{self, Trie, Update},
    undo::{Before, Overwritten},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::EMPTY_ROOT_HASH;
use rayon::prelude::*;
use revm::{DatabaseRef, state::AccountInfo};
use std::collections::{BTreeMap, BTreeSet};
use weft_evm::{AccountChange, StateChange};

/// Changed slots from which on storage roots are worth several threads.
const PARALLEL_SLOTS: usize = 64;

impl ChainState {
    /// Writes what changed; returns what it overwrote.
    pub(crate) fn write(&mut self, changes: &StateChange) -> Result<Overwritten, StoreError> {
        self.cache.start();
        let mut overwritten = Overwritten::new();
        for (address, change) in changes {
            overwritten.insert(*address, self.write_account(*address, change)?);
        }
        Ok(overwritten)
    }

    fn write_account(
        &mut self,
        address: Address,
        change: &AccountChange,
    ) -> Result<Before, StoreError> {
        let hashed = keccak256(address);
        let account = self.account(address)?;
        let mut before = Before { account: account.clone(), slots: BTreeMap::new() };
        if let Some(account) = &mut before.account {
            // It follows from the slots, and may be out of date here.
            account.storage_root = EMPTY_ROOT_HASH;
        }
        let wiped = change.wiped || change.info.is_none();
        if wiped && account.is_some() {
            before.slots = self.wipe(address, &hashed)?;
        }
        let Some(info) = &change.info else {
            self.delete_account(address, &hashed)?;
            return Ok(before);
        };
        self.put_code(info)?;
        let kept_root = account.filter(|_| !wiped).map(|account| account.storage_root);
        let account = Account::new(info, kept_root.unwrap_or(EMPTY_ROOT_HASH));
        self.put_account(address, &hashed, &account);
        for (key, value) in &change.storage {
            let old = self.put_slot(address, &hashed, *key, *value)?;
            before.slots.entry(*key).or_insert(old);
        }
        Ok(before)
    }

    /// Writes an account and slots as they were.
    pub(crate) fn restore(&mut self, address: Address, before: &Before) -> Result<(), StoreError> {
        let hashed = keccak256(address);
        let Some(account) = &before.account else {
            self.wipe(address, &hashed)?;
            return self.delete_account(address, &hashed);
        };
        let current = self.account(address)?;
        let storage_root = current.map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
        self.put_account(address, &hashed, &Account { storage_root, ..account.clone() });
        for (key, value) in &before.slots {
            self.put_slot(address, &hashed, *key, *value)?;
        }
        Ok(())
    }

    fn put_account(&mut self, address: Address, hashed: &B256, account: &Account) {
        let key = self.keys.account(hashed);
        self.overlay.put(ACCOUNTS, key, account.encode(address));
        self.pending.entry(*hashed).or_default();
        self.cache.put_account(address, Some(account));
    }

    fn delete_account(&mut self, address: Address, hashed: &B256) -> Result<(), StoreError> {
        self.overlay.delete(ACCOUNTS, self.keys.account(hashed))?;
        self.pending.entry(*hashed).or_default();
        self.cache.put_account(address, None);
        Ok(())
    }

    fn put_code(&mut self, info: &AccountInfo) -> Result<(), StoreError> {
        let Some(code) = info.code.as_ref().filter(|code| !code.is_empty()) else { return Ok(()) };
        let key = info.code_hash.as_slice();
        if self.overlay.get(CODES, key)?.is_none() {
            self.overlay.put(CODES, key.to_vec(), code.original_byte_slice().to_vec());
        }
        Ok(())
    }

    /// Writes a slot; returns what it held.
    fn put_slot(
        &mut self,
        address: Address,
        account: &B256,
        key: U256,
        value: U256,
    ) -> Result<U256, StoreError> {
        let old = self.storage_ref(address, key)?;
        let hashed = hashed_key(key);
        let entry = self.keys.slot(account, &hashed);
        if value.is_zero() {
            self.overlay.delete(SLOTS, entry)?;
        } else {
            self.overlay.put(SLOTS, entry, encode_slot(key, value));
        }
        self.cache.put_slot(address, key, value);
        self.pending.entry(*account).or_default().insert(hashed);
        Ok(old)
    }

    /// Removes all slots of an account and the branches above them; returns the slots.
    fn wipe(
        &mut self,
        address: Address,
        account: &B256,
    ) -> Result<BTreeMap<U256, U256>, StoreError> {
        let mut slots = BTreeMap::new();
        for (entry, value) in under(&self.overlay, SLOTS, &self.keys.account(account))? {
            let (key, value) = decode_slot(&value)?;
            self.overlay.delete(SLOTS, entry)?;
            self.cache.put_slot(address, key, U256::ZERO);
            slots.insert(key, value);
        }
        for (entry, _) in under(&self.overlay, SLOT_NODES, &self.keys.account(account))? {
            self.overlay.delete(SLOT_NODES, entry)?;
        }
        self.pending.entry(*account).or_default().clear();
        Ok(slots)
    }

    /// Brings tries and storage roots up to date.
    pub(crate) fn compute_root(&mut self) -> Result<B256, StoreError> {
        for (hashed, update) in self.storage_updates()? {
            let prefix = self.keys.account(&hashed);
            self.put_nodes(SLOT_NODES, &prefix, &update)?;
            let entry = self.overlay.get(ACCOUNTS, &prefix)?;
            let entry = entry.ok_or_else(|| StoreError::corrupt("slots without an account"))?;
            let (address, mut account) = Account::decode(&entry)?;
            account.storage_root = update.root;
            self.overlay.put(ACCOUNTS, prefix, account.encode(address));
            self.cache.put_account(address, Some(&account));
        }
        let update = self.account_trie().update(self.pending.keys().copied().collect())?;
        self.put_nodes(ACCOUNT_NODES, &self.keys.of(&[]), &update)?;
        self.pending.clear();
        Ok(update.root)
    }

    fn storage_updates(&self) -> Result<Vec<(B256, Update)>, StoreError> {
        let changed = || self.pending.iter().filter(|(_, slots)| !slots.is_empty());
        let update = |(hashed, slots): (&B256, &BTreeSet<B256>)| {
            let update = self.storage_trie(hashed).update(slots.iter().copied().collect())?;
            Ok((*hashed, update))
        };
        let slots: usize = changed().map(|(_, slots)| slots.len()).sum();
        if slots < PARALLEL_SLOTS || changed().nth(1).is_none() {
            return changed().map(update).collect();
        }
        changed().collect::<Vec<_>>().into_par_iter().map(update).collect()
    }

    fn put_nodes(
        &mut self,
        table: Table,
        prefix: &[u8],
        update: &Update,
    ) -> Result<(), StoreError> {
        for (path, node) in &update.nodes {
            let key = keys::node(prefix, path);
            match node {
                Some(node) => self.overlay.put(table, key, trie::encode(node)),
                None => self.overlay.delete(table, key)?,
            }
        }
        Ok(())
    }

    pub(crate) fn account_trie(&self) -> Trie<'_> {
        Trie {
            read: &self.overlay,
            leaves: ACCOUNTS,
            nodes: ACCOUNT_NODES,
            prefix: self.keys.of(&[]),
            rlp: |entry, out| {
                Account::decode(entry)?.1.rlp(out);
                Ok(())
            },
        }
    }

    pub(crate) fn storage_trie(&self, hashed: &B256) -> Trie<'_> {
        Trie {
            read: &self.overlay,
            leaves: SLOTS,
            nodes: SLOT_NODES,
            prefix: self.keys.account(hashed),
            rlp: |entry, out| {
                decode_slot(entry)?.1.encode(out);
                Ok(())
            },
        }
    }
}
