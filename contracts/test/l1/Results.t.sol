// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Statement} from "../../src/l1/interfaces/IHub.sol";
import {ISlasher, SettledFate} from "../../src/l1/interfaces/ISlasher.sol";
import {Settled} from "../../src/l1/lib/Settled.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {vm} from "../support/Vm.sol";

/// Promised results beside what was settled (P47).
contract ResultsTest is L1Fixture {
    bytes32 private constant ITEM = keccak256("item");
    bytes private constant NOT_REMOVED = hex"00";
    uint256 private constant AFTERMATH = 128;

    bytes32 private lastDigest;

    function setUp() public override {
        super.setUp();
        registerMany(2);
    }

    function test_p47_aResultThatIsNotTheSettledOneIsPunishedOnce() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 3);
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000));
        vm.prank(bob);
        bytes32 id = slasher.punishResult(given, fate);
        assertEq(registry.bondOf(operator), BOND - PENALTY);
        assertEq(bob.balance, PENALTY / 8);
        (bytes32 item, uint256 kept) = slasher.reserveOf(id);
        assertTrue(item == ITEM && kept == PENALTY / 2);
        assertEq(
            id,
            keccak256(
                bytes.concat(
                    _prefix(44),
                    abi.encodePacked(
                        uint8(129), uint8(0), vm.addr(SEQUENCER_KEY), uint8(4), uint64(9), uint8(2), uint32(0)
                    )
                )
            )
        );
        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyConvicted.selector, id));
        slasher.punishResult(given, fate);
    }

    function test_p47_aRemovalThatWasNoneIsPunished() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        // Removed as undecryptable (2) on rollup 901.
        bytes memory removal = abi.encodePacked(uint8(1), uint8(2), hex"020385", hex"00", bytes32(0));
        bytes memory given = _promiseOf(SEQUENCER_KEY, ITEM, 0, hex"00", removal);
        slasher.punishResult(given, fate);
    }

    function test_p47_whatWasSettledAsPromisedIsNoFault() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 21_000)), 2);
        _notBroken(_promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000)), fate);
        // Legs on other rollups are in those rollups' roots.
        bytes memory legs = bytes.concat(hex"0102", hex"00", _leg(901, 21_000), hex"0101", _leg(902, 5));
        _notBroken(_promiseOf(SEQUENCER_KEY, ITEM, 0, legs, NOT_REMOVED), fate);
        // The same item elsewhere, and another item here.
        fate = _settle(_leaf(keccak256("other"), _leg(901, 1)), 2);
        _notBroken(_promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000)), fate);
    }

    function test_p47_onlyWhatWasSettledCounts() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 3);
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000));
        bytes memory leaf = fate.leaf;
        fate.leaf = _leaf(ITEM, _leg(901, 23_000));
        _notBroken(given, fate);
        fate.leaf = leaf;
        fate.transfersHash = keccak256("other");
        _notBroken(given, fate);
        fate.transfersHash = keccak256(abi.encode(new uint256[](0)));
        fate.settlement = 1;
        _notBroken(given, fate);
        fate.settlement = 0;
        fate.transitions[0].outcomeRoot = keccak256("other");
        _notBroken(given, fate);
        fate.transitions[0].outcomeRoot = _rootOf(leaf, 3);
        fate.count = 4;
        vm.expectRevert(abi.encodeWithSelector(Settled.NotInList.selector));
        slasher.punishResult(given, fate);
        fate.count = 0;
        vm.expectRevert(abi.encodeWithSelector(Settled.NotInList.selector));
        slasher.punishResult(given, fate);
        (fate.count, fate.siblings) = (3, new bytes32[](3));
        vm.expectRevert(abi.encodeWithSelector(Settled.NotInList.selector));
        slasher.punishResult(given, fate);
    }

    function test_p47_theOnlyLeafHasNoOtherIndex() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000));
        fate.index = 1;
        vm.expectRevert(abi.encodeWithSelector(Settled.NotInList.selector));
        slasher.punishResult(given, fate);
        fate.index = 0;
        slasher.punishResult(given, fate);
    }

    function test_p47_onlyASequencersResultCounts() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownKey.selector, vm.addr(0xbad)));
        slasher.punishResult(_promise(0xbad, ITEM, 0, _leg(901, 21_000)), fate);
    }

    function test_p48_aResultOnAnotherChainIsVoid() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        bytes32 origin = keccak256("abandoned");
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, origin, _leg(901, 21_000));
        fate.l1Number = block.number - 1;
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownOrigin.selector, origin));
        slasher.punishResult(given, fate);
        // Of older blocks L1 itself tells the hash (EIP-2935).
        address hashes = 0x0000F90827F1C53a10cb7A02335B175320002935;
        vm.etch(hashes, abi.encodePacked(hex"7f", keccak256("canonical"), hex"5f5260205ff3"));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownOrigin.selector, origin));
        slasher.punishResult(given, fate);
        vm.etch(hashes, abi.encodePacked(hex"7f", origin, hex"5f5260205ff3"));
        slasher.punishResult(given, fate);
    }

    function test_p48_aResultOnARecentBlockBinds() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        fate.l1Number = block.number - 1;
        slasher.punishResult(_promise(SEQUENCER_KEY, ITEM, blockhash(block.number - 1), _leg(901, 21_000)), fate);
    }

    /// An inbox-only batch takes the number that a promised slot had: what was promised of that slot is void, and stays so.
    function test_p47_aResultOfASlotThatIsNumberedAgainIsVoid() public {
        bytes32 before = blockhash(block.number - 1);
        uint256 number = block.number - 1;
        SettledFate memory fate = _settleForced(_leaf(ITEM, _leg(901, 22_000)), 1);
        uint256 renumbered = block.number;
        assertEq(hub.renumberedAt(9), renumbered);
        fate.l1Number = number;
        _void(_promise(SEQUENCER_KEY, ITEM, before, _leg(901, 21_000)), fate);
        _void(_promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000)), fate);
        vm.roll(renumbered + AFTERMATH + 2);
        fate.l1Number = renumbered + AFTERMATH - 1;
        _void(_promise(SEQUENCER_KEY, ITEM, blockhash(fate.l1Number), _leg(901, 21_000)), fate);
        // The number of the block counts only where the promise names it.
        fate.l1Number = renumbered + AFTERMATH;
        _void(_promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000)), fate);
        slasher.punishResult(_promise(SEQUENCER_KEY, ITEM, blockhash(fate.l1Number), _leg(901, 21_000)), fate);
    }

    /// What was settled keeps its numbers, whatever is void behind it.
    function test_p47_aResultBeforeWhatIsNumberedAgainBinds() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 1);
        postForced();
        assertEq(hub.renumberedAt(60), 0);
        assertEq(hub.renumberedAt(61), block.number);
        slasher.punishResult(_promise(SEQUENCER_KEY, ITEM, 0, _leg(901, 21_000)), fate);
    }

    function _void(bytes memory given, SettledFate memory fate) private {
        vm.expectRevert(abi.encodeWithSelector(ISlasher.Void.selector, uint64(9)));
        slasher.punishResult(given, fate);
    }

    /// forge-config: default.isolate = true
    function test_gas_punishResult() public {
        SettledFate memory fate = _settleForced(_leaf(ITEM, _leg(901, 22_000)), 1000);
        vm.roll(block.number + 200);
        fate.l1Number = block.number - 1;
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, blockhash(fate.l1Number), _leg(901, 21_000));
        vm.deal(bob, 1);
        vm.prank(bob);
        slasher.punishResult(given, fate);
        vm.snapshotGasLastCall("punish a result, 1,000 items");
    }

    /// Every byte of the whole call: one that is altered convicts nobody, or says the same in another way, as what pads bytes to
    /// words and the place of an empty list do.
    function test_p47_noByteOfTheCallCanBeChanged() public {
        SettledFate memory fate = _settle(_leaf(ITEM, _leg(901, 22_000)), 3);
        fate.l1Number = block.number - 1;
        bytes memory given = _promise(SEQUENCER_KEY, ITEM, blockhash(block.number - 1), _leg(901, 21_000));
        bytes memory data = abi.encodeCall(slasher.punishResult, (given, fate));
        uint256 state = vm.snapshotState();
        bytes32 id = slasher.punishResult(given, fate);
        assertTrue(vm.revertToState(state));
        uint256 same = 0;
        for (uint256 place = 0; place < data.length; place++) {
            bytes1 flip = bytes1(uint8(1) << uint8(place % 8));
            data[place] ^= flip;
            (bool ok, bytes memory answer) = address(slasher).call(data);
            if (ok) {
                assertEq(abi.decode(answer, (bytes32)), id);
                assertTrue(vm.revertToState(state));
                same++;
            }
            data[place] ^= flip;
        }
        assertTrue(same < data.length / 16);
    }

    function _notBroken(bytes memory given, SettledFate memory fate) private {
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NotBroken.selector));
        slasher.punishResult(given, fate);
    }

    /// Settles a batch in which the outcome root of rollup 901 is over `count` leaves, of which the last is `leaf`.
    function _settle(bytes memory leaf, uint64 count) private returns (SettledFate memory) {
        (BatchHeader memory header, bytes32 hash) = post(2);
        return _settleBatch(header.number, hash, leaf, count);
    }

    /// The same with an inbox-only batch, which has no blobs, so that forge can measure what follows in isolation.
    function _settleForced(bytes memory leaf, uint64 count) private returns (SettledFate memory) {
        bytes32 hash = postForced();
        (uint64 number,,,,) = hub.posted();
        return _settleBatch(number, hash, leaf, count);
    }

    function _settleBatch(uint64 number, bytes32 hash, bytes memory leaf, uint64 count)
        private
        returns (SettledFate memory fate)
    {
        Statement memory statement = nextStatement(number, hash, 2, 0);
        statement.transitions[0].outcomeRoot = _rootOf(leaf, count);
        fate.settlement = hub.settlements();
        hub.settle(statement, approve(statement, 3));
        (fate.firstBatch, fate.lastBatch) = (statement.firstBatch, statement.lastBatch);
        (fate.batchHash, fate.programId) = (statement.batchHash, statement.programId);
        fate.transfersHash = keccak256(abi.encode(new uint256[](0)));
        fate.transitions = statement.transitions;
        fate.history = new bytes32[](fate.settlement % 2);
        if (fate.settlement % 2 == 1) fate.history[0] = lastDigest;
        lastDigest = hub.statementDigest(statement);
        (fate.leaf, fate.index, fate.count) = (leaf, count - 1, count);
        fate.siblings = _path(count);
    }

    /// All leaves but the last are the same.
    function _rootOf(bytes memory leaf, uint64 count) private view returns (bytes32) {
        bytes32 other = keccak256(bytes.concat(_prefix(72), "other"));
        bytes32 last = keccak256(bytes.concat(_prefix(72), leaf));
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            if (width % 2 == 0) last = keccak256(abi.encodePacked(_prefix(73), other, last));
            other = keccak256(abi.encodePacked(_prefix(73), other, other));
        }
        return keccak256(abi.encodePacked(_prefix(74), count, last));
    }

    function _path(uint64 count) private view returns (bytes32[] memory path) {
        bytes32 other = keccak256(bytes.concat(_prefix(72), "other"));
        path = new bytes32[](64);
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            if (width % 2 == 0) path[used++] = other;
            other = keccak256(abi.encodePacked(_prefix(73), other, other));
        }
        assembly {
            mstore(path, used)
        }
    }

    /// Slot 9, plaintext section, index 0.
    function _leaf(bytes32 item, bytes memory leg) private pure returns (bytes memory) {
        return abi.encodePacked(hex"0109", hex"02", hex"00", item, hex"0101", hex"00", leg, NOT_REMOVED);
    }

    /// A leg without its number: network, hash, success, gas, output, logs, block 7 on a parent.
    function _leg(uint16 network, uint16 gas) private pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(hex"02", network, keccak256("transaction"), hex"01");
        bytes memory used = gas < 256 ? abi.encodePacked(uint8(1), uint8(gas)) : abi.encodePacked(uint8(2), gas);
        return bytes.concat(head, used, keccak256("output"), keccak256("logs"), hex"0107", keccak256("parent"));
    }

    function _promise(uint256 key, bytes32 item, bytes32 l1Origin, bytes memory leg)
        private
        view
        returns (bytes memory)
    {
        return _promiseOf(key, item, l1Origin, bytes.concat(hex"0101", hex"00", leg), NOT_REMOVED);
    }

    function _promiseOf(uint256 key, bytes32 item, bytes32 l1Origin, bytes memory legs, bytes memory removal)
        private
        view
        returns (bytes memory)
    {
        bytes memory place = abi.encodePacked(hex"0109", hex"02", hex"00", item, keccak256("chain"), l1Origin);
        bytes memory body = bytes.concat(place, legs, removal);
        bytes32 leaf = keccak256(bytes.concat(_prefix(10), body));
        bytes32 digest = keccak256(abi.encodePacked(_prefix(13), uint16(1), leaf));
        bytes memory head = abi.encodePacked(uint8(1), uint16(1), uint64(block.chainid), hub, REALM, uint8(1));
        bytes memory path = abi.encodePacked(uint16(0), uint16(1), uint8(0));
        return bytes.concat(head, body, path, sign(key, digest));
    }

    function _prefix(uint8 tag) private view returns (bytes memory) {
        return abi.encodePacked("weft", tag, uint16(1), uint64(block.chainid), hub, REALM);
    }
}
