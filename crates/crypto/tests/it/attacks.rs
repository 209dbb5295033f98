//! Attacks on sealed envelopes; `both` has those that the scheme that Radius published does not stand.

use crate::{
    epoch::{list, released},
    known::{group, setup},
    model,
    sealed::{carriage, epoch_key, opened, other_carriages, puzzles, sealed, shown, solution},
};
use alloy_primitives::{Address, B256};
use crypto_bigint::{U256, U576, U2048};
use weft_crypto::{
    Carriage, DelayScheme, Element, Envelope, FalseClaim, InvalidElement, InvalidProof,
    InvalidRelation, Point, Proof, PuzzleProof, PuzzleScheme, Secret, Setup, Verdict,
    relation::RELATION_BYTES, setup::RSA_2048,
};
use weft_types::{Domain, Encode};

/// An envelope with a puzzle, its seed, and the proof of its puzzle.
pub(crate) fn proven(entropy: u8) -> (Envelope, B256, PuzzleProof) {
    let [_, envelope] = sealed(&carriage(), b"swap", entropy);
    let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
    let proof =
        PuzzleProof::new(&puzzles(), &envelope, &seed, &B256::repeat_byte(entropy)).unwrap();
    (envelope, seed, proof)
}

/// Seals by hand with a head of the attacker's choice and a seed; the readable parts are right.
pub(crate) fn by_hand(head: &Element, shared: &Element, seed: &B256) -> Envelope {
    let [_, mut envelope] = sealed(&carriage(), b"", 0);
    let domain = Domain::dev();
    let mut readable = vec![envelope.scheme as u8];
    readable.extend(envelope.key);
    let encoded = carriage().encode();
    readable.extend(&encoded[1..]);
    let readable = model::of_realm(&domain, 11, &[&readable]);
    envelope.head = head.to_vec();
    let mask =
        model::of_realm(&domain, 15, &[readable.as_slice(), &envelope.head, &shared.to_vec()]);
    envelope.masked_seed = mask ^ *seed;
    let key = model::of_realm(&domain, 16, &[readable.as_slice(), seed.as_slice()]);
    let mut padded = vec![0; 256];
    padded[3] = 1;
    padded[4] = b'x';
    envelope.body =
        model::stream(&key, 256).iter().zip(padded).map(|(stream, byte)| stream ^ byte).collect();
    envelope
}

#[test]
fn responses_give_nothing_away() {
    for trial in 0..20 {
        let (envelope, seed, proof) = proven(trial);
        let bytes = proof.encode();
        let number = |bytes: &[u8]| U576::from_be_slice(&[&[0; 72][bytes.len()..], bytes].concat());
        let (challenge, response) = (number(&bytes[256..272]), number(&bytes[272..]));
        let exponent = exponent(&envelope, &seed);
        // z = a - c r: the mask hides c r below its own 520 bits, from above and from below.
        let challenge = challenge.to_nz().unwrap();
        for guess in [response, U576::ONE.shl_vartime(520).wrapping_sub(&response)] {
            let (quotient, _) = guess.div_rem_vartime(&challenge);
            let distance = quotient.max(exponent).wrapping_sub(&quotient.min(exponent));
            assert!(distance.bits() > 300, "trial {trial}: within {} bits", distance.bits());
        }
    }
}

/// The r of an envelope, computed from its seed as its author does.
pub(crate) fn exponent(envelope: &Envelope, seed: &B256) -> U576 {
    let mut readable = vec![envelope.scheme as u8];
    readable.extend(envelope.key);
    readable.extend(&envelope.carriage.encode()[1..]);
    let readable = model::of_realm(&Domain::dev(), 11, &[&readable]);
    let key = model::of_realm(&Domain::dev(), 16, &[readable.as_slice(), seed.as_slice()]);
    let stream = model::stream(&key, envelope.body.len());
    let padded: Vec<u8> = stream.iter().zip(&envelope.body).map(|(a, b)| a ^ b).collect();
    let coins =
        model::of_realm(&Domain::dev(), 14, &[readable.as_slice(), seed.as_slice(), &padded]);
    let r = U256::from_be_slice(coins.as_slice());
    assert_eq!(group().power(setup().base(), &r).to_vec(), envelope.head);
    r.resize()
}

