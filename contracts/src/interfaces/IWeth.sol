// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "./IERC20.sol";

/// @title Ether as a token
interface IWeth is IERC20 {
    /// @notice `amount` wei became tokens of `to`.
    event Deposit(address indexed to, uint256 amount);

    /// @notice `amount` tokens of `from` became ether.
    event Withdrawal(address indexed from, uint256 amount);

    /// @notice Turns the call's value into tokens of the caller.
    function deposit() external payable;

    /// @notice Turns `amount` of the caller's tokens into ether, sent with the 2,300 gas of `transfer`.
    function withdraw(uint256 amount) external;
}
