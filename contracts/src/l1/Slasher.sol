// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../lib/SlotOrder.sol";
import {IHub} from "./interfaces/IHub.sol";
import {IJudge, Verdict} from "./interfaces/IJudge.sol";
import {ISequencerRegistry} from "./interfaces/ISequencerRegistry.sol";
import {ISlasher, IUrcSlasher, SettledFate} from "./interfaces/ISlasher.sol";
import {Contents} from "./lib/Contents.sol";
import {Envelopes} from "./lib/Envelopes.sol";
import {Promises} from "./lib/Promises.sol";
import {Reader} from "./lib/Reader.sol";
import {Realm} from "./lib/Realm.sol";
import {Settled} from "./lib/Settled.sol";
import {Transactions} from "./lib/Transactions.sol";

/// @notice What a slasher is made of. Amounts are in wei.
/// @param urc the Universal Registry Contract; zero for none
/// @param urcPenalty what the URC slashes in addition
/// @param graceBlocks L1 blocks after a deadline before missing it is punished
struct SlasherConfig {
    IHub hub;
    IJudge judge;
    ISequencerRegistry registry;
    uint64 realm;
    uint256 safetyPenalty;
    uint256 livenessPenalty;
    address urc;
    uint256 urcPenalty;
    uint64 graceBlocks;
}

