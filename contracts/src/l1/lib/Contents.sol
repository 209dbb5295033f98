// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RESERVED} from "../../interfaces/Addresses.sol";
import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Transactions} from "./Transactions.sol";

/// @title Reads items in clear: a transaction, or a bundle
/// @notice Whether its transactions are valid is not looked at: nobody else than the accused promised results of the item,
/// and the honest promise none of an item that they cannot read.
library Contents {
    using Reader for bytes;

    uint8 private constant ITEM = 1;
    uint256 private constant MAX_LEGS = 64;
    uint256 private constant MAX_BYTES = 1 << 24;

    /// @notice An item, with where the bytes of its legs' transactions stand.
    struct Content {
        bytes32 hash;
        bool isBundle;
        Leg[] legs;
    }

    struct Leg {
        uint32 network;
        bool mayRevert;
        uint256 pos;
        uint256 length;
    }

    /// @notice Reads an item.
    function read(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        internal
        pure
        returns (Content memory content)
    {
        uint256 start = cursor.pos;
        content.isBundle = data.tag(cursor, 1) == 1;
        uint256 count = 1;
        if (content.isBundle) {
            data.word(cursor);
            data.tag(cursor, 2);
            data.word(cursor);
            count = data.length32(cursor, MAX_LEGS);
            if (count == 0) revert Reader.NotCanonical(cursor.pos);
        }
        content.legs = new Leg[](count);
        for (uint256 i = 0; i < count; i++) {
            Leg memory leg = content.legs[i];
            leg.network = uint32(data.number(cursor, 4));
            leg.mayRevert = data.flag(cursor);
            leg.length = data.length32(cursor, MAX_BYTES);
            leg.pos = cursor.pos;
            data.raw(cursor, leg.length);
        }
        content.hash = Promises.hash(domain, ITEM, data[start:cursor.pos]);
    }

    /// @notice Tells whether a result in `data` holds a marked transaction alone, or a bundle with a failed leg that may not
    /// fail. The bytes of the legs are in `item`.
    function isUnbundled(
        bytes calldata data,
        Promises.Promise memory given,
        bytes calldata item,
        Content memory content
    ) internal pure returns (bool) {
        if (!content.isBundle) {
            Leg memory single = content.legs[0];
            bytes calldata transaction = item[single.pos:single.pos + single.length];
            return given.legs != 0 && Transactions.isMarked(transaction, RESERVED);
        }
        Reader.Cursor memory cursor = Reader.Cursor(given.legsAt);
        for (uint256 i = 0; i < given.legs; i++) {
            Promises.Leg memory named = Promises.readLeg(data, cursor);
            bool isOwn = _isOwn(item, named, content);
            if (isOwn && !named.success && !content.legs[named.leg].mayRevert) return true;
        }
        return false;
    }

    /// @notice Tells whether a result in `data` names a leg that is none of the item's, the bytes of which are in `item`.
    function hasForeignLeg(
        bytes calldata data,
        Promises.Promise memory given,
        bytes calldata item,
        Content memory content
    ) internal pure returns (bool) {
        Reader.Cursor memory cursor = Reader.Cursor(given.legsAt);
        for (uint256 i = 0; i < given.legs; i++) {
            if (!_isOwn(item, Promises.readLeg(data, cursor), content)) return true;
        }
        return false;
    }

    function _isOwn(bytes calldata item, Promises.Leg memory named, Content memory content)
        private
        pure
        returns (bool)
    {
        if (named.leg >= content.legs.length) return false;
        Leg memory leg = content.legs[named.leg];
        return leg.network == named.network && keccak256(item[leg.pos:leg.pos + leg.length]) == named.transaction;
    }
}
