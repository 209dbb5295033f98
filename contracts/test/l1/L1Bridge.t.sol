// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "../../src/WrappedToken.sol";
import {Transfer} from "../../src/l1/interfaces/IHub.sol";
import {IInbox} from "../../src/l1/interfaces/IInbox.sol";
import {IBridgeMessageReceiver, IL1Bridge} from "../../src/l1/interfaces/IL1Bridge.sol";
import {ExitTree} from "../../src/l1/lib/ExitTree.sol";
import {SafeToken} from "../../src/lib/SafeToken.sol";
import {OddToken} from "../../src/test/OddToken.sol";
import {TestToken} from "../../src/test/TestToken.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {Reentrant} from "../support/Reentrant.sol";
import {FeeToken, HookToken, PermitToken, newToken} from "../support/Tokens.sol";
import {vm} from "../support/Vm.sol";

/// Takes messages, and claims again from within one.
contract Receiver is IBridgeMessageReceiver {
    address public origin;
    uint32 public network;
    uint256 public paid;
    bytes public data;

    function onMessageReceived(address origin_, uint32 network_, bytes calldata data_) external payable {
        if (keccak256(data_) == keccak256("refuse")) revert("refused");
        if (keccak256(data_) == keccak256("again")) IL1Bridge(msg.sender).bridgeMessage(901, origin_, false, "");
        (origin, network, paid, data) = (origin_, network_, msg.value, data_);
    }
}