#[test]
fn a_proof_fits_one_envelope() {
    let (envelope, _, proof) = proven(2);
    assert_eq!(proof.verify(&puzzles(), &envelope), Ok(()));
    let (other, ..) = proven(3);
    let refused = Err(InvalidRelation::Wrong);
    assert_eq!(proof.verify(&puzzles(), &other), refused);
    for carriage in other_carriages() {
        let changed = Envelope { carriage, ..envelope.clone() };
        assert_eq!(proof.verify(&puzzles(), &changed), refused, "{carriage:?}");
    }
    let mut changed = envelope.clone();
    changed.body[200] ^= 1;
    assert_eq!(proof.verify(&puzzles(), &changed), refused);
    changed = envelope.clone();
    changed.masked_seed.0[0] ^= 1;
    assert_eq!(proof.verify(&puzzles(), &changed), refused);
    changed = envelope.clone();
    changed.key.0[0] ^= 1;
    let foreign = |found| matches!(found, Err(InvalidRelation::Foreign(_)));
    assert!(foreign(proof.verify(&puzzles(), &changed)));
    let realm = PuzzleScheme::new(Domain { realm: 9, ..Domain::dev() }, setup());
    assert_eq!(proof.verify(&realm, &envelope), refused);
    let longer = Setup::prepare(&RSA_2048, setup().delay_squarings() + 1).unwrap();
    assert!(foreign(proof.verify(&PuzzleScheme::new(Domain::dev(), &longer), &envelope)));
}

#[test]
fn proofs_with_any_field_changed_are_refused() {
    let (envelope, _, proof) = proven(4);
    let bytes = proof.encode();
    assert_eq!(PuzzleProof::decode(setup(), &bytes), Ok(proof));
    assert_eq!(bytes.len(), RELATION_BYTES);
    let (_, _, other) = proven(5);
    let other = other.encode();
    for field in [0..256, 256..272, 272..RELATION_BYTES] {
        let mut mixed = bytes.clone();
        mixed[field.clone()].copy_from_slice(&other[field.clone()]);
        let mixed = PuzzleProof::decode(setup(), &mixed).unwrap();
        assert_eq!(mixed.verify(&puzzles(), &envelope), Err(InvalidRelation::Wrong), "{field:?}");
    }
    for at in (0..RELATION_BYTES).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let verified = PuzzleProof::decode(setup(), &changed)
            .and_then(|changed| changed.verify(&puzzles(), &envelope));
        assert!(verified.is_err(), "byte {at}");
    }
    assert!(PuzzleProof::decode(setup(), &bytes[1..]).is_err());
    assert!(PuzzleProof::decode(setup(), &[bytes, vec![0]].concat()).is_err());
}

#[test]
fn a_proof_is_not_multiplied() {
    // A puzzle of somebody else times a power of one's own choice, and the response moved by as much.
    let (envelope, _, proof) = proven(6);
    let mut stolen = envelope.clone();
    let puzzle = puzzles().puzzle(&envelope).unwrap();
    stolen.head = group().multiply(&puzzle, setup().base()).to_vec();
    let mut bytes = proof.encode();
    let square = group().multiply(proof.square(), &group().square(setup().delayed()));
    bytes[..256].copy_from_slice(&square.to_vec());
    // z = a - c r, so r + 1 takes c away once more.
    let number = |bytes: &[u8]| U576::from_be_slice(&[&[0; 72][bytes.len()..], bytes].concat());
    let moved = number(&bytes[272..]).wrapping_sub(&number(&bytes[256..272]));
    bytes[272..].copy_from_slice(&moved.to_be_bytes().as_ref()[7..]);
    let moved = PuzzleProof::decode(setup(), &bytes).unwrap();
    assert_eq!(moved.verify(&puzzles(), &stolen), Err(InvalidRelation::Wrong));
}

#[test]
fn degenerate_puzzles_are_refused_and_undecryptable() {
    let (envelope, _, proof) = proven(7);
    let minus_one = RSA_2048.wrapping_sub(&U2048::ONE);
    let cases = [
        (U2048::ZERO, InvalidElement::Zero),
        (U2048::ONE, InvalidElement::Identity),
        (minus_one, InvalidElement::NotCanonical),
        (RSA_2048, InvalidElement::OutOfRange),
    ];
    for (value, reason) in cases {
        let mut changed = envelope.clone();
        changed.head = value.to_be_bytes().as_ref().to_vec();
        assert_eq!(puzzles().puzzle(&changed), Err(reason));
        assert!(puzzles().solve(&changed).is_err(), "nobody squares for nothing");
        assert_eq!(proof.verify(&puzzles(), &changed), Err(InvalidRelation::Element(reason)));
        assert_eq!(opened(&changed), Verdict::Undecryptable);
    }
    let mut trivial = proof.encode();
    trivial[..256].copy_from_slice(&group().identity().to_vec());
    let trivial = PuzzleProof::decode(setup(), &trivial).unwrap();
    let refused = Err(InvalidRelation::Element(InvalidElement::Identity));
    assert_eq!(trivial.verify(&puzzles(), &envelope), refused);
}

