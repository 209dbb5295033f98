//! Ethereum's own block rules, from Frontier to Osaka: what a foreign chain is held to when it is imported.
//!
//! ```text
//!  genesis.json ──► Schedule ──► rules of a block ─┐
//!  chain.rlp ──► BlockReader ──► header checks ────┼──► Executor (revm) ──► roots, gas, bloom, requests ──► next block
//!                                                  │
//!                         block rewards, withdrawals, system calls
//! ```
//!
//! [`ForeignChain`] imports blocks one by one and refuses the first bad one; [`build`] makes a block as a block
//! producer would. Transactions run on the stock EVM, not in the joint machine: nothing here crosses.
//! Proof-of-work seals are not checked, and neither are signatures of Clique.

mod build;
mod chain;
mod difficulty;
mod error;
mod execute;
mod genesis;
mod header;
mod ommers;
mod reader;
mod schedule;

pub use build::{Attributes, Built, build};
pub use chain::{ForeignBlock, ForeignChain};
pub use error::{ImportError, InvalidBlock};
pub use execute::{Context, Executor, block_env, context, tx_env};
pub use genesis::{Genesis, genesis};
pub use header::next_header;
pub use reader::BlockReader;
pub use schedule::{Fork, Rules, Schedule};
