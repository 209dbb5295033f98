// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Transition} from "./IHub.sol";

/// @title What the Universal Registry Contract asks of a slasher (eth-fabric/urc)
/// @dev Names and types are the URC's; it burns the amount returned from the operator's collateral.
interface IUrcSlasher {
    struct Fp {
        uint256 a;
        uint256 b;
    }

    struct G1Point {
        Fp x;
        Fp y;
    }

    struct Delegation {
        G1Point proposer;
        G1Point delegate;
        address committer;
        uint64 slot;
        bytes metadata;
    }

    struct Commitment {
        uint64 commitmentType;
        bytes payload;
        address slasher;
    }

    /// @notice Returns how much of the operator's collateral is slashed, in wei; reverts when nothing is shown.
    function slash(
        Delegation calldata delegation,
        Commitment calldata commitment,
        address committer,
        bytes calldata evidence,
        address challenger
    ) external returns (uint256 slashAmountWei);
}

/// @notice What is settled of one item on one rollup, with the way to it.
/// @param firstBatch and the next three, of the statement that was settled
/// @param transfersHash `keccak(abi.encode(transfers))` of it
/// @param transitions all of it
/// @param settlement number of the settlement, and `history` the path to it (`IHub.wasSettled`)
/// @param transition which of the transitions it is about
/// @param leaf `position || item || list of the legs there || is removed || removal if so`, each as in an execution promise
/// @param index place of the leaf among the `count` of the outcome root, to which `siblings` lead
/// @param l1Number number of the L1 block that the promise rests on; counts only where it names one
struct SettledFate {
    uint64 firstBatch;
    uint64 lastBatch;
    bytes32 batchHash;
    bytes32 programId;
    bytes32 transfersHash;
    Transition[] transitions;
    uint32 settlement;
    bytes32[] history;
    uint256 transition;
    bytes leaf;
    uint64 index;
    uint64 count;
    bytes32[] siblings;
    uint256 l1Number;
}

/// @title Punishes who broke a promise (P47)
/// @notice Takes the bytes of `weft-evidence` and nothing else, as the judge decides them. Each conviction counts once, for
/// our own bond and, on the opt-in path, for the URC's collateral.
interface ISlasher is IUrcSlasher {
    /// @notice The key is convicted; `taken` wei of its operator's bond are gone.
    /// @param id conviction (docs/reference/evidence.md)
    /// @param fault number of the fault
    event Convicted(bytes32 indexed id, address indexed key, uint8 indexed fault, address reporter, uint256 taken);

    /// @notice `amount` wei wait for the victim of conviction `id`: who sent item `item`.
    event CompensationReserved(bytes32 indexed id, bytes32 indexed item, uint256 amount);

    /// @notice The victim of conviction `id` was paid.
    event Compensated(bytes32 indexed id, address indexed victim, uint256 amount);

    /// @notice A batch with a promised slot did not come in time; `taken` wei of the operator's bond are gone.
    event DeadlineMissed(bytes32 indexed id, address indexed key, uint64 slot, uint64 deadline, uint256 taken);

    /// @notice The key is no operator's, or has another role.
    error UnknownKey(address key);

    /// @notice This was punished already.
    error AlreadyConvicted(bytes32 id);

    /// @notice Nothing waits for a victim of this conviction.
    error NothingReserved(bytes32 id);

    /// @notice The item is another one than that of the promise, or nobody sent it.
    error NotTheItem(bytes32 declared, bytes32 computed);

    /// @notice The victim refused its compensation.
    error PaymentFailed(address to);

    /// @notice Only the URC may call this.
    error OnlyUrc(address caller);

    /// @notice The commitment does not stand for the convicted key's promises in this realm.
    error WrongCommitment();

    /// @notice The promise has no deadline, it is not over, or the slot is on L1.
    error NotMissed();

    /// @notice The statement was not settled, the leaf is not in its outcome root, or it says what was promised.
    error NotBroken();

    /// @notice The promise rests on an L1 block that is not known to be canonical: one that is, at most 8,191 blocks back.
    error UnknownOrigin(bytes32 l1Origin);

    /// @notice The slot's number was given again since the L1 block that the promise rests on, or too shortly before it for a
    /// sequencer to have known: the result may be of a slot that is void.
    error Void(uint64 slot);

    /// @notice Punishes whom the evidence convicts: an eighth of the penalty goes to the caller, half of it is kept for the
    /// victim where the broken promise was about an item, the rest is burned.
    function punish(bytes calldata evidence) external returns (bytes32 id);

    /// @notice Punishes, at the lower penalty for faults of liveness, who promised a slot that no posted batch holds by its
    /// deadline. `encoded` is a signed promise with version byte and domain.
    function punishMissing(bytes calldata encoded) external returns (bytes32 id);

    /// @notice Punishes who promised a result that is not what was settled, as for any fault of safety. It decides what no
    /// evidence of signatures alone can on L1: verdicts about sealed items, plaintexts, failed legs, gas, output and logs.
    /// @param encoded signed execution promise with version byte and domain
    /// @param fate what was settled of the item on a rollup
    function punishResult(bytes calldata encoded, SettledFate calldata fate) external returns (bytes32 id);

    /// @notice Pays the victim of a conviction about an item: the sender of its first transaction, the payer of an envelope.
    /// Anybody may call it.
    /// @param item canonical encoding of a transaction, bundle or envelope, without version byte
    function compensate(bytes32 id, bytes calldata item) external returns (uint256 amount);

    /// @notice Returns what an operator loses for a fault of safety, in wei.
    function safetyPenalty() external view returns (uint256);

    /// @notice Returns what an operator loses for a missed deadline, in wei.
    function livenessPenalty() external view returns (uint256);
}