#[test]
fn puzzles_not_coprime_to_the_modulus_are_refused() {
    let weak = Setup::prepare(crate::known::weak_group().modulus(), 20).unwrap();
    let scheme = PuzzleScheme::new(Domain::dev(), &weak);
    let mut envelope = scheme.encrypt(&carriage(), b"x", &B256::ZERO).unwrap();
    let multiple = crate::known::P.resize::<{ U2048::LIMBS }>();
    envelope.head = multiple.to_be_bytes().as_ref().to_vec();
    assert_eq!(scheme.puzzle(&envelope), Err(InvalidElement::NotCoprime));
    let solution = scheme.solution(&envelope, None).unwrap();
    assert_eq!(scheme.open(&envelope, &solution), Ok(Verdict::Undecryptable));
}

#[test]
fn small_exponents_open_nothing() {
    // Anybody finds 5 by trying; the exponent must be the hash of what is inside.
    let five = U256::from_u8(5);
    let head = group().power(setup().base(), &five);
    let shared = group().power(setup().delayed(), &five);
    let seed = B256::repeat_byte(8);
    let envelope = by_hand(&head, &shared, &seed);
    assert_eq!(opened(&envelope), Verdict::Undecryptable);
    assert_eq!(shown(&envelope, &seed), Err(FalseClaim::Seed));
    assert!(PuzzleProof::new(&puzzles(), &envelope, &seed, &seed).is_err());
}

#[test]
fn p11_a_copied_envelope_is_dead_under_any_other_carriage() {
    for envelope in sealed(&carriage(), b"swap", 9) {
        for carriage in other_carriages() {
            let copied = Envelope { carriage, ..envelope.clone() };
            assert_eq!(opened(&copied), Verdict::Undecryptable, "{carriage:?}");
        }
    }
}

#[test]
fn p11_an_envelope_is_dead_in_another_realm() {
    let [_, envelope] = sealed(&carriage(), b"swap", 9);
    let other = PuzzleScheme::new(Domain { realm: 2, ..Domain::dev() }, setup());
    let verdict = other.open(&envelope, &solution(&envelope));
    assert_eq!(verdict, Ok(Verdict::Undecryptable));
}

#[test]
fn p11_malleated_ciphertexts_are_dead() {
    let [epoch, puzzle] = sealed(&carriage(), b"swap", 10);
    // The homomorphism of each head: a known factor, a known summand.
    let factor = group().multiply(&puzzles().puzzle(&puzzle).unwrap(), setup().base());
    let one = Secret::from_bytes(&B256::with_last_byte(1).0).unwrap().public();
    let sum = Point::sum([&Point::decode(&epoch.head).unwrap(), &one]).unwrap();
    let heads = [(epoch, sum.to_bytes().to_vec()), (puzzle, factor.to_vec())];
    for (envelope, head) in heads {
        let malleated = Envelope { head, ..envelope.clone() };
        assert_eq!(opened(&malleated), Verdict::Undecryptable);
        for at in 0..envelope.masked_seed.len() {
            let mut flipped = envelope.clone();
            flipped.masked_seed.0[at] ^= 1;
            assert_eq!(opened(&flipped), Verdict::Undecryptable, "seed {at}");
        }
        // Seven does not divide the blocks of the stream: first, last and others of each.
        for at in (0..envelope.body.len()).step_by(7).chain([envelope.body.len() - 1]) {
            let mut flipped = envelope.clone();
            flipped.body[at] ^= 0x80;
            assert_eq!(opened(&flipped), Verdict::Undecryptable, "body {at}");
        }
    }
}

#[test]
fn p11_a_false_undecryptable_is_refuted_by_the_seed() {
    let [epoch, puzzle] = sealed(&carriage(), b"swap", 11);
    let secret = released();
    let claim = epoch_key().verdict(&epoch, &Verdict::Undecryptable, &secret);
    assert_eq!(claim, Err(FalseClaim::Verdict));
    let claim = puzzles().verdict(&puzzle, &Verdict::Undecryptable, &solution(&puzzle));
    assert_eq!(claim, Err(FalseClaim::Verdict));
    // Whoever has neither secret nor solution needs the seed alone.
    for envelope in [epoch, puzzle] {
        let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
        assert!(matches!(shown(&envelope, &seed), Ok(Verdict::Opened { .. })));
    }
}

