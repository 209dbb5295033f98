//! State of rollups, on disk or in memory.
//!
//! A [`Database`] keeps ordered tables of bytes in a file or in memory. Writes of all rollups of a slot, and whatever
//! the node adds, take effect in one [`Batch`]: all or nothing.

mod batch;
mod database;
mod error;
mod file;
mod memory;
mod read;
mod table;

pub use batch::Batch;
pub use database::{Database, Durability, Options};
pub use error::StoreError;
pub use read::{Pair, Pairs, Read, Span};
pub use table::Table;
