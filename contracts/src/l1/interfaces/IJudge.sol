// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Who is convicted of what.
/// @param id conviction (docs/reference/evidence.md)
/// @param key key that broke its word
/// @param fault number of the fault
/// @param isMember whether the key is that of a committee member
/// @param item item that the broken promise was about; zero when it was about none
struct Verdict {
    bytes32 id;
    address key;
    uint8 fault;
    bool isMember;
    bytes32 item;
}

/// @title Decides evidence (P47)
/// @notice Takes exactly the bytes that `weft-evidence` takes. Does not know who may promise for the realm. Two things are not
/// decided here: early leaks (12), which take the fact that an epoch is open, and removals as malformed (8) of what is an item.
/// Where the latter leave a wrong result, what was settled shows it: `ISlasher.punishResult`.
interface IJudge {
    /// @notice The evidence is of another version or realm, or bytes follow it.
    error NotEvidence(uint256 position);

    /// @notice The evidence kind is not decided on L1.
    error NotDecidedHere(uint8 kind);

    /// @notice The parts do not contradict each other, or do not show what they are meant to.
    error NotProven();

    /// @notice A pair does not stand in the order of its encodings.
    error OutOfOrder();

    /// @notice The parts were signed by two keys.
    error TwoKeys(address one, address other);

    /// @notice Returns who is convicted; reverts when nobody is.
    function judge(bytes calldata evidence) external view returns (Verdict memory);
}
