// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IWeth} from "../interfaces/IWeth.sol";
import {CrossChainToken} from "./CrossChainToken.sol";
import {Venue} from "./Venue.sol";

/// @title Trades on this network for a contract on another one
/// @notice Keeps nothing between calls: whatever it holds at a call came in within the same transaction.
contract RemoteTrader {
    /// @notice The caller refused `amount` wei.
    error EtherRefused(address to, uint256 amount);

    IWeth private immutable weth;
    CrossChainToken private immutable token;
    Venue private venue;

    constructor(IWeth weth_, CrossChainToken token_, Venue memory venue_) {
        weth = weth_;
        token = token_;
        venue = venue_;
    }

    /// @dev Accepts what `Weth.withdraw` pays.
    receive() external payable {}

    /// @notice Sells the call's value for at least `minOut` tokens and sends them to `to` on `network`.
    function sellEther(uint256 minOut, uint64 network, address to) external payable returns (uint256 amountOut) {
        weth.deposit{value: msg.value}();
        amountOut = venue.swap(address(weth), address(token), msg.value, minOut);
        token.send(network, to, amountOut);
    }

    /// @notice Buys at least `minOut` wei with `amountIn` tokens sent here before, and pays them to the caller.
    function buyEther(uint256 amountIn, uint256 minOut) external returns (uint256 amountOut) {
        amountOut = venue.swap(address(token), address(weth), amountIn, minOut);
        weth.withdraw(amountOut);
        (bool ok,) = msg.sender.call{value: amountOut}("");
        if (!ok) revert EtherRefused(msg.sender, amountOut);
    }
}
