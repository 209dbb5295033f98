// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Receiver of a flash loan (ERC-3156)
interface IERC3156FlashBorrower {
    /// @notice Receives a flash loan and must leave `amount + fee` approved to the caller.
    /// @return keccak256("ERC3156FlashBorrower.onFlashLoan")
    function onFlashLoan(address initiator, address token, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32);
}

/// @title Lender of flash loans (ERC-3156)
interface IERC3156FlashLender {
    /// @notice Returns the largest loan of `token`.
    function maxFlashLoan(address token) external view returns (uint256);

    /// @notice Returns the fee of a loan of `amount`.
    function flashFee(address token, uint256 amount) external view returns (uint256);

    /// @notice Lends `amount` of `token` to `receiver` for the duration of its callback.
    function flashLoan(IERC3156FlashBorrower receiver, address token, uint256 amount, bytes calldata data)
        external
        returns (bool);
}
