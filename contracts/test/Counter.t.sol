// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Counter} from "../src/demo/Counter.sol";
import {IManager} from "../src/interfaces/IManager.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

contract CounterTest is Fixture {
    Counter private counterA;
    Counter private counterB;
    Counter private proxyB;

    function setUp() public override {
        super.setUp();
        counterA = Counter(Artifacts.create("Counter"));
        counterB = Counter(Artifacts.create("Counter"));
        proxyB = Counter(proxyOf(address(counterB), B));
    }

    function test_increment_returnsTheNewValue() public {
        assertEq(counterA.increment(), 1);
        assertEq(counterA.increment(), 2);
        assertEq(counterA.get(), 2);
    }

    function test_incrementVia_returnsTheRemoteValue() public {
        counterB.increment();
        enter(B);
        address sender = proxyOf(address(counterA), A);
        enter(A);
        vm.expectEmit(address(counterB));
        emit Counter.Incremented(sender, 2);
        assertEq(counterA.incrementVia(proxyB), 2);
        assertEq(counterA.lastRemote(), 2);
        _expect(1, 2);
    }

    function test_incrementVia_unavailable_reverts() public {
        answer(B, UNAVAILABLE);
        vm.expectRevert(abi.encodeWithSelector(IManager.Unavailable.selector, B));
        counterA.incrementVia(proxyB);
    }

    function test_tryIncrementVia_goesOn() public {
        answer(B, UNAVAILABLE);
        (bool ok, bytes memory data) = counterA.tryIncrementVia(proxyB);
        assertTrue(!ok);
        assertEq(data, abi.encodeWithSelector(IManager.Unavailable.selector, B));
        _expect(1, 0);
        answer(B, 0);
        (ok, data) = counterA.tryIncrementVia(proxyB);
        assertTrue(ok);
        assertEq(data, abi.encode(1));
        _expect(2, 1);
    }

    function test_catchRevertVia_undoesTheRemoteScope() public {
        assertEq(counterA.catchRevertVia(proxyB), abi.encodeWithSelector(Counter.Refused.selector, 1));
        _expect(1, 0);
    }

    function test_undoVia_undoesBothScopes() public {
        assertEq(counterA.undoVia(proxyB), abi.encodeWithSelector(Counter.Refused.selector, 1));
        _expect(1, 0);
        assertEq(counterA.lastRemote(), 0);
    }

    function test_incrementAlong_returnsEveryCount() public {
        enter(B);
        Counter proxyA = Counter(proxyOf(address(counterA), A));
        enter(A);
        Counter[] memory path = new Counter[](3);
        (path[0], path[1], path[2]) = (proxyB, proxyA, proxyB);
        uint256[] memory values = counterA.incrementAlong(path);
        assertEq(values.length, 4);
        assertEq(values[0], 1);
        assertEq(values[1], 1);
        assertEq(values[2], 2);
        assertEq(values[3], 2);
        _expect(2, 2);
    }

    function test_getVia_isStatic() public {
        counterB.increment();
        assertEq(counterA.getVia(proxyB), 1);
    }

    function _expect(uint256 countA, uint256 countB) private view {
        assertEq(counterA.get(), countA);
        assertEq(counterB.get(), countB);
    }
}
