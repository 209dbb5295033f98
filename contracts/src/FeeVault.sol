// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SYSTEM_SENDER} from "./interfaces/Addresses.sol";
import {IFeeVault} from "./interfaces/IFeeVault.sol";

/// @title Deposits from which the carriage of sealed items is paid (P13)
contract FeeVault is IFeeVault {
    /// Ether of a payer. The node reads `deposited` from the lower half of the first word.
    struct Account {
        uint128 deposited;
        uint128 leaving;
        uint256 leavesAt;
    }

    /// @inheritdoc IFeeVault
    /// @dev An epoch's slow path takes an hour at most (the longest chain), its slots and margins far less than the rest.
    uint256 public constant WITHDRAWAL_DELAY = 1 days;

    mapping(address payer => Account) private accounts;
    /// @inheritdoc IFeeVault
    mapping(address beneficiary => uint256) public earned;

    /// @inheritdoc IFeeVault
    function deposit(address payer) external payable {
        // Invariant: there is less than 2^128 wei of ether.
        accounts[payer].deposited += uint128(msg.value);
        emit Deposited(payer, msg.sender, msg.value);
    }

    /// @inheritdoc IFeeVault
    function beginWithdrawal(uint256 amount) external {
        Account storage account = accounts[msg.sender];
        if (amount > account.deposited) revert Insufficient(amount, account.deposited);
        account.deposited -= uint128(amount);
        account.leaving += uint128(amount);
        account.leavesAt = block.timestamp + WITHDRAWAL_DELAY;
        emit Leaving(msg.sender, account.leaving, account.leavesAt);
    }

    /// @inheritdoc IFeeVault
    function withdraw(address to) external {
        Account storage account = accounts[msg.sender];
        if (block.timestamp < account.leavesAt) revert NotYet(account.leavesAt);
        uint256 amount = account.leaving;
        account.leaving = 0;
        emit Withdrawn(msg.sender, to, amount);
        pay(to, amount);
    }

    /// @inheritdoc IFeeVault
    function charge(address[] calldata payers, uint256[] calldata amounts) external {
        if (msg.sender != SYSTEM_SENDER) revert OnlySystem(msg.sender);
        uint256 sum = 0;
        for (uint256 i = 0; i < payers.length; i++) {
            uint256 taken = take(accounts[payers[i]], amounts[i]);
            sum += taken;
            emit Charged(payers[i], taken);
        }
        earned[block.coinbase] += sum;
    }

    /// @inheritdoc IFeeVault
    function collect(address beneficiary) external {
        uint256 amount = earned[beneficiary];
        earned[beneficiary] = 0;
        emit Collected(beneficiary, amount);
        pay(beneficiary, amount);
    }

    /// @inheritdoc IFeeVault
    function depositOf(address payer) external view returns (uint256) {
        return accounts[payer].deposited;
    }

    /// @inheritdoc IFeeVault
    function leavingOf(address payer) external view returns (uint256 amount, uint256 leavesAt) {
        return (accounts[payer].leaving, accounts[payer].leavesAt);
    }

    /// Takes up to `amount`; a charge never fails, so that no payer can stop a block.
    function take(Account storage account, uint256 amount) private returns (uint256) {
        uint256 stays = min(amount, account.deposited);
        uint256 leaves = min(amount - stays, account.leaving);
        account.deposited -= uint128(stays);
        account.leaving -= uint128(leaves);
        return stays + leaves;
    }

    function pay(address to, uint256 amount) private {
        (bool success,) = to.call{value: amount}("");
        if (!success) revert NotPaid(to);
    }

    function min(uint256 left, uint256 right) private pure returns (uint256) {
        return left < right ? left : right;
    }
}
