//! What L1 counts: exits and their trees, escrow, batches and statements (P40-P46).
//!
//! ```text
//!  exits ──► ExitTree ──► local exit root ─┐
//!                                          ├─► rollup exit root ─┐
//!  exits of other rollups ─────────────────┘                     ├─► global exit root
//!  exits of L1 ──► ExitTree ──► mainnet exit root ───────────────┘
//! ```
//!
//! [`ExitTree`], [`claim`] and [`certificate`] are byte-compatible with AggLayer; [`statement`] is what attesters sign and
//! proofs will show (P44). The encodings are those that the contracts of `contracts/src/l1` hash.
//!
//! The crate verifies and counts; it executes nothing, reads no clock and does no I/O.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod balance;
pub mod batch;
pub mod certificate;
pub mod claim;
pub mod exit;
pub mod inbox;
pub mod index;
pub mod nullifier;
pub mod roots;
pub mod sparse;
pub mod statement;
pub mod tree;

pub use balance::{BalanceTree, Token};
pub use batch::{BatchHeader, genesis_hash};
pub use certificate::{Certificate, PessimisticRoot, aggchain_hash, multisig_hash};
pub use claim::{Claim, ImportedExit, InvalidClaim, L1InfoLeaf, MerkleProof};
pub use exit::{Exit, LeafType};
pub use index::{GlobalIndex, InvalidGlobalIndex};
pub use nullifier::NullifierTree;
pub use roots::{global_exit_root, l1_info_leaf, rollup_exit_root};
pub use statement::{Outcome, Statement, Transfer, Transition};
pub use tree::{ExitTree, TREE_DEPTH, TreeFull, root_of};
