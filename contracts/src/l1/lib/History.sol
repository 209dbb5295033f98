// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ExitTree} from "./ExitTree.sol";

/// @title List of hashes that only grows, of which every element can be shown for ever
/// @dev Keeps the root of the last complete subtree of each height, so an element costs one write, and mostly no new word. A
/// path leads to the subtree that holds the element when it is shown, so it stays good until that subtree is merged.
library History {
    /// @notice Appends element number `count`.
    function append(bytes32[32] storage roots, uint256 count, bytes32 element) internal {
        uint256 height = 0;
        for (; (count >> height) & 1 == 1; height++) {
            element = ExitTree.node(roots[height], element);
        }
        roots[height] = element;
    }

    /// @notice Tells whether element `index` of `count` is `element`. `siblings` lead from it to the root of the complete
    /// subtree in which it stands: bit `siblings.length` of `count` is set, and all lower places are behind it.
    function holds(
        bytes32[32] storage roots,
        uint256 count,
        bytes32 element,
        uint256 index,
        bytes32[] calldata siblings
    ) internal view returns (bool) {
        uint256 height = siblings.length;
        bool isComplete = height < 32 && (count >> height) & 1 == 1 && index >> height == (count >> height) - 1;
        if (!isComplete) return false;
        for (uint256 i = 0; i < height; i++) {
            element = (index >> i) & 1 == 0 ? ExitTree.node(element, siblings[i]) : ExitTree.node(siblings[i], element);
        }
        return element == roots[height];
    }
}
