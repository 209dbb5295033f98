// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The curve secp256k1 on public numbers: points in compressed form, and their multiples
/// @dev `ecrecover` tells 160 bits of a multiple. Whoever seals an envelope chooses what is compared, and for them 160 bits
/// collide after 2^80 tries, so multiples are computed.
library Secp256k1 {
    uint256 internal constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /// @notice Bytes of a point.
    uint256 internal constant LENGTH = 33;

    /// @notice A point other than infinity.
    struct Point {
        uint256 x;
        uint256 y;
    }

    /// A point (x / z^2, y / z^3); infinity where z is zero.
    struct Jacobian {
        uint256 x;
        uint256 y;
        uint256 z;
    }

    /// @notice The precompile for powers got too little gas.
    error NoPower();

    /// @notice Returns the point that everybody multiplies.
    function generator() internal pure returns (Point memory) {
        return Point(
            0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
            0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8
        );
    }

    /// @notice Reads exactly 33 bytes: 2 or 3, and the x coordinate. Tells whether that is a point.
    function decode(bytes memory encoded) internal view returns (bool isPoint, Point memory point) {
        uint8 sign = uint8(encoded[0]);
        uint256 x;
        assembly ("memory-safe") {
            x := mload(add(encoded, 33))
        }
        point.x = x;
        if ((sign != 2 && sign != 3) || point.x >= FIELD) return (false, point);
        uint256 square = addmod(mulmod(mulmod(point.x, point.x, FIELD), point.x, FIELD), 7, FIELD);
        uint256 root = _power(square, (FIELD + 1) / 4);
        isPoint = mulmod(root, root, FIELD) == square;
        point.y = root % 2 == sign % 2 ? root : FIELD - root;
    }

    /// @notice Returns the 33 bytes of a point.
    function encode(Point memory point) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(2 + point.y % 2), point.x);
    }

    /// @notice Returns `scalar` times the point, as 33 bytes; zeros for infinity.
    function times(Point memory point, uint256 scalar) internal view returns (bytes memory) {
        scalar %= ORDER;
        Jacobian memory sum;
        // What is added is never plus or minus what is there: that is 2k times the point for a 2k + 1 up to the scalar,
        // which is below the order.
        for (uint256 bit = 1 << 255; bit != 0; bit >>= 1) {
            _double(sum);
            if (scalar & bit != 0) _add(sum, point);
        }
        if (sum.z == 0) return new bytes(LENGTH);
        uint256 inverse = _power(sum.z, FIELD - 2);
        uint256 square = mulmod(inverse, inverse, FIELD);
        uint256 y = mulmod(sum.y, mulmod(square, inverse, FIELD), FIELD);
        return encode(Point(mulmod(sum.x, square, FIELD), y));
    }

    /// dbl-2009-l, which leaves infinity as it is.
    function _double(Jacobian memory sum) private pure {
        (uint256 x, uint256 y) = (sum.x, sum.y);
        uint256 square = mulmod(y, y, FIELD);
        sum.z = mulmod(2, mulmod(y, sum.z, FIELD), FIELD);
        uint256 product = mulmod(4, mulmod(x, square, FIELD), FIELD);
        uint256 slope = mulmod(3, mulmod(x, x, FIELD), FIELD);
        x = addmod(mulmod(slope, slope, FIELD), FIELD - mulmod(2, product, FIELD), FIELD);
        square = mulmod(8, mulmod(square, square, FIELD), FIELD);
        sum.x = x;
        sum.y = addmod(mulmod(slope, addmod(product, FIELD - x, FIELD), FIELD), FIELD - square, FIELD);
    }

    /// madd-2004-hmv. The points are neither the same nor opposite.
    function _add(Jacobian memory sum, Point memory point) private pure {
        uint256 z = sum.z;
        if (z == 0) {
            (sum.x, sum.y, sum.z) = (point.x, point.y, 1);
            return;
        }
        uint256 power = mulmod(z, z, FIELD);
        uint256 step = addmod(mulmod(point.x, power, FIELD), FIELD - sum.x, FIELD);
        power = mulmod(power, z, FIELD);
        uint256 rise = addmod(mulmod(point.y, power, FIELD), FIELD - sum.y, FIELD);
        sum.z = mulmod(z, step, FIELD);
        power = mulmod(step, step, FIELD);
        uint256 cube = mulmod(power, step, FIELD);
        uint256 offset = mulmod(sum.x, power, FIELD);
        uint256 x = addmod(mulmod(rise, rise, FIELD), FIELD - cube, FIELD);
        x = addmod(x, FIELD - mulmod(2, offset, FIELD), FIELD);
        cube = mulmod(sum.y, cube, FIELD);
        sum.x = x;
        sum.y = addmod(mulmod(rise, addmod(offset, FIELD - x, FIELD), FIELD), FIELD - cube, FIELD);
    }

    function _power(uint256 base, uint256 exponent) private view returns (uint256) {
        (bool ok, bytes memory power) = address(5).staticcall(abi.encode(32, 32, 32, base, exponent, FIELD));
        if (!ok || power.length != 32) revert NoPower();
        return uint256(bytes32(power));
    }
}
