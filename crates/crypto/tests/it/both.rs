//! Each attack twice: on the scheme that was published as PVDE, where it succeeds, and on ours. One succeeds on our puzzles too.

use crate::{
    attacks::{by_hand, exponent, proven},
    known::{DELAY, P, group, setup, weak_group},
    model,
    published::{Published, cipher},
    sealed::{carriage, opened, other_carriages, puzzles, sealed, shown, solution},
};
use alloy_primitives::{Address, B256};
use crypto_bigint::{U256, U576, U2048};
use weft_crypto::{
    DelayScheme, Element, Envelope, FalseClaim, PuzzleProof, PuzzleScheme, Setup, Verdict,
    setup::RSA_2048,
};
use weft_types::Domain;

const USER: Address = Address::repeat_byte(1);
const THIEF: Address = Address::repeat_byte(2);
const SWAP: &[u8] = b"tx sell 1 to anybody";

/// An attack that says whether it succeeded.
type Attack = fn() -> bool;

/// What is tried, on the published scheme and on ours.
const ATTACKS: [(&str, Attack, Attack); 10] = [
    ("the response of a proof gives the key away", response, our_response),
    ("a witness -k or k + N is another key", witness, our_witness),
    ("a proof is good for another ciphertext", transplant, our_transplant),
    ("a proof of somebody else is moved to a multiple of its puzzle", multiple, our_multiple),
    ("a puzzle has powers that everybody knows", trivial, our_trivial),
    ("a puzzle shares a factor with the modulus", factor, our_factor),
    ("a small exponent is found by trying", small, our_small),
    ("an envelope is copied under another payer, or into another realm", copy, our_copy),
    ("a ciphertext is changed on its way and opens to something else", malleate, our_malleate),
    ("a sequencer says of a right envelope that nothing is inside", deny, our_denial),
];

#[test]
fn the_published_scheme_stands_no_attack_and_ours_all() {
    for (name, on_theirs, on_ours) in ATTACKS {
        assert!(on_theirs(), "on the published scheme: {name}");
        assert!(!on_ours(), "on ours: {name}");
    }
}

/// A limit of scheme 2, and no hole: its proof is about the puzzle, not about the body. What its payer signed is charged all
/// the same (P13). Proven puzzles, scheme 4, refuse such a user: `dishonest` in `weft-decryptable`.
#[test]
fn a_user_proves_a_puzzle_over_junk_in_both_and_everybody_squares_for_nothing() {
    assert!(junk(), "on the published scheme");
    let (junk, proof) = junk_by_hand();
    assert_eq!(
        proof.verify(&puzzles(), &junk),
        Ok(()),
        "nobody can refuse it before its order is fixed"
    );
    assert_eq!(opened(&junk), Verdict::Undecryptable);
    let claim = puzzles().verdict(&junk, &Verdict::Undecryptable, &solution(&junk));
    assert_eq!(claim, Ok(()), "its payer is charged for a verdict that everybody finds");
    // Its maker shows no seed for it, so the squarings are spared to nobody.
    assert_eq!(shown(&junk, &junk.masked_seed), Err(FalseClaim::Seed));
    // What the proof does speak of is not to be had for another puzzle or another envelope.
    let other = Envelope { head: proven(13).0.head, ..junk.clone() };
    assert!(proof.verify(&puzzles(), &other).is_err());
    let other = Envelope { body: vec![0x78; junk.body.len()], ..junk };
    assert!(proof.verify(&puzzles(), &other).is_err());
}

#[test]
fn the_published_scheme_does_what_it_is_for() {
    let scheme = theirs();
    let message = scheme.encrypt(USER, SWAP, 1);
    assert!(scheme.accepts(&message));
    assert_eq!(scheme.decrypt(&message).as_deref(), Some(SWAP));
    let mut torn = message.clone();
    torn.ciphertext[9] ^= 1;
    assert!(!scheme.accepts(&torn), "its circuit is no part of what is wrong");
    torn = message.clone();
    torn.proof.response = torn.proof.response.wrapping_add(&U576::ONE);
    assert!(!scheme.accepts(&torn));
    torn = message;
    torn.puzzle = torn.puzzle.wrapping_add(&U2048::ONE);
    assert!(!scheme.accepts(&torn));
}

