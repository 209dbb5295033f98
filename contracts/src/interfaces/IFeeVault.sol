// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

// Address of the `FeeVault` predeploy, on the home rollup of a realm that takes sealed items.
address constant FEE_VAULT = 0x5745465400000000000000000000000000000004;

/// @title Deposits from which the carriage of sealed items is paid (P13)
/// @notice The sequencer reserves fees against the deposit as it was after the last closed slot, so a deposit counts one
/// slot later, and ether that leaves can be charged until it has left. All amounts are in wei.
interface IFeeVault {
    /// @notice `payer` has `amount` more, paid by `from`.
    event Deposited(address indexed payer, address indexed from, uint256 amount);

    /// @notice `amount` of `payer` can be withdrawn from `leavesAt` on, in seconds since the Unix epoch.
    event Leaving(address indexed payer, uint256 amount, uint256 leavesAt);

    /// @notice `amount` of `payer` went to `to`.
    event Withdrawn(address indexed payer, address indexed to, uint256 amount);

    /// @notice `payer` paid `amount` for a sealed item.
    event Charged(address indexed payer, uint256 amount);

    /// @notice What `beneficiary` earned went to it.
    event Collected(address indexed beneficiary, uint256 amount);

    /// @notice The function serves the system sender only.
    error OnlySystem(address caller);

    /// @notice More is asked for than there is.
    error Insufficient(uint256 asked, uint256 available);

    /// @notice Nothing can be withdrawn before `leavesAt`.
    error NotYet(uint256 leavesAt);

    /// @notice The receiver of ether refused it.
    error NotPaid(address to);

    /// @notice Returns how long ether takes to leave, in seconds: longer than any epoch takes to be opened.
    function WITHDRAWAL_DELAY() external view returns (uint256);

    /// @notice Adds the value of the call to the deposit of `payer`.
    function deposit(address payer) external payable;

    /// @notice Lets `amount` of the caller's deposit leave. What was leaving before starts to wait again.
    function beginWithdrawal(uint256 amount) external;

    /// @notice Pays what has left to `to`.
    function withdraw(address to) external;

    /// @notice Charges payers, the deposit first and what leaves after it, and never more than both.
    /// @dev Only the system sender may call it, in the closing call of a block. The caller bounds the lists.
    function charge(address[] calldata payers, uint256[] calldata amounts) external;

    /// @notice Pays `beneficiary` what it earned as the coinbase of blocks that charged. Anybody may call it.
    function collect(address beneficiary) external;

    /// @notice Returns the deposit of `payer` that does not leave.
    function depositOf(address payer) external view returns (uint256);

    /// @notice Returns what of `payer` leaves, and from when on it can be withdrawn.
    function leavingOf(address payer) external view returns (uint256 amount, uint256 leavesAt);

    /// @notice Returns what `beneficiary` earned and has not collected.
    function earned(address beneficiary) external view returns (uint256);
}
