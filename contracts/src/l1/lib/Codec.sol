// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Writes values in Weft's canonical encoding
library Codec {
    /// @notice Returns a number without leading zeros, behind its length in bytes.
    function number(uint256 value) internal pure returns (bytes memory) {
        uint256 length = 0;
        for (uint256 rest = value; rest != 0; rest >>= 8) {
            length++;
        }
        bytes memory digits = new bytes(length);
        for (uint256 i = length; i > 0; i--) {
            digits[i - 1] = bytes1(uint8(value));
            value >>= 8;
        }
        return abi.encodePacked(uint8(length), digits);
    }
}
