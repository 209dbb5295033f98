// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Contract with an owner, its deployer
abstract contract Owned {
    /// @notice The function serves the owner only.
    error OnlyOwner(address caller);

    /// @notice Returns the owner.
    address public immutable owner = msg.sender;

    modifier onlyOwner() {
        if (msg.sender != owner) revert OnlyOwner(msg.sender);
        _;
    }
}
