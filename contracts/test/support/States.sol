// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Nodes of state tries, as small as can be: leaves of one account or one word.
library States {
    bytes32 internal constant EMPTY_TRIE = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;
    bytes32 private constant EMPTY_CODE = 0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470;

    function account(uint256 balance, bytes32 storageRoot) internal pure returns (bytes memory) {
        bytes memory digits = hex"";
        for (uint256 rest = balance; rest != 0; rest >>= 8) {
            digits = abi.encodePacked(uint8(rest), digits);
        }
        bytes memory number = digits.length == 1 && uint8(digits[0]) < 0x80
            ? digits
            : abi.encodePacked(uint8(0x80 + digits.length), digits);
        return list(abi.encodePacked(hex"80", number, uint8(0xa0), storageRoot, uint8(0xa0), EMPTY_CODE));
    }

    /// A leaf for what is left of the owner's path after `depth` nibbles, 0 or 1.
    function leafNode(address owner, uint256 depth, bytes memory value) internal pure returns (bytes memory) {
        return _leaf(keccak256(abi.encodePacked(owner)), depth, value);
    }

    function storageLeaf(bytes32 slot, bytes memory value) internal pure returns (bytes memory) {
        return _leaf(keccak256(abi.encodePacked(slot)), 0, value);
    }

    function _leaf(bytes32 key, uint256 depth, bytes memory value) private pure returns (bytes memory) {
        bytes memory path = depth == 0 ? abi.encodePacked(uint8(0x20), key) : abi.encodePacked(key);
        if (depth == 1) path[0] = (path[0] & 0x0f) | 0x30;
        bytes memory head = value.length < 56
            ? abi.encodePacked(uint8(0x80 + value.length))
            : abi.encodePacked(uint8(0xb8), uint8(value.length));
        return list(abi.encodePacked(uint8(0x80 + path.length), path, head, value));
    }

    function list(bytes memory body) internal pure returns (bytes memory) {
        if (body.length < 56) return abi.encodePacked(uint8(0xc0 + body.length), body);
        if (body.length < 256) return abi.encodePacked(uint8(0xf8), uint8(body.length), body);
        return abi.encodePacked(uint8(0xf9), uint16(body.length), body);
    }
}
