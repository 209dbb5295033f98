//! The lane: the one total order of a realm's items, as a pure state machine.
//!
//! ```text
//!            Tick, Submit, Close                 Submit                    the clock, Close
//!  (no slot) ───────────────────► open: header ─────────► position, link ─────────────────► closed: record
//!                                    ▲                                                          │
//!                                    └───────────── parent = hash of the record ◄───────────────┘
//! ```
//!
//! [`Lane::step`] takes the time, an input and a list to which it adds effects; its caller signs, stores and sends
//! them. The same inputs at the same times give the same effects on every machine, so a log of inputs is a backup
//! of the lane, and a clone of a [`Lane`] is a snapshot of it. Between two slots a [`Standing`] with the items of recent
//! slots is all that there is to a lane.
//!
//! The crate never reads a clock, never looks into an item and executes nothing: what an item costs is *declared*
//! (P9) and what becomes of it is the fold's matter (P3).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod admit;
pub mod chain;
pub mod config;
pub mod input;
pub mod lane;
mod recent;
pub mod sealed;
mod slot;
pub mod standing;

pub use admit::{Rejection, Submission};
pub use chain::{SectionChain, chain_next, chain_start};
pub use config::{InvalidConfig, LaneConfig};
pub use input::{Effect, Input};
pub use lane::Lane;
pub use sealed::{
    ClosedEpoch, Epoch, KeyAnnouncement, MAX_OPENED_BYTES, SealedItem, SealedRejection,
    SealedSubmission, Sealing, SealingConfig, Turn,
};
pub use standing::{ClosedSlot, InvalidStanding, Standing};
