// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

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

/// @title Punishes who broke a promise (P47)
/// @notice Takes the bytes of `weft-evidence` and nothing else. Each conviction counts once, for our own bond and, on the
/// opt-in path, for the URC's collateral.
interface ISlasher is IUrcSlasher {
    /// @notice The key `key` is convicted; `taken` wei of its operator's bond are gone.
    /// @param id conviction (docs/reference/evidence.md)
    /// @param fault number of the fault
    event Convicted(bytes32 indexed id, address indexed key, uint8 indexed fault, address reporter, uint256 taken);

    /// @notice `amount` wei wait for the victim of conviction `id`: who sent item `item`.
    event CompensationReserved(bytes32 indexed id, bytes32 indexed item, uint256 amount);

    /// @notice The victim of conviction `id` was paid.
    event Compensated(bytes32 indexed id, address indexed victim, uint256 amount);

    /// @notice The bytes are not evidence of this realm in its one encoding.
    error NotEvidence(uint256 position);

    /// @notice The evidence kind is not decided on L1.
    error NotDecidedHere(uint8 kind);

    /// @notice The parts do not contradict each other, or do not show what they are meant to.
    error NotShown();

    /// @notice Nobody made the signature.
    error InvalidSignature();

    /// @notice Two keys signed a part each.
    error TwoKeys(address one, address other);

    /// @notice The key is no operator's, or has another role.
    error UnknownKey(address key);

    /// @notice This was punished already.
    error AlreadyConvicted(bytes32 id);

    /// @notice Nothing waits for the caller.
    error NothingReserved(bytes32 id);

    /// @notice Only the URC may call this.
    error OnlyUrc(address caller);

    /// @notice The commitment does not stand for the key's promises in this realm.
    error WrongCommitment();

    /// @notice Punishes whom the evidence convicts: a part of the bond goes to the caller, a part is kept for the victim, the
    /// rest is burned.
    function punish(bytes calldata evidence) external returns (bytes32 id);

    /// @notice Pays the victim of a conviction about an item: the sender of its first transaction. Anybody may call it.
    /// @param item canonical encoding of the item, behind its version byte
    function compensate(bytes32 id, bytes calldata item) external returns (uint256 amount);

    /// @notice Returns who is convicted of what by the evidence, without punishing; reverts if nobody is.
    function judge(bytes calldata evidence)
        external
        view
        returns (bytes32 id, address key, uint8 fault, bytes32 item);
}
