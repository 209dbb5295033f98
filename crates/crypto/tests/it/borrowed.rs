//! Proofs, solutions, checkpoints and shares that are right where they come from and are used elsewhere.

use crate::{
    epoch::list,
    known::{DELAY, group, setup},
    model,
    sealed::{carriage, opened, puzzles, sealed},
};
use alloy_primitives::B256;
use crypto_bigint::{U128, U256, U576};
use std::panic::{AssertUnwindSafe, catch_unwind};
use weft_crypto::{
    Chain, Checkpoint, DelayScheme, Envelope, InvalidElement, InvalidRelation, PuzzleProof,
    PuzzleScheme, Setup, ShareContext, Verdict, deal, setup::RSA_2048,
};
use weft_types::Domain;

/// Proves knowledge of r for an envelope as its author would, whoever the envelope says it is sealed to.
fn proven_by_hand(envelope: &Envelope, r: &U256) -> PuzzleProof {
    let mask = U576::ONE.shl_vartime(519).wrapping_add(&U576::from_u64(0x0123_4567));
    let double = |element| group().square(&element);
    let square = double(group().power(setup().delayed(), r));
    let commitments =
        [group().power(setup().base(), &mask), double(group().power(setup().delayed(), &mask))];
    let (setup_id, id) = (setup().id(), envelope.id(&Domain::dev()));
    let values = [square, commitments[0], commitments[1]].map(|value| value.to_vec());
    let mut fields: Vec<&[u8]> = vec![setup_id.as_slice(), id.as_slice()];
    fields.extend(values.iter().map(Vec::as_slice));
    let challenge = &model::of_realm(&Domain::dev(), 18, &fields)[..16];
    let product = U128::from_be_slice(challenge).resize().wrapping_mul(&r.resize::<9>());
    let response = mask.wrapping_sub(&product).to_be_bytes();
    let bytes = [&values[0][..], challenge, &response.as_ref()[7..]].concat();
    PuzzleProof::decode(setup(), &bytes).unwrap()
}

#[test]
fn a_proof_for_an_envelope_of_another_key_is_refused() {
    let r = U256::from_be_hex("5555555555555555555555555555555555555555555555555555555555555555");
    let [_, mut envelope] = sealed(&carriage(), b"swap", 1);
    envelope.head = group().power(setup().base(), &r).to_vec();
    assert_eq!(proven_by_hand(&envelope, &r).verify(&puzzles(), &envelope), Ok(()));
    // Nobody who opens with this setup can say a word about an envelope of another.
    envelope.key.0[0] ^= 1;
    let refused = proven_by_hand(&envelope, &r).verify(&puzzles(), &envelope);
    assert!(matches!(refused, Err(InvalidRelation::Foreign(_))), "{refused:?}");
    assert!(puzzles().own(&envelope).is_err());
}

#[test]
fn bound_proofs_hold_for_their_statement_alone() {
    let (exponent, entropy) = ([0x5a; 32], B256::repeat_byte(1));
    let (domain, statement) = (Domain::dev(), B256::repeat_byte(2));
    let proof = PuzzleProof::bound(setup(), &domain, &statement, &exponent, &entropy);
    let r = U256::from_be_slice(&exponent);
    let puzzle = group().power(setup().base(), &r);
    let verify = |domain: &Domain, statement: &B256, puzzle: &_| {
        proof.verify_bound(setup(), domain, statement, puzzle)
    };
    assert_eq!(verify(&domain, &statement, &puzzle), Ok(()));
    let solution = group().power(setup().delayed(), &r);
    assert_eq!(*proof.square(), group().square(&solution));
    let wrong = Err(InvalidRelation::Wrong);
    assert_eq!(verify(&domain, &B256::repeat_byte(3), &puzzle), wrong);
    assert_eq!(verify(&Domain { realm: 9, ..domain }, &statement, &puzzle), wrong);
    assert_eq!(verify(&domain, &statement, &group().multiply(&puzzle, setup().base())), wrong);
    let identity = Err(InvalidRelation::Element(InvalidElement::Identity));
    assert_eq!(verify(&domain, &statement, &group().identity()), identity);
    let longer = Setup::prepare(&RSA_2048, DELAY + 1).unwrap();
    assert_eq!(proof.verify_bound(&longer, &domain, &statement, &puzzle), wrong);
    // A statement that equals an envelope's id makes no proof for that envelope.
    let [_, envelope] = sealed(&carriage(), b"swap", 1);
    let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
    let id = envelope.id(&domain);
    let borrowed = PuzzleProof::bound(setup(), &domain, &id, &exponent, &entropy);
    assert_eq!(borrowed.verify(&puzzles(), &envelope), wrong);
    let own = PuzzleProof::new(&puzzles(), &envelope, &seed, &entropy).unwrap();
    let puzzle = puzzles().puzzle(&envelope).unwrap();
    assert_eq!(own.verify_bound(setup(), &domain, &id, &puzzle), wrong);
}

