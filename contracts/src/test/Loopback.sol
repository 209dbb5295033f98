// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MANAGER} from "../interfaces/Addresses.sol";
import {IManager} from "../interfaces/IManager.sol";

/// @notice The cheatcodes of forge that take the place of an executor.
interface IForge {
    function deal(address account, uint256 balance) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address caller) external;
    function store(address account, bytes32 slot, bytes32 value) external;
}

IForge constant vm = IForge(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

/// @title Stand-in for the executor at the reserved address, for tests in forge
/// @notice Runs the call in this same EVM as if it were the destination, with the network id of the manager changed for its time.
/// Contracts of all networks are in one state.
/// @dev Stands here because gas is measured with it, which is to be that of optimized code.
contract Loopback {
    event Crossed(bytes input);

    struct Hop {
        uint64 network;
        address target;
        address source;
        bytes data;
    }

    /// Slot 0: how to answer, by network. 0 runs the call, 1..7 fails with that status; the others
    /// show what arrived, fail without an answer, burn all gas, or answer nothing.
    mapping(uint64 network => uint256) private modes;

    uint256 private constant MODE_ECHO = 100;
    uint256 private constant MODE_SILENT = 101;
    uint256 private constant MODE_BURN = 102;
    uint256 private constant MODE_EMPTY = 103;

    fallback(bytes calldata input) external payable returns (bytes memory) {
        if (input.length == 0) {
            assembly {
                tstore(0, 0)
            }
            return "";
        }
        bool isProxy = input[0] == bytes1(uint8(2));
        Hop memory hop = isProxy ? _ofProxy(input) : _parse(input);
        uint256 mode = modes[hop.network];
        if (mode == 0) return _run(hop, isProxy);
        if (mode == MODE_ECHO) {
            bool isStatic = _isStatic();
            if (!isStatic) emit Crossed(input);
            return abi.encode(isStatic, msg.value, input);
        }
        if (mode == MODE_EMPTY) return "";
        if (mode == MODE_SILENT) _fail("");
        if (mode == MODE_BURN) while (true) {}
        if (isProxy) _fail(_bubble(mode, hop));
        _fail(abi.encodePacked(uint8(mode), mode == 1 ? hop.data : bytes("")));
    }

    /// What a registered proxy sends, completed from the registry (P21).
    function _ofProxy(bytes calldata input) private view returns (Hop memory hop) {
        (hop.target, hop.network) = IManager(MANAGER).originalOf(msg.sender);
        if (!IManager(MANAGER).isProxy(msg.sender)) revert IManager.DelegateCallToProxy(msg.sender);
        hop.source = address(bytes20(input[1:21]));
        hop.data = input[21:];
    }

    /// What a proxy answers for a failure (P25).
    function _bubble(uint256 mode, Hop memory hop) private pure returns (bytes memory) {
        if (mode == 1) return hop.data;
        bytes4[5] memory errors = [
            IManager.Unavailable.selector,
            IManager.NotProvisioned.selector,
            IManager.FeeTooLow.selector,
            IManager.Full.selector,
            IManager.InsufficientEscrow.selector
        ];
        return mode == 2 ? bytes("") : abi.encodeWithSelector(errors[mode - 3], hop.network);
    }

    function _parse(bytes calldata input) private pure returns (Hop memory hop) {
        uint256 header = input[0] == 0 ? 49 : 105;
        hop.network = uint64(bytes8(input[1:9]));
        hop.target = address(bytes20(input[9:29]));
        hop.source = address(bytes20(input[29:49]));
        hop.data = input[header:];
    }

    function _run(Hop memory hop, bool isProxy) private returns (bytes memory) {
        IManager manager = IManager(MANAGER);
        bytes32 home = vm.load(MANAGER, 0);
        if (_isStatic()) {
            // A static crossing deploys nothing.
            vm.store(MANAGER, 0, bytes32(uint256(hop.network)));
            address codeless = manager.computeCrossChainProxyAddress(hop.source, uint64(uint256(home)));
            vm.prank(codeless);
            (bool read, bytes memory answer) = hop.target.staticcall(hop.data);
            vm.store(MANAGER, 0, home);
            return _answer(read, answer, isProxy);
        }
        vm.store(MANAGER, 0, bytes32(uint256(hop.network)));
        address proxy = manager.createCrossChainProxy(hop.source, uint64(uint256(home)));
        vm.deal(address(this), address(this).balance - msg.value);
        vm.deal(proxy, proxy.balance + msg.value);
        vm.prank(proxy);
        (bool ok, bytes memory result) = hop.target.call{value: msg.value}(hop.data);
        // What the proxy was paid with a stipend moves home (P20).
        vm.deal(hop.source, hop.source.balance + proxy.balance);
        vm.deal(proxy, 0);
        vm.store(MANAGER, 0, home);
        return _answer(ok, result, isProxy);
    }

    function _answer(bool ok, bytes memory result, bool isProxy) private pure returns (bytes memory) {
        if (!ok) _fail(isProxy ? result : abi.encodePacked(uint8(1), result));
        return result;
    }

    function _isStatic() private returns (bool) {
        (bool writable,) = address(this).call{gas: 1000}("");
        return !writable;
    }

    function _fail(bytes memory data) private pure {
        assembly {
            revert(add(data, 32), mload(data))
        }
    }
}
