// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeToken} from "../lib/SafeToken.sol";
import {Pool} from "./Pool.sol";

/// Where to swap: a `Pool`, or a router of Uniswap v2.
struct Venue {
    address target;
    bool isRouter;
}

/// @title The one function of Uniswap's Router02 that is used here
interface IUniswapV2Router02 {
    /// @notice Sells `amountIn` of the first token of `path` for at least `amountOutMin` of its last one.
    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external returns (uint256[] memory amounts);
}

using Venues for Venue global;

/// @title Swaps at either kind of venue
library Venues {
    using SafeToken for address;

    /// @notice Sells `amountIn` of `tokenIn`, held by this contract, for at least `minOut` of `tokenOut` to this contract.
    function swap(Venue memory venue, address tokenIn, address tokenOut, uint256 amountIn, uint256 minOut)
        internal
        returns (uint256)
    {
        tokenIn.safeApprove(venue.target, amountIn);
        if (!venue.isRouter) return Pool(venue.target).swap(tokenIn, amountIn, minOut, address(this));
        address[] memory path = new address[](2);
        path[0] = tokenIn;
        path[1] = tokenOut;
        uint256[] memory amounts = IUniswapV2Router02(venue.target)
            .swapExactTokensForTokens(amountIn, minOut, path, address(this), block.timestamp);
        return amounts[1];
    }
}
