// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OrderVerifier} from "../src/l1/OrderVerifier.sol";
import {SlotOrder} from "../src/lib/SlotOrder.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// The library against `vectors/commitment/slots.json`, which the Rust crate wrote.
contract SlotOrderTest is Fixture {
    /// One opened position of a slot in the vectors.
    struct Opened {
        uint256 place;
        bytes32 element;
        bytes32[] siblings;
        bytes32 point;
        bytes commitment;
        bytes proof;
        bytes evaluation;
    }

    string private json;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("../vectors/commitment/slots.json");
    }

    function test_commitmentHash_isThatOfTheVectors() public view {
        for (uint256 i = 0; i < 5; i++) {
            (SlotOrder.Slot memory slot, bytes memory kzg) = _slot(i);
            bytes32 hash = SlotOrder.commitmentHash(_domain(), slot, kzg);
            assertTrue(hash == vm.parseJsonBytes32(json, _key(i, "hash")));
        }
    }

    function test_rootOf_opensEveryVector() public view {
        uint256[5] memory openings = [uint256(0), 1, 4, 3, 4];
        for (uint256 i = 0; i < 5; i++) {
            (SlotOrder.Slot memory slot,) = _slot(i);
            uint256 count = slot.sealedItems + slot.plaintextItems;
            for (uint256 j = 0; j < openings[i]; j++) {
                Opened memory opened = _opened(i, j);
                assertTrue(_root(opened, opened.element, opened.place, count) == slot.root);
                // Another element or another place is another root.
                assertTrue(_root(opened, bytes32(uint256(opened.element) ^ 1), opened.place, count) != slot.root);
            }
        }
    }

    function test_rootOf_wrongPath_reverts() public {
        Opened memory opened = _opened(2, 0);
        vm.expectRevert(abi.encodeWithSelector(SlotOrder.NoSuchElement.selector, 5, 5));
        this.root(opened, 5, 5);
        vm.expectRevert(abi.encodeWithSelector(SlotOrder.WrongPath.selector, 0, 3, opened.siblings.length));
        this.root(opened, 0, 3);
        vm.expectRevert(abi.encodeWithSelector(SlotOrder.WrongPath.selector, 0, 9, opened.siblings.length));
        this.root(opened, 0, 9);
    }

    function test_pointOf_isThatOfTheVectors() public view {
        Opened memory opened = _opened(4, 1);
        assertEq(SlotOrder.pointOf(opened.place), uint256(opened.point));
        assertEq(SlotOrder.pointOf(0), 1);
        assertEq(SlotOrder.pointOf(1), SlotOrder.FIELD - 1);
        assertEq(SlotOrder.pointOf(4096), 1);
    }

    function test_evaluation_holdsForItsElementOnly() public view {
        for (uint256 j = 0; j < 4; j++) {
            Opened memory opened = _opened(4, j);
            assertEq(
                SlotOrder.evaluationInput(opened.commitment, opened.place, opened.element, opened.proof),
                opened.evaluation
            );
            assertTrue(_isEvaluation(opened, opened.place, opened.element));
            assertTrue(!_isEvaluation(opened, opened.place, bytes32(uint256(opened.element) ^ 1)));
            assertTrue(!_isEvaluation(opened, opened.place ^ 1, opened.element));
        }
    }

    /// Nobody makes a right proof look wrong by calling with too little gas.
    function test_evaluation_tooLittleGas_reverts() public {
        Opened memory opened = _opened(4, 1);
        bool held = false;
        for (uint256 limit = 20_000; limit <= 100_000; limit += 1_000) {
            try this.isEvaluation{gas: limit}(opened) returns (bool holds) {
                assertTrue(holds);
                held = true;
            } catch {
                assertTrue(!held);
            }
        }
        assertTrue(held);
    }

    function test_evaluation_notAPoint_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(SlotOrder.NotAPoint.selector, 47));
        this.input(new bytes(47), new bytes(48));
        vm.expectRevert(abi.encodeWithSelector(SlotOrder.NotAPoint.selector, 49));
        this.input(new bytes(48), new bytes(49));
    }

    function test_elementOf_dropsTheFirstByte() public pure {
        assertEq(uint256(SlotOrder.elementOf(bytes32(type(uint256).max))), type(uint248).max);
    }

    /// Of the contract that is deployed, without what a transaction costs; `OrderVerifierTest` counts that too.
    function test_gas() public {
        OrderVerifier verifier = OrderVerifier(Artifacts.create("OrderVerifier"));
        (SlotOrder.Slot memory slot, bytes memory kzg) = _slot(4);
        Opened memory opened = _opened(4, 1);
        assertTrue(verifier.isUnderRoot(_domain(), slot, opened.element, opened.place, opened.siblings));
        vm.snapshotGasLastCall("slot opening, Merkle, 4,105 items");
        assertTrue(verifier.isUnderKzg(kzg, opened.place, opened.element, opened.proof));
        vm.snapshotGasLastCall("slot opening, KZG");
    }

    function root(Opened calldata opened, uint256 index, uint256 count) external pure returns (bytes32) {
        return _root(opened, opened.element, index, count);
    }

    function isEvaluation(Opened calldata opened) external view returns (bool) {
        return _isEvaluation(opened, opened.place, opened.element);
    }

    function input(bytes calldata commitment, bytes calldata proof) external pure returns (bytes memory) {
        return SlotOrder.evaluationInput(commitment, 0, 0, proof);
    }

    function _root(Opened memory opened, bytes32 element, uint256 index, uint256 count) private pure returns (bytes32) {
        return SlotOrder.rootOf(_domain(), element, index, count, opened.siblings);
    }

    function _isEvaluation(Opened memory opened, uint256 index, bytes32 element) private view returns (bool) {
        return SlotOrder.isEvaluation(opened.commitment, index, element, opened.proof);
    }

    /// That of the tests of `weft-commitment`.
    function _domain() private pure returns (SlotOrder.Domain memory) {
        return
            SlotOrder.Domain({
                version: 1, l1ChainId: 1, settlement: 0x5e5E5e5e5E5e5E5E5e5E5E5e5e5E5E5E5e5E5E5e, realm: 7
            });
    }

    function _slot(uint256 i) private view returns (SlotOrder.Slot memory slot, bytes memory kzg) {
        slot = SlotOrder.Slot({
            number: 1_000_003,
            sealedItems: uint32(vm.parseJsonUint(json, _key(i, "sealed"))),
            plaintextItems: uint32(vm.parseJsonUint(json, _key(i, "plaintext"))),
            root: vm.parseJsonBytes32(json, _key(i, "root"))
        });
        uint256 commitments = (slot.sealedItems + slot.plaintextItems + 4095) / 4096;
        for (uint256 k = 0; k < commitments; k++) {
            kzg = bytes.concat(kzg, _commitment(i, k));
        }
    }

    function _opened(uint256 i, uint256 j) private view returns (Opened memory opened) {
        string memory key = _key(i, string.concat("openings[", text(j), "]."));
        opened.place = vm.parseJsonUint(json, string.concat(key, "at"));
        opened.element = vm.parseJsonBytes32(json, string.concat(key, "element"));
        opened.siblings = vm.parseJsonBytes32Array(json, string.concat(key, "siblings"));
        opened.point = vm.parseJsonBytes32(json, string.concat(key, "point"));
        opened.proof = vm.parseJsonBytes(json, string.concat(key, "proof"));
        opened.evaluation = vm.parseJsonBytes(json, string.concat(key, "evaluation"));
        opened.commitment = _commitment(i, opened.place / 4096);
    }

    function _commitment(uint256 i, uint256 k) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, _key(i, string.concat("kzg[", text(k), "]")));
    }

    function _key(uint256 i, string memory name) private pure returns (string memory) {
        return string.concat(".vectors[", text(i), "].", name);
    }
}
