// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Reads the optional fields of an ERC-20 token without ever reverting
library TokenMetadata {
    /// @notice Returns the answer to `signature`, a text or 32 bytes padded with zeros; empty if there is none.
    function text(address token, string memory signature) internal view returns (string memory) {
        (bool ok, bytes memory result) = token.staticcall(abi.encodeWithSignature(signature));
        if (!ok || result.length < 32) return "";
        if (result.length == 32) return _fromBytes32(bytes32(result));
        return _isText(result) ? abi.decode(result, (string)) : "";
    }

    /// @notice Returns the decimals; 18 if the token does not say.
    function decimals(address token) internal view returns (uint8) {
        (bool ok, bytes memory result) = token.staticcall(abi.encodeWithSignature("decimals()"));
        if (!ok || result.length < 32) return 18;
        uint256 value = abi.decode(result, (uint256));
        return value <= type(uint8).max ? uint8(value) : 18;
    }

    function _isText(bytes memory result) private pure returns (bool) {
        if (result.length < 64) return false;
        (uint256 offset, uint256 length) = abi.decode(result, (uint256, uint256));
        return offset == 32 && length <= result.length - 64;
    }

    function _fromBytes32(bytes32 word) private pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && word[length] != 0) length++;
        bytes memory head = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            head[i] = word[i];
        }
        return string(head);
    }
}
