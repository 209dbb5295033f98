//! What is not proven is refused.

use crate::setting::{
    DELAY, carriage, keys, opened, other_carriages, proven, sample, scheme, setup,
};
use alloy_primitives::B256;
use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, Proof as PairingProof};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use weft_crypto::{Envelope, PuzzleProof, Setup, proven as hashes, setup::RSA_2048};
use weft_decryptable::{Opening, PROOF_BYTES, Proof, ProvenScheme, Refused};
use weft_types::Domain;

fn verify(envelope: &Envelope, proof: &Proof) -> Result<(), Refused> {
    scheme().verify(keys().verifying_key(), envelope, proof)
}

fn decoded(bytes: &[u8]) -> Result<Proof, Refused> {
    Proof::decode(setup(), bytes)
}

#[test]
fn every_field_of_the_envelope_is_bound() {
    let (sealed, proof) = sample();
    let envelope = sealed.envelope();
    assert_eq!(verify(envelope, proof), Ok(()));
    for carriage in other_carriages() {
        let changed = Envelope { carriage, ..envelope.clone() };
        assert!(matches!(verify(&changed, proof), Err(Refused::Puzzle(_))), "{carriage:?}");
    }
    for at in 0..envelope.body.len() {
        let mut changed = envelope.clone();
        changed.body[at] ^= 1;
        assert!(verify(&changed, proof).is_err(), "body {at}");
    }
    for at in 0..32 {
        let mut changed = envelope.clone();
        changed.masked_seed.0[at] ^= 1;
        assert!(verify(&changed, proof).is_err(), "tag {at}");
    }
    let mut changed = envelope.clone();
    changed.head[200] ^= 1;
    assert!(verify(&changed, proof).is_err());
    changed = envelope.clone();
    changed.key.0[0] ^= 1;
    assert_eq!(verify(&changed, proof), Err(Refused::Foreign));
}

