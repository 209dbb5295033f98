//! Append-only Merkle trees of depth 32 (AggLayer's exit trees, like eth2's deposit tree without the length).

use alloc::vec::Vec;
use alloy_primitives::{B256, Keccak256};
use thiserror::Error;

/// Levels between leaf and root.
pub const TREE_DEPTH: usize = 32;

/// No leaf fits any more: there are 2^32 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the tree holds 2^32 - 1 leaves")]
pub struct TreeFull;

/// The tree of one network's exits. Keeps every leaf and computes roots and paths anew: slow and obvious.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitTree {
    leaves: Vec<B256>,
}

impl ExitTree {
    /// Takes all leaves.
    pub const fn new(leaves: Vec<B256>) -> Self {
        Self { leaves }
    }

    /// Appends a leaf and returns its index.
    ///
    /// # Errors
    ///
    /// [`TreeFull`].
    pub fn push(&mut self, leaf: B256) -> Result<u32, TreeFull> {
        let index = u32::try_from(self.leaves.len()).map_err(|_| TreeFull)?;
        if index == u32::MAX {
            return Err(TreeFull);
        }
        self.leaves.push(leaf);
        Ok(index)
    }

    /// Returns the leaves.
    pub fn leaves(&self) -> &[B256] {
        &self.leaves
    }

    /// Returns the root. Costs a hash for each leaf, and one for each level.
    pub fn root(&self) -> B256 {
        let mut level = self.leaves.clone();
        let mut zero = B256::ZERO;
        for _ in 0..TREE_DEPTH {
            level = above(&level, zero);
            zero = node(&zero, &zero);
        }
        level.first().copied().unwrap_or(zero)
    }

    /// Returns the siblings of leaf `index`, from the leaf up; nothing when there is no such leaf.
    pub fn path(&self, index: u32) -> Option<[B256; TREE_DEPTH]> {
        self.leaves.get(index as usize)?;
        let mut level = self.leaves.clone();
        let (mut at, mut zero) = (index as usize, B256::ZERO);
        Some(core::array::from_fn(|_| {
            let sibling = level.get(at ^ 1).copied().unwrap_or(zero);
            level = above(&level, zero);
            zero = node(&zero, &zero);
            at /= 2;
            sibling
        }))
    }
}

fn above(level: &[B256], zero: B256) -> Vec<B256> {
    let pair = |pair: &[B256]| node(&pair[0], pair.get(1).unwrap_or(&zero));
    level.chunks(2).map(pair).collect()
}

/// Returns the root of a tree in which `leaf` stands at `index`, below these siblings.
pub fn root_of(leaf: &B256, index: u32, siblings: &[B256; TREE_DEPTH]) -> B256 {
    let step = |hash: B256, (height, sibling): (usize, &B256)| {
        if index >> height & 1 == 0 { node(&hash, sibling) } else { node(sibling, &hash) }
    };
    siblings.iter().enumerate().fold(*leaf, step)
}

/// Returns the hash of two nodes.
pub(crate) fn node(left: &B256, right: &B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(left);
    hasher.update(right);
    hasher.finalize()
}
