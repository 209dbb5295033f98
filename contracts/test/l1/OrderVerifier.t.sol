// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OrderVerifier} from "../../src/l1/OrderVerifier.sol";
import {SlotOrder} from "../../src/lib/SlotOrder.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {vm} from "../support/Vm.sol";

/// Openings of `vectors/commitment/slots.json` on L1, with the real point evaluation, as transactions of their own.
contract OrderVerifierTest is L1Fixture {
    /// The slot of 4,105 items, and the second of its openings.
    string private constant SLOT = ".vectors[4].";
    string private constant OPENING = ".vectors[4].openings[1].";

    OrderVerifier private verifier;
    SlotOrder.Slot private slot;
    bytes private kzg;
    bytes32[] private siblings;
    bytes private proof;
    bytes32 private element;
    uint256 private index;

    function setUp() public override {
        vm.deal(address(this), 1 ether);
        verifier = new OrderVerifier();
        string memory json = vm.readFile("../vectors/commitment/slots.json");
        slot.number = 1_000_003;
        slot.sealedItems = uint32(vm.parseJsonUint(json, string.concat(SLOT, "sealed")));
        slot.plaintextItems = uint32(vm.parseJsonUint(json, string.concat(SLOT, "plaintext")));
        slot.root = vm.parseJsonBytes32(json, string.concat(SLOT, "root"));
        kzg = bytes.concat(
            vm.parseJsonBytes(json, string.concat(SLOT, "kzg[0]")),
            vm.parseJsonBytes(json, string.concat(SLOT, "kzg[1]"))
        );
        index = vm.parseJsonUint(json, string.concat(OPENING, "at"));
        element = vm.parseJsonBytes32(json, string.concat(OPENING, "element"));
        siblings = vm.parseJsonBytes32Array(json, string.concat(OPENING, "siblings"));
        proof = vm.parseJsonBytes(json, string.concat(OPENING, "proof"));
    }

    function test_p15_openingsAreDecided() public view {
        assertTrue(verifier.isUnderRoot(_domain(), slot, element, index, siblings));
        assertTrue(verifier.isUnderKzg(kzg, index, element, proof));
        bytes32 other = bytes32(uint256(element) ^ 1);
        assertTrue(!verifier.isUnderRoot(_domain(), slot, other, index, siblings));
        assertTrue(!verifier.isUnderKzg(kzg, index, other, proof));
        assertTrue(!verifier.isUnderKzg(kzg, index ^ 1, element, proof));
    }

    function test_p15_commitmentsAreSigned() public view {
        bytes32 hash = SlotOrder.commitmentHash(_domain(), slot, kzg);
        bytes memory signature = sign(SEQUENCER_KEY, hash);
        assertEq(verifier.signerOf(_domain(), slot, kzg, signature), vm.addr(SEQUENCER_KEY));
        assertEq(verifier.signerOf(_domain(), slot, kzg, bytes.concat(signature, hex"00")), address(0));
    }

    function test_p15_anIndexWithoutCommitmentIsRefused() public {
        vm.expectRevert();
        verifier.isUnderKzg(kzg, 2 * SlotOrder.ELEMENTS_PER_COMMITMENT, element, proof);
    }

    /// forge-config: default.isolate = true
    function test_gas_openings() public {
        bytes memory given = kzg;
        (uint256 at, bytes32 value, bytes memory shown) = (index, element, proof);
        bytes32[] memory path = siblings;
        SlotOrder.Slot memory head = slot;
        assertTrue(verifier.isUnderKzg(given, at, value, shown));
        uint256 used = vm.snapshotGasLastCall("opening by KZG");
        assertTrue(used <= 90_000);
        assertTrue(verifier.isUnderRoot(_domain(), head, value, at, path));
        used = vm.snapshotGasLastCall("opening by Merkle path, 4,105 items");
        assertTrue(used <= 90_000);
    }

    function _domain() private pure returns (SlotOrder.Domain memory) {
        return
            SlotOrder.Domain({
                version: 1, l1ChainId: 1, settlement: 0x5e5E5e5e5E5e5E5E5e5E5E5e5e5E5E5E5e5E5E5e, realm: 7
            });
    }
}
