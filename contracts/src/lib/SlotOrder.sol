// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Checks of what stands at a position of a slot that the sequencer committed to (P15)
/// @notice The same two commitments as `weft-commitment`: a keccak Merkle root, and KZG in the order of a blob. Elements
/// are running hashes, so one of them binds everything before it. `vectors/commitment` holds both to the same values.
library SlotOrder {
    /// @notice What commitments belong to (P1).
    struct Domain {
        uint16 version;
        uint64 l1ChainId;
        address settlement;
        uint64 realm;
    }

    /// @notice The head of a slot's commitment; sealed items stand before plaintext ones in the vector.
    struct Slot {
        uint64 number;
        uint32 sealedItems;
        uint32 plaintextItems;
        bytes32 root;
    }

    /// @notice `index` is not below `count`.
    error NoSuchElement(uint256 index, uint256 count);

    /// @notice The path has another length than one of element `index` of `count`.
    error WrongPath(uint256 index, uint256 count, uint256 siblings);

    /// @notice A compressed point of BLS12-381 has 48 bytes, not `length`.
    error NotAPoint(uint256 length);

    /// @notice `left` gas does not reach for the precompile, whose answer would look like a refusal.
    error TooLittleGas(uint256 left);

    /// @notice Elements under one KZG commitment, as in a blob.
    uint256 internal constant ELEMENTS_PER_COMMITMENT = 4096;

    /// @notice L1's point evaluation precompile (EIP-4844).
    address internal constant POINT_EVALUATION = address(0x0a);

    /// @notice What the precompile costs, and all that it gets: a wrong proof burns everything that was passed on.
    uint256 internal constant EVALUATION_GAS = 50_000;

    /// @notice Order of the scalar field of BLS12-381.
    uint256 internal constant FIELD = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    /// @notice A primitive 4,096th root of unity: `7 ** ((FIELD - 1) / 4096)`.
    uint256 private constant ROOT = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;

    uint8 private constant NODE = 40;
    uint8 private constant COMMITMENT = 41;

    /// @notice Returns the low 248 bits of a running hash.
    function elementOf(bytes32 chain) internal pure returns (bytes32) {
        return bytes32(uint256(chain) & (type(uint256).max >> 8));
    }

    /// @notice Returns what the sequencer signs for a slot; `kzg` are its KZG commitments one after the other.
    function commitmentHash(Domain memory domain, Slot memory slot, bytes memory kzg) internal pure returns (bytes32) {
        bytes memory body = abi.encodePacked(slot.number, slot.sealedItems, slot.plaintextItems, slot.root, kzg);
        return keccak256(bytes.concat(_prefix(domain, COMMITMENT), body));
    }

    /// @notice Returns the Merkle root of `count` elements of which number `index` is `element`. At most 20 hashes for
    /// the largest slot.
    function rootOf(Domain memory domain, bytes32 element, uint256 index, uint256 count, bytes32[] memory siblings)
        internal
        pure
        returns (bytes32 hash)
    {
        if (index >= count) revert NoSuchElement(index, count);
        bytes memory prefix = _prefix(domain, NODE);
        hash = element;
        uint256 used = 0;
        uint256 place = index;
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            if (place ^ 1 < width) {
                if (used == siblings.length) revert WrongPath(index, count, siblings.length);
                bytes32 sibling = siblings[used++];
                (bytes32 left, bytes32 right) = place % 2 == 0 ? (hash, sibling) : (sibling, hash);
                hash = keccak256(abi.encodePacked(prefix, left, right));
            }
            place /= 2;
        }
        if (used != siblings.length) revert WrongPath(index, count, siblings.length);
    }

    /// @notice Returns the point at which a commitment's polynomial has the value of element `index`.
    function pointOf(uint256 index) internal pure returns (uint256 point) {
        point = 1;
        uint256 root = ROOT;
        // The order of a blob reverses the 12 bits of the index: the highest stands for the first power.
        for (uint256 bit = ELEMENTS_PER_COMMITMENT / 2; bit > 0; bit /= 2) {
            if (index & bit != 0) point = mulmod(point, root, FIELD);
            root = mulmod(root, root, FIELD);
        }
    }

    /// @notice Returns the precompile's input for the claim that element `index` of the vector is `element`.
    /// `commitment` is number `index / 4096` of the slot's.
    function evaluationInput(bytes memory commitment, uint256 index, bytes32 element, bytes memory proof)
        internal
        pure
        returns (bytes memory)
    {
        if (commitment.length != 48) revert NotAPoint(commitment.length);
        if (proof.length != 48) revert NotAPoint(proof.length);
        bytes32 hash = sha256(commitment);
        bytes32 versioned = bytes32((uint256(hash) & (type(uint256).max >> 8)) | (uint256(1) << 248));
        return bytes.concat(versioned, bytes32(pointOf(index)), element, commitment, proof);
    }

    /// @notice Tells whether the KZG proof holds.
    function isEvaluation(bytes memory commitment, uint256 index, bytes32 element, bytes memory proof)
        internal
        view
        returns (bool)
    {
        bytes memory input = evaluationInput(commitment, index, element, proof);
        // A call passes on at most 63 of 64 parts, after its own price.
        if (gasleft() < EVALUATION_GAS + 5_000) revert TooLittleGas(gasleft());
        (bool ok, bytes memory result) = POINT_EVALUATION.staticcall{gas: EVALUATION_GAS}(input);
        // A chain without the precompile answers with nothing.
        return ok && keccak256(result) == keccak256(abi.encode(ELEMENTS_PER_COMMITMENT, FIELD));
    }

    function _prefix(Domain memory domain, uint8 tag) private pure returns (bytes memory) {
        return abi.encodePacked("weft", tag, domain.version, domain.l1ChainId, domain.settlement, domain.realm);
    }
}
