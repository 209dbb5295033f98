// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Items that L1 puts into the lane, and that no sequencer can leave out (P46)
/// @notice An entry is the canonical encoding of an L1 event (`L1Event` in `weft-types`): deposit, forced transaction, forced
/// bundle or exit. A network is a rollup's chain id. Entries are consumed in order; its L1 block hash and the index of its log identify one (P48).
interface IInbox {
    /// @notice An entry was added.
    /// @param index number of the entry, from 0
    /// @param network chain id of the rollup that it is for; zero for a bundle
    /// @param sender who added it
    /// @param accumulator `H(64, accumulator before (28 bytes) || index u64 || block u32 || keccak(payload))`, cut to 28 bytes
    /// @param payload encoded event: 0 deposit, 1 transaction, 2 bundle, 3 exit
    event EntryAdded(
        uint64 indexed index, uint32 indexed network, address indexed sender, bytes28 accumulator, bytes payload
    );

    /// @notice The function serves the bridge and the escape hatch only.
    error Unauthorized(address caller);

    /// @notice No rollup has this chain id.
    error UnknownRollup(uint32 network);

    /// @notice `gas` is not between 21,000 and 10,000,000 units, or does not pay for the data (16 units a byte).
    error WrongGas(uint64 gas);

    /// @notice There are only `count` entries.
    error NoSuchEntry(uint64 cursor, uint64 count);

    /// @notice `size` is zero or over the limit of 131,072 bytes.
    error WrongSize(uint256 size);

    /// @notice Calls `to` on `network` with the value of the call, as the caller's proxy there.
    /// @param gas what the call may use there, in units
    function deposit(uint32 network, address to, uint64 gas, bytes calldata data)
        external
        payable
        returns (uint64 index);

    /// @notice Puts a signed EIP-2718 transaction into the lane. Bytes that are none cost the realm nothing.
    function forceTransaction(uint32 network, bytes calldata transaction) external returns (uint64 index);

    /// @notice Puts an encoded bundle into the lane. Bytes that are none cost the realm nothing.
    function forceBundle(bytes calldata bundle) external returns (uint64 index);

    /// @notice Like `deposit`, from the bridge predeploy's peer on L1. Only the bridge, which holds `value`.
    function depositFromBridge(
        uint32 network,
        address sender,
        address to,
        uint256 value,
        uint64 gas,
        bytes calldata data
    ) external returns (uint64 index);

    /// @notice Says that `amount` of an account's token left by a state proof: to be burned before anything else on resume.
    /// Only the escape hatch.
    function exited(uint32 network, address account, uint32 originNetwork, address originToken, uint256 amount)
        external
        returns (uint64 index);

    /// @notice Returns the number of entries.
    function count() external view returns (uint64);

    /// @notice Returns the accumulator over the entries before `index`; zero for 0.
    function accumulatorAt(uint64 index) external view returns (bytes28);

    /// @notice Returns the L1 block of entry `index`; zero if there is none.
    function blockOf(uint64 index) external view returns (uint64);

    /// @notice Returns what a batch with this cursor must know: the accumulator over the entries before it, the L1 block of
    /// the last of them, and that of the entry at it; zero where there is none.
    function mark(uint64 cursor) external view returns (bytes28 accumulator, uint64 before, uint64 next);
}
