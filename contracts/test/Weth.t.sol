// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Weth} from "../src/demo/Weth.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

contract WethTest is Fixture {
    Weth private weth;

    function setUp() public override {
        super.setUp();
        weth = Weth(Artifacts.create("Weth"));
        vm.deal(alice, 2 ether);
    }

    function test_depositAndWithdraw() public {
        vm.prank(alice);
        (bool ok,) = address(weth).call{value: 1 ether}("");
        assertTrue(ok);
        vm.prank(alice);
        weth.deposit{value: 1 ether}();
        assertEq(weth.balanceOf(alice), 2 ether);
        vm.prank(alice);
        weth.withdraw(2 ether);
        assertEq(alice.balance, 2 ether);
        assertEq(weth.totalSupply(), 0);
    }

    function test_withdraw_nothing() public {
        weth.withdraw(0);
    }

    function test_withdraw_toAContractThatNeedsMoreGas_reverts() public {
        Spender spender = new Spender(weth);
        vm.deal(address(spender), 1);
        spender.deposit();
        vm.expectRevert(abi.encodeWithSelector(Weth.EtherRefused.selector, address(spender), 1));
        spender.withdraw();
    }
}

/// Writes storage when it is paid, which 2,300 gas do not suffice for.
contract Spender {
    Weth private immutable weth;
    uint256 private received;

    constructor(Weth weth_) {
        weth = weth_;
    }

    receive() external payable {
        received += msg.value;
    }

    function deposit() external {
        weth.deposit{value: 1}();
    }

    function withdraw() external {
        weth.withdraw(1);
    }
}
