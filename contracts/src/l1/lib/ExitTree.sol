// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Append-only Merkle trees of depth 32, as AggLayer's
library ExitTree {
    uint256 internal constant DEPTH = 32;

    /// @notice What an append-only tree keeps: the last complete subtree of each height.
    struct Frontier {
        bytes32[32] branch;
        uint256 count;
    }

    /// @notice The tree holds 2^32 - 1 leaves.
    error TreeFull();

    /// @notice Appends a leaf and returns its index.
    function append(Frontier storage tree, bytes32 leaf) internal returns (uint256 index) {
        index = tree.count;
        if (index == type(uint32).max) revert TreeFull();
        tree.count = index + 1;
        uint256 size = index + 1;
        for (uint256 height = 0; height < DEPTH; height++) {
            if ((size >> height) & 1 == 1) {
                tree.branch[height] = leaf;
                return index;
            }
            leaf = node(tree.branch[height], leaf);
        }
    }

    /// @notice Returns the root.
    function root(Frontier storage tree) internal view returns (bytes32 hash) {
        uint256 size = tree.count;
        bytes32 zero = 0;
        for (uint256 height = 0; height < DEPTH; height++) {
            hash = (size >> height) & 1 == 1 ? node(tree.branch[height], hash) : node(hash, zero);
            zero = node(zero, zero);
        }
    }

    /// @notice Returns the root of a tree in which `hash` stands at `index`, below 32 siblings.
    function rootOf(bytes32 hash, uint256 index, bytes32[32] calldata siblings) internal pure returns (bytes32) {
        for (uint256 height = 0; height < DEPTH; height++) {
            hash = _step(hash, index >> height, siblings[height]);
        }
        return hash;
    }

    /// @notice Like `rootOf`; above the siblings given all others are roots of empty trees.
    function rootOfFirst(bytes32 hash, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32) {
        bytes32 zero = 0;
        for (uint256 height = 0; height < DEPTH; height++) {
            hash = _step(hash, index >> height, height < siblings.length ? siblings[height] : zero);
            zero = node(zero, zero);
        }
        return hash;
    }

    /// @notice Returns the hash of two nodes.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            hash := keccak256(0, 64)
        }
    }

    function _step(bytes32 hash, uint256 place, bytes32 sibling) private pure returns (bytes32) {
        return place & 1 == 0 ? node(hash, sibling) : node(sibling, hash);
    }
}
