//! Chains of squarings, their checkpoints, and the proofs of their results.

use crate::known::{DELAY, group, order_of_weak_group, setup, weak_group};
use crypto_bigint::{U256, U2048, U4096};
use proptest::prelude::*;
use weft_crypto::{
    Chain, Checkpoint, Element, Engine, InvalidCheckpoint, InvalidElement, InvalidProof,
    InvalidSetup, Proof, Setup, setup::RSA_2048,
};

fn element(seed: u64) -> Element {
    group().element(&U2048::from_u64(seed)).unwrap()
}

/// Squares one at a time.
fn slowly(base: Element, squarings: u64) -> Element {
    (0..squarings).fold(base, |value, _| group().square(&value))
}

fn solved(base: Element, squarings: u64) -> Chain<'static> {
    let mut chain = Chain::new(group(), base, squarings);
    chain.finish();
    chain
}

#[test]
fn chains_square_as_often_as_they_say() {
    for squarings in [0, 1, 2, 17, 300] {
        assert_eq!(
            Chain::new(group(), element(3), squarings).finish(),
            slowly(element(3), squarings)
        );
    }
}

#[test]
fn a_chain_of_many_pieces_equals_one_of_one() {
    let mut pieces = Chain::new(group(), element(5), 500);
    for piece in [1, 0, 99, 7, 250] {
        assert!(!pieces.advance(piece).is_complete());
        assert_eq!(pieces.result(), None);
    }
    assert_eq!(pieces.progress().done, 357);
    assert!(pieces.advance(1_000).is_complete());
    assert_eq!(pieces.result(), solved(element(5), 500).result());
}

#[test]
fn checkpoints_resume_where_they_were_taken() {
    let expected = solved(element(7), 700);
    for stop in [0, 1, 350, 699, 700] {
        let mut chain = Chain::new(group(), element(7), 700);
        chain.advance(stop);
        let checkpoint = Checkpoint::from_bytes(chain.checkpoint().as_bytes().to_vec());
        let mut resumed = Chain::resume(group(), &checkpoint).unwrap();
        assert_eq!(resumed.progress().done, stop);
        assert_eq!(resumed.finish(), expected.result().unwrap());
        assert_eq!(Proof::new(&resumed), Proof::new(&expected));
    }
}

#[test]
fn damaged_checkpoints_are_refused_or_found_at_the_end() {
    let mut chain = Chain::new(group(), element(7), 700);
    chain.advance(300);
    let bytes = chain.checkpoint().as_bytes().to_vec();
    let resume = |bytes: &[u8]| {
        Chain::resume(group(), &Checkpoint::from_bytes(bytes.to_vec()))
            .map(|chain| chain.progress())
    };
    assert!(matches!(resume(&bytes[..bytes.len() - 1]), Err(InvalidCheckpoint::Codec(_))));
    assert!(matches!(resume(&[bytes.clone(), vec![0]].concat()), Err(InvalidCheckpoint::Codec(_))));
    let with_number = |at: usize, value: u64| {
        let mut changed = bytes.clone();
        changed[at..at + 8].copy_from_slice(&value.to_be_bytes());
        resume(&changed)
    };
    for (at, value) in
        [(0, u64::MAX), (0, 299), (8, 701), (8, u64::MAX), (16, 0), (16, 1), (16, 9_999)]
    {
        assert!(with_number(at, value).is_err(), "{value} at {at}");
    }
    let mut zero = bytes.clone();
    zero[24..280].fill(0);
    assert_eq!(resume(&zero), Err(InvalidCheckpoint::Element(InvalidElement::Zero)));
    // A value of the group that is the wrong one passes, and the proof fails.
    let mut wrong = bytes;
    wrong[24..280].copy_from_slice(&element(8).to_vec());
    let mut resumed = Chain::resume(group(), &Checkpoint::from_bytes(wrong)).unwrap();
    let result = resumed.finish();
    let verified = Proof::new(&resumed).verify(group(), &element(7), &result, 700);
    assert_eq!(verified, Err(InvalidProof::Wrong));
}

#[test]
fn proofs_of_results_hold() {
    for squarings in [0, 1, 15, 16, 1_000, 5_000] {
        let chain = solved(element(11), squarings);
        let output = chain.result().unwrap();
        let proof = Proof::new(&chain);
        assert_eq!(proof.verify(group(), &element(11), &output, squarings), Ok(()), "{squarings}");
        assert_eq!(Proof::decode(group(), &proof.to_vec()), Ok(proof));
    }
}

#[test]
fn proofs_of_other_statements_are_refused() {
    let chain = solved(element(11), 300);
    let output = chain.result().unwrap();
    let proof = Proof::new(&chain);
    let wrong = Err(InvalidProof::Wrong);
    assert_eq!(proof.verify(group(), &element(12), &output, 300), wrong);
    assert_eq!(proof.verify(group(), &element(11), &element(11), 300), wrong);
    assert_eq!(proof.verify(group(), &element(11), &output, 301), wrong);
    assert_eq!(proof.verify(group(), &element(11), &output, 299), wrong);
    assert_eq!(proof.verify(group(), &output, &element(11), 300), wrong);
    let other = Proof::decode(group(), &element(2).to_vec()).unwrap();
    assert_eq!(other.verify(group(), &element(11), &output, 300), wrong);
    let over = proof.verify(group(), &element(11), &output, u64::MAX);
    assert_eq!(over, Err(InvalidProof::Squarings(u64::MAX)));
}

