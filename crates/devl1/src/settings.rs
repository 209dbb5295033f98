//! What a chain for development is started with.

use alloy_primitives::{Address, U256};
use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

/// Chain id of the development L1.
pub const CHAIN_ID: u64 = 900;
/// Port of the development L1.
pub const PORT: u16 = 8545;

/// Which client makes the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// A node in this process.
    Embedded,
    /// anvil, by the path of its program.
    Anvil(PathBuf),
}

/// What a chain is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which client.
    pub backend: Backend,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 for any that is free.
    pub port: u16,
    /// Time between blocks, at least a millisecond. Timestamps increase by a second or more whatever this is, so the chain's
    /// clock runs ahead when it is shorter.
    pub interval: Duration,
    /// Whether a block is made as soon as a transaction waits, between the others.
    pub eager: bool,
    /// Accounts that have ether, in wei.
    pub funded: Vec<(Address, U256)>,
    /// Directory of the archive of blobs; it is made.
    pub blobs: PathBuf,
}

impl Settings {
    /// A chain that anybody on this machine can use, with a block every second.
    pub fn new(backend: Backend, blobs: PathBuf) -> Self {
        Self {
            backend,
            chain_id: CHAIN_ID,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: PORT,
            interval: Duration::from_secs(1),
            eager: false,
            funded: Vec::new(),
            blobs,
        }
    }
}
