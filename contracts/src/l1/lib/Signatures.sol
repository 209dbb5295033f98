// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Signatures in their one accepted form: `r || s || parity`, s in the lower half, parity 0 or 1
library Signatures {
    uint256 internal constant LENGTH = 65;

    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Returns who signed `digest`; zero when nobody can have, or the form is another.
    function signer(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != LENGTH) return address(0);
        uint8 parity = uint8(signature[64]);
        bytes32 s = bytes32(signature[32:64]);
        if (parity > 1 || uint256(s) > HALF_ORDER) return address(0);
        return ecrecover(digest, 27 + parity, bytes32(signature[:32]), s);
    }
}
