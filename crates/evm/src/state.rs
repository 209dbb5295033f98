//! State of one rollup in memory, with its Merkle-Patricia root.

use crate::working::StateChange;
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{AddressMap, B256Map, HashMap},
};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount};
use core::convert::Infallible;
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};

/// Number of block hashes that BLOCKHASH can see.
const BLOCK_HASHES: u64 = 256;

/// An account with its storage.
#[derive(Debug, Clone, Default)]
pub struct StoredAccount {
    /// Balance, nonce and code.
    pub info: AccountInfo,
    /// Slots that are not zero.
    pub storage: HashMap<U256, U256>,
    /// The same slots by hashed key, for the root.
    hashed: BTreeMap<B256, U256>,
    root: Option<B256>,
}

/// A state that closed blocks write to.
pub trait State: DatabaseRef {
    /// Applies what a block changed.
    ///
    /// # Errors
    ///
    /// Those of reading; the state is of no use then.
    fn apply(&mut self, changes: &StateChange) -> Result<(), Self::Error>;

    /// Returns the state root (P9, decision 4 of the architecture).
    ///
    /// # Errors
    ///
    /// Those of reading; the state is of no use then.
    fn root(&mut self) -> Result<B256, Self::Error>;

    /// Remembers the hash of a block for BLOCKHASH.
    ///
    /// # Errors
    ///
    /// Those of reading; the state is of no use then.
    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), Self::Error>;
}

/// A state that a rollup can begin with.
pub trait Begin: State + Sized {
    /// Returns the state that `genesis` holds, whose root is `root`.
    fn begin(genesis: MemoryState, root: B256) -> Self;
}

impl Begin for MemoryState {
    fn begin(genesis: MemoryState, _: B256) -> Self {
        genesis
    }
}

/// Everything one rollup remembers, by value.
#[derive(Debug, Clone, Default)]
pub struct MemoryState {
    accounts: AddressMap<StoredAccount>,
    hashed: BTreeMap<B256, Address>,
    codes: B256Map<Bytecode>,
    block_hashes: BTreeMap<u64, B256>,
}

impl MemoryState {
    /// Creates an empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns every account, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &StoredAccount)> {
        self.accounts.iter()
    }

    /// Returns the block hashes that BLOCKHASH can see.
    pub fn block_hashes(&self) -> impl Iterator<Item = (u64, B256)> + '_ {
        self.block_hashes.iter().map(|(number, hash)| (*number, *hash))
    }

    /// Returns one account.
    pub fn account(&self, address: &Address) -> Option<&StoredAccount> {
        self.accounts.get(address)
    }

    /// Writes an account whole; for genesis and tests.
    pub fn insert(
        &mut self,
        address: Address,
        balance: U256,
        nonce: u64,
        code: Bytes,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) {
        let code = Bytecode::new_raw(code);
        let info = AccountInfo::new(balance, nonce, code.hash_slow(), code);
        self.put_info(address, info);
        for (key, value) in storage {
            self.put_slot(address, key, value);
        }
        let account = self.accounts.get_mut(&address).expect("just written");
        if nonce == 0 && account.info.is_empty_code_hash() && !account.storage.is_empty() {
            // EIP-7610: nothing is created over storage. revm looks at nonce and code only, and takes the zero hash
            // for no code in every other respect. Only a genesis can hold such an account.
            account.info.code_hash = B256::ZERO;
        }
    }

    fn remove(&mut self, address: &Address) {
        if self.accounts.remove(address).is_some() {
            self.hashed.remove(&keccak256(address));
        }
    }

    fn put_info(&mut self, address: Address, mut info: AccountInfo) {
        if let Some(code) = info.code.take_if(|code| !code.is_empty()) {
            self.codes.entry(info.code_hash).or_insert_with(|| code.clone());
        }
        let code = self.codes.get(&info.code_hash).cloned().unwrap_or_default();
        info.code = Some(code);
        let account = self.accounts.entry(address).or_insert_with(|| {
            self.hashed.insert(keccak256(address), address);
            StoredAccount::default()
        });
        account.info = info;
    }

    fn put_slot(&mut self, address: Address, key: U256, value: U256) {
        let account = self.accounts.get_mut(&address).expect("slots belong to written accounts");
        let hashed = keccak256(key.to_be_bytes::<32>());
        if value.is_zero() {
            account.storage.remove(&key);
            account.hashed.remove(&hashed);
        } else {
            account.storage.insert(key, value);
            account.hashed.insert(hashed, value);
        }
        account.root = None;
    }
}

impl State for MemoryState {
    /// Remembers the hash of block `number`, forgetting those that BLOCKHASH cannot see any more.
    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), Infallible> {
        self.block_hashes.insert(number, hash);
        let oldest = number.saturating_sub(BLOCK_HASHES);
        self.block_hashes = self.block_hashes.split_off(&oldest);
        Ok(())
    }

    /// Applies what changed.
    fn apply(&mut self, changes: &StateChange) -> Result<(), Infallible> {
        for (address, change) in changes {
            if change.wiped || change.info.is_none() {
                self.remove(address);
            }
            let Some(info) = &change.info else { continue };
            self.put_info(*address, info.clone());
            for (key, value) in &change.storage {
                self.put_slot(*address, *key, *value);
            }
        }
        Ok(())
    }

    /// Returns the state root. Cost is linear in the number of accounts, plus the storage of changed ones.
    fn root(&mut self) -> Result<B256, Infallible> {
        let mut builder = HashBuilder::default();
        let mut rlp = Vec::with_capacity(128);
        for (hashed, address) in &self.hashed {
            let account = self.accounts.get_mut(address).expect("hashed and accounts agree");
            rlp.clear();
            alloy_rlp::Encodable::encode(&account.trie_account(), &mut rlp);
            builder.add_leaf(Nibbles::unpack(hashed), &rlp);
        }
        Ok(if self.hashed.is_empty() { EMPTY_ROOT_HASH } else { builder.root() })
    }
}

impl StoredAccount {
    /// Returns the slots by hashed key, in the order of the trie.
    pub const fn hashed_storage(&self) -> &BTreeMap<B256, U256> {
        &self.hashed
    }

    fn trie_account(&mut self) -> TrieAccount {
        TrieAccount {
            nonce: self.info.nonce,
            balance: self.info.balance,
            storage_root: self.storage_root(),
            code_hash: if self.info.code_hash.is_zero() {
                KECCAK_EMPTY
            } else {
                self.info.code_hash
            },
        }
    }

    /// Returns the root of the account's storage, computing it when it changed.
    pub fn storage_root(&mut self) -> B256 {
        *self.root.get_or_insert_with(|| storage_root(&self.hashed))
    }
}

fn storage_root(hashed: &BTreeMap<B256, U256>) -> B256 {
    if hashed.is_empty() {
        return EMPTY_ROOT_HASH;
    }
    let mut builder = HashBuilder::default();
    for (key, value) in hashed {
        builder.add_leaf(Nibbles::unpack(key), &alloy_rlp::encode(value));
    }
    builder.root()
}

impl DatabaseRef for MemoryState {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|account| account.info.clone()))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.codes.get(&code_hash).cloned().unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        let account = self.accounts.get(&address);
        Ok(account.and_then(|account| account.storage.get(&key)).copied().unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.block_hashes.get(&number).copied().unwrap_or_default())
    }
}