#[test]
fn every_byte_of_the_proof_counts() {
    let (sealed, proof) = sample();
    let bytes = proof.encode();
    for at in (0..PROOF_BYTES).step_by(5) {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let verified = decoded(&changed).and_then(|proof| verify(sealed.envelope(), &proof));
            assert!(verified.is_err(), "byte {at}");
        }
    }
    let short = bytes.len() - 1;
    assert_eq!(decoded(&bytes[1..]), Err(Refused::Length(short)));
    assert_eq!(decoded(&[]), Err(Refused::Length(0)));
    assert!(decoded(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn parts_of_other_proofs_are_refused() {
    let (sealed, proof) = sample();
    let (other, transplanted) = proven(b"swap", 2);
    assert!(verify(sealed.envelope(), &transplanted).is_err());
    assert!(verify(other.envelope(), proof).is_err());
    let (own, foreign) = (proof.encode(), transplanted.encode());
    for field in [0..128, 128..384, 384..400, 400..PROOF_BYTES] {
        let mut mixed = own.clone();
        mixed[field.clone()].copy_from_slice(&foreign[field.clone()]);
        let mixed = decoded(&mixed).unwrap();
        assert!(verify(sealed.envelope(), &mixed).is_err(), "{field:?}");
    }
}

#[test]
fn another_form_of_the_circuits_proof_is_refused() {
    // Anybody can bring a Groth16 proof into another form that holds too.
    let (sealed, proof) = sample();
    let bytes = proof.encode();
    let pairing = PairingProof::<Bn254>::deserialize_compressed(&bytes[..128]).unwrap();
    let key = ark_groth16::VerifyingKey::<Bn254>::deserialize_compressed(
        &keys().verifying_key().encode()[..],
    )
    .unwrap();
    let rng = &mut ChaCha20Rng::from_seed([7; 32]);
    let other = Groth16::<Bn254>::rerandomize_proof(&key, &pairing, rng);
    let mut changed = Vec::new();
    other.serialize_compressed(&mut changed).unwrap();
    assert_ne!(changed, bytes[..128]);
    let changed = decoded(&[&changed, &bytes[128..]].concat()).unwrap();
    assert!(matches!(verify(sealed.envelope(), &changed), Err(Refused::Puzzle(_))));
}

/// Binds a circuit's proof to another envelope, as somebody who knows its puzzle can.
fn rebound(envelope: &Envelope, exponent: &[u8; 32], proof: &Proof) -> Proof {
    let bytes = proof.encode();
    let digest = keys().verifying_key().digest();
    let statement = hashes::statement(&Domain::dev(), envelope, &digest, &bytes[..128]);
    let puzzle =
        PuzzleProof::bound(setup(), &Domain::dev(), &statement, exponent, &B256::repeat_byte(9));
    decoded(&[&bytes[..128], &puzzle.encode()].concat()).unwrap()
}

#[test]
fn authors_cannot_prove_what_does_not_open() {
    // The author knows exponent and solution, and may bind the circuit's part to whatever it likes.
    let (sealed, proof) = sample();
    let exponent = sealed.exponent();
    let same = rebound(sealed.envelope(), exponent, proof);
    assert_eq!(verify(sealed.envelope(), &same), Ok(()));
    let mut garbage = sealed.envelope().clone();
    garbage.body[31] ^= 1;
    assert_eq!(opened(&garbage), Opening::Undecryptable);
    let refused = verify(&garbage, &rebound(&garbage, exponent, proof));
    assert_eq!(refused, Err(Refused::Content));
    // Another carriage has other masks.
    for carriage in other_carriages() {
        let copied = Envelope { carriage, ..sealed.envelope().clone() };
        assert_eq!(opened(&copied), Opening::Undecryptable);
        let refused = verify(&copied, &rebound(&copied, exponent, proof));
        assert_eq!(refused, Err(Refused::Content), "{carriage:?}");
    }
    // Another puzzle has another square.
    let (other, _) = proven(b"swap", 3);
    let mut moved = sealed.envelope().clone();
    moved.head = other.envelope().head.clone();
    let refused = verify(&moved, &rebound(&moved, other.exponent(), proof));
    assert_eq!(refused, Err(Refused::Content));
}

#[test]
fn a_wrong_exponent_shows_nothing() {
    let (sealed, _) = sample();
    let envelope = sealed.envelope();
    assert_eq!(scheme().open_with(envelope, &[7; 32]), Err(Refused::Exponent));
    assert_eq!(scheme().open_with(envelope, &[0; 32]), Err(Refused::Exponent));
    let mut identity = envelope.clone();
    identity.head = setup().group().identity().to_vec();
    assert_eq!(scheme().open_with(&identity, &[0; 32]), Err(Refused::Exponent));
    assert!(matches!(verify(&identity, &sample().1), Err(Refused::Head(_))));
    assert_eq!(opened(&identity), Opening::Undecryptable);
}

#[test]
fn numbers_that_are_no_elements_open_to_nothing() {
    let (sealed, proof) = sample();
    let mut large = sealed.envelope().clone();
    large.body[..32].fill(0xff);
    assert_eq!(opened(&large), Opening::Undecryptable);
    assert!(verify(&large, proof).is_err());
    let refused = verify(&large, &rebound(&large, sealed.exponent(), proof));
    assert_eq!(refused, Err(Refused::Body));
    let mut short = sealed.envelope().clone();
    short.body.truncate(224);
    assert_eq!(opened(&short), Opening::Undecryptable);
    let refused = verify(&short, &rebound(&short, sealed.exponent(), proof));
    assert_eq!(refused, Err(Refused::Body));
    // A number plus the order of the field is the same number, and another body.
    let order: [u8; 32] = {
        use ark_ff::{BigInteger, PrimeField};
        Fr::MODULUS.to_bytes_be().try_into().unwrap()
    };
    let mut shifted = sealed.envelope().clone();
    let tag = alloy_primitives::U256::from_be_bytes(shifted.masked_seed.0);
    if let Some(sum) = tag.checked_add(alloy_primitives::U256::from_be_bytes(order)) {
        shifted.masked_seed = sum.into();
        assert_eq!(opened(&shifted), Opening::Undecryptable);
    }
}

#[test]
fn other_realms_and_setups_refuse() {
    let (sealed, proof) = sample();
    let key = keys().verifying_key();
    let realm = ProvenScheme::new(Domain { realm: 9, ..Domain::dev() }, setup());
    assert!(matches!(realm.verify(key, sealed.envelope(), proof), Err(Refused::Puzzle(_))));
    let longer = Setup::prepare(&RSA_2048, DELAY + 1).unwrap();
    let other = ProvenScheme::new(Domain::dev(), &longer);
    assert_eq!(other.verify(key, sealed.envelope(), proof), Err(Refused::Foreign));
    let entropy = B256::repeat_byte(1);
    let again = scheme().seal(&carriage(), b"swap", &entropy).unwrap();
    assert_eq!(again.envelope(), sealed.envelope(), "the same entropy, content and carriage");
    let changed = scheme().seal(&carriage(), b"swab", &entropy).unwrap();
    assert_ne!(changed.envelope().head, sealed.envelope().head, "no pad is used twice");
}
