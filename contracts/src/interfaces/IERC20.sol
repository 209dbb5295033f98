// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title ERC-20 token
interface IERC20 {
    /// @notice `amount` moved from `from` to `to`.
    event Transfer(address indexed from, address indexed to, uint256 amount);

    /// @notice `spender` may move up to `amount` of `owner`.
    event Approval(address indexed owner, address indexed spender, uint256 amount);

    /// @notice Returns the amount of tokens in existence.
    function totalSupply() external view returns (uint256);

    /// @notice Returns the tokens of `account`.
    function balanceOf(address account) external view returns (uint256);

    /// @notice Returns what `spender` may still move of `owner`.
    function allowance(address owner, address spender) external view returns (uint256);

    /// @notice Moves `amount` from the caller to `to`.
    function transfer(address to, uint256 amount) external returns (bool);

    /// @notice Lets `spender` move up to `amount` of the caller.
    function approve(address spender, uint256 amount) external returns (bool);

    /// @notice Moves `amount` from `from` to `to` on the caller's allowance.
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}
