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

    /// @notice An exit to L1 was added to the tree: AggLayer's event.
    event BridgeEvent(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes metadata,
        uint32 depositCount
    );

    /// @notice A delivery of `from` on L1 failed; anybody may retry it.
    event DeliveryHeld(uint256 indexed number, address indexed from, address indexed to, uint256 value, bytes data);

    /// @notice A delivery is not held any more.
    event DeliveryReleased(uint256 indexed number);

    /// @notice `amount` of a token left `account` by a state proof on L1 and was burned here.
    event Exited(address indexed account, uint32 indexed originNetwork, address indexed originToken, uint256 amount);

    error DestinationNetworkInvalid(uint32 network);
    error AmountDoesNotMatchMsgValue(uint256 amount, uint256 value);
    error MsgValueNotZero();
    error NothingToBridge();
    error NotAPermit(bytes4 selector);

    /// @notice The function serves L1 only.
    error OnlyL1(address caller);

    /// @notice No such delivery is held under this number.
    error NotHeld(uint256 number);

    /// @notice The delivery failed again.
    error DeliveryFailed(bytes answer);

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

    /// @notice Sends `amount` of `token`, or ether for the zero address, to L1, where it is claimed with a proof. AggLayer's
    /// function; other rollups are reached by `bridgeToken` and `bridgeEther`, without claims.
    /// @param destinationNetwork 0
    /// @param forceUpdateGlobalExitRoot without meaning here
    /// @param permitData empty, or a call to the token's `permit` (EIP-2612)
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable;

    /// @notice Sends a message to L1 with the value of the call, where it is claimed with a proof. AggLayer's function.
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable;

    /// @notice Holds a delivery from L1 that failed. The executor calls it in the name of the sender.
    function hold(address to, bytes calldata data) external payable;

    /// @notice Delivers again what is held. What L1's bridge sent is delivered again, a message as a call of this bridge; of anything
    /// else the value is paid to the receiver or, when it refuses, to the sender on L1.
    function retry(uint256 number, address from, address to, uint256 value, bytes calldata data) external;

    /// @notice Burns what left on L1 by a state proof, as far as it is there. Only L1's bridge.
    /// @param amount for ether what the executor burned already
    function exited(address account, uint32 originNetwork, address originToken, uint256 amount) external;

    /// @notice Returns the root of the tree of exits.
    function getRoot() external view returns (bytes32);

    /// @notice Returns the number of exits.
    function depositCount() external view returns (uint256);

    /// @notice Returns the network of this bridge.
    function networkID() external view returns (uint32);

    /// @notice Returns the hash of an exit.
    function getLeafValue(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes32 metadataHash
    ) external pure returns (bytes32);

    /// @notice Returns the address that the wrapped form of a token has or would have here.
    function wrappedTokenAddress(uint32 originNetwork, address originToken) external view returns (address);

    /// @notice Returns where a wrapped token of this bridge is native; zeros for any other address.
    function originOf(address token) external view returns (uint32 originNetwork, address originToken);
}
