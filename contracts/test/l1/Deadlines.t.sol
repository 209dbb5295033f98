// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ISlasher} from "../../src/l1/interfaces/ISlasher.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {Reentrant} from "../support/Reentrant.sol";
import {vm} from "../support/Vm.sol";

/// Promised slots that do not come to L1 in time.
contract DeadlinesTest is L1Fixture {
    uint8 private constant GRACE = 5;

    function setUp() public override {
        super.setUp();
        registerMany(1);
    }

    function test_p47_aMissingSlotCostsTheLowerPenaltyOnce() public {
        bytes memory given = _promise(SEQUENCER_KEY, 9, 1010);
        vm.roll(1010 + GRACE);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NotMissed.selector));
        slasher.punishMissing(given);
        vm.roll(1010 + GRACE + 1);
        vm.prank(bob);
        bytes32 id = slasher.punishMissing(given);
        assertEq(registry.bondOf(operator), BOND - 1 ether);
        assertEq(bob.balance, 0.125 ether);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyConvicted.selector, id));
        slasher.punishMissing(given);
    }

    function test_p47_aMissingSlot_fromWithin_costsOnce() public {
        Reentrant reporter = new Reentrant();
        bytes memory punish = abi.encodeCall(ISlasher.punishMissing, (_promise(SEQUENCER_KEY, 9, 1010)));
        vm.roll(2000);
        reporter.arm(address(slasher), punish);
        reporter.run(address(slasher), punish);
        assertTrue(reporter.wasCalled() && !reporter.hasEntered());
        assertEq(registry.bondOf(operator), BOND - 1 ether);
    }

    function test_p47_aPostedSlotIsNotMissing() public {
        bytes memory given = _promise(SEQUENCER_KEY, 60, 1010);
        post(1);
        vm.roll(2000);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NotMissed.selector));
        slasher.punishMissing(given);
        vm.prank(bob);
        slasher.punishMissing(_promise(SEQUENCER_KEY, 61, 1010));
    }

    function test_p47_onlyAPromiseWithADeadlineOfAKnownKeyCounts() public {
        vm.roll(2000);
        bytes memory given = _promise(SEQUENCER_KEY, 9, 0);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NotMissed.selector));
        slasher.punishMissing(given);
        given = _promise(0xbad, 9, 1010);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownKey.selector, vm.addr(0xbad)));
        slasher.punishMissing(given);
        given = _promise(SEQUENCER_KEY, 9, 1010);
        vm.expectRevert();
        slasher.punishMissing(bytes.concat(given, hex"00"));
        given[38] ^= 0x01;
        vm.expectRevert();
        slasher.punishMissing(given);
    }

    /// forge-config: default.isolate = true
    function test_gas_punishMissing() public {
        bytes memory given = _promise(SEQUENCER_KEY, 9, 1010);
        vm.roll(2000);
        vm.deal(bob, 1);
        vm.prank(bob);
        slasher.punishMissing(given);
        vm.snapshotGasLastCall("punish a missed deadline");
    }

    function test_p47_noByteOfAMissedPromiseCanBeChanged() public {
        bytes memory given = _promise(SEQUENCER_KEY, 9, 1010);
        vm.roll(2000);
        for (uint256 place = 0; place < given.length; place++) {
            bytes1 flip = bytes1(uint8(1) << uint8(place % 8));
            given[place] ^= flip;
            try slasher.punishMissing(given) {
                revert("an altered promise is punished");
            } catch {}
            given[place] ^= flip;
        }
        slasher.punishMissing(given);
    }

    /// Places that L1 fills have no running hash, and a promise of one that names any binds nobody.
    function test_p47_aPlaceOfL1IsPromisedWithoutHashes() public {
        vm.roll(2000);
        bytes memory place = abi.encodePacked(uint8(1), uint8(9), uint8(0), uint8(0), keccak256("item"));
        bytes memory end = abi.encodePacked(uint8(0), uint8(2), uint16(1010), uint8(0));
        bytes memory chained = _signed(SEQUENCER_KEY, bytes.concat(place, bytes32(0), keccak256("chain"), end));
        vm.expectRevert();
        slasher.punishMissing(chained);
        chained = _signed(SEQUENCER_KEY, bytes.concat(place, keccak256("chain"), bytes32(0), end));
        vm.expectRevert();
        slasher.punishMissing(chained);
        slasher.punishMissing(_signed(SEQUENCER_KEY, bytes.concat(place, bytes32(0), bytes32(0), end)));
    }

    /// The promise of the first plaintext place of a slot, alone in its group.
    function _promise(uint256 key, uint8 slot, uint16 deadline) private view returns (bytes memory) {
        return _signed(key, _body(slot, deadline));
    }

    function _signed(uint256 key, bytes memory body) private view returns (bytes memory) {
        bytes32 leaf = keccak256(bytes.concat(_prefix(9), body));
        bytes32 digest = keccak256(abi.encodePacked(_prefix(13), uint16(1), leaf));
        bytes memory head = abi.encodePacked(uint8(1), uint16(1), uint64(block.chainid), hub, REALM, uint8(0));
        bytes memory path = abi.encodePacked(uint16(0), uint16(1), uint8(0));
        return bytes.concat(head, body, path, sign(key, digest));
    }

    function _body(uint8 slot, uint16 deadline) private view returns (bytes memory) {
        bytes32 item = keccak256("item");
        bytes32 start = keccak256(abi.encodePacked(_prefix(5), uint64(slot), uint8(2)));
        bytes32 chain = keccak256(abi.encodePacked(start, uint32(0), item));
        bytes memory position = abi.encodePacked(uint8(1), slot, uint8(2), uint8(0));
        bytes memory end = deadline == 0 ? abi.encodePacked(uint8(0)) : abi.encodePacked(uint8(2), deadline);
        return abi.encodePacked(position, item, start, chain, uint8(0), end, uint8(0));
    }

    function _prefix(uint8 tag) private view returns (bytes memory) {
        return abi.encodePacked("weft", tag, uint16(1), uint64(block.chainid), hub, REALM);
    }
}
