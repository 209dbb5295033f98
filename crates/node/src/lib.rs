//! The Weft node: one engine thread that owns the realm, the lane and what clients may ask about, and one
//! Ethereum JSON-RPC server per rollup in front of it.
//!
//! ```text
//!  port of 901 ──┐                              ┌─ lane: slots and positions
//!  port of 902 ──┼─ jobs ─► engine thread ──────┼─ realm: joint execution, open and closed state
//!  port of 903 ──┘           (slot loop)        └─ stores: blocks, outcomes, pool, bundles, filters
//! ```
//!
//! [`Node::start`] is the entry point; everything a client can say comes in as JSON-RPC (`eth_*`, `weft_*` and
//! the development helpers `evm_*` and `anvil_*`). With a data directory every input is in a log on disk
//! before its answer leaves, what it led to is in a database, and a start goes on from both; else everything is in memory. What the node promises is
//! signed by a thread of its own.

pub mod accounts;
mod admin;
mod batches;
mod beacon;
mod blob_archive;
mod bundles;
mod clock;
mod common;
pub mod config;
mod data_dir;
mod engine;
pub mod error;
mod export;
mod filters;
mod following;
mod foreign_pool;
mod impersonated;
mod intake;
mod keep;
mod metrics;
mod node;
mod notices;
mod origins;
mod outcomes;
mod page;
mod pool;
mod priority;
mod promises;
mod record;
mod removals;
mod requests;
mod resume;
mod rollup;
mod rpc;
mod sealing;
mod server;
mod servers;
mod simulate;
mod slots;
mod status;
mod store;
mod trace;
mod turns;
mod upstream;
mod view;

pub use accounts::{DEV_ACCOUNTS, DevAccount};
pub use admin::{AdminConfig, LogControl};
pub use batches::{
    BatchDir, BatchFileError, BatchLimits, BatchOptions, BatchSink, Brotli, RestsOn,
    VerifiedBatches, Verifier, VerifyBatchesError, development_sequencer, realm_config, recover,
};
pub use blob_archive::{BlobArchive, BlobArchiveError};
pub use config::{DevConfig, GuardFile, Limits, Mining, SigningKey};
pub use engine::{
    EngineHandle, FollowBatch, FollowError, FollowStanding, ImportedChain, L1Block, L1Entry,
    L1Refused, L1Standing, L1Update, OnL1, PostedBatch, Production, SlotsAhead,
};
pub use error::NodeError;
pub use export::{Archive, DataOf, Progress, Verified, VerifyError, export_batches, verify};
pub use following::follow_realm;
pub use node::{Node, NodeHandle, RollupInfo};
pub use origins::Origins;
pub use resume::resume;
pub use rollup::{MAX_ALLOCATIONS, RollupConfig};
pub use sealing::SealingOptions;
pub use turns::Priority;
pub use upstream::{NoSlots, Sequencer, ServedSlots};
