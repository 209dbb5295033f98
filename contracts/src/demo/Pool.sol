// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeToken} from "../lib/SafeToken.sol";

/// @title Constant-product pool of two tokens with a fee of 0.3 %
/// @notice Prices swaps with the integer formula of Uniswap v2. Tokens that take a fee on transfer are not supported.
contract Pool {
    using SafeToken for address;

    /// @notice Liquidity came in as `shares` of `to`.
    event LiquidityAdded(address indexed to, uint256 amount0, uint256 amount1, uint256 shares);

    /// @notice `shares` of `from` were paid out.
    event LiquidityRemoved(address indexed from, uint256 amount0, uint256 amount1, uint256 shares);

    /// @notice `amountIn` of `tokenIn` bought `amountOut` of the other token.
    event Swapped(address indexed tokenIn, uint256 amountIn, uint256 amountOut, address indexed to);

    /// @notice The pool does not trade this token.
    error UnknownToken(address token);

    /// @notice The swap would give `amountOut`, less than `minOut`.
    error Slippage(uint256 amountOut, uint256 minOut);

    /// @notice The amounts are too small for one share.
    error NoLiquidity();

    /// @notice Returns the first token.
    address public immutable token0;

    /// @notice Returns the second token.
    address public immutable token1;

    /// @notice Returns the pool's amount of the first token.
    uint256 public reserve0;

    /// @notice Returns the pool's amount of the second token.
    uint256 public reserve1;

    /// @notice Returns the number of shares in existence.
    uint256 public totalShares;

    /// @notice Returns the shares of an account.
    mapping(address account => uint256) public sharesOf;

    constructor(address token0_, address token1_) {
        token0 = token0_;
        token1 = token1_;
    }

    /// @notice Adds liquidity of the caller, who has approved both tokens, as shares of `to`.
    /// @dev Amounts off the current ratio favour the other holders; the first amounts set the price.
    function addLiquidity(uint256 amount0, uint256 amount1, address to) external returns (uint256 shares) {
        shares = totalShares == 0
            ? _sqrt(amount0 * amount1)
            : _min(amount0 * totalShares / reserve0, amount1 * totalShares / reserve1);
        if (shares == 0) revert NoLiquidity();
        totalShares += shares;
        sharesOf[to] += shares;
        reserve0 += amount0;
        reserve1 += amount1;
        emit LiquidityAdded(to, amount0, amount1, shares);
        token0.safeTransferFrom(msg.sender, address(this), amount0);
        token1.safeTransferFrom(msg.sender, address(this), amount1);
    }

    /// @notice Pays out `shares` of the caller to `to`.
    function removeLiquidity(uint256 shares, address to) external returns (uint256 amount0, uint256 amount1) {
        amount0 = shares * reserve0 / totalShares;
        amount1 = shares * reserve1 / totalShares;
        sharesOf[msg.sender] -= shares;
        totalShares -= shares;
        reserve0 -= amount0;
        reserve1 -= amount1;
        emit LiquidityRemoved(msg.sender, amount0, amount1, shares);
        token0.safeTransfer(to, amount0);
        token1.safeTransfer(to, amount1);
    }

    /// @notice Sells `amountIn` of the caller's `tokenIn`, which the caller has approved, for at least `minOut` to `to`.
    function swap(address tokenIn, uint256 amountIn, uint256 minOut, address to) external returns (uint256 amountOut) {
        if (tokenIn != token0 && tokenIn != token1) revert UnknownToken(tokenIn);
        bool forward = tokenIn == token0;
        amountOut = forward ? getAmountOut(amountIn, reserve0, reserve1) : getAmountOut(amountIn, reserve1, reserve0);
        if (amountOut < minOut) revert Slippage(amountOut, minOut);
        if (forward) {
            reserve0 += amountIn;
            reserve1 -= amountOut;
        } else {
            reserve1 += amountIn;
            reserve0 -= amountOut;
        }
        emit Swapped(tokenIn, amountIn, amountOut, to);
        tokenIn.safeTransferFrom(msg.sender, address(this), amountIn);
        (forward ? token1 : token0).safeTransfer(to, amountOut);
    }

    /// @notice Returns what `amountIn` buys at the given reserves (Uniswap v2, `UniswapV2Library.getAmountOut`).
    function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) public pure returns (uint256) {
        uint256 amountInWithFee = amountIn * 997;
        return amountInWithFee * reserveOut / (reserveIn * 1000 + amountInWithFee);
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// Integer square root by Newton's method.
    function _sqrt(uint256 value) private pure returns (uint256 root) {
        root = value;
        uint256 next = value / 2 + 1;
        while (next < root) {
            root = next;
            next = (value / next + next) / 2;
        }
    }
}
