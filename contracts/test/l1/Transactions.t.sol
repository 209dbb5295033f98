// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RESERVED} from "../../src/interfaces/Addresses.sol";
import {Transactions} from "../../src/l1/lib/Transactions.sol";
import {vm} from "../support/Vm.sol";

/// Markers in access lists, and bytes that end too early (P18).
contract TransactionsTest {
    address private constant OTHER = address(uint160(0x07e4));

    function isMarked(bytes calldata transaction) external pure returns (bool) {
        return Transactions.isMarked(transaction, RESERVED);
    }

    function test_p18_aKeyOfTheReservedAddressMarks() public view {
        bytes memory key = abi.encodePacked(hex"e1a0", keccak256("id"));
        require(this.isMarked(_transaction(_entry(RESERVED, key))), "marked");
        require(this.isMarked(_transaction(bytes.concat(_entry(OTHER, key), _entry(RESERVED, key)))), "marked, second");
        require(!this.isMarked(_transaction(_entry(OTHER, key))), "another address");
        require(!this.isMarked(_transaction(_entry(RESERVED, hex"c0"))), "no key");
        require(!this.isMarked(_transaction("")), "no list");
        // An account has 20 bytes; the same number in more or fewer is none.
        bytes memory longer = _list(bytes.concat(hex"9500", bytes20(RESERVED), key));
        require(!this.isMarked(_transaction(longer)), "21 bytes");
    }

    function test_p18_whatEndsTooEarlyIsNoTransaction() public {
        bytes memory whole = _transaction("");
        for (uint256 head = 0xb8; head < 0xc0; head++) {
            // The last field, s, is a string whose length would stand behind the end.
            bytes memory broken = bytes.concat(whole);
            broken[broken.length - 1] = bytes1(uint8(head));
            vm.expectRevert(abi.encodeWithSelector(Transactions.NotATransaction.selector));
            this.isMarked(broken);
        }
        for (uint256 length = 0; length < whole.length; length++) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; i++) {
                cut[i] = whole[i];
            }
            vm.expectRevert(abi.encodeWithSelector(Transactions.NotATransaction.selector));
            this.isMarked(cut);
        }
    }

    /// Type 1: chain, nonce, price, gas, to, value, input, list, parity, r, s.
    function _transaction(bytes memory entries) private pure returns (bytes memory) {
        bytes memory fields = bytes.concat(hex"01010182520894", bytes20(OTHER), hex"8080", _list(entries), hex"800101");
        return bytes.concat(hex"01", _list(fields));
    }

    function _entry(address account, bytes memory keys) private pure returns (bytes memory) {
        return _list(bytes.concat(hex"94", bytes20(account), keys));
    }

    function _list(bytes memory fields) private pure returns (bytes memory) {
        if (fields.length < 56) return abi.encodePacked(uint8(0xc0 + fields.length), fields);
        return abi.encodePacked(hex"f8", uint8(fields.length), fields);
    }
}
