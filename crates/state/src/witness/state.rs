//! The state that a witness shows.

use super::{
    Witness,
    sparse::{Blind, Node, Nodes},
};
use alloy_primitives::{Address, B256, U256, keccak256, map::B256Map};
use alloy_rlp::Decodable as _;
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, Nibbles, TrieAccount};
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
};
use std::collections::BTreeMap;
use thiserror::Error;
use weft_evm::{AccountChange, Begin, MemoryState, State, StateChange};

/// Blocks whose hashes the EVM can ask for.
const BLOCK_HASHES: usize = 256;

/// Why a block cannot be executed on a witness.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WitnessError {
    /// A node of a trie is needed and not there.
    #[error("node {hash} is missing below {path:?} of the {}", trie(.account))]
    Node {
        /// Hash of the account whose storage trie it is of; `None` for the state trie.
        account: Option<B256>,
        /// Digits on the way to it.
        path: Nibbles,
        /// Its hash.
        hash: B256,
    },
    /// A node, or an account, is not what its place in the trie asks for.
    #[error("node {0} is malformed")]
    Malformed(B256),
    /// A trie goes on below a whole key.
    #[error("a trie goes on below a whole key")]
    TooDeep,
    /// A code is needed and not there.
    #[error("code {0} is missing")]
    Code(B256),
    /// The hash of a block is needed and not there.
    #[error("header {0} is missing")]
    Header(u64),
}

impl DBErrorMarker for WitnessError {}

fn trie(account: &Option<B256>) -> String {
    account.map_or_else(|| "state trie".to_owned(), |hash| format!("storage trie of {hash}"))
}

impl WitnessError {
    fn of(account: Option<B256>, blind: Blind) -> Self {
        match blind {
            Blind::Missing { path, hash } => Self::Node { account, path, hash },
            Blind::Malformed { hash } => Self::Malformed(hash),
            Blind::TooDeep => Self::TooDeep,
        }
    }
}

/// State of a rollup, as far as a witness shows it. Whatever it does not show is an error, never empty.
#[derive(Debug, Clone)]
pub struct WitnessState {
    nodes: Nodes,
    codes: B256Map<Bytecode>,
    block_hashes: BTreeMap<u64, B256>,
    accounts: Node,
    /// Storage tries that were written to, by hashed address.
    storage: B256Map<Node>,
}

impl WitnessState {
    /// Takes nodes and codes of a witness for the state with a root. Whoever checks a block has to know that its parent
    /// has this root.
    pub fn new(witness: &Witness, root: B256) -> Self {
        let mut state = Self {
            nodes: Nodes::default(),
            codes: B256Map::default(),
            block_hashes: BTreeMap::new(),
            accounts: Node::rooted(root),
            storage: B256Map::default(),
        };
        state.show(witness);
        state
    }

    /// Shows nodes and codes beside what is known.
    pub fn show(&mut self, witness: &Witness) {
        let nodes = witness.state.iter().map(|node| (keccak256(node), node.clone()));
        self.nodes.extend(nodes);
        // No account has code that is none.
        let codes = witness.codes.iter().filter_map(|code| {
            let read = Bytecode::new_raw_checked(code.clone()).ok()?;
            Some((keccak256(code), read))
        });
        self.codes.extend(codes);
    }

    /// Forgets everything but the root and the hashes of blocks: what follows needs another witness.
    pub fn forget(&mut self) {
        let root = self.accounts.root();
        let block_hashes = std::mem::take(&mut self.block_hashes);
        *self = Self { block_hashes, ..Self::new(&Witness::default(), root) };
    }

    fn account(&self, hashed: B256) -> Result<Option<TrieAccount>, WitnessError> {
        let found = self.accounts.get(&self.nodes, &Nibbles::unpack(hashed));
        let Some(leaf) = found.map_err(|blind| WitnessError::of(None, blind))? else {
            return Ok(None);
        };
        let account = TrieAccount::decode(&mut leaf.as_slice());
        account.map(Some).map_err(|_| WitnessError::Malformed(keccak256(&leaf)))
    }

