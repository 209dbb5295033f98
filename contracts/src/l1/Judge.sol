// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../lib/SlotOrder.sol";
import {SealedJudge} from "./SealedJudge.sol";
import {IJudge, Verdict} from "./interfaces/IJudge.sol";
import {Contents} from "./lib/Contents.sol";
import {Orders} from "./lib/Orders.sol";
import {Promises} from "./lib/Promises.sol";
import {Reader} from "./lib/Reader.sol";
import {Realm} from "./lib/Realm.sol";
import {Secp256k1} from "./lib/Secp256k1.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @title Decides evidence (P47)
/// @dev Says the same as `weft-evidence`, check by check; `vectors/evidence` holds both to it.
contract Judge is IJudge {
    using Reader for bytes;

    uint8 private constant CONVICTION = 44;
    uint8 private constant EPOCH_NOTICE = 42;
    uint8 private constant SEALING = 30;
    uint8 private constant RELEASE = 10;
    uint8 private constant ANNOUNCEMENT = 19;

    uint256 private constant SHARE_BYTES = 1203;

    uint8 private constant ORDER_EQUIVOCATION = 1;
    uint8 private constant RESULT_EQUIVOCATION = 2;
    uint8 private constant OMISSION = 3;
    uint8 private constant INSERTION = 4;
    uint8 private constant REORDERING = 5;
    uint8 private constant UNBUNDLING = 6;
    uint8 private constant WRONG_RESULT = 7;
    uint8 private constant KEY_LIST_EQUIVOCATION = 11;
    uint8 private constant SHARE_EQUIVOCATION = 12;
    uint8 private constant RELEASE_EQUIVOCATION = 14;

    address private immutable hub;
    uint64 private immutable realm;
    IJudge private immutable sealedJudge;

    constructor(address hub_, uint64 realm_) {
        (hub, realm) = (hub_, realm_);
        sealedJudge = new SealedJudge(hub_, realm_);
    }

    /// @inheritdoc IJudge
    function judge(bytes calldata evidence) external view returns (Verdict memory verdict) {
        SlotOrder.Domain memory domain = SlotOrder.Domain(Realm.VERSION, uint64(block.chainid), hub, realm);
        Reader.Cursor memory cursor;
        if (!Promises.isOf(evidence, cursor, domain)) revert NotEvidence(0);
        uint8 kind = uint8(evidence.fixedNumber(cursor, 1));
        if (kind == 1) verdict = _promises(evidence, cursor, domain);
        else if (kind == 2) verdict = _commitments(evidence, cursor, domain);
        else if (kind >= 3 && kind <= 5) verdict = _broken(evidence, cursor, domain, kind);
        else if (kind == 6 || kind == 7) verdict = _result(evidence, cursor, domain, kind);
        else if (kind == 10) verdict = _keys(evidence, cursor, domain);
        else if (kind == 11) verdict = _shares(evidence, cursor, domain);
        else if (kind == 13) verdict = _releases(evidence, cursor, domain);
        else return sealedJudge.judge(evidence);
        if (cursor.pos != evidence.length) revert NotEvidence(cursor.pos);
    }

    /// Two promises. An honest key signs each position once, so its statements agree on every claim.
    function _promises(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        private
        pure
        returns (Verdict memory)
    {
        uint256 first = cursor.pos;
        Promises.Promise memory one = Promises.read(data, cursor, domain);
        uint256 second = cursor.pos;
        Promises.Promise memory other = Promises.read(data, cursor, domain);
        _checkPair(data, first, second, cursor.pos, one.signer, other.signer);
        (bool found, bytes memory claim) = _contradiction(one, other);
        if (found) return _convict(domain, ORDER_EQUIVOCATION, one.signer, claim, one.item);
        // P48: results on two L1 blocks may differ; one of the blocks is not canonical.
        bool isSame = one.kind == Promises.EXECUTION && other.kind == Promises.EXECUTION && one.slot == other.slot
            && one.section == other.section && one.index == other.index && one.l1Origin == other.l1Origin;
        if (!isSame || one.statement == other.statement) revert NotProven();
        return _convict(domain, RESULT_EQUIVOCATION, one.signer, _position(one), one.item);
    }

    /// Two commitments. A slot has one order, so an honest key signs one commitment to it.
    function _commitments(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        private
        pure
        returns (Verdict memory)
    {
        uint256 first = cursor.pos;
        Orders.Commitment memory one = Orders.readCommitment(data, cursor, domain);
        uint256 second = cursor.pos;
        Orders.Commitment memory other = Orders.readCommitment(data, cursor, domain);
        _checkPair(data, first, second, cursor.pos, one.signer, other.signer);
        if (one.slot.number != other.slot.number || one.hash == other.hash) revert NotProven();
        return _convict(domain, ORDER_EQUIVOCATION, one.signer, abi.encodePacked(uint8(3), one.slot.number), 0);
    }

    /// An order promise beside an order of the same key that does not keep it: kinds 3, 4, 5 are the faults of that number.
    function _broken(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain, uint8 kind)
        private
        pure
        returns (Verdict memory)
    {
        Promises.Promise memory given = Promises.read(data, cursor, domain);
        bool hasChain = given.section == Promises.SEALED || given.section == Promises.PLAINTEXT;
        if (given.kind != Promises.ORDER || !hasChain) revert NotProven();
        Orders.Order memory order = Orders.read(data, cursor, domain, given.slot, given.section);
        if (given.signer != order.signer) revert TwoKeys(given.signer, order.signer);
        if (kind == OMISSION) _checkOmission(data, given, order);
        else if (kind == INSERTION) _checkInsertion(data, given, order);
        else _checkReordering(data, cursor, given, order);
        return _convict(domain, kind, given.signer, _position(given), given.item);
    }

    /// The place is behind the end of a closed section; or everything before it is as promised, and another item has it.
    function _checkOmission(bytes calldata data, Promises.Promise memory given, Orders.Order memory order)
        private
        pure
    {
        if (given.index >= order.count) {
            if (!order.isClosed) revert NotProven();
            return;
        }
        (bool isShown, bytes32 element) = Orders.elementAfter(data, order, given.index);
        if (!isShown || element != SlotOrder.elementOf(given.prevChain)) revert NotProven();
        _checkPlace(data, given, order);
    }

    /// What stands before the place is not what was promised.
    function _checkInsertion(bytes calldata data, Promises.Promise memory given, Orders.Order memory order)
        private
        pure
    {
        (bool isShown, bytes32 element) = Orders.elementAfter(data, order, given.index);
        if (!isShown || element == SlotOrder.elementOf(given.prevChain)) revert NotProven();
    }

    /// The item stands elsewhere in the section, and its place is not as promised.
    function _checkReordering(
        bytes calldata data,
        Reader.Cursor memory cursor,
        Promises.Promise memory given,
        Orders.Order memory order
    ) private pure {
        uint32 index = uint32(data.number(cursor, 4));
        bytes32 before = data.word(cursor);
        if (index == given.index || uint256(index) + 1 > order.count) revert NotProven();
        (bool isShown, bytes32 element) = Orders.elementAfter(data, order, index);
        if (!isShown || element != SlotOrder.elementOf(before)) revert NotProven();
        (isShown, element) = Orders.elementAfter(data, order, uint256(index) + 1);
        bytes32 declared = SlotOrder.elementOf(Promises.chainNext(before, index, given.item));
        if (!isShown || element != declared) revert NotProven();
        _checkPlace(data, given, order);
    }

    /// The running hash after the promised place is another one, or the closed section ends before it.
    function _checkPlace(bytes calldata data, Promises.Promise memory given, Orders.Order memory order) private pure {
        if (given.index >= order.count && order.isClosed) return;
        // No section holds 2^32 items.
        if (given.index == type(uint32).max) revert NotProven();
        (bool isShown, bytes32 element) = Orders.elementAfter(data, order, uint256(given.index) + 1);
        if (!isShown || element == SlotOrder.elementOf(given.chain)) revert NotProven();
    }

    /// A result in which a leg stands alone, failed while its bundle did not, or is none of the item's.
    function _result(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain, uint8 kind)
        private
        view
        returns (Verdict memory)
    {
        Promises.Promise memory given = Promises.read(data, cursor, domain);
        if (given.kind != Promises.EXECUTION) revert NotProven();
        if (data.tag(cursor, 3) != 0) {
            cursor.pos = data.length;
            return sealedJudge.judge(data);
        }
        Contents.Content memory content = Contents.read(data, cursor, domain);
        if (content.hash != given.item) revert NotProven();
        bool isBroken = kind == UNBUNDLING
            ? Contents.isUnbundled(data, given, data, content)
            : Contents.hasForeignLeg(data, given, data, content);
        if (!isBroken) revert NotProven();
        return
            _convict(domain, kind == UNBUNDLING ? UNBUNDLING : WRONG_RESULT, given.signer, _position(given), given.item);
    }

    /// Two keys of one epoch. An honest sequencer names one.
    function _keys(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        private
        view
        returns (Verdict memory)
    {
        (bytes calldata one, bytes calldata other) = _pair(data, cursor, 73 + Signatures.LENGTH);
        _checkPoint(one[40:73]);
        _checkPoint(other[40:73]);
        address key = _signer(Promises.hash(domain, EPOCH_NOTICE, one[:73]), one[73:]);
        _checkSame(key, _signer(Promises.hash(domain, EPOCH_NOTICE, other[:73]), other[73:]));
        uint64 epoch = uint64(bytes8(one[:8]));
        if (epoch != uint64(bytes8(other[:8])) || _isSame(one[:73], other[:73])) revert NotProven();
        return _convict(domain, KEY_LIST_EQUIVOCATION, key, abi.encodePacked(uint8(5), epoch), 0);
    }

    /// Two shares of one member. An honest member deals one for each epoch.
    function _shares(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        private
        pure
        returns (Verdict memory)
    {
        uint256 size = 44 + SHARE_BYTES;
        (bytes calldata one, bytes calldata other) = _pair(data, cursor, size + Signatures.LENGTH);
        address key = _signer(_shareDigest(domain, one[:size]), one[size:]);
        _checkSame(key, _signer(_shareDigest(domain, other[:size]), other[size:]));
        if (!_isSame(one[:44], other[:44]) || _isSame(one[:size], other[:size])) revert NotProven();
        bytes memory subject = abi.encodePacked(uint8(5), bytes8(one[32:40]));
        return _convictMember(domain, SHARE_EQUIVOCATION, bytes4(one[40:44]), key, subject);
    }

    /// Two closing heads. An honest member releases once (P17).
    function _releases(bytes calldata data, Reader.Cursor memory cursor, SlotOrder.Domain memory domain)
        private
        pure
        returns (Verdict memory)
    {
        (bytes calldata one, bytes calldata other) = _pair(data, cursor, 68 + Signatures.LENGTH);
        address key = _signer(_releaseDigest(domain, one), one[68:]);
        _checkSame(key, _signer(_releaseDigest(domain, other), other[68:]));
        if (!_isSame(one[:36], other[:36]) || _isSame(one[:68], other[:68])) revert NotProven();
        bytes memory subject = abi.encodePacked(uint8(6), bytes32(one[:32]));
        return _convictMember(domain, RELEASE_EQUIVOCATION, bytes4(one[32:36]), key, subject);
    }

    /// Returns the first claim of `one` to which `other` gives another value, as the subject of a conviction.
    function _contradiction(Promises.Promise memory one, Promises.Promise memory other)
        private
        pure
        returns (bool, bytes memory)
    {
        (bytes[3] memory claims, bytes32[3] memory values, uint256 count) = _claims(one);
        (bytes[3] memory others, bytes32[3] memory said, uint256 otherCount) = _claims(other);
        for (uint256 i = 0; i < count; i++) {
            for (uint256 k = 0; k < otherCount; k++) {
                if (keccak256(claims[i]) == keccak256(others[k]) && values[i] != said[k]) return (true, claims[i]);
            }
        }
        return (false, "");
    }

    /// Returns what a statement commits to about the chains of the lane.
    function _claims(Promises.Promise memory given)
        private
        pure
        returns (bytes[3] memory claims, bytes32[3] memory values, uint256 count)
    {
        if (given.kind == Promises.CHECKPOINT) {
            (claims[0], values[0]) = (abi.encodePacked(uint8(1), given.slot), given.parent);
            (claims[1], values[1]) = (_chain(given, given.count), given.chain);
            return (claims, values, 2);
        }
        bytes memory item = abi.encodePacked(uint8(2), given.slot, given.section, given.index);
        (claims[0], values[0], count) = (item, given.item, 1);
        if (given.section == Promises.L1_BORN) return (claims, values, count);
        if (given.index != type(uint32).max) {
            (claims[count], values[count]) = (_chain(given, given.index + 1), given.chain);
            count++;
        }
        if (given.kind == Promises.ORDER) {
            (claims[count], values[count]) = (_chain(given, given.index), given.prevChain);
            count++;
        }
    }

    function _chain(Promises.Promise memory given, uint32 count) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(0), given.slot, given.section, count);
    }

    function _position(Promises.Promise memory given) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(4), given.slot, given.section, given.index);
    }

    function _convict(SlotOrder.Domain memory domain, uint8 fault, address key, bytes memory subject, bytes32 item)
        private
        pure
        returns (Verdict memory)
    {
        bytes32 id = _id(domain, abi.encodePacked(fault, uint8(0), key, subject));
        return Verdict(id, key, fault, false, item);
    }

    function _convictMember(
        SlotOrder.Domain memory domain,
        uint8 fault,
        bytes4 member,
        address key,
        bytes memory subject
    ) private pure returns (Verdict memory) {
        bytes32 id = _id(domain, abi.encodePacked(fault, uint8(1), member, key, subject));
        return Verdict(id, key, fault, true, 0);
    }

    function _id(SlotOrder.Domain memory domain, bytes memory body) private pure returns (bytes32) {
        return keccak256(bytes.concat(_prefix(domain, CONVICTION), body));
    }

    function _shareDigest(SlotOrder.Domain memory domain, bytes calldata notice) private pure returns (bytes32) {
        // Each field stands behind its length; numbers have eight bytes.
        bytes memory head = abi.encodePacked(ANNOUNCEMENT, uint32(32), notice[:32], uint32(8), notice[32:40]);
        bytes memory member = abi.encodePacked(uint32(8), uint32(0), notice[40:44]);
        bytes memory share = abi.encodePacked(uint32(SHARE_BYTES), notice[44:]);
        return keccak256(bytes.concat(_prefix(domain, SEALING), head, member, share));
    }

    function _releaseDigest(SlotOrder.Domain memory domain, bytes calldata release) private pure returns (bytes32) {
        bytes memory head = abi.encodePacked(RELEASE, uint32(32), release[:32]);
        bytes memory member = abi.encodePacked(uint32(8), uint32(0), release[32:36]);
        bytes memory end = abi.encodePacked(uint32(32), release[36:68]);
        return keccak256(bytes.concat(_prefix(domain, SEALING), head, member, end));
    }

    function _prefix(SlotOrder.Domain memory domain, uint8 tag) private pure returns (bytes memory) {
        return abi.encodePacked("weft", tag, domain.version, domain.l1ChainId, domain.settlement, domain.realm);
    }

    /// Takes two parts of one size, which stand in the order of their bytes.
    function _pair(bytes calldata data, Reader.Cursor memory cursor, uint256 size)
        private
        pure
        returns (bytes calldata one, bytes calldata other)
    {
        one = data.raw(cursor, size);
        other = data.raw(cursor, size);
        if (!Reader.isOrdered(one, other)) revert OutOfOrder();
    }

    function _checkPair(bytes calldata data, uint256 first, uint256 second, uint256 end, address one, address other)
        private
        pure
    {
        if (!Reader.isOrdered(data[first:second], data[second:end])) revert OutOfOrder();
        _checkSame(one, other);
    }

    function _checkSame(address one, address other) private pure {
        if (one != other) revert TwoKeys(one, other);
    }

    function _signer(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        signer = Signatures.signer(digest, signature);
        if (signer == address(0)) revert Promises.BindsNobody(0);
    }

    function _isSame(bytes calldata one, bytes calldata other) private pure returns (bool) {
        return keccak256(one) == keccak256(other);
    }

    function _checkPoint(bytes calldata encoded) private view {
        (bool isPoint,) = Secp256k1.decode(encoded);
        if (!isPoint) revert NotEvidence(0);
    }
}
