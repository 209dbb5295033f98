// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CrossChainProxy} from "./CrossChainProxy.sol";
import {BRIDGE, RESERVED} from "./interfaces/Addresses.sol";
import {IManager, Status} from "./interfaces/IManager.sol";

/// @title Manager of the cross-chain proxies of a rollup (P20, P21, P25)
/// @notice Has no owner and no constructor: the network id lies in storage slot 0 at genesis, so that the code is the
/// same on every chain.
/// @dev Input of the reserved address, packed: kind (1) | network (8) | target (20) | source (20) | data. For kind 1
/// the data start with origin network (4) | origin token (20) | amount (32). A failure answers status (1) | payload.
/// Kind 2 is what a proxy asks by itself: kind (1) | source (20) | data; the executor takes network and target from the
/// registry of this contract.
contract Manager is IManager {
    uint8 private constant CALL = 0;
    uint8 private constant BRIDGED_CALL = 1;
    uint256 private constant REGISTERED = 1 << 255;

    /// @inheritdoc IManager
    uint64 public networkId;

    // Registered proxies, read by the executor: slot `uint160(proxy)` holds the `REGISTERED` bit | network (64 bits) << 160 | original. The
    // bit tells the proxy of (network 0, address 0) from no proxy. The address itself is the slot: proxies are CREATE2
    // addresses, so none can meet slot 0, and every crossing saves the hash that a mapping would take.

    /// @inheritdoc IManager
    function createCrossChainProxy(address original, uint64 network) external returns (address proxy) {
        proxy = computeCrossChainProxyAddress(original, network);
        if (_entry(proxy) != 0) return proxy;
        _requireForeign(network);
        uint256 entry = REGISTERED | uint256(network) << 160 | uint160(original);
        assembly ("memory-safe") {
            sstore(proxy, entry)
        }
        new CrossChainProxy{salt: keccak256(abi.encode(network, original))}();
        emit CrossChainProxyCreated(proxy, original, network);
    }

    /// @inheritdoc IManager
    function tryCall(uint64 network, address target, bytes calldata data)
        external
        payable
        returns (Status status, bytes memory result)
    {
        return _tryCall(network, target, gasleft(), data);
    }

    /// @inheritdoc IManager
    function tryCall(uint64 network, address target, uint256 gasLimit, bytes calldata data)
        external
        payable
        returns (Status status, bytes memory result)
    {
        return _tryCall(network, target, gasLimit, data);
    }

    /// @inheritdoc IManager
    function tryStaticCall(uint64 network, address target, bytes calldata data)
        external
        view
        returns (Status status, bytes memory result)
    {
        _requireForeign(network);
        (bool ok, bytes memory answer) = RESERVED.staticcall(_input(network, target, data));
        return _decode(ok, answer);
    }

    /// @inheritdoc IManager
    function bridgeCall(
        uint64 network,
        address target,
        uint32 originNetwork,
        address originToken,
        uint256 amount,
        bytes calldata data
    ) external payable returns (bytes memory result) {
        if (msg.sender != BRIDGE) revert OnlyBridge(msg.sender);
        _requireForeign(network);
        bytes memory input =
            abi.encodePacked(BRIDGED_CALL, network, target, msg.sender, originNetwork, originToken, amount, data);
        (bool ok, bytes memory answer) = RESERVED.call{value: msg.value}(input);
        Status status;
        (status, result) = _decode(ok, answer);
        if (status == Status.Reverted) _revertWith(result);
        if (status != Status.Ok) _raise(status, network);
    }

    /// @inheritdoc IManager
    function originalOf(address proxy) external view returns (address original, uint64 network) {
        uint256 entry = _entry(proxy);
        return (address(uint160(entry)), uint64(entry >> 160));
    }

    /// @inheritdoc IManager
    function isProxy(address account) external view returns (bool) {
        return _entry(account) != 0;
    }

    /// @inheritdoc IManager
    function computeCrossChainProxyAddress(address original, uint64 network) public view returns (address proxy) {
        bytes32 salt = keccak256(abi.encode(network, original));
        bytes32 initCodeHash = keccak256(type(CrossChainProxy).creationCode);
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", address(this), salt, initCodeHash));
        return address(uint160(uint256(hash)));
    }

    function _tryCall(uint64 network, address target, uint256 gasLimit, bytes calldata data)
        private
        returns (Status status, bytes memory result)
    {
        _requireForeign(network);
        (bool ok, bytes memory answer) = RESERVED.call{value: msg.value, gas: gasLimit}(_input(network, target, data));
        (status, result) = _decode(ok, answer);
        if (status != Status.Ok && msg.value != 0) {
            (bool refunded,) = msg.sender.call{value: msg.value}("");
            if (!refunded) revert RefundFailed(msg.sender, msg.value);
        }
    }

    function _input(uint64 network, address target, bytes calldata data) private view returns (bytes memory) {
        return abi.encodePacked(CALL, network, target, msg.sender, data);
    }

    function _entry(address proxy) private view returns (uint256 entry) {
        assembly ("memory-safe") {
            entry := sload(proxy)
        }
    }

    function _requireForeign(uint64 network) private view {
        if (network == networkId) revert SameNetwork(network);
    }

    /// Splits the answer of the reserved address. No data means that the gas did not suffice for the crossing itself.
    function _decode(bool ok, bytes memory answer) private pure returns (Status status, bytes memory payload) {
        if (ok) return (Status.Ok, answer);
        if (answer.length == 0) return (Status.OutOfGas, answer);
        status = Status(uint8(answer[0]));
        assembly ("memory-safe") {
            // Drops the status byte in place: the length word moves by one and covers it.
            payload := add(answer, 1)
            mstore(payload, sub(mload(answer), 1))
        }
    }

    /// Turns the failures that are not the callee's into their errors; a callee out of gas has no data.
    function _raise(Status status, uint64 network) private pure {
        if (status == Status.Unavailable) revert Unavailable(network);
        if (status == Status.NotProvisioned) revert NotProvisioned(network);
        if (status == Status.FeeTooLow) revert FeeTooLow(network);
        if (status == Status.Full) revert Full(network);
        if (status == Status.InsufficientEscrow) revert InsufficientEscrow(network);
        _revertWith("");
    }

    function _revertWith(bytes memory data) private pure {
        assembly ("memory-safe") {
            revert(add(data, 32), mload(data))
        }
    }
}
