// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE} from "../interfaces/Addresses.sol";
import {IHub} from "./interfaces/IHub.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IL1Bridge} from "./interfaces/IL1Bridge.sol";
import {Codec} from "./lib/Codec.sol";
import {Realm} from "./lib/Realm.sol";

/// @title Items that L1 puts into the lane (P46)
/// @dev One word for each entry: the accumulator after it, and its block.
contract Inbox is IInbox {
    uint256 private constant MAX_SIZE = 131_072;
    uint64 private constant LEAST_GAS = 21_000;
    uint64 private constant MOST_GAS = 10_000_000;
    uint256 private constant BYTE_GAS = 16;

    struct Entry {
        bytes28 accumulator;
        uint32 l1Block;
    }

    IHub private immutable hub;
    IL1Bridge private immutable bridge;
    address private immutable escape;
    uint64 private immutable realm;

    /// @inheritdoc IInbox
    uint64 public count;

    mapping(uint64 index => Entry) private entries;

    constructor(IHub hub_, IL1Bridge bridge_, address escape_, uint64 realm_) {
        (hub, bridge, escape, realm) = (hub_, bridge_, escape_, realm_);
    }

    /// @inheritdoc IInbox
    function deposit(uint32 network, address to, uint64 gas, bytes calldata data)
        external
        payable
        returns (uint64 index)
    {
        index = _deposit(network, msg.sender, msg.sender, to, msg.value, gas, data);
        if (msg.value != 0) bridge.fund{value: msg.value}(network);
    }

    /// @inheritdoc IInbox
    function depositFromBridge(
        uint32 network,
        address sender,
        address to,
        uint256 value,
        uint64 gas,
        bytes calldata data
    ) external returns (uint64) {
        if (msg.sender != address(bridge)) revert Unauthorized(msg.sender);
        return _deposit(network, sender, BRIDGE, to, value, gas, data);
    }

    /// @inheritdoc IInbox
    function forceTransaction(uint32 network, bytes calldata transaction) external returns (uint64) {
        _checkRollup(network);
        _checkSize(transaction.length);
        bytes memory head = bytes.concat(bytes1(uint8(1)), Codec.number(network), bytes1(0));
        return _add(network, msg.sender, bytes.concat(head, Codec.number(transaction.length), transaction));
    }

    /// @inheritdoc IInbox
    function forceBundle(bytes calldata bundle) external returns (uint64) {
        _checkSize(bundle.length);
        return _add(0, msg.sender, bytes.concat(bytes1(uint8(2)), bundle));
    }

    /// @inheritdoc IInbox
    function exited(uint32 network, address account, uint32 originNetwork, address originToken, uint256 amount)
        external
        returns (uint64)
    {
        if (msg.sender != escape) revert Unauthorized(msg.sender);
        bytes memory token = abi.encodePacked(Codec.number(originNetwork), originToken, amount);
        return _add(network, account, abi.encodePacked(uint8(3), Codec.number(network), account, token));
    }

    /// @inheritdoc IInbox
    function accumulatorAt(uint64 index) public view returns (bytes28) {
        if (index > count) revert NoSuchEntry(index, count);
        return index == 0 ? bytes28(0) : entries[index - 1].accumulator;
    }

    /// @inheritdoc IInbox
    function blockOf(uint64 index) external view returns (uint64) {
        return entries[index].l1Block;
    }

    /// @inheritdoc IInbox
    function mark(uint64 cursor) external view returns (bytes28 accumulator, uint64 before, uint64 next) {
        if (cursor != 0) {
            Entry memory entry = entries[cursor - 1];
            (accumulator, before) = (entry.accumulator, entry.l1Block);
            if (before == 0) revert NoSuchEntry(cursor, count);
        }
        next = entries[cursor].l1Block;
    }

    function _deposit(
        uint32 network,
        address sender,
        address from,
        address to,
        uint256 value,
        uint64 gas,
        bytes calldata data
    ) private returns (uint64) {
        _checkRollup(network);
        if (data.length > MAX_SIZE) revert WrongSize(data.length);
        if (gas < LEAST_GAS + BYTE_GAS * data.length || gas > MOST_GAS) revert WrongGas(gas);
        bytes memory head = abi.encodePacked(uint8(0), Codec.number(network), from, to, value, gas);
        return _add(network, sender, bytes.concat(head, Codec.number(data.length), data));
    }

    function _add(uint32 network, address sender, bytes memory payload) private returns (uint64 index) {
        index = count;
        bytes28 before = index == 0 ? bytes28(0) : entries[index - 1].accumulator;
        uint32 l1Block = uint32(block.number);
        bytes memory body = abi.encodePacked(before, index, l1Block, keccak256(payload));
        bytes28 accumulator = bytes28(Realm.hash(Realm.INBOX_ENTRY, address(hub), realm, body));
        entries[index] = Entry(accumulator, l1Block);
        count = index + 1;
        emit EntryAdded(index, network, sender, accumulator, payload);
    }

    function _checkRollup(uint32 network) private view {
        if (hub.idOf(network) == 0) revert UnknownRollup(network);
    }

    function _checkSize(uint256 size) private pure {
        if (size == 0 || size > MAX_SIZE) revert WrongSize(size);
    }
}
