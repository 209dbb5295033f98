// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "../../src/interfaces/IERC20.sol";
import {Transfer} from "../../src/l1/interfaces/IHub.sol";
import {IBridgeMessageReceiver, IL1Bridge} from "../../src/l1/interfaces/IL1Bridge.sol";
import {ExitTree} from "../../src/l1/lib/ExitTree.sol";
import {RollupTree} from "../../src/l1/lib/RollupTree.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {Vm, vm} from "../support/Vm.sol";

/// Leaves, trees and paths against `vectors/agglayer`, like `weft-settlement`.
contract AgglayerTest is L1Fixture {
    using ExitTree for ExitTree.Frontier;

    struct Leaf {
        uint32 originNetwork;
        address origin;
        uint32 destinationNetwork;
        address destination;
        uint256 amount;
        bytes metadata;
    }

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

    /// `claimAsset` pays the vectors' leaf to L1 by its path, and refuses the others only because they lead elsewhere. The rollup
    /// is network 1, whose own token that leaf is about.
    function test_p42_claimAssetTakesThePathsOfAgglayer() public {
        register(1, policy, 0);
        string memory json = vm.readFile("../vectors/agglayer/claim-vectors.json");
        settleWith(1, vm.parseJsonBytes32(json, "$[0].root"), new Transfer[](0));
        bytes memory invalid = abi.encodeWithSelector(IL1Bridge.InvalidSmtProof.selector);
        uint256 paid = 0;
        for (uint256 i = 0; i < 4; i++) {
            Leaf memory leaf = _leafAt(json, string.concat("$[", _digit(i), "].leafs[", _digit(i), "]."));
            bytes32[32] memory path = _pathAt(json, string.concat("$[", _digit(i), "].proof"));
            _claimRefused(path, i ^ 1, leaf, invalid);
            leaf.amount++;
            _claimRefused(path, i, leaf, invalid);
            leaf.amount--;
            path[31] ^= bytes32(uint256(1));
            _claimRefused(path, i, leaf, invalid);
            path[31] ^= bytes32(uint256(1));
            if (leaf.destinationNetwork != 0) {
                bytes4 elsewhere = IL1Bridge.DestinationNetworkInvalid.selector;
                _claimRefused(path, i, leaf, abi.encodeWithSelector(elsewhere, leaf.destinationNetwork));
                continue;
            }
            this.claim(path, i, leaf);
            address wrapped = bridge.getTokenWrappedAddress(leaf.originNetwork, leaf.origin);
            assertEq(IERC20(wrapped).balanceOf(leaf.destination), leaf.amount);
            _claimRefused(path, i, leaf, abi.encodeWithSelector(IL1Bridge.AlreadyClaimed.selector, i));
            paid++;
        }
        assertEq(paid, 1);
    }

    /// An asset and a message to L1 behind the vectors' four leaves, in their tree, are paid and delivered.
    function test_p42_exitsBehindTheLeavesOfAgglayerAreClaimed() public {
        registerMany(2);
        string memory json = vm.readFile("../vectors/agglayer/claim-vectors.json");
        for (uint256 i = 0; i < 4; i++) {
            tree.append(vm.parseJsonBytes32(json, string.concat("$[0].leafs[", _digit(i), "].leafValue")));
        }
        Leaf memory asset = Leaf(0, address(0), 0, bob, 2 ether, "");
        Leaf memory message = Leaf(901, alice, 0, address(this), 1 ether, "message");
        bytes32[2] memory leaves = [_hashOf(0, asset), _hashOf(1, message)];
        bytes32[32] memory path;
        path[2] = tree.branch[2];
        bytes32[32] memory empty = _rollupPath();
        for (uint256 i = 1; i < 32; i++) {
            if (i != 2) path[i] = empty[i];
        }
        tree.append(leaves[0]);
        tree.append(leaves[1]);
        settleWith(1, tree.root(), new Transfer[](0));
        path[0] = leaves[1];
        this.claim(path, 4, asset);
        assertEq(bob.balance, 2 ether);
        path[0] = leaves[0];
        (bytes32 mainnet, bytes32 rollups) = _globalRoot();
        bridge.claimMessage(path, _rollupPath(), 5, mainnet, rollups, 901, alice, 0, address(this), 1 ether, "message");
        assertTrue(received == keccak256(abi.encode(alice, uint32(901), bytes("message"), 1 ether)));
        assertTrue(bridge.isClaimed(4, 901) && bridge.isClaimed(5, 901) && !bridge.isClaimed(3, 901));
    }

    bytes32 private received;

    function onMessageReceived(address origin, uint32 network, bytes calldata data) external payable {
        received = keccak256(abi.encode(origin, network, data, msg.value));
    }

    /// Selectors of what clients of the unified bridge call. `bridgeMessageWETH` and the exit root manager are not here.
    function test_selectorsAreThoseOfAgglayer() public view {
        string memory json = vm.readFile("../vectors/agglayer/abi-selectors.json");
        assertEq(_selector(json, "bridgeAsset"), IL1Bridge.bridgeAsset.selector);
        assertEq(_selector(json, "bridgeMessage"), IL1Bridge.bridgeMessage.selector);
        assertEq(_selector(json, "claimAsset"), IL1Bridge.claimAsset.selector);
        assertEq(_selector(json, "claimMessage"), IL1Bridge.claimMessage.selector);
        assertEq(_selector(json, "isClaimed"), IL1Bridge.isClaimed.selector);
        assertEq(_selector(json, "getRollupExitRoot"), IL1Bridge.getRollupExitRoot.selector);
        assertEq(_selector(json, "onMessageReceived"), IBridgeMessageReceiver.onMessageReceived.selector);
        assertEq(_topic(json, "BridgeEvent"), IL1Bridge.BridgeEvent.selector);
        assertEq(_topic(json, "ClaimEvent"), IL1Bridge.ClaimEvent.selector);
    }

    /// No argument of the bridge's two events is indexed: one topic, and all arguments in the data.
    function test_eventsAreLoggedAsAgglayerDoes() public {
        registerMany(2);
        bytes32 root = _hashOf(0, Leaf(0, address(0), 0, bob, 1 ether, ""));
        bytes32[32] memory empty = _rollupPath();
        for (uint256 i = 0; i < 32; i++) {
            root = ExitTree.node(root, empty[i]);
        }
        settleWith(1, root, new Transfer[](0));
        vm.recordLogs();
        bridge.bridgeAsset{value: 3}(901, bob, 3, address(0), false, "");
        bridge.claimCompact(new bytes32[](0), 0, 0, address(0), bob, 1 ether, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _isLogged(
            logs,
            IL1Bridge.BridgeEvent.selector,
            abi.encode(uint8(0), uint32(0), address(0), uint32(901), bob, uint256(3), bytes(""), uint32(0))
        );
        _isLogged(
            logs, IL1Bridge.ClaimEvent.selector, abi.encode(uint256(0), uint32(0), address(0), bob, uint256(1 ether))
        );
    }

    function claim(bytes32[32] calldata path, uint256 index, Leaf calldata leaf) external {
        (bytes32 mainnet, bytes32 rollups) = _globalRoot();
        bridge.claimAsset(
            path,
            _rollupPath(),
            index,
            mainnet,
            rollups,
            leaf.originNetwork,
            leaf.origin,
            leaf.destinationNetwork,
            leaf.destination,
            leaf.amount,
            leaf.metadata
        );
    }

    function rootOf(bytes32 leaf, uint256 index, bytes32[32] calldata path) external pure returns (bytes32) {
        return ExitTree.rootOf(leaf, index, path);
    }

    function _claimRefused(bytes32[32] memory path, uint256 index, Leaf memory leaf, bytes memory refusal) private {
        try this.claim(path, index, leaf) {
            revert("claimed");
        } catch (bytes memory error) {
            assertEq(keccak256(error), keccak256(refusal));
        }
    }

    function _isLogged(Vm.Log[] memory logs, bytes32 topic, bytes memory data) private view {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != address(bridge) || logs[i].topics[0] != topic) continue;
            assertEq(logs[i].topics.length, 1);
            assertEq(keccak256(logs[i].data), keccak256(data));
            return;
        }
        revert("not logged");
    }

    function _leafAt(string memory json, string memory at_) private pure returns (Leaf memory) {
        return Leaf(
            uint32(vm.parseJsonUint(json, string.concat(at_, "originNetwork"))),
            address(bytes20(vm.parseJsonBytes(json, string.concat(at_, "tokenAddress")))),
            uint32(vm.parseJsonUint(json, string.concat(at_, "destinationNetwork"))),
            address(bytes20(vm.parseJsonBytes(json, string.concat(at_, "destinationAddress")))),
            vm.parseJsonUint(json, string.concat(at_, "amount")),
            vm.parseJsonBytes(json, string.concat(at_, "metadata"))
        );
    }

    function _pathAt(string memory json, string memory key) private pure returns (bytes32[32] memory path) {
        bytes32[] memory proof = vm.parseJsonBytes32Array(json, key);
        for (uint256 height = 0; height < 32; height++) {
            path[height] = proof[height];
        }
    }

    function _hashOf(uint8 leafType, Leaf memory leaf) private view returns (bytes32) {
        return bridge.getLeafValue(
            leafType,
            leaf.originNetwork,
            leaf.origin,
            leaf.destinationNetwork,
            leaf.destination,
            leaf.amount,
            keccak256(leaf.metadata)
        );
    }

    /// Nothing was bridged from L1 with a forced update: the root of an empty tree.
    function _globalRoot() private view returns (bytes32 mainnet, bytes32 rollups) {
        for (uint256 i = 0; i < 32; i++) {
            mainnet = ExitTree.node(mainnet, mainnet);
        }
        rollups = bridge.getRollupExitRoot();
    }

    /// The way from rollup 1 to the rollup exit root; no other has exits.
    function _rollupPath() private pure returns (bytes32[32] memory path) {
        for (uint256 i = 1; i < 32; i++) {
            path[i] = ExitTree.node(path[i - 1], path[i - 1]);
        }
    }

    function _selector(string memory json, string memory name) private pure returns (bytes32) {
        return bytes32(vm.parseJsonBytes(json, string.concat(".functions.", name, ".selector")));
    }

    function _topic(string memory json, string memory name) private pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(".events.", name, ".topic0"));
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
