// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Weth} from "../src/demo/Weth.sol";
import {RESERVED} from "../src/interfaces/Addresses.sol";
import {IManager} from "../src/interfaces/IManager.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// Enters a proxy by DELEGATECALL.
contract Delegator {
    function delegate(address proxy, bytes calldata data) external payable returns (bytes memory) {
        (bool ok, bytes memory result) = proxy.delegatecall(data);
        if (ok) return result;
        assembly {
            revert(add(result, 32), mload(result))
        }
    }
}

contract CrossChainProxyTest is Fixture {
    address private constant target = address(uint160(0x7a49e7));

    function test_call_reachesTheReservedAddressPacked() public {
        answer(B, ECHO);
        vm.deal(alice, 5);
        address proxy = proxyOf(target, B);
        vm.prank(alice);
        (bool ok, bytes memory result) = proxy.call{value: 5}(hex"c0ffee00112233");
        assertTrue(ok);
        (bool isStatic, uint256 value, bytes memory input) = abi.decode(result, (bool, uint256, bytes));
        assertTrue(!isStatic);
        assertEq(value, 5);
        assertEq(input, abi.encodePacked(uint8(2), alice, hex"c0ffee00112233"));
    }

    function testFuzz_call_carriesAnyData(bytes calldata data, address original, address caller, uint64 network)
        public
    {
        if (network == A || data.length == 0) return;
        answer(network, ECHO);
        address proxy = proxyOf(original, network);
        vm.prank(caller);
        (, bytes memory result) = proxy.call(data);
        (,, bytes memory input) = abi.decode(result, (bool, uint256, bytes));
        assertEq(input, abi.encodePacked(uint8(2), caller, data));
    }

    function test_call_staticContextCrosses() public {
        answer(B, ECHO);
        address proxy = proxyOf(target, B);
        (bool ok, bytes memory result) = proxy.staticcall(hex"01");
        assertTrue(ok);
        (bool isStatic,,) = abi.decode(result, (bool, uint256, bytes));
        assertTrue(isStatic);
    }

    function test_call_withoutDataCrossesIfItHasGas() public {
        answer(B, ECHO);
        vm.deal(address(this), 3);
        (bool ok, bytes memory result) = proxyOf(target, B).call{value: 3}("");
        assertTrue(ok);
        (, uint256 value, bytes memory input) = abi.decode(result, (bool, uint256, bytes));
        assertEq(value, 3);
        assertEq(input, abi.encodePacked(uint8(2), address(this)));
    }

    function test_receive_stipendIsKept() public {
        answer(B, UNAVAILABLE);
        vm.deal(address(this), 7);
        address proxy = proxyOf(target, B);
        (bool ok,) = proxy.call{value: 7, gas: 0}("");
        assertTrue(ok);
        assertEq(proxy.balance, 7);
    }

    function test_receive_wethWithdrawalIsKept() public {
        Weth weth = Weth(Artifacts.create("Weth"));
        address proxy = proxyOf(target, B);
        vm.deal(proxy, 1 ether);
        vm.prank(proxy);
        weth.deposit{value: 1 ether}();
        assertEq(proxy.balance, 0);
        vm.prank(proxy);
        weth.withdraw(1 ether);
        assertEq(proxy.balance, 1 ether);
    }

    function test_receive_costsLittleOfTheStipend() public {
        vm.deal(address(this), 1);
        address proxy = proxyOf(target, B);
        proxy.balance; // Warms the account.
        (bool ok, uint256 used) = (false, 0);
        // Nothing but the call, whatever the compiler makes of this test.
        assembly {
            let before := gas()
            ok := call(0, proxy, 1, 0, 0, 0, 0)
            used := sub(before, gas())
        }
        assertTrue(ok);
        // 9,000 for the value and 100 for the call, less the unused stipend. The new balance is not a new account.
        assertTrue(used < 7_000);
    }

    function test_delegatecall_reverts() public {
        Delegator delegator = new Delegator();
        address proxy = proxyOf(target, B);
        vm.expectRevert(abi.encodeWithSelector(IManager.DelegateCallToProxy.selector, address(delegator)));
        delegator.delegate(proxy, hex"01");
    }

    function test_revertData_arrivesUnchanged() public {
        answer(B, REVERTED);
        (bool ok, bytes memory result) = proxyOf(target, B).call(hex"0102030405");
        assertTrue(!ok);
        assertEq(result, hex"0102030405");
    }

    function test_outOfGas_revertsWithoutData() public {
        answer(B, OUT_OF_GAS);
        answer(C, SILENT);
        (bool ok, bytes memory result) = proxyOf(target, B).call(hex"01");
        assertTrue(!ok && result.length == 0);
        (ok, result) = proxyOf(target, C).call(hex"01");
        assertTrue(!ok && result.length == 0);
    }

    function test_failureOfTheCrossing_hasItsOwnError() public {
        bytes4[5] memory errors = [
            IManager.Unavailable.selector,
            IManager.NotProvisioned.selector,
            IManager.FeeTooLow.selector,
            IManager.Full.selector,
            IManager.InsufficientEscrow.selector
        ];
        vm.deal(address(this), 1);
        address proxy = proxyOf(target, B);
        for (uint256 i = 0; i < errors.length; i++) {
            answer(B, UNAVAILABLE + i);
            (bool ok, bytes memory result) = proxy.call{value: 1}(hex"01");
            assertTrue(!ok);
            assertEq(result, abi.encodeWithSelector(errors[i], B));
            assertEq(address(this).balance, 1);
        }
    }

    function test_code_isSmallAndTheSameForAll() public {
        assertEq(proxyOf(target, B).code, proxyOf(alice, C).code);
        assertEq(proxyOf(target, B).code, Artifacts.runtimeCode("CrossChainProxy"));
        assertTrue(Artifacts.runtimeCode("CrossChainProxy").length <= 104);
    }

    function test_overhead_isBounded() public {
        answer(B, EMPTY);
        address proxy = proxyOf(target, B);
        bytes memory data = new bytes(36);
        bytes memory input = abi.encodePacked(uint8(0), B, target, address(this), data);
        gasOf(proxy, data); // Warms everything.
        // What the stand-in spends on looking into the registry is the executor's to charge.
        assertTrue(gasOf(proxy, data) - gasOf(RESERVED, input) < 2_000);
    }

    function gasOf(address callee, bytes memory data) private returns (uint256) {
        uint256 before = gasleft();
        (bool ok,) = callee.call(data);
        uint256 used = before - gasleft();
        assertTrue(ok);
        return used;
    }
}
