// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "./IERC20.sol";

/// @title Form of another network's token on this network
interface IWrappedToken is IERC20 {
    /// @notice The function serves the bridge that deployed the token only.
    error OnlyBridge(address caller);

    /// @notice The token has its name already.
    error AlreadyInitialized();

    /// @notice Gives the token the name, symbol and decimals of its origin, once. Only the bridge may call it.
    function initialize(string calldata name, string calldata symbol, uint8 decimals) external;

    /// @notice Creates `amount` for `to`. Only the bridge may call it.
    function mint(address to, uint256 amount) external;

    /// @notice Destroys `amount` of `from`. Only the bridge may call it.
    function burn(address from, uint256 amount) external;

    /// @notice Returns the bridge that deployed the token.
    function bridge() external view returns (address);
}
