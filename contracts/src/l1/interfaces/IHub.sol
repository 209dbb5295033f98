// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicy} from "./IPolicy.sol";

/// @notice What a batch says of itself; its content is in the blobs of the transaction that posts it (P40).
/// @param number one more than that of the batch before, from 1
/// @param parent hash of the batch before, as `BatchPosted` names it; that of batch 0 is `genesisHash()`
/// @param firstSlot one more than the last slot of the batch before, from 1
/// @param lastSlot last slot; not before `firstSlot`
/// @param inboxCursor inbox entries that the realm consumed up to the end of the batch
/// @param l1Number L1 block on which the batch rests: it knows entries up to there. At most 256 blocks back
/// @param l1Hash hash of that block; on a chain without it the batch is refused (P48)
/// @param rollups rollups that the batch may change: bit `id - 1` for each
/// @param laneRoot root over the signed slot commitments (P15); see docs/reference/l1-contracts.md
/// @param content keccak of the encoded batch before it was compressed; of an inbox-only batch the time of its L1 block, in
/// seconds
struct BatchHeader {
    uint64 number;
    bytes32 parent;
    uint64 firstSlot;
    uint64 lastSlot;
    uint64 inboxCursor;
    uint64 l1Number;
    bytes32 l1Hash;
    uint128 rollups;
    bytes32 laneRoot;
    bytes32 content;
}

/// @notice What is settled of a rollup.
/// @param stateRoot state root of its last block
/// @param blockHash hash of that block
/// @param blockNumber number of that block
/// @param exitRoot root of the tree of its exits; zero as long as there is none
/// @param accountingRoot AggLayer's pessimistic root v3 of it (P42)
/// @param headsRoot hash over its mailbox heads (P27)
struct Outcome {
    bytes32 stateRoot;
    bytes32 blockHash;
    uint64 blockNumber;
    bytes32 exitRoot;
    bytes32 accountingRoot;
    bytes32 headsRoot;
}

/// @notice One rollup's part of a settlement.
/// @param rollup its id: 1 for the first that was registered
/// @param pre `commitmentOf(rollup)` before
/// @param proposalRoot root over its proposal blocks
/// @param outcomeRoot root over the outcomes of its transactions
/// @param post what holds afterwards
struct Transition {
    uint32 rollup;
    bytes32 pre;
    bytes32 proposalRoot;
    bytes32 outcomeRoot;
    Outcome post;
}

/// @notice Value that moved between two rollups in the settled batches, netted per pair and token (P42).
/// @param from chain id of the rollup that gave
/// @param to chain id of the rollup that got
/// @param originNetwork chain id of the network on which the token is native; zero for L1
struct Transfer {
    uint32 from;
    uint32 to;
    uint32 originNetwork;
    address originToken;
    uint256 amount;
}

/// @notice What is attested or proven (P44). Lane commitments, slots, inbox cursor and L1 origin of the last batch are
/// bound by `batchHash`, the realm by the domain of the digest, the rollups' configurations by the batch as well.
/// @param firstBatch one more than the last settled batch
/// @param lastBatch last batch that is settled
/// @param batchHash hash of the last batch, as `BatchPosted` names it
/// @param programId program of the state transition whose result this is
/// @param transitions exactly the rollups that the batches name, in increasing order
/// @param transfers strictly increasing by (from, to, originNetwork, originToken); no amount is zero
struct Statement {
    uint64 firstBatch;
    uint64 lastBatch;
    bytes32 batchHash;
    bytes32 programId;
    Transition[] transitions;
    Transfer[] transfers;
}

/// @notice What convinces one policy of a statement.
struct Approval {
    IPolicy policy;
    bytes proof;
}

/// @notice A registered rollup.
/// @param chainId its EIP-155 id, which is its network number everywhere but in bitmaps and trees
/// @param policy contract that says which attestations or proofs count for it
/// @param configHash hash of its configuration and genesis, which `RollupRegistered` carries
/// @param commitment hash of its `Outcome`
struct Rollup {
    uint64 chainId;
    IPolicy policy;
    bytes32 configHash;
    bytes32 commitment;
}

/// @title Where a realm is registered, posted and settled (P1, P40-P46)
/// @notice A rollup has two numbers. Its network number is its EIP-155 chain id, of 32 bits, and that of L1 is zero: deposits,
/// exits, escrow and transfers name it. Its id says as which it was registered, from 1: it is its bit in a batch, its
/// place in the rollup exit tree and so in global indices, and what transitions name. `idOf` leads from one to the other.
/// A node needs the events of this contract and of the inbox, and the blobs, to derive every block. Hashes are
/// `keccak("weft" || tag u8 || version u16 || l1ChainId u64 || hub || realm u64 || body)`.
/// Immutable and without an owner.
interface IHub {
    /// @notice A rollup joined the realm. `value` wei are escrowed for its genesis balances.
    /// @param registryHash running hash over all registrations, which the batches that follow commit to
    /// @param config its configuration and genesis, in a form that docs/reference describes; hashed to `configHash`
    event RollupRegistered(
        uint32 indexed rollup,
        uint64 indexed chainId,
        IPolicy policy,
        bytes32 genesisCommitment,
        bytes32 configHash,
        uint256 value,
        bytes32 registryHash,
        bytes config
    );

