// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// The cheatcodes of forge that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function allowCheatcodes(address account) external;
    function blobhashes(bytes32[] calldata hashes) external;
    function chainId(uint256 id) external;
    function coinbase(address beneficiary) external;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function expectEmit(address emitter) external;
    function expectRevert() external;
    function expectRevert(bytes calldata data) external;
    function getCode(string calldata path) external view returns (bytes memory code);
    function getDeployedCode(string calldata path) external view returns (bytes memory code);
    function getNonce(address account) external view returns (uint64);
    function getRecordedLogs() external returns (Log[] memory logs);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function prank(address caller) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function revertToState(uint256 id) external returns (bool);
    function roll(uint256 number) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotGasLastCall(string calldata name) external returns (uint256);
    function snapshotState() external returns (uint256 id);
    function startPrank(address caller) external;
    function stopPrank() external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function warp(uint256 timestamp) external;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
