//! An Ethereum chain for development: what stands in for L1 when there is none.
//!
//! ```text
//!  Settings ──► start ──► dyn DevL1 { url, mine, reorg, blobs, stop }
//!                 ├─ Backend::Embedded  a node in this process, with nothing to install
//!                 └─ Backend::Anvil     a child process
//! ```
//!
//! [`start`] is where to begin. Whatever the backend, clients see an ordinary chain: JSON-RPC over HTTP and WebSocket, the
//! beacon API's `/eth/v1/beacon/blobs/{block}`, and `anvil_mine` and `anvil_reorg` under those names, all at one address.
//! Blobs of mined transactions are kept in a directory for good ([`BlobArchive`]), although real chains forget them.
//!
//! Its accounts are public and its blocks are made by whoever runs it: nothing of value belongs there.

mod anvil;
mod embedded;
pub mod error;
mod genesis;
mod guard;
mod rpc;
pub mod settings;
mod steered;

pub use anvil::{ANVIL_VARIABLE, find_anvil};
pub use error::DevL1Error;
pub use settings::{Backend, Settings};
pub use weft_node::{BlobArchive, BlobArchiveError};

use alloy_eips::eip4844::Blob;
use alloy_primitives::B256;
use std::{fmt::Debug, pin::Pin};

/// An answer that takes a while.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, DevL1Error>> + Send + 'a>>;

/// Deepest reorg: nobody need survive a deeper one, and what is below is final.
pub const MAX_REORG: u64 = 64;

/// A block at the tip of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

/// A running chain. It ends when it is dropped; [`DevL1::stop`] also waits for that.
pub trait DevL1: Debug + Send + Sync {
    /// Returns where it serves JSON-RPC over HTTP; WebSocket is at the same address.
    fn url(&self) -> &str;

    /// Returns where blobs are kept.
    fn archive(&self) -> &BlobArchive;

    /// Makes `blocks` blocks at once, with the transactions that wait; returns the last one.
    fn mine(&self, blocks: u64) -> Pending<'_, Head>;

    /// Replaces the last `depth` blocks, at most [`MAX_REORG`] of them, by as many empty ones; returns the last one. Their
    /// transactions are gone: whoever wants them sends them again.
    fn reorg(&self, depth: u64) -> Pending<'_, Head>;

    /// Returns the blobs of a mined transaction in their order; none when it carries none.
    fn blobs(&self, transaction: B256) -> Pending<'_, Vec<Blob>>;

    /// Ends it.
    fn stop(self: Box<Self>) -> Pending<'static, ()>;
}

/// Starts a chain and waits until it answers.
pub async fn start(settings: Settings) -> Result<Box<dyn DevL1>, DevL1Error> {
    match settings.backend.clone() {
        Backend::Embedded => Ok(Box::new(embedded::Embedded::start(settings).await?)),
        Backend::Anvil(program) => Ok(Box::new(anvil::Anvil::start(&program, settings).await?)),
    }
}
