// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MANAGER} from "../interfaces/Addresses.sol";
import {IERC3156FlashBorrower, IERC3156FlashLender} from "../interfaces/IERC3156.sol";
import {IManager} from "../interfaces/IManager.sol";
import {IWeth} from "../interfaces/IWeth.sol";
import {SafeToken} from "../lib/SafeToken.sol";
import {CrossChainToken} from "./CrossChainToken.sol";
import {Owned} from "./Owned.sol";
import {RemoteTrader} from "./RemoteTrader.sol";
import {Venue} from "./Venue.sol";

/// @title Arbitrage between two networks with a flash loan, in one call
contract FlashArb is IERC3156FlashBorrower, Owned {
    using SafeToken for address;

    /// Which way to trade, and where.
    struct Route {
        IERC3156FlashLender lender;
        Venue venue;
        uint64 network;
        address trader;
        /// Buys ether on the other network and sells it here, instead of the other way round.
        bool buyRemote;
    }

    /// @notice `profit` tokens went to `recipient`.
    event Profit(address indexed recipient, uint256 profit);

    /// @notice The trade ended with `balance` tokens, the loan costs `due`.
    error Unprofitable(uint256 balance, uint256 due);

    /// @notice The loan was not taken by this contract, or does not come from its lender.
    error UnexpectedLoan(address lender, address initiator);

    IWeth private immutable weth;
    CrossChainToken private immutable token;
    Route private route;

    constructor(IWeth weth_, CrossChainToken token_) {
        weth = weth_;
        token = token_;
    }

    /// @dev Accepts what `Weth.withdraw` pays and what the other network sends.
    receive() external payable {}

    /// @notice Sets the route. Only the owner may call it.
    function setRoute(Route calldata route_) external onlyOwner {
        route = route_;
    }

    /// @notice Trades with a loan of `amount` tokens and sends the profit to `recipient`. Anybody may call it.
    /// @param minOut bound of the second swap, in what it buys
    function run(uint256 amount, uint256 minOut, address recipient) external returns (uint256 profit) {
        route.lender.flashLoan(this, address(token), amount, abi.encode(minOut));
        profit = token.balanceOf(address(this));
        address(token).safeTransfer(recipient, profit);
        emit Profit(recipient, profit);
    }

    /// @inheritdoc IERC3156FlashBorrower
    function onFlashLoan(address initiator, address, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32)
    {
        if (msg.sender != address(route.lender) || initiator != address(this)) {
            revert UnexpectedLoan(msg.sender, initiator);
        }
        uint256 minOut = abi.decode(data, (uint256));
        if (route.buyRemote) _buyRemote(amount, minOut);
        else _buyLocal(amount, minOut);
        uint256 balance = token.balanceOf(address(this));
        if (balance < amount + fee) revert Unprofitable(balance, amount + fee);
        address(token).safeApprove(msg.sender, amount + fee);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }

    function _buyLocal(uint256 amount, uint256 minOut) private {
        uint256 bought = route.venue.swap(address(token), address(weth), amount, 0);
        weth.withdraw(bought);
        _trader().sellEther{value: bought}(minOut, IManager(MANAGER).networkId(), address(this));
    }

    function _buyRemote(uint256 amount, uint256 minOut) private {
        token.send(route.network, route.trader, amount);
        uint256 bought = _trader().buyEther(amount, 0);
        weth.deposit{value: bought}();
        route.venue.swap(address(weth), address(token), bought, minOut);
    }

    /// Returns the trader's proxy here.
    function _trader() private returns (RemoteTrader) {
        return RemoteTrader(payable(IManager(MANAGER).createCrossChainProxy(route.trader, route.network)));
    }
}
