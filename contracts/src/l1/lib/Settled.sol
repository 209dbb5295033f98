// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Transition} from "../interfaces/IHub.sol";
import {SettledFate} from "../interfaces/ISlasher.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Realm} from "./Realm.sol";

/// @title Reads what is settled of an item, as `weft-statement` encodes it, and compares it with a promise
/// @notice A leaf of an outcome root is `H(72, position || item || list of the legs on its rollup || is removed || removal if
/// so)`, each as an execution promise holds it. The root is `H(74, number of leaves u64 || top)` over nodes `H(73, left ||
/// right)`; a node without a sibling moves up as it is.
library Settled {
    using Reader for bytes;

    uint8 private constant FATE = 72;
    uint8 private constant NODE = 73;
    uint8 private constant LIST = 74;
    uint256 private constant MAX_LEGS = 1024;

    /// EIP-2935: hashes of the last 8,191 blocks.
    address private constant BLOCK_HASHES = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice The leaf is not in the list, or no list has such a path.
    error NotInList();

    /// @notice Returns the digest of the statement, whose transitions are shown.
    function digestOf(SettledFate calldata fate, address hub, uint64 realm) internal view returns (bytes32) {
        bytes memory body = abi.encode(
            fate.firstBatch,
            fate.lastBatch,
            fate.batchHash,
            fate.programId,
            keccak256(abi.encode(fate.transitions)),
            fate.transfersHash
        );
        return Realm.hash(Realm.STATEMENT, hub, realm, body);
    }

    /// @notice Returns the outcome root of a list in which the leaf stands.
    function rootOf(SettledFate calldata fate, SlotOrder.Domain memory domain) internal pure returns (bytes32 node) {
        uint256 index = fate.index;
        if (index >= fate.count) revert NotInList();
        node = Promises.hash(domain, FATE, fate.leaf);
        uint256 used = 0;
        for (uint256 width = fate.count; width > 1; width = (width + 1) / 2) {
            if (index ^ 1 < width) {
                if (used == fate.siblings.length) revert NotInList();
                bytes32 sibling = fate.siblings[used++];
                (bytes32 left, bytes32 right) = index % 2 == 0 ? (node, sibling) : (sibling, node);
                node = Promises.hashOf(domain, NODE, abi.encodePacked(left, right));
            }
            index /= 2;
        }
        if (used != fate.siblings.length) revert NotInList();
        return Promises.hashOf(domain, LIST, abi.encodePacked(fate.count, node));
    }

    /// @notice Tells whether the leaf is about the promised item at the promised place, and says something else of it than
    /// the promise says of `network`.
    function differs(bytes calldata promised, Promises.Promise memory given, SettledFate calldata fate, uint32 network)
        internal
        pure
        returns (bool)
    {
        bytes calldata leaf = fate.leaf;
        Reader.Cursor memory cursor;
        bool isAbout = leaf.number(cursor, 8) == given.slot && leaf.tag(cursor, 3) == given.section
            && leaf.number(cursor, 4) == given.index && leaf.word(cursor) == given.item;
        if (!isAbout) return false;
        bytes32 legs = _legs(leaf, cursor, leaf.length32(cursor, MAX_LEGS), network);
        bytes32 removal = keccak256(leaf[cursor.pos:]);
        cursor.pos = given.legsAt;
        if (legs != _legs(promised, cursor, given.legs, network)) return true;
        uint256 from = cursor.pos;
        Promises.readRemoval(promised, cursor);
        return removal != keccak256(promised[from:cursor.pos]);
    }

    /// @notice Tells whether a promise that rests on this L1 block binds: void is what rests on another chain (P48).
    function isCanonical(bytes32 l1Origin, uint256 number) internal view returns (bool) {
        if (l1Origin == 0 || blockhash(number) == l1Origin) return true;
        (bool ok, bytes memory found) = BLOCK_HASHES.staticcall(abi.encode(number));
        return ok && found.length == 32 && bytes32(found) == l1Origin;
    }

    /// Takes `count` legs and returns a hash over those on `network`.
    function _legs(bytes calldata data, Reader.Cursor memory cursor, uint256 count, uint32 network)
        private
        pure
        returns (bytes32 running)
    {
        for (uint256 i = 0; i < count; i++) {
            uint256 from = cursor.pos;
            if (Promises.readLeg(data, cursor).network != network) continue;
            running = keccak256(abi.encodePacked(running, data[from:cursor.pos]));
        }
    }
}
