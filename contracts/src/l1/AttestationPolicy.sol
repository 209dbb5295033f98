// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAttestationPolicy, IPolicy} from "./interfaces/IPolicy.sol";
import {Signatures} from "./lib/Signatures.sol";

/// @title m of n attesters (P44)
contract AttestationPolicy is IAttestationPolicy {
    uint256 private constant SIGNED = 1 + Signatures.LENGTH;

    /// @inheritdoc IAttestationPolicy
    bytes32 public immutable programId;

    /// @inheritdoc IAttestationPolicy
    uint256 public immutable threshold;

    uint256 private immutable count;
    mapping(uint256 index => address) private attesters;

    constructor(bytes32 programId_, uint256 threshold_, address[] memory attesters_) {
        count = attesters_.length;
        if (threshold_ == 0 || threshold_ > count || count > type(uint8).max) {
            revert InvalidThreshold(threshold_, count);
        }
        address before = address(0);
        for (uint256 i = 0; i < count; i++) {
            if (attesters_[i] <= before) revert InvalidAttester(attesters_[i]);
            before = attesters[i] = attesters_[i];
        }
        (programId, threshold) = (programId_, threshold_);
    }

    /// @inheritdoc IPolicy
    function accepts(bytes32 digest, bytes32 programId_, bytes calldata proof) external view returns (bool) {
        if (programId_ != programId || proof.length != threshold * SIGNED) return false;
        uint256 next = 0;
        for (uint256 pos = 0; pos < proof.length; pos += SIGNED) {
            uint256 index = uint8(proof[pos]);
            if (index < next || index >= count) return false;
            if (Signatures.signer(digest, proof[pos + 1:pos + SIGNED]) != attesters[index]) return false;
            next = index + 1;
        }
        return true;
    }

    /// @inheritdoc IAttestationPolicy
    function attester(uint256 index) external view returns (address) {
        return attesters[index];
    }
}
