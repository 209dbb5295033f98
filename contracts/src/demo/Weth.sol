// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IWeth} from "../interfaces/IWeth.sol";
import {ERC20} from "../lib/ERC20.sol";

/// @title Ether as a token, with the behaviour of WETH9
contract Weth is ERC20, IWeth {
    /// @notice `to` did not take `amount` wei with 2,300 gas.
    error EtherRefused(address to, uint256 amount);

    constructor() {
        name = "Wrapped Ether";
        symbol = "WETH";
        decimals = 18;
    }

    receive() external payable {
        deposit();
    }

    /// @inheritdoc IWeth
    function withdraw(uint256 amount) external {
        _burn(msg.sender, amount);
        emit Withdrawal(msg.sender, amount);
        // The gas that `transfer` gives: the stipend of a call with value, and as much of a call without.
        (bool ok,) = msg.sender.call{value: amount, gas: amount == 0 ? 2300 : 0}("");
        if (!ok) revert EtherRefused(msg.sender, amount);
    }

    /// @inheritdoc IWeth
    function deposit() public payable {
        _mint(msg.sender, msg.value);
        emit Deposit(msg.sender, msg.value);
    }
}
