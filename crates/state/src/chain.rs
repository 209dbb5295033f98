//! State of one rollup.

use crate::{
    batch::Batch,
    cache::{CodeCache, ReadCache},
    database::Database,
    entry::{Account, decode_slot},
    error::StoreError,
    history::older_wins,
    kept::{History, Kept},
    keys::Keys,
    overlay::{Overlay, Staged},
    read::Read,
    table::{ACCOUNTS, BLOCK_HASHES, CODES, SLOTS},
    undo::Overwritten,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::collections::{BTreeMap, BTreeSet};
use weft_evm::{State, StateChange};
use weft_types::NetworkId;

/// Memory for decoded accounts and slots of one rollup, unless told otherwise.
const CACHE_BYTES: usize = 32 << 20;

/// How to keep the state of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateOptions {
    /// Which states before the last one can be read.
    pub history: History,
    /// Most memory for decoded accounts and slots, in bytes.
    pub cache_bytes: usize,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { history: History::default(), cache_bytes: CACHE_BYTES }
    }
}

/// State of one rollup: what the database holds, and above it what did not get there yet.
///
/// A copy shares memory with the original and then goes its own way.
// Invariant: but for what `pending` names, the tries' branches and storage roots are those of accounts and slots.
#[derive(Debug, Clone)]
pub struct ChainState {
    pub(crate) keys: Keys,
    pub(crate) overlay: Overlay,
    pub(crate) cache: ReadCache,
    codes: CodeCache,
    pub(crate) kept: Kept,
    /// What the block that is being applied overwrote.
    pub(crate) open: Option<Overwritten>,
    /// Accounts written since the root was computed, by hashed address, with the hashed keys of their slots.
    pub(crate) pending: BTreeMap<B256, BTreeSet<B256>>,
}

impl ChainState {
    /// Opens the state of a rollup as the last commit left it; empty when the database knows nothing of it.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn open(
        database: &Database,
        network: NetworkId,
        options: &StateOptions,
    ) -> Result<Self, StoreError> {
        let mut overlay = Overlay::new(database.view()?);
        let keys = Keys::new(network);
        let kept = Kept::load(&mut overlay, keys, options.history)?;
        let mut cache = ReadCache::new(options.cache_bytes);
        cache.start();
        let (codes, open, pending) = (CodeCache::default(), None, BTreeMap::new());
        Ok(Self { keys, overlay, cache, codes, kept, open, pending })
    }

    /// Returns the rollup.
    pub const fn network(&self) -> NetworkId {
        self.keys.network()
    }

    /// Puts everything that the database lacks into `batch`. Call [`Self::committed`] once the batch is committed;
    /// without that the next batch has it all again.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`] while the tries are brought up to date.
    pub fn stage(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.staged()?.add_to(batch);
        Ok(())
    }

    /// Returns what [`Self::stage`] puts into a batch, so that another thread can do it.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`] while the tries are brought up to date.
    pub fn staged(&mut self) -> Result<Staged, StoreError> {
        if !self.pending.is_empty() {
            self.root()?;
        }
        Ok(self.overlay.stage())
    }

    /// Forgets what [`Self::stage`] put into the batch, which `database` holds now. What was written in between stays.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`] while the view of the database is renewed.
    pub fn committed(&mut self, database: &Database) -> Result<(), StoreError> {
        self.overlay.committed(database)
    }

    pub(crate) fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        self.cache.account(address, || {
            let key = self.keys.account(&keccak256(address));
            let entry = self.overlay.get(ACCOUNTS, &key)?;
            entry.map(|bytes| Ok(Account::decode(&bytes)?.1)).transpose()
        })
    }

    pub(crate) fn slot(&self, account: &B256, hashed: &B256) -> Result<U256, StoreError> {
        let entry = self.overlay.get(SLOTS, &self.keys.slot(account, hashed))?;
        entry.map_or(Ok(U256::ZERO), |bytes| Ok(decode_slot(&bytes)?.1))
    }

    /// Returns true when an account's storage is known to be empty.
    fn has_no_storage(&self, address: Address) -> Result<bool, StoreError> {
        let root = self.account(address)?.map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
        // Roots of accounts that were written to are computed later.
        Ok(root == EMPTY_ROOT_HASH && (self.pending.is_empty() || !self.is_pending(address)))
    }

    fn is_pending(&self, address: Address) -> bool {
        self.pending.contains_key(&keccak256(address))
    }

    /// Returns an account the way the EVM wants it.
    pub(crate) fn info(&self, account: &Account) -> Result<AccountInfo, StoreError> {
        let code = self.code_by_hash_ref(account.code_hash)?;
        Ok(AccountInfo::new(account.balance, account.nonce, account.code_hash, code))
    }

    fn read_code(&self, hash: B256) -> Result<Bytecode, StoreError> {
        let bytes = self.overlay.get(CODES, hash.as_slice())?;
        let bytes = bytes.ok_or_else(|| StoreError::corrupt(format!("code {hash} is missing")))?;
        Bytecode::new_raw_checked(bytes.into())
            .map_err(|error| StoreError::corrupt(format!("code {hash}: {error}")))
    }
}

impl DatabaseRef for ChainState {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        self.account(address)?.map(|account| self.info(&account)).transpose()
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        if code_hash == KECCAK_EMPTY || code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        self.codes.code(code_hash, || self.read_code(code_hash))
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, StoreError> {
        // Most accounts have no storage, and then the disk need not say so slot by slot.
        if self.has_no_storage(address)? {
            return Ok(U256::ZERO);
        }
        self.cache.slot(address, key, || self.slot(&keccak256(address), &hashed_key(key)))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        let entry = self.overlay.get(BLOCK_HASHES, &self.keys.block(number))?;
        entry.map_or(Ok(B256::ZERO), |bytes| {
            B256::try_from(bytes.as_slice()).map_err(|_| StoreError::corrupt("a block hash"))
        })
    }
}

impl State for ChainState {
    fn apply(&mut self, changes: &StateChange) -> Result<(), StoreError> {
        let overwritten = self.write(changes)?;
        let open = self.open.take().unwrap_or_default();
        self.open = Some(older_wins(open, overwritten));
        Ok(())
    }

    fn root(&mut self) -> Result<B256, StoreError> {
        self.compute_root()
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), StoreError> {
        let key = self.keys.block(number);
        self.overlay.put(BLOCK_HASHES, key, hash.to_vec());
        let overwritten = self.open.take();
        self.close_block(number, overwritten)
    }
}

/// Returns the path of a slot in its trie.
pub(crate) fn hashed_key(key: U256) -> B256 {
    keccak256(key.to_be_bytes::<32>())
}