#[test]
fn p11_a_solution_of_another_delay_makes_no_verdict() {
    let short = Setup::prepare(&RSA_2048, DELAY / 2).unwrap();
    let other = PuzzleScheme::new(Domain::dev(), &short);
    let [_, envelope] = sealed(&carriage(), b"swap", 2);
    let mut chain = other.solve(&envelope).unwrap();
    chain.finish();
    let solution = other.solution(&envelope, Some(&chain)).unwrap();
    // Taken for this setup's solution it would say `Undecryptable` of a good envelope.
    let verdict = catch_unwind(AssertUnwindSafe(|| puzzles().open(&envelope, &solution)));
    assert!(verdict.is_err(), "{verdict:?}");
    assert!(matches!(opened(&envelope), Verdict::Opened { .. }));
}

#[test]
fn p11_a_chain_in_another_group_is_no_solution() {
    let [_, envelope] = sealed(&carriage(), b"swap", 3);
    let weak = crate::known::weak_group();
    let puzzle = puzzles().puzzle(&envelope).unwrap();
    let mut chain = Chain::new(&weak, puzzle, DELAY);
    chain.finish();
    assert_eq!(puzzles().solution(&envelope, Some(&chain)), None);
}

#[test]
fn p11_a_changed_checkpoint_makes_no_verdict() {
    let [_, envelope] = sealed(&carriage(), b"swap", 4);
    let mut chain = puzzles().solve(&envelope).unwrap();
    chain.advance(DELAY / 2);
    let bytes = chain.checkpoint().as_bytes().to_vec();
    let resumed = |bytes: Vec<u8>| {
        let mut chain = Chain::resume(group(), &Checkpoint::from_bytes(bytes)).unwrap();
        chain.finish();
        puzzles().solution(&envelope, Some(&chain))
    };
    let mut changed = bytes.clone();
    changed[24..280].copy_from_slice(&setup().delayed().to_vec());
    assert_eq!(resumed(changed), None, "it would say `Undecryptable` of a good envelope");
    let solution = resumed(bytes).expect("a chain that was left and taken up again");
    assert!(matches!(puzzles().open(&envelope, &solution), Ok(Verdict::Opened { .. })));
}

#[test]
fn checkpoints_show_no_value() {
    let chain = setup().solve(*setup().base());
    assert_eq!(format!("{:?}", chain.checkpoint()), "Checkpoint(536 bytes)");
}

#[test]
fn p17_every_member_signs_its_own_share() {
    let digests = [1, 2, 3].map(|member| list().announcement_digest(setup(), member).unwrap());
    assert_ne!(digests[0], digests[1]);
    assert_ne!(digests[1], digests[2]);
    assert_eq!(list().announcement_digest(setup(), 4), None);
    // One dealer's shares in the names of two members: both hold, and are not what the members signed.
    let context = |member| ShareContext { domain: Domain::dev(), epoch: 7, member };
    for (member, signed) in [1, 2, 3].into_iter().zip(digests) {
        let own = list().shares()[&member];
        assert_eq!(own.announcement_digest(setup(), &context(member)), signed);
        let (_, dealt) = deal(setup(), &context(member), &B256::repeat_byte(0xee));
        assert_eq!(dealt.verify(setup(), &context(member)), Ok(()));
        assert_ne!(dealt.announcement_digest(setup(), &context(member)), signed);
    }
    let fields = [&setup().id()[..], &7_u64.to_be_bytes(), &1_u64.to_be_bytes()];
    let encoded = list().shares()[&1].encode();
    let fields = [&fields[..], &[&encoded]].concat();
    assert_eq!(digests[0], model::of_realm(&Domain::dev(), 19, &fields));
}
