//! Derivation: a pure function from what is on L1 to every block of every rollup (P41).
//!
//! ```text
//!  batches, inbox ──► lane: headers, positions, chains ──► items ──► fold ──► blocks
//!                        │                                   │         │
//!                        └── record, order ──────────────────┴─ removals, block tags, heads ──► the first Lie
//! ```
//!
//! [`Derivation`] gives the inputs of a batch to the same lane and the same fold as the sequencer did, and compares what
//! the batch says of the results. Whatever the lane or the fold would not have done is a [`Lie`] with its place.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod admission;
mod close;
mod derivation;
mod exits;
mod fate;
mod forced;
mod genesis;
mod inbox;
mod legs;
mod lie;
mod revealed;
mod sealed;
mod slot;
mod underivable;

pub use admission::{is_dead, submission, terms};
pub use derivation::{Derivation, Derived, InvalidRealm};
pub use fate::Fate;
pub use forced::ForcedBatch;
pub use genesis::rollup;
pub use inbox::InboxEntry;
pub use legs::{Legs, Recover, Recovered};
pub use lie::{Lie, LieKind};
pub use revealed::is_solved;
pub use slot::item_of;
pub use underivable::Underivable;
