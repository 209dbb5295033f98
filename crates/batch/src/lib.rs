//! Batches: what a realm publishes on L1, so that everything else follows from it (P40).
//!
//! ```text
//!  Batch ──encode──► plain ‖ noise ──► SignedBatch ──pack──► payload ──► blobs::pack ──► blobs of 4,096 field elements
//!                    (brotli) (as is)   (sequencer)
//! ```
//!
//! A batch holds what the sequencer was given and in which order: slot times, items in full, envelopes, keys and secrets
//! of epochs. Headers, running chains and closing records are not in it, because they follow. What it says about
//! results is there to be contradicted: removals, a tag of every block, the last block of every rollup.
//!
//! Everything here is a value. The crate reads no clock, does no I/O and draws no randomness; it decompresses and leaves
//! compressing to its caller. Formats: `docs/reference/batches.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod batch;
pub mod blobs;
mod brotli;
mod claims;
mod item;
mod opened;
pub mod payload;
mod realm;
mod slot;
mod streams;

pub use batch::{Batch, ClaimedHead, SignedBatch};
pub use claims::{AnnouncedKey, ClaimedRemoval, OrderCommitment, ReorgedEntry, TAG_BYTES, tag};
pub use item::{WireBundle, WireItem, WireLeg};
pub use opened::{EpochOpening, Opened, Ordered, Revealed, SignedRelease, Squared, is_signed};
pub use payload::{Compress, InvalidPayload, MAX_BATCH_BYTES};
pub use realm::{RealmConfig, RollupGenesis, SealingRealm};
pub use slot::Slot;
