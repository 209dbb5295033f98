// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Proofs of Ethereum's state tries, as `eth_getProof` answers them
library StateProof {
    /// @notice The nodes do not lead from the root to a value, or are no canonical trie nodes.
    error InvalidProof();

    /// @notice A stretch of a node: the content of an RLP item, and whether it is a list.
    struct Item {
        uint256 offset;
        uint256 length;
        bool isList;
    }

    /// Where the way from the root to a key has come to: `item` of `node` is next, when it stands in there.
    struct Walk {
        bytes32 key;
        uint256 depth;
        uint256 used;
        bytes32 expected;
        bytes node;
        Item item;
        bool isInner;
    }

    /// @notice Returns the balance and the storage root of an account.
    function account(bytes32 stateRoot, address owner, bytes[] calldata proof)
        internal
        pure
        returns (uint256 balance, bytes32 storageRoot)
    {
        bytes memory value = valueOf(stateRoot, keccak256(abi.encodePacked(owner)), proof);
        Item[17] memory fields;
        if (_items(value, _whole(value), fields) != 4) revert InvalidProof();
        return (_number(value, fields[1]), bytes32(_word(value, fields[2])));
    }

    /// @notice Returns a word of an account's storage.
    function slot(bytes32 storageRoot, bytes32 key, bytes[] calldata proof) internal pure returns (uint256) {
        bytes memory value = valueOf(storageRoot, keccak256(abi.encodePacked(key)), proof);
        return _number(value, _item(value, 0, value.length));
    }

    /// @notice Returns the value of a key of 32 bytes. Reverts when the proof is another one, or shows that there is none.
    function valueOf(bytes32 root, bytes32 key, bytes[] calldata proof) internal pure returns (bytes memory) {
        Walk memory walk;
        (walk.key, walk.expected) = (key, root);
        Item[17] memory fields;
        while (true) {
            if (!walk.isInner) _open(walk, proof);
            uint256 count = _items(walk.node, walk.item, fields);
            if (count != 2 && count != 17) revert InvalidProof();
            Item memory next = fields[1];
            if (count == 17) {
                if (walk.depth == 64) revert InvalidProof();
                next = fields[_nibble(key, walk.depth++)];
            } else if (_follow(walk, fields[0])) {
                if (walk.used != proof.length) revert InvalidProof();
                return _slice(walk.node, next);
            }
            walk.isInner = next.isList;
            // Nodes under 32 bytes stand inside their parents.
            if (walk.isInner) walk.item = next;
            else walk.expected = bytes32(_word(walk.node, next));
        }
    }

    /// Takes the next node of the proof, which must be the expected one.
    function _open(Walk memory walk, bytes[] calldata proof) private pure {
        if (walk.used == proof.length) revert InvalidProof();
        walk.node = proof[walk.used++];
        if (keccak256(walk.node) != walk.expected) revert InvalidProof();
        walk.item = _whole(walk.node);
    }

    /// Walks the path of a leaf or extension, which must agree with the key.
    function _follow(Walk memory walk, Item memory path) private pure returns (bool isLeaf) {
        bytes memory node = walk.node;
        if (path.isList || path.length == 0) revert InvalidProof();
        uint256 flag = uint8(node[path.offset]) >> 4;
        if (flag > 3) revert InvalidProof();
        isLeaf = flag >= 2;
        uint256 nibbles = path.length * 2;
        for (uint256 i = flag % 2 == 1 ? 1 : 2; i < nibbles; i++) {
            uint8 pair = uint8(node[path.offset + i / 2]);
            uint256 found = i % 2 == 0 ? pair >> 4 : pair & 15;
            if (walk.depth == 64 || found != _nibble(walk.key, walk.depth)) revert InvalidProof();
            walk.depth++;
        }
        if (isLeaf && walk.depth != 64) revert InvalidProof();
    }

    function _nibble(bytes32 key, uint256 index) private pure returns (uint256) {
        return (uint256(key) >> (252 - 4 * index)) & 15;
    }

    /// Splits a list into at most 17 items and returns how many there are.
    function _items(bytes memory data, Item memory list, Item[17] memory items) private pure returns (uint256 count) {
        if (!list.isList) revert InvalidProof();
        uint256 pos = list.offset;
        uint256 end = list.offset + list.length;
        while (pos < end) {
            if (count == 17) revert InvalidProof();
            Item memory item = _item(data, pos, end);
            items[count++] = item;
            pos = item.offset + item.length;
        }
    }

    function _whole(bytes memory data) private pure returns (Item memory item) {
        item = _item(data, 0, data.length);
        if (item.offset + item.length != data.length) revert InvalidProof();
    }

    /// Reads the head of the RLP item at `at`, which ends before `end`.
    function _item(bytes memory data, uint256 pos, uint256 end) private pure returns (Item memory item) {
        if (pos >= end) revert InvalidProof();
        uint256 head = uint8(data[pos]);
        if (head < 0x80) {
            (item.offset, item.length) = (pos, 1);
        } else {
            item.isList = head >= 0xc0;
            uint256 short = head - (item.isList ? 0xc0 : 0x80);
            uint256 more = short > 55 ? short - 55 : 0;
            if (pos + 1 + more > end) revert InvalidProof();
            item.offset = pos + 1 + more;
            item.length = more == 0 ? short : _big(data, pos + 1, more);
        }
        if (item.length > end || item.offset + item.length > end) revert InvalidProof();
    }

    function _big(bytes memory data, uint256 pos, uint256 length) private pure returns (uint256 value) {
        if (length > 4) revert InvalidProof();
        for (uint256 i = 0; i < length; i++) {
            value = value << 8 | uint8(data[pos + i]);
        }
    }

    function _number(bytes memory data, Item memory item) private pure returns (uint256 value) {
        if (item.isList || item.length > 32) revert InvalidProof();
        for (uint256 i = 0; i < item.length; i++) {
            value = value << 8 | uint8(data[item.offset + i]);
        }
    }

    function _word(bytes memory data, Item memory item) private pure returns (uint256) {
        if (item.length != 32) revert InvalidProof();
        return _number(data, item);
    }

    function _slice(bytes memory data, Item memory item) private pure returns (bytes memory out) {
        if (item.isList) revert InvalidProof();
        out = new bytes(item.length);
        for (uint256 i = 0; i < item.length; i++) {
            out[i] = data[item.offset + i];
        }
    }
}
