// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettledFate} from "../../src/l1/interfaces/ISlasher.sol";
import {Promises} from "../../src/l1/lib/Promises.sol";
import {Reader} from "../../src/l1/lib/Reader.sol";
import {Settled} from "../../src/l1/lib/Settled.sol";
import {SlotOrder} from "../../src/lib/SlotOrder.sol";
import {vm} from "../support/Vm.sol";

/// What `Slasher.punishResult` compares, against `vectors/settlement/results.json`, which the crate `weft-statement` wrote.
contract ResultVectorsTest {
    uint256 private constant VECTORS = 25;
    address private constant HUB = address(uint160(0x005e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e));

    string private json;

    function setUp() public {
        json = vm.readFile("../vectors/settlement/results.json");
    }

    function root(SettledFate calldata fate) external pure returns (bytes32) {
        return Settled.rootOf(fate, _domain());
    }

    function differs(bytes calldata encoded, SettledFate calldata fate, uint32 network) external pure returns (bool) {
        Reader.Cursor memory cursor;
        require(Promises.isOf(encoded, cursor, _domain()), "another realm");
        return Settled.differs(encoded, Promises.read(encoded, cursor, _domain()), fate, network);
    }

    function test_p47_resultsAreComparedAsInRust() public view {
        uint32 network = uint32(vm.parseJsonUint(json, ".network"));
        for (uint256 i = 0; i < VECTORS; i++) {
            SettledFate memory fate = _fate(i);
            require(this.root(fate) == bytes32(_bytes(i, "outcomeRoot")), "root");
            bool isBroken = vm.parseJsonBool(json, _key(i, "isBroken"));
            bytes memory promised = _bytes(i, "promise");
            require(this.differs(promised, fate, network) == isBroken, vm.parseJsonString(json, _key(i, "name")));
        }
    }

    function test_p47_noByteOfALeafCanBeChanged() public {
        SettledFate memory fate = _fate(0);
        bytes32 settled = this.root(fate);
        for (uint256 place = 0; place < fate.leaf.length; place++) {
            fate.leaf[place] ^= bytes1(uint8(1) << uint8(place % 8));
            require(this.root(fate) != settled, "an altered leaf is settled");
            fate.leaf[place] ^= bytes1(uint8(1) << uint8(place % 8));
        }
        for (uint256 i = 0; i < fate.siblings.length; i++) {
            fate.siblings[i] ^= bytes32(uint256(1));
            require(this.root(fate) != settled, "an altered path leads there");
            fate.siblings[i] ^= bytes32(uint256(1));
        }
        for (uint64 other = 0; other < fate.count; other++) {
            if (other == fate.index) continue;
            SettledFate memory moved = _fate(0);
            moved.index = other;
            try this.root(moved) returns (bytes32 found) {
                require(found != settled, "the leaf has two places");
            } catch {}
        }
    }

    function _fate(uint256 index) private view returns (SettledFate memory fate) {
        fate.leaf = _bytes(index, "leaf");
        fate.index = uint64(vm.parseJsonUint(json, ".index"));
        fate.count = uint64(vm.parseJsonUint(json, ".count"));
        fate.siblings = vm.parseJsonBytes32Array(json, _key(index, "siblings"));
    }

    function _bytes(uint256 index, string memory field) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, _key(index, field));
    }

    function _key(uint256 index, string memory field) private pure returns (string memory) {
        bytes memory digits = index < 10
            ? abi.encodePacked(bytes1(uint8(48 + index)))
            : abi.encodePacked(bytes1(uint8(48 + index / 10)), bytes1(uint8(48 + index % 10)));
        return string.concat(".vectors[", string(digits), "].", field);
    }

    function _domain() private pure returns (SlotOrder.Domain memory) {
        return SlotOrder.Domain(1, 1, HUB, 7);
    }
}
