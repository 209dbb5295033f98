// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Hashes that belong to one realm and one kind of object (P1)
library Realm {
    uint16 internal constant VERSION = 1;

    uint8 internal constant BATCH_HEADER = 60;
    uint8 internal constant BATCH = 61;
    uint8 internal constant STATEMENT = 62;
    uint8 internal constant REGISTRY = 63;
    uint8 internal constant INBOX_ENTRY = 64;
    uint8 internal constant OPERATOR_KEY = 65;

    /// @notice Returns what stands before everything that is hashed as a `tag` in this realm.
    function prefix(uint8 tag, address hub, uint64 realm) internal view returns (bytes memory) {
        return abi.encodePacked("weft", tag, VERSION, uint64(block.chainid), hub, realm);
    }

    /// @notice Returns `H(tag, body)`.
    function hash(uint8 tag, address hub, uint64 realm, bytes memory body) internal view returns (bytes32) {
        return keccak256(bytes.concat(prefix(tag, hub, realm), body));
    }
}
