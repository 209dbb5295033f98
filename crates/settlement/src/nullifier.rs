//! Which exits a network has taken in.

use crate::{
    index::GlobalIndex,
    sparse::{SparseTree, low_bits_first},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, U256};

/// AggLayer's nullifier tree: depth 64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NullifierTree(SparseTree<64>);

impl NullifierTree {
    /// Notes an exit; false when it was taken in before.
    pub fn insert(&mut self, index: GlobalIndex) -> bool {
        let is_new = !self.contains(index);
        self.0.set(key(index), B256::from(U256::ONE));
        is_new
    }

    /// Tells whether an exit was taken in.
    pub fn contains(&self, index: GlobalIndex) -> bool {
        !self.0.get(&key(index)).is_zero()
    }

    /// Returns the root.
    pub fn root(&self) -> B256 {
        self.0.root()
    }
}

/// Network, then leaf, each with the lowest bit first.
fn key(index: GlobalIndex) -> Vec<bool> {
    let (network, leaf) = (index.network.to_le_bytes(), index.leaf.to_le_bytes());
    low_bits_first(&network).chain(low_bits_first(&leaf)).collect()
}