    /// @notice A batch was posted. Its content is in the blobs of the transaction that emits this, in order.
    /// @param hash `H(61, signed digest || registryHash || inbox accumulator at the cursor)`
    /// @param signer the sequencer's key; zero for an inbox-only batch, which has no blobs
    event BatchPosted(
        uint64 indexed number,
        bytes32 indexed hash,
        address indexed signer,
        BatchHeader header,
        bytes32 registryHash,
        bytes28 inboxAccumulator,
        bytes32[] blobs
    );

    /// @notice Batches up to `lastBatch` are settled: final as soon as this L1 block is.
    /// @param digest `statementDigest` of what was settled
    /// @param settlement number of the settlement, from 0
    event BatchesSettled(
        uint64 indexed lastBatch,
        bytes32 indexed batchHash,
        bytes32 indexed digest,
        uint64 lastSlot,
        uint64 inboxCursor,
        bytes32 rollupExitRoot,
        uint32 settlement
    );

    /// @notice A rollup advanced with the batches that are settled in this transaction.
    event RollupSettled(uint32 indexed rollup, bytes32 proposalRoot, bytes32 outcomeRoot, Outcome outcome);

    /// @notice Batches after `lastSettled` are void: an account left by a state proof (P46). The next batch follows
    /// `lastSettled` and consumes the inbox at least up to `inboxCursor`.
    event BatchesVoided(uint64 indexed lastSettled, uint64 lastPosted, uint64 inboxCursor);

    /// @notice The caller is not who may do this.
    error Unauthorized(address caller);

    /// @notice A realm has at most 128 rollups.
    error TooManyRollups();

    /// @notice Another rollup has this EIP-155 id, or it is L1's.
    error ChainIdTaken(uint64 chainId);

    /// @notice The EIP-155 id is zero or has more than 32 bits.
    error InvalidChainId(uint64 chainId);

    /// @notice `policy` has no code.
    error NotAPolicy(address policy);

    /// @notice The batch does not follow batch `number` with hash `parent`.
    error NotNext(uint64 number, bytes32 parent);

    /// @notice The slots do not follow slot `last`, or are more than the 65,536 that a batch may hold.
    error WrongSlots(uint64 last);

    /// @notice The batch names no rollup, or one that is not registered.
    error UnknownRollups(uint128 rollups);

    /// @notice The L1 block is not one of the last 256, or has another hash.
    error WrongOrigin(uint64 l1Number, bytes32 l1Hash);

    /// @notice The cursor went back, or past what the batch can know.
    error WrongCursor(uint64 cursor);

    /// @notice The entry at `cursor` must be consumed by now.
    error EntryOverdue(uint64 cursor);

    /// @notice The transaction carries no blob.
    error NoBlobs();

    /// @notice `signer` does not sequence this realm, or nobody made the signature.
    error NotTheSequencer(address signer);

    /// @notice Too many batches wait for settlement.
    error TooManyUnsettled();

    /// @notice The sequencer is not silent for long enough; anybody may post from L1 block `from` on.
    error NotSilent(uint256 from);

    /// @notice There is no entry to consume.
    error NothingToDo();

    /// @notice The statement is not about the next batches.
    error WrongBatches(uint64 firstBatch, uint64 lastBatch);

    /// @notice The batch has another hash.
    error WrongBatch(bytes32 found);

    /// @notice The transitions are not those of the rollups `named` by the batches, in increasing order.
    error WrongRollups(uint128 named);

    /// @notice The rollup stands elsewhere.
    error WrongPreState(uint32 rollup, bytes32 found);

    /// @notice A transfer names a network that is no rollup of the realm.
    error UnknownNetwork(uint32 network);

    /// @notice The rollup's policy is not among the approvals, or it gives value in batches that do not name it.
    error NotApproved(uint32 rollup);

    /// @notice The policy does not accept the statement.
    error Refused(IPolicy policy);

    /// @notice The settlement is not overdue; accounts may leave from L1 block `from` on.
    error NotOverdue(uint256 from);

    /// @notice Registers a rollup. The value of the call backs its genesis balances; the config says of whom.
    /// @dev Only the registrar, if the realm has one. Returns ids from 1.
    function register(
        uint64 chainId,
        IPolicy policy,
        bytes32 genesisStateRoot,
        bytes32 genesisBlockHash,
        bytes calldata config
    ) external payable returns (uint32 rollup);