fn theirs() -> Published {
    Published::new(&RSA_2048, setup().base().value(), DELAY)
}

fn is_dead(envelope: &Envelope) -> bool {
    opened(envelope) == Verdict::Undecryptable
}

fn response() -> bool {
    let scheme = theirs();
    (0..20).all(|number| {
        let message = scheme.encrypt(USER, SWAP, number);
        let key = scheme.solution(&Published::stolen_exponent(&message));
        // Without a single squaring of the puzzle.
        cipher(&key.resize(), &message.ciphertext) == SWAP
    })
}

fn our_response() -> bool {
    (0..20).any(|trial| {
        let (envelope, seed, proof) = proven(trial);
        let bytes = proof.encode();
        let (challenge, response) = (number(&bytes[256..272]), number(&bytes[272..]));
        let guess = response.div_rem_vartime(&challenge.to_nz().unwrap()).0;
        let exponent = exponent(&envelope, &seed);
        guess.max(exponent).wrapping_sub(&guess.min(exponent)).bits() <= 256
    })
}

fn witness() -> bool {
    let scheme = theirs();
    let s = U256::from_u128(1 << 100 | 7);
    let key = scheme.solution(&s);
    let others = [scheme.opposite(&key).resize(), scheme.shifted(&key)];
    others.iter().all(|other| {
        let message = scheme.seal(&s, other, USER, SWAP).unwrap();
        scheme.accepts(&message) && message.ciphertext != cipher(&key.resize(), SWAP)
    })
}

fn our_witness() -> bool {
    // k and -k are one element with one form, and no longer number is an element.
    let key = setup().delayed();
    let opposite = RSA_2048.wrapping_sub(key.value());
    let long = theirs().shifted(key.value());
    group().element(&opposite) != Ok(*key)
        || group().decode(opposite.to_be_bytes().as_ref()).is_ok()
        || group().decode(long.to_be_bytes().as_ref()).is_ok()
}

fn transplant() -> bool {
    let scheme = theirs();
    let first = scheme.encrypt(USER, SWAP, 3);
    let key = scheme.solution(&Published::stolen_exponent(&first)).resize();
    let ciphertext = cipher(&key, b"tx give all to the thief");
    let circuit = scheme.prove(&key, &first.square, &ciphertext).unwrap();
    let second = crate::published::Message { payer: THIEF, ciphertext, circuit, ..first.clone() };
    second.proof == first.proof && scheme.accepts(&second) && scheme.decrypt(&second).is_some()
}

fn our_transplant() -> bool {
    let ((envelope, _, proof), (other, ..)) = (proven(3), proven(4));
    let mut body = envelope.clone();
    body.body[200] ^= 1;
    let mut seed = envelope;
    seed.masked_seed.0[0] ^= 1;
    [other, body, seed].iter().any(|other| proof.verify(&puzzles(), other).is_ok())
}

fn multiple() -> bool {
    let scheme = theirs();
    let message = scheme.encrypt(USER, SWAP, 4);
    let (puzzle, square, proof) = scheme.multiplied(&message, 77);
    puzzle != message.puzzle && scheme.verify(&puzzle, &square, &proof)
}

fn our_multiple() -> bool {
    let (envelope, _, proof) = proven(6);
    let puzzle = puzzles().puzzle(&envelope).unwrap();
    let head = group().multiply(&puzzle, setup().base()).to_vec();
    let mut bytes = proof.encode();
    let square = group().multiply(proof.square(), &group().square(setup().delayed()));
    bytes[..256].copy_from_slice(&square.to_vec());
    // z = a - c r, so r + 1 takes c away once more.
    let moved = number(&bytes[272..]).wrapping_sub(&number(&bytes[256..272]));
    bytes[272..].copy_from_slice(&moved.to_be_bytes().as_ref()[7..]);
    let moved = PuzzleProof::decode(setup(), &bytes).unwrap();
    moved.verify(&puzzles(), &Envelope { head, ..envelope }).is_ok()
}

