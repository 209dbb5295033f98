//! A state to look at: a block's, or the open slot's, with overrides on top.

use alloy_primitives::{Address, B256, U256};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use weft_evm::{State, StateChange};
use weft_state::{ChainState, StoreError};

/// A state that is only looked at.
#[derive(Debug, Clone)]
pub(crate) struct View {
    state: ChainState,
    /// Block after which the state is looked at; `None` for the last one.
    number: Option<u64>,
    /// What differs from it.
    overlay: StateChange,
}

impl View {
    pub(crate) const fn new(state: ChainState, number: Option<u64>, overlay: StateChange) -> Self {
        Self { state, number, overlay }
    }
}

impl View {
    /// Returns the same state with `changes` on top.
    pub(crate) fn with(mut self, changes: StateChange) -> Self {
        self.overlay.extend(changes);
        self
    }
}

impl DatabaseRef for View {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        if let Some(change) = self.overlay.get(&address) {
            return Ok(change.info.clone());
        }
        match self.number {
            Some(number) => self.state.account_at(number, address),
            None => self.state.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        let infos = self.overlay.values().filter_map(|change| change.info.as_ref());
        let code =
            infos.filter(|info| info.code_hash == code_hash).find_map(|info| info.code.clone());
        code.map_or_else(|| self.state.code_by_hash_ref(code_hash), Ok)
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, StoreError> {
        if let Some(change) = self.overlay.get(&address) {
            match change.storage.get(&key) {
                Some(value) => return Ok(*value),
                None if change.wiped || change.info.is_none() => return Ok(U256::ZERO),
                None => {}
            }
        }
        match self.number {
            Some(number) => self.state.storage_at(number, address, key),
            None => self.state.storage_ref(address, key),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        self.state.block_hash_ref(number)
    }
}

impl View {
    /// Puts changes on top.
    pub(crate) fn change(&mut self, changes: &StateChange) {
        for (address, change) in changes {
            let known = self.overlay.entry(*address).or_default();
            if change.wiped || change.info.is_none() {
                *known = change.clone();
            } else {
                known.info = change.info.clone();
                known.storage.extend(change.storage.iter().map(|(key, value)| (*key, *value)));
            }
        }
    }
}

impl State for View {
    fn apply(&mut self, changes: &StateChange) -> Result<(), StoreError> {
        self.change(changes);
        Ok(())
    }

    fn root(&mut self) -> Result<B256, StoreError> {
        unreachable!("slots over views do not close");
    }

    fn insert_block_hash(&mut self, _: u64, _: B256) -> Result<(), StoreError> {
        unreachable!("slots over views do not close");
    }
}
