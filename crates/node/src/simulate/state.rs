//! State of a rollup in a sandbox: whole where blocks are made, only looked at elsewhere.

use crate::view::View;
use alloy_primitives::{Address, B256, U256};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use weft_evm::{State, StateChange};
use weft_state::{ChainState, StoreError};

/// A state that a sandbox writes to.
#[derive(Debug)]
pub(crate) enum Sand {
    /// A copy, which has a root.
    Whole(ChainState),
    /// What differs from a state that others own. It has no root.
    Seen(View),
}

impl State for Sand {
    fn apply(&mut self, changes: &StateChange) -> Result<(), StoreError> {
        match self {
            Self::Whole(state) => state.apply(changes),
            Self::Seen(view) => view.apply(changes),
        }
    }

    fn root(&mut self) -> Result<B256, StoreError> {
        match self {
            Self::Whole(state) => state.root(),
            Self::Seen(_) => unreachable!("blocks are made over whole states"),
        }
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), StoreError> {
        match self {
            Self::Whole(state) => state.insert_block_hash(number, hash),
            Self::Seen(_) => Ok(()),
        }
    }
}

impl DatabaseRef for Sand {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        match self {
            Self::Whole(state) => state.basic_ref(address),
            Self::Seen(view) => view.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        match self {
            Self::Whole(state) => state.code_by_hash_ref(code_hash),
            Self::Seen(view) => view.code_by_hash_ref(code_hash),
        }
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, StoreError> {
        match self {
            Self::Whole(state) => state.storage_ref(address, key),
            Self::Seen(view) => view.storage_ref(address, key),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        match self {
            Self::Whole(state) => state.block_hash_ref(number),
            Self::Seen(view) => view.block_hash_ref(number),
        }
    }
}
