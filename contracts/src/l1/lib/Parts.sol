// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RESERVED} from "../../interfaces/Addresses.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Transactions} from "./Transactions.sol";

/// @title Reads parts: one leg of a bundle whose legs were sealed apart
/// @notice The result of the last part names the legs of others. What a part alone says of them is how many there are and
/// whose marker they sign; that is all that convicts here.
library Parts {
    using Reader for bytes;

    /// Kind of an item.
    uint8 internal constant PART = 5;

    uint256 private constant MAX_SIBLINGS = 63;
    uint256 private constant MAX_BYTES = 1 << 24;

    /// @notice A part, with where the bytes of its transaction stand.
    /// @param legs how many legs its bundle has
    struct Part {
        uint256 index;
        uint256 legs;
        uint32 network;
        bool mayRevert;
        uint256 pos;
        uint256 length;
    }

    /// @notice Tells whether a plaintext calls itself a part.
    function isOne(bytes calldata plaintext) internal pure returns (bool) {
        return plaintext.length > 1 && uint8(plaintext[0]) == 1 && uint8(plaintext[1]) == PART;
    }

    /// @notice Tells whether a leg of the part's own failed that may not, in a result that holds it.
    function isUnbundled(bytes calldata promised, Promises.Promise memory given, bytes calldata plaintext)
        internal
        pure
        returns (bool)
    {
        Part memory part = _read(plaintext);
        Reader.Cursor memory cursor = Reader.Cursor(given.legsAt);
        for (uint256 i = 0; i < given.legs; i++) {
            Promises.Leg memory named = Promises.readLeg(promised, cursor);
            if (named.leg != part.index) continue;
            return _isOwn(plaintext, part, named) && !named.success && !part.mayRevert;
        }
        return false;
    }

    /// @notice Tells whether a result names another transaction under the part's number, a number that the bundle does not
    /// have, or `other`, which does not sign the bundle's marker, for another part.
    /// @param other a signed transaction, or nothing
    function hasForeignLeg(
        bytes calldata promised,
        Promises.Promise memory given,
        bytes calldata plaintext,
        bytes calldata other
    ) internal pure returns (bool) {
        Part memory part = _read(plaintext);
        bytes32 hash = keccak256(other);
        bool isNamed = false;
        Reader.Cursor memory cursor = Reader.Cursor(given.legsAt);
        for (uint256 i = 0; i < given.legs; i++) {
            Promises.Leg memory named = Promises.readLeg(promised, cursor);
            if (named.leg == part.index) {
                if (!_isOwn(plaintext, part, named)) return true;
            } else if (named.leg >= part.legs) {
                return true;
            } else if (other.length != 0 && named.transaction == hash) {
                isNamed = true;
            }
        }
        return isNamed && _isOfAnother(plaintext[part.pos:part.pos + part.length], other);
    }

    /// Nobody is convicted for the sake of a part that carries its marker in an access list.
    function _isOfAnother(bytes calldata own, bytes calldata other) private pure returns (bool) {
        (bool isMarked, bytes32 id) = Transactions.suffix(own);
        return isMarked && !Transactions.isMarkedFor(other, RESERVED, id);
    }

    function _isOwn(bytes calldata plaintext, Part memory part, Promises.Leg memory named) private pure returns (bool) {
        return
            named.network == part.network && keccak256(plaintext[part.pos:part.pos + part.length]) == named.transaction;
    }

    function _read(bytes calldata plaintext) private pure returns (Part memory part) {
        Reader.Cursor memory cursor = Reader.Cursor(2);
        plaintext.word(cursor);
        plaintext.tag(cursor, 2);
        plaintext.number(cursor, 8);
        part.index = plaintext.number(cursor, 2);
        plaintext.word(cursor);
        uint256 siblings = plaintext.length32(cursor, MAX_SIBLINGS);
        if (siblings == 0 || part.index > siblings) revert Reader.NotCanonical(cursor.pos);
        plaintext.raw(cursor, 32 * siblings);
        part.legs = siblings + 1;
        part.network = uint32(plaintext.number(cursor, 4));
        part.mayRevert = plaintext.flag(cursor);
        part.length = plaintext.length32(cursor, MAX_BYTES);
        part.pos = cursor.pos;
        plaintext.raw(cursor, part.length);
        if (cursor.pos != plaintext.length) revert Reader.NotCanonical(cursor.pos);
    }
}
