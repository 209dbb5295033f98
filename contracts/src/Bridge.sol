// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "./WrappedToken.sol";
import {BRIDGE, MANAGER} from "./interfaces/Addresses.sol";
import {IBridge} from "./interfaces/IBridge.sol";
import {IERC20} from "./interfaces/IERC20.sol";
import {IManager} from "./interfaces/IManager.sol";
import {ExitTree} from "./l1/lib/ExitTree.sol";
import {SafeToken} from "./lib/SafeToken.sol";
import {TokenMetadata} from "./lib/TokenMetadata.sol";

/// @title Bridge predeploy (P24)
/// @dev Invariant: a token native here leaves the bridge only against the same amount taken in at another network,
/// which the executor checks as escrow of (network, token). Storage: slot 0 the origins of wrapped tokens, slot 1 the exit root,
/// which settlements read, slots 2 to 34 the exit tree, slots 35 and 36 what is held.
contract Bridge is IBridge {
    using SafeToken for address;
    using TokenMetadata for address;
    using ExitTree for ExitTree.Frontier;

    struct Origin {
        uint32 network;
        address token;
    }

    IManager private constant manager = IManager(MANAGER);
    uint8 private constant TRANSFER = 0;
    uint8 private constant MESSAGE = 1;
    bytes4 private constant PERMIT = 0xd505accf;

    mapping(address token => Origin) private origins;
    /// Root over all exits to L1; zero before the first one.
    bytes32 private exitRoot;
    ExitTree.Frontier private tree;
    uint256 private heldCount;
    /// Deliveries from L1 that failed, by number: the hash of what they were.
    mapping(uint256 number => bytes32) private held;

    bool private transient locking;
    /// True while the bridge calls itself in the place of L1's.
    bool private transient retrying;

    /// @inheritdoc IBridge
    function bridgeToken(uint64 network, address token, address to, uint256 amount) external {
        if (network == 0) return _exitToken(token, to, amount);
        Origin memory origin;
        (origin, amount) = _take(token, amount);
        emit TokenBridged(network, origin.network, origin.token, msg.sender, to, amount);
        bytes memory data = abi.encodeCall(
            this.receiveToken,
            (origin.network, origin.token, amount, to, token.text("name()"), token.text("symbol()"), token.decimals())
        );
        manager.bridgeCall(network, BRIDGE, origin.network, origin.token, amount, data);
    }

    /// @inheritdoc IBridge
    function bridgeEther(uint64 network, address to) external payable {
        if (network == 0) return _exitEther(to);
        emit EtherBridged(network, msg.sender, to, msg.value);
        address peer = manager.createCrossChainProxy(BRIDGE, network);
        IBridge(peer).receiveEther{value: msg.value}(to);
    }

    /// @inheritdoc IBridge
    function receiveToken(
        uint32 originNetwork,
        address originToken,
        uint256 amount,
        address to,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) external {
        uint64 network = _peerNetwork();
        address token = originToken;
        if (originNetwork == manager.networkId()) {
            token.safeTransfer(to, amount);
        } else {
            token = wrappedTokenAddress(originNetwork, originToken);
            if (origins[token].token == address(0)) _deploy(originNetwork, originToken, name, symbol, decimals);
            WrappedToken(token).mint(to, amount);
        }
        emit TokenReceived(network, token, to, amount);
    }

    /// @inheritdoc IBridge
    function receiveEther(address to) external payable {
        uint64 network = _peerNetwork();
        emit EtherReceived(network, to, msg.value);
        (bool ok,) = to.call{value: msg.value}("");
        if (!ok) revert EtherRefused(to, msg.value);
    }

    /// @inheritdoc IBridge
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable {
        forceUpdateGlobalExitRoot;
        if (destinationNetwork != 0) revert DestinationNetworkInvalid(destinationNetwork);
        if (token == address(0)) {
            if (msg.value != amount) revert AmountDoesNotMatchMsgValue(amount, msg.value);
            return _exitEther(destinationAddress);
        }
        if (msg.value != 0) revert MsgValueNotZero();
        if (permitData.length != 0) _permit(token, permitData);
        _exitToken(token, destinationAddress, amount);
    }

    /// @inheritdoc IBridge
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable {
        forceUpdateGlobalExitRoot;
        if (destinationNetwork != 0) revert DestinationNetworkInvalid(destinationNetwork);
        Origin memory sender = Origin(networkID(), msg.sender);
        _append(MESSAGE, sender, destinationAddress, msg.value, metadata);
        _leave(Origin(0, address(0)), 0, msg.value);
    }

    /// @inheritdoc IBridge
    function hold(address to, bytes calldata data) external payable {
        (address from, uint64 network) = manager.originalOf(msg.sender);
        if (network != 0 || !manager.isProxy(msg.sender)) revert OnlyL1(msg.sender);
        uint256 number = heldCount++;
        held[number] = _delivery(from, to, msg.value, data);
        emit DeliveryHeld(number, from, to, msg.value, data);
    }

    /// @inheritdoc IBridge
    function retry(uint256 number, address from, address to, uint256 value, bytes calldata data) external {
        if (held[number] != _delivery(from, to, value, data)) revert NotHeld(number);
        delete held[number];
        emit DeliveryReleased(number);
        if (from != BRIDGE) {
            (bool paid,) = to.call{value: value}("");
            // Whoever sent it has it back, if only on L1.
            if (!paid) _payL1(from, value);
            return;
        }
        retrying = to == BRIDGE;
        (bool ok, bytes memory answer) = to.call{value: value}(data);
        if (!ok) revert DeliveryFailed(answer);
    }

    /// @inheritdoc IBridge
    function exited(address account, uint32 originNetwork, address originToken, uint256 amount) external {
        uint64 network = _peerNetwork();
        if (network != 0) revert OnlyL1(msg.sender);
        if (originToken != address(0)) {
            address token = wrappedTokenAddress(originNetwork, originToken);
            uint256 balance = origins[token].token == address(0) ? 0 : IERC20(token).balanceOf(account);
            if (amount > balance) amount = balance;
            if (amount != 0) WrappedToken(token).burn(account, amount);
        }
        emit Exited(account, originNetwork, originToken, amount);
    }

    /// @inheritdoc IBridge
    function getRoot() external view returns (bytes32) {
        return tree.root();
    }

    /// @inheritdoc IBridge
    function depositCount() external view returns (uint256) {
        return tree.count;
    }

    /// @inheritdoc IBridge
    function networkID() public view returns (uint32) {
        return uint32(manager.networkId());
    }

    /// @inheritdoc IBridge
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

    /// @inheritdoc IBridge
    function originOf(address token) external view returns (uint32 originNetwork, address originToken) {
        Origin memory origin = origins[token];
        return (origin.network, origin.token);
    }

    /// @inheritdoc IBridge
    function wrappedTokenAddress(uint32 originNetwork, address originToken) public view returns (address) {
        bytes32 initCodeHash = keccak256(type(WrappedToken).creationCode);
        bytes32 hash =
            keccak256(abi.encodePacked(hex"ff", address(this), _salt(originNetwork, originToken), initCodeHash));
        return address(uint160(uint256(hash)));
    }

    function _exitEther(address to) private {
        if (msg.value == 0) revert NothingToBridge();
        _payL1(to, msg.value);
    }

    function _payL1(address to, uint256 amount) private {
        if (amount == 0) return;
        _append(TRANSFER, Origin(0, address(0)), to, amount, "");
        _leave(Origin(0, address(0)), 0, amount);
    }

    function _exitToken(address token, address to, uint256 asked) private {
        (Origin memory origin, uint256 amount) = _take(token, asked);
        if (amount == 0) revert NothingToBridge();
        bytes memory metadata = abi.encode(token.text("name()"), token.text("symbol()"), token.decimals());
        _append(TRANSFER, origin, to, amount, metadata);
        _leave(origin, amount, 0);
    }

    /// Adds an exit to L1 to the tree.
    function _append(uint8 leafType, Origin memory origin, address to, uint256 amount, bytes memory metadata) private {
        bytes32 leaf = getLeafValue(leafType, origin.network, origin.token, 0, to, amount, keccak256(metadata));
        uint32 index = uint32(tree.append(leaf));
        exitRoot = tree.root();
        emit BridgeEvent(leafType, origin.network, origin.token, 0, to, amount, metadata, index);
    }

    /// Takes `value` and `amount` of a token off this network: the executor books both (P24). Its hop names the root, and so
    /// the exit.
    function _leave(Origin memory token, uint256 amount, uint256 value) private {
        bytes memory data = abi.encodeWithSignature(
            "leave(uint32,address,uint256,bytes32)", token.network, token.token, amount, exitRoot
        );
        manager.bridgeCall{value: value}(0, BRIDGE, token.network, token.token, amount, data);
    }

    /// Takes a token in, or burns it when it is not at home here; returns where it is native and what arrived.
    function _take(address token, uint256 amount) private returns (Origin memory origin, uint256 taken) {
        origin = origins[token];
        if (origin.token != address(0)) {
            WrappedToken(token).burn(msg.sender, amount);
            return (origin, amount);
        }
        return (Origin(networkID(), token), _lock(token, amount));
    }

    function _permit(address token, bytes calldata data) private {
        if (data.length < 4 || bytes4(data) != PERMIT) revert NotAPermit(data.length < 4 ? bytes4(0) : bytes4(data));
        // Somebody may have used the permit already; then the allowance is there, or taking the tokens fails.
        (bool ok,) = token.call(data);
        ok;
    }

    function _delivery(address from, address to, uint256 value, bytes calldata data) private pure returns (bytes32) {
        return keccak256(abi.encode(from, to, value, keccak256(data)));
    }

    /// Takes `amount` from the caller and returns what arrived. The lock keeps a token that calls back during its
    /// transfer from having one arrival counted twice.
    function _lock(address token, uint256 amount) private returns (uint256) {
        if (locking) revert Reentered();
        locking = true;
        uint256 balance = IERC20(token).balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        locking = false;
        return IERC20(token).balanceOf(address(this)) - balance;
    }

    function _deploy(
        uint32 originNetwork,
        address originToken,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) private {
        WrappedToken token = new WrappedToken{salt: _salt(originNetwork, originToken)}();
        origins[address(token)] = Origin(originNetwork, originToken);
        token.initialize(name, symbol, decimals);
        emit WrappedTokenCreated(originNetwork, originToken, address(token));
    }

    /// Returns the network whose bridge is calling; reverts for any other caller.
    function _peerNetwork() private returns (uint64) {
        if (msg.sender == BRIDGE && retrying) {
            retrying = false;
            return 0;
        }
        (address original, uint64 network) = manager.originalOf(msg.sender);
        if (original != BRIDGE) revert OnlyPeerBridge(msg.sender);
        return network;
    }

    function _salt(uint32 originNetwork, address originToken) private pure returns (bytes32) {
        return keccak256(abi.encode(originNetwork, originToken));
    }
}
