// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approval, BatchHeader, IHub, Statement, Transfer, Transition} from "../../src/l1/interfaces/IHub.sol";
import {IInbox} from "../../src/l1/interfaces/IInbox.sol";
import {IAttestationPolicy, IPolicy} from "../../src/l1/interfaces/IPolicy.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {vm} from "../support/Vm.sol";

contract HubTest is L1Fixture {
    function setUp() public override {
        super.setUp();
        registerMany(3);
    }

    function test_register_refusesTakenChainsAndBarePolicies() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.ChainIdTaken.selector, uint64(901)));
        hub.register(901, policy, 0, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IHub.InvalidChainId.selector, uint64(0)));
        hub.register(0, policy, 0, 0, "");
        uint64 large = uint64(1 << 32) + 905;
        vm.expectRevert(abi.encodeWithSelector(IHub.InvalidChainId.selector, large));
        hub.register(large, policy, 0, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IHub.ChainIdTaken.selector, uint64(block.chainid)));
        hub.register(uint64(block.chainid), policy, 0, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IHub.NotAPolicy.selector, alice));
        hub.register(904, IPolicy(alice), 0, 0, "");
    }

    function test_register_escrowsTheGenesisBalances() public view {
        assertEq(bridge.escrowOf(901, 0, address(0)), 10 ether);
        assertEq(address(bridge).balance, 30 ether);
        assertEq(hub.rollup(1).configHash, keccak256("config"));
    }

    function test_register_mapsChainIdsAndPlaces() public {
        assertEq(register(type(uint32).max, policy, 0), 4);
        assertEq(hub.idOf(type(uint32).max), 4);
        assertEq(hub.networkOf(4), type(uint32).max);
        assertEq(hub.idOf(901), 1);
        assertEq(hub.networkOf(1), 901);
        assertTrue(hub.idOf(1) == 0 && hub.idOf(0) == 0 && hub.networkOf(0) == 0 && hub.networkOf(5) == 0);
    }

    function test_p42_transfersAreBetweenRollupsOfTheRealm() public {
        (BatchHeader memory header, bytes32 hash) = post(3);
        Statement memory statement = nextStatement(header.number, hash, 3, 0);
        statement.transfers = new Transfer[](1);
        uint32[3] memory strangers = [uint32(0), 1, 999];
        for (uint256 i = 0; i < 3; i++) {
            bytes memory refusal = abi.encodeWithSelector(IHub.UnknownNetwork.selector, strangers[i]);
            statement.transfers[0] = Transfer(strangers[i], 901, 0, address(0), 1 ether);
            _unsettled(statement, refusal);
            statement.transfers[0] = Transfer(901, strangers[i], 0, address(0), 1 ether);
            _unsettled(statement, refusal);
        }
    }

    function test_register_takesAtMost128() public {
        for (uint64 i = 4; i <= 128; i++) {
            hub.register(900 + i, policy, 0, 0, "");
        }
        vm.expectRevert(abi.encodeWithSelector(IHub.TooManyRollups.selector));
        hub.register(2000, policy, 0, 0, "");
    }

    /// A lax policy speaks for its own rollup alone: it cannot move what others have.
    function test_p42_nobodyGivesWithoutApproval() public {
        (BatchHeader memory header, bytes32 hash) = post(1);
        Statement memory statement = nextStatement(header.number, hash, 1, 0);
        statement.transfers = new Transfer[](1);
        statement.transfers[0] = Transfer(902, 901, 0, address(0), 1 ether);
        Approval[] memory approvals = approve(statement, 3);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotApproved.selector, uint32(2)));
        hub.settle(statement, approvals);
        statement.transfers[0] = Transfer(901, 902, 0, address(0), 1 ether);
        approvals = approve(statement, 3);
        hub.settle(statement, approvals);
        assertEq(bridge.escrowOf(902, 0, address(0)), 11 ether);
    }

    function test_postBatch_followsTheOneBefore() public {
        (BatchHeader memory one, bytes32 first) = post(3);
        assertEq(one.parent, hub.genesisHash());
        (BatchHeader memory two, bytes32 second) = post(2);
        assertEq(two.parent, first);
        (uint64 number, uint64 lastSlot,,, bytes32 hash) = hub.posted();
        assertEq(number, 2);
        assertEq(lastSlot, 120);
        assertEq(hash, second);
    }

    function test_postBatch_refusesWhatDoesNotFollow() public {
        (BatchHeader memory posted, bytes32 hash) = post(1);
        bytes memory refusal = abi.encodeWithSelector(IHub.NotNext.selector, 1, hash);
        _refused(posted, refusal);
        BatchHeader memory header = nextHeader(1);
        header.parent = hub.genesisHash();
        _refused(header, refusal);
        header = nextHeader(1);
        header.number++;
        _refused(header, refusal);
    }

    function test_postBatch_refusesWrongSlots() public {
        bytes memory refusal = abi.encodeWithSelector(IHub.WrongSlots.selector, 0);
        BatchHeader memory header = nextHeader(1);
        header.firstSlot = 2;
        _refused(header, refusal);
        header.firstSlot = 0;
        _refused(header, refusal);
        (header.firstSlot, header.lastSlot) = (1, 0);
        _refused(header, refusal);
        (header.firstSlot, header.lastSlot) = (1, 65_537);
        _refused(header, refusal);
        header.lastSlot = type(uint64).max;
        _refused(header, refusal);
        header.lastSlot = 65_536;
        hub.postBatch(header, signed(header));
    }

    function test_postBatch_refusesUnknownRollups() public {
        BatchHeader memory header = nextHeader(4);
        _refused(header, abi.encodeWithSelector(IHub.UnknownRollups.selector, uint128(15)));
        header.rollups = 0;
        _refused(header, abi.encodeWithSelector(IHub.UnknownRollups.selector, uint128(0)));
    }

    function test_postBatch_refusesForeignOrigins() public {
        BatchHeader memory header = nextHeader(1);
        header.l1Hash = keccak256("fork");
        _refused(header, abi.encodeWithSelector(IHub.WrongOrigin.selector, header.l1Number, header.l1Hash));
        header = nextHeader(1);
        header.l1Number = uint64(block.number);
        header.l1Hash = 0;
        _refused(header, abi.encodeWithSelector(IHub.WrongOrigin.selector, header.l1Number, bytes32(0)));
        header = nextHeader(1);
        vm.roll(block.number + 257);
        _refused(header, abi.encodeWithSelector(IHub.WrongOrigin.selector, header.l1Number, header.l1Hash));
    }

    function test_p46_theCursorMovesForwardAndKnowsNoFuture() public {
        inbox.forceTransaction(901, "transaction");
        BatchHeader memory header = nextHeader(1);
        _refused(header, abi.encodeWithSelector(IHub.WrongCursor.selector, uint64(1)));
        post(1);
        header = nextHeader(1);
        header.inboxCursor = 0;
        _refused(header, abi.encodeWithSelector(IHub.WrongCursor.selector, uint64(0)));
        header.inboxCursor = 2;
        _refused(header, abi.encodeWithSelector(IInbox.NoSuchEntry.selector, uint64(2), uint64(1)));
    }

    function test_p46_anEntryIsConsumedWithinTheWindow() public {
        inbox.forceTransaction(901, "transaction");
        vm.roll(block.number + FORCE_WINDOW);
        BatchHeader memory header = nextHeader(1);
        header.inboxCursor = 0;
        hub.postBatch(header, signed(header));
        vm.roll(block.number + 1);
        header = nextHeader(1);
        header.inboxCursor = 0;
        _refused(header, abi.encodeWithSelector(IHub.EntryOverdue.selector, uint64(0)));
        post(1);
    }

    function test_postBatch_refusesWhoIsNotTheSequencer() public {
        BatchHeader memory header = nextHeader(1);
        bytes memory signature = sign(0xbad, hub.batchDigest(header, setBlobs()));
        vm.expectRevert(abi.encodeWithSelector(IHub.NotTheSequencer.selector, vm.addr(0xbad)));
        hub.postBatch(header, signature);
        signature = signed(header);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotTheSequencer.selector, address(0)));
        hub.postBatch(header, bytes.concat(signature, hex"00"));
    }

    function test_postBatch_bindsTheBlobs() public {
        BatchHeader memory header = nextHeader(1);
        bytes memory signature = signed(header);
        vm.blobhashes(new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IHub.NoBlobs.selector));
        hub.postBatch(header, signature);
        bytes32[] memory others = new bytes32[](1);
        others[0] = bytes32(uint256(9));
        vm.blobhashes(others);
        vm.expectRevert();
        hub.postBatch(header, signature);
        // Anybody posts what the sequencer signed.
        setBlobs();
        vm.prank(bob);
        hub.postBatch(header, signature);
    }

    function test_postBatch_stopsWhenTooManyWait() public {
        for (uint256 i = 0; i < 255; i++) {
            post(1);
        }
        vm.roll(block.number + 1);
        _refused(nextHeader(1), abi.encodeWithSelector(IHub.TooManyUnsettled.selector));
    }

    function test_p46_anybodyPostsWhatIsInTheInboxOfASilentSequencer() public {
        inbox.forceTransaction(902, "transaction");
        vm.expectRevert(abi.encodeWithSelector(IHub.NotSilent.selector, 1000 + SILENCE_WINDOW + 1));
        hub.postForced(1);
        vm.roll(1000 + SILENCE_WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(IHub.NothingToDo.selector));
        hub.postForced(0);
        vm.prank(bob);
        bytes32 hash = hub.postForced(1);
        vm.expectRevert(abi.encodeWithSelector(IHub.NothingToDo.selector));
        hub.postForced(1);
        Statement memory statement = nextStatement(1, hash, 3, 0);
        hub.settle(statement, approve(statement, 3));
        (, uint64 lastSlot, uint64 cursor,) = hub.settled();
        assertEq(lastSlot, 1);
        assertEq(cursor, 1);
    }

    /// L1 may put the same call into another block on the same parent, with another time: then it is another batch.
    function test_p46_anInboxOnlyBatchSaysItsTime() public {
        inbox.forceTransaction(901, "transaction");
        vm.roll(1000 + SILENCE_WINDOW + 1);
        uint256 state = vm.snapshotState();
        bytes32 hash = hub.postForced(1);
        assertTrue(vm.revertToState(state));
        assertEq(hub.postForced(1), hash);
        assertTrue(vm.revertToState(state));
        vm.warp(block.timestamp + 12);
        assertTrue(hub.postForced(1) != hash);
    }

    function test_p44_everyRollupOfTheBatchesAdvances() public {
        post(2);
        (BatchHeader memory header, bytes32 hash) = post(3);
        Statement memory statement = nextStatement(header.number, hash, 3, keccak256("exits"));
        hub.settle(statement, approve(statement, 3));
        for (uint32 i = 1; i <= 3; i++) {
            assertEq(hub.commitmentOf(i), keccak256(abi.encode(statement.transitions[i - 1].post)));
            assertEq(bridge.exitRootOf(i), keccak256("exits"));
        }
        (uint64 number,,,) = hub.settled();
        assertEq(number, 2);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongBatches.selector, 1, 2));
        hub.settle(statement, new Approval[](0));
    }

    function test_postAndSettle_doesBothOrNothing() public {
        bytes32 first = postAndSettle(3, keccak256("exits"));
        (uint64 number, uint64 lastSlot,,, bytes32 hash) = hub.posted();
        (uint64 settledNumber, uint64 settledSlot,,) = hub.settled();
        assertTrue(number == 1 && settledNumber == 1 && lastSlot == 60 && settledSlot == 60);
        assertEq(bridge.exitRootOf(3), keccak256("exits"));
        assertTrue(hub.wasSettled(first, 0, new bytes32[](0)));
        // Batches that wait are settled with it.
        (BatchHeader memory waiting, bytes32 second) = post(1);
        assertEq(waiting.parent, hash);
        (BatchHeader memory header,) = _unposted(2);
        assertEq(header.parent, second);
        postAndSettle(3, keccak256("more"));
        (settledNumber,,,) = hub.settled();
        assertEq(settledNumber, 3);
        assertEq(bridge.exitRootOf(1), keccak256("more"));
    }

    function test_postAndSettle_endsWithTheBatch() public {
        post(1);
        (BatchHeader memory header, bytes memory signature) = _unposted(3);
        Statement memory statement = nextStatement(1, header.parent, 1, 0);
        Approval[] memory approvals = approve(statement, 3);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongBatches.selector, 1, 1));
        hub.postAndSettle(header, signature, statement, approvals);
        statement = nextStatement(2, keccak256("other"), 3, 0);
        bytes32 hash = hashOf(header);
        approvals = approve(statement, 3);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongBatch.selector, hash));
        hub.postAndSettle(header, signature, statement, approvals);
        (uint64 number,,,,) = hub.posted();
        assertEq(number, 1);
    }

    function test_postAndSettle_needsTheSequencer() public {
        (BatchHeader memory header,) = _unposted(3);
        bytes memory signature = sign(0xbad, hub.batchDigest(header, setBlobs()));
        Statement memory statement = nextStatement(1, hashOf(header), 3, 0);
        Approval[] memory approvals = approve(statement, 3);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotTheSequencer.selector, vm.addr(0xbad)));
        hub.postAndSettle(header, signature, statement, approvals);
    }

    function _unposted(uint32 rollups) private returns (BatchHeader memory header, bytes memory signature) {
        vm.roll(block.number + 1);
        header = nextHeader(rollups);
        signature = signed(header);
    }

    /// Every settlement can be shown, by the path to the complete subtree that holds it, and nothing else can.
    function test_p44_settlementsStayKnown() public {
        bytes32[] memory digests = new bytes32[](7);
        for (uint256 i = 0; i < 7; i++) {
            digests[i] = postAndSettle(1, 0);
            assertEq(hub.settlements(), i + 1);
        }
        // 7 = 4 + 2 + 1.
        for (uint256 i = 0; i < 7; i++) {
            bytes32[] memory path = _historyPath(digests, i);
            assertTrue(hub.wasSettled(digests[i], i, path));
            assertTrue(!hub.wasSettled(digests[i], i ^ 1, path));
            assertTrue(!hub.wasSettled(keccak256("other"), i, path));
            assertTrue(!hub.wasSettled(digests[i], i, new bytes32[](path.length + 1)));
            assertTrue(!hub.wasSettled(digests[i], i + 8, path));
            if (path.length != 0) {
                path[path.length - 1] = ~path[path.length - 1];
                assertTrue(!hub.wasSettled(digests[i], i, path));
                assertTrue(!hub.wasSettled(digests[i], i, new bytes32[](0)));
            }
        }
        assertTrue(!hub.wasSettled(0, 7, new bytes32[](0)));
        assertTrue(!hub.wasSettled(0, 0, new bytes32[](32)));
        assertTrue(!hub.wasSettled(0, 0, new bytes32[](300)));
    }

    function _historyPath(bytes32[] memory digests, uint256 index) private pure returns (bytes32[] memory path) {
        if (index == 6) return new bytes32[](0);
        path = new bytes32[](index < 4 ? 2 : 1);
        path[0] = digests[index ^ 1];
        if (index >= 4) return path;
        uint256 pair = index < 2 ? 2 : 0;
        path[1] = keccak256(abi.encode(digests[pair], digests[pair + 1]));
    }

    /// A policy that believes anything: what the hub itself must check.
    function accepts(bytes32, bytes32, bytes calldata) external pure returns (bool) {
        return true;
    }

    function test_settle_refusesBitsThatNoEncoderSets() public {
        register(999, IPolicy(address(this)), 0);
        vm.roll(block.number + 1);
        BatchHeader memory header = nextHeader(4);
        header.rollups = 8;
        bytes32 hash = hub.postBatch(header, signed(header));
        Statement memory statement = nextStatement(1, hash, 4, 0);
        (statement.transitions[0], statement.transitions[3]) = (statement.transitions[3], statement.transitions[0]);
        Transition[] memory transitions = statement.transitions;
        assembly {
            mstore(transitions, 1)
        }
        Approval[] memory approvals = new Approval[](1);
        approvals[0].policy = IPolicy(address(this));
        bytes memory data = abi.encodeCall(hub.settle, (statement, approvals));
        uint256 found = 0;
        for (uint256 pos = 36; pos + 32 <= data.length; pos += 32) {
            bytes32 word;
            assembly {
                word := mload(add(data, pos))
            }
            if (word != transitions[0].post.blockHash) continue;
            // The word behind it is the block number.
            data[pos] = 0x01;
            (bool ok,) = address(hub).call(data);
            assertTrue(!ok);
            data[pos] = 0x00;
            found++;
        }
        assertEq(found, 1);
        (bool accepted,) = address(hub).call(data);
        assertTrue(accepted);
    }

    function test_settle_refusesOtherBatches() public {
        (BatchHeader memory header, bytes32 hash) = post(1);
        Statement memory statement = nextStatement(header.number, hash, 1, 0);
        (statement.firstBatch, statement.lastBatch) = (2, 2);
        _unsettled(statement, abi.encodeWithSelector(IHub.WrongBatches.selector, 2, 2));
        (statement.firstBatch, statement.lastBatch) = (1, 0);
        _unsettled(statement, abi.encodeWithSelector(IHub.WrongBatches.selector, 1, 0));
        (statement.firstBatch, statement.lastBatch) = (1, 2);
        _unsettled(statement, abi.encodeWithSelector(IHub.WrongBatches.selector, 1, 2));
        (statement.firstBatch, statement.lastBatch) = (1, 1);
        statement.batchHash = keccak256("other");
        _unsettled(statement, abi.encodeWithSelector(IHub.WrongBatch.selector, hash));
    }

    function test_settle_refusesOtherRollups() public {
        (BatchHeader memory header, bytes32 hash) = post(2);
        bytes memory refusal = abi.encodeWithSelector(IHub.WrongRollups.selector, uint128(3));
        _unsettled(nextStatement(header.number, hash, 1, 0), refusal);
        _unsettled(nextStatement(header.number, hash, 3, 0), refusal);
        Statement memory statement = nextStatement(header.number, hash, 2, 0);
        (statement.transitions[0], statement.transitions[1]) = (statement.transitions[1], statement.transitions[0]);
        _unsettled(statement, refusal);
        statement = nextStatement(header.number, hash, 2, 0);
        statement.transitions[1] = statement.transitions[0];
        _unsettled(statement, refusal);
        statement = nextStatement(header.number, hash, 2, 0);
        statement.transitions[1].rollup = 200;
        _unsettled(statement, refusal);
    }

    function test_settle_startsWhereTheRollupsStand() public {
        (BatchHeader memory header, bytes32 hash) = post(2);
        Statement memory statement = nextStatement(header.number, hash, 2, 0);
        statement.transitions[1].pre = keccak256("elsewhere");
        _unsettled(statement, abi.encodeWithSelector(IHub.WrongPreState.selector, 2, hub.commitmentOf(2)));
    }

    function test_settle_takesEveryPolicyAndEnoughAttesters() public {
        IAttestationPolicy strict = newPolicy(5);
        register(999, strict, 0);
        (BatchHeader memory header, bytes32 hash) = post(4);
        Statement memory statement = nextStatement(header.number, hash, 4, 0);
        bytes32 digest = hub.statementDigest(statement);
        Approval[] memory approvals = approve(statement, 3);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotApproved.selector, 4));
        hub.settle(statement, approvals);
        Approval[] memory both = new Approval[](2);
        (both[0], both[1]) = (approvals[0], Approval(strict, proofOf(digest, 4)));
        vm.expectRevert(abi.encodeWithSelector(IHub.Refused.selector, strict));
        hub.settle(statement, both);
        assertEq(hub.commitmentOf(1), keccak256(abi.encode(outcomes[1])));
        both[1].proof = proofOf(digest, 5);
        hub.settle(statement, both);
    }

    function test_policy_countsEachAttesterOnce() public view {
        bytes32 digest = keccak256("statement");
        assertTrue(policy.accepts(digest, PROGRAM, proofOf(digest, 3)));
        assertTrue(!policy.accepts(digest, "other", proofOf(digest, 3)));
        assertTrue(!policy.accepts(keccak256("other"), PROGRAM, proofOf(digest, 3)));
        assertTrue(!policy.accepts(digest, PROGRAM, proofOf(digest, 2)));
        assertTrue(!policy.accepts(digest, PROGRAM, proofOf(digest, 4)));
        bytes memory one = bytes.concat(bytes1(0), sign(attesters[0], digest));
        assertTrue(!policy.accepts(digest, PROGRAM, bytes.concat(one, one, one)));
        bytes memory foreign = bytes.concat(bytes1(uint8(2)), sign(0xbad, digest));
        assertTrue(!policy.accepts(digest, PROGRAM, bytes.concat(proofOf(digest, 2), foreign)));
        bytes memory beyond = bytes.concat(bytes1(uint8(5)), sign(0xbad, digest));
        assertTrue(!policy.accepts(digest, PROGRAM, bytes.concat(proofOf(digest, 2), beyond)));
    }

    function test_policy_refusesHighS() public view {
        bytes32 digest = keccak256("statement");
        bytes memory proof = proofOf(digest, 3);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        uint256 s;
        assembly {
            s := mload(add(proof, 65))
            mstore(add(proof, 65), sub(order, s))
        }
        proof[65] = bytes1(uint8(proof[65]) ^ 1);
        assertTrue(!policy.accepts(digest, PROGRAM, proof));
    }

    function test_policy_refusesImpossibleSets() public {
        address[] memory none = new address[](0);
        vm.expectRevert(abi.encodeWithSelector(IAttestationPolicy.InvalidThreshold.selector, 0, 0));
        Artifacts.create("AttestationPolicy", abi.encode(PROGRAM, 0, none));
        address[] memory two = new address[](2);
        (two[0], two[1]) = (bob, bob);
        vm.expectRevert(abi.encodeWithSelector(IAttestationPolicy.InvalidThreshold.selector, 3, 2));
        Artifacts.create("AttestationPolicy", abi.encode(PROGRAM, 3, two));
        vm.expectRevert(abi.encodeWithSelector(IAttestationPolicy.InvalidAttester.selector, bob));
        Artifacts.create("AttestationPolicy", abi.encode(PROGRAM, 1, two));
    }

    /// forge-config: default.isolate = true
    function test_gas_eightRollupsThreeOfFive() public {
        for (uint64 i = 4; i <= 8; i++) {
            register(900 + i, policy, 1 ether);
        }
        // Roots were written before, as in a realm that runs; the batch's record is new.
        settleForced(8, keccak256("one"));
        bytes32 hash = postForced();
        vm.snapshotGasLastCall("post an inbox-only batch of 8 rollups");
        Statement memory statement = nextStatement(2, hash, 8, keccak256("two"));
        Approval[] memory approvals = approve(statement, 3);
        hub.settle(statement, approvals);
        uint256 used = vm.snapshotGasLastCall("settle 8 rollups, 3 of 5");
        assertTrue(used <= 350_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_forcedTransaction() public {
        bytes memory transaction =
            abi.encodePacked(keccak256("a"), keccak256("b"), keccak256("c"), bytes14(keccak256("d")));
        inbox.forceTransaction(901, transaction);
        inbox.forceTransaction(901, transaction);
        uint256 used = vm.snapshotGasLastCall("force a transaction of 110 bytes");
        assertTrue(used <= 80_000);
    }

    function _refused(BatchHeader memory header, bytes memory refusal) private {
        bytes memory signature = signed(header);
        vm.expectRevert(refusal);
        hub.postBatch(header, signature);
    }

    function _unsettled(Statement memory statement, bytes memory refusal) private {
        Approval[] memory approvals = approve(statement, 3);
        vm.expectRevert(refusal);
        hub.settle(statement, approvals);
    }
}
