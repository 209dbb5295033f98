//! KZG commitments against the model's points and the setup's generator.

use crate::{
    merkle::{items, vector},
    model,
};
use alloy_primitives::{B256, hex};
use weft_commitment::{Element, KzgProof, SlotVector, commit, kzg::verify, open, point};
use weft_types::SlotNumber;

fn constant(word: B256) -> Vec<Element> {
    vec![Element::of(&word); 4_096]
}

#[test]
fn p15_points_are_those_of_a_blob() {
    let points = model::points();
    for index in 0..4_096_u32 {
        assert_eq!(point(index), points[index as usize], "{index}");
        assert_eq!(point(index + 4_096), points[index as usize]);
    }
}

#[test]
fn p15_a_vector_of_ones_commits_to_the_generator() {
    // The polynomial is the constant 1, whose commitment is the generator of G1 whatever the setup's secret is.
    let ones = constant(B256::with_last_byte(1));
    let generator = hex!(
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    );
    assert_eq!(commit(&ones)[0], generator);
    // And it is its own quotient: the proof of a constant is infinity.
    let evaluation = open(&ones, 77).unwrap();
    assert_eq!(evaluation.proof[0], 0xc0);
    assert!(verify(&commit(&ones)[0], &evaluation));
}

#[test]
fn p15_openings_hold_at_their_index_with_their_value_only() {
    let vector = vector(3, 4_100);
    let commitments = commit(vector.elements());
    assert_eq!(commitments.len(), 2);
    for index in [0, 1, 2, 3, 4_095, 4_096, 4_102] {
        let evaluation = open(vector.elements(), index).unwrap();
        let commitment = &commitments[evaluation.commitment_number()];
        assert!(verify(commitment, &evaluation));
        let mut wrong = evaluation;
        wrong.index ^= 1;
        assert!(!verify(commitment, &wrong));
        let mut wrong = evaluation;
        wrong.element = vector.elements()[(index as usize + 1) % 4_103];
        assert!(!verify(commitment, &wrong));
        assert!(!verify(&commitments[1 - evaluation.commitment_number()], &evaluation));
        for proof in [KzgProof::ZERO, KzgProof::repeat_byte(0xff)] {
            assert!(!verify(commitment, &weft_commitment::Evaluation { proof, ..evaluation }));
        }
    }
    assert_eq!(open(vector.elements(), 4_103), None);
    assert_eq!(open(&[], 0), None);
}

#[test]
fn p15_one_opening_shows_what_was_changed_before_it() {
    let mut order = items(2, 20);
    let honest =
        SlotVector::of_items(&crate::merkle::domain(), SlotNumber::new(5), &[], &order).unwrap();
    order.swap(2, 3);
    let reordered =
        SlotVector::of_items(&crate::merkle::domain(), SlotNumber::new(5), &[], &order).unwrap();
    let commitment = commit(reordered.elements())[0];
    let (promised, found) =
        (open(honest.elements(), 15).unwrap(), open(reordered.elements(), 15).unwrap());
    assert!(verify(&commitment, &found));
    assert_ne!(promised.element, found.element);
    assert!(!verify(&commitment, &promised));
    assert_eq!(honest.elements()[1], reordered.elements()[1]);
}
