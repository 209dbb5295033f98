// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approval, BatchHeader, IHub, Outcome, Rollup, Statement, Transfer, Transition} from "./interfaces/IHub.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IL1Bridge} from "./interfaces/IL1Bridge.sol";
import {IPolicy} from "./interfaces/IPolicy.sol";
import {ISequencerRegistry} from "./interfaces/ISequencerRegistry.sol";
import {Head, Heads, Waiting} from "./lib/Heads.sol";
import {History} from "./lib/History.sol";
import {Realm} from "./lib/Realm.sol";
import {Renumbering, Renumberings} from "./lib/Renumberings.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @notice What a hub is made of. All of it is for good.
/// @param registrar who may register rollups; zero for anybody
struct HubConfig {
    uint64 realm;
    IInbox inbox;
    IL1Bridge bridge;
    ISequencerRegistry sequencers;
    address escape;
    address registrar;
    uint64 forceWindow;
    uint64 silenceWindow;
    uint64 exitWindow;
}

/// @title Where a realm is registered, posted and settled (P40-P46)
contract Hub is IHub {
    using History for bytes32[32];
    using Renumberings for Renumbering[];

    uint256 private constant MAX_ROLLUPS = 128;

    uint256 private constant MAX_SLOTS = 65_536;

    /// Batches that may wait for settlement. Their records are kept in a ring, so a batch writes no new words.
    uint256 private constant RING = 256;

    /// What a batch is settled by.
    struct Record {
        bytes32 hash;
        Waiting rest;
    }

    IInbox private immutable inbox;
    IL1Bridge private immutable bridge;
    ISequencerRegistry private immutable sequencers;
    address private immutable escapeHatch;
    address private immutable registrar;

    /// @inheritdoc IHub
    uint64 public immutable realm;
    /// @inheritdoc IHub
    uint64 public immutable forceWindow;
    /// @inheritdoc IHub
    uint64 public immutable silenceWindow;
    /// @inheritdoc IHub
    uint64 public immutable exitWindow;

    /// Entries that the next batch must consume because accounts left by a state proof.
    uint64 private mustReach;
    /// Last slot of batches that are void.
    uint64 private voidedSlot;

    /// @inheritdoc IHub
    bytes32 public registryHash;

    /// Counts the settlements there were.
    Head private done;
    /// Counts the rollups, whom both posting and settling ask for.
    Head private last;
    /// Where slots were numbered again.
    Renumbering[] private renumberings;

    /// Digests of all settled statements.
    bytes32[32] private history;

    /// Hashes of the batches that wait for settlement and of the settled one that they follow.
    mapping(uint256 place => bytes32) private hashes;
    /// What else is asked of batches that wait; one that is settled as it is posted has no place here.
    mapping(uint256 place => Waiting) private ring;
    /// Which rollups have this policy: one word says it of all.
    mapping(IPolicy policy => uint128 rollups) private governed;
    mapping(uint32 id => Rollup) private rollups;

    /// @inheritdoc IHub
    mapping(uint32 chainId => uint32 id) public idOf;

    constructor(HubConfig memory config) {
        inbox = config.inbox;
        bridge = config.bridge;
        sequencers = config.sequencers;
        escapeHatch = config.escape;
        registrar = config.registrar;
        realm = config.realm;
        forceWindow = config.forceWindow;
        silenceWindow = config.silenceWindow;
        exitWindow = config.exitWindow;
        done = Heads.head(0, 0, 0, uint32(block.number), 0);
        last = done;
        hashes[0] = genesisHash();
    }

    /// @inheritdoc IHub
    function register(
        uint64 chainId,
        IPolicy policy,
        bytes32 genesisStateRoot,
        bytes32 genesisBlockHash,
        bytes calldata config
    ) external payable returns (uint32 id) {
        if (registrar != address(0) && msg.sender != registrar) {
            revert Unauthorized(msg.sender);
        }
        uint32 network = uint32(chainId);
        if (network == 0 || network != chainId) revert InvalidChainId(chainId);
        if (chainId == block.chainid || idOf[network] != 0) revert ChainIdTaken(chainId);
        if (address(policy).code.length == 0) revert NotAPolicy(address(policy));
        if (rollupCount() == MAX_ROLLUPS) revert TooManyRollups();
        id = rollupCount() + 1;
        last = last.withCount(id);
        idOf[network] = id;
        Outcome memory genesis = Outcome(genesisStateRoot, genesisBlockHash, 0, 0, 0, 0);
        Rollup memory entry = Rollup(chainId, policy, keccak256(config), keccak256(abi.encode(genesis)));
        rollups[id] = entry;
        governed[policy] |= uint128(1) << (id - 1);
        bytes32 running = _registered(id, entry);
        registryHash = running;
        emit RollupRegistered(id, chainId, policy, entry.commitment, entry.configHash, msg.value, running, config);
        bridge.enroll{value: msg.value}(id, network);
    }

    /// @inheritdoc IHub
    function postBatch(BatchHeader calldata header, bytes calldata signature) external returns (bytes32) {
        Record memory record = _postSigned(header, signature);
        ring[header.number % RING] = record.rest;
        return record.hash;
    }

    /// @inheritdoc IHub
    function postForced(uint64 inboxCursor) external returns (bytes32) {
        Head before = last;
        uint256 from = uint256(before.l1Block()) + silenceWindow + 1;
        if (block.number < from) revert NotSilent(from);
        if (inboxCursor <= before.inboxCursor()) revert NothingToDo();
        uint64 slot = before.lastSlot() + 1;
        BatchHeader memory header;
        header.number = before.number() + 1;
        header.parent = hashes[before.number() % RING];
        (header.firstSlot, header.lastSlot) = (slot, slot);
        header.inboxCursor = inboxCursor;
        header.l1Number = uint64(block.number - 1);
        header.l1Hash = blockhash(block.number - 1);
        header.rollups = uint128((uint256(1) << before.count()) - 1);
        // The slot's time: without it the same hash could stand for another one in the place of a block that is gone.
        header.content = bytes32(block.timestamp);
        renumberings.note(slot);
        Record memory record = _post(header, new bytes32[](0), address(0), before.l1Block());
        ring[header.number % RING] = record.rest;
        return record.hash;
    }

    /// @inheritdoc IHub
    function settle(Statement calldata statement, Approval[] calldata approvals) external {
        uint256 place = statement.lastBatch % RING;
        _settle(statement, approvals, Record(hashes[place], ring[place]));
    }

    /// @inheritdoc IHub
    function postAndSettle(
        BatchHeader calldata header,
        bytes calldata signature,
        Statement calldata statement,
        Approval[] calldata approvals
    ) external {
        Record memory record = _postSigned(header, signature);
        if (statement.lastBatch != header.number) revert WrongBatches(statement.firstBatch, statement.lastBatch);
        _settle(statement, approvals, record);
    }

    /// @inheritdoc IHub
    function escape(uint32 network) external returns (bytes32) {
        if (msg.sender != escapeHatch) revert Unauthorized(msg.sender);
        (Head base, Head before) = (done, last);
        uint256 from = uint256(base.l1Block()) + exitWindow + 1;
        if (block.number < from) revert NotOverdue(from);
        mustReach = inbox.count() + 1;
        if (before.lastSlot() > voidedSlot) voidedSlot = before.lastSlot();
        renumberings.note(base.lastSlot() + 1);
        emit BatchesVoided(base.number(), before.number(), mustReach);
        last = Heads.head(base.number(), base.lastSlot(), base.inboxCursor(), before.l1Block(), before.count());
        return rollups[idOf[network]].commitment;
    }

    /// @inheritdoc IHub
    function posted()
        external
        view
        returns (uint64 number, uint64 lastSlot, uint64 inboxCursor, uint64 l1Block, bytes32 hash)
    {
        Head head = last;
        bytes32 parent = hashes[head.number() % RING];
        return (head.number(), head.lastSlot(), head.inboxCursor(), head.l1Block(), parent);
    }

    /// @inheritdoc IHub
    function settled() external view returns (uint64 number, uint64 lastSlot, uint64 inboxCursor, uint64 l1Block) {
        Head head = done;
        return (head.number(), head.lastSlot(), head.inboxCursor(), head.l1Block());
    }

    /// @inheritdoc IHub
    function settlements() external view returns (uint32) {
        return done.count();
    }

    /// @inheritdoc IHub
    function rollupCount() public view returns (uint32) {
        return last.count();
    }

    /// @inheritdoc IHub
    function wasSettled(bytes32 digest, uint256 settlement, bytes32[] calldata siblings) external view returns (bool) {
        return history.holds(done.count(), digest, settlement, siblings);
    }

    /// @inheritdoc IHub
    function highestSlot() external view returns (uint64) {
        uint64 lastSlot = last.lastSlot();
        return lastSlot > voidedSlot ? lastSlot : voidedSlot;
    }

    /// @inheritdoc IHub
    function renumberedAt(uint64 slot) external view returns (uint64) {
        return renumberings.lastOf(slot);
    }

    /// @inheritdoc IHub
    function rollup(uint32 id) external view returns (Rollup memory) {
        return rollups[id];
    }

    /// @inheritdoc IHub
    function networkOf(uint32 id) external view returns (uint32) {
        return uint32(rollups[id].chainId);
    }

    /// @inheritdoc IHub
    function commitmentOf(uint32 id) external view returns (bytes32) {
        return rollups[id].commitment;
    }

    /// @inheritdoc IHub
    function batchDigest(BatchHeader memory header, bytes32[] memory blobs) public view returns (bytes32) {
        return _hash(Realm.BATCH_HEADER, bytes.concat(abi.encode(header), abi.encodePacked(blobs)));
    }

    /// @inheritdoc IHub
    function statementDigest(Statement calldata statement) public view returns (bytes32) {
        Transition[] calldata transitions = statement.transitions;
        Transfer[] calldata transfers = statement.transfers;
        uint256 steps;
        uint256 moves;
        assembly ("memory-safe") {
            steps := transitions.offset
            moves := transfers.offset
        }
        return _hash(
            Realm.STATEMENT,
            abi.encode(
                statement.firstBatch,
                statement.lastBatch,
                statement.batchHash,
                statement.programId,
                _listHash(steps, transitions.length, 320),
                _listHash(moves, transfers.length, 160)
            )
        );
    }

    /// @inheritdoc IHub
    function genesisHash() public view returns (bytes32) {
        return _hash(Realm.BATCH, "");
    }

    function _postSigned(BatchHeader calldata header, bytes calldata signature) private returns (Record memory) {
        bytes32[] memory blobs = _blobs();
        if (blobs.length == 0) revert NoBlobs();
        address signer = Signatures.signer(batchDigest(header, blobs), signature);
        if (signer == address(0) || !sequencers.isSequencer(signer)) revert NotTheSequencer(signer);
        return _post(header, blobs, signer, uint32(block.number));
    }

    /// Posts a batch, of which only the hash is kept. `heard` is the L1 block in which a sequencer was heard of last.
    function _post(BatchHeader memory header, bytes32[] memory blobs, address signer, uint32 heard)
        private
        returns (Record memory)
    {
        Head before = last;
        bytes32 parent = hashes[before.number() % RING];
        if (header.number != before.number() + 1 || header.parent != parent) revert NotNext(before.number(), parent);
        if (header.number >= done.number() + RING) revert TooManyUnsettled();
        _checkClaims(header, before);
        bytes28 accumulator = _checkCursor(header, before.inboxCursor());
        bytes32 registry = registryHash;
        bytes32 hash = _hash(Realm.BATCH, abi.encodePacked(batchDigest(header, blobs), registry, accumulator));
        last = Heads.head(header.number, header.lastSlot, header.inboxCursor, heard, before.count());
        hashes[header.number % RING] = hash;
        emit BatchPosted(header.number, hash, signer, header, registry, accumulator, blobs);
        return Record(hash, Heads.waiting(header.rollups, header.inboxCursor, header.lastSlot));
    }

    function _checkClaims(BatchHeader memory header, Head before) private view {
        uint64 lastSlot = before.lastSlot();
        if (header.firstSlot != lastSlot + 1 || header.lastSlot < header.firstSlot) revert WrongSlots(lastSlot);
        // No content holds more; else one header takes all numbers, and no promise is ever late again.
        if (header.lastSlot - header.firstSlot >= MAX_SLOTS) revert WrongSlots(lastSlot);
        if (header.rollups == 0 || header.rollups >> before.count() != 0) revert UnknownRollups(header.rollups);
        // The EVM answers zero for other blocks.
        bool isKnown = header.l1Hash != 0 && blockhash(header.l1Number) == header.l1Hash;
        if (!isKnown) revert WrongOrigin(header.l1Number, header.l1Hash);
    }

    /// P46: the cursor never goes back, knows nothing after the batch's L1 origin, and leaves nothing that is due.
    function _checkCursor(BatchHeader memory header, uint64 before) private view returns (bytes28 accumulator) {
        uint64 cursor = header.inboxCursor;
        uint64 lastBlock;
        uint64 nextBlock;
        (accumulator, lastBlock, nextBlock) = inbox.mark(cursor);
        if (cursor < before || lastBlock > header.l1Number) revert WrongCursor(cursor);
        bool isOverdue = nextBlock != 0 && uint256(nextBlock) + forceWindow < block.number;
        if (isOverdue || cursor < mustReach) revert EntryOverdue(cursor);
    }

    function _settle(Statement calldata statement, Approval[] calldata approvals, Record memory record) private {
        uint128 named = _named(statement.firstBatch, statement.lastBatch, record.rest.rollups());
        if (record.hash != statement.batchHash) revert WrongBatch(record.hash);
        bytes32 digest = statementDigest(statement);
        _checkApprovals(approvals, digest, statement.programId, named);
        bytes32[] memory roots = _advance(statement.transitions, named);
        _checkGivers(statement.transfers, named);
        uint32 settlement = _note(statement.lastBatch, record.rest, digest);
        bytes32 root = bridge.settle(named, roots, statement.transfers, rollupCount());
        (uint64 lastSlot, uint64 cursor) = (record.rest.lastSlot(), record.rest.inboxCursor());
        emit BatchesSettled(statement.lastBatch, record.hash, digest, lastSlot, cursor, root, settlement);
    }

    /// Notes the end of what is settled and the statement, and returns the number of the settlement.
    function _note(uint64 lastBatch, Waiting end, bytes32 digest) private returns (uint32 settlement) {
        settlement = done.count();
        done = Heads.head(lastBatch, end.lastSlot(), end.inboxCursor(), uint32(block.number), settlement + 1);
        history.append(settlement, digest);
    }

    /// Returns the rollups that the batches name, of which the last one names `named`; these must be the next ones.
    function _named(uint64 first, uint64 end, uint128 named) private view returns (uint128) {
        if (first != done.number() + 1 || end < first || end > last.number()) revert WrongBatches(first, end);
        for (uint256 number = first; number < end; number++) {
            named |= ring[number % RING].rollups();
        }
        return named;
    }

    /// Every approval given must hold, and those of all named rollups must be given.
    function _checkApprovals(Approval[] calldata approvals, bytes32 digest, bytes32 programId, uint128 named)
        private
        view
    {
        uint128 rest = named;
        for (uint256 i = 0; i < approvals.length; i++) {
            IPolicy policy = approvals[i].policy;
            if (!policy.accepts(digest, programId, approvals[i].proof)) revert Refused(policy);
            rest &= ~governed[policy];
        }
        if (rest == 0) return;
        uint32 id = 1;
        while ((rest >> (id - 1)) & 1 == 0) id++;
        revert NotApproved(id);
    }

    /// Advances exactly the named rollups, each from where it stands, and returns their exit roots.
    function _advance(Transition[] calldata transitions, uint128 named) private returns (bytes32[] memory roots) {
        roots = new bytes32[](transitions.length);
        uint128 rest = named;
        uint32 before = 0;
        for (uint256 i = 0; i < transitions.length; i++) {
            Transition calldata step = transitions[i];
            uint32 id = step.rollup;
            if (id <= before || id > MAX_ROLLUPS || (rest >> (id - 1)) & 1 == 0) revert WrongRollups(named);
            rest ^= uint128(1) << (id - 1);
            before = id;
            Rollup storage entry = rollups[id];
            if (entry.commitment != step.pre) revert WrongPreState(id, entry.commitment);
            // Reading it checks that no bit is set which an encoder would not set.
            step.post.blockNumber;
            entry.commitment = _logSettled(step, id);
            roots[i] = step.post.exitRoot;
        }
        if (rest != 0) revert WrongRollups(named);
    }

    /// Emits `RollupSettled`, whose data stand in the call as they are, and returns `keccak(abi.encode(step.post))`.
    function _logSettled(Transition calldata step, uint32 id) private returns (bytes32 commitment) {
        bytes32 topic = RollupSettled.selector;
        assembly ("memory-safe") {
            let free := mload(64)
            // Behind rollup and pre: proposal root, outcome root and six words of the outcome.
            calldatacopy(free, add(step, 64), 256)
            log2(free, 256, topic, id)
            commitment := keccak256(add(free, 64), 192)
        }
    }

    /// Returns `keccak(abi.encode(list))` of a list in the call whose elements have `size` bytes and no dynamic parts.
    function _listHash(uint256 offset, uint256 length, uint256 size) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(64)
            mstore(free, 32)
            mstore(add(free, 32), length)
            calldatacopy(add(free, 64), offset, mul(length, size))
            hash := keccak256(free, add(64, mul(length, size)))
        }
    }

    /// Nobody gives whose policy was not asked: a rollup of somebody's own making would take what others have.
    function _checkGivers(Transfer[] calldata transfers, uint128 named) private view {
        for (uint256 i = 0; i < transfers.length; i++) {
            uint32 giver = _idOf(transfers[i].from);
            _idOf(transfers[i].to);
            if ((named >> (giver - 1)) & 1 == 0) revert NotApproved(giver);
        }
    }

    function _idOf(uint32 network) private view returns (uint32 id) {
        id = idOf[network];
        if (id == 0) revert UnknownNetwork(network);
    }

    function _registered(uint32 id, Rollup memory entry) private view returns (bytes32) {
        bytes memory body = abi.encodePacked(
            registryHash, id, entry.chainId, entry.policy, entry.commitment, entry.configHash, msg.value
        );
        return _hash(Realm.REGISTRY, body);
    }

    function _blobs() private view returns (bytes32[] memory blobs) {
        uint256 count = 0;
        while (blobhash(count) != 0) count++;
        blobs = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            blobs[i] = blobhash(i);
        }
    }

    function _hash(uint8 tag, bytes memory body) private view returns (bytes32) {
        return Realm.hash(tag, address(this), realm, body);
    }
}
