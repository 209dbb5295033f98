// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Signatures} from "./Signatures.sol";

/// @title Reads the order that somebody's own word fixes, as docs/reference/evidence.md encodes it
library Orders {
    using Reader for bytes;

    uint256 private constant MAX_PAST = 1024;
    uint256 private constant MAX_LIST = 65_536;
    uint256 private constant MAX_OPENINGS = 4;
    uint256 private constant MAX_ITEMS = 1 << 20;
    uint256 private constant MAX_SIBLINGS = 20;
    uint8 private constant SLOT_HEADER = 3;
    uint8 private constant SLOT_RECORD = 4;
    uint8 private constant SLOT_COMMITMENT = 41;

    /// @notice An order that was checked against its signature, in one section of one slot.
    /// @param count items of the section; more may follow when it is not closed
    /// @param from number of the first item shown, `before` the running hash before it
    /// @param itemsAt where the hashes of `items` items stand
    /// @param openings how many elements are opened, at `indices`
    struct Order {
        address signer;
        bytes32 start;
        uint256 count;
        bool isClosed;
        uint256 from;
        bytes32 before;
        uint256 itemsAt;
        uint256 items;
        uint256 openings;
        uint256[4] indices;
        bytes32[4] elements;
    }

    /// @notice A commitment to a slot's order, with its signer.
    struct Commitment {
        address signer;
        SlotOrder.Slot slot;
        bytes32 hash;
    }

    /// How far a walk down closed slots has come: a slot with its parent, and how its section ended.
    struct Past {
        uint64 slot;
        bytes32 parent;
        uint256 count;
        bytes32 chain;
    }

    /// @notice What is shown does not lead to what was signed.
    error NotShown(uint256 position);

    /// @notice Reads everything that is shown about `section` of `slot`.
    function read(
        bytes calldata data,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        uint64 slot,
        uint8 section
    ) internal pure returns (Order memory order) {
        order.start = Promises.chainStart(domain, slot, section);
        if (data.flag(cursor)) _readOpenings(data, cursor, domain, slot, section, order);
        else _readItems(data, cursor, domain, slot, section, order);
    }

    /// @notice Returns the low bits of the running hash after `count` items, if they are shown.
    function elementAfter(bytes calldata data, Order memory order, uint256 count)
        internal
        pure
        returns (bool isShown, bytes32 element)
    {
        if (count == 0) return (true, SlotOrder.elementOf(order.start));
        for (uint256 i = 0; i < order.openings; i++) {
            if (order.indices[i] == count - 1) return (true, order.elements[i]);
        }
        if (order.openings != 0 || order.itemsAt == 0) return (false, 0);
        if (count < order.from || count - order.from > order.items) return (false, 0);
        return (true, SlotOrder.elementOf(_fold(data, order, count - order.from)));
    }

    /// @notice Reads a signed commitment to a slot's order.
    function readCommitment(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        internal
        pure
        returns (Commitment memory commitment)
    {
        uint256 pos = cursor.pos;
        SlotOrder.Slot memory slot = commitment.slot;
        slot.number = uint64(data.fixedNumber(cursor, 8));
        slot.sealedItems = uint32(data.fixedNumber(cursor, 4));
        slot.plaintextItems = uint32(data.fixedNumber(cursor, 4));
        uint256 total = uint256(slot.sealedItems) + slot.plaintextItems;
        slot.root = data.word(cursor);
        if (total > MAX_ITEMS || (total == 0 && slot.root != 0)) revert Reader.NotCanonical(pos);
        uint256 points = (total + SlotOrder.ELEMENTS_PER_COMMITMENT - 1) / SlotOrder.ELEMENTS_PER_COMMITMENT;
        data.raw(cursor, 48 * points);
        commitment.hash = Promises.hash(domain, SLOT_COMMITMENT, data[pos:cursor.pos]);
        commitment.signer = Signatures.signer(commitment.hash, data.raw(cursor, Signatures.LENGTH));
        if (commitment.signer == address(0)) revert Promises.BindsNobody(pos);
    }

    /// By items that lead to where the signer's own word says that the running chain stands.
    function _readItems(
        bytes calldata data,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        uint64 slot,
        uint8 section,
        Order memory order
    ) private pure {
        Promises.Promise memory word = Promises.read(data, cursor, domain);
        order.signer = word.signer;
        uint256 past = data.length32(cursor, MAX_PAST);
        bytes32 chain;
        if (past == 0) {
            (order.count, chain) = _said(word, slot, section, cursor.pos);
        } else {
            order.isClosed = true;
            (order.count, chain) = _closed(data, cursor, domain, word, past, slot, section);
        }
        order.from = data.number(cursor, 4);
        order.before = data.word(cursor);
        order.items = data.length32(cursor, MAX_LIST);
        order.itemsAt = cursor.pos;
        data.raw(cursor, 32 * order.items);
        bool starts = order.from != 0 || order.before == order.start;
        bool ends = order.from + order.items == order.count && _fold(data, order, order.items) == chain;
        if (!starts || !ends) revert NotShown(order.itemsAt);
    }

    /// What a word itself says of a section: of two claims the later one.
    function _said(Promises.Promise memory word, uint64 slot, uint8 section, uint256 pos)
        private
        pure
        returns (uint256 count, bytes32 chain)
    {
        bool isAbout = word.slot == slot && word.section == section;
        if (!isAbout) revert NotShown(pos);
        if (word.kind == Promises.CHECKPOINT) return (word.count, word.chain);
        if (word.index != type(uint32).max) return (uint256(word.index) + 1, word.chain);
        if (word.kind != Promises.ORDER) revert NotShown(pos);
        return (word.index, word.prevChain);
    }

    /// Walks from a checkpoint down closed slots, the last of which is the slot in question.
    function _closed(
        bytes calldata data,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        Promises.Promise memory word,
        uint256 past,
        uint64 slot,
        uint8 section
    ) private pure returns (uint256 count, bytes32 chain) {
        if (word.kind != Promises.CHECKPOINT) revert NotShown(cursor.pos);
        if (section != Promises.SEALED && section != Promises.PLAINTEXT) revert NotShown(cursor.pos);
        Past memory walk = Past(word.slot, word.parent, 0, 0);
        for (uint256 i = 0; i < past; i++) {
            _readPast(data, cursor, domain, section, walk);
        }
        if (walk.slot != slot) revert NotShown(cursor.pos);
        return (walk.count, walk.chain);
    }

    /// Takes the slot before that of `walk`: its header, and its record, which is the other's parent.
    function _readPast(
        bytes calldata data,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        uint8 section,
        Past memory walk
    ) private pure {
        uint256 pos = cursor.pos;
        (uint64 number, bytes32 before) = _readHeader(data, cursor);
        bytes32 header = Promises.hash(domain, SLOT_HEADER, data[pos:cursor.pos]);
        bytes calldata record = data.raw(cursor, 140);
        bool holds = Promises.hash(domain, SLOT_RECORD, record) == walk.parent && header == bytes32(record[:32]);
        if (!holds || uint256(number) + 1 != walk.slot) revert NotShown(pos);
        // Header 32, L1-born 4, then count 4 and chain 32 of the sealed and of the plaintext section; halts 32.
        uint256 place = section == Promises.SEALED ? 36 : 72;
        walk.count = uint32(bytes4(record[place:place + 4]));
        walk.chain = bytes32(record[place + 4:place + 36]);
        (walk.slot, walk.parent) = (number, before);
    }

    function _readHeader(bytes calldata data, Reader.Cursor memory cursor)
        private
        pure
        returns (uint64 number, bytes32 parent)
    {
        number = uint64(data.fixedNumber(cursor, 8));
        data.raw(cursor, 8);
        parent = data.word(cursor);
        uint256 available = data.length32(cursor, MAX_LIST);
        uint256 least = 0;
        for (uint256 i = 0; i < available; i++) {
            uint256 network = data.number(cursor, 4);
            if (network < least) revert Reader.NotCanonical(cursor.pos);
            least = network + 1;
        }
        data.raw(cursor, 16);
    }

    /// By openings of a signed commitment, which is about a closed slot.
    function _readOpenings(
        bytes calldata data,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        uint64 slot,
        uint8 section,
        Order memory order
    ) private pure {
        Commitment memory commitment = readCommitment(data, cursor, domain);
        if (commitment.slot.number != slot) revert NotShown(cursor.pos);
        order.signer = commitment.signer;
        order.isClosed = true;
        bool isSealed = section == Promises.SEALED;
        order.count = isSealed ? commitment.slot.sealedItems : commitment.slot.plaintextItems;
        order.openings = data.length32(cursor, MAX_OPENINGS);
        for (uint256 i = 0; i < order.openings; i++) {
            uint256 pos = cursor.pos;
            uint256 index = data.number(cursor, 4);
            if (i != 0 && index <= order.indices[i - 1]) revert Reader.NotCanonical(pos);
            (order.indices[i], order.elements[i]) = (index, _readElement(data, cursor));
            bytes32[] memory siblings = _readSiblings(data, cursor);
            if (index >= order.count) revert NotShown(pos);
            uint256 place = isSealed ? index : index + commitment.slot.sealedItems;
            uint256 total = uint256(commitment.slot.sealedItems) + commitment.slot.plaintextItems;
            bytes32 root = SlotOrder.rootOf(domain, order.elements[i], place, total, siblings);
            if (root != commitment.slot.root) revert NotShown(pos);
        }
    }

    function _readElement(bytes calldata data, Reader.Cursor memory cursor) private pure returns (bytes32 element) {
        element = data.word(cursor);
        if (element[0] != 0) revert Reader.NotCanonical(cursor.pos);
    }

    function _readSiblings(bytes calldata data, Reader.Cursor memory cursor)
        private
        pure
        returns (bytes32[] memory siblings)
    {
        siblings = new bytes32[](data.length32(cursor, MAX_SIBLINGS));
        for (uint256 i = 0; i < siblings.length; i++) {
            siblings[i] = data.word(cursor);
        }
    }

    function _fold(bytes calldata data, Order memory order, uint256 items) private pure returns (bytes32 chain) {
        chain = order.before;
        for (uint256 i = 0; i < items; i++) {
            uint256 pos = order.itemsAt + 32 * i;
            chain = Promises.chainNext(chain, uint32(order.from + i), bytes32(data[pos:pos + 32]));
        }
    }
}
