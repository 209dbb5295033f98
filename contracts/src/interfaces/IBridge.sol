// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Moves tokens and ether between networks
/// @notice A token is locked where it is native and minted as a `WrappedToken` elsewhere; a wrapped token is burned and
/// released or minted at the other end. Both ends change in one transaction.
interface IBridge {
    /// @notice `amount` of a token left for `network`.
    /// @param originNetwork network on which the token is native
    /// @param originToken address of the token there
    event TokenBridged(
        uint64 indexed network,
        uint32 indexed originNetwork,
        address indexed originToken,
        address from,
        address to,
        uint256 amount
    );

    /// @notice `amount` of a token arrived from `network` and is now `token` here.
    event TokenReceived(uint64 indexed network, address indexed token, address indexed to, uint256 amount);

    /// @notice `amount` wei left for `network`.
    event EtherBridged(uint64 indexed network, address indexed from, address indexed to, uint256 amount);

    /// @notice `amount` wei arrived from `network`.
    event EtherReceived(uint64 indexed network, address indexed to, uint256 amount);

    /// @notice The wrapped form of a token was deployed here.
    event WrappedTokenCreated(uint32 indexed originNetwork, address indexed originToken, address token);

    /// @notice The function serves the bridges of other networks only.
    error OnlyPeerBridge(address caller);

    /// @notice A token was bridged from within its own transfer.
    error Reentered();

    /// @notice `to` refused `amount` wei.
    error EtherRefused(address to, uint256 amount);

    /// @notice Sends `amount` of the caller's `token` to `to` on `network`. The caller has approved the bridge, except
    /// for a wrapped token, which is burned without approval.
    /// @dev For a token that takes a fee on transfer, what arrived at the bridge is sent.
    function bridgeToken(uint64 network, address token, address to, uint256 amount) external;

    /// @notice Sends the call's value to `to` on `network`, whom the bridge there calls with it.
    function bridgeEther(uint64 network, address to) external payable;

    /// @notice Releases or mints what the bridge of another network took in. Only that bridge may call it.
    /// @dev Origin network, origin token and amount come first, in the order of the reserved call, so that an executor
    /// can compare them with the escrow that the call moves (P24).
    /// @param name name of the token at its origin, used when its wrapped form is deployed
    function receiveToken(
        uint32 originNetwork,
        address originToken,
        uint256 amount,
        address to,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) external;

    /// @notice Pays the call's value to `to`. Only the bridge of another network may call it.
    function receiveEther(address to) external payable;

    /// @notice Returns the address that the wrapped form of a token has or would have here.
    function wrappedTokenAddress(uint32 originNetwork, address originToken) external view returns (address);

    /// @notice Returns where a wrapped token of this bridge is native; zeros for any other address.
    function originOf(address token) external view returns (uint32 originNetwork, address originToken);
}
