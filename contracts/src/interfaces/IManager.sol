// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Outcome of a crossing (P25). Only `Reverted` and `OutOfGas` are outcomes of the callee.
enum Status {
    Ok,
    Reverted,
    OutOfGas,
    Unavailable,
    NotProvisioned,
    FeeTooLow,
    Full,
    InsufficientEscrow
}

/// @title Registry and factory of the cross-chain proxies, and calls that report their outcome (P20, P21, P25)
/// @notice Has the same interface on every network. On a rollup each crossing ends in one call to the reserved
/// address, which the executor intercepts. The errors below are raised here and, with the same encoding, by proxies.
interface IManager {
    /// @notice A proxy was deployed for `original` of `network`.
    event CrossChainProxyCreated(address indexed proxy, address indexed original, uint64 indexed network);

    /// @notice The network named is the one this manager runs on.
    error SameNetwork(uint64 network);

    /// @notice Code of a proxy ran as `context`, which is not a registered proxy: it was entered by DELEGATECALL.
    error DelegateCallToProxy(address context);

    /// @notice The function serves the bridge predeploy only.
    error OnlyBridge(address caller);

    /// @notice `to` refused the `amount` of wei that came back from a failed crossing.
    error RefundFailed(address to, uint256 amount);

    /// @notice The network does not execute at this position.
    error Unavailable(uint64 network);

    /// @notice No answer was provisioned for this call, or the network is unknown.
    error NotProvisioned(uint64 network);

    /// @notice The sender's gas price is below the base fee of the network.
    error FeeTooLow(uint64 network);

    /// @notice The block of the network has no gas left.
    error Full(uint64 network);

    /// @notice The value moved exceeds what this network holds in escrow for it.
    error InsufficientEscrow(uint64 network);

    /// @notice Deploys the proxy of `original` of `network`, or returns it where it exists. Anybody may call it.
    function createCrossChainProxy(address original, uint64 network) external returns (address proxy);

    /// @notice Calls `target` on `network` as the caller and reports how it went instead of reverting.
    /// @dev If the status is not `Ok` the value is returned to the caller with a plain call. Gas that the callee may
    /// not use is 1/64, as in any call.
    /// @return status how the crossing went
    /// @return result return data of the callee for `Ok`, its revert data for `Reverted`
    function tryCall(uint64 network, address target, bytes calldata data)
        external
        payable
        returns (Status status, bytes memory result);

    /// @notice Like the other `tryCall`, with at most `gasLimit` gas for the crossing.
    function tryCall(uint64 network, address target, uint256 gasLimit, bytes calldata data)
        external
        payable
        returns (Status status, bytes memory result);

    /// @notice Like `tryCall`, as a static call.
    function tryStaticCall(uint64 network, address target, bytes calldata data)
        external
        view
        returns (Status status, bytes memory result);

    /// @notice Calls `target` on `network` and moves `amount` of a token's escrow with the call (P24). Only the bridge
    /// predeploy may call it.
    function bridgeCall(
        uint64 network,
        address target,
        uint32 originNetwork,
        address originToken,
        uint256 amount,
        bytes calldata data
    ) external payable returns (bytes memory result);

    /// @notice Returns the address that the proxy of `original` of `network` has or would have here.
    function computeCrossChainProxyAddress(address original, uint64 network) external view returns (address proxy);

    /// @notice Returns the network this manager runs on.
    function networkId() external view returns (uint64);

    /// @notice Returns whom a proxy stands for; zeros if `proxy` is not a registered proxy.
    function originalOf(address proxy) external view returns (address original, uint64 network);

    /// @notice Returns whether `account` is a registered proxy.
    function isProxy(address account) external view returns (bool);
}
