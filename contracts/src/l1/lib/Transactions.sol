// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Reads signed EIP-2718 transactions: marker (P18) and sender
/// @notice Legacy, and types 1, 2 and 4. Their RLP must be canonical in what is read of it.
library Transactions {
    bytes8 private constant MAGIC = 0xef776566740001ef;
    uint256 private constant MARKER = 40;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The bytes are no transaction of a known type.
    error NotATransaction();

    struct Item {
        uint256 start;
        uint256 offset;
        uint256 length;
        bool isList;
    }

    /// @notice Tells whether a transaction carries at least one bundle marker.
    function isMarked(bytes calldata transaction, address reserved) internal pure returns (bool) {
        (uint256 count,) = marker(transaction, reserved);
        return count != 0;
    }

    /// @notice Returns how many bundle markers a transaction carries, and one of them.
    function marker(bytes calldata transaction, address reserved) internal pure returns (uint256 count, bytes32 id) {
        (uint8 kind, Item[] memory fields) = _fields(transaction);
        (bool isAtTheEnd, bytes32 found) = _suffix(transaction, kind, fields);
        if (kind != 0) (count, id) = _listed(transaction, fields[kind == 1 ? 7 : 8], reserved);
        if (isAtTheEnd) (count, id) = (count + 1, found);
    }

    /// @notice Returns the gas that a transaction declares, and what a bundle's id says of it: who sends what where (P18).
    function shape(bytes calldata transaction) internal pure returns (uint256 gasLimit, bytes memory encoded) {
        (uint8 kind, Item[] memory fields) = _fields(transaction);
        uint256 first = kind == 0 ? 2 : kind == 1 ? 3 : 4;
        gasLimit = _number(transaction, fields[first]);
        Item memory to = fields[first + 1];
        Item memory input = fields[first + 3];
        if (to.length != 0 && to.length != 20) revert NotATransaction();
        address signer = sender(transaction);
        if (signer == address(0)) revert NotATransaction();
        (bool isAtTheEnd,) = _suffix(transaction, kind, fields);
        uint256 length = input.length - (isAtTheEnd ? MARKER : 0);
        encoded = bytes.concat(
            abi.encodePacked(signer, to.length != 0),
            transaction[to.offset:to.offset + to.length],
            bytes32(_number(transaction, fields[first + 2])),
            counted(length),
            transaction[input.offset:input.offset + length]
        );
    }

    /// @notice Returns a number without leading zeros, behind its length in bytes.
    function counted(uint256 value) internal pure returns (bytes memory) {
        bytes memory digits = _digits(value);
        return abi.encodePacked(uint8(digits.length), digits);
    }

    function _suffix(bytes calldata transaction, uint8 kind, Item[] memory fields)
        private
        pure
        returns (bool, bytes32)
    {
        Item memory input = fields[kind == 0 ? 5 : kind == 1 ? 6 : 7];
        if (input.length < MARKER) return (false, 0);
        uint256 pos = input.offset + input.length - MARKER;
        return (bytes8(transaction[pos:pos + 8]) == MAGIC, bytes32(transaction[pos + 8:pos + MARKER]));
    }

    /// @notice Returns who signed a transaction; zero when nobody can have.
    function sender(bytes calldata transaction) internal pure returns (address) {
        (uint8 kind, Item[] memory fields) = _fields(transaction);
        uint256 count = fields.length;
        uint256 v = _number(transaction, fields[count - 3]);
        uint256 s = _number(transaction, fields[count - 1]);
        bytes memory body = transaction[fields[0].start:fields[count - 3].start];
        if (kind == 0 && v > 36) {
            body = bytes.concat(body, _rlpNumber((v - 35) / 2), hex"8080");
            v = (v - 35) % 2;
        } else if (kind == 0) {
            if (v < 27) return address(0);
            v -= 27;
        }
        if (v > 1 || s > HALF_ORDER) return address(0);
        bytes memory list = bytes.concat(_rlpHead(body.length), body);
        bytes32 digest = keccak256(kind == 0 ? list : bytes.concat(bytes1(kind), list));
        return ecrecover(digest, uint8(27 + v), bytes32(_number(transaction, fields[count - 2])), bytes32(s));
    }

    /// Splits a transaction into its fields: 9 of a legacy one, 11, 12 and 13 of types 1, 2 and 4.
    function _fields(bytes calldata data) private pure returns (uint8 kind, Item[] memory fields) {
        if (data.length == 0) revert NotATransaction();
        kind = uint8(data[0]) >= 0xc0 ? 0 : uint8(data[0]);
        uint256 count = kind == 0 ? 9 : kind == 1 ? 11 : kind == 2 ? 12 : kind == 4 ? 13 : 0;
        if (count == 0) revert NotATransaction();
        Item memory list = _item(data, kind == 0 ? 0 : 1, data.length);
        if (!list.isList || list.offset + list.length != data.length) revert NotATransaction();
        fields = new Item[](count);
        uint256 pos = list.offset;
        for (uint256 i = 0; i < count; i++) {
            fields[i] = _item(data, pos, data.length);
            pos = fields[i].offset + fields[i].length;
        }
        if (pos != data.length) revert NotATransaction();
    }

    /// Returns how many keys of `reserved` an access list names, and the last one.
    function _listed(bytes calldata data, Item memory list, address reserved)
        private
        pure
        returns (uint256 count, bytes32 last)
    {
        uint256 end = list.offset + list.length;
        for (uint256 pos = list.offset; pos < end;) {
            Item memory entry = _item(data, pos, end);
            pos = entry.offset + entry.length;
            Item memory account = _item(data, entry.offset, pos);
            Item memory keys = _item(data, account.offset + account.length, pos);
            if (account.length != 20 || _number(data, account) != uint160(reserved)) continue;
            uint256 next = keys.offset;
            while (next < keys.offset + keys.length) {
                Item memory key = _item(data, next, keys.offset + keys.length);
                next = key.offset + key.length;
                (count, last) = (count + 1, bytes32(_number(data, key)));
            }
        }
    }

    function _item(bytes calldata data, uint256 pos, uint256 end) private pure returns (Item memory item) {
        if (pos >= end) revert NotATransaction();
        uint256 head = uint8(data[pos]);
        item.start = pos;
        if (head < 0x80) {
            (item.offset, item.length) = (pos, 1);
        } else {
            item.isList = head >= 0xc0;
            uint256 short = head - (item.isList ? 0xc0 : 0x80);
            uint256 more = short > 55 ? short - 55 : 0;
            if (more > 4 || pos + 1 + more > end) revert NotATransaction();
            item.offset = pos + 1 + more;
            item.length = more == 0 ? short : uint256(bytes32(data[pos + 1:item.offset])) >> (256 - 8 * more);
        }
        if (item.offset + item.length > end) revert NotATransaction();
    }

    function _number(bytes calldata data, Item memory item) private pure returns (uint256) {
        if (item.isList || item.length > 32) revert NotATransaction();
        if (item.length == 0) return 0;
        return uint256(bytes32(data[item.offset:item.offset + item.length])) >> (256 - 8 * item.length);
    }

    function _rlpHead(uint256 length) private pure returns (bytes memory) {
        if (length < 56) return abi.encodePacked(uint8(0xc0 + length));
        bytes memory digits = _digits(length);
        return abi.encodePacked(uint8(0xf7 + digits.length), digits);
    }

    function _rlpNumber(uint256 value) private pure returns (bytes memory) {
        bytes memory digits = _digits(value);
        if (digits.length == 1 && uint8(digits[0]) < 0x80) return digits;
        return abi.encodePacked(uint8(0x80 + digits.length), digits);
    }

    function _digits(uint256 value) private pure returns (bytes memory digits) {
        uint256 length = 0;
        for (uint256 rest = value; rest != 0; rest >>= 8) {
            length++;
        }
        digits = new bytes(length);
        for (uint256 i = length; i > 0; i--) {
            digits[i - 1] = bytes1(uint8(value));
            value >>= 8;
        }
    }
}
