// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ExitRoot} from "../interfaces/IL1Bridge.sol";
import {ExitTree} from "./ExitTree.sol";

/// @title The tree of the rollups' exit roots: depth 32, that of rollup `id` at index `id - 1`
/// @dev Keeps the inner nodes of the lowest 7 levels as a heap (leaf i at 128 + i, parent of k at k / 2), up to the first
/// level that all rollups share; above it every sibling is the root of an empty tree. An update of k out of n rollups
/// costs k log n.
library RollupTree {
    uint256 internal constant CAPACITY = 128;

    struct Nodes {
        mapping(uint256 place => bytes32) hashes;
    }

    /// @notice Returns the exit root of a rollup.
    function leaf(Nodes storage nodes, uint32 rollup) internal view returns (bytes32) {
        return nodes.hashes[CAPACITY + rollup - 1];
    }

    /// @notice Sets exit roots, which stand in increasing order of their rollups, and returns the new root.
    function update(Nodes storage nodes, ExitRoot[] calldata roots, uint256 rollups) internal returns (bytes32 root) {
        uint256[] memory places = new uint256[](roots.length);
        for (uint256 i = 0; i < roots.length; i++) {
            places[i] = CAPACITY + roots[i].rollup - 1;
            if (nodes.hashes[places[i]] != roots[i].root) nodes.hashes[places[i]] = roots[i].root;
        }
        uint256 count = places.length;
        bytes32 zero = 0;
        uint256 height = 0;
        for (uint256 width = 1; width < rollups; width *= 2) {
            count = _raise(nodes, places, count, zero);
            zero = ExitTree.node(zero, zero);
            height++;
        }
        root = nodes.hashes[CAPACITY >> height];
        for (; height < ExitTree.DEPTH; height++) {
            root = ExitTree.node(root, zero);
            zero = ExitTree.node(zero, zero);
        }
    }

    /// Recomputes the parents of `count` places, which increase, and puts them in their stead.
    function _raise(Nodes storage nodes, uint256[] memory places, uint256 count, bytes32 zero)
        private
        returns (uint256 parents)
    {
        for (uint256 i = 0; i < count; i++) {
            uint256 parent = places[i] / 2;
            if (parents != 0 && places[parents - 1] == parent) continue;
            bytes32 hash = ExitTree.node(_or(nodes.hashes[2 * parent], zero), _or(nodes.hashes[2 * parent + 1], zero));
            nodes.hashes[parent] = hash;
            places[parents++] = parent;
        }
    }

    function _or(bytes32 hash, bytes32 zero) private pure returns (bytes32) {
        return hash == 0 ? zero : hash;
    }
}
