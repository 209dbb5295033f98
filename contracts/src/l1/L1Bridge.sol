// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "../WrappedToken.sol";
import {BRIDGE} from "../interfaces/Addresses.sol";
import {IBridge} from "../interfaces/IBridge.sol";
import {IERC20} from "../interfaces/IERC20.sol";
import {SafeToken} from "../lib/SafeToken.sol";
import {TokenMetadata} from "../lib/TokenMetadata.sol";
import {IHub, Transfer} from "./interfaces/IHub.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IBridgeMessageReceiver, IL1Bridge} from "./interfaces/IL1Bridge.sol";
import {ExitTree} from "./lib/ExitTree.sol";
import {RollupTree} from "./lib/RollupTree.sol";

/// @title Escrow of all rollups, and their way out (P42)
/// @dev Invariant: of each token that is native on L1 the bridge holds at least the sum of the rollups' escrow, and of each
/// wrapped one at most what the others' escrow and L1 took from its network.
contract L1Bridge is IL1Bridge {
    using SafeToken for address;
    using TokenMetadata for address;
    using ExitTree for ExitTree.Frontier;
    using RollupTree for RollupTree.Nodes;

    uint8 private constant TRANSFER = 0;
    uint8 private constant MESSAGE = 1;
    /// What deliveries may use on the rollup, in units.
    uint64 private constant ETHER_GAS = 300_000;
    uint64 private constant TOKEN_GAS = 2_000_000;
    uint64 private constant MESSAGE_GAS = 1_000_000;
    bytes4 private constant PERMIT = 0xd505accf;

    struct Origin {
        uint32 network;
        address token;
    }

    /// Where an exit stands: in the tree of a rollup, which has a place in the tree of rollups.
    struct Place {
        uint32 network;
        uint32 rollup;
        uint32 leaf;
    }

    IHub private immutable hub;
    IInbox private immutable inbox;
    address private immutable escape;

    ExitTree.Frontier private tree;
    RollupTree.Nodes private exitRoots;
    bytes32 private mainnetExitRoot;
    bytes32 private rollupRoot;

    /// @inheritdoc IL1Bridge
    uint32 public lastUpdatedDepositCount;

    /// @inheritdoc IL1Bridge
    mapping(bytes32 root => uint256) public globalExitRootMap;

    /// What the hub says of rollups, kept here because every claim asks for it.
    mapping(uint32 rollup => uint32) private networks;
    mapping(uint256 word => uint256) private claimed;
    mapping(uint32 network => mapping(uint32 origin => mapping(address token => uint256))) private escrow;
    mapping(address wrapped => Origin) private origins;

    bool private transient locked;

    modifier only(address caller) {
        if (msg.sender != caller) revert Unauthorized(msg.sender);
        _;
    }

    /// Keeps a token or receiver that is called from having one arrival counted twice.
    modifier lock() {
        if (locked) revert Reentered();
        locked = true;
        _;
        locked = false;
    }

    constructor(IHub hub_, IInbox inbox_, address escape_) {
        (hub, inbox, escape) = (hub_, inbox_, escape_);
        rollupRoot = tree.root();
        mainnetExitRoot = rollupRoot;
    }

    /// @inheritdoc IL1Bridge
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable lock {
        if (destinationNetwork == 0) revert DestinationNetworkInvalid(0);
        if (token == address(0)) {
            _bridgeEther(destinationNetwork, destinationAddress, amount);
        } else {
            if (msg.value != 0) revert MsgValueNotZero();
            if (permitData.length != 0) _permit(token, permitData);
            _bridgeToken(destinationNetwork, destinationAddress, amount, token);
        }
        if (forceUpdateGlobalExitRoot) _updateMainnet();
    }

    /// @inheritdoc IL1Bridge
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable lock {
        if (destinationNetwork == 0) revert DestinationNetworkInvalid(0);
        _credit(destinationNetwork, 0, address(0), msg.value);
        bytes memory data = abi.encodeCall(IBridgeMessageReceiver.onMessageReceived, (msg.sender, 0, metadata));
        inbox.depositFromBridge(
            destinationNetwork, msg.sender, destinationAddress, msg.value, _gas(MESSAGE_GAS, data), data
        );
        _append(MESSAGE, 0, msg.sender, destinationNetwork, destinationAddress, msg.value, metadata);
        if (forceUpdateGlobalExitRoot) _updateMainnet();
    }

    /// @inheritdoc IL1Bridge
    function claimAsset(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot_,
        bytes32 rollupExitRoot_,
        uint32 originNetwork,
        address originTokenAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external lock {
        bytes32 leaf = getLeafValue(
            TRANSFER,
            originNetwork,
            originTokenAddress,
            destinationNetwork,
            destinationAddress,
            amount,
            keccak256(metadata)
        );
        Place memory place = _decode(globalIndex);
        _verify(smtProofLocalExitRoot, smtProofRollupExitRoot, place, mainnetExitRoot_, rollupExitRoot_, leaf);
        if (destinationNetwork != 0) revert DestinationNetworkInvalid(destinationNetwork);
        _claimAsset(place, globalIndex, originNetwork, originTokenAddress, destinationAddress, amount, metadata);
    }

    /// @inheritdoc IL1Bridge
    function claimMessage(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot_,
        bytes32 rollupExitRoot_,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external lock {
        bytes32 leaf = getLeafValue(
            MESSAGE, originNetwork, originAddress, destinationNetwork, destinationAddress, amount, keccak256(metadata)
        );
        Place memory place = _decode(globalIndex);
        _verify(smtProofLocalExitRoot, smtProofRollupExitRoot, place, mainnetExitRoot_, rollupExitRoot_, leaf);
        if (destinationNetwork != 0) revert DestinationNetworkInvalid(destinationNetwork);
        // A rollup speaks for its own accounts alone, whatever its policy lets it settle.
        if (originNetwork != place.network) revert OriginNetworkInvalid(originNetwork);
        _claim(place, globalIndex);
        _debit(place.network, 0, address(0), amount);
        emit ClaimEvent(globalIndex, originNetwork, originAddress, destinationAddress, amount);
        bytes memory data =
            abi.encodeCall(IBridgeMessageReceiver.onMessageReceived, (originAddress, originNetwork, metadata));
        (bool ok,) = destinationAddress.call{value: amount}(data);
        if (!ok) revert MessageFailed();
    }

    /// @inheritdoc IL1Bridge
    function claimCompact(
        bytes32[] calldata siblings,
        uint256 globalIndex,
        uint32 originNetwork,
        address originTokenAddress,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external lock {
        bytes32 leaf = getLeafValue(
            TRANSFER, originNetwork, originTokenAddress, 0, destinationAddress, amount, keccak256(metadata)
        );
        Place memory place = _decode(globalIndex);
        // Left of a leaf there are leaves, so an index above the siblings is nobody's.
        bool isPlace = siblings.length <= ExitTree.DEPTH && place.leaf >> siblings.length == 0;
        if (!isPlace || ExitTree.rootOfFirst(leaf, place.leaf, siblings) != exitRoots.leaf(place.rollup)) {
            revert InvalidSmtProof();
        }
        _claimAsset(place, globalIndex, originNetwork, originTokenAddress, destinationAddress, amount, metadata);
    }

    /// @inheritdoc IL1Bridge
    function updateGlobalExitRoot() external {
        if (lastUpdatedDepositCount < tree.count) _updateMainnet();
    }

    /// @inheritdoc IL1Bridge
    function enroll(uint32 rollup, uint32 network) external payable only(address(hub)) {
        networks[rollup] = network;
        _credit(network, 0, address(0), msg.value);
    }

    /// @inheritdoc IL1Bridge
    function fund(uint32 network) external payable {
        if (msg.sender != address(inbox)) revert Unauthorized(msg.sender);
        _credit(network, 0, address(0), msg.value);
    }

    /// @inheritdoc IL1Bridge
    function settle(uint128 named, bytes32[] calldata roots, Transfer[] calldata transfers, uint32 rollups)
        external
        only(address(hub))
        returns (bytes32 root)
    {
        for (uint256 i = 0; i < transfers.length; i++) {
            Transfer calldata transfer = transfers[i];
            bool isOrdered = i == 0 || _key(transfers[i - 1]) < _key(transfer);
            bool moves = transfer.from != transfer.to && transfer.amount != 0;
            if (!isOrdered || !moves) revert InvalidTransfer(i);
            _debit(transfer.from, transfer.originNetwork, transfer.originToken, transfer.amount);
            _credit(transfer.to, transfer.originNetwork, transfer.originToken, transfer.amount);
        }
        root = exitRoots.update(named, roots, rollups);
        if (root != rollupRoot) {
            rollupRoot = root;
            _updateGlobal();
        }
    }

    /// @inheritdoc IL1Bridge
    function payExit(uint32 network, uint32 originNetwork, address originToken, address to, uint256 amount)
        external
        only(escape)
        lock
    {
        _debit(network, originNetwork, originToken, amount);
        _pay(originNetwork, originToken, to, amount, "");
    }

    /// @inheritdoc IL1Bridge
    function isClaimed(uint32 leafIndex, uint32 sourceBridgeNetwork) external view returns (bool) {
        (uint256 word, uint256 bit) = _bit(leafIndex, sourceBridgeNetwork);
        return claimed[word] & bit != 0;
    }

    /// @inheritdoc IL1Bridge
    function escrowOf(uint32 network, uint32 originNetwork, address originToken) external view returns (uint256) {
        return escrow[network][originNetwork][originToken];
    }

    /// @inheritdoc IL1Bridge
    function getLeafValue(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes32 metadataHash
    ) public pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                leafType, originNetwork, originAddress, destinationNetwork, destinationAddress, amount, metadataHash
            )
        );
    }

    /// @inheritdoc IL1Bridge
    function getRoot() external view returns (bytes32) {
        return tree.root();
    }

    /// @inheritdoc IL1Bridge
    function depositCount() external view returns (uint256) {
        return tree.count;
    }

    /// @inheritdoc IL1Bridge
    function getRollupExitRoot() external view returns (bytes32) {
        return rollupRoot;
    }

    /// @inheritdoc IL1Bridge
    function getLastGlobalExitRoot() public view returns (bytes32) {
        return ExitTree.node(mainnetExitRoot, rollupRoot);
    }

    /// @inheritdoc IL1Bridge
    function exitRootOf(uint32 rollup) external view returns (bytes32) {
        return exitRoots.leaf(rollup);
    }

    /// @inheritdoc IL1Bridge
    function computeTokenProxyAddress(uint32 originNetwork, address originToken) public view returns (address) {
        bytes32 codeHash = keccak256(type(WrappedToken).creationCode);
        bytes32 salt = _salt(originNetwork, originToken);
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, codeHash)))));
    }

    /// @inheritdoc IL1Bridge
    function getTokenWrappedAddress(uint32 originNetwork, address originToken) external view returns (address) {
        address wrapped = computeTokenProxyAddress(originNetwork, originToken);
        return wrapped.code.length == 0 ? address(0) : wrapped;
    }

    /// @inheritdoc IL1Bridge
    function wrappedTokenToTokenInfo(address wrapped) external view returns (uint32, address) {
        Origin memory origin = origins[wrapped];
        return (origin.network, origin.token);
    }

    /// @inheritdoc IL1Bridge
    function networkID() external pure returns (uint32) {
        return 0;
    }

    function _bridgeEther(uint32 network, address to, uint256 amount) private {
        if (amount != msg.value) revert AmountDoesNotMatchMsgValue(amount, msg.value);
        if (amount == 0) revert NothingToBridge();
        _credit(network, 0, address(0), amount);
        bytes memory data = abi.encodeCall(IBridge.receiveEther, (to));
        inbox.depositFromBridge(network, msg.sender, BRIDGE, amount, ETHER_GAS, data);
        _append(TRANSFER, 0, address(0), network, to, amount, "");
    }

    function _bridgeToken(uint32 network, address to, uint256 asked, address token) private {
        Origin memory origin = origins[token];
        uint256 amount = asked;
        if (origin.token != address(0)) {
            WrappedToken(token).burn(msg.sender, amount);
        } else {
            origin = Origin(0, token);
            amount = _take(token, asked);
        }
        if (amount == 0) revert NothingToBridge();
        if (amount > type(uint128).max) revert AmountTooLarge(amount);
        _credit(network, origin.network, origin.token, amount);
        (string memory name, string memory symbol) = (token.text("name()"), token.text("symbol()"));
        uint8 decimals = token.decimals();
        bytes memory data =
            abi.encodeCall(IBridge.receiveToken, (origin.network, origin.token, amount, to, name, symbol, decimals));
        inbox.depositFromBridge(network, msg.sender, BRIDGE, 0, _gas(TOKEN_GAS, data), data);
        _append(TRANSFER, origin.network, origin.token, network, to, amount, abi.encode(name, symbol, decimals));
    }

    /// Takes `amount` from the caller and returns what arrived.
    function _take(address token, uint256 amount) private returns (uint256) {
        uint256 before = IERC20(token).balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        return IERC20(token).balanceOf(address(this)) - before;
    }

    function _permit(address token, bytes calldata data) private {
        if (data.length < 4 || bytes4(data) != PERMIT) revert NotAPermit(data.length < 4 ? bytes4(0) : bytes4(data));
        // Somebody may have used the permit already; then the allowance is there, or taking the tokens fails.
        (bool ok,) = token.call(data);
        ok;
    }

    function _append(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 network,
        address to,
        uint256 amount,
        bytes memory metadata
    ) private {
        bytes32 leaf = getLeafValue(leafType, originNetwork, originAddress, network, to, amount, keccak256(metadata));
        uint32 index = uint32(tree.append(leaf));
        emit BridgeEvent(leafType, originNetwork, originAddress, network, to, amount, metadata, index);
    }

    /// Checks that `leaf` is an exit of a rollup under a known global exit root.
    function _verify(
        bytes32[32] calldata local,
        bytes32[32] calldata rollups,
        Place memory place,
        bytes32 mainnet,
        bytes32 rollupExitRoot,
        bytes32 leaf
    ) private view {
        bytes32 global = ExitTree.node(mainnet, rollupExitRoot);
        if (globalExitRootMap[global] == 0) revert GlobalExitRootInvalid(global);
        bytes32 exitRoot = ExitTree.rootOf(leaf, place.leaf, local);
        if (ExitTree.rootOf(exitRoot, place.rollup - 1, rollups) != rollupExitRoot) revert InvalidSmtProof();
    }

    function _claimAsset(
        Place memory place,
        uint256 globalIndex,
        uint32 originNetwork,
        address originToken,
        address to,
        uint256 amount,
        bytes calldata metadata
    ) private {
        _claim(place, globalIndex);
        _debit(place.network, originNetwork, originToken, amount);
        emit ClaimEvent(globalIndex, originNetwork, originToken, to, amount);
        _pay(originNetwork, originToken, to, amount, metadata);
    }

    /// Notes that an exit is claimed.
    function _claim(Place memory place, uint256 globalIndex) private {
        (uint256 word, uint256 bit) = _bit(place.leaf, place.network);
        uint256 before = claimed[word];
        if (before & bit != 0) revert AlreadyClaimed(globalIndex);
        claimed[word] = before | bit;
    }

    function _pay(uint32 originNetwork, address originToken, address to, uint256 amount, bytes memory metadata)
        private
    {
        if (originNetwork != 0) {
            if (originToken == address(0)) revert InvalidToken(originNetwork, originToken);
            WrappedToken(_wrapped(originNetwork, originToken, metadata)).mint(to, amount);
        } else if (originToken != address(0)) {
            originToken.safeTransfer(to, amount);
        } else {
            (bool ok,) = to.call{value: amount}("");
            if (!ok) revert EtherTransferFailed(to, amount);
        }
    }

    /// Returns the wrapped form of a token and deploys it the first time.
    function _wrapped(uint32 originNetwork, address originToken, bytes memory metadata) private returns (address) {
        address wrapped = computeTokenProxyAddress(originNetwork, originToken);
        if (wrapped.code.length != 0) return wrapped;
        WrappedToken token = new WrappedToken{salt: _salt(originNetwork, originToken)}();
        origins[wrapped] = Origin(originNetwork, originToken);
        // What a rollup says of its token may be anything; names are a convenience.
        try this.decodeMetadata(metadata) returns (string memory name, string memory symbol, uint8 decimals) {
            token.initialize(name, symbol, decimals);
        } catch {
            token.initialize("", "", 18);
        }
        emit NewWrappedToken(originNetwork, originToken, wrapped, metadata);
        return wrapped;
    }

    /// @notice Splits the metadata of a token.
    function decodeMetadata(bytes calldata metadata) external pure returns (string memory, string memory, uint8) {
        return abi.decode(metadata, (string, string, uint8));
    }

    /// A network's own tokens are its own; of all others it has what came in.
    function _debit(uint32 network, uint32 originNetwork, address originToken, uint256 amount) private {
        if (originNetwork == network || amount == 0) return;
        uint256 balance = escrow[network][originNetwork][originToken];
        if (balance < amount) revert InsufficientEscrow(network, originNetwork, originToken, balance, amount);
        _setEscrow(network, originNetwork, originToken, balance - amount);
    }

    /// What exceeds 256 bits is nobody's: one token that lies about its amounts must not keep a batch from being settled.
    function _credit(uint32 network, uint32 originNetwork, address originToken, uint256 amount) private {
        if (originNetwork == network || amount == 0) return;
        uint256 balance = escrow[network][originNetwork][originToken];
        uint256 room = type(uint256).max - balance;
        _setEscrow(network, originNetwork, originToken, balance + (amount < room ? amount : room));
    }

    function _setEscrow(uint32 network, uint32 originNetwork, address originToken, uint256 balance) private {
        escrow[network][originNetwork][originToken] = balance;
        emit EscrowChanged(network, originNetwork, originToken, balance);
    }

    function _updateMainnet() private {
        mainnetExitRoot = tree.root();
        lastUpdatedDepositCount = uint32(tree.count);
        _updateGlobal();
    }

    function _updateGlobal() private {
        bytes32 root = getLastGlobalExitRoot();
        if (globalExitRootMap[root] != 0) return;
        globalExitRootMap[root] = block.number;
        emit GlobalExitRootUpdated(mainnetExitRoot, rollupRoot);
    }

    /// Splits a global index. Exits of L1 are not claimed on L1, and unused bits are zero.
    function _decode(uint256 globalIndex) private view returns (Place memory place) {
        uint256 rollupIndex = globalIndex >> 32;
        if (rollupIndex >= type(uint32).max) revert InvalidGlobalIndex(globalIndex);
        (place.rollup, place.leaf) = (uint32(rollupIndex) + 1, uint32(globalIndex));
        place.network = networks[place.rollup];
        if (place.network == 0) revert InvalidGlobalIndex(globalIndex);
    }

    function _bit(uint32 index, uint32 network) private pure returns (uint256 word, uint256 bit) {
        uint256 place = uint256(network) << 32 | index;
        return (place >> 8, 1 << (place & 0xff));
    }

    function _key(Transfer calldata transfer) private pure returns (uint256) {
        return uint256(transfer.from) << 224 | uint256(transfer.to) << 192 | uint256(transfer.originNetwork) << 160
            | uint160(transfer.originToken);
    }

    function _gas(uint64 base, bytes memory data) private pure returns (uint64) {
        return base + 16 * uint64(data.length);
    }

    function _salt(uint32 originNetwork, address originToken) private pure returns (bytes32) {
        return keccak256(abi.encode(originNetwork, originToken));
    }
}
