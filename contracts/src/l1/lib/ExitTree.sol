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
        uint256 from;
        assembly ("memory-safe") {
            from := siblings
        }
        return _climb(hash, index, from, DEPTH);
    }

    /// @notice Like `rootOf` for an `index` below `2 ** siblings.length`, of at most 32 siblings: above these all others are
    /// roots of empty trees.
    function rootOfFirst(bytes32 hash, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32) {
        uint256 from;
        assembly ("memory-safe") {
            from := siblings.offset
        }
        bytes32 top = _climb(hash, index, from, siblings.length);
        return lift(top, _empty(siblings.length), DEPTH - siblings.length);
    }

    /// @notice Returns the root `levels` above `hash`, on whose right every node is empty: `zero` beside it.
    function lift(bytes32 hash, bytes32 zero, uint256 levels) internal pure returns (bytes32 found) {
        assembly ("memory-safe") {
            found := hash
            for {} levels { levels := sub(levels, 1) } {
                mstore(0, found)
                mstore(32, zero)
                found := keccak256(0, 64)
                mstore(0, zero)
                zero := keccak256(0, 64)
            }
        }
    }

    /// @notice Returns the hash of two nodes.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            hash := keccak256(0, 64)
        }
    }

    /// Returns the root of an empty tree.
    function _empty(uint256 height) private pure returns (bytes32 zero) {
        assembly ("memory-safe") {
            for {} height { height := sub(height, 1) } {
                mstore(0, zero)
                mstore(32, zero)
                zero := keccak256(0, 64)
            }
        }
    }

    /// Returns the root `count` levels above the node `hash`, number `index` of its level, beside the siblings in the call from
    /// `from` on. Claims hash 64 levels: this loop is what they cost most besides storage.
    function _climb(bytes32 hash, uint256 index, uint256 from, uint256 count) private pure returns (bytes32 found) {
        assembly ("memory-safe") {
            found := hash
            for { let end := add(from, shl(5, count)) } lt(from, end) { from := add(from, 32) } {
                // An odd node stands right of its sibling.
                let place := shl(5, and(index, 1))
                mstore(place, found)
                mstore(xor(place, 32), calldataload(from))
                found := keccak256(0, 64)
                index := shr(1, index)
            }
        }
    }
}
