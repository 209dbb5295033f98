//! What was read lately, decoded.

use crate::{entry::Account, error::StoreError};
use alloy_primitives::{Address, B256, U256};
use quick_cache::sync::Cache;
use revm::bytecode::Bytecode;
use std::{fmt, sync::Arc};

/// Bytes that a cached account takes, with what the cache needs to find it.
const ACCOUNT_BYTES: usize = 256;
/// Bytes that a cached slot takes.
const SLOT_BYTES: usize = 192;
/// Codes that are kept ready to run.
const CODES: usize = 1024;

/// Accounts and slots of a state as it is now.
///
/// A copy of a state begins without, since it goes its own way; it gets one when it is written to, so that states
/// that are only looked at cost nothing.
pub(crate) struct ReadCache {
    bytes: usize,
    inner: Option<Inner>,
}

struct Inner {
    accounts: Cache<Address, Option<Account>>,
    slots: Cache<(Address, U256), U256>,
}

impl fmt::Debug for ReadCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadCache").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Clone for ReadCache {
    fn clone(&self) -> Self {
        Self::new(self.bytes)
    }
}

impl ReadCache {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { bytes, inner: None }
    }

    /// Begins to remember.
    pub(crate) fn start(&mut self) {
        let half = self.bytes / 2;
        self.inner.get_or_insert_with(|| Inner {
            accounts: Cache::new(half / ACCOUNT_BYTES),
            slots: Cache::new(half / SLOT_BYTES),
        });
    }

    pub(crate) fn account(
        &self,
        address: Address,
        read: impl FnOnce() -> Result<Option<Account>, StoreError>,
    ) -> Result<Option<Account>, StoreError> {
        let Some(Inner { accounts, .. }) = &self.inner else { return read() };
        if let Some(known) = accounts.get(&address) {
            return Ok(known);
        }
        let account = read()?;
        accounts.insert(address, account.clone());
        Ok(account)
    }

    pub(crate) fn slot(
        &self,
        address: Address,
        key: U256,
        read: impl FnOnce() -> Result<U256, StoreError>,
    ) -> Result<U256, StoreError> {
        let Some(Inner { slots, .. }) = &self.inner else { return read() };
        if let Some(known) = slots.get(&(address, key)) {
            return Ok(known);
        }
        let value = read()?;
        slots.insert((address, key), value);
        Ok(value)
    }

    pub(crate) fn put_account(&self, address: Address, account: Option<&Account>) {
        if let Some(inner) = &self.inner {
            inner.accounts.insert(address, account.cloned());
        }
    }

    pub(crate) fn put_slot(&self, address: Address, key: U256, value: U256) {
        if let Some(inner) = &self.inner {
            inner.slots.insert((address, key), value);
        }
    }
}

/// Codes by hash. The same for every state, since a hash has one code.
#[derive(Clone)]
pub(crate) struct CodeCache(Arc<Cache<B256, Bytecode>>);

impl fmt::Debug for CodeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeCache").finish_non_exhaustive()
    }
}

impl Default for CodeCache {
    fn default() -> Self {
        Self(Arc::new(Cache::new(CODES)))
    }
}

impl CodeCache {
    pub(crate) fn code(
        &self,
        hash: B256,
        read: impl FnOnce() -> Result<Bytecode, StoreError>,
    ) -> Result<Bytecode, StoreError> {
        if let Some(code) = self.0.get(&hash) {
            return Ok(code);
        }
        let code = read()?;
        self.0.insert(hash, code.clone());
        Ok(code)
    }
}
