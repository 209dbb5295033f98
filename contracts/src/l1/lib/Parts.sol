// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RESERVED} from "../../interfaces/Addresses.sol";
import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Envelopes} from "./Envelopes.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Transactions} from "./Transactions.sol";

/// @title Reads parts: one leg of a bundle whose legs were sealed apart
/// @notice The result of the last part names the legs of others. What a part alone says of them is how many there are and
/// whose marker they sign; that is all that convicts here. A part of another epoch, one that its bundle's id does not commit
/// to, and one that breaks what its envelope declares are no items, as in `weft-evidence`.
library Parts {
    using Reader for bytes;

    /// Kind of an item.
    uint8 internal constant PART = 5;

    uint256 private constant MAX_SIBLINGS = 63;
    uint256 private constant MAX_BYTES = 1 << 24;

    uint8 private constant LEG_COMMITMENT = 15;
    uint8 private constant PARTED_BUNDLE = 16;

    /// @notice A part, with where the bytes of its transaction stand.
    /// @param legs how many legs its bundle has
    /// @param id of its bundle
    struct Part {
        uint256 index;
        uint256 legs;
        uint32 network;
        bool mayRevert;
        uint256 pos;
        uint256 length;
        bytes32 id;
    }

    /// @notice Tells whether a plaintext calls itself a part.
    function isOne(bytes calldata plaintext) internal pure returns (bool) {
        return plaintext.length > 1 && uint8(plaintext[0]) == 1 && uint8(plaintext[1]) == PART;
    }

    /// @notice Tells whether a leg of the part's own failed that may not, in a result that holds it.
    function isUnbundled(
        bytes calldata promised,
        Promises.Promise memory given,
        bytes calldata plaintext,
        Part memory part
    ) internal pure returns (bool) {
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
        Part memory part,
        bytes calldata other
    ) internal pure returns (bool) {
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
        return isNamed && !_isMarked(other, part.id);
    }

    /// @notice Reads a part of a bundle that can run in the epoch of its envelope.
    /// @dev Reverts with `Reader.NotCanonical` or `Transactions.NotATransaction` for what is none.
    function read(bytes calldata plaintext, SlotOrder.Domain memory domain, Envelopes.Terms memory terms)
        internal
        pure
        returns (Part memory part)
    {
        Reader.Cursor memory cursor = Reader.Cursor(2);
        bytes calldata head = plaintext.raw(cursor, 33);
        uint256 epochAt = cursor.pos;
        uint256 epoch = plaintext.number(cursor, 8);
        bytes calldata encodedEpoch = plaintext[epochAt:cursor.pos];
        part.index = plaintext.number(cursor, 2);
        bytes calldata blinding = plaintext.raw(cursor, 32);
        uint256 siblings = plaintext.length32(cursor, MAX_SIBLINGS);
        if (siblings == 0 || part.index > siblings) revert Reader.NotCanonical(cursor.pos);
        bytes calldata others = plaintext.raw(cursor, 32 * siblings);
        part.legs = siblings + 1;
        bytes32 commitment = _readLeg(plaintext, cursor, domain, terms, part, blinding);
        if (cursor.pos != plaintext.length) revert Reader.NotCanonical(cursor.pos);
        part.id = Promises.hashOf(
            domain,
            PARTED_BUNDLE,
            bytes.concat(
                head,
                encodedEpoch,
                Transactions.counted(part.legs),
                others[:32 * part.index],
                commitment,
                others[32 * part.index:]
            )
        );
        bool isOwn = epoch == terms.epoch && uint8(head[32]) < 3
            && _isMarked(plaintext[part.pos:part.pos + part.length], part.id);
        if (!isOwn) revert Reader.NotCanonical(epochAt);
    }

    /// Takes the leg, and returns the commitment to it.
    function _readLeg(
        bytes calldata plaintext,
        Reader.Cursor memory cursor,
        SlotOrder.Domain memory domain,
        Envelopes.Terms memory terms,
        Part memory part,
        bytes calldata blinding
    ) private pure returns (bytes32) {
        uint256 start = cursor.pos;
        part.network = uint32(plaintext.number(cursor, 4));
        bytes calldata network = plaintext[start:cursor.pos];
        part.mayRevert = plaintext.flag(cursor);
        part.length = plaintext.length32(cursor, MAX_BYTES);
        part.pos = cursor.pos;
        bytes calldata transaction = plaintext.raw(cursor, part.length);
        (uint256 gasLimit, bytes memory shape) = Transactions.shape(transaction);
        bool isKept = gasLimit <= terms.gasLimit && (!terms.isNamed || terms.rollup == part.network);
        if (!isKept) revert Reader.NotCanonical(start);
        return
            Promises.hashOf(
                domain, LEG_COMMITMENT, bytes.concat(blinding, network, shape, bytes1(part.mayRevert ? 1 : 0))
            );
    }

    /// Tells whether a transaction carries the marker of this bundle, and nothing else that is one.
    function _isMarked(bytes calldata transaction, bytes32 id) private pure returns (bool) {
        (uint256 count, bytes32 found) = Transactions.marker(transaction, RESERVED);
        return count == 1 && found == id;
    }

    function _isOwn(bytes calldata plaintext, Part memory part, Promises.Leg memory named) private pure returns (bool) {
        return
            named.network == part.network && keccak256(plaintext[part.pos:part.pos + part.length]) == named.transaction;
    }
}
