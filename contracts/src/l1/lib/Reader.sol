// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Takes Weft's canonical encoding apart
/// @notice Like `Reader` in `weft-types`: every value has one encoding, every other form is refused.
library Reader {
    /// @notice How far the input is read.
    struct Cursor {
        uint256 pos;
    }

    /// @notice The input is no canonical encoding; it stops being one at this byte.
    error NotCanonical(uint256 position);

    /// @notice Takes `length` bytes.
    function raw(bytes calldata data, Cursor memory cursor, uint256 length) internal pure returns (bytes calldata) {
        uint256 pos = cursor.pos;
        if (length > data.length - pos) revert NotCanonical(pos);
        cursor.pos = pos + length;
        return data[pos:pos + length];
    }

    /// @notice Takes a number of `size` bytes.
    function fixedNumber(bytes calldata data, Cursor memory cursor, uint256 size) internal pure returns (uint256) {
        bytes calldata digits = raw(data, cursor, size);
        return uint256(bytes32(digits)) >> (256 - 8 * size);
    }

    /// @notice Takes a number behind its length, of at most `size` bytes.
    function number(bytes calldata data, Cursor memory cursor, uint256 size) internal pure returns (uint256) {
        uint256 pos = cursor.pos;
        uint256 length = fixedNumber(data, cursor, 1);
        if (length > size) revert NotCanonical(pos);
        if (length == 0) return 0;
        bytes calldata digits = raw(data, cursor, length);
        if (digits[0] == 0) revert NotCanonical(pos);
        return uint256(bytes32(digits)) >> (256 - 8 * length);
    }

    /// @notice Takes a length of at most `bound`.
    function length32(bytes calldata data, Cursor memory cursor, uint256 bound) internal pure returns (uint256 length) {
        uint256 pos = cursor.pos;
        length = number(data, cursor, 4);
        if (length > bound) revert NotCanonical(pos);
    }

    /// @notice Takes one byte of at most `most`.
    function tag(bytes calldata data, Cursor memory cursor, uint256 most) internal pure returns (uint8 found) {
        uint256 pos = cursor.pos;
        found = uint8(fixedNumber(data, cursor, 1));
        if (found > most) revert NotCanonical(pos);
    }

    /// @notice Takes a boolean.
    function flag(bytes calldata data, Cursor memory cursor) internal pure returns (bool) {
        return tag(data, cursor, 1) == 1;
    }

    /// @notice Takes 32 bytes.
    function word(bytes calldata data, Cursor memory cursor) internal pure returns (bytes32) {
        return bytes32(raw(data, cursor, 32));
    }

    /// @notice Tells whether `one` stands before `other`, or is the same, in the order of their bytes.
    function isOrdered(bytes calldata one, bytes calldata other) internal pure returns (bool) {
        uint256 length = one.length < other.length ? one.length : other.length;
        for (uint256 pos = 0; pos < length; pos += 32) {
            // A slice that ends early is filled with zeros on both sides.
            uint256 end = pos + 32 < length ? pos + 32 : length;
            (bytes32 left, bytes32 right) = (bytes32(one[pos:end]), bytes32(other[pos:end]));
            if (left != right) return left < right;
        }
        return one.length <= other.length;
    }
}
