//! Openings of KZG commitments as L1's point evaluation precompile takes them (EIP-4844).

use crate::element::Element;
use alloy_eips::eip4844::kzg_to_versioned_hash;
use alloy_primitives::{FixedBytes, U256, uint};

/// Commitment to 4,096 elements: a compressed point of BLS12-381.
pub type KzgCommitment = FixedBytes<48>;
/// Proof of one element: a compressed point of BLS12-381.
pub type KzgProof = FixedBytes<48>;

/// Elements under one commitment, as in a blob (`FIELD_ELEMENTS_PER_BLOB` of EIP-4844).
pub const ELEMENTS_PER_COMMITMENT: u32 = 4_096;
/// Order of the scalar field of BLS12-381.
const FIELD: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
/// A primitive 4,096th root of unity: `7^((FIELD - 1) / 4096)`, 7 being `PRIMITIVE_ROOT_OF_UNITY` of EIP-4844.
const ROOT: U256 = uint!(0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306_U256);

/// Returns the point at which a commitment's polynomial has the value of element `index`: the root of unity to the power
/// of the last 12 bits of `index` in reverse, which is the order of a blob.
pub fn point(index: u32) -> U256 {
    let power =
        (index % ELEMENTS_PER_COMMITMENT).reverse_bits() >> (32 - ELEMENTS_PER_COMMITMENT.ilog2());
    ROOT.pow_mod(U256::from(power), FIELD)
}

/// The claim that element `index` of a vector is this one, with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluation {
    /// Index in the vector.
    pub index: u32,
    /// Element claimed.
    pub element: Element,
    /// Proof.
    pub proof: KzgProof,
}

impl Evaluation {
    /// Returns the number of the commitment that the element is under.
    pub const fn commitment_number(&self) -> usize {
        (self.index / ELEMENTS_PER_COMMITMENT) as usize
    }

    /// Returns the precompile's input: versioned hash of the commitment, point, value, commitment, proof.
    pub fn precompile_input(&self, commitment: &KzgCommitment) -> [u8; 192] {
        let mut input = [0; 192];
        input[..32].copy_from_slice(kzg_to_versioned_hash(commitment.as_slice()).as_slice());
        input[32..64].copy_from_slice(&point(self.index).to_be_bytes::<32>());
        input[64..96].copy_from_slice(self.element.word().as_slice());
        input[96..144].copy_from_slice(commitment.as_slice());
        input[144..].copy_from_slice(self.proof.as_slice());
        input
    }
}
