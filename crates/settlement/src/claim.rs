//! Claims: that an exit happened elsewhere.

use crate::{
    exit::Exit,
    index::GlobalIndex,
    roots::{global_exit_root, l1_info_leaf},
    tree::{TREE_DEPTH, root_of},
};
use alloy_primitives::{B256, Keccak256, U256, keccak256};
use thiserror::Error;

/// A path and the root that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleProof {
    /// Siblings from the leaf up.
    pub siblings: [B256; TREE_DEPTH],
    /// Root.
    pub root: B256,
}

impl MerkleProof {
    /// Tells whether `leaf` stands at `index`.
    pub fn verifies(&self, leaf: &B256, index: u32) -> bool {
        root_of(leaf, index, &self.siblings) == self.root
    }

    fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(self.root);
        self.siblings.iter().for_each(|sibling| hasher.update(sibling));
        hasher.finalize()
    }
}

/// A leaf of the L1 info tree, and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1InfoLeaf {
    /// Index in the tree.
    pub index: u32,
    /// Rollup exit root.
    pub rollups: B256,
    /// Mainnet exit root.
    pub mainnet: B256,
    /// Global exit root, over the two.
    pub global: B256,
    /// Hash of the L1 block before.
    pub block_hash: B256,
    /// Time of the L1 block, in seconds.
    pub timestamp: u64,
}

impl L1InfoLeaf {
    /// Returns the leaf's hash.
    pub fn hash(&self) -> B256 {
        l1_info_leaf(&self.global, &self.block_hash, self.timestamp)
    }
}

/// The way from an exit to a root of the L1 info tree.
// A certificate holds few, and is made of little else.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Of an exit of L1.
    Mainnet {
        /// From the exit to the mainnet exit root.
        leaf_to_mainnet: MerkleProof,
        /// From the L1 info leaf to the root.
        global_to_l1: MerkleProof,
        /// L1 info leaf.
        l1_leaf: L1InfoLeaf,
    },
    /// Of an exit of a rollup.
    Rollup {
        /// From the exit to the rollup's exit root.
        leaf_to_local: MerkleProof,
        /// From there to the rollup exit root.
        local_to_rollups: MerkleProof,
        /// From the L1 info leaf to the root.
        global_to_l1: MerkleProof,
        /// L1 info leaf.
        l1_leaf: L1InfoLeaf,
    },
}

/// Why a claim shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidClaim {
    /// The claim is of L1 and the index of a rollup, or the other way round.
    #[error("claim and global index are of two networks")]
    Network,
    /// The global exit root is not that of the two roots beside it.
    #[error("the global exit root is not made of the roots beside it")]
    Global,
    /// A path does not lead from the exit to the exit root.
    #[error("the exit is not under the exit root")]
    Leaf,
    /// A path does not lead from the rollup's exit root to the rollup exit root.
    #[error("the rollup's exit root is not under the rollup exit root")]
    Rollup,
    /// A path does not lead to the root of the L1 info tree.
    #[error("the L1 info leaf is not under the root")]
    L1Info,
}

impl Claim {
    /// Checks that `exit` stands where `index` says, under `l1_info_root`.
    ///
    /// # Errors
    ///
    /// [`InvalidClaim`].
    pub fn verify(
        &self,
        exit: &Exit,
        index: GlobalIndex,
        l1_info_root: &B256,
    ) -> Result<(), InvalidClaim> {
        match self {
            Self::Mainnet { leaf_to_mainnet, global_to_l1, l1_leaf } => {
                let is_mainnet = index.network == 0;
                check(is_mainnet, InvalidClaim::Network)?;
                let leads = leaf_to_mainnet.verifies(&exit.hash(), index.leaf);
                check(leads && leaf_to_mainnet.root == l1_leaf.mainnet, InvalidClaim::Leaf)?;
                to_l1(l1_leaf, global_to_l1, l1_info_root)
            }
            Self::Rollup { leaf_to_local, local_to_rollups, global_to_l1, l1_leaf } => {
                let rollup = index.network.checked_sub(1).ok_or(InvalidClaim::Network)?;
                check(leaf_to_local.verifies(&exit.hash(), index.leaf), InvalidClaim::Leaf)?;
                let leads = local_to_rollups.verifies(&leaf_to_local.root, rollup);
                check(leads && local_to_rollups.root == l1_leaf.rollups, InvalidClaim::Rollup)?;
                to_l1(l1_leaf, global_to_l1, l1_info_root)
            }
        }
    }

    /// Returns the hash that an imported exit holds.
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        match self {
            Self::Mainnet { leaf_to_mainnet, global_to_l1, l1_leaf } => {
                hasher.update(leaf_to_mainnet.hash());
                hasher.update(global_to_l1.hash());
                hasher.update(l1_leaf.hash());
            }
            Self::Rollup { leaf_to_local, local_to_rollups, global_to_l1, l1_leaf } => {
                hasher.update(leaf_to_local.hash());
                hasher.update(local_to_rollups.hash());
                hasher.update(global_to_l1.hash());
                hasher.update(l1_leaf.hash());
            }
        }
        hasher.finalize()
    }
}

fn check(holds: bool, error: InvalidClaim) -> Result<(), InvalidClaim> {
    if holds { Ok(()) } else { Err(error) }
}

fn to_l1(leaf: &L1InfoLeaf, proof: &MerkleProof, root: &B256) -> Result<(), InvalidClaim> {
    let global = global_exit_root(&leaf.mainnet, &leaf.rollups);
    check(leaf.global == global, InvalidClaim::Global)?;
    let leads = proof.verifies(&leaf.hash(), leaf.index) && proof.root == *root;
    check(leads, InvalidClaim::L1Info)
}

/// An exit of another network that this one takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedExit {
    /// The exit.
    pub exit: Exit,
    /// That it happened.
    pub claim: Claim,
    /// Which one it is.
    pub index: GlobalIndex,
}

impl ImportedExit {
    /// Returns the hash that a certificate id covers.
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(self.exit.hash());
        hasher.update(self.claim.hash());
        hasher.update(index_hash(self.index.encode()));
        hasher.finalize()
    }
}

/// AggLayer hashes a global index with its lowest byte first.
fn index_hash(index: U256) -> B256 {
    keccak256(index.to_le_bytes::<32>())
}
