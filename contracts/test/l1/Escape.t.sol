// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE} from "../../src/interfaces/Addresses.sol";
import {IEscape} from "../../src/l1/interfaces/IEscape.sol";
import {Approval, BatchHeader, IHub, Outcome, Statement, Transfer} from "../../src/l1/interfaces/IHub.sol";
import {ISequencerRegistry} from "../../src/l1/interfaces/ISequencerRegistry.sol";
import {StateProof} from "../../src/l1/lib/StateProof.sol";
import {TestToken} from "../../src/test/TestToken.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {Reentrant} from "../support/Reentrant.sol";
import {States} from "../support/States.sol";
import {newToken} from "../support/Tokens.sol";
import {vm} from "../support/Vm.sol";

/// Tries of one or two accounts, and the ways out and back that depend on them.
contract EscapeTest is L1Fixture {
    /// Settled outcome of rollup 1.
    Outcome private outcome;

    function test_p46_anAccountLeavesWithItsEther() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        vm.roll(block.number + EXIT_WINDOW + 1);
        uint64 entries = inbox.count();
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        assertEq(bob.balance, 3 ether);
        assertEq(bridge.escrowOf(901, 0, address(0)), 7 ether);
        assertEq(inbox.count(), entries + 1);
    }

    function test_p46_nobodyLeavesWhileThereAreSettlements() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        uint256 from = block.number + EXIT_WINDOW + 1;
        vm.roll(from - 1);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotOverdue.selector, from));
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
    }

    function test_p46_anAccountLeavesOnce() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.startPrank(alice);
        escape.exitEther(901, outcome, proof, bob);
        vm.expectRevert(
            abi.encodeWithSelector(IEscape.AlreadyExited.selector, uint32(901), alice, uint32(0), address(0))
        );
        escape.exitEther(901, outcome, proof, bob);
        vm.stopPrank();
    }

    function test_p46_onlyTheSettledOutcomeCounts() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        Outcome memory stale = outcome;
        _settleAccount(alice, 1 ether, States.EMPTY_TRIE);
        vm.roll(block.number + EXIT_WINDOW + 1);
        bytes32 settled = keccak256(abi.encode(outcome));
        vm.expectRevert(abi.encodeWithSelector(IEscape.NotSettled.selector, uint32(901), settled));
        vm.prank(alice);
        escape.exitEther(901, stale, proof, bob);
    }

    function test_p46_nobodyLeavesWithAnothersEther() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(StateProof.InvalidProof.selector));
        vm.prank(bob);
        escape.exitEther(901, outcome, proof, bob);
        proof[0][40] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(StateProof.InvalidProof.selector));
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        vm.expectRevert(abi.encodeWithSelector(StateProof.InvalidProof.selector));
        vm.prank(alice);
        escape.exitEther(901, outcome, new bytes[](0), bob);
    }

    function test_p46_nobodyLeavesWithNothing() public {
        bytes[] memory proof = _settleAccount(alice, 0, States.EMPTY_TRIE);
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(IEscape.NothingToExit.selector));
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
    }

    function test_p46_anAccountBelowABranchLeaves() public {
        register(901, policy, 10 ether);
        // Two accounts whose paths part at the first nibble.
        address other = alice;
        for (uint160 i = 1; _nibble(other) == _nibble(alice); i++) {
            other = address(i);
        }
        bytes memory left = States.leafNode(alice, 1, States.account(2 ether, States.EMPTY_TRIE));
        bytes memory right = States.leafNode(other, 1, States.account(5, States.EMPTY_TRIE));
        bytes memory branch;
        for (uint8 i = 0; i < 16; i++) {
            bytes memory child = hex"80";
            if (i == _nibble(alice)) child = abi.encodePacked(uint8(0xa0), keccak256(left));
            if (i == _nibble(other)) child = abi.encodePacked(uint8(0xa0), keccak256(right));
            branch = bytes.concat(branch, child);
        }
        branch = States.list(bytes.concat(branch, hex"80"));
        bytes[] memory proof = new bytes[](2);
        (proof[0], proof[1]) = (branch, left);
        _settleRoot(keccak256(branch));
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.prank(alice);
        assertEq(escape.exitEther(901, outcome, proof, bob), 2 ether);
        proof[1] = right;
        vm.prank(other);
        assertEq(escape.exitEther(901, outcome, proof, bob), 5);
    }

    function test_p46_anAccountLeavesWithItsTokens() public {
        TestToken token = newToken("Native", "NAT", 8);
        (bytes[] memory accountProof, bytes[] memory storageProof) = _bridgeTokens(token);
        _settleRoot(keccak256(accountProof[0]));
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(IEscape.NativeToken.selector));
        escape.exitToken(901, outcome, 901, address(token), accountProof, storageProof, bob);
        vm.prank(alice);
        assertEq(escape.exitToken(901, outcome, 0, address(token), accountProof, storageProof, bob), 1_000);
        assertEq(token.balanceOf(bob), 1_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_exitEther() public {
        register(901, policy, 10 ether);
        bytes[] memory proof = new bytes[](1);
        proof[0] = States.leafNode(alice, 0, States.account(3 ether, States.EMPTY_TRIE));
        _settleForcedRoot(keccak256(proof[0]));
        vm.deal(bob, 1);
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        vm.snapshotGasLastCall("exit ether by a proof of one node");
    }

    /// A state of a million accounts has five or six branches above each.
    ///
    /// forge-config: default.isolate = true
    function test_gas_exitEtherBelowABranch() public {
        register(901, policy, 10 ether);
        bytes[] memory proof = new bytes[](2);
        proof[1] = States.leafNode(alice, 1, States.account(3 ether, States.EMPTY_TRIE));
        bytes memory branch;
        for (uint8 i = 0; i < 16; i++) {
            bytes32 hash = i == _nibble(alice) ? keccak256(proof[1]) : keccak256(abi.encode(i));
            branch = bytes.concat(branch, abi.encodePacked(uint8(0xa0), hash));
        }
        proof[0] = States.list(bytes.concat(branch, hex"80"));
        _settleForcedRoot(keccak256(proof[0]));
        vm.deal(bob, 1);
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        vm.snapshotGasLastCall("exit ether by a proof of two nodes");
    }

    /// forge-config: default.isolate = true
    function test_gas_exitToken() public {
        TestToken token = newToken("Native", "NAT", 8);
        (bytes[] memory accountProof, bytes[] memory storageProof) = _bridgeTokens(token);
        _settleForcedRoot(keccak256(accountProof[0]));
        vm.prank(alice);
        escape.exitToken(901, outcome, 0, address(token), accountProof, storageProof, bob);
        vm.snapshotGasLastCall("exit an ERC-20 token by two proofs of one node");
    }

    function test_p46_batchesThatWaitAreVoidAndTheNextOneBurnsFirst() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        post(1);
        vm.roll(block.number + EXIT_WINDOW + 1);
        BatchHeader memory waiting = nextHeader(1);
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        (uint64 number,,,,) = hub.posted();
        (uint64 settledNumber,,,) = hub.settled();
        assertEq(number, settledNumber);
        assertEq(hub.highestSlot(), 120);
        // Of what is settled the numbers stay.
        assertEq(hub.renumberedAt(60), 0);
        assertEq(hub.renumberedAt(61), block.number);
        assertEq(hub.renumberedAt(type(uint64).max), block.number);
        waiting = nextHeader(1);
        waiting.inboxCursor = 0;
        bytes memory signature = signed(waiting);
        vm.expectRevert(abi.encodeWithSelector(IHub.EntryOverdue.selector, uint64(0)));
        hub.postBatch(waiting, signature);
        settleWith(1, 0, new Transfer[](0));
    }

    /// The batch before was settled as it was posted: its hash is not lost when what followed it is void.
    function test_p46_theNextBatchFollowsTheSettledOne() public {
        bytes[] memory proof = _settleAccount(alice, 3 ether, States.EMPTY_TRIE);
        postAndSettleRoot(keccak256(proof[0]));
        (,,,, bytes32 hash) = hub.posted();
        post(1);
        post(1);
        vm.roll(block.number + EXIT_WINDOW + 1);
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        (uint64 number,,,, bytes32 last) = hub.posted();
        assertEq(number, 2);
        assertEq(last, hash);
        // Void without anything that waits: nothing changes.
        vm.expectRevert(
            abi.encodeWithSelector(IEscape.AlreadyExited.selector, uint32(901), alice, uint32(0), address(0))
        );
        vm.prank(alice);
        escape.exitEther(901, outcome, proof, bob);
        // A frame of its own, which asks for the block's number again.
        this.settleAfter();
        (number,,,,) = hub.posted();
        assertEq(number, 3);
    }

    function settleAfter() external {
        postAndSettleRoot(keccak256("after"));
    }

    function postAndSettleRoot(bytes32 stateRoot) private {
        vm.roll(block.number + 1);
        BatchHeader memory header = nextHeader(1);
        bytes memory signature = signed(header);
        Statement memory statement = nextStatement(header.number, hashOf(header), 1, 0);
        statement.transitions[0].post.stateRoot = stateRoot;
        outcome = statement.transitions[0].post;
        hub.postAndSettle(header, signature, statement, approve(statement, 3));
    }

    function test_seat_isFreeWhenNothingSettles() public {
        vm.deal(bob, 5 ether);
        vm.startPrank(bob);
        registry.addBond{value: 2 ether}(bob);
        bytes32 digest =
            keccak256(abi.encodePacked("weft", uint8(65), uint16(1), uint64(block.chainid), hub, REALM, bob, uint8(1)));
        registry.addKey(vm.addr(0xb0b), ISequencerRegistry.Role.Sequencer, sign(0xb0b, digest));
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.SeatHeld.selector, operator));
        registry.takeSeat(vm.addr(0xb0b));
        (,,, uint64 settledAt) = hub.settled();
        vm.roll(settledAt + EXIT_WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.SeatHeld.selector, operator));
        registry.takeSeat(vm.addr(0xb0b));
        vm.roll(settledAt + EXIT_WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.Unauthorized.selector, alice));
        registry.takeSeat(alice);
        registry.takeSeat(vm.addr(0xb0b));
        vm.stopPrank();
        assertTrue(registry.isSequencer(vm.addr(0xb0b)) && !registry.isSequencer(vm.addr(SEQUENCER_KEY)));
    }

    function test_bond_answersUntilItIsPaid() public {
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.NotLeaving.selector));
        registry.withdraw(bob);
        registry.beginLeaving();
        assertTrue(!registry.isSequencer(vm.addr(SEQUENCER_KEY)));
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.NotYet.selector, block.number + 30));
        registry.withdraw(bob);
        vm.roll(block.number + 30);
        registry.withdraw(bob);
        vm.stopPrank();
        assertEq(bob.balance, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.Unauthorized.selector, address(this)));
        registry.slash(operator, 0, 1, bob);
    }

    /// Whether the seat's operator is bonded is noted beside the key: it holds whatever becomes of the bond.
    function test_bond_fromWithin_isPaidOnce() public {
        Reentrant leaving = new Reentrant();
        registry.addBond{value: 2 ether}(address(leaving));
        leaving.run(address(registry), abi.encodeCall(ISequencerRegistry.beginLeaving, ()));
        vm.roll(block.number + 30);
        bytes memory withdraw = abi.encodeCall(ISequencerRegistry.withdraw, (address(leaving)));
        leaving.arm(address(registry), withdraw);
        leaving.run(address(registry), withdraw);
        assertTrue(leaving.wasCalled());
        assertEq(address(leaving).balance, 2 ether);
        assertEq(address(registry).balance, BOND);
    }

    function test_seat_countsWhileItsOperatorIsBonded() public {
        address key = vm.addr(SEQUENCER_KEY);
        vm.prank(address(slasher));
        registry.slash(operator, 0, BOND - 1 ether, address(0));
        assertTrue(registry.isSequencer(key));
        vm.prank(address(slasher));
        registry.slash(operator, 0, 1, address(0));
        assertTrue(!registry.isSequencer(key));
        registry.addBond{value: 1 ether}(alice);
        assertTrue(!registry.isSequencer(key));
        registry.addBond{value: 1}(operator);
        assertTrue(registry.isSequencer(key));
        vm.prank(operator);
        registry.beginLeaving();
        registry.addBond{value: 1 ether}(operator);
        assertTrue(!registry.isSequencer(key));
    }

    function test_addKey_needsBondAndTheKeysOwnWord() public {
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.BondTooLow.selector, 0, 1 ether));
        registry.addKey(bob, ISequencerRegistry.Role.Member, "");
        registry.addBond{value: 1 ether}(address(this));
        vm.expectRevert(abi.encodeWithSelector(ISequencerRegistry.Unauthorized.selector, bob));
        registry.addKey(bob, ISequencerRegistry.Role.Member, sign(0xb0b, keccak256("else")));
    }

    function _settleAccount(address owner, uint256 balance, bytes32 storageRoot)
        private
        returns (bytes[] memory proof)
    {
        if (hub.rollupCount() == 0) register(901, policy, 10 ether);
        proof = new bytes[](1);
        proof[0] = States.leafNode(owner, 0, States.account(balance, storageRoot));
        _settleRoot(keccak256(proof[0]));
    }

    /// Bridges alice's tokens to rollup 901 and proves that she has them there.
    function _bridgeTokens(TestToken token) private returns (bytes[] memory accountProof, bytes[] memory storageProof) {
        token.mint(alice, 1_000);
        register(901, policy, 10 ether);
        vm.startPrank(alice);
        token.approve(address(bridge), 1_000);
        bridge.bridgeAsset(901, alice, 1_000, address(token), false, "");
        vm.stopPrank();
        bytes memory balance = States.storageLeaf(keccak256(abi.encode(alice, uint256(4))), hex"8203e8");
        bytes32 codeHash = keccak256(Artifacts.creationCode("WrappedToken"));
        bytes32 salt = keccak256(abi.encode(uint32(0), address(token)));
        address wrapped = address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", BRIDGE, salt, codeHash)))));
        bytes memory node = States.leafNode(wrapped, 0, States.account(0, keccak256(balance)));
        (accountProof, storageProof) = (new bytes[](1), new bytes[](1));
        (accountProof[0], storageProof[0]) = (node, balance);
    }

    /// Settles an inbox-only batch, which has no blobs, so that forge can measure what follows, and lets the window pass.
    function _settleForcedRoot(bytes32 stateRoot) private {
        bytes32 hash = postForced();
        (uint64 number,,,,) = hub.posted();
        Statement memory statement = nextStatement(number, hash, 1, 0);
        statement.transitions[0].post.stateRoot = stateRoot;
        outcome = statement.transitions[0].post;
        Approval[] memory approvals = approve(statement, 3);
        hub.settle(statement, approvals);
        vm.roll(block.number + EXIT_WINDOW + 1);
    }

    function _settleRoot(bytes32 stateRoot) private {
        (BatchHeader memory header, bytes32 hash) = post(1);
        Statement memory statement = nextStatement(header.number, hash, 1, 0);
        statement.transitions[0].post.stateRoot = stateRoot;
        outcome = statement.transitions[0].post;
        hub.settle(statement, approve(statement, 3));
    }

    function _nibble(address owner) private pure returns (uint8) {
        return uint8(keccak256(abi.encodePacked(owner))[0]) >> 4;
    }
}