/// Zero, one and minus one.
fn known_powers() -> [U2048; 3] {
    [U2048::ZERO, U2048::ONE, RSA_2048.wrapping_sub(&U2048::ONE)]
}

fn trivial() -> bool {
    let scheme = theirs();
    known_powers().iter().all(|puzzle| {
        let message = scheme.trivial(puzzle, SWAP);
        // No power of zero is one of the base, so its proof finds out that one alone; a solver does not.
        let is_found_out = *puzzle == U2048::ZERO;
        scheme.accepts(&message) != is_found_out && scheme.decrypt(&message).is_some()
    })
}

fn our_trivial() -> bool {
    let (envelope, _, proof) = proven(7);
    known_powers().iter().any(|puzzle| {
        let head = puzzle.to_be_bytes().as_ref().to_vec();
        let changed = Envelope { head, ..envelope.clone() };
        puzzles().puzzle(&changed).is_ok()
            || puzzles().solve(&changed).is_ok()
            || proof.verify(&puzzles(), &changed).is_ok()
            || !is_dead(&changed)
    })
}

/// A number of which a factor of the weak modulus is one.
fn with_a_factor() -> U2048 {
    P.resize()
}

fn factor() -> bool {
    let scheme = Published::new(weak_group().modulus(), &U2048::from_u8(4), 20);
    let message = scheme.trivial(&with_a_factor(), SWAP);
    // Whoever solves it learns a factor, and opens every other puzzle at once.
    let solution = scheme.solve(&message.puzzle);
    solution.rem_vartime(&with_a_factor().to_nz().unwrap()) == U2048::ZERO
        && scheme.decrypt(&message).is_some()
}

fn our_factor() -> bool {
    let weak = Setup::prepare(weak_group().modulus(), 20).unwrap();
    let scheme = PuzzleScheme::new(Domain::dev(), &weak);
    let mut envelope = scheme.encrypt(&carriage(), SWAP, &B256::ZERO).unwrap();
    envelope.head = with_a_factor().to_be_bytes().as_ref().to_vec();
    scheme.puzzle(&envelope).is_ok()
        || scheme.solve(&envelope).is_ok()
        || scheme.open(&envelope, &scheme.solution(&envelope, None).unwrap())
            != Ok(Verdict::Undecryptable)
}

fn small() -> bool {
    let scheme = theirs();
    let message = scheme.encrypt_with(&U256::from_u8(5), USER, SWAP);
    let tried = (0..10).map(U256::from_u8).find(|s| scheme.statement(s).0 == message.puzzle);
    let key = scheme.solution(&tried.unwrap()).resize();
    scheme.accepts(&message) && cipher(&key, &message.ciphertext) == SWAP
}

fn our_small() -> bool {
    let [head, shared] =
        [setup().base(), setup().delayed()].map(|base| group().power(base, &U256::from_u8(5)));
    let seed = B256::repeat_byte(8);
    let envelope = by_hand(&head, &shared, &seed);
    !is_dead(&envelope)
        || shown(&envelope, &seed).is_ok()
        || PuzzleProof::new(&puzzles(), &envelope, &seed, &seed).is_ok()
}

fn copy() -> bool {
    let scheme = theirs();
    let message = scheme.encrypt(USER, SWAP, 8);
    let copied = crate::published::Message { payer: THIEF, ..message };
    scheme.accepts(&copied) && scheme.decrypt(&copied).as_deref() == Some(SWAP)
}

fn our_copy() -> bool {
    let envelopes = sealed(&carriage(), SWAP, 9);
    let elsewhere = PuzzleScheme::new(Domain { realm: 2, ..Domain::dev() }, setup());
    let there = elsewhere.open(&envelopes[1], &solution(&envelopes[1]));
    let copy = |carriage| envelopes.clone().map(|envelope| Envelope { carriage, ..envelope });
    other_carriages().into_iter().flat_map(copy).any(|copied| !is_dead(&copied))
        || there != Ok(Verdict::Undecryptable)
}

