// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SYSTEM_SENDER} from "../src/interfaces/Addresses.sol";
import {FEE_VAULT, IFeeVault} from "../src/interfaces/IFeeVault.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {Reentrant} from "./support/Reentrant.sol";
import {vm} from "./support/Vm.sol";

contract FeeVaultTest is Fixture {
    IFeeVault private constant vault = IFeeVault(FEE_VAULT);

    function setUp() public override {
        super.setUp();
        vm.etch(FEE_VAULT, Artifacts.runtimeCode("FeeVault"));
        vm.deal(address(this), 100 ether);
        vault.deposit{value: 10}(alice);
    }

    function test_deposit_addsAndIsReadFromTheLowerHalfOfTheFirstWord() public {
        vm.expectEmit(FEE_VAULT);
        emit IFeeVault.Deposited(alice, address(this), 5);
        vault.deposit{value: 5}(alice);
        assertEq(vault.depositOf(alice), 15);
        vm.prank(alice);
        vault.beginWithdrawal(4);
        bytes32 word = vm.load(FEE_VAULT, keccak256(abi.encode(alice, uint256(0))));
        assertEq(uint256(word) & type(uint128).max, 11);
        assertEq(uint256(word) >> 128, 4);
    }

    function test_beginWithdrawal_moreThanTheDeposit_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.Insufficient.selector, 11, 10));
        vm.prank(alice);
        vault.beginWithdrawal(11);
    }

    function test_withdraw_beforeTheDelay_reverts() public {
        vm.prank(alice);
        vault.beginWithdrawal(10);
        uint256 leavesAt = block.timestamp + vault.WITHDRAWAL_DELAY();
        vm.warp(leavesAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.NotYet.selector, leavesAt));
        vm.prank(alice);
        vault.withdraw(alice);
        vm.warp(leavesAt);
        vm.prank(alice);
        vault.withdraw(bob);
        assertEq(bob.balance, 10);
        vm.prank(alice);
        vault.withdraw(bob);
        assertEq(bob.balance, 10);
    }

    function test_beginWithdrawal_again_startsToWaitAgain() public {
        vm.prank(alice);
        vault.beginWithdrawal(5);
        vm.warp(block.timestamp + vault.WITHDRAWAL_DELAY());
        vm.prank(alice);
        vault.beginWithdrawal(5);
        (uint256 amount, uint256 leavesAt) = vault.leavingOf(alice);
        assertEq(amount, 10);
        assertEq(leavesAt, block.timestamp + vault.WITHDRAWAL_DELAY());
    }

    // P13, T8
    function test_charge_takesWhatLeaves_andNeverMoreThanThereIs() public {
        vm.prank(alice);
        vault.beginWithdrawal(7);
        vm.coinbase(bob);
        charge(alice, 6);
        assertEq(vault.depositOf(alice), 0);
        (uint256 amount,) = vault.leavingOf(alice);
        assertEq(amount, 4);
        charge(alice, 100);
        (amount,) = vault.leavingOf(alice);
        assertEq(amount, 0);
        assertEq(vault.earned(bob), 10);
        vault.collect(bob);
        vault.collect(bob);
        assertEq(bob.balance, 10);
        assertEq(FEE_VAULT.balance, 0);
    }

    function test_charge_notTheSystem_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.OnlySystem.selector, alice));
        vm.prank(alice);
        vault.charge(new address[](1), new uint256[](1));
    }

    function test_withdraw_toWhoRefuses_reverts() public {
        vm.prank(alice);
        vault.beginWithdrawal(1);
        vm.warp(block.timestamp + vault.WITHDRAWAL_DELAY());
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.NotPaid.selector, FEE_VAULT));
        vm.prank(alice);
        vault.withdraw(FEE_VAULT);
    }

    function test_withdraw_fromWithin_paysOnce() public {
        Reentrant payer = new Reentrant();
        vault.deposit{value: 10}(address(payer));
        payer.run(FEE_VAULT, abi.encodeCall(IFeeVault.beginWithdrawal, (10)));
        vm.warp(block.timestamp + vault.WITHDRAWAL_DELAY());
        bytes memory withdraw = abi.encodeCall(IFeeVault.withdraw, (address(payer)));
        payer.arm(FEE_VAULT, withdraw);
        payer.run(FEE_VAULT, withdraw);
        assertTrue(payer.wasCalled());
        assertEq(address(payer).balance, 10);
        assertEq(FEE_VAULT.balance, 10);
    }

    function test_collect_fromWithin_paysOnce() public {
        Reentrant beneficiary = new Reentrant();
        vault.deposit{value: 10}(alice);
        vm.coinbase(address(beneficiary));
        charge(alice, 10);
        beneficiary.arm(FEE_VAULT, abi.encodeCall(IFeeVault.collect, (address(beneficiary))));
        vault.collect(address(beneficiary));
        assertTrue(beneficiary.wasCalled());
        assertEq(address(beneficiary).balance, 10);
        assertEq(FEE_VAULT.balance, 10);
    }

    function charge(address payer, uint256 amount) private {
        (address[] memory payers, uint256[] memory amounts) = (new address[](1), new uint256[](1));
        (payers[0], amounts[0]) = (payer, amount);
        vm.prank(SYSTEM_SENDER);
        vault.charge(payers, amounts);
    }
}
