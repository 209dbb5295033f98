// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE, MANAGER} from "../src/interfaces/Addresses.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Fixture} from "./support/Fixture.sol";
import {Reentrant} from "./support/Reentrant.sol";
import {PermitToken, newToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

/// Takes messages from the bridge alone, and none without ether.
contract MessageReceiver {
    function onMessageReceived(address, uint32, bytes calldata) external payable {
        require(msg.sender == BRIDGE && msg.value != 0, "not now");
    }
}

/// Takes ether for a million gas.
contract Hungry {
    receive() external payable {
        uint256 left = gasleft();
        while (left - gasleft() < 1_000_000) {}
    }
}

/// What the bridge of a rollup does towards L1.
contract BridgeExitTest is Fixture {
    IBridge private constant bridge = IBridge(BRIDGE);

    function setUp() public override {
        super.setUp();
        answer(0, ECHO);
        vm.deal(alice, 100);
    }

    /// Root of a tree of depth 32 with one leaf.
    function _rootOf(bytes32 hash) private pure returns (bytes32) {
        bytes32 zero = 0;
        for (uint256 i = 0; i < 32; i++) {
            hash = keccak256(abi.encode(hash, zero));
            zero = keccak256(abi.encode(zero, zero));
        }
        return hash;
    }

    function _slot(uint256 slot) private view returns (bytes32) {
        return vm.load(BRIDGE, bytes32(slot));
    }

    function test_bridgeAsset_etherIsALeafAndLeaves() public {
        assertTrue(_slot(1) == 0);
        bytes32 leaf =
            keccak256(abi.encodePacked(uint8(0), uint32(0), address(0), uint32(0), bob, uint256(7), keccak256("")));
        vm.expectEmit(BRIDGE);
        emit IBridge.BridgeEvent(0, 0, address(0), 0, bob, 7, "", 0);
        vm.prank(alice);
        bridge.bridgeAsset{value: 7}(0, bob, 7, address(0), true, "");
        assertEq(BRIDGE.balance, 0);
        assertTrue(bridge.getRoot() == _rootOf(leaf));
        assertTrue(_slot(1) == bridge.getRoot());
        assertEq(uint256(_slot(34)), 1);
        assertEq(bridge.depositCount(), 1);
    }

    function test_bridgeEther_toL1IsTheSame() public {
        vm.prank(alice);
        bridge.bridgeAsset{value: 7}(0, bob, 7, address(0), true, "");
        bytes32 root = bridge.getRoot();
        setUp();
        for (uint256 slot = 1; slot < 35; slot++) {
            vm.store(BRIDGE, bytes32(slot), 0);
        }
        vm.prank(alice);
        bridge.bridgeEther{value: 7}(0, bob);
        assertTrue(bridge.getRoot() == root);
    }

    function test_bridgeAsset_tokensAreLocked() public {
        TestToken token = newToken("Native", "NAT", 8);
        token.mint(alice, 10);
        vm.prank(alice);
        token.approve(BRIDGE, 10);
        vm.expectEmit(BRIDGE);
        emit IBridge.BridgeEvent(0, uint32(A), address(token), 0, bob, 4, abi.encode("Native", "NAT", uint8(8)), 0);
        vm.prank(alice);
        bridge.bridgeAsset(0, bob, 4, address(token), false, "");
        assertEq(token.balanceOf(BRIDGE), 4);
        vm.prank(alice);
        bridge.bridgeToken(0, address(token), bob, 6);
        assertEq(token.balanceOf(BRIDGE), 10);
        assertEq(bridge.depositCount(), 2);
    }

    function test_bridgeMessage_isALeafOfItsSender() public {
        vm.expectEmit(BRIDGE);
        emit IBridge.BridgeEvent(1, uint32(A), alice, 0, bob, 3, "hello", 0);
        vm.prank(alice);
        bridge.bridgeMessage{value: 3}(0, bob, false, "hello");
        assertEq(BRIDGE.balance, 0);
    }

    function test_refusals() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBridge.DestinationNetworkInvalid.selector, uint32(B)));
        bridge.bridgeAsset(uint32(B), bob, 1, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.DestinationNetworkInvalid.selector, uint32(B)));
        bridge.bridgeMessage(uint32(B), bob, false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.AmountDoesNotMatchMsgValue.selector, uint256(2), uint256(1)));
        bridge.bridgeAsset{value: 1}(0, bob, 2, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.NothingToBridge.selector));
        bridge.bridgeAsset(0, bob, 0, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.MsgValueNotZero.selector));
        bridge.bridgeAsset{value: 1}(0, bob, 2, address(1), false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotAPermit.selector, bytes4("abcd")));
        bridge.bridgeAsset(0, bob, 2, address(1), false, "abcd");
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyL1.selector, alice));
        bridge.hold(bob, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyPeerBridge.selector, alice));
        bridge.exited(bob, 0, address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotHeld.selector, uint256(0)));
        bridge.retry(0, alice, bob, 0, "");
        vm.stopPrank();
    }

    function test_onlyTheBridgeOfL1SaysWhatLeft() public {
        address peer = proxyOf(BRIDGE, B);
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyL1.selector, peer));
        vm.prank(peer);
        bridge.exited(bob, 0, address(0), 1);
        address other = proxyOf(alice, B);
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyL1.selector, other));
        vm.prank(other);
        bridge.hold(bob, "");
    }

    function test_retry_paysOnceWhatIsHeld() public {
        address sender = proxyOf(alice, 0);
        vm.deal(sender, 5);
        vm.expectEmit(BRIDGE);
        emit IBridge.DeliveryHeld(0, alice, bob, 5, "data");
        vm.prank(sender);
        bridge.hold{value: 5}(bob, "data");
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotHeld.selector, uint256(0)));
        bridge.retry(0, alice, alice, 5, "data");
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotHeld.selector, uint256(0)));
        bridge.retry(0, alice, bob, 5, "other");
        bridge.retry(0, alice, bob, 5, "data");
        assertEq(bob.balance, 5);
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotHeld.selector, uint256(0)));
        bridge.retry(0, alice, bob, 5, "data");
    }

    function test_retry_fromWithin_paysOnce() public {
        Reentrant receiver = new Reentrant();
        address sender = proxyOf(alice, 0);
        vm.deal(sender, 10);
        vm.startPrank(sender);
        bridge.hold{value: 5}(address(receiver), "");
        bridge.hold{value: 5}(bob, "");
        vm.stopPrank();
        receiver.arm(BRIDGE, abi.encodeCall(IBridge.retry, (0, alice, address(receiver), 5, "")));
        bridge.retry(0, alice, address(receiver), 5, "");
        assertTrue(receiver.wasCalled());
        assertEq(address(receiver).balance, 5);
        assertEq(BRIDGE.balance, 5);
    }

    function test_retry_ofNothingIsNoExit() public {
        address sender = proxyOf(alice, 0);
        vm.prank(sender);
        bridge.hold(MANAGER, "");
        bridge.retry(0, alice, MANAGER, 0, "");
        assertEq(bridge.depositCount(), 0);
    }

    function test_retry_ofAMessageIsACallOfTheBridge() public {
        address receiver = address(new MessageReceiver());
        bytes memory data = abi.encodeWithSignature("onMessageReceived(address,uint32,bytes)", alice, 0, "hello");
        address peer = proxyOf(BRIDGE, 0);
        vm.deal(peer, 5);
        vm.startPrank(peer);
        bridge.hold{value: 5}(receiver, data);
        bridge.hold(receiver, data);
        vm.stopPrank();
        bridge.retry(0, BRIDGE, receiver, 5, data);
        assertEq(receiver.balance, 5);
        bytes memory answer = abi.encodeWithSignature("Error(string)", "not now");
        vm.expectRevert(abi.encodeWithSelector(IBridge.DeliveryFailed.selector, answer));
        bridge.retry(1, BRIDGE, receiver, 0, data);
        assertEq(bridge.depositCount(), 0);
    }

    function test_exited_burnsWhatIsThere() public {
        TestToken token = newToken("Native", "NAT", 8);
        token.mint(address(this), 10);
        token.approve(BRIDGE, 10);
        bridge.bridgeToken(B, address(token), bob, 10);
        TestToken wrapped = TestToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        enter(B);
        address peer = proxyOf(BRIDGE, 0);
        uint256[3] memory asked = [uint256(4), 7, 1];
        uint256[3] memory burned = [uint256(4), 6, 0];
        for (uint256 i = 0; i < 3; i++) {
            vm.expectEmit(BRIDGE);
            emit IBridge.Exited(bob, uint32(A), address(token), burned[i]);
            vm.prank(peer);
            bridge.exited(bob, uint32(A), address(token), asked[i]);
        }
        assertEq(wrapped.totalSupply(), 0);
        // What was never here, and ether, which the executor burns.
        vm.expectEmit(BRIDGE);
        emit IBridge.Exited(bob, uint32(C), address(token), 0);
        vm.prank(peer);
        bridge.exited(bob, uint32(C), address(token), 1);
        vm.expectEmit(BRIDGE);
        emit IBridge.Exited(bob, 0, address(0), 1);
        vm.prank(peer);
        bridge.exited(bob, 0, address(0), 1);
    }

    function test_bridgeAsset_takesAPermitThatMayBeUsed() public {
        PermitToken token = new PermitToken();
        token.mint(alice, 4);
        bytes memory permit = abi.encodeCall(token.permit, (alice, BRIDGE, 4, 0, 0, 0, 0));
        vm.startPrank(alice);
        vm.expectRevert();
        bridge.bridgeAsset(0, bob, 1, address(token), false, "");
        bridge.bridgeAsset(0, bob, 1, address(token), false, permit);
        bridge.bridgeAsset(0, bob, 2, address(token), false, permit);
        bridge.bridgeAsset(0, bob, 1, address(token), false, hex"d505accf");
        assertEq(token.balanceOf(BRIDGE), 4);
        vm.expectRevert(abi.encodeWithSelector(IBridge.NothingToBridge.selector));
        bridge.bridgeAsset(0, bob, 0, address(token), false, "");
        vm.expectRevert(abi.encodeWithSelector(IBridge.NotAPermit.selector, bytes4(0)));
        bridge.bridgeAsset(0, bob, 1, address(token), false, hex"d505ac");
        vm.stopPrank();
    }

    /// Whoever retries says the gas, and must not be able to send ether back that its receiver takes.
    function test_retry_withTooLittleGas_keepsWhatIsHeld() public {
        Hungry receiver = new Hungry();
        address sender = proxyOf(alice, 0);
        vm.deal(sender, 5);
        vm.prank(sender);
        bridge.hold{value: 5}(address(receiver), "");
        uint256 units = 50_000;
        for (; address(receiver).balance == 0; units += 10_000) {
            try bridge.retry{gas: units}(0, alice, address(receiver), 5, "") {} catch {}
            assertEq(bridge.depositCount(), 0);
        }
        assertTrue(units > 1_000_000 && units < 2_000_000);
        assertEq(address(receiver).balance, 5);
    }

    function test_retry_ofARefusedDepositIsAnExitOfItsSender() public {
        address sender = proxyOf(alice, 0);
        vm.deal(sender, 5);
        vm.prank(sender);
        // The manager takes no ether.
        bridge.hold{value: 5}(MANAGER, "");
        vm.expectEmit(BRIDGE);
        emit IBridge.BridgeEvent(0, 0, address(0), 0, alice, 5, "", 0);
        bridge.retry(0, alice, MANAGER, 5, "");
        assertEq(BRIDGE.balance, 0);
    }

    function test_retry_ofTheBridgeItself() public {
        address peer = proxyOf(BRIDGE, 0);
        vm.deal(peer, 5);
        bytes memory data = abi.encodeCall(IBridge.receiveEther, (bob));
        vm.prank(peer);
        bridge.hold{value: 5}(BRIDGE, data);
        vm.expectEmit(BRIDGE);
        emit IBridge.EtherReceived(0, bob, 5);
        bridge.retry(0, BRIDGE, BRIDGE, 5, data);
        assertEq(bob.balance, 5);
        // Nobody else speaks for L1's bridge, before or after.
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyPeerBridge.selector, address(this)));
        bridge.receiveEther(bob);
    }
}