#[test]
fn p11_false_plaintexts_and_seeds_are_refuted() {
    let [epoch, _] = sealed(&carriage(), b"swap", 12);
    let Verdict::Opened { seed, .. } = opened(&epoch) else { panic!("opens") };
    let secret = released();
    let claims = [
        (Verdict::Opened { plaintext: b"gift"[..].into(), seed }, FalseClaim::Verdict),
        (Verdict::Malformed { seed }, FalseClaim::Verdict),
        (Verdict::Opened { plaintext: b"swap"[..].into(), seed: B256::ZERO }, FalseClaim::Seed),
    ];
    for (claim, reason) in claims {
        assert_eq!(epoch_key().verdict(&epoch, &claim, &secret), Err(reason));
    }
    let truth = Verdict::Opened { plaintext: b"swap"[..].into(), seed };
    assert_eq!(epoch_key().verdict(&epoch, &truth, &secret), Ok(()));
}

#[test]
fn junk_by_the_user_has_a_verdict_that_everybody_finds() {
    // A puzzle that is right, over a body that is not: solved once, by anybody, with the same verdict.
    let (mut junk, ..) = proven(13);
    junk.body.fill(0x77);
    let mut chain = puzzles().solve(&junk).unwrap();
    let value = chain.finish();
    let proof = Proof::new(&chain);
    let proven = puzzles().verify_solution(&junk, &value, &proof).unwrap();
    assert_eq!(puzzles().open(&junk, &proven), Ok(Verdict::Undecryptable));
    assert_eq!(puzzles().verdict(&junk, &Verdict::Undecryptable, &proven), Ok(()));
    // A solver cannot invent a solution to call a good envelope junk.
    let [_, good] = sealed(&carriage(), b"swap", 16);
    let wrong = puzzles().verify_solution(&good, &value, &proof);
    assert_eq!(wrong.unwrap_err(), InvalidProof::Wrong);
    assert_eq!(puzzles().solution(&good, Some(&chain)), None);
    assert_eq!(puzzles().solution(&good, None), None);
}

#[test]
fn padding_by_the_user_s_own_rules_is_malformed_not_undecryptable() {
    // The ciphertext is right, so its author is known to have made it so.
    let scheme = epoch_key();
    let secret = released();
    let [envelope, _] = sealed(&carriage(), b"swap", 14);
    let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
    let forged = malformed(&envelope, &seed);
    let verdict = scheme.open(&forged, &secret).unwrap();
    let Verdict::Malformed { seed: found } = &verdict else { panic!("malformed: {verdict:?}") };
    assert_eq!(*found, seed);
    assert_eq!(scheme.verdict(&forged, &verdict, &secret), Ok(()));
    assert_eq!(opened(&forged), verdict);
}

/// Seals a padded plaintext whose zeros are ones.
fn malformed(envelope: &Envelope, seed: &B256) -> Envelope {
    let domain = Domain::dev();
    let mut readable = vec![envelope.scheme as u8];
    readable.extend(envelope.key);
    readable.extend(&envelope.carriage.encode()[1..]);
    let readable = model::of_realm(&domain, 11, &[&readable]);
    let padded = [1; 256];
    let coins = model::of_realm(&domain, 14, &[readable.as_slice(), seed.as_slice(), &padded]);
    let exponent = Secret::from_bytes(&coins.0).unwrap();
    let head = exponent.public().to_bytes().to_vec();
    let shared = {
        use k256::elliptic_curve::group::GroupEncoding;
        let key = k256::AffinePoint::from_bytes(&list().key().to_bytes().into()).unwrap();
        let scalar = {
            use k256::elliptic_curve::PrimeField;
            k256::Scalar::from_repr(coins.0.into()).unwrap()
        };
        (key * scalar).to_affine().to_bytes().to_vec()
    };
    let mask = model::of_realm(&domain, 15, &[readable.as_slice(), &head, &shared]);
    let key = model::of_realm(&domain, 16, &[readable.as_slice(), seed.as_slice()]);
    let body = model::stream(&key, 256).iter().zip(padded).map(|(a, b)| a ^ b).collect();
    Envelope { head, masked_seed: mask ^ *seed, body, ..envelope.clone() }
}

#[test]
fn another_payer_cannot_have_the_proof_either() {
    let (envelope, _, proof) = proven(15);
    let carriage = Carriage { payer: Address::ZERO, ..envelope.carriage };
    let copied = Envelope { carriage, ..envelope };
    assert_eq!(proof.verify(&puzzles(), &copied), Err(InvalidRelation::Wrong));
}
