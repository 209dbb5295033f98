// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "./WrappedToken.sol";
import {BRIDGE, MANAGER} from "./interfaces/Addresses.sol";
import {IBridge} from "./interfaces/IBridge.sol";
import {IERC20} from "./interfaces/IERC20.sol";
import {IManager} from "./interfaces/IManager.sol";
import {SafeToken} from "./lib/SafeToken.sol";
import {TokenMetadata} from "./lib/TokenMetadata.sol";

/// @title Bridge predeploy (P24)
/// @dev Invariant: a token native here leaves the bridge only against the same amount taken in at another network,
/// which the executor checks as escrow of (network, token).
contract Bridge is IBridge {
    using SafeToken for address;
    using TokenMetadata for address;

    struct Origin {
        uint32 network;
        address token;
    }

    IManager private constant manager = IManager(MANAGER);

    mapping(address token => Origin) private origins;

    bool private transient locking;

    /// @inheritdoc IBridge
    function bridgeToken(uint64 network, address token, address to, uint256 amount) external {
        Origin memory origin = origins[token];
        if (origin.token != address(0)) {
            WrappedToken(token).burn(msg.sender, amount);
        } else {
            origin = Origin(uint32(manager.networkId()), token);
            amount = _lock(token, amount);
        }
        emit TokenBridged(network, origin.network, origin.token, msg.sender, to, amount);
        bytes memory data = abi.encodeCall(
            this.receiveToken,
            (origin.network, origin.token, amount, to, token.text("name()"), token.text("symbol()"), token.decimals())
        );
        manager.bridgeCall(network, BRIDGE, origin.network, origin.token, amount, data);
    }

    /// @inheritdoc IBridge
    function bridgeEther(uint64 network, address to) external payable {
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
    function _peerNetwork() private view returns (uint64) {
        (address original, uint64 network) = manager.originalOf(msg.sender);
        if (original != BRIDGE) revert OnlyPeerBridge(msg.sender);
        return network;
    }

    function _salt(uint32 originNetwork, address originToken) private pure returns (bytes32) {
        return keccak256(abi.encode(originNetwork, originToken));
    }
}
