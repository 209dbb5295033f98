// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ExitTree} from "../../src/l1/lib/ExitTree.sol";
import {RollupTree} from "../../src/l1/lib/RollupTree.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {vm} from "../support/Vm.sol";

/// Leaves, trees and paths against `vectors/agglayer`, like `weft-settlement`.
contract AgglayerTest is L1Fixture {
    using ExitTree for ExitTree.Frontier;

    ExitTree.Frontier private tree;

    function test_p42_leavesAreThoseOfAgglayer() public view {
        string memory json = vm.readFile("../vectors/agglayer/leaf-vectors.json");
        for (uint256 i = 0; i < 4; i++) {
            string memory at_ = string.concat("$[", _digit(i), "].");
            bytes32 leaf = bridge.getLeafValue(
                0,
                uint32(vm.parseJsonUint(json, string.concat(at_, "originNetwork"))),
                address(bytes20(vm.parseJsonBytes(json, string.concat(at_, "tokenAddress")))),
                uint32(vm.parseJsonUint(json, string.concat(at_, "destinationNetwork"))),
                address(bytes20(vm.parseJsonBytes(json, string.concat(at_, "destinationAddress")))),
                vm.parseJsonUint(json, string.concat(at_, "amount")),
                keccak256(vm.parseJsonBytes(json, string.concat(at_, "metadata")))
            );
            assertEq(leaf, vm.parseJsonBytes32(json, string.concat(at_, "leafValue")));
        }
    }

    function test_p42_treesHaveTheRootsOfAgglayer() public {
        string memory json = vm.readFile("../vectors/agglayer/root-vectors.json");
        for (uint256 i = 0; i < 4; i++) {
            string memory at_ = string.concat("$[", _digit(i), "].");
            assertEq(tree.root(), vm.parseJsonBytes32(json, string.concat(at_, "currentRoot")));
            assertEq(tree.append(vm.parseJsonBytes32(json, string.concat(at_, "newLeaf.currentLeafValue"))), i);
            assertEq(tree.root(), vm.parseJsonBytes32(json, string.concat(at_, "newRoot")));
        }
    }

    function test_p42_pathsAreThoseOfAgglayer() public view {
        string memory json = vm.readFile("../vectors/agglayer/claim-vectors.json");
        for (uint256 i = 0; i < 4; i++) {
            string memory at_ = string.concat("$[", _digit(i), "].");
            uint256 index = vm.parseJsonUint(json, string.concat(at_, "index"));
            string memory leaf = string.concat(at_, "leafs[", _digit(index), "].leafValue");
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(at_, "proof"));
            bytes32[32] memory path;
            for (uint256 height = 0; height < 32; height++) {
                path[height] = proof[height];
            }
            bytes32 root = vm.parseJsonBytes32(json, string.concat(at_, "root"));
            assertEq(this.rootOf(vm.parseJsonBytes32(json, leaf), index, path), root);
            assertTrue(this.rootOf(vm.parseJsonBytes32(json, leaf), index ^ 1, path) != root);
        }
    }

    function rootOf(bytes32 leaf, uint256 index, bytes32[32] calldata path) external pure returns (bytes32) {
        return ExitTree.rootOf(leaf, index, path);
    }

    function _digit(uint256 value) private pure returns (string memory) {
        return string(abi.encodePacked(bytes1(uint8(48 + value))));
    }
}

/// The incremental tree of rollups against one that is built anew.
contract RollupTreeTest is L1Fixture {
    using ExitTree for ExitTree.Frontier;
    using RollupTree for RollupTree.Nodes;

    RollupTree.Nodes private nodes;
    ExitTree.Frontier private whole;
    mapping(uint256 rollup => bytes32) private roots;

    /// Realms grow, and batches change some rollups: the root is that of all leaves in one tree.
    function test_p42_theRollupTreeIsThatOfAllLeaves() public {
        uint256 rollups = 1;
        for (uint256 round = 0; round < 40; round++) {
            uint256 seed = uint256(keccak256(abi.encode(round)));
            uint128 named = uint128((seed >> 32) & (seed >> 160) & ((1 << rollups) - 1)) | 1;
            bytes32[] memory changed = new bytes32[](128);
            uint256 count = 0;
            for (uint256 i = 0; i < rollups; i++) {
                if ((named >> i) & 1 == 0) continue;
                changed[count++] = roots[i + 1] = bytes32(seed - i);
            }
            assembly {
                mstore(changed, count)
            }
            assertEq(this.update(named, changed, rollups), _rootOfAll(rollups));
            rollups += (seed >> 16) % 7;
            if (rollups > 128) rollups = 128;
        }
        assertTrue(rollups > 64);
    }

    function update(uint128 named, bytes32[] calldata changed, uint256 rollups) external returns (bytes32) {
        return nodes.update(named, changed, rollups);
    }

    function _rootOfAll(uint256 rollups) private returns (bytes32) {
        whole.count = 0;
        for (uint256 i = 1; i <= rollups; i++) {
            whole.append(roots[i]);
        }
        return whole.root();
    }
}
