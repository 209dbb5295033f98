// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OrderVerifier} from "../../src/l1/OrderVerifier.sol";
import {SlotOrder} from "../../src/lib/SlotOrder.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {vm} from "../support/Vm.sol";

/// Openings of `vectors/commitment/slots.json` on L1, with the real point evaluation, as transactions of their own.
contract OrderVerifierTest {
    /// The slot of 4,105 items, and the second of its openings.
    string private constant SLOT = ".vectors[4].";
    string private constant OPENING = ".vectors[4].openings[1].";

    uint256 private constant KEY = 0x5e9;

    OrderVerifier private verifier;
    SlotOrder.Slot private slot;
    bytes private kzg;
    bytes32[] private siblings;
    bytes private proof;
    bytes32 private element;
    uint256 private index;

    function setUp() public {
        verifier = OrderVerifier(Artifacts.create("OrderVerifier"));
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
        require(verifier.isUnderRoot(_domain(), slot, element, index, siblings));
        require(verifier.isUnderKzg(kzg, index, element, proof));
        bytes32 other = bytes32(uint256(element) ^ 1);
        require(!verifier.isUnderRoot(_domain(), slot, other, index, siblings));
        require(!verifier.isUnderKzg(kzg, index, other, proof));
        require(!verifier.isUnderKzg(kzg, index ^ 1, element, proof));
    }

    function test_p15_commitmentsAreSigned() public view {
        bytes32 hash = SlotOrder.commitmentHash(_domain(), slot, kzg);
        bytes memory signature = _sign(hash);
        require(verifier.signerOf(_domain(), slot, kzg, signature) == vm.addr(KEY));
        require(verifier.signerOf(_domain(), slot, kzg, bytes.concat(signature, hex"00")) == address(0));
    }

    function test_p15_anIndexWithoutCommitmentIsRefused() public {
        vm.expectRevert();
        verifier.isUnderKzg(kzg, 2 * SlotOrder.ELEMENTS_PER_COMMITMENT, element, proof);
    }

    /// forge-config: default.isolate = true
    function test_gas_openings() public {
        bytes memory data = abi.encodeCall(verifier.isUnderKzg, (kzg, index, element, proof));
        require(_send(data));
        require(vm.snapshotGasLastCall("opening by KZG") <= 90_000);
        data = abi.encodeCall(verifier.isUnderRoot, (_domain(), slot, element, index, siblings));
        require(_send(data));
        require(vm.snapshotGasLastCall("opening by Merkle path, 4,105 items") <= 90_000);
    }

    /// As a transaction, so that forge counts what one costs besides.
    function _send(bytes memory data) private returns (bool) {
        (bool ok, bytes memory answer) = address(verifier).call(data);
        return ok && abi.decode(answer, (bool));
    }

    function _sign(bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        return abi.encodePacked(r, s, v - 27);
    }

    function _domain() private pure returns (SlotOrder.Domain memory) {
        return
            SlotOrder.Domain({
                version: 1, l1ChainId: 1, settlement: 0x5e5E5e5e5E5e5E5E5e5E5E5e5e5E5E5E5e5E5E5e, realm: 7
            });
    }
}
