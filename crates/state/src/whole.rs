//! Whole states: filling them, listing them, moving them.

use crate::{
    chain::ChainState,
    entry::{Account, Input, decode_slot},
    error::StoreError,
    keys::NETWORK,
    read::{Pair, Read, under},
    table::{ACCOUNTS, BLOCK_HASHES, SLOTS},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{bytecode::Bytecode, state::AccountInfo};
use std::{collections::BTreeMap, ops::Bound};
use weft_evm::{AccountChange, MemoryState, State, StateChange};

/// Accounts that are read at once when all are listed.
const PAGE: usize = 1024;

impl ChainState {
    /// Writes an account whole; for genesis and tests. No block did it, so there is no way back before it.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn insert(
        &mut self,
        address: Address,
        balance: U256,
        nonce: u64,
        code: Bytes,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) -> Result<(), StoreError> {
        let code = Bytecode::new_raw(code);
        let mut info = AccountInfo::new(balance, nonce, code.hash_slow(), code);
        let storage: BTreeMap<_, _> =
            storage.into_iter().filter(|(_, value)| !value.is_zero()).collect();
        if nonce == 0 && info.is_empty_code_hash() && !storage.is_empty() {
            // EIP-7610: nothing is created over storage, see `MemoryState::insert`.
            info.code_hash = B256::ZERO;
        }
        let change = AccountChange { info: Some(info), wiped: true, storage };
        self.write(&StateChange::from([(address, change)])).map(drop)
    }

    /// Writes everything that a state in memory holds, over what is here.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn fill(&mut self, state: &MemoryState) -> Result<(), StoreError> {
        for (address, account) in state.accounts() {
            let storage = account.storage.iter().map(|(key, value)| (*key, *value)).collect();
            let info = Some(account.info.clone());
            let change = AccountChange { info, wiped: true, storage };
            self.write(&StateChange::from([(*address, change)]))?;
        }
        for (number, hash) in state.block_hashes() {
            self.insert_block_hash(number, hash)?;
        }
        Ok(())
    }

    /// Returns a copy in memory.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn to_memory(&self) -> Result<MemoryState, StoreError> {
        let mut memory = MemoryState::new();
        for account in self.accounts() {
            let (address, info) = account?;
            let code = info.code.as_ref().map(Bytecode::original_bytes).unwrap_or_default();
            memory.insert(address, info.balance, info.nonce, code, self.storage_of(address)?);
        }
        for (number, hash) in self.block_hashes()? {
            // In memory nothing can fail.
            let Ok(()) = memory.insert_block_hash(number, hash);
        }
        Ok(memory)
    }

    /// Returns every account, in the order of hashed addresses.
    pub fn accounts(
        &self,
    ) -> impl Iterator<Item = Result<(Address, AccountInfo), StoreError>> + '_ {
        let prefix = self.keys.of(&[]);
        let mut after = Some(Bound::Included(prefix.clone()));
        let pages =
            std::iter::from_fn(move || {
                let page = self.page(&prefix, after.take()?);
                if let Some((key, _)) = page.as_ref().ok().and_then(|pairs| pairs.last()) {
                    after = Some(Bound::Excluded(key.clone()));
                }
                Some(page.map_or_else(
                    |error| vec![Err(error)],
                    |pairs| pairs.into_iter().map(Ok).collect(),
                ))
            });
        pages.flatten().map(|pair| {
            let (address, account) = Account::decode(&pair?.1)?;
            Ok((address, self.info(&account)?))
        })
    }

    /// Returns the next entries of accounts.
    fn page(&self, prefix: &[u8], after: Bound<Vec<u8>>) -> Result<Vec<Pair>, StoreError> {
        let span = (after.as_ref().map(Vec::as_slice), Bound::Unbounded);
        let ours =
            |pair: &Result<Pair, _>| pair.as_ref().map_or(true, |(key, _)| key.starts_with(prefix));
        self.overlay.range(ACCOUNTS, span)?.take_while(ours).take(PAGE).collect()
    }

    /// Returns the slots of an account that are not zero, by key.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn storage_of(&self, address: Address) -> Result<BTreeMap<U256, U256>, StoreError> {
        let prefix = self.keys.account(&keccak256(address));
        let slots = under(&self.overlay, SLOTS, &prefix)?;
        slots.iter().map(|(_, entry)| decode_slot(entry)).collect()
    }

    /// Returns the block hashes that are kept, by number.
    fn block_hashes(&self) -> Result<Vec<(u64, B256)>, StoreError> {
        let (first, last) = (self.keys.block(0), self.keys.block(u64::MAX));
        let span = (Bound::Included(first.as_slice()), Bound::Included(last.as_slice()));
        let mut hashes = Vec::new();
        for pair in self.overlay.range(BLOCK_HASHES, span)? {
            let (key, value) = pair?;
            let number = Input(&key[NETWORK..]).u64()?;
            hashes.push((number, Input(&value).hash()?));
        }
        Ok(hashes)
    }
}
