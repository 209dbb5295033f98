// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Reader} from "./Reader.sol";
import {Signatures} from "./Signatures.sol";

/// @title Reads promises as docs/reference/promises.md encodes them
library Promises {
    using Reader for bytes;

    uint8 internal constant ORDER = 0;
    uint8 internal constant EXECUTION = 1;
    uint8 internal constant CHECKPOINT = 2;

    uint8 internal constant L1_BORN = 0;
    uint8 internal constant SEALED = 1;
    uint8 internal constant PLAINTEXT = 2;

    uint8 private constant LANE_CHAIN = 5;
    uint8 private constant PROMISE_NODE = 12;
    uint8 private constant PROMISE_GROUP = 13;

    uint256 private constant MAX_GROUP = 4096;
    uint256 private constant MAX_LEGS = 1024;
    uint256 private constant CAUSES = 8;

    /// @notice A statement with its signer. What a kind does not say is zero.
    /// @param count of a checkpoint: items of the section
    /// @param statement hash of the encoded statement
    /// @param l1Deadline of an order: last L1 block by which the slot must be on L1
    /// @param legs where the legs of a result begin, and how many there are
    /// @param removed whether it is a removal, and `cause` why
    struct Promise {
        uint8 kind;
        address signer;
        uint64 slot;
        uint8 section;
        uint32 index;
        uint32 count;
        uint64 l1Deadline;
        bytes32 item;
        bytes32 prevChain;
        bytes32 chain;
        bytes32 l1Origin;
        bytes32 parent;
        bytes32 statement;
        uint256 legsAt;
        uint256 legs;
        bool removed;
        uint8 cause;
    }

    /// @notice One leg that a result names.
    struct Leg {
        uint16 leg;
        uint32 network;
        bytes32 transaction;
        bool success;
    }

    /// @notice Nobody made the signature, or nobody can keep the promise.
    error BindsNobody(uint256 position);

    /// @notice Reads a promise without its domain, checks it against itself and finds who signed.
    function read(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        internal
        pure
        returns (Promise memory given)
    {
        uint256 start = cursor.pos;
        given.kind = data.tag(cursor, CHECKPOINT);
        uint256 body = cursor.pos;
        if (given.kind == CHECKPOINT) _readCheckpoint(data, cursor, given);
        else _readItem(data, cursor, given);
        given.statement = keccak256(data[start:cursor.pos]);
        if (_isFlawed(given, domain)) revert BindsNobody(start);
        // The tags of the three kinds follow each other: 9, 10, 11.
        bytes32 leaf = keccak256(bytes.concat(_prefix(domain, 9 + given.kind), data[body:cursor.pos]));
        bytes32 digest = _readPath(data, cursor, domain, leaf);
        given.signer = Signatures.signer(digest, data.raw(cursor, Signatures.LENGTH));
        if (given.signer == address(0)) revert BindsNobody(start);
    }

    /// @notice Takes the next leg of a result.
    function readLeg(bytes calldata data, Reader.Cursor memory cursor) internal pure returns (Leg memory leg) {
        leg.leg = uint16(data.number(cursor, 2));
        leg.network = uint32(data.number(cursor, 4));
        leg.transaction = data.word(cursor);
        leg.success = data.flag(cursor);
        data.number(cursor, 8);
        data.raw(cursor, 64);
        data.number(cursor, 8);
        data.word(cursor);
    }

    /// @notice Takes whether a result is a removal, and what it says of that.
    function readRemoval(bytes calldata data, Reader.Cursor memory cursor)
        internal
        pure
        returns (bool removed, uint8 cause)
    {
        removed = data.flag(cursor);
        if (!removed) return (false, 0);
        cause = data.tag(cursor, CAUSES - 1);
        data.number(cursor, 4);
        data.number(cursor, 2);
        data.word(cursor);
    }

    /// @notice Returns where a section's running chain starts (P2).
    function chainStart(SlotOrder.Domain memory domain, uint64 slot, uint8 section) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_prefix(domain, LANE_CHAIN), abi.encodePacked(slot, section)));
    }

    /// @notice Returns the running hash after an item (P14).
    function chainNext(bytes32 before, uint32 index, bytes32 item) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(before, index, item));
    }

    /// @notice Takes version byte and domain of something that must belong to this realm, and tells whether it does.
    function isOf(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        internal
        pure
        returns (bool)
    {
        bytes memory head =
            abi.encodePacked(uint8(1), domain.version, domain.l1ChainId, domain.settlement, domain.realm);
        return keccak256(data.raw(cursor, head.length)) == keccak256(head);
    }

    /// @notice Returns `H(tag, body)`.
    function hash(SlotOrder.Domain memory domain, uint8 tag, bytes calldata body) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_prefix(domain, tag), body));
    }

    /// @notice Returns `H(tag, body)` of what is in memory.
    function hashOf(SlotOrder.Domain memory domain, uint8 tag, bytes memory body) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_prefix(domain, tag), body));
    }

    function _prefix(SlotOrder.Domain memory domain, uint8 tag) private pure returns (bytes memory) {
        return abi.encodePacked("weft", tag, domain.version, domain.l1ChainId, domain.settlement, domain.realm);
    }

    function _readItem(bytes calldata data, Reader.Cursor memory cursor, Promise memory given) private pure {
        given.slot = uint64(data.number(cursor, 8));
        given.section = data.tag(cursor, 3);
        given.index = uint32(data.number(cursor, 4));
        given.item = data.word(cursor);
        if (given.kind == ORDER) given.prevChain = data.word(cursor);
        given.chain = data.word(cursor);
        if (given.kind == ORDER) {
            data.number(cursor, 8);
            given.l1Deadline = uint64(data.number(cursor, 8));
            if (data.flag(cursor)) data.word(cursor);
            return;
        }
        given.l1Origin = data.word(cursor);
        given.legs = data.length32(cursor, MAX_LEGS);
        given.legsAt = cursor.pos;
        uint256 least = 0;
        for (uint256 i = 0; i < given.legs; i++) {
            uint256 leg = readLeg(data, cursor).leg;
            if (leg < least) revert Reader.NotCanonical(cursor.pos);
            least = leg + 1;
        }
        (given.removed, given.cause) = readRemoval(data, cursor);
    }

    function _readCheckpoint(bytes calldata data, Reader.Cursor memory cursor, Promise memory given) private pure {
        given.slot = uint64(data.number(cursor, 8));
        given.parent = data.word(cursor);
        given.section = data.tag(cursor, 3);
        given.count = uint32(data.number(cursor, 4));
        given.chain = data.word(cursor);
        data.number(cursor, 8);
    }

    function _isFlawed(Promise memory given, SlotOrder.Domain memory domain) private pure returns (bool) {
        bytes32 start = chainStart(domain, given.slot, given.section);
        if (given.kind == CHECKPOINT) return given.count == 0 && given.chain != start;
        if (given.kind == EXECUTION) return given.removed && given.legs != 0;
        if (given.section == L1_BORN) return given.prevChain != 0 || given.chain != 0;
        if (given.index == 0 && given.prevChain != start) return true;
        return given.chain != chainNext(given.prevChain, given.index, given.item);
    }

    /// Walks from a leaf to what its group's signature covers.
    function _readPath(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain, bytes32 leaf)
        private
        pure
        returns (bytes32)
    {
        uint256 pos = cursor.pos;
        uint256 place = data.fixedNumber(cursor, 2);
        uint256 count = data.fixedNumber(cursor, 2);
        uint256 siblings = data.length32(cursor, 12);
        if (place >= count || count > MAX_GROUP) revert BindsNobody(pos);
        bytes memory prefix = _prefix(domain, PROMISE_NODE);
        bytes32 node = leaf;
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            if (place ^ 1 < width) {
                if (siblings-- == 0) revert BindsNobody(pos);
                bytes32 sibling = data.word(cursor);
                (bytes32 left, bytes32 right) = place % 2 == 0 ? (node, sibling) : (sibling, node);
                node = keccak256(abi.encodePacked(prefix, left, right));
            }
            place /= 2;
        }
        if (siblings != 0) revert BindsNobody(pos);
        return keccak256(abi.encodePacked(_prefix(domain, PROMISE_GROUP), uint16(count), node));
    }
}
