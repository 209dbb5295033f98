// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE, DEAD_REGISTRY, MANAGER, RESERVED} from "../../src/interfaces/Addresses.sol";
import {IManager} from "../../src/interfaces/IManager.sol";
import {Artifacts} from "./Artifacts.sol";
import {vm} from "./Vm.sol";

/// Predeploys of network A, a stand-in for the executor, and helpers.
abstract contract Fixture {
    uint64 internal constant A = 901;
    uint64 internal constant B = 902;
    uint64 internal constant C = 903;

    uint256 internal constant REVERTED = 1;
    uint256 internal constant OUT_OF_GAS = 2;
    uint256 internal constant UNAVAILABLE = 3;
    uint256 internal constant ECHO = 100;
    uint256 internal constant SILENT = 101;
    uint256 internal constant BURN = 102;
    uint256 internal constant EMPTY = 103;

    IManager internal constant manager = IManager(MANAGER);

    address internal constant alice = address(uint160(0xa11ce));
    address internal constant bob = address(uint160(0xb0b));

    function setUp() public virtual {
        vm.etch(MANAGER, Artifacts.runtimeCode("Manager"));
        vm.etch(BRIDGE, Artifacts.runtimeCode("Bridge"));
        vm.etch(DEAD_REGISTRY, Artifacts.runtimeCode("DeadRegistry"));
        vm.etch(RESERVED, Artifacts.runtimeCode("Loopback"));
        vm.allowCheatcodes(RESERVED);
        enter(A);
    }

    receive() external payable {}

    /// Makes the state be that of `network` for what follows.
    function enter(uint64 network) internal {
        vm.store(MANAGER, 0, bytes32(uint256(network)));
    }

    /// Sets how the executor answers calls to `network`.
    function answer(uint64 network, uint256 mode) internal {
        vm.store(RESERVED, keccak256(abi.encode(network, uint256(0))), bytes32(mode));
    }

    function proxyOf(address original, uint64 network) internal returns (address) {
        return manager.createCrossChainProxy(original, network);
    }

    function assertEq(uint256 left, uint256 right) internal pure {
        if (left != right) revert(string.concat(text(left), " != ", text(right)));
    }

    function assertEq(address left, address right) internal pure {
        assertEq(uint160(left), uint160(right));
    }

    function assertEq(bytes memory left, bytes memory right) internal pure {
        require(keccak256(left) == keccak256(right), "bytes differ");
    }

    function assertTrue(bool fact) internal pure {
        require(fact, "not true");
    }

    function text(uint256 value) internal pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(bytes1(uint8(48 + value))));
        return string.concat(text(value / 10), text(value % 10));
    }
}