contract L1BridgeTest is L1Fixture {
    /// An exit of rollup 1 to L1.
    struct Exit {
        uint8 leafType;
        uint32 originNetwork;
        address origin;
        uint32 destination;
        address to;
        uint256 amount;
        bytes metadata;
    }

    TestToken private token;
    /// Read before, so that a claim is the next call.
    bytes32 private rollupRoot;
    bytes32 private sibling;
    /// The other exit of rollup 1, where it has two.
    bytes32 private pairSibling;

    function setUp() public override {
        super.setUp();
        registerMany(2);
        token = newToken("Native", "NAT", 8);
        token.mint(alice, 1_000);
        vm.prank(alice);
        token.approve(address(bridge), type(uint256).max);
    }

    function test_bridgeAsset_ether_isALeafAnEntryAndEscrow() public {
        bytes32 leaf = bridge.getLeafValue(0, 0, address(0), 902, bob, 3 ether, keccak256(""));
        vm.prank(alice);
        bridge.bridgeAsset{value: 3 ether}(902, bob, 3 ether, address(0), true, "");
        assertEq(bridge.getRoot(), _rootOf(leaf));
        assertEq(bridge.depositCount(), 1);
        assertEq(bridge.lastUpdatedDepositCount(), 1);
        assertTrue(bridge.globalExitRootMap(bridge.getLastGlobalExitRoot()) == block.number);
        assertEq(bridge.escrowOf(902, 0, address(0)), 13 ether);
        assertEq(inbox.count(), 1);
    }

    function test_bridgeAsset_refusals() public {
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.DestinationNetworkInvalid.selector, uint32(0)));
        bridge.bridgeAsset{value: 1}(0, bob, 1, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.UnknownRollup.selector, uint32(903)));
        bridge.bridgeAsset{value: 1}(903, bob, 1, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.AmountDoesNotMatchMsgValue.selector, 2, 1));
        bridge.bridgeAsset{value: 1}(901, bob, 2, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.NothingToBridge.selector));
        bridge.bridgeAsset(901, bob, 0, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.MsgValueNotZero.selector));
        bridge.bridgeAsset{value: 1}(901, bob, 1, address(token), false, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.NothingToBridge.selector));
        bridge.bridgeAsset(901, bob, 0, address(token), false, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.NotAPermit.selector, bytes4(0x12345678)));
        bridge.bridgeAsset(901, bob, 1, address(token), false, hex"12345678");
    }

    function test_bridgeAsset_countsWhatArrivedOfATokenWithAFee() public {
        FeeToken fee = new FeeToken();
        fee.mint(alice, 1_000);
        vm.prank(alice);
        bridge.bridgeAsset(901, bob, 1_000, address(fee), false, "");
        assertEq(bridge.escrowOf(901, 0, address(fee)), fee.balanceOf(address(bridge)));
        assertTrue(fee.balanceOf(address(bridge)) < 1_000);
    }

    function test_bridgeAsset_takesAPermitThatMayBeUsed() public {
        PermitToken permitted = new PermitToken();
        permitted.mint(alice, 4);
        bytes memory permit = abi.encodeCall(permitted.permit, (alice, address(bridge), 4, 0, 0, 0, 0));
        vm.startPrank(alice);
        vm.expectRevert();
        bridge.bridgeAsset(901, bob, 1, address(permitted), false, "");
        bridge.bridgeAsset(901, bob, 1, address(permitted), false, permit);
        bridge.bridgeAsset(901, bob, 2, address(permitted), false, permit);
        bridge.bridgeAsset(901, bob, 1, address(permitted), false, hex"d505accf");
        vm.stopPrank();
        assertEq(bridge.escrowOf(901, 0, address(permitted)), 4);
    }

    function test_tokensThatAnswerNothingPass_andThoseThatRefuseCanBeClaimedLater() public {
        OddToken odd = OddToken(Artifacts.create("OddToken"));
        odd.mint(address(this), 100);
        bytes memory refused = abi.encodeWithSelector(SafeToken.TokenCallFailed.selector, address(odd));
        odd.setMode(3);
        vm.expectRevert(refused);
        bridge.bridgeAsset(901, bob, 50, address(odd), false, "");
        odd.setMode(4);
        bridge.bridgeAsset(901, bob, 50, address(odd), false, "");
        assertEq(bridge.escrowOf(901, 0, address(odd)), 50);
        Exit memory exit = Exit(0, 0, address(odd), 0, bob, 50, "");
        _settle(exit);
        odd.setMode(3);
        vm.expectRevert(refused);
        _claimCompact(exit);
        assertTrue(!bridge.isClaimed(0, 901));
        assertEq(bridge.escrowOf(901, 0, address(odd)), 50);
        odd.setMode(4);
        _claimCompact(exit);
        assertEq(odd.balanceOf(bob), 50);
        assertEq(bridge.escrowOf(901, 0, address(odd)), 0);
    }

    // P42: a token that calls who pays it, as ERC-777 does, brings nothing twice.
    function test_bridgeAsset_fromWithin_countsWhatArrivedOnce() public {
        HookToken hook = new HookToken();
        Reentrant payer = new Reentrant();
        hook.mint(address(payer), 2);
        bytes memory call = abi.encodeCall(IL1Bridge.bridgeAsset, (901, bob, 1, address(hook), false, ""));
        payer.arm(address(bridge), call);
        payer.run(address(bridge), call);
        assertTrue(payer.wasCalled() && !payer.hasEntered());
        assertEq(bridge.escrowOf(901, 0, address(hook)), 1);
        assertEq(hook.balanceOf(address(bridge)), 1);
    }

    // P42: nothing leaves between the two looks at what the bridge holds of a token.
    function test_nothingIsPaidWhileATokenArrives() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settle(exit);
        bytes[3] memory calls;
        calls[0] = abi.encodeCall(IL1Bridge.claimCompact, (new bytes32[](0), 0, 0, address(0), bob, 1 ether, ""));
        calls[1] = abi.encodeCall(
            IL1Bridge.claimAsset,
            (_path(), _rollupPath(), 0, _mainnet(), rollupRoot, 0, address(0), 0, bob, 1 ether, "")
        );
        calls[2] = abi.encodeCall(IL1Bridge.payExit, (901, 0, address(0), bob, 1));
        // The escape contract, as if it paid with a token: nobody else may ask for the third.
        address payable payer = payable(address(escape));
        vm.etch(payer, type(Reentrant).runtimeCode);
        HookToken hook = new HookToken();
        hook.mint(payer, 3);
        for (uint256 i = 0; i < 3; i++) {
            Reentrant(payer).arm(address(bridge), calls[i]);
            bytes memory bridging = abi.encodeCall(IL1Bridge.bridgeAsset, (901, bob, 1, address(hook), false, ""));
            Reentrant(payer).run(address(bridge), bridging);
            assertTrue(Reentrant(payer).wasCalled() && !Reentrant(payer).hasEntered());
        }
        assertEq(bob.balance, 0);
        // Each of them is paid when it is asked for alone.
        Reentrant(payer).run(address(bridge), calls[2]);
        Reentrant(payer).run(address(bridge), calls[1]);
        assertEq(bob.balance, 1 ether + 1);
    }

    function test_bridgeMessage_carriesEther() public {
        bytes32 leaf = bridge.getLeafValue(1, 0, alice, 901, bob, 5, keccak256("data"));
        vm.prank(alice);
        bridge.bridgeMessage{value: 5}(901, bob, false, "data");
        assertEq(bridge.getRoot(), _rootOf(leaf));
        assertEq(bridge.escrowOf(901, 0, address(0)), 10 ether + 5);
        assertEq(bridge.lastUpdatedDepositCount(), 0);
        bridge.updateGlobalExitRoot();
        assertEq(bridge.lastUpdatedDepositCount(), 1);
    }

    function test_claimAsset_ether_byTheStandardAbi() public {
        Exit memory exit = _ether(bob, 4 ether);
        _settle(exit);
        _claimAsset(exit, 0);
        assertEq(bob.balance, 4 ether);
        assertEq(bridge.escrowOf(901, 0, address(0)), 6 ether);
        assertTrue(bridge.isClaimed(0, 901));
        assertTrue(!bridge.isClaimed(1, 901) && !bridge.isClaimed(0, 902));
    }

    function test_claim_isOnce() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settle(exit);
        _claimAsset(exit, 0);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.AlreadyClaimed.selector, 0));
        _claimAsset(exit, 0);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.AlreadyClaimed.selector, 0));
        _claimCompact(exit);
    }

    function test_claim_refusesOtherProofs() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settle(exit);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        _claimAsset(exit, 1);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        _claimAsset(_ether(bob, 2 ether), 0);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidGlobalIndex.selector, uint256(1) << 64));
        _claimAsset(exit, 1 << 64);
        // A place in the tree of rollups that nobody has.
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidGlobalIndex.selector, uint256(2) << 32));
        _claimAsset(exit, 2 << 32);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidGlobalIndex.selector, uint256(1) << 255));
        _claimAsset(exit, 1 << 255);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        _claimCompact(_ether(bob, 2 ether));
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        bridge.claimCompact(new bytes32[](33), 0, 0, address(0), bob, 1 ether, "");
    }

    /// Above the siblings a compact claim has only empty trees on its right, so no leaf has an index beyond them.
    function test_claimCompact_refusesAnIndexAboveItsSiblings() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settle(exit);
        for (uint256 bit = 0; bit < 32; bit++) {
            vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
            bridge.claimCompact(new bytes32[](0), 1 << bit, 0, address(0), bob, 1 ether, "");
        }
        // A rollup without exits has the root zero, which nothing hashes to.
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        bridge.claimCompact(new bytes32[](0), (1 << 32) | 1, 0, address(0), bob, 1 ether, "");
        _claimCompact(exit);
    }

    function test_claimCompact_takesTheSiblingsThatAreThere() public {
        Exit memory first = _ether(bob, 1 ether);
        Exit memory second = _ether(alice, 2 ether);
        _settlePair(first, second);
        bytes32[] memory siblings = new bytes32[](1);
        siblings[0] = _leaf(first);
        bridge.claimCompact(siblings, 1, 0, address(0), alice, 2 ether, "");
        assertEq(alice.balance, 1_002 ether);
        siblings[0] = _leaf(second);
        bridge.claimCompact(siblings, 0, 0, address(0), bob, 1 ether, "");
        assertEq(bob.balance, 1 ether);
    }

    function test_enroll_isTheHubsAlone() public {
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.Unauthorized.selector, address(this)));
        bridge.enroll(1, 902);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.Unauthorized.selector, address(this)));
        bridge.fund(901);
    }

    function test_claim_refusesUnknownRoots() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settle(exit);
        bytes32[32] memory path = _path();
        bytes32 global = ExitTree.node(bytes32(uint256(1)), bytes32(uint256(2)));
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.GlobalExitRootInvalid.selector, global));
        bridge.claimAsset(path, path, 0, bytes32(uint256(1)), bytes32(uint256(2)), 0, address(0), 0, bob, 1 ether, "");
    }

    function test_claim_refusesExitsToRollups() public {
        Exit memory exit = _ether(bob, 1 ether);
        exit.destination = 902;
        _settle(exit);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.DestinationNetworkInvalid.selector, uint32(902)));
        _claimAsset(exit, 0);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector));
        _claimCompact(exit);
    }

    function test_p42_noRollupTakesOutMoreThanCameIn() public {
        Exit memory exit = _ether(bob, 10 ether + 1);
        _settle(exit);
        vm.expectRevert(
            abi.encodeWithSelector(
                IL1Bridge.InsufficientEscrow.selector, uint32(901), uint32(0), address(0), 10 ether, 10 ether + 1
            )
        );
        _claimAsset(exit, 0);
        assertTrue(!bridge.isClaimed(0, 901));
    }

    function test_p42_transfersMoveEscrow() public {
        Transfer[] memory transfers = new Transfer[](1);
        transfers[0] = Transfer(901, 902, 0, address(0), 4 ether);
        settleWith(2, 0, transfers);
        assertEq(bridge.escrowOf(901, 0, address(0)), 6 ether);
        assertEq(bridge.escrowOf(902, 0, address(0)), 14 ether);
        // What is native on rollup 1 is without bound there, and foreign on rollup 2.
        transfers[0] = Transfer(901, 902, 901, address(token), 7);
        settleWith(2, 0, transfers);
        assertEq(bridge.escrowOf(901, 901, address(token)), 0);
        assertEq(bridge.escrowOf(902, 901, address(token)), 7);
    }

    /// What a rollup says of its own token has no bound, but no sum of it keeps others from settling.
    function test_p42_tokensThatLieAboutAmountsStopNoSettlement() public {
        Transfer[] memory transfers = new Transfer[](1);
        transfers[0] = Transfer(901, 902, 901, address(token), type(uint256).max - 5);
        settleWith(2, 0, transfers);
        transfers[0].amount = 5;
        settleWith(2, 0, transfers);
        assertEq(bridge.escrowOf(902, 901, address(token)), type(uint256).max);
        transfers[0].amount = 1;
        settleWith(2, 0, transfers);
        transfers[0].amount = type(uint256).max;
        settleWith(2, 0, transfers);
        assertEq(bridge.escrowOf(902, 901, address(token)), type(uint256).max);
    }

    function test_p42_depositsHaveAtMost128Bits() public {
        uint256 most = type(uint128).max;
        TestToken liar = newToken("Liar", "LIE", 0);
        liar.mint(address(this), 2 * most + 1);
        liar.approve(address(bridge), type(uint256).max);
        bridge.bridgeAsset(901, alice, most, address(liar), true, "");
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.AmountTooLarge.selector, most + 1));
        bridge.bridgeAsset(901, alice, most + 1, address(liar), true, "");
        assertEq(bridge.escrowOf(901, 0, address(liar)), most);
    }

    function test_p42_transfersWithoutCoverStopTheSettlement() public {
        Transfer[] memory transfers = new Transfer[](1);
        transfers[0] = Transfer(901, 902, 0, address(0), 10 ether + 1);
        bytes32 before = hub.commitmentOf(1);
        try this.settleOutside(transfers) {
            revert("settled");
        } catch {}
        assertEq(hub.commitmentOf(1), before);
        transfers[0] = Transfer(901, 901, 0, address(0), 1);
        _notSettled(transfers, 0);
        transfers[0] = Transfer(901, 902, 0, address(0), 0);
        _notSettled(transfers, 0);
        transfers = new Transfer[](2);
        (transfers[0], transfers[1]) = (Transfer(901, 902, 0, address(0), 1), Transfer(901, 902, 0, address(0), 1));
        _notSettled(transfers, 1);
    }

    function settleOutside(Transfer[] calldata transfers) external {
        settleWith(2, 0, transfers);
    }

    function test_claimAsset_token_releasesWhatWasLocked() public {
        vm.prank(alice);
        bridge.bridgeAsset(901, bob, 600, address(token), false, "");
        assertEq(token.balanceOf(address(bridge)), 600);
        Exit memory exit = Exit(0, 0, address(token), 0, bob, 250, "");
        _settle(exit);
        _claimAsset(exit, 0);
        assertEq(token.balanceOf(bob), 250);
        assertEq(bridge.escrowOf(901, 0, address(token)), 350);
    }

    function test_claimAsset_mintsTheWrappedFormOfARollupsToken() public {
        Exit memory exit = Exit(0, 901, address(token), 0, bob, 70, abi.encode("Home", "HOM", uint8(6)));
        _settle(exit);
        _claimAsset(exit, 0);
        WrappedToken wrapped = WrappedToken(bridge.getTokenWrappedAddress(901, address(token)));
        assertEq(wrapped.balanceOf(bob), 70);
        assertTrue(wrapped.decimals() == 6);
        // Back to where it is native it needs no escrow, elsewhere it becomes some.
        vm.startPrank(bob);
        bridge.bridgeAsset(901, bob, 30, address(wrapped), false, "");
        bridge.bridgeAsset(902, bob, 40, address(wrapped), false, "");
        vm.stopPrank();
        assertEq(wrapped.totalSupply(), 0);
        assertEq(bridge.escrowOf(901, 901, address(token)), 0);
        assertEq(bridge.escrowOf(902, 901, address(token)), 40);
    }

    /// Whoever claims says the gas, and must not be able to leave a token without the name that the exit gives it.
    function test_claimAsset_withTooLittleGas_namesNoTokenOtherwise() public {
        string memory long = string(new bytes(20_000));
        Exit memory exit = Exit(0, 901, address(token), 0, bob, 70, abi.encode(long, "HOM", uint8(6)));
        _settle(exit);
        uint256 units = 1_000_000;
        for (; bridge.getTokenWrappedAddress(901, address(token)) == address(0); units += 250_000) {
            bytes memory call = abi.encodeCall(
                IL1Bridge.claimCompact,
                (new bytes32[](0), 0, exit.originNetwork, exit.origin, exit.to, exit.amount, exit.metadata)
            );
            (bool ok,) = address(bridge).call{gas: units}(call);
            ok;
        }
        WrappedToken wrapped = WrappedToken(bridge.getTokenWrappedAddress(901, address(token)));
        assertTrue(wrapped.decimals() == 6 && bytes(wrapped.name()).length == 20_000);
        assertEq(wrapped.balanceOf(bob), 70);
    }

    function test_claimAsset_takesAnyMetadata() public {
        Exit memory exit = Exit(0, 901, address(token), 0, bob, 70, "junk");
        _settle(exit);
        _claimAsset(exit, 0);
        assertEq(WrappedToken(bridge.getTokenWrappedAddress(901, address(token))).balanceOf(bob), 70);
    }

    function test_claimMessage_callsTheReceiver() public {
        Receiver receiver = new Receiver();
        Exit memory exit = Exit(1, 901, alice, 0, address(receiver), 2 ether, "hello");
        _settle(exit);
        _claimMessage(exit);
        assertEq(receiver.origin(), alice);
        assertEq(receiver.network(), 901);
        assertEq(receiver.paid(), 2 ether);
        assertEq(bridge.escrowOf(901, 0, address(0)), 8 ether);
    }

    function test_claimMessage_inTheNameOfAnotherRollup_reverts() public {
        Receiver receiver = new Receiver();
        Exit memory exit = Exit(1, 902, alice, 0, address(receiver), 0, "hello");
        _settle(exit);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.OriginNetworkInvalid.selector, 902));
        _claimMessage(exit);
    }

    function test_claimMessage_refusedOrReentered_canBeClaimedLater() public {
        Receiver receiver = new Receiver();
        Exit memory exit = Exit(1, 901, alice, 0, address(receiver), 0, "refuse");
        _settle(exit);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.MessageFailed.selector));
        _claimMessage(exit);
        assertTrue(!bridge.isClaimed(0, 901));
        exit.metadata = "again";
        _settle(exit);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.MessageFailed.selector));
        _claimMessage(exit);
    }

    function test_onlyItsOwnContractsMoveEscrow() public {
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.Unauthorized.selector, address(this)));
        bridge.fund{value: 1}(901);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.Unauthorized.selector, address(this)));
        bridge.payExit(901, 0, address(0), bob, 1);
        vm.expectRevert(abi.encodeWithSelector(IL1Bridge.Unauthorized.selector, address(this)));
        inbox.exited(901, bob, 0, address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.Unauthorized.selector, address(this)));
        inbox.depositFromBridge(901, bob, bob, 1, 21_000, "");
    }

    function test_inbox_limits() public {
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongGas.selector, uint64(20_999)));
        inbox.deposit(901, bob, 20_999, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongGas.selector, uint64(21_015)));
        inbox.deposit(901, bob, 21_015, "a");
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongGas.selector, uint64(10_000_001)));
        inbox.deposit(901, bob, 10_000_001, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongSize.selector, 0));
        inbox.forceTransaction(901, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongSize.selector, 131_073));
        inbox.forceBundle(new bytes(131_073));
        vm.expectRevert(abi.encodeWithSelector(IInbox.UnknownRollup.selector, uint32(0)));
        inbox.forceTransaction(0, "a");
    }

    function test_inbox_accumulates() public {
        vm.prank(alice);
        inbox.deposit{value: 1 ether}(901, bob, 21_000, "");
        bytes memory payload =
            abi.encodePacked(uint8(0), uint8(2), uint16(901), alice, bob, uint256(1 ether), uint64(21_000), uint8(0));
        bytes memory prefix = abi.encodePacked("weft", uint8(64), uint16(1), uint64(block.chainid), hub, REALM);
        bytes memory body = abi.encodePacked(bytes28(0), uint64(0), uint32(block.number), keccak256(payload));
        assertTrue(inbox.accumulatorAt(1) == bytes28(keccak256(bytes.concat(prefix, body))));
        assertEq(inbox.blockOf(0), block.number);
        assertEq(bridge.escrowOf(901, 0, address(0)), 11 ether);
    }

    /// forge-config: default.isolate = true
    function test_gas_claimEther() public {
        vm.deal(bob, 1);
        _settleForced(_ether(bob, 1 ether));
        _claimAsset(_ether(bob, 1 ether), 0);
        uint256 used = vm.snapshotGasLastCall("claim ether by the standard ABI");
        assertTrue(used <= 130_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_claimToken() public {
        vm.prank(alice);
        bridge.bridgeAsset(901, bob, 600, address(token), false, "");
        vm.snapshotGasLastCall("bridge an ERC-20 token to a rollup");
        Exit memory exit = Exit(0, 0, address(token), 0, bob, 250, "");
        _settleForced(exit);
        _claimAsset(exit, 0);
        uint256 used = vm.snapshotGasLastCall("claim an ERC-20 token by the standard ABI");
        assertTrue(used <= 165_000);
    }

    /// An account that does not exist costs 25,000 more, and the first claim of 256 writes a new word.
    ///
    /// forge-config: default.isolate = true
    function test_gas_claimEtherToNewAccounts() public {
        Exit memory exit = _ether(bob, 1 ether);
        _settlePair(exit, _ether(operator, 1 ether));
        _claimAsset(exit, 0);
        uint256 used = vm.snapshotGasLastCall("claim ether by the standard ABI, the first of 256 to a new account");
        assertTrue(used <= 142_000);
        _claimSecond(exit, _ether(operator, 1 ether));
        used = vm.snapshotGasLastCall("claim ether by the standard ABI, to a new account");
        assertTrue(used <= 130_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_claimCompact() public {
        vm.deal(bob, 1);
        _settleForced(_ether(bob, 1 ether));
        _claimCompact(_ether(bob, 1 ether));
        uint256 used = vm.snapshotGasLastCall("claim ether, compact");
        assertTrue(used <= 100_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_claimCompactToANewAccount() public {
        _settleForced(_ether(bob, 1 ether));
        _claimCompact(_ether(bob, 1 ether));
        uint256 used = vm.snapshotGasLastCall("claim ether, compact, the first of 256 to a new account");
        assertTrue(used <= 110_000);
    }

    /// forge-config: default.isolate = true
    function test_gas_bridgeEther() public {
        bridge.bridgeAsset{value: 1}(901, bob, 1, address(0), false, "");
        bridge.bridgeAsset{value: 1}(901, bob, 1, address(0), false, "");
        vm.snapshotGasLastCall("bridge ether to a rollup");
    }

    function _notSettled(Transfer[] memory transfers, uint256 index) private {
        try this.settleOutside(transfers) {
            revert("settled");
        } catch (bytes memory error) {
            bytes memory expected = abi.encodeWithSelector(IL1Bridge.InvalidTransfer.selector, index);
            assertEq(keccak256(error), keccak256(expected));
        }
    }

    function _ether(address to, uint256 amount) private pure returns (Exit memory) {
        return Exit(0, 0, address(0), 0, to, amount, "");
    }

    function _leaf(Exit memory exit) private view returns (bytes32) {
        return bridge.getLeafValue(
            exit.leafType,
            exit.originNetwork,
            exit.origin,
            exit.destination,
            exit.to,
            exit.amount,
            keccak256(exit.metadata)
        );
    }

    /// Settles a batch after which the exit is the only one of rollup 1.
    function _settle(Exit memory exit) private {
        settleWith(1, _rootOf(_leaf(exit)), new Transfer[](0));
        (rollupRoot, sibling) = (bridge.getRollupExitRoot(), bridge.exitRootOf(2));
    }

    function _settleForced(Exit memory exit) private {
        settleForced(2, _rootOf(_leaf(exit)));
        (rollupRoot, sibling) = (bridge.getRollupExitRoot(), bridge.exitRootOf(2));
    }

    /// Settles an inbox-only batch after which these are the exits of rollup 1.
    function _settlePair(Exit memory first, Exit memory second) private {
        bytes32[32] memory path = _path();
        bytes32 root = ExitTree.node(_leaf(first), _leaf(second));
        for (uint256 i = 1; i < 32; i++) {
            root = ExitTree.node(root, path[i]);
        }
        settleForced(2, root);
        (rollupRoot, sibling) = (bridge.getRollupExitRoot(), bridge.exitRootOf(2));
        pairSibling = _leaf(second);
    }

    function _claimSecond(Exit memory first, Exit memory second) private {
        pairSibling = _leaf(first);
        _claimAsset(second, 1);
    }

    function _claimAsset(Exit memory exit, uint256 index) private {
        bytes32[32] memory path = _path();
        path[0] = pairSibling;
        bridge.claimAsset(
            path,
            _rollupPath(),
            index,
            _mainnet(),
            rollupRoot,
            exit.originNetwork,
            exit.origin,
            exit.destination,
            exit.to,
            exit.amount,
            exit.metadata
        );
    }

    function _claimMessage(Exit memory exit) private {
        bridge.claimMessage(
            _path(),
            _rollupPath(),
            0,
            _mainnet(),
            rollupRoot,
            exit.originNetwork,
            exit.origin,
            exit.destination,
            exit.to,
            exit.amount,
            exit.metadata
        );
    }

    function _claimCompact(Exit memory exit) private {
        bridge.claimCompact(new bytes32[](0), 0, exit.originNetwork, exit.origin, exit.to, exit.amount, exit.metadata);
    }

    /// Nothing was bridged with a forced update: the root of an empty tree.
    function _mainnet() private pure returns (bytes32) {
        return _rootOf(0);
    }

    /// Siblings of a tree's only leaf.
    function _path() private pure returns (bytes32[32] memory path) {
        for (uint256 i = 1; i < 32; i++) {
            path[i] = ExitTree.node(path[i - 1], path[i - 1]);
        }
    }

    /// The way from rollup 1 to the rollup exit root: only rollup 2 may have a root beside it.
    function _rollupPath() private view returns (bytes32[32] memory path) {
        path = _path();
        path[0] = sibling;
    }

    function _rootOf(bytes32 leaf) private pure returns (bytes32) {
        bytes32[32] memory path = _path();
        for (uint256 i = 0; i < 32; i++) {
            leaf = ExitTree.node(leaf, path[i]);
        }
        return leaf;
    }
}
