// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Keys that promise for a realm, and the bonds behind them (P47)
/// @notice One operator holds the seat: its keys sign batches. Members of the committee are operators too. A key belongs to
/// one operator for good, and answers for what it signed as long as the operator has a bond. All amounts are in wei.
interface ISequencerRegistry {
    /// @notice What a key may sign.
    enum Role {
        None,
        Sequencer,
        Member
    }

    /// @notice An operator's bond changed to `bond`.
    event BondChanged(address indexed operator, uint256 bond);

    /// @notice A key speaks for an operator from now on.
    event KeyAdded(address indexed key, address indexed operator, Role role);

    /// @notice The seat changed hands.
    event SeatTaken(address indexed operator, address indexed key);

    /// @notice The operator's bond can be withdrawn from L1 block `from` on.
    event Leaving(address indexed operator, uint256 from);

    /// @notice `amount` of the operator's bond was taken for conviction `id`.
    event Slashed(address indexed operator, bytes32 indexed id, uint256 amount, address to);

    error Unauthorized(address caller);
    error KeyTaken(address key);
    error BondTooLow(uint256 bond, uint256 needed);
    error SeatHeld(address operator);
    error NotLeaving();
    error NotYet(uint256 from);
    error PaymentFailed(address to);

    /// @notice Adds the value of the call to the bond of `operator`.
    function addBond(address operator) external payable;

    /// @notice Lets `key` speak for the caller, whose bond is not below the least. `proof` is the key's signature over
    /// `H(65, operator || role)`, `r || s || parity`.
    function addKey(address key, Role role, bytes calldata proof) external;

    /// @notice Takes the seat with a sequencer key of the caller. It is free when its holder leaves, has lost its bond, or
    /// settled nothing for the hub's `exitWindow()`.
    function takeSeat(address key) external;

    /// @notice Lets the holder of the seat sign batches with another key of its own.
    function changeKey(address key) external;

    /// @notice Begins to withdraw the caller's bond; it answers for its promises until it is paid.
    function beginLeaving() external;

    /// @notice Pays the caller's bond, after `unbondingBlocks()`.
    function withdraw(address to) external;

    /// @notice Takes up to `amount` of an operator's bond for conviction `id`. Only the slasher.
    /// @return taken what there was
    function slash(address operator, bytes32 id, uint256 amount, address to) external returns (uint256 taken);

    /// @notice Returns whose key this is, and for what.
    function keyOf(address key) external view returns (address operator, Role role);

    /// @notice Returns the operator's bond.
    function bondOf(address operator) external view returns (uint256);

    /// @notice Returns whether batches signed by `key` count.
    function isSequencer(address key) external view returns (bool);

    /// @notice Returns who holds the seat, with which key.
    function seat() external view returns (address operator, address key);

    /// @notice Returns the least bond of an operator.
    function minimumBond() external view returns (uint256);

    /// @notice Returns how long a bond answers after its operator left, in L1 blocks.
    function unbondingBlocks() external view returns (uint256);
}
