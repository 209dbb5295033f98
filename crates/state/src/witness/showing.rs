//! Witnesses of many blocks in a row, for whoever follows them without a state.

use super::{Accessed, Watched, Witness};
use crate::{
    chain::{ChainState, StateOptions},
    database::Database,
    error::StoreError,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::collections::BTreeMap;
use weft_evm::{Begin, MemoryState, State, StateChange};
use weft_types::NetworkId;

/// A state in memory that keeps what others need of it to take the same steps: whatever is read, and what is beside it where
/// blocks write.
#[derive(Debug, Clone)]
pub struct Showing {
    state: Watched<ChainState>,
    /// Nodes and codes since somebody took them, by hash.
    nodes: BTreeMap<B256, Bytes>,
    codes: BTreeMap<B256, Bytes>,
}

impl Showing {
    /// Begins to show a state.
    pub fn new(state: ChainState) -> Self {
        Self { state: Watched::new(state), nodes: BTreeMap::new(), codes: BTreeMap::new() }
    }

    /// Returns what was looked at since the last call, in the states before the blocks since then. Keys and headers are left out:
    /// whoever follows knows them.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn take(&mut self) -> Result<Witness, StoreError> {
        let accessed = self.state.take_accessed();
        self.keep(&accessed)?;
        Ok(Witness {
            state: std::mem::take(&mut self.nodes).into_values().collect(),
            codes: std::mem::take(&mut self.codes).into_values().collect(),
            ..Witness::default()
        })
    }

    fn keep(&mut self, accessed: &Accessed) -> Result<(), StoreError> {
        let Witness { state, codes, .. } = self.state.state().witness(accessed)?;
        self.nodes.extend(state.into_iter().map(|node| (keccak256(&node), node)));
        self.codes.extend(codes.into_iter().map(|code| (keccak256(&code), code)));
        Ok(())
    }
}

impl Begin for Showing {
    fn begin(genesis: MemoryState, _: B256) -> Self {
        let (database, any) = (Database::memory(), NetworkId::new(0));
        let state = ChainState::open(&database, any, &StateOptions::default());
        let filled = state.and_then(|mut state| {
            state.fill(&genesis)?;
            state.root()?;
            Ok(state)
        });
        Self::new(filled.expect("memory can be read and written"))
    }
}

impl DatabaseRef for Showing {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        self.state.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        self.state.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, StoreError> {
        self.state.storage_ref(address, key)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        self.state.block_hash_ref(number)
    }
}

impl State for Showing {
    fn apply(&mut self, changes: &StateChange) -> Result<(), StoreError> {
        // Slots that are written without being read are shown as well, of the state before.
        let mut accessed = self.state.take_accessed();
        for (address, change) in changes {
            let slots = accessed.accounts.entry(*address).or_default();
            slots.extend(change.storage.keys());
        }
        accessed.changes.clone_from(changes);
        self.keep(&accessed)?;
        self.state.apply(changes)?;
        // That was of a state which is shown already.
        self.state.take_accessed();
        Ok(())
    }

    fn root(&mut self) -> Result<B256, StoreError> {
        self.state.root()
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), StoreError> {
        self.state.insert_block_hash(number, hash)
    }
}
