// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Renumbering, Renumberings} from "../../src/l1/lib/Renumberings.sol";
import {vm} from "../support/Vm.sol";

/// The list of renumberings beside one that keeps everything and looks at all of it.
contract RenumberingsTest {
    using Renumberings for Renumbering[];

    Renumbering[] private list;
    Renumbering[] private slow;

    function testFuzz_p47_theListSaysWhatAllOfThemSay(uint8[24] memory firsts, uint8 asked) public {
        for (uint256 i = 0; i < firsts.length; i++) {
            vm.roll(block.number + 1 + firsts[i] % 3);
            list.note(firsts[i]);
            slow.push(Renumbering(firsts[i], uint64(block.number)));
            require(list.lastOf(asked) == _slow(asked), "another block");
            require(list.lastOf(type(uint64).max) == block.number, "the last one is about the highest slots");
        }
        for (uint256 i = 1; i < list.length; i++) {
            require(list[i - 1].firstSlot < list[i].firstSlot && list[i - 1].l1Block < list[i].l1Block, "not ascending");
        }
    }

    function test_p47_nothingWasNumberedAgainYet() public view {
        require(list.lastOf(0) == 0 && list.lastOf(type(uint64).max) == 0, "a block of nothing");
    }

    function _slow(uint64 slot) private view returns (uint64 found) {
        for (uint256 i = 0; i < slow.length; i++) {
            if (slow[i].firstSlot <= slot) found = slow[i].l1Block;
        }
    }
}
