// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotOrder} from "../lib/SlotOrder.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @title Opens slot commitments for anybody (P15)
/// @notice A commitment is what the sequencer signed for a slot; an element is the low 248 bits of the running hash at a
/// position, sealed items before plaintext ones.
contract OrderVerifier {
    /// @notice Returns whose commitment this is; zero when nobody can have signed it.
    function signerOf(
        SlotOrder.Domain calldata domain,
        SlotOrder.Slot calldata slot,
        bytes calldata kzg,
        bytes calldata signature
    ) external pure returns (address) {
        return Signatures.signer(SlotOrder.commitmentHash(domain, slot, kzg), signature);
    }

    /// @notice Tells whether the element at `index` is under the slot's Merkle root.
    function isUnderRoot(
        SlotOrder.Domain calldata domain,
        SlotOrder.Slot calldata slot,
        bytes32 element,
        uint256 index,
        bytes32[] calldata siblings
    ) external pure returns (bool) {
        uint256 count = uint256(slot.sealedItems) + slot.plaintextItems;
        return SlotOrder.rootOf(domain, element, index, count, siblings) == slot.root;
    }

    /// @notice Tells whether the element at `index` is under number `index / 4096` of the slot's KZG commitments: one call of
    /// the point evaluation precompile.
    function isUnderKzg(bytes calldata kzg, uint256 index, bytes32 element, bytes calldata proof)
        external
        view
        returns (bool)
    {
        uint256 pos = index / SlotOrder.ELEMENTS_PER_COMMITMENT * 48;
        return SlotOrder.isEvaluation(kzg[pos:pos + 48], index, element, proof);
    }
}
