//! KZG commitments with c-kzg and Ethereum's trusted setup (EIP-4844).
//!
//! The first use reads the setup, about a second and a half of processor time; a node does so in the background with
//! [`warm`].

use crate::{
    element::Element,
    evaluation::{ELEMENTS_PER_COMMITMENT, Evaluation, KzgCommitment, KzgProof, point},
};
use alloc::{boxed::Box, vec::Vec};
use c_kzg::{BYTES_PER_BLOB, Blob, Bytes32, Bytes48, KzgSettings};

/// No tables: they make proofs of cells faster, which nobody needs here.
const NO_PRECOMPUTE: u64 = 0;

/// Reads the trusted setup, so that nobody waits for it later.
pub fn warm() {
    settings();
}

/// Commits to a vector: one commitment for every 4,096 elements begun, the last filled up with zeros.
pub fn commit(elements: &[Element]) -> Vec<KzgCommitment> {
    let commit = |chunk: &[Element]| {
        let point = settings().blob_to_kzg_commitment(&blob(chunk));
        let point = point.expect("elements of 248 bits are numbers of the field");
        KzgCommitment::new(point.to_bytes().into_inner())
    };
    elements.chunks(ELEMENTS_PER_COMMITMENT as usize).map(commit).collect()
}

/// Proves element `index` of a vector; nothing when it has no such element.
pub fn open(elements: &[Element], index: u32) -> Option<Evaluation> {
    let element = *elements.get(index as usize)?;
    let first = (index - index % ELEMENTS_PER_COMMITMENT) as usize;
    let chunk = elements[first..].chunks(ELEMENTS_PER_COMMITMENT as usize).next()?;
    let (proof, value) = settings()
        .compute_kzg_proof(&blob(chunk), &at(index))
        .expect("elements of 248 bits and roots of unity are numbers of the field");
    assert_eq!(*value, element.word().0, "the polynomial has the element at its point");
    Some(Evaluation { index, element, proof: KzgProof::new(proof.to_bytes().into_inner()) })
}

/// Tells whether an evaluation holds for its commitment, as L1's precompile would.
pub fn verify(commitment: &KzgCommitment, evaluation: &Evaluation) -> bool {
    let (point, value) = (at(evaluation.index), Bytes32::new(evaluation.element.word().0));
    let (commitment, proof) = (Bytes48::new(commitment.0), Bytes48::new(evaluation.proof.0));
    settings().verify_kzg_proof(&commitment, &point, &value, &proof).unwrap_or(false)
}

fn settings() -> &'static KzgSettings {
    c_kzg::ethereum_kzg_settings(NO_PRECOMPUTE)
}

fn at(index: u32) -> Bytes32 {
    Bytes32::new(point(index).to_be_bytes())
}

fn blob(elements: &[Element]) -> Box<Blob> {
    let mut bytes = [0; BYTES_PER_BLOB];
    for (place, element) in bytes.chunks_exact_mut(32).zip(elements) {
        place.copy_from_slice(element.word().as_slice());
    }
    Box::new(Blob::new(bytes))
}
