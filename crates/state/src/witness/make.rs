//! Making witnesses: watching what an execution looks at, and showing just that.

use super::{Witness, WitnessError, WitnessState};
use crate::{
    chain::{ChainState, hashed_key},
    error::StoreError,
    trie::Trie,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, proof::ProofNodes};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use weft_evm::{State, StateChange};

/// What an execution looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accessed {
    /// Accounts, with their slots.
    pub accounts: BTreeMap<Address, BTreeSet<U256>>,
    /// Codes by hash.
    pub codes: BTreeMap<B256, Bytes>,
    /// Oldest block whose hash was asked for.
    pub oldest_block: Option<u64>,
    /// What the block wrote.
    pub changes: StateChange,
}

/// A state that remembers what was looked at.
#[derive(Debug, Clone)]
pub struct Watched<D> {
    state: D,
    accessed: Arc<Mutex<Accessed>>,
}

impl<D> Watched<D> {
    /// Begins to watch a state.
    pub fn new(state: D) -> Self {
        Self { state, accessed: Arc::default() }
    }

    /// Returns what was looked at so far.
    pub fn accessed(&self) -> Accessed {
        self.lock().clone()
    }

    /// Returns what was looked at, and begins anew.
    pub fn take_accessed(&mut self) -> Accessed {
        std::mem::take(&mut self.lock())
    }

    /// Returns the state below.
    pub const fn state(&self) -> &D {
        &self.state
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Accessed> {
        self.accessed.lock().expect("nothing panics while it is held")
    }

    fn saw_code(&self, hash: B256, code: &Bytecode) {
        if !code.is_empty() {
            self.lock().codes.entry(hash).or_insert_with(|| code.original_bytes());
        }
    }
}

impl<D: DatabaseRef> DatabaseRef for Watched<D> {
    type Error = D::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, D::Error> {
        self.lock().accounts.entry(address).or_default();
        let info = self.state.basic_ref(address)?;
        // The state hands out code with its account, whether it runs or not.
        if let Some((hash, code)) =
            info.as_ref().and_then(|info| Some((info.code_hash, info.code.as_ref()?)))
        {
            self.saw_code(hash, code);
        }
        Ok(info)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, D::Error> {
        let code = self.state.code_by_hash_ref(code_hash)?;
        self.saw_code(code_hash, &code);
        Ok(code)
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, D::Error> {
        self.lock().accounts.entry(address).or_default().insert(key);
        self.state.storage_ref(address, key)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, D::Error> {
        let mut accessed = self.lock();
        accessed.oldest_block = Some(accessed.oldest_block.map_or(number, |old| old.min(number)));
        drop(accessed);
        self.state.block_hash_ref(number)
    }
}

impl<D: State> State for Watched<D> {
    fn apply(&mut self, changes: &StateChange) -> Result<(), D::Error> {
        let mut accessed = self.lock();
        for (address, change) in changes {
            let slots = accessed.accounts.entry(*address).or_default();
            slots.extend(change.storage.keys());
        }
        accessed.changes.extend(changes.clone());
        drop(accessed);
        self.state.apply(changes)
    }

    fn root(&mut self) -> Result<B256, D::Error> {
        self.state.root()
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), D::Error> {
        self.state.insert_block_hash(number, hash)
    }
}

impl ChainState {
    /// Shows of the state after its last block what an execution looked at, and what is needed to write what it wrote.
    /// Headers are left to the caller.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn witness(&self, accessed: &Accessed) -> Result<Witness, StoreError> {
        if self.pending.is_empty() {
            return self.show(accessed);
        }
        let mut current = self.clone();
        current.compute_root()?;
        current.show(accessed)
    }

    fn show(&self, accessed: &Accessed) -> Result<Witness, StoreError> {
        let mut making = Making { state: self, nodes: BTreeMap::new() };
        let hashed = accessed.accounts.keys().map(keccak256).collect();
        let root = making.take(&self.account_trie(), hashed)?;
        for (address, keys) in accessed.accounts.iter().filter(|(_, keys)| !keys.is_empty()) {
            let targets = keys.iter().map(|key| hashed_key(*key)).collect();
            making.take(&self.storage_trie(&keccak256(address)), targets)?;
        }
        making.take_siblings(root, &accessed.changes)?;
        let slots = accessed.accounts.values().flatten().collect::<BTreeSet<_>>();
        let addresses = accessed.accounts.keys().map(|address| address.0.0.into());
        let keys = addresses.chain(slots.into_iter().map(|key| key.to_be_bytes::<32>().into()));
        Ok(Witness {
            keys: keys.collect(),
            state: making.nodes.into_values().collect(),
            codes: accessed.codes.values().cloned().collect(),
            headers: Vec::new(),
        })
    }
}

struct Making<'a> {
    state: &'a ChainState,
    nodes: BTreeMap<B256, Bytes>,
}

impl Making<'_> {
    /// Takes the nodes on the way to keys of a trie; returns its root.
    fn take(&mut self, trie: &Trie<'_>, mut keys: Vec<B256>) -> Result<B256, StoreError> {
        keys.sort_unstable();
        keys.dedup();
        let (root, nodes) = trie.prove(keys)?;
        self.nodes.extend(by_hash(nodes));
        Ok(root)
    }

    /// Takes one node, by its place and its hash.
    fn take_one(&mut self, trie: &Trie<'_>, path: &Nibbles, hash: B256) -> Result<(), StoreError> {
        let (_, nodes) = trie.prove(vec![below(path)])?;
        self.nodes.extend(by_hash(nodes).filter(|(found, _)| *found == hash));
        Ok(())
    }

    /// Takes what is beside the way: where a branch loses all but one child, that child moves up and must be known.
    fn take_siblings(&mut self, root: B256, changes: &StateChange) -> Result<(), StoreError> {
        loop {
            let witness =
                Witness { state: self.nodes.values().cloned().collect(), ..Witness::default() };
            let known = self.nodes.len();
            match WitnessState::new(&witness, root).apply(changes) {
                Ok(()) => return Ok(()),
                Err(WitnessError::Node { account: None, path, hash }) => {
                    self.take_one(&self.state.account_trie(), &path, hash)?;
                }
                Err(WitnessError::Node { account: Some(hashed), path, hash }) => {
                    self.take_one(&self.state.storage_trie(&hashed), &path, hash)?;
                }
                Err(error) => return Err(StoreError::corrupt(error.to_string())),
            }
            if self.nodes.len() == known {
                return Err(StoreError::corrupt("a trie lacks a node that it names"));
            }
        }
    }
}

/// Returns the nodes that have a place of their own: the root, and what is too long to stand in its parent.
fn by_hash(nodes: ProofNodes) -> impl Iterator<Item = (B256, Bytes)> {
    let nodes = nodes.into_inner().into_iter();
    let own = nodes.filter(|(path, node)| path.is_empty() || node.len() >= 32);
    let known = own.filter(|(_, node)| node.as_ref() != [alloy_rlp::EMPTY_STRING_CODE]);
    known.map(|(_, node)| (keccak256(&node), node))
}

/// Returns the first key below a path.
fn below(path: &Nibbles) -> B256 {
    let mut key = B256::ZERO;
    for (index, nibble) in path.iter().take(64).enumerate() {
        key[index / 2] |= if index % 2 == 0 { nibble << 4 } else { nibble };
    }
    key
}