/// @title Punishes who broke a promise (P47)
contract Slasher is ISlasher {
    using Reader for bytes;

    /// Type of the commitment by which an operator binds its URC collateral to a key's promises: "WEFT", then 1.
    uint64 public constant COMMITMENT_TYPE = 0x5745465400000001;

    uint8 private constant CONVICTION = 44;
    /// Number under which a missed deadline is noted; no fault of evidence has it.
    uint8 private constant MISSED_DEADLINE = 128;
    /// Number under which a result is noted that is not what was settled; no fault of evidence has it.
    uint8 private constant WRONG_OUTCOME = 129;

    /// L1 blocks behind a renumbering in which a sequencer may not have gone on from it yet: twice the 64 after which it does.
    uint256 private constant AFTERMATH = 128;

    /// Where the payer of an envelope ends, behind scheme and key.
    uint256 private constant PAYER_END = 1 + 32 + 20;

    struct Reserve {
        bytes32 item;
        uint256 amount;
    }

    IHub private immutable hub;
    IJudge private immutable judge;
    ISequencerRegistry private immutable registry;
    uint64 private immutable realm;
    address private immutable urc;
    uint256 private immutable urcPenalty;
    uint64 private immutable graceBlocks;

    /// @inheritdoc ISlasher
    uint256 public immutable safetyPenalty;

    /// @inheritdoc ISlasher
    uint256 public immutable livenessPenalty;

    mapping(bytes32 id => bool) public isPunished;
    mapping(bytes32 id => bool) public isPunishedByUrc;
    mapping(bytes32 id => Reserve) public reserveOf;

    constructor(SlasherConfig memory config) {
        hub = config.hub;
        judge = config.judge;
        registry = config.registry;
        realm = config.realm;
        urc = config.urc;
        urcPenalty = config.urcPenalty;
        graceBlocks = config.graceBlocks;
        safetyPenalty = config.safetyPenalty;
        livenessPenalty = config.livenessPenalty;
    }

    /// Takes what the registry pays for victims.
    receive() external payable {
        if (msg.sender != address(registry)) revert UnknownKey(msg.sender);
    }

    /// @inheritdoc ISlasher
    function punish(bytes calldata evidence) external returns (bytes32) {
        return _punish(judge.judge(evidence));
    }

    /// @inheritdoc ISlasher
    function punishResult(bytes calldata encoded, SettledFate calldata fate) external returns (bytes32) {
        Promises.Promise memory given = _readPromise(encoded);
        if (given.kind != Promises.EXECUTION || !_isSettled(fate)) revert NotBroken();
        if (!Settled.isCanonical(given.l1Origin, fate.l1Number)) revert UnknownOrigin(given.l1Origin);
        if (_isVoid(given, fate.l1Number)) revert Void(given.slot);
        uint32 network = hub.networkOf(fate.transitions[fate.transition].rollup);
        if (!Settled.differs(encoded, given, fate, network)) revert NotBroken();
        bytes memory subject = abi.encodePacked(uint8(4), given.slot, given.section, given.index);
        bytes32 id = Realm.hash(
            CONVICTION, address(hub), realm, abi.encodePacked(WRONG_OUTCOME, uint8(0), given.signer, subject)
        );
        return _punish(Verdict(id, given.signer, WRONG_OUTCOME, false, given.item));
    }

    /// Tells whether the promise may be about a slot whose number another one has since: it rests on an L1 block before that.
    function _isVoid(Promises.Promise memory given, uint256 l1Number) private view returns (bool) {
        uint256 renumbered = hub.renumberedAt(given.slot);
        uint256 rests = given.l1Origin == 0 ? 0 : l1Number;
        return renumbered != 0 && rests < renumbered + AFTERMATH;
    }

    function _isSettled(SettledFate calldata fate) private view returns (bool) {
        bytes32 digest = Settled.digestOf(fate, address(hub), realm);
        return hub.wasSettled(digest, fate.settlement, fate.history)
            && Settled.rootOf(fate, _domain()) == fate.transitions[fate.transition].outcomeRoot;
    }

    function _punish(Verdict memory verdict) private returns (bytes32) {
        address operator = _operatorOf(verdict);
        _note(verdict.id);
        uint256 share = verdict.item == 0 ? 0 : safetyPenalty / 2;
        uint256 taken = registry.slash(operator, verdict.id, safetyPenalty / 8, msg.sender);
        if (share != 0) {
            uint256 kept = registry.slash(operator, verdict.id, share, address(this));
            reserveOf[verdict.id] = Reserve(verdict.item, kept);
            emit CompensationReserved(verdict.id, verdict.item, kept);
            taken += kept;
        }
        uint256 rest = safetyPenalty - safetyPenalty / 8 - share;
        taken += registry.slash(operator, verdict.id, rest, address(0));
        emit Convicted(verdict.id, verdict.key, verdict.fault, msg.sender, taken);
        return verdict.id;
    }

    /// @inheritdoc ISlasher
    function punishMissing(bytes calldata encoded) external returns (bytes32 id) {
        Promises.Promise memory given = _readPromise(encoded);
        (address operator, ISequencerRegistry.Role role) = registry.keyOf(given.signer);
        if (role != ISequencerRegistry.Role.Sequencer) revert UnknownKey(given.signer);
        uint64 deadline = given.l1Deadline;
        bool isOver = deadline != 0 && block.number > uint256(deadline) + graceBlocks;
        if (given.kind != Promises.ORDER || !isOver || hub.highestSlot() >= given.slot) revert NotMissed();
        id = Realm.hash(
            CONVICTION,
            address(hub),
            realm,
            abi.encodePacked(MISSED_DEADLINE, uint8(0), given.signer, uint8(3), given.slot)
        );
        _note(id);
        uint256 taken = registry.slash(operator, id, livenessPenalty / 8, msg.sender);
        taken += registry.slash(operator, id, livenessPenalty - livenessPenalty / 8, address(0));
        emit DeadlineMissed(id, given.signer, given.slot, deadline, taken);
    }

    /// @inheritdoc ISlasher
    function compensate(bytes32 id, bytes calldata item) external returns (uint256 amount) {
        Reserve memory reserve = reserveOf[id];
        if (reserve.amount == 0) revert NothingReserved(id);
        address victim = _victim(reserve.item, item);
        delete reserveOf[id];
        emit Compensated(id, victim, reserve.amount);
        (bool ok,) = victim.call{value: reserve.amount}("");
        if (!ok) revert PaymentFailed(victim);
        return reserve.amount;
    }

    /// @inheritdoc IUrcSlasher
    function slash(Delegation calldata, Commitment calldata commitment, address, bytes calldata evidence, address)
        external
        returns (uint256)
    {
        if (msg.sender != urc || urc == address(0)) revert OnlyUrc(msg.sender);
        Verdict memory verdict = judge.judge(evidence);
        bytes32 bound = keccak256(abi.encode(address(hub), realm, verdict.key));
        bool isBound = commitment.slasher == address(this) && commitment.commitmentType == COMMITMENT_TYPE
            && keccak256(commitment.payload) == bound;
        if (!isBound) revert WrongCommitment();
        if (isPunishedByUrc[verdict.id]) revert AlreadyConvicted(verdict.id);
        isPunishedByUrc[verdict.id] = true;
        return urcPenalty;
    }

    /// Returns who is hurt when an item's promise is broken: who sent the first transaction of what is in clear, or who pays
    /// for an envelope.
    function _victim(bytes32 declared, bytes calldata item) private view returns (address victim) {
        SlotOrder.Domain memory domain = _domain();
        if (Envelopes.idOf(domain, item) == declared && item.length >= PAYER_END) {
            return address(bytes20(item[PAYER_END - 20:PAYER_END]));
        }
        Reader.Cursor memory cursor;
        Contents.Content memory content = Contents.read(item, cursor, domain);
        Contents.Leg memory first = content.legs[0];
        victim = Transactions.sender(item[first.pos:first.pos + first.length]);
        bool isItem = cursor.pos == item.length && content.hash == declared && victim != address(0);
        if (!isItem) revert NotTheItem(declared, content.hash);
    }

    function _operatorOf(Verdict memory verdict) private view returns (address operator) {
        ISequencerRegistry.Role role;
        (operator, role) = registry.keyOf(verdict.key);
        bool isMember = role == ISequencerRegistry.Role.Member;
        bool isKnown = verdict.isMember ? isMember : role == ISequencerRegistry.Role.Sequencer;
        if (!isKnown) revert UnknownKey(verdict.key);
    }

    function _note(bytes32 id) private {
        if (isPunished[id]) revert AlreadyConvicted(id);
        isPunished[id] = true;
    }

    function _readPromise(bytes calldata encoded) private view returns (Promises.Promise memory given) {
        SlotOrder.Domain memory domain = _domain();
        Reader.Cursor memory cursor;
        if (!Promises.isOf(encoded, cursor, domain)) revert Reader.NotCanonical(0);
        given = Promises.read(encoded, cursor, domain);
        if (cursor.pos != encoded.length) revert Reader.NotCanonical(cursor.pos);
    }

    function _domain() private view returns (SlotOrder.Domain memory) {
        return SlotOrder.Domain(Realm.VERSION, uint64(block.chainid), address(hub), realm);
    }
}
