//! Roots over roots.

use crate::tree::{ExitTree, node};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{B256, Keccak256};

/// Returns the root over the exit roots of all rollups, by their ids on the hub: the one of rollup `id` stands at index
/// `id - 1`, that of an absent one is zero.
///
/// # Panics
///
/// Panics for rollup 0, which is L1, or one above 2^20, of which no realm has so many.
pub fn rollup_exit_root(roots: &BTreeMap<u32, B256>) -> B256 {
    let last = roots.keys().next_back().copied().unwrap_or_default();
    assert!(last <= 1 << 20, "rollup {last} is no rollup of a realm");
    assert!(!roots.contains_key(&0), "L1 has no place among the rollups");
    let leaf = |id: u32| roots.get(&id).copied().unwrap_or_default();
    ExitTree::new((1..=last).map(leaf).collect::<Vec<_>>()).root()
}

/// Returns `keccak(mainnet exit root || rollup exit root)`.
pub fn global_exit_root(mainnet: &B256, rollups: &B256) -> B256 {
    node(mainnet, rollups)
}

/// Returns the leaf of the L1 info tree: a global exit root, the hash of the L1 block before, and the time in seconds.
pub fn l1_info_leaf(global: &B256, parent_hash: &B256, timestamp: u64) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(global);
    hasher.update(parent_hash);
    hasher.update(timestamp.to_be_bytes());
    hasher.finalize()
}
