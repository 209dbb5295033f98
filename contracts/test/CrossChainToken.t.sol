// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CrossChainToken} from "../src/demo/CrossChainToken.sol";
import {Owned} from "../src/demo/Owned.sol";
import {IManager} from "../src/interfaces/IManager.sol";
import {ERC20} from "../src/lib/ERC20.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

contract CrossChainTokenTest is Fixture {
    CrossChainToken private tokenA;
    CrossChainToken private tokenB;

    function setUp() public override {
        super.setUp();
        tokenA = CrossChainToken(Artifacts.create("CrossChainToken", abi.encode("Test USDC", "TUSDC", 6)));
        tokenB = CrossChainToken(Artifacts.create("CrossChainToken", abi.encode("Test USDC", "TUSDC", 6)));
        tokenA.setPeer(B, address(tokenB));
        tokenB.setPeer(A, address(tokenA));
        tokenA.mint(alice, 100_000e6);
    }

    /// S3.
    function test_send_burnsHereAndMintsThere() public {
        vm.prank(alice);
        tokenA.send(B, bob, 25_000e6);
        assertEq(tokenA.totalSupply(), 75_000e6);
        assertEq(tokenA.balanceOf(alice), 75_000e6);
        assertEq(tokenB.totalSupply(), 25_000e6);
        assertEq(tokenB.balanceOf(bob), 25_000e6);
    }

    function test_send_thereAndBack() public {
        vm.prank(alice);
        tokenA.send(B, alice, 25_000e6);
        enter(B);
        vm.prank(alice);
        tokenB.send(A, alice, 25_000e6);
        assertEq(tokenA.totalSupply(), 100_000e6);
        assertEq(tokenB.totalSupply(), 0);
    }

    function test_send_moreThanOwned_reverts() public {
        bytes memory reason =
            abi.encodeWithSelector(ERC20.InsufficientBalance.selector, alice, 100_000e6, 100_000e6 + 1);
        vm.expectRevert(reason);
        vm.prank(alice);
        tokenA.send(B, alice, 100_000e6 + 1);
    }

    function test_send_noPeer_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(CrossChainToken.NoPeer.selector, C));
        vm.prank(alice);
        tokenA.send(C, alice, 1);
    }

    function test_send_failedCrossing_burnsNothing() public {
        answer(B, UNAVAILABLE);
        vm.expectRevert(abi.encodeWithSelector(IManager.Unavailable.selector, B));
        vm.prank(alice);
        tokenA.send(B, alice, 1);
        assertEq(tokenA.totalSupply(), 100_000e6);
    }

    function test_receiveFrom_anybody_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(CrossChainToken.OnlyPeer.selector, alice));
        vm.prank(alice);
        tokenA.receiveFrom(alice, alice, 1);
    }

    function test_receiveFrom_proxyOfAnotherContract_reverts() public {
        address proxy = proxyOf(alice, B);
        vm.expectRevert(abi.encodeWithSelector(CrossChainToken.OnlyPeer.selector, proxy));
        vm.prank(proxy);
        tokenA.receiveFrom(alice, alice, 1);
    }

    function test_receiveFrom_peerAddressOnAnotherNetwork_reverts() public {
        address proxy = proxyOf(address(tokenB), C);
        vm.expectRevert(abi.encodeWithSelector(CrossChainToken.OnlyPeer.selector, proxy));
        vm.prank(proxy);
        tokenA.receiveFrom(alice, alice, 1);
    }

    function test_receiveFrom_zeroAddressOfANetworkWithoutPeer_reverts() public {
        address proxy = proxyOf(address(0), C);
        vm.expectRevert(abi.encodeWithSelector(CrossChainToken.OnlyPeer.selector, proxy));
        vm.prank(proxy);
        tokenA.receiveFrom(alice, alice, 1);
    }

    function test_receiveFrom_isCalledByTheProxyOfThePeer() public {
        address proxy = proxyOf(address(tokenB), B);
        assertEq(proxy, manager.computeCrossChainProxyAddress(tokenA.peers(B), B));
        vm.prank(proxy);
        tokenA.receiveFrom(bob, bob, 5);
        assertEq(tokenA.balanceOf(bob), 5);
    }

    function test_mintAndSetPeer_notTheOwner_revert() public {
        bytes memory reason = abi.encodeWithSelector(Owned.OnlyOwner.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(reason);
        tokenA.mint(alice, 1);
        vm.expectRevert(reason);
        tokenA.setPeer(B, alice);
        vm.stopPrank();
    }

    function test_transferFrom_withoutAllowance_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ERC20.InsufficientAllowance.selector, bob, 0, 1));
        vm.prank(bob);
        tokenA.transferFrom(alice, bob, 1);
    }

    function test_transferFrom_usesTheAllowance() public {
        vm.prank(alice);
        tokenA.approve(bob, 10);
        vm.prank(bob);
        tokenA.transferFrom(alice, bob, 4);
        assertEq(tokenA.allowance(alice, bob), 6);
        assertEq(tokenA.balanceOf(bob), 4);
        vm.prank(bob);
        tokenA.transfer(alice, 4);
        assertEq(tokenA.balanceOf(alice), 100_000e6);
    }
}