#[test]
fn a_proof_cannot_be_moved_to_the_square_of_its_statement() {
    let chain = solved(element(11), 300);
    let (output, proof) = (chain.result().unwrap(), Proof::new(&chain));
    let square = |x: &Element| group().square(x);
    let moved = Proof::decode(group(), &square(&element_of(&proof)).to_vec()).unwrap();
    let verified = moved.verify(group(), &square(&element(11)), &square(&output), 300);
    assert_eq!(verified, Err(InvalidProof::Wrong));
}

fn element_of(proof: &Proof) -> Element {
    group().decode(&proof.to_vec()).unwrap()
}

#[test]
fn p10_whoever_knows_the_factors_needs_no_time() {
    // Why the modulus must come from nobody: the order of the group shortens 2^T to a number of its own size.
    let group = weak_group();
    let base = group.element(&U2048::from_u64(3)).unwrap();
    let exponent = U4096::ONE.shl_vartime(2_500).rem_vartime(&order_of_weak_group());
    let short_cut = group.power_vartime(&base, &exponent);
    assert_eq!(short_cut, Chain::new(&group, base, 2_500).finish());
}

#[cfg(feature = "gmp")]
#[test]
fn engines_agree() {
    for squarings in [0, 1, 2, 300, 20_000] {
        let gmp = Chain::new(group(), element(13), squarings).with_engine(Engine::Gmp).finish();
        assert_eq!(gmp, solved(element(13), squarings).result().unwrap());
    }
}

#[test]
fn the_default_engine_is_portable() {
    assert_eq!(Engine::default(), Engine::Portable);
}

#[test]
fn p10_setups_round_trip_with_their_proof() {
    let decoded = Setup::decode(&setup().encode()).unwrap();
    assert_eq!(decoded.id(), setup().id());
    assert_eq!(decoded.delay_squarings(), DELAY);
    assert_eq!(decoded.delayed(), &slowly(*setup().base(), DELAY));
}

#[test]
fn p10_setups_with_a_false_delayed_base_are_refused() {
    let bytes = setup().encode();
    let with = |at: usize, part: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + part.len()].copy_from_slice(part);
        Setup::decode(&changed).map(|setup| setup.id())
    };
    let wrong = Err(InvalidSetup::Proof(InvalidProof::Wrong));
    assert_eq!(with(264, &element(9).to_vec()), wrong);
    assert_eq!(with(264, &setup().base().to_vec()), wrong);
    assert_eq!(with(520, &element(9).to_vec()), wrong);
    assert_eq!(with(256, &(DELAY + 1).to_be_bytes()), wrong);
    assert_eq!(with(256, &0_u64.to_be_bytes()), Err(InvalidSetup::Delay(0)));
    assert_eq!(with(256, &u64::MAX.to_be_bytes()), Err(InvalidSetup::Delay(u64::MAX)));
    assert_eq!(with(264, &[0; 256]), Err(InvalidSetup::Element(InvalidElement::Zero)));
    // Another modulus gives another base.
    assert!(with(0, weak_group().modulus().to_be_bytes().as_ref()).is_err());
    assert!(Setup::decode(&bytes[1..]).is_err());
    assert!(Setup::decode(&[bytes.clone(), vec![0]].concat()).is_err());
}

#[test]
fn setups_differ_by_modulus_and_delay() {
    let ids = [
        Setup::prepare(&RSA_2048, 10).unwrap().id(),
        Setup::prepare(&RSA_2048, 11).unwrap().id(),
        Setup::prepare(weak_group().modulus(), 10).unwrap().id(),
    ];
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    assert_eq!(Setup::prepare(&RSA_2048, 0).unwrap_err(), InvalidSetup::Delay(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn squaring_multiplies_exponents(r in any::<u64>(), squarings in 0_u64..200) {
        let power = |base: &Element| group().power(base, &U256::from_u64(r));
        let base = element(17);
        let first = Chain::new(group(), power(&base), squarings).finish();
        prop_assert_eq!(first, power(&Chain::new(group(), base, squarings).finish()));
    }

    #[test]
    fn any_change_of_a_proof_is_refused(byte in 0_usize..256, flip in 1_u8..=255) {
        let chain = solved(element(19), 40);
        let mut bytes = Proof::new(&chain).to_vec();
        bytes[byte] ^= flip;
        if let Ok(proof) = Proof::decode(group(), &bytes) {
            let verified = proof.verify(group(), &element(19), &chain.result().unwrap(), 40);
            prop_assert_eq!(verified, Err(InvalidProof::Wrong));
        }
    }
}
