// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Says which attestations or proofs count for a rollup (P44)
interface IPolicy {
    /// @notice Tells whether `proof` shows the statement with this digest, as the result of this program. Reverts or returns
    /// false otherwise. Must not depend on anything but its state and the arguments.
    function accepts(bytes32 digest, bytes32 programId, bytes calldata proof) external view returns (bool);
}

/// @title Policy of m out of n attesters, who executed everything again
/// @notice A proof is the attesters' signatures one after the other, 66 bytes each: number of the attester, then `r || s ||
/// parity`, s in the lower half; numbers increase.
interface IAttestationPolicy is IPolicy {
    /// @notice The threshold is zero or above the number of attesters, or there are more than 255.
    error InvalidThreshold(uint256 threshold, uint256 attesters);

    /// @notice Attesters are not strictly increasing, or one is zero.
    error InvalidAttester(address attester);

    /// @notice Returns how many must sign.
    function threshold() external view returns (uint256);

    /// @notice Returns attester number `index`.
    function attester(uint256 index) external view returns (address);

    /// @notice Returns the program whose results the attesters sign.
    function programId() external view returns (bytes32);
}
