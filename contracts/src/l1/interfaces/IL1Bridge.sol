// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Transfer} from "./IHub.sol";

/// @title Escrow of all rollups, and their way out (P42)
/// @notice Functions, events and trees are those of AggLayer's unified bridge. What leaves for a rollup of the realm also
/// becomes an inbox entry, so nobody needs to claim it there. A network is L1, number zero, or a rollup, by its chain id; only
/// global indices hold a rollup's place in the tree, which is one less than its id (`IHub.idOf`). Each rollup has its own balance of every token that is
/// foreign to it; nothing leaves that did not come in, whatever a policy accepts.
interface IL1Bridge {
    /// @notice A leaf was added to the tree of L1's exits.
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

    /// @notice An exit of a rollup was claimed.
    event ClaimEvent(
        uint256 globalIndex, uint32 originNetwork, address originAddress, address destinationAddress, uint256 amount
    );

    /// @notice The wrapped form of a rollup's token was deployed here.
    event NewWrappedToken(
        uint32 originNetwork, address originTokenAddress, address wrappedTokenAddress, bytes metadata
    );

    /// @notice There is a new global exit root.
    event GlobalExitRootUpdated(bytes32 indexed mainnetExitRoot, bytes32 indexed rollupExitRoot);

    /// @notice The rollup `network` has `balance` of a token that is foreign to it.
    event EscrowChanged(
        uint32 indexed network, uint32 indexed originNetwork, address indexed originToken, uint256 balance
    );

    error Unauthorized(address caller);
    error DestinationNetworkInvalid(uint32 network);
    error OriginNetworkInvalid(uint32 network);
    error AmountDoesNotMatchMsgValue(uint256 amount, uint256 value);
    error MsgValueNotZero();
    error NothingToBridge();

    /// @notice More than 128 bits hold: no rollup is credited more of a token at once, so that no sum exceeds 256 bits.
    error AmountTooLarge(uint256 amount);

    error MerkleTreeFull();
    error InvalidGlobalIndex(uint256 globalIndex);
    error GlobalExitRootInvalid(bytes32 globalExitRoot);
    error InvalidSmtProof();
    error AlreadyClaimed(uint256 globalIndex);
    error InsufficientEscrow(
        uint32 network, uint32 originNetwork, address originToken, uint256 balance, uint256 amount
    );
    error EtherTransferFailed(address to, uint256 amount);
    error MessageFailed();
    error InvalidTransfer(uint256 index);
    error InvalidToken(uint32 originNetwork, address originToken);
    error Reentered();
    error NotAPermit(bytes4 selector);

    /// @notice Sends `amount` of `token`, or ether for the zero address, to `destinationAddress` of a rollup.
    /// @param forceUpdateGlobalExitRoot whether the global exit root shall hold it at once
    /// @param permitData empty, or a call to the token's `permit` (EIP-2612)
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable;

    /// @notice Calls `onMessageReceived` of `destinationAddress` on a rollup, with the value of the call.
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable;

    /// @notice Pays out an exit of a rollup. Anybody may.
    function claimAsset(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot,
        bytes32 rollupExitRoot,
        uint32 originNetwork,
        address originTokenAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external;

    /// @notice Delivers a message of a rollup with its ether. Anybody may.
    function claimMessage(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot,
        bytes32 rollupExitRoot,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external;

    /// @notice Like `claimAsset` for an exit to L1, with the rollup's settled exit root and the siblings up to where the rest
    /// are roots of empty trees.
    function claimCompact(
        bytes32[] calldata siblings,
        uint256 globalIndex,
        uint32 originNetwork,
        address originTokenAddress,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external;

    /// @notice Writes the current global exit root, if it is not known yet.
    function updateGlobalExitRoot() external;

    /// @notice Takes note of a rollup's network and the value of the call into its escrow. Only the hub, once for each.
    function enroll(uint32 rollup, uint32 network) external payable;

    /// @notice Takes the value of the call into the rollup's escrow. Only the inbox.
    function fund(uint32 network) external payable;

    /// @notice Takes over exit roots and moves escrow between rollups. Only the hub.
    /// @return rollupExitRoot root over the exit roots of all rollups
    /// @param named rollups whose exit roots these are: bit `id - 1` for each
    /// @param roots their exit roots, in the order of their ids
    /// @param rollups number of rollups in the realm
    function settle(uint128 named, bytes32[] calldata roots, Transfer[] calldata transfers, uint32 rollups)
        external
        returns (bytes32 rollupExitRoot);

    /// @notice Pays `amount` of a token that left by a state proof. Only the escape hatch.
    function payExit(uint32 network, uint32 originNetwork, address originToken, address to, uint256 amount) external;

    /// @notice Returns whether leaf `leafIndex` of a network was claimed.
    function isClaimed(uint32 leafIndex, uint32 sourceBridgeNetwork) external view returns (bool);

    /// @notice Returns what a rollup may take out: its escrow of a token that is foreign to it.
    function escrowOf(uint32 network, uint32 originNetwork, address originToken) external view returns (uint256);

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

    /// @notice Returns the root of the tree of L1's exits.
    function getRoot() external view returns (bytes32);

    /// @notice Returns the number of L1's exits.
    function depositCount() external view returns (uint256);

    /// @notice Returns the number of L1's exits that the global exit root holds.
    function lastUpdatedDepositCount() external view returns (uint32);

    /// @notice Returns the root over the rollups' exit roots.
    function getRollupExitRoot() external view returns (bytes32);

    /// @notice Returns the last global exit root: `keccak(mainnet exit root || rollup exit root)`.
    function getLastGlobalExitRoot() external view returns (bytes32);

    /// @notice Returns the L1 block in which a global exit root became known; zero if it is none.
    function globalExitRootMap(bytes32 globalExitRoot) external view returns (uint256);

    /// @notice Returns the settled exit root of the rollup with this id.
    function exitRootOf(uint32 rollup) external view returns (bytes32);

    /// @notice Returns the address that the wrapped form of a token has or would have here.
    function computeTokenProxyAddress(uint32 originNetwork, address originTokenAddress) external view returns (address);

    /// @notice Returns the deployed wrapped form of a token; zero if there is none.
    function getTokenWrappedAddress(uint32 originNetwork, address originTokenAddress) external view returns (address);

    /// @notice Returns where a wrapped token of this bridge is native; zeros for any other address.
    function wrappedTokenToTokenInfo(address wrapped)
        external
        view
        returns (uint32 originNetwork, address originTokenAddress);

    /// @notice Returns the network of this bridge: 0.
    function networkID() external view returns (uint32);
}

/// @title Receives messages of a bridge
interface IBridgeMessageReceiver {
    /// @notice A message of `originAddress` on `originNetwork` arrived, with the value of the call.
    function onMessageReceived(address originAddress, uint32 originNetwork, bytes calldata data) external payable;
}
