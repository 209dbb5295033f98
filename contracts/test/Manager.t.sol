// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE, MANAGER} from "../src/interfaces/Addresses.sol";
import {IManager, Status} from "../src/interfaces/IManager.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// Has no way to take ether.
contract Refuser {
    function tryCall(uint64 network) external payable {
        IManager(MANAGER).tryCall{value: msg.value}(network, address(1), hex"01");
    }
}

/// Uses tryStaticCall in a view function.
contract Reader {
    function read(uint64 network, address target, bytes calldata data) external view returns (Status, bytes memory) {
        return IManager(MANAGER).tryStaticCall(network, target, data);
    }
}

/// Answers, spends all its gas or reverts.
contract Callee {
    error Reason(uint256 value);

    function answer() external pure returns (uint256) {
        return 42;
    }

    function fail() external pure {
        revert Reason(7);
    }
}

contract ManagerTest is Fixture {
    address private constant target = address(uint160(0x7a49e7));

    function test_networkId_liesInSlotZero() public {
        assertEq(manager.networkId(), A);
        enter(C);
        assertEq(manager.networkId(), C);
    }

    function test_createCrossChainProxy_deploysAtTheComputedAddress() public {
        address computed = manager.computeCrossChainProxyAddress(target, B);
        assertEq(computed.code.length, 0);
        assertTrue(!manager.isProxy(computed));
        vm.expectEmit(MANAGER);
        emit IManager.CrossChainProxyCreated(computed, target, B);
        vm.prank(alice);
        assertEq(manager.createCrossChainProxy(target, B), computed);
        assertTrue(computed.code.length != 0);
        assertTrue(manager.isProxy(computed));
        (address original, uint64 network) = manager.originalOf(computed);
        assertEq(original, target);
        assertEq(network, B);
    }

    function test_createCrossChainProxy_isIdempotent() public {
        address first = manager.createCrossChainProxy(target, B);
        vm.prank(bob);
        assertEq(manager.createCrossChainProxy(target, B), first);
    }

    function test_createCrossChainProxy_differsByNetworkAndOriginal() public {
        address first = proxyOf(target, B);
        assertTrue(first != proxyOf(target, C));
        assertTrue(first != proxyOf(alice, B));
    }

    function test_createCrossChainProxy_ofTheZeroAddressOfL1() public {
        address proxy = proxyOf(address(0), 0);
        assertTrue(manager.isProxy(proxy));
        assertEq(proxyOf(address(0), 0), proxy);
    }

    function test_createCrossChainProxy_sameNetwork_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IManager.SameNetwork.selector, A));
        manager.createCrossChainProxy(target, A);
    }

    function test_computeCrossChainProxyAddress_isCreate2() public view {
        bytes32 salt = keccak256(abi.encode(B, target));
        bytes32 hash =
            keccak256(abi.encodePacked(hex"ff", MANAGER, salt, keccak256(Artifacts.creationCode("CrossChainProxy"))));
        assertEq(manager.computeCrossChainProxyAddress(target, B), address(uint160(uint256(hash))));
    }

    /// The same value stands in crates/contracts/src/proxy.rs.
    function test_computeCrossChainProxyAddress_golden() public view {
        address golden = address(uint160(uint256(0x009b36c68af7f8b89a4df8e0794621a178c8503a37)));
        assertEq(manager.computeCrossChainProxyAddress(address(uint160(0xcafe)), 902), golden);
    }

    function test_registryEntry_isMarkerNetworkOriginal() public {
        address proxy = proxyOf(target, B);
        uint256 entry = uint256(vm.load(MANAGER, bytes32(uint256(uint160(proxy)))));
        assertEq(entry, 1 << 255 | uint256(B) << 160 | uint160(target));
    }

    function test_originalOf_notAProxy_isZero() public view {
        (address original, uint64 network) = manager.originalOf(alice);
        assertEq(original, address(0));
        assertEq(network, 0);
        assertTrue(!manager.isProxy(alice));
    }

    function test_tryCall_ok() public {
        address callee = address(new Callee());
        (Status status, bytes memory data) = manager.tryCall(B, callee, abi.encodeCall(Callee.answer, ()));
        assertEq(uint8(status), uint8(Status.Ok));
        assertEq(abi.decode(data, (uint256)), 42);
    }

    function test_tryCall_reverted_carriesTheReason() public {
        address callee = address(new Callee());
        (Status status, bytes memory data) = manager.tryCall(B, callee, abi.encodeCall(Callee.fail, ()));
        assertEq(uint8(status), uint8(Status.Reverted));
        assertEq(data, abi.encodeWithSelector(Callee.Reason.selector, 7));
    }

    function test_tryCall_sendsThePackedInput() public {
        answer(B, ECHO);
        vm.deal(alice, 9);
        vm.prank(alice);
        (Status status, bytes memory data) = manager.tryCall{value: 9}(B, target, hex"c0ffee");
        assertEq(uint8(status), uint8(Status.Ok));
        (bool isStatic, uint256 value, bytes memory input) = abi.decode(data, (bool, uint256, bytes));
        assertTrue(!isStatic);
        assertEq(value, 9);
        assertEq(input, abi.encodePacked(uint8(0), B, target, alice, hex"c0ffee"));
    }

    function test_tryCall_everyStatus_refundsTheValue() public {
        vm.deal(address(this), 5);
        for (uint256 mode = REVERTED; mode <= 7; mode++) {
            answer(B, mode);
            (Status status, bytes memory data) = manager.tryCall{value: 5}(B, target, hex"beef");
            assertEq(uint8(status), mode);
            assertEq(data, mode == REVERTED ? bytes(hex"beef") : bytes(""));
            assertEq(address(this).balance, 5);
            assertEq(MANAGER.balance, 0);
        }
    }

    function test_tryCall_noAnswer_isOutOfGas() public {
        answer(B, SILENT);
        (Status status, bytes memory data) = manager.tryCall(B, target, hex"01");
        assertEq(uint8(status), uint8(Status.OutOfGas));
        assertEq(data.length, 0);
    }

    function test_tryCall_gasLimit_boundsTheCrossing() public {
        answer(B, BURN);
        manager.tryCall(C, target, 1000, hex"01"); // Warms everything.
        uint256 before = gasleft();
        (Status status,) = manager.tryCall(B, target, 50_000, hex"01");
        assertEq(uint8(status), uint8(Status.OutOfGas));
        assertTrue(before - gasleft() < 60_000);
    }

    function test_tryCall_gasLimit_ok() public {
        address callee = address(new Callee());
        (Status status, bytes memory data) = manager.tryCall(B, callee, 2_000_000, abi.encodeCall(Callee.answer, ()));
        assertEq(uint8(status), uint8(Status.Ok));
        assertEq(abi.decode(data, (uint256)), 42);
    }

    function test_tryCall_refundRefused_reverts() public {
        answer(B, UNAVAILABLE);
        Refuser refuser = new Refuser();
        vm.deal(address(this), 4);
        vm.expectRevert(abi.encodeWithSelector(IManager.RefundFailed.selector, address(refuser), 4));
        refuser.tryCall{value: 4}(B);
    }

    function test_tryCall_sameNetwork_reverts() public {
        bytes memory reason = abi.encodeWithSelector(IManager.SameNetwork.selector, A);
        vm.expectRevert(reason);
        manager.tryCall(A, target, "");
        vm.expectRevert(reason);
        manager.tryCall(A, target, 100_000, "");
        vm.expectRevert(reason);
        manager.tryStaticCall(A, target, "");
    }

    function test_tryCall_worksInStaticContext() public {
        answer(B, ECHO);
        (bool ok, bytes memory result) =
            MANAGER.staticcall(abi.encodeWithSignature("tryCall(uint64,address,bytes)", B, target, hex"01"));
        assertTrue(ok);
        (Status status, bytes memory data) = abi.decode(result, (Status, bytes));
        assertEq(uint8(status), uint8(Status.Ok));
        (bool isStatic,,) = abi.decode(data, (bool, uint256, bytes));
        assertTrue(isStatic);
    }

    function test_tryStaticCall_isStaticAndUsableInViews() public {
        answer(B, ECHO);
        Reader reader = new Reader();
        (Status status, bytes memory data) = reader.read(B, target, hex"aa");
        assertEq(uint8(status), uint8(Status.Ok));
        (bool isStatic,, bytes memory input) = abi.decode(data, (bool, uint256, bytes));
        assertTrue(isStatic);
        assertEq(input, abi.encodePacked(uint8(0), B, target, address(reader), hex"aa"));
    }

    function test_tryStaticCall_everyStatus() public {
        for (uint256 mode = REVERTED; mode <= 7; mode++) {
            answer(B, mode);
            (Status status,) = manager.tryStaticCall(B, target, hex"01");
            assertEq(uint8(status), mode);
        }
    }

    function test_bridgeCall_sendsThePackedInput() public {
        answer(B, ECHO);
        vm.deal(BRIDGE, 2);
        vm.prank(BRIDGE);
        bytes memory result = manager.bridgeCall{value: 2}(B, target, 903, alice, 77, hex"d00d");
        (, uint256 value, bytes memory input) = abi.decode(result, (bool, uint256, bytes));
        assertEq(value, 2);
        assertEq(input, abi.encodePacked(uint8(1), B, target, BRIDGE, uint32(903), alice, uint256(77), hex"d00d"));
    }

    function test_bridgeCall_notTheBridge_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IManager.OnlyBridge.selector, alice));
        vm.prank(alice);
        manager.bridgeCall(B, target, uint32(A), alice, 1, "");
    }

    function test_bridgeCall_sameNetwork_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IManager.SameNetwork.selector, A));
        vm.prank(BRIDGE);
        manager.bridgeCall(A, target, uint32(A), alice, 1, "");
    }

    function test_bridgeCall_failures_revertAsThoseOfAProxy() public {
        answer(B, 7);
        vm.expectRevert(abi.encodeWithSelector(IManager.InsufficientEscrow.selector, B));
        vm.prank(BRIDGE);
        manager.bridgeCall(B, target, uint32(A), alice, 1, "");
        answer(B, REVERTED);
        vm.expectRevert(hex"1234");
        vm.prank(BRIDGE);
        manager.bridgeCall(B, target, uint32(A), alice, 1, hex"1234");
    }
}
