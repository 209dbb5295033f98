// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../../lib/SlotOrder.sol";
import {Promises} from "./Promises.sol";
import {Reader} from "./Reader.sol";
import {Secp256k1} from "./Secp256k1.sol";

/// @title Reads envelopes and opens those under an epoch's key, as docs/reference/sealing.md has it (P11)
library Envelopes {
    using Reader for bytes;
    using Secp256k1 for Secp256k1.Point;

    uint8 internal constant EPOCH_KEY = 1;

    uint8 private constant SEALING = 30;
    uint8 private constant READABLE = 11;
    uint8 private constant ENVELOPE = 12;
    uint8 private constant COINS = 14;
    uint8 private constant SEED_MASK = 15;
    uint8 private constant STREAM = 16;
    uint256 private constant MAX_SIZE = 9;
    uint256 private constant MAX_GAS = 10;
    uint64 private constant LEAST_GAS = 32_768;

    /// @notice What was declared of the plaintext before anybody could read it.
    /// @param isNamed whether its rollup is, and `rollup` which
    /// @param gasLimit gas that its transactions may declare together
    struct Terms {
        uint64 epoch;
        bool isNamed;
        uint32 rollup;
        uint64 gasLimit;
    }

    /// @notice An envelope.
    /// @param id its hash, which is the item of promises about it
    /// @param readable hash of scheme, key and carriage
    /// @param body the padded plaintext under the seed's stream
    struct Envelope {
        bytes32 id;
        bytes32 readable;
        uint8 scheme;
        bytes32 key;
        address payer;
        Terms terms;
        uint64 validUntil;
        bytes head;
        bytes32 maskedSeed;
        bytes body;
    }

    /// @notice Reads an envelope, without version byte.
    function read(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        internal
        pure
        returns (Envelope memory envelope)
    {
        uint256 start = cursor.pos;
        envelope.scheme = data.tag(cursor, 4);
        if (envelope.scheme == 0 || envelope.scheme == 3) revert Reader.NotCanonical(start);
        envelope.key = data.word(cursor);
        envelope.payer = address(bytes20(data.raw(cursor, 20)));
        data.raw(cursor, 4);
        Terms memory terms = envelope.terms;
        terms.isNamed = data.flag(cursor);
        if (terms.isNamed) terms.rollup = uint32(data.fixedNumber(cursor, 4));
        terms.epoch = uint64(data.fixedNumber(cursor, 8));
        envelope.validUntil = uint64(data.fixedNumber(cursor, 8));
        uint256 size = 256 << data.tag(cursor, MAX_SIZE);
        terms.gasLimit = LEAST_GAS << data.tag(cursor, MAX_GAS);
        data.raw(cursor, 16);
        envelope.readable = _hash(domain, READABLE, _field(data[start:cursor.pos]));
        envelope.head = data.raw(cursor, envelope.scheme == EPOCH_KEY ? Secp256k1.LENGTH : 256);
        envelope.maskedSeed = data.word(cursor);
        envelope.body = data.raw(cursor, size);
        envelope.id = idOf(domain, data[start:cursor.pos]);
    }

    /// @notice Returns the hash of an envelope without its version byte.
    function idOf(SlotOrder.Domain memory domain, bytes calldata encoded) internal pure returns (bytes32) {
        return _hash(domain, ENVELOPE, _field(bytes.concat(hex"01", encoded)));
    }

    /// @notice Tells whether the envelope is the one of this seed under `key`, and returns what is in it, padded.
    function reseal(Envelope memory envelope, SlotOrder.Domain memory domain, Secp256k1.Point memory key, bytes32 seed)
        internal
        view
        returns (bool isSame, bytes memory padded)
    {
        uint256 exponent;
        (exponent, padded) = _exponent(envelope, domain, seed);
        bytes memory head = Secp256k1.generator().times(exponent);
        bytes32 masked = _mask(envelope, domain, head, key.times(exponent)) ^ seed;
        isSame = keccak256(head) == keccak256(envelope.head) && masked == envelope.maskedSeed;
    }

    /// @notice Tells whether some seed gives the envelope, by the secret of its key.
    function opens(Envelope memory envelope, SlotOrder.Domain memory domain, uint256 secret)
        internal
        view
        returns (bool)
    {
        (bool isPoint, Secp256k1.Point memory head) = Secp256k1.decode(envelope.head);
        if (!isPoint) return false;
        bytes32 seed = _mask(envelope, domain, envelope.head, head.times(secret)) ^ envelope.maskedSeed;
        (uint256 exponent,) = _exponent(envelope, domain, seed);
        // The head is the only part left to compare: seed and body were taken out of the rest.
        return keccak256(Secp256k1.generator().times(exponent)) == keccak256(envelope.head);
    }

    /// @notice Returns the plaintext of a padded one, and whether its length and its zeros are right.
    function unpad(bytes memory padded) internal pure returns (bool isPadded, bytes memory plaintext) {
        uint256 length = uint32(bytes4(padded));
        if (length > padded.length - 4) return (false, plaintext);
        for (uint256 pos = 4 + length; pos < padded.length; pos++) {
            if (padded[pos] != 0) return (false, plaintext);
        }
        plaintext = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(plaintext, 32), add(padded, 36), length)
        }
        return (true, plaintext);
    }

    /// Takes the plaintext out of the body; from it follows the exponent of the head.
    function _exponent(Envelope memory envelope, SlotOrder.Domain memory domain, bytes32 seed)
        private
        pure
        returns (uint256 exponent, bytes memory padded)
    {
        padded = bytes.concat(envelope.body);
        bytes memory fields = abi.encodePacked(uint32(32), envelope.readable, uint32(32), seed);
        _stream(_hash(domain, STREAM, fields), padded);
        bytes memory all = abi.encodePacked(fields, uint32(padded.length), padded);
        exponent = uint256(_hash(domain, COINS, all)) % Secp256k1.ORDER;
    }

    function _mask(Envelope memory envelope, SlotOrder.Domain memory domain, bytes memory head, bytes memory secret)
        private
        pure
        returns (bytes32)
    {
        bytes memory fields =
            abi.encodePacked(uint32(32), envelope.readable, uint32(head.length), head, uint32(secret.length), secret);
        return _hash(domain, SEED_MASK, fields);
    }

    /// Puts bytes under the stream of a key, or takes them out again. Bodies are whole words.
    function _stream(bytes32 key, bytes memory text) private pure {
        for (uint256 i = 0; i < text.length / 32; i++) {
            assembly ("memory-safe") {
                mstore(0, key)
                mstore(32, shl(224, i))
                let word := add(add(text, 32), mul(i, 32))
                mstore(word, xor(mload(word), keccak256(0, 36)))
            }
        }
    }

    function _field(bytes memory value) private pure returns (bytes memory) {
        return abi.encodePacked(uint32(value.length), value);
    }

    function _hash(SlotOrder.Domain memory domain, uint8 part, bytes memory fields) private pure returns (bytes32) {
        return Promises.hashOf(domain, SEALING, abi.encodePacked(part, fields));
    }
}
