// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice From `firstSlot` on, numbers of slots were given again in L1 block `l1Block`.
struct Renumbering {
    uint64 firstSlot;
    uint64 l1Block;
}

/// @title Where the numbers of slots began anew, because L1 gave up what had them or filled one itself (P46)
/// @dev Both fields ascend: who begins lower and later says more than all who began higher. So no list is longer than what is
/// settled needs, but for the batches that wait.
library Renumberings {
    /// @notice Notes that slots are numbered again from this one on.
    function note(Renumbering[] storage list, uint64 firstSlot) internal {
        uint256 length = list.length;
        while (length != 0 && list[length - 1].firstSlot >= firstSlot) {
            list.pop();
            length--;
        }
        list.push(Renumbering(firstSlot, uint64(block.number)));
    }

    /// @notice Returns the last L1 block in which the slot's number was free again; zero if it never was.
    function lastOf(Renumbering[] storage list, uint64 slot) internal view returns (uint64) {
        (uint256 low, uint256 high) = (0, list.length);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (list[middle].firstSlot <= slot) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : list[low - 1].l1Block;
    }
}
