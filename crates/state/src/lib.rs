//! State of rollups, on disk or in memory.
//!
//! A [`Database`] keeps ordered tables of bytes in a file or in memory. Writes of all rollups of a slot, and whatever
//! the node adds, take effect in one [`Batch`]: all or nothing.
//!
//! A [`ChainState`] is the state of one rollup: accounts, storage and code, tries that follow changes at a cost
//! proportional to them, proofs, what recent blocks overwrote, and the way back to them. Blocks are applied in memory
//! above the database and leave with the slot's batch.

mod batch;
mod cache;
mod chain;
mod database;
mod entry;
mod error;
mod file;
mod history;
mod inverse;
mod kept;
mod keys;
mod medium;
mod memory;
mod overlay;
mod proof;
mod read;
pub mod sim;
mod table;
#[cfg(test)]
mod tests;
mod trie;
mod undo;
mod whole;
mod witness;
mod write;

pub use batch::Batch;
pub use chain::{ChainState, StateOptions};
pub use database::{Database, Durability, Options};
pub use error::StoreError;
pub use kept::History;
pub use medium::Medium;
pub use overlay::Staged;
pub use proof::{AccountProof, SlotProof};
pub use read::{Pair, Pairs, Read, Span, under};
pub use table::Table;
pub use witness::{Accessed, Showing, Watched, Witness, WitnessError, WitnessState};