fn malleate() -> bool {
    let scheme = theirs();
    let message = scheme.encrypt(USER, SWAP, 9);
    let (mut changed, at) = (message, 8);
    // The cipher is a sum: who knows what stands there makes a 9 of the 1.
    changed.ciphertext[at] ^= b'1' ^ b'9';
    let came_out = scheme.decrypt(&changed);
    // And the stolen key makes the proof that goes with it.
    let key = scheme.solution(&Published::stolen_exponent(&changed)).resize();
    changed.circuit = scheme.prove(&key, &changed.square, &changed.ciphertext).unwrap();
    scheme.accepts(&changed) && came_out.as_deref() == Some(b"tx sell 9 to anybody")
}

fn our_malleate() -> bool {
    sealed(&carriage(), SWAP, 10).iter().any(|envelope| {
        let at = 4 + 8;
        let mut changed = envelope.clone();
        changed.body[at] ^= b'1' ^ b'9';
        !is_dead(&changed)
    })
}

fn deny() -> bool {
    let scheme = theirs();
    let message = scheme.encrypt(USER, SWAP, 11);
    let solution = scheme.solve(&message.puzzle);
    // Both are roots of what was proven, so nobody knows who lies.
    let said = scheme.open(&message, &scheme.opposite(&solution).resize());
    let shown = scheme.open(&message, &solution.resize());
    said.is_none() && shown.as_deref() == Some(SWAP)
}

fn our_denial() -> bool {
    let [_, envelope] = sealed(&carriage(), SWAP, 11);
    let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
    puzzles().verdict(&envelope, &Verdict::Undecryptable, &solution(&envelope)).is_ok()
        || !matches!(shown(&envelope, &seed), Ok(Verdict::Opened { .. }))
}

fn junk() -> bool {
    let scheme = theirs();
    let s = U256::from_u128(1 << 90 | 1);
    let witness = scheme.opposite(&scheme.solution(&s)).resize();
    let message = scheme.seal(&s, &witness, USER, SWAP).unwrap();
    scheme.accepts(&message) && scheme.decrypt(&message).is_none()
}

/// A right puzzle over a body of nothing, with a proof of the puzzle that its maker wrote itself: [`PuzzleProof::new`] makes
/// none for what does not open.
fn junk_by_hand() -> (Envelope, PuzzleProof) {
    let r: U576 = U256::MAX.wrapping_sub(&U256::from_u8(13)).resize();
    let head = group().power(setup().base(), &r);
    let [_, like] = sealed(&carriage(), SWAP, 13);
    let body = vec![0x77; like.body.len()];
    let junk = Envelope { head: head.to_vec(), body, ..like };
    let proof = prove_by_hand(&junk, &r);
    (junk, proof)
}

/// Proves `g^r` for an envelope, whatever is in it, from the description of the proof.
fn prove_by_hand(envelope: &Envelope, r: &U576) -> PuzzleProof {
    let mask = U576::ONE.shl_vartime(519).wrapping_add(&U576::from_u8(99));
    let square = twice(setup().delayed(), r);
    let commitments = [group().power(setup().base(), &mask), twice(setup().delayed(), &mask)];
    let (setup_id, id) = (setup().id(), envelope.id(&Domain::dev()));
    let [first, second] = commitments.map(|commitment| commitment.to_vec());
    let fields = [setup_id.as_slice(), id.as_slice(), &square.to_vec(), &first, &second];
    let challenge = &model::of_realm(&Domain::dev(), 18, &fields)[..16];
    let response = mask.wrapping_sub(&number(challenge).wrapping_mul(r));
    let bytes = [&square.to_vec(), challenge, &response.to_be_bytes().as_ref()[7..]].concat();
    PuzzleProof::decode(setup(), &bytes).unwrap()
}

/// Returns `base^(2 exponent)`.
fn twice(base: &Element, exponent: &U576) -> Element {
    group().square(&group().power(base, exponent))
}

fn number(bytes: &[u8]) -> U576 {
    U576::from_be_slice(&[&[0; 72][bytes.len()..], bytes].concat())
}
