//! What is attested or proven of batches (P44): from the derivation of a span of batches to the statement that L1 takes.
//!
//! ```text
//!  batch ──► Derivation ──► fates ──────► proposal root, outcome root ─┐
//!                 │                                                    │
//!                 ├──► blocks, heads, escrow, exits ──► Outcome ───────┼─► Statement ──► digest
//!                 └──► moved ──► transfers ────────────────────────────┘
//! ```
//!
//! [`Ledger`] is where to begin: it takes one derived batch after the other and makes the statement of those that wait
//! for settlement. [`header_of`] is what L1 is told of a batch when it is posted. An attester, a settler and a proof call
//! the same code (P45). Formats: `docs/reference/settlement.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod fates;
mod header;
mod ledger;
mod list;
mod outcome;
mod transfers;

pub use fates::{fate_leaf, is_broken, proposal_leaf, settled_fate};
pub use header::{Origin, header_of, lane_root, rollups_of};
pub use ledger::{Ledger, NotAStatement};
pub use list::{list_root, opened_root, opening};
pub use outcome::{genesis_outcome, heads_root, outcome_of};
pub use transfers::transfers;
