// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "../lib/ERC20.sol";

/// @title Token that anybody can mint, for tests
/// @dev Stands here because gas is measured with it, which is to be that of optimized code.
contract TestToken is ERC20 {
    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