    /// Returns the storage trie of an account.
    fn storage_of(&self, hashed: B256) -> Result<Node, WitnessError> {
        if let Some(node) = self.storage.get(&hashed) {
            return Ok(node.clone());
        }
        let account = self.account(hashed)?;
        Ok(Node::rooted(account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root)))
    }

    fn change(&mut self, hashed: B256, change: &AccountChange) -> Result<(), WitnessError> {
        let is_new = change.wiped || change.info.is_none();
        let mut storage = if is_new { Node::Empty } else { self.storage_of(hashed)? };
        for (key, value) in &change.storage {
            let path = Nibbles::unpack(keccak256(key.to_be_bytes::<32>()));
            let value = (!value.is_zero()).then(|| alloy_rlp::encode(value));
            let put = storage.put(&self.nodes, &path, value);
            put.map_err(|blind| WitnessError::of(Some(hashed), blind))?;
        }
        let leaf = change.info.as_ref().map(|info| {
            if let Some(code) = info.code.as_ref().filter(|code| !code.is_empty()) {
                self.codes.entry(info.code_hash).or_insert_with(|| code.clone());
            }
            let storage_root = storage.root();
            let code_hash = if info.code_hash.is_zero() { KECCAK_EMPTY } else { info.code_hash };
            let (nonce, balance) = (info.nonce, info.balance);
            alloy_rlp::encode(TrieAccount { nonce, balance, storage_root, code_hash })
        });
        self.storage.insert(hashed, storage);
        let put = self.accounts.put(&self.nodes, &Nibbles::unpack(hashed), leaf);
        put.map_err(|blind| WitnessError::of(None, blind))
    }
}

impl DatabaseRef for WitnessState {
    type Error = WitnessError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, WitnessError> {
        let Some(account) = self.account(keccak256(address))? else { return Ok(None) };
        let has_code = account.code_hash != KECCAK_EMPTY;
        // EIP-7610, as everywhere: nothing is created over storage.
        let is_odd = !has_code && account.nonce == 0 && account.storage_root != EMPTY_ROOT_HASH;
        Ok(Some(AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: if is_odd { B256::ZERO } else { account.code_hash },
            // What an empty code looks like to the EVM; others are read when they run.
            code: (!has_code).then(Bytecode::default),
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, WitnessError> {
        if code_hash == KECCAK_EMPTY || code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        self.codes.get(&code_hash).cloned().ok_or(WitnessError::Code(code_hash))
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, WitnessError> {
        let hashed = keccak256(address);
        let path = Nibbles::unpack(keccak256(key.to_be_bytes::<32>()));
        let found = self.storage_of(hashed)?.get(&self.nodes, &path);
        let found = found.map_err(|blind| WitnessError::of(Some(hashed), blind))?;
        let Some(leaf) = found else { return Ok(U256::ZERO) };
        U256::decode(&mut leaf.as_slice()).map_err(|_| WitnessError::Malformed(keccak256(&leaf)))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, WitnessError> {
        self.block_hashes.get(&number).copied().ok_or(WitnessError::Header(number))
    }
}

impl State for WitnessState {
    fn apply(&mut self, changes: &StateChange) -> Result<(), WitnessError> {
        for (address, change) in changes {
            self.change(keccak256(address), change)?;
        }
        Ok(())
    }

    fn root(&mut self) -> Result<B256, WitnessError> {
        Ok(self.accounts.root())
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), WitnessError> {
        self.block_hashes.insert(number, hash);
        while self.block_hashes.len() > BLOCK_HASHES {
            self.block_hashes.pop_first();
        }
        Ok(())
    }
}

impl Begin for WitnessState {
    /// Knows all of it: a rollup that joins has its first blocks in the batch that lets it.
    fn begin(genesis: MemoryState, root: B256) -> Self {
        let block_hashes = genesis.block_hashes().collect();
        let mut state = Self { block_hashes, ..Self::new(&Witness::default(), EMPTY_ROOT_HASH) };
        for (address, account) in genesis.accounts() {
            let storage = account.storage.iter().map(|(key, value)| (*key, *value)).collect();
            let change = AccountChange { info: Some(account.info.clone()), wiped: true, storage };
            let changed = state.change(keccak256(address), &change);
            changed.expect("nothing is missing of what begins empty");
        }
        assert_eq!(state.accounts.root(), root, "the state is that of its head");
        state
    }
}
