// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approval, BatchHeader, IHub, Outcome, Rollup, Statement, Transfer, Transition} from "./interfaces/IHub.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {ExitRoot, IL1Bridge} from "./interfaces/IL1Bridge.sol";
import {IPolicy} from "./interfaces/IPolicy.sol";
import {ISequencerRegistry} from "./interfaces/ISequencerRegistry.sol";
import {Realm} from "./lib/Realm.sol";
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
    uint256 private constant MAX_ROLLUPS = 128;
    /// Batches that may wait for settlement. Their records are kept in a ring, so a batch writes no new words.
    uint256 private constant RING = 256;

    struct Head {
        uint64 number;
        uint64 lastSlot;
        uint64 inboxCursor;
        uint64 l1Block;
    }

    struct Record {
        bytes32 hash;
        uint128 rollups;
        uint64 inboxCursor;
        uint64 lastSlot;
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

    /// @inheritdoc IHub
    uint32 public rollupCount;
    /// Entries that the next batch must consume because accounts left by a state proof.
    uint64 private mustReach;
    /// Last slot of batches that are void.
    uint64 private voidedSlot;

    /// @inheritdoc IHub
    bytes32 public registryHash;

    /// @inheritdoc IHub
    Head public settled;
    Head private last;

    mapping(uint256 place => Record) private ring;
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
        settled.l1Block = uint64(block.number);
        last.l1Block = uint64(block.number);
        ring[0].hash = genesisHash();
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
        if (rollupCount == MAX_ROLLUPS) revert TooManyRollups();
        id = ++rollupCount;
        idOf[network] = id;
        Outcome memory genesis = Outcome(genesisStateRoot, genesisBlockHash, 0, 0, 0, 0);
        Rollup memory entry = Rollup(chainId, policy, keccak256(config), keccak256(abi.encode(genesis)));
        rollups[id] = entry;
        bytes32 running = _registered(id, entry);
        registryHash = running;
        emit RollupRegistered(id, chainId, policy, entry.commitment, entry.configHash, msg.value, running, config);
        if (msg.value != 0) bridge.fund{value: msg.value}(network);
    }

    /// @inheritdoc IHub
    function postBatch(BatchHeader calldata header, bytes calldata signature) external returns (bytes32) {
        return _postSigned(header, signature);
    }

    /// @inheritdoc IHub
    function postForced(uint64 inboxCursor) external returns (bytes32) {
        uint256 from = uint256(last.l1Block) + silenceWindow + 1;
        if (block.number < from) revert NotSilent(from);
        if (inboxCursor <= last.inboxCursor) revert NothingToDo();
        uint64 slot = last.lastSlot + 1;
        BatchHeader memory header;
        header.number = last.number + 1;
        header.parent = ring[last.number % RING].hash;
        (header.firstSlot, header.lastSlot) = (slot, slot);
        header.inboxCursor = inboxCursor;
        header.l1Number = uint64(block.number - 1);
        header.l1Hash = blockhash(block.number - 1);
        header.rollups = uint128((uint256(1) << rollupCount) - 1);
        return _post(header, new bytes32[](0), address(0));
    }

    /// @inheritdoc IHub
    function settle(Statement calldata statement, Approval[] calldata approvals) external {
        _settle(statement, approvals);
    }

    /// @inheritdoc IHub
    function postAndSettle(
        BatchHeader calldata header,
        bytes calldata signature,
        Statement calldata statement,
        Approval[] calldata approvals
    ) external {
        _postSigned(header, signature);
        if (statement.lastBatch != header.number) revert WrongBatches(statement.firstBatch, statement.lastBatch);
        _settle(statement, approvals);
    }

    /// @inheritdoc IHub
    function escape(uint32 network) external returns (bytes32) {
        if (msg.sender != escapeHatch) revert Unauthorized(msg.sender);
        uint256 from = uint256(settled.l1Block) + exitWindow + 1;
        if (block.number < from) revert NotOverdue(from);
        mustReach = inbox.count() + 1;
        if (last.lastSlot > voidedSlot) voidedSlot = last.lastSlot;
        emit BatchesVoided(settled.number, last.number, mustReach);
        (last.number, last.lastSlot, last.inboxCursor) = (settled.number, settled.lastSlot, settled.inboxCursor);
        return rollups[idOf[network]].commitment;
    }

    /// @inheritdoc IHub
    function posted()
        external
        view
        returns (uint64 number, uint64 lastSlot, uint64 inboxCursor, uint64 l1Block, bytes32 hash)
    {
        Head memory head = last;
        return (head.number, head.lastSlot, head.inboxCursor, head.l1Block, ring[head.number % RING].hash);
    }

    /// @inheritdoc IHub
    function highestSlot() external view returns (uint64) {
        return last.lastSlot > voidedSlot ? last.lastSlot : voidedSlot;
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
        bytes memory body = abi.encode(
            statement.firstBatch,
            statement.lastBatch,
            statement.batchHash,
            statement.programId,
            keccak256(abi.encode(statement.transitions)),
            keccak256(abi.encode(statement.transfers))
        );
        return _hash(Realm.STATEMENT, body);
    }

    /// @inheritdoc IHub
    function genesisHash() public view returns (bytes32) {
        return _hash(Realm.BATCH, "");
    }

    function _postSigned(BatchHeader calldata header, bytes calldata signature) private returns (bytes32) {
        bytes32[] memory blobs = _blobs();
        if (blobs.length == 0) revert NoBlobs();
        address signer = Signatures.signer(batchDigest(header, blobs), signature);
        if (signer == address(0) || !sequencers.isSequencer(signer)) revert NotTheSequencer(signer);
        bytes32 hash = _post(header, blobs, signer);
        last.l1Block = uint64(block.number);
        return hash;
    }

    function _post(BatchHeader memory header, bytes32[] memory blobs, address signer) private returns (bytes32 hash) {
        Head memory before = last;
        bytes32 parent = ring[before.number % RING].hash;
        if (header.number != before.number + 1 || header.parent != parent) revert NotNext(before.number, parent);
        if (header.number >= settled.number + RING) revert TooManyUnsettled();
        _checkClaims(header, before.lastSlot);
        bytes28 accumulator = _checkCursor(header, before.inboxCursor);
        bytes32 registry = registryHash;
        hash = _hash(Realm.BATCH, abi.encodePacked(batchDigest(header, blobs), registry, accumulator));
        ring[header.number % RING] = Record(hash, header.rollups, header.inboxCursor, header.lastSlot);
        last = Head(header.number, header.lastSlot, header.inboxCursor, before.l1Block);
        emit BatchPosted(header.number, hash, signer, header, registry, accumulator, blobs);
    }

    function _checkClaims(BatchHeader memory header, uint64 lastSlot) private view {
        if (header.firstSlot != lastSlot + 1 || header.lastSlot < header.firstSlot) revert WrongSlots(lastSlot);
        if (header.rollups == 0 || header.rollups >> rollupCount != 0) revert UnknownRollups(header.rollups);
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

    function _settle(Statement calldata statement, Approval[] calldata approvals) private {
        uint128 named = _named(statement.firstBatch, statement.lastBatch);
        Record memory record = ring[statement.lastBatch % RING];
        if (record.hash != statement.batchHash) revert WrongBatch(record.hash);
        bytes32 digest = statementDigest(statement);
        for (uint256 i = 0; i < approvals.length; i++) {
            IPolicy policy = approvals[i].policy;
            if (!policy.accepts(digest, statement.programId, approvals[i].proof)) revert Refused(policy);
        }
        ExitRoot[] memory roots = _advance(statement.transitions, approvals, named);
        _checkGivers(statement.transfers, named);
        settled = Head(statement.lastBatch, record.lastSlot, record.inboxCursor, uint64(block.number));
        bytes32 root = bridge.settle(roots, statement.transfers, rollupCount);
        emit BatchesSettled(statement.lastBatch, record.hash, digest, record.lastSlot, record.inboxCursor, root);
    }

    /// Returns the rollups that the batches name; these must be the next ones.
    function _named(uint64 first, uint64 end) private view returns (uint128 named) {
        if (first != settled.number + 1 || end < first || end > last.number) revert WrongBatches(first, end);
        for (uint256 number = first; number <= end; number++) {
            named |= ring[number % RING].rollups;
        }
    }

    /// Advances exactly the named rollups, each from where it stands and with its policy's approval.
    function _advance(Transition[] calldata transitions, Approval[] calldata approvals, uint128 named)
        private
        returns (ExitRoot[] memory roots)
    {
        roots = new ExitRoot[](transitions.length);
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
            if (!_isApproved(entry.policy, approvals)) revert NotApproved(id);
            entry.commitment = keccak256(abi.encode(step.post));
            roots[i] = ExitRoot(id, step.post.exitRoot);
            emit RollupSettled(id, step.proposalRoot, step.outcomeRoot, step.post);
        }
        if (rest != 0) revert WrongRollups(named);
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

    function _isApproved(IPolicy policy, Approval[] calldata approvals) private pure returns (bool) {
        for (uint256 i = 0; i < approvals.length; i++) {
            if (address(approvals[i].policy) == address(policy)) return true;
        }
        return false;
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
