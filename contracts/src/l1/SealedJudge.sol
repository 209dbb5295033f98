// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../lib/SlotOrder.sol";
import {IJudge, Verdict} from "./interfaces/IJudge.sol";
import {Contents} from "./lib/Contents.sol";
import {Envelopes} from "./lib/Envelopes.sol";
import {Parts} from "./lib/Parts.sol";
import {Promises} from "./lib/Promises.sol";
import {Reader} from "./lib/Reader.sol";
import {Realm} from "./lib/Realm.sol";
import {Secp256k1} from "./lib/Secp256k1.sol";
import {Signatures} from "./lib/Signatures.sol";
import {Transactions} from "./lib/Transactions.sol";

/// @title Decides evidence about sealed items (P11, P47)
/// @notice The part of the judge that a contract of 24,576 bytes has no room for. It says the same as `weft-evidence`, and is
/// the stricter of the two where an item is none: it convicts nobody whom the crate does not.
contract SealedJudge is IJudge {
    using Envelopes for Envelopes.Envelope;
    using Reader for bytes;
    using Secp256k1 for Secp256k1.Point;

    uint8 private constant CONVICTION = 44;
    uint8 private constant EPOCH_NOTICE = 42;
    /// Epoch 8, name of the list 32, key 33.
    uint256 private constant NOTICE_BYTES = 73;

    uint8 private constant UNBUNDLING = 6;
    uint8 private constant FALSE_VERDICT = 8;
    uint8 private constant WRONG_PLAINTEXT = 9;
    uint8 private constant STALE_INCLUSION = 10;

    /// Kinds of evidence; those of 6 and 8 are their faults' numbers.
    uint8 private constant WRONG_LEG = 7;
    uint8 private constant STALE = 9;
    uint8 private constant FALSE_OPENING = 14;

    /// Causes of a removal.
    uint8 private constant UNDECRYPTABLE = 2;
    uint8 private constant MALFORMED = 3;
    uint8 private constant LATE = 5;
    uint8 private constant REORGED = 7;

    /// Contents: an envelope, one beside a transaction, one beside that and a part.
    uint8 private constant BESIDE_TRANSACTION = 2;
    uint8 private constant BESIDE_PART = 3;
    uint256 private constant MAX_BYTES = 1 << 24;

    /// What a promise says of an envelope.
    struct Claim {
        SlotOrder.Domain domain;
        uint8 kind;
        uint8 content;
        Promises.Promise given;
        Envelopes.Envelope envelope;
    }

    address private immutable hub;
    uint64 private immutable realm;

    constructor(address hub_, uint64 realm_) {
        (hub, realm) = (hub_, realm_);
    }

    /// @inheritdoc IJudge
    function judge(bytes calldata evidence) external view returns (Verdict memory) {
        Claim memory claim;
        claim.domain = SlotOrder.Domain(Realm.VERSION, uint64(block.chainid), hub, realm);
        Reader.Cursor memory cursor;
        if (!Promises.isOf(evidence, cursor, claim.domain)) revert NotEvidence(0);
        claim.kind = uint8(evidence.fixedNumber(cursor, 1));
        _read(evidence, cursor, claim);
        uint8 fault;
        if (claim.kind == STALE) fault = _stale(claim);
        else if (claim.kind == FALSE_OPENING) fault = _falseOpening(evidence, cursor, claim);
        else fault = _content(evidence, cursor, claim);
        if (cursor.pos != evidence.length) revert NotEvidence(cursor.pos);
        return _convict(claim.domain, fault, claim.given);
    }

    /// @notice Tells whether a result is that of another item than `plaintext`, which is what an envelope held.
    /// @dev For calls by this contract: only so are bytes in memory read as bytes of a call, and what is no item is told.
    /// @param isUnbundling whether it is about the bundle, or about legs that are none of the item's
    /// @param terms what the envelope declares of what it holds
    /// @param promised bytes in which the legs of `given` stand
    /// @param other a transaction that stands in the result of a part for another leg, or nothing
    function isBroken(
        bool isUnbundling,
        Envelopes.Terms memory terms,
        bytes calldata promised,
        Promises.Promise memory given,
        bytes calldata plaintext,
        bytes calldata other
    ) external view returns (bool) {
        SlotOrder.Domain memory domain = SlotOrder.Domain(Realm.VERSION, uint64(block.chainid), hub, realm);
        if (Parts.isOne(plaintext)) {
            Parts.Part memory part = Parts.read(plaintext, domain, terms);
            return isUnbundling
                ? Parts.isUnbundled(promised, given, plaintext, part)
                : Parts.hasForeignLeg(promised, given, plaintext, part, other);
        }
        if (other.length != 0) revert NotProven();
        Reader.Cursor memory cursor;
        if (plaintext.fixedNumber(cursor, 1) != 1) revert Reader.NotCanonical(0);
        Contents.Content memory content = Contents.read(plaintext, cursor, domain);
        if (cursor.pos != plaintext.length) revert Reader.NotCanonical(cursor.pos);
        return isUnbundling
            ? Contents.isUnbundled(promised, given, plaintext, content)
            : Contents.hasForeignLeg(promised, given, plaintext, content);
    }

    /// Takes the promise and the envelope that it is about.
    function _read(bytes calldata data, Reader.Cursor memory cursor, Claim memory claim) private pure {
        uint8 kind = claim.kind;
        bool isAboutContent = kind == UNBUNDLING || kind == WRONG_LEG || kind == FALSE_VERDICT;
        if (!isAboutContent && kind != STALE && kind != FALSE_OPENING) revert NotDecidedHere(kind);
        claim.given = Promises.read(data, cursor, claim.domain);
        if (claim.given.kind != (kind == STALE ? Promises.ORDER : Promises.EXECUTION)) revert NotProven();
        // What is in clear has no verdict, and its legs are the other judge's.
        if (isAboutContent) claim.content = data.tag(cursor, BESIDE_PART);
        if (isAboutContent && claim.content == 0) revert NotProven();
        // What another part commits to takes its leg's sender and shape: the crate reads those, and so does who settles.
        if (claim.content == BESIDE_PART) revert NotDecidedHere(kind);
        claim.envelope = Envelopes.read(data, cursor, claim.domain);
        if (claim.envelope.id != claim.given.item) revert NotProven();
    }

    /// A place in the sealed section after the last slot that the payer allowed. An honest lane refuses such an envelope.
    function _stale(Claim memory claim) private pure returns (uint8) {
        bool isStale = claim.given.section == Promises.SEALED && claim.given.slot > claim.envelope.validUntil;
        if (!isStale) revert NotProven();
        return STALE_INCLUSION;
    }

    /// The secret of the key that the sequencer named, under which the envelope opens to nothing: an honest sequencer removes
    /// it as undecryptable, or unread.
    function _falseOpening(bytes calldata data, Reader.Cursor memory cursor, Claim memory claim)
        private
        view
        returns (uint8)
    {
        Secp256k1.Point memory key = _namedKey(data, cursor, claim);
        uint256 secret = uint256(data.word(cursor));
        bool isSecret = secret != 0 && secret < Secp256k1.ORDER
            && keccak256(Secp256k1.generator().times(secret)) == keccak256(key.encode());
        if (!isSecret) revert NotProven();
        uint8 cause = claim.given.cause;
        if (claim.given.removed && (cause == UNDECRYPTABLE || cause == LATE || cause == REORGED)) revert NotProven();
        if (claim.envelope.opens(claim.domain, secret)) revert NotProven();
        return claim.given.removed ? FALSE_VERDICT : WRONG_PLAINTEXT;
    }

    /// An envelope with the seed that gives it, beside a result of something else, or a verdict that the seed refutes.
    function _content(bytes calldata data, Reader.Cursor memory cursor, Claim memory claim)
        private
        view
        returns (uint8)
    {
        Secp256k1.Point memory key = _namedKey(data, cursor, claim);
        (bool isSame, bytes memory padded) = claim.envelope.reseal(claim.domain, key, data.word(cursor));
        if (!isSame) revert NotProven();
        bytes calldata other = data[:0];
        if (claim.content == BESIDE_TRANSACTION) {
            other = data.raw(cursor, data.length32(cursor, MAX_BYTES));
            if (other.length == 0 || claim.kind == FALSE_VERDICT) revert NotProven();
        }
        if (claim.kind == FALSE_VERDICT) {
            if (claim.given.removed && claim.given.cause == MALFORMED) revert NotDecidedHere(claim.kind);
            if (!claim.given.removed || claim.given.cause != UNDECRYPTABLE) revert NotProven();
            return FALSE_VERDICT;
        }
        if (!_isOfAnother(data, claim, padded, other)) revert NotProven();
        return claim.kind == UNBUNDLING ? UNBUNDLING : WRONG_PLAINTEXT;
    }

    /// What is no item has no legs: an honest result names none, and nothing is unbundled.
    function _isOfAnother(bytes calldata data, Claim memory claim, bytes memory padded, bytes calldata other)
        private
        view
        returns (bool)
    {
        bool isUnbundling = claim.kind == UNBUNDLING;
        bool isOfNothing = !isUnbundling && claim.given.legs != 0 && other.length == 0;
        (bool isPadded, bytes memory plaintext) = Envelopes.unpad(padded);
        if (!isPadded) return isOfNothing;
        try this.isBroken(isUnbundling, claim.envelope.terms, data, claim.given, plaintext, other) returns (
            bool isBroken_
        ) {
            return isBroken_;
        } catch (bytes memory reason) {
            // Only these errors say that the bytes are no item; a call that got too little gas says nothing.
            bytes4 why = bytes4(reason);
            if (why != Reader.NotCanonical.selector && why != Transactions.NotATransaction.selector) {
                revert NotProven();
            }
            return isOfNothing;
        }
    }

    /// Takes the accused's word about the key to which the envelope is sealed: without it anybody could seal to their own.
    function _namedKey(bytes calldata data, Reader.Cursor memory cursor, Claim memory claim)
        private
        view
        returns (Secp256k1.Point memory key)
    {
        uint256 start = cursor.pos;
        bytes calldata notice = data.raw(cursor, NOTICE_BYTES);
        bool isPoint;
        (isPoint, key) = Secp256k1.decode(notice[40:]);
        if (!isPoint) revert NotEvidence(start);
        bytes32 digest = Promises.hash(claim.domain, EPOCH_NOTICE, notice);
        address signer = Signatures.signer(digest, data.raw(cursor, Signatures.LENGTH));
        if (signer != claim.given.signer) revert TwoKeys(claim.given.signer, signer);
        bool isNamed = claim.envelope.scheme == Envelopes.EPOCH_KEY && claim.envelope.key == bytes32(notice[8:40])
            && claim.envelope.terms.epoch == uint64(bytes8(notice[:8]));
        if (!isNamed) revert NotProven();
    }

    function _convict(SlotOrder.Domain memory domain, uint8 fault, Promises.Promise memory given)
        private
        pure
        returns (Verdict memory)
    {
        bytes memory subject = abi.encodePacked(uint8(4), given.slot, given.section, given.index);
        bytes memory body = abi.encodePacked(fault, uint8(0), given.signer, subject);
        return Verdict(Promises.hashOf(domain, CONVICTION, body), given.signer, fault, false, given.item);
    }
}
