// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAttestationPolicy, IPolicy} from "./interfaces/IPolicy.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @title m of n attesters (P44)
contract AttestationPolicy is IAttestationPolicy {
    uint256 private constant SIGNED = 1 + Signatures.LENGTH;
    uint256 private constant IN_CODE = 5;

    /// @inheritdoc IAttestationPolicy
    bytes32 public immutable programId;

    /// @inheritdoc IAttestationPolicy
    uint256 public immutable threshold;

    uint256 private immutable count;
    // In the code, where reading them is nearly free; all further ones are in storage.
    address private immutable attester0;
    address private immutable attester1;
    address private immutable attester2;
    address private immutable attester3;
    address private immutable attester4;
    mapping(uint256 index => address) private further;

    constructor(bytes32 programId_, uint256 threshold_, address[] memory attesters_) {
        count = attesters_.length;
        if (threshold_ == 0 || threshold_ > count || count > type(uint8).max) {
            revert InvalidThreshold(threshold_, count);
        }
        address before = address(0);
        for (uint256 i = 0; i < count; i++) {
            if (attesters_[i] <= before) revert InvalidAttester(attesters_[i]);
            before = attesters_[i];
            if (i >= IN_CODE) further[i] = before;
        }
        attester0 = attesters_[0];
        attester1 = _at(attesters_, 1);
        attester2 = _at(attesters_, 2);
        attester3 = _at(attesters_, 3);
        attester4 = _at(attesters_, 4);
        (programId, threshold) = (programId_, threshold_);
    }

    /// @inheritdoc IPolicy
    function accepts(bytes32 digest, bytes32 programId_, bytes calldata proof) external view returns (bool) {
        if (programId_ != programId || proof.length != threshold * SIGNED) return false;
        uint256 next = 0;
        for (uint256 pos = 0; pos < proof.length; pos += SIGNED) {
            uint256 index = uint8(proof[pos]);
            if (index < next || index >= count) return false;
            if (Signatures.signer(digest, proof[pos + 1:pos + SIGNED]) != attester(index)) return false;
            next = index + 1;
        }
        return true;
    }

    /// @inheritdoc IAttestationPolicy
    function attester(uint256 index) public view returns (address) {
        if (index >= IN_CODE) return further[index];
        if (index == 0) return attester0;
        if (index == 1) return attester1;
        if (index == 2) return attester2;
        return index == 3 ? attester3 : attester4;
    }

    function _at(address[] memory list, uint256 index) private pure returns (address) {
        return index < list.length ? list[index] : address(0);
    }
}
