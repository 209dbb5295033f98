//! AggLayer's certificate and the roots around it.

use crate::{claim::ImportedExit, exit::Exit};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Keccak256, U256};

/// Signing over and settling in AggLayer: one network's claim about its exits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Network.
    pub network: u32,
    /// How many were before.
    pub height: u64,
    /// Exit root before.
    pub prev_exit_root: B256,
    /// Exit root after.
    pub new_exit_root: B256,
    /// Exits in between.
    pub exits: Vec<Exit>,
    /// What was taken in.
    pub imported: Vec<ImportedExit>,
    /// Free for the network.
    pub metadata: B256,
}

impl Certificate {
    /// Returns the certificate's id.
    pub fn id(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(self.network.to_be_bytes());
        hasher.update(self.height.to_be_bytes());
        hasher.update(self.prev_exit_root);
        hasher.update(self.new_exit_root);
        hasher.update(hash_of(self.exits.iter().map(Exit::hash)));
        hasher.update(hash_of(self.imported.iter().map(ImportedExit::hash)));
        hasher.update(self.metadata);
        hasher.finalize()
    }
}

fn hash_of(hashes: impl Iterator<Item = B256>) -> B256 {
    let mut hasher = Keccak256::new();
    hashes.for_each(|hash| hasher.update(hash));
    hasher.finalize()
}

/// What AggLayer's pessimistic root commits to. Its numbers have the lowest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PessimisticRoot {
    /// Root of the balance tree.
    pub balances: B256,
    /// Root of the nullifier tree.
    pub nullifiers: B256,
    /// Exits so far.
    pub exits: u32,
    /// Certificates so far.
    pub height: u64,
    /// Network.
    pub network: u32,
}

impl PessimisticRoot {
    /// Returns version 2, which knows neither height nor network.
    pub fn v2(&self) -> B256 {
        self.start().finalize()
    }

    /// Returns version 3.
    pub fn v3(&self) -> B256 {
        let mut hasher = self.start();
        hasher.update(self.height.to_le_bytes());
        hasher.update(self.network.to_le_bytes());
        hasher.finalize()
    }

    fn start(&self) -> Keccak256 {
        let mut hasher = Keccak256::new();
        hasher.update(self.balances);
        hasher.update(self.nullifiers);
        hasher.update(self.exits.to_le_bytes());
        hasher
    }
}

/// Returns AggLayer's name of a set of signers, of whom `threshold` must sign.
pub fn multisig_hash(threshold: U256, signers: &[Address]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(threshold.to_be_bytes::<32>());
    signers.iter().for_each(|signer| hasher.update(signer.into_word()));
    hasher.finalize()
}

/// Returns AggLayer's name of what authorises a chain, for its only consensus type.
pub fn aggchain_hash(vkey: &B256, params: &B256, multisig: &B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(1_u32.to_be_bytes());
    hasher.update(vkey);
    hasher.update(params);
    hasher.update(multisig);
    hasher.finalize()
}
