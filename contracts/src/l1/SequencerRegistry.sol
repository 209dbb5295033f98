// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "./interfaces/IHub.sol";
import {ISequencerRegistry} from "./interfaces/ISequencerRegistry.sol";
import {Realm} from "./lib/Realm.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @title Keys that promise for a realm, and the bonds behind them (P47)
contract SequencerRegistry is ISequencerRegistry {
    struct Operator {
        uint128 bond;
        /// L1 block from which the bond can be withdrawn; zero for who stays.
        uint64 leavesAt;
    }

    struct Key {
        address operator;
        Role role;
    }

    IHub private immutable hub;
    address private immutable slasher;
    uint64 private immutable realm;

    /// @inheritdoc ISequencerRegistry
    uint256 public immutable minimumBond;

    /// @inheritdoc ISequencerRegistry
    uint256 public immutable unbondingBlocks;

    address private seatOperator;
    // One word, the only one that is read for a batch.
    address private seatKey;
    uint64 private seatSince;
    /// Invariant: `_isBonded(seatOperator)`.
    bool private isSeatBonded;

    mapping(address operator => Operator) private operators;
    mapping(address key => Key) private keys;

    /// @param firstOperator who holds the seat at first, with the value of the call as bond and `firstKey` as key
    constructor(
        IHub hub_,
        address slasher_,
        uint64 realm_,
        uint256 minimumBond_,
        uint256 unbondingBlocks_,
        address firstOperator,
        address firstKey
    ) payable {
        (hub, slasher, realm) = (hub_, slasher_, realm_);
        (minimumBond, unbondingBlocks) = (minimumBond_, unbondingBlocks_);
        _addBond(firstOperator, msg.value);
        _checkBond(firstOperator);
        _addKey(firstKey, firstOperator, Role.Sequencer);
        _sit(firstOperator, firstKey);
    }

    /// @inheritdoc ISequencerRegistry
    function addBond(address operator) external payable {
        _addBond(operator, msg.value);
    }

    /// @inheritdoc ISequencerRegistry
    function addKey(address key, Role role, bytes calldata proof) external {
        _checkBond(msg.sender);
        bytes32 digest = Realm.hash(Realm.OPERATOR_KEY, address(hub), realm, abi.encodePacked(msg.sender, uint8(role)));
        if (role == Role.None || key == address(0) || Signatures.signer(digest, proof) != key) {
            revert Unauthorized(key);
        }
        _addKey(key, msg.sender, role);
    }

    /// @inheritdoc ISequencerRegistry
    function takeSeat(address key) external {
        if (!_isFree()) revert SeatHeld(seatOperator);
        _checkBond(msg.sender);
        _checkOwnKey(key);
        _sit(msg.sender, key);
    }

    /// @inheritdoc ISequencerRegistry
    function changeKey(address key) external {
        if (msg.sender != seatOperator) revert Unauthorized(msg.sender);
        _checkOwnKey(key);
        seatKey = key;
        emit SeatTaken(msg.sender, key);
    }

    /// @inheritdoc ISequencerRegistry
    function beginLeaving() external {
        Operator storage operator = operators[msg.sender];
        if (operator.leavesAt != 0 || operator.bond == 0) revert NotLeaving();
        operator.leavesAt = uint64(block.number + unbondingBlocks);
        _noteBond(msg.sender);
        emit Leaving(msg.sender, operator.leavesAt);
    }

    /// @inheritdoc ISequencerRegistry
    function withdraw(address to) external {
        Operator storage operator = operators[msg.sender];
        (uint256 amount, uint256 from) = (operator.bond, operator.leavesAt);
        if (from == 0) revert NotLeaving();
        if (block.number < from) revert NotYet(from);
        delete operators[msg.sender];
        _noteBond(msg.sender);
        emit BondChanged(msg.sender, 0);
        _pay(to, amount);
    }

    /// @inheritdoc ISequencerRegistry
    function slash(address operator, bytes32 id, uint256 amount, address to) external returns (uint256 taken) {
        if (msg.sender != slasher) revert Unauthorized(msg.sender);
        uint256 bond = operators[operator].bond;
        taken = amount < bond ? amount : bond;
        operators[operator].bond = uint128(bond - taken);
        _noteBond(operator);
        emit BondChanged(operator, bond - taken);
        emit Slashed(operator, id, taken, to);
        _pay(to, taken);
    }

    /// @inheritdoc ISequencerRegistry
    function keyOf(address key) external view returns (address operator, Role role) {
        Key memory entry = keys[key];
        return (entry.operator, entry.role);
    }

    /// @inheritdoc ISequencerRegistry
    function bondOf(address operator) external view returns (uint256) {
        return operators[operator].bond;
    }

    /// @inheritdoc ISequencerRegistry
    function isSequencer(address key) external view returns (bool) {
        return key == seatKey && isSeatBonded;
    }

    /// @inheritdoc ISequencerRegistry
    function seat() external view returns (address operator, address key) {
        return (seatOperator, seatKey);
    }

    function _isFree() private view returns (bool) {
        if (!_isBonded(seatOperator)) return true;
        (,,, uint64 settledAt) = hub.settled();
        uint256 since = settledAt > seatSince ? settledAt : seatSince;
        return block.number > since + hub.exitWindow();
    }

    function _isBonded(address operator) private view returns (bool) {
        Operator memory entry = operators[operator];
        return entry.bond >= minimumBond && entry.leavesAt == 0;
    }

    /// To be called wherever the bond of `operator` has changed, or whether it leaves.
    function _noteBond(address operator) private {
        if (operator == seatOperator) isSeatBonded = _isBonded(operator);
    }

    function _checkBond(address operator) private view {
        if (!_isBonded(operator)) revert BondTooLow(operators[operator].bond, minimumBond);
    }

    function _checkOwnKey(address key) private view {
        Key memory entry = keys[key];
        if (entry.operator != msg.sender || entry.role != Role.Sequencer) revert Unauthorized(key);
    }

    function _addBond(address operator, uint256 amount) private {
        uint256 bond = operators[operator].bond + amount;
        operators[operator].bond = uint128(bond);
        _noteBond(operator);
        emit BondChanged(operator, bond);
    }

    function _addKey(address key, address operator, Role role) private {
        if (keys[key].operator != address(0)) revert KeyTaken(key);
        keys[key] = Key(operator, role);
        emit KeyAdded(key, operator, role);
    }

    function _sit(address operator, address key) private {
        (seatOperator, seatKey, seatSince, isSeatBonded) = (operator, key, uint64(block.number), true);
        emit SeatTaken(operator, key);
    }

    function _pay(address to, uint256 amount) private {
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert PaymentFailed(to);
    }
}
