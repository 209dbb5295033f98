//! L1 as a realm sees it: what happened there, in order, undone when blocks are replaced.
//!
//! ```text
//!  endpoints ──► L1Client: hashes checked, no contradiction ──► Follower ──► Step: Forward, Back, Safe, Finalized
//!                      │                                                        │
//!  archive, beacon ──► BlobSource: blobs checked against versioned hashes ──────┴─► batches
//! ```
//!
//! [`L1Client`] takes nothing on trust that has a hash: a header is hashed, receipts are hashed up to the header's root, and
//! logs come from receipts. What has none, such as which block is the last, needs half of the endpoints.
//!
//! [`Audit`] leads from a [`History`] and blobs to every block, or to the first lie; [`deploy`] puts a realm on L1.
//!
//! The crate signs nothing by itself and keeps nothing on disk.

mod audit;
mod blobs;
mod block;
mod client;
mod deploy;
mod endpoint;
mod error;
mod events;
mod follower;
mod history;
mod registration;
mod renumberings;
mod settled;

pub use audit::{Audit, AuditError, L1Lie, register};
pub use blobs::{
    BeaconBlobs, BlobDir, BlobError, BlobFuture, BlobSource, ClientBlobs, versioned_hash,
};
pub use block::{CheckedHeader, L1Block};
pub use client::{L1Client, MAX_RANGE, Sureness};
pub use deploy::{DeployError, Deployed, Done, Plan, backing, deploy, registration};
pub use endpoint::L1Patience;
pub use error::{EndpointError, L1Error, Lie};
pub use events::{
    Contracts, Entry, Happening, KeyAdded, Posted, Registered, RollupSettled, SeatTaken, Settled,
    Voided,
};
pub use follower::{Follower, Following, MAX_REORG, Step};
pub use history::History;
pub use registration::Registration;
pub use renumberings::Renumberings;
pub use settled::{Broken, Held, Span, settled_path};
pub use weft_derive::InboxEntry;
pub use weft_statement::genesis_outcome;
