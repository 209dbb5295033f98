//! Sparse Merkle trees, as AggLayer's balance and nullifier trees: slow and obvious.

use crate::tree::node;
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::B256;

/// A tree of depth `DEPTH` in which nearly all leaves are zero. The first bit of a key decides at the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SparseTree<const DEPTH: usize> {
    /// Values by the bits of their keys; none is zero.
    leaves: BTreeMap<Vec<bool>, B256>,
}

impl<const DEPTH: usize> SparseTree<DEPTH> {
    /// Returns the value of a key; zero when it has none.
    pub fn get(&self, key: &[bool]) -> B256 {
        self.leaves.get(key).copied().unwrap_or_default()
    }

    /// Sets the value of a key; zero removes it.
    ///
    /// # Panics
    ///
    /// Panics when the key has another length than the depth.
    pub fn set(&mut self, key: Vec<bool>, value: B256) {
        assert_eq!(key.len(), DEPTH, "keys have a bit for each level");
        if value.is_zero() {
            self.leaves.remove(&key);
        } else {
            self.leaves.insert(key, value);
        }
    }

    /// Returns the root.
    pub fn root(&self) -> B256 {
        let leaves: Vec<(&[bool], B256)> =
            self.leaves.iter().map(|(key, value)| (key.as_slice(), *value)).collect();
        root_at(&leaves, 0, &empty_roots(DEPTH))
    }

    /// Returns the siblings of a key, from the root down.
    pub fn siblings(&self, key: &[bool]) -> Vec<B256> {
        let empty = empty_roots(DEPTH);
        let sibling = |depth: usize| {
            let beside =
                |other: &[bool]| other[..depth] == key[..depth] && other[depth] != key[depth];
            let leaves: Vec<(&[bool], B256)> = self
                .leaves
                .iter()
                .filter(|(other, _)| beside(other))
                .map(|(key, value)| (key.as_slice(), *value))
                .collect();
            root_at(&leaves, depth + 1, &empty)
        };
        (0..DEPTH).map(sibling).collect()
    }
}

/// Returns the root of a tree in which `key` has `value`, beside these siblings from the root down.
pub fn sparse_root_of(key: &[bool], value: B256, siblings: &[B256]) -> B256 {
    let step = |hash, (bit, sibling): (&bool, &B256)| {
        if *bit { node(sibling, &hash) } else { node(&hash, sibling) }
    };
    key.iter().zip(siblings).rev().fold(value, step)
}

/// Returns the root of the leaves below one node at `depth`; they are sorted by key.
fn root_at(leaves: &[(&[bool], B256)], depth: usize, empty: &[B256]) -> B256 {
    let height = empty.len() - 1 - depth;
    match leaves {
        [] => empty[height],
        [(_, value), ..] if height == 0 => *value,
        _ => {
            let right = leaves.partition_point(|(key, _)| !key[depth]);
            let (left, right) = leaves.split_at(right);
            node(&root_at(left, depth + 1, empty), &root_at(right, depth + 1, empty))
        }
    }
}

/// Returns the roots of empty trees of depth 0 to `depth`.
fn empty_roots(depth: usize) -> Vec<B256> {
    let next = |hash: &B256| Some(node(hash, hash));
    core::iter::successors(Some(B256::ZERO), next).take(depth + 1).collect()
}

/// Returns the bits of `bytes`, each byte's lowest first.
pub(crate) fn low_bits_first(bytes: &[u8]) -> impl Iterator<Item = bool> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1))
}
