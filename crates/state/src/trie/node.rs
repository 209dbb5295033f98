//! Branches as bytes.

use crate::{entry::Input, error::StoreError};
use alloy_trie::{BranchNodeCompact, TrieMask};

/// Encodes a branch: three masks, then the hashes.
pub(crate) fn encode(node: &BranchNodeCompact) -> Vec<u8> {
    let mut out = Vec::with_capacity(6 + 32 * node.hashes.len());
    for mask in [node.state_mask, node.tree_mask, node.hash_mask] {
        out.extend(mask.get().to_be_bytes());
    }
    node.hashes.iter().for_each(|hash| out.extend(hash));
    out
}

/// Decodes a branch.
pub(crate) fn decode(bytes: &[u8]) -> Result<BranchNodeCompact, StoreError> {
    let mut input = Input(bytes);
    let mut mask = || -> Result<TrieMask, StoreError> {
        let (high, low) = (input.byte()?, input.byte()?);
        Ok(TrieMask::new(u16::from_be_bytes([high, low])))
    };
    let (state, tree, hash) = (mask()?, mask()?, mask()?);
    if !tree.is_subset_of(state) || !hash.is_subset_of(state) {
        return Err(StoreError::corrupt("a branch of a trie with children that it lacks"));
    }
    let hashes: Result<Vec<_>, _> = (0..hash.count_ones()).map(|_| input.hash()).collect();
    let node = BranchNodeCompact::new(state, tree, hash, hashes?, None);
    input.end()?;
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn branches_come_back(state: u16, tree: u16, hash: u16) {
            let (tree, hash) = (tree & state, hash & state);
            let hashes = (0..hash.count_ones()).map(|index| B256::repeat_byte(index as u8)).collect::<Vec<_>>();
            let [state, tree, hash] = [state, tree, hash].map(TrieMask::new);
            let node = BranchNodeCompact::new(state, tree, hash, hashes, None);
            let bytes = encode(&node);
            prop_assert_eq!(decode(&bytes).unwrap(), node);
            prop_assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        }

        #[test]
        fn nonsense_is_an_error(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
