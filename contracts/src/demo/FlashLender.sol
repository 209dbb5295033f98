// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "../interfaces/IERC20.sol";
import {IERC3156FlashBorrower, IERC3156FlashLender} from "../interfaces/IERC3156.sol";
import {SafeToken} from "../lib/SafeToken.sol";
import {Owned} from "./Owned.sol";

/// @title Lender of one token, out of its own balance
contract FlashLender is IERC3156FlashLender, Owned {
    using SafeToken for address;

    /// @notice The fee is now `feeBps` hundredths of a percent.
    event FeeSet(uint256 feeBps);

    /// @notice The lender does not lend this token.
    error UnsupportedToken(address token);

    /// @notice The borrower did not answer as ERC-3156 asks.
    error CallbackFailed(address receiver);

    /// @notice Returns the token lent.
    address public immutable token;

    /// @notice Returns the fee in hundredths of a percent.
    uint256 public feeBps;

    constructor(address token_, uint256 feeBps_) {
        token = token_;
        feeBps = feeBps_;
    }

    /// @notice Sets the fee in hundredths of a percent. Only the owner may call it.
    function setFee(uint256 feeBps_) external onlyOwner {
        feeBps = feeBps_;
        emit FeeSet(feeBps_);
    }

    /// @inheritdoc IERC3156FlashLender
    function flashLoan(IERC3156FlashBorrower receiver, address token_, uint256 amount, bytes calldata data)
        external
        returns (bool)
    {
        uint256 fee = flashFee(token_, amount);
        token_.safeTransfer(address(receiver), amount);
        bytes32 answer = receiver.onFlashLoan(msg.sender, token_, amount, fee, data);
        if (answer != keccak256("ERC3156FlashBorrower.onFlashLoan")) revert CallbackFailed(address(receiver));
        token_.safeTransferFrom(address(receiver), address(this), amount + fee);
        return true;
    }

    /// @inheritdoc IERC3156FlashLender
    function maxFlashLoan(address token_) external view returns (uint256) {
        return token_ == token ? IERC20(token_).balanceOf(address(this)) : 0;
    }

    /// @inheritdoc IERC3156FlashLender
    function flashFee(address token_, uint256 amount) public view returns (uint256) {
        if (token_ != token) revert UnsupportedToken(token_);
        return amount * feeBps / 10_000;
    }
}
