// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ExitTree} from "./ExitTree.sol";

/// @title The tree of the rollups' exit roots: depth 32, that of rollup `id` at index `id - 1`
/// @dev Keeps the leaves and, where there are more than eight rollups, the root over each eight of them. A write costs twice
/// a read, so eight leaves are read again rather than seven inner nodes written.
library RollupTree {
    uint256 internal constant CAPACITY = 128;

    uint256 private constant GROUP = 8;
    uint256 private constant GROUP_HEIGHT = 3;
    /// Root of an empty tree of eight leaves.
    bytes32 private constant EMPTY_GROUP = 0x21ddb9a356815c3fac1026b6dec5df3124afbadb485c9ba5a3e3398a04b7ba85;

    struct Nodes {
        mapping(uint256 index => bytes32) leaves;
        mapping(uint256 index => bytes32) groups;
    }

    /// @notice Returns the exit root of a rollup.
    function leaf(Nodes storage nodes, uint32 rollup) internal view returns (bytes32) {
        return nodes.leaves[rollup - 1];
    }

    /// @notice Sets exit roots and returns the new root.
    /// @param named rollups whose roots these are: bit `id - 1` for each
    /// @param roots their exit roots, in the order of their ids
    /// @param rollups number of rollups, which never gets less
    function update(Nodes storage nodes, uint128 named, bytes32[] calldata roots, uint256 rollups)
        internal
        returns (bytes32)
    {
        _set(nodes, named, roots);
        uint256 count = (rollups + GROUP - 1) / GROUP;
        if (count == 1) return ExitTree.lift(_groupRoot(nodes, 0), EMPTY_GROUP, ExitTree.DEPTH - GROUP_HEIGHT);
        bytes32[] memory groups = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            bool isChanged = (named >> (i * GROUP)) & 0xff != 0;
            bytes32 known = isChanged ? bytes32(0) : nodes.groups[i];
            if (known == 0) nodes.groups[i] = known = _groupRoot(nodes, i);
            groups[i] = known;
        }
        return _fold(groups, EMPTY_GROUP, ExitTree.DEPTH - GROUP_HEIGHT);
    }

    function _set(Nodes storage nodes, uint128 named, bytes32[] calldata roots) private {
        uint256 next = 0;
        for (uint256 index = 0; next < roots.length; index++) {
            if ((named >> index) & 1 == 0) continue;
            bytes32 root = roots[next++];
            if (nodes.leaves[index] != root) nodes.leaves[index] = root;
        }
    }

    function _groupRoot(Nodes storage nodes, uint256 group) private view returns (bytes32) {
        uint256 first = group * GROUP;
        return ExitTree.node(_half(nodes, first), _half(nodes, first + GROUP / 2));
    }

    /// Returns the root over four leaves.
    function _half(Nodes storage nodes, uint256 first) private view returns (bytes32) {
        bytes32 left = ExitTree.node(nodes.leaves[first], nodes.leaves[first + 1]);
        return ExitTree.node(left, ExitTree.node(nodes.leaves[first + 2], nodes.leaves[first + 3]));
    }

    /// Returns the root `height` levels above `level`, beside which every node is `zero`.
    function _fold(bytes32[] memory level, bytes32 zero, uint256 height) private pure returns (bytes32) {
        uint256 count = level.length;
        uint256 above = 0;
        for (; count > 1; above++) {
            uint256 parents = (count + 1) / 2;
            for (uint256 i = 0; i < parents; i++) {
                level[i] = ExitTree.node(level[2 * i], 2 * i + 1 < count ? level[2 * i + 1] : zero);
            }
            count = parents;
            zero = ExitTree.node(zero, zero);
        }
        return ExitTree.lift(level[0], zero, height - above);
    }
}