    /// @notice Posts a batch that a sequencer of the realm signed; anybody may. The blobs are those of the transaction.
    /// @param signature `r || s || parity`, s in the lower half, over `batchDigest(header, blobs)`
    function postBatch(BatchHeader calldata header, bytes calldata signature) external returns (bytes32 hash);

    /// @notice Posts a batch of one slot that consumes inbox entries up to `inboxCursor` and nothing else. Anybody may, when
    /// no batch came for `silenceWindow()` L1 blocks. Its header rests on the L1 block before, has no lane, and says the time of
    /// its L1 block in the place of a content.
    function postForced(uint64 inboxCursor) external returns (bytes32 hash);

    /// @notice Settles batches: every rollup of them advances, or none. Anybody may who has the approvals.
    /// @param approvals one for each policy of the rollups
    function settle(Statement calldata statement, Approval[] calldata approvals) external;

    /// @notice Like `postBatch` and `settle` in one transaction; the statement ends with this batch.
    function postAndSettle(
        BatchHeader calldata header,
        bytes calldata signature,
        Statement calldata statement,
        Approval[] calldata approvals
    ) external;

    /// @notice Voids the batches that wait, when settlement is overdue. Only the escape hatch, in the course of an exit.
    /// @param network chain id of the rollup
    /// @return commitment what it is settled at
    function escape(uint32 network) external returns (bytes32 commitment);

    /// @notice Returns what the sequencer signs: `H(60, abi.encode(header) || blobs)`.
    function batchDigest(BatchHeader calldata header, bytes32[] calldata blobs) external view returns (bytes32);

    /// @notice Returns what is attested: `H(62, abi.encode(firstBatch, lastBatch, batchHash, programId,
    /// keccak(abi.encode(transitions)), keccak(abi.encode(transfers))))`.
    function statementDigest(Statement calldata statement) external view returns (bytes32);

    /// @notice Returns the hash of batch 0: `H(61, "")`.
    function genesisHash() external view returns (bytes32);

    /// @notice Returns a registered rollup; zeros if there is none.
    function rollup(uint32 id) external view returns (Rollup memory);

    /// @notice Returns the hash of the rollup's settled `Outcome`: `keccak(abi.encode(outcome))`.
    function commitmentOf(uint32 rollup) external view returns (bytes32);

    /// @notice Returns the id of the rollup with this chain id; zero if there is none.
    function idOf(uint32 chainId) external view returns (uint32);

    /// @notice Returns the chain id of a rollup; zero if there is none.
    function networkOf(uint32 id) external view returns (uint32);

    /// @notice Returns how many rollups there are; ids are 1 to this.
    function rollupCount() external view returns (uint32);

    /// @notice Returns the running hash over registrations: `H(63, before || rollup u32 || chainId u64 || policy ||
    /// genesisCommitment || configHash || value u256)`, from zero.
    function registryHash() external view returns (bytes32);

    /// @notice Returns the last posted batch.
    function posted()
        external
        view
        returns (uint64 number, uint64 lastSlot, uint64 inboxCursor, uint64 l1Block, bytes32 hash);

    /// @notice Returns the highest slot that a posted batch ever held, void ones included.
    function highestSlot() external view returns (uint64);

    /// @notice Returns the last L1 block in which the number of this slot was free again, because batches were voided or an
    /// inbox-only batch took the next number; zero if none. What was promised of the slot before rests on a past that is gone.
    function renumberedAt(uint64 slot) external view returns (uint64 l1Block);

    /// @notice Returns the last settled batch, and the L1 block in which the last settlement was.
    function settled() external view returns (uint64 number, uint64 lastSlot, uint64 inboxCursor, uint64 l1Block);

    /// @notice Returns how many settlements there were.
    function settlements() external view returns (uint32);

    /// @notice Tells whether settlement number `settlement` was that of the statement with this digest.
    /// @param siblings path in the tree of digests up to the root of the largest complete subtree that holds the settlement:
    /// of nodes `keccak(left || right)`, over the settlements that the binary digits of `settlements()` split off
    function wasSettled(bytes32 digest, uint256 settlement, bytes32[] calldata siblings) external view returns (bool);

    /// @notice Returns the number of the realm in signed and hashed objects (P1).
    function realm() external view returns (uint64);

    /// @notice L1 blocks after which a batch must consume an entry.
    function forceWindow() external view returns (uint64);

    /// @notice L1 blocks without a batch after which anybody may post inbox-only ones.
    function silenceWindow() external view returns (uint64);

    /// @notice L1 blocks without a settlement after which accounts may leave by state proof.
    function exitWindow() external view returns (uint64);
}
