// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "../src/WrappedToken.sol";
import {BRIDGE, MANAGER, RESERVED} from "../src/interfaces/Addresses.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {IManager} from "../src/interfaces/IManager.sol";
import {IWrappedToken} from "../src/interfaces/IWrappedToken.sol";
import {SafeToken} from "../src/lib/SafeToken.sol";
import {Loopback} from "../src/test/Loopback.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Fixture} from "./support/Fixture.sol";
import {FeeToken, HookToken, LyingToken, newToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

/// Bridges a token again from within its transfer.
contract Reenterer {
    function bridge(address token) public {
        IBridge(BRIDGE).bridgeToken(902, token, address(this), 1);
    }

    function beforeTransfer() external {
        bridge(msg.sender);
    }
}

contract BridgeTest is Fixture {
    IBridge private constant bridge = IBridge(BRIDGE);

    TestToken private token;

    function setUp() public override {
        super.setUp();
        token = newToken("Native", "NAT", 8);
        token.mint(alice, 1000);
        vm.prank(alice);
        token.approve(BRIDGE, type(uint256).max);
    }

    function test_bridgeToken_locksHereAndMintsThere() public {
        WrappedToken wrapped = WrappedToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        vm.expectEmit(BRIDGE);
        emit IBridge.TokenBridged(B, uint32(A), address(token), alice, bob, 400);
        vm.expectEmit(BRIDGE);
        emit IBridge.WrappedTokenCreated(uint32(A), address(token), address(wrapped));
        vm.expectEmit(BRIDGE);
        emit IBridge.TokenReceived(A, address(wrapped), bob, 400);
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 400);
        assertEq(token.balanceOf(BRIDGE), 400);
        assertEq(wrapped.balanceOf(bob), 400);
        assertEq(wrapped.totalSupply(), 400);
        assertEq(bytes(wrapped.name()), "Native");
        assertEq(bytes(wrapped.symbol()), "NAT");
        assertEq(wrapped.decimals(), 8);
        (uint32 network, address origin) = bridge.originOf(address(wrapped));
        assertEq(network, A);
        assertEq(origin, address(token));
    }

    /// The same value stands in crates/contracts/src/proxy.rs.
    function test_wrappedTokenAddress_golden() public view {
        address golden = address(uint160(uint256(0x0064cb84c251d480ad9ea52eb3bd69e2487a8ec25b)));
        assertEq(bridge.wrappedTokenAddress(902, address(uint160(0xcafe))), golden);
    }

    function test_bridgeToken_sendsTheEscrowBesideTheCall() public {
        answer(B, ECHO);
        // Origin network, origin token and amount open the data too, where an executor can compare them.
        bytes memory words = abi.encode(uint32(A), address(token), uint256(400));
        bytes memory data = bytes.concat(
            IBridge.receiveToken.selector,
            words,
            abi.encode(bob, uint256(224), uint256(288), uint256(8)),
            abi.encode(uint256(6), bytes32("Native")),
            abi.encode(uint256(3), bytes32("NAT"))
        );
        vm.expectEmit(RESERVED);
        emit Loopback.Crossed(abi.encodePacked(
                uint8(1), B, BRIDGE, BRIDGE, uint32(A), address(token), uint256(400), data
            ));
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 400);
    }

    function test_bridgeToken_wrappedGoesHome() public {
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 400);
        WrappedToken wrapped = WrappedToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        enter(B);
        vm.prank(bob);
        bridge.bridgeToken(A, address(wrapped), bob, 150);
        assertEq(wrapped.totalSupply(), 250);
        assertEq(token.balanceOf(BRIDGE), 250);
        assertEq(token.balanceOf(bob), 150);
    }

    function test_bridgeToken_wrappedGoesToAThirdNetwork() public {
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 400);
        WrappedToken wrapped = WrappedToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        enter(B);
        vm.prank(bob);
        bridge.bridgeToken(C, address(wrapped), alice, 100);
        // One state stands for both networks here, so the same contract lost and gained.
        assertEq(wrapped.totalSupply(), 400);
        assertEq(wrapped.balanceOf(alice), 100);
        assertEq(token.balanceOf(BRIDGE), 400);
    }

    function test_bridgeToken_feeOnTransfer_sendsWhatArrived() public {
        FeeToken fee = new FeeToken();
        fee.mint(alice, 1000);
        vm.prank(alice);
        bridge.bridgeToken(B, address(fee), bob, 1000);
        WrappedToken wrapped = WrappedToken(bridge.wrappedTokenAddress(uint32(A), address(fee)));
        assertEq(fee.balanceOf(BRIDGE), 990);
        assertEq(wrapped.balanceOf(bob), 990);
        assertEq(bytes(wrapped.name()), "Fee token");
        assertEq(wrapped.decimals(), 18);
    }

    function test_bridgeToken_reentered_reverts() public {
        HookToken hook = new HookToken();
        Reenterer reenterer = new Reenterer();
        hook.mint(address(reenterer), 2);
        vm.expectRevert(abi.encodeWithSelector(IBridge.Reentered.selector));
        reenterer.bridge(address(hook));
    }

    function test_bridgeToken_refusedTransfer_reverts() public {
        LyingToken liar = new LyingToken(abi.encode(uint256(0)));
        vm.expectRevert(abi.encodeWithSelector(SafeToken.TokenCallFailed.selector, address(liar)));
        vm.prank(alice);
        bridge.bridgeToken(B, address(liar), bob, 1);
    }

    function test_bridgeToken_withoutCode_reverts() public {
        vm.expectRevert("");
        vm.prank(alice);
        bridge.bridgeToken(B, bob, bob, 1);
    }

    function test_bridgeToken_ownNetwork_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IManager.SameNetwork.selector, A));
        vm.prank(alice);
        bridge.bridgeToken(A, address(token), bob, 1);
    }

    function test_bridgeToken_insufficientEscrow_locksNothing() public {
        answer(B, 7);
        vm.expectRevert(abi.encodeWithSelector(IManager.InsufficientEscrow.selector, B));
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 1);
        assertEq(token.balanceOf(alice), 1000);
    }

    function test_receiveToken_notThePeer_reverts() public {
        address proxy = proxyOf(alice, B);
        address[2] memory callers = [alice, proxy];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyPeerBridge.selector, callers[i]));
            vm.prank(callers[i]);
            bridge.receiveToken(uint32(A), address(token), 1, alice, "", "", 18);
        }
    }

    function test_bridgeEther_paysThere() public {
        vm.deal(alice, 3 ether);
        vm.expectEmit(BRIDGE);
        emit IBridge.EtherBridged(B, alice, bob, 3 ether);
        vm.expectEmit(BRIDGE);
        emit IBridge.EtherReceived(A, bob, 3 ether);
        vm.prank(alice);
        bridge.bridgeEther{value: 3 ether}(B, bob);
        assertEq(bob.balance, 3 ether);
        assertEq(BRIDGE.balance, 0);
    }

    function test_bridgeEther_refused_reverts() public {
        vm.deal(alice, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridge.EtherRefused.selector, MANAGER, 1));
        vm.prank(alice);
        bridge.bridgeEther{value: 1}(B, MANAGER);
    }

    function test_receiveEther_notThePeer_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IBridge.OnlyPeerBridge.selector, alice));
        vm.prank(alice);
        bridge.receiveEther(alice);
    }

    function test_wrappedToken_servesTheBridgeOnly() public {
        vm.prank(alice);
        bridge.bridgeToken(B, address(token), bob, 400);
        WrappedToken wrapped = WrappedToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        assertEq(wrapped.bridge(), BRIDGE);
        bytes memory reason = abi.encodeWithSelector(IWrappedToken.OnlyBridge.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(reason);
        wrapped.mint(alice, 1);
        vm.expectRevert(reason);
        wrapped.burn(bob, 1);
        vm.expectRevert(reason);
        wrapped.initialize("", "", 0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IWrappedToken.AlreadyInitialized.selector));
        vm.prank(BRIDGE);
        wrapped.initialize("", "", 0);
    }
}
