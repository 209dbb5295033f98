// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Where the posted or the settled batches end, in one word: number, last slot and inbox cursor (64 bits each), L1 block
/// and a count (32 bits each).
type Head is uint256;

/// @notice What a batch that waits is settled by besides its hash, in one word: rollups (128 bits), inbox cursor, last slot.
type Waiting is uint256;

using Heads for Head global;
using Heads for Waiting global;

/// @title Words of the hub with several parts
/// @dev The compiler writes a struct part by part, each with a read and a write of the word.
library Heads {
    function head(uint64 number_, uint64 lastSlot_, uint64 inboxCursor_, uint32 l1Block_, uint32 count_)
        internal
        pure
        returns (Head)
    {
        uint256 batch = uint256(number_) << 192 | uint256(lastSlot_) << 128 | uint256(inboxCursor_) << 64;
        return Head.wrap(batch | uint256(l1Block_) << 32 | count_);
    }

    function waiting(uint128 rollups_, uint64 inboxCursor_, uint64 lastSlot_) internal pure returns (Waiting) {
        return Waiting.wrap(uint256(rollups_) << 128 | uint256(inboxCursor_) << 64 | lastSlot_);
    }

    function number(Head self) internal pure returns (uint64) {
        return uint64(Head.unwrap(self) >> 192);
    }

    function lastSlot(Head self) internal pure returns (uint64) {
        return uint64(Head.unwrap(self) >> 128);
    }

    function inboxCursor(Head self) internal pure returns (uint64) {
        return uint64(Head.unwrap(self) >> 64);
    }

    function l1Block(Head self) internal pure returns (uint32) {
        return uint32(Head.unwrap(self) >> 32);
    }

    function count(Head self) internal pure returns (uint32) {
        return uint32(Head.unwrap(self));
    }

    /// @notice Returns the head with another count.
    function withCount(Head self, uint32 count_) internal pure returns (Head) {
        return Head.wrap(Head.unwrap(self) >> 32 << 32 | count_);
    }

    function rollups(Waiting self) internal pure returns (uint128) {
        return uint128(Waiting.unwrap(self) >> 128);
    }

    function inboxCursor(Waiting self) internal pure returns (uint64) {
        return uint64(Waiting.unwrap(self) >> 64);
    }

    function lastSlot(Waiting self) internal pure returns (uint64) {
        return uint64(Waiting.unwrap(self));
    }
}
