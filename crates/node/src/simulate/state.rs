//! State of a rollup in a sandbox: whole where blocks are made, only looked at elsewhere.

use crate::view::View;
use alloy_primitives::{Address, B256, U256};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::convert::Infallible;
use weft_evm::{MemoryState, State, StateChange};

/// A state that a sandbox writes to.
#[derive(Debug)]
pub(crate) enum Sand {
    /// A copy, which has a root.
    Whole(Box<MemoryState>),
    /// What differs from a state that others own. It has no root.
    Seen(View),
}

impl State for Sand {
    fn apply(&mut self, changes: &StateChange) {
        match self {
            Self::Whole(state) => state.apply(changes),
            Self::Seen(view) => view.change(changes),
        }
    }

    fn root(&mut self) -> B256 {
        match self {
            Self::Whole(state) => state.root(),
            Self::Seen(_) => unreachable!("blocks are made over whole states"),
        }
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) {
        if let Self::Whole(state) = self {
            state.insert_block_hash(number, hash);
        }
    }
}

impl DatabaseRef for Sand {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        match self {
            Self::Whole(state) => state.basic_ref(address),
            Self::Seen(view) => view.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        match self {
            Self::Whole(state) => state.code_by_hash_ref(code_hash),
            Self::Seen(view) => view.code_by_hash_ref(code_hash),
        }
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        match self {
            Self::Whole(state) => state.storage_ref(address, key),
            Self::Seen(view) => view.storage_ref(address, key),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        match self {
            Self::Whole(state) => state.block_hash_ref(number),
            Self::Seen(view) => view.block_hash_ref(number),
        }
    }
}
