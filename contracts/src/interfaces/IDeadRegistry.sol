// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Hashes that can never be included again on this rollup (P4)
interface IDeadRegistry {
    /// @notice `hash` (of a transaction, or the id of a marked bundle) died in this block.
    event Died(bytes32 indexed hash);

    /// @notice The function serves the system sender only.
    error OnlySystem(address caller);

    /// @notice Records hashes. Only the system sender may call it, in the closing call of a block.
    function record(bytes32[] calldata hashes) external;

    /// @notice Returns whether `hash` was recorded.
    function isDead(bytes32 hash) external view returns (bool);
}
