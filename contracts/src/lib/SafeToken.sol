// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "../interfaces/IERC20.sol";

/// @title Calls to tokens that may return nothing instead of `true`
library SafeToken {
    /// @notice The token answered something else than true, or is not a contract. If it reverts, its own data are kept.
    error TokenCallFailed(address token);

    /// @notice Moves `amount` of the caller's tokens to `to`.
    function safeTransfer(address token, address to, uint256 amount) internal {
        _call(token, abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    /// @notice Moves `amount` from `from` to `to` on the caller's allowance.
    function safeTransferFrom(address token, address from, address to, uint256 amount) internal {
        _call(token, abi.encodeCall(IERC20.transferFrom, (from, to, amount)));
    }

    /// @notice Lets `spender` move `amount` of the caller's tokens.
    function safeApprove(address token, address spender, uint256 amount) internal {
        _call(token, abi.encodeCall(IERC20.approve, (spender, amount)));
    }

    function _call(address token, bytes memory data) private {
        (bool ok, bytes memory result) = token.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
        bool accepted = result.length == 0 ? token.code.length != 0 : bytes32(result) == bytes32(uint256(1));
        if (!accepted) revert TokenCallFailed(token);
    }
}
