//! KZG commitments with Ethereum's trusted setup (EIP-4844).
//!
//! Most slots hold a few items. Of these each element is multiplied with its point of the setup, a tenth of a millisecond each.
//!
//! Of the two libraries for more one reads what it needs in a tenth of a second and commits in 48 ms; the other takes three seconds to
//! read what proofs of cells need as well, and commits to few elements in 11 ms. Who commits now and then uses the first alone;
//! who has waited for it as long as the second would have taken to read goes on with that.

use crate::{
    element::Element,
    evaluation::{ELEMENTS_PER_COMMITMENT, Evaluation, KzgCommitment, KzgProof, point},
};
use alloc::{boxed::Box, vec::Vec};
use alloy_primitives::hex;
use blstrs::{G1Affine, G1Projective, Scalar};
use c_kzg::{BYTES_PER_BLOB, Blob};
use eip4844::{Context, TrustedSetup};
use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

/// No tables: they make proofs of cells faster, which nobody needs here.
const NO_PRECOMPUTE: u64 = 0;
/// Commitments after which the other library has cost no more than what is lost without it.
const RENTED: u32 = 80;

/// Elements up to which products are quicker than either library, which looks at all 4,096.
const FEW: usize = 64;
/// The first points of the setup in Lagrange's form and a blob's order, compressed: point i is the commitment to the vector with 1
/// at i and else zeros, which a test holds them to.
const POINTS: &str = include_str!("../data/lagrange.txt");

static FIRST: LazyLock<Vec<G1Affine>> = LazyLock::new(|| POINTS.lines().map(point_of).collect());
static CONTEXT: LazyLock<Context> = LazyLock::new(|| Context::new(&TrustedSetup::default()));
static MADE: AtomicU32 = AtomicU32::new(0);

/// Reads the trusted setup, so that nobody waits for it later.
pub fn warm() {
    LazyLock::force(&CONTEXT);
}

/// Commits to a vector: one commitment for every 4,096 elements begun, the last filled up with zeros.
pub fn commit(elements: &[Element]) -> Vec<KzgCommitment> {
    let commit = |chunk: &[Element]| {
        if chunk.len() <= FEW {
            return KzgCommitment::new(by_products(chunk));
        }
        let rents = MADE.load(Ordering::Relaxed) < RENTED;
        if rents {
            MADE.fetch_add(1, Ordering::Relaxed);
        }
        KzgCommitment::new(if rents { quickly_read(chunk) } else { quickly_made(chunk) })
    };
    elements.chunks(ELEMENTS_PER_COMMITMENT as usize).map(commit).collect()
}

/// Proves element `index` of a vector; nothing when it has no such element.
pub fn open(elements: &[Element], index: u32) -> Option<Evaluation> {
    let element = *elements.get(index as usize)?;
    let first = (index - index % ELEMENTS_PER_COMMITMENT) as usize;
    let chunk = elements[first..].chunks(ELEMENTS_PER_COMMITMENT as usize).next()?;
    let (proof, value) = CONTEXT
        .compute_kzg_proof(&blob(chunk), point(index).to_be_bytes())
        .expect("elements of 248 bits and roots of unity are numbers of the field");
    assert_eq!(value, element.word().0, "the polynomial has the element at its point");
    Some(Evaluation { index, element, proof: KzgProof::new(proof) })
}

/// Tells whether an evaluation holds for its commitment, as L1's precompile would.
pub fn verify(commitment: &KzgCommitment, evaluation: &Evaluation) -> bool {
    let (point, value) = (point(evaluation.index).to_be_bytes(), evaluation.element.word().0);
    CONTEXT.verify_kzg_proof(&commitment.0, point, value, &evaluation.proof.0).is_ok()
}

fn by_products(chunk: &[Element]) -> [u8; 48] {
    let product = |(point, element): (&G1Affine, &Element)| {
        let number = Option::<Scalar>::from(Scalar::from_bytes_be(&element.word().0));
        G1Projective::from(point) * number.expect("elements of 248 bits are numbers of the field")
    };
    let sum: G1Projective = FIRST.iter().zip(chunk).map(product).sum();
    G1Affine::from(sum).to_compressed()
}

fn point_of(line: &str) -> G1Affine {
    let bytes = hex::decode_to_array(line).expect("the setup is written in hex");
    Option::from(G1Affine::from_compressed(&bytes)).expect("the setup has points of the group")
}

fn quickly_read(chunk: &[Element]) -> [u8; 48] {
    let point = CONTEXT.blob_to_kzg_commitment(&blob(chunk));
    point.expect("elements of 248 bits are numbers of the field")
}

fn quickly_made(chunk: &[Element]) -> [u8; 48] {
    let settings = c_kzg::ethereum_kzg_settings(NO_PRECOMPUTE);
    let point = settings.blob_to_kzg_commitment(&Blob::new(*blob(chunk)));
    point.expect("elements of 248 bits are numbers of the field").to_bytes().into_inner()
}

fn blob(elements: &[Element]) -> Box<[u8; BYTES_PER_BLOB]> {
    let mut bytes = Box::new([0; BYTES_PER_BLOB]);
    for (place, element) in bytes.chunks_exact_mut(32).zip(elements) {
        place.copy_from_slice(element.word().as_slice());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloy_primitives::{B256, keccak256};

    fn elements(count: u32) -> Vec<Element> {
        (0..count).map(|index| Element::of(&keccak256(index.to_be_bytes()))).collect()
    }

    #[test]
    fn p15_both_libraries_commit_to_the_same() {
        for count in [0, 1, 2, 200, 4_095, 4_096] {
            let elements = elements(count);
            assert_eq!(quickly_read(&elements), quickly_made(&elements), "{count} elements");
        }
    }

    #[test]
    fn p15_few_elements_are_committed_to_as_many_are() {
        for count in [0, 1, 2, 3, 17, 63, 64] {
            let elements = elements(count);
            assert_eq!(by_products(&elements), quickly_made(&elements), "{count} elements");
        }
        let ends = [B256::ZERO, B256::repeat_byte(0xff)].map(|word| Element::of(&word));
        assert_eq!(by_products(&ends), quickly_made(&ends));
    }

    #[test]
    fn p15_points_are_commitments_to_one_element() {
        let point = |index: usize| {
            let mut elements = alloc::vec![Element::of(&B256::ZERO); index + 1];
            elements[index] = Element::of(&B256::with_last_byte(1));
            hex::encode(quickly_made(&elements)) + "\n"
        };
        let points: String = (0..FEW).map(point).collect();
        assert_eq!(POINTS, points);
    }
}
