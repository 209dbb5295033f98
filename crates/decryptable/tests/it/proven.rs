//! What is proven opens, whichever way.

use crate::setting::{carriage, keys, opened, proven, sample, scheme, setup, size};
use alloy_primitives::{B256, keccak256};
use weft_crypto::{Carriage, Envelope, SchemeId, TooLong, setup::RSA_2048};
use weft_decryptable::{
    InvalidKey, Opening, PROOF_BYTES, Proof, ProvingKey, VerifyingKey, capacity,
};
use weft_types::{Decode, Encode};

#[test]
fn p10_a_proven_envelope_opens_by_squaring_and_by_its_exponent() {
    for plaintext in [&b""[..], b"a transaction", &[7; 244]] {
        let (sealed, proof) = proven(plaintext, 2);
        let envelope = sealed.envelope();
        assert_eq!(scheme().verify(keys().verifying_key(), envelope, &proof), Ok(()));
        let expected = Opening::Opened(plaintext.to_vec().into());
        assert_eq!(opened(envelope), expected);
        assert_eq!(scheme().open_with(envelope, sealed.exponent()), Ok(expected));
    }
}

#[test]
fn proofs_and_envelopes_survive_their_encodings() {
    let (sealed, proof) = sample();
    let bytes = proof.encode();
    assert_eq!(bytes.len(), PROOF_BYTES);
    const { assert!(PROOF_BYTES <= 512) };
    assert_eq!(Proof::decode(setup(), &bytes).as_ref(), Ok(proof));
    let envelope = Envelope::decode(&sealed.envelope().encode()).unwrap();
    assert_eq!(&envelope, sealed.envelope());
    assert_eq!(envelope.scheme, SchemeId::Proven);
    assert_eq!(envelope.body.len(), 256);
}

#[test]
fn p12_all_lengths_of_a_bucket_look_alike() {
    assert_eq!([0, 1, 2].map(|index| capacity(size(index))), [244, 492, 988]);
    let lengths = [0, 1, 244].map(|len| {
        let sealed = scheme().seal(&carriage(), &vec![1; len], &B256::ZERO).unwrap();
        sealed.envelope().encode().len()
    });
    assert_eq!(lengths, [lengths[0]; 3]);
    let refused = scheme().seal(&carriage(), &[1; 245], &B256::ZERO).map(|_| ());
    assert_eq!(refused, Err(TooLong { found: 245, bound: 244 }));
}

#[test]
fn larger_bodies_have_circuits_up_to_one_kibibyte() {
    let keys = ProvingKey::insecure_development(&RSA_2048, size(1)).unwrap();
    let carriage = Carriage { size: size(1), ..carriage() };
    let sealed = scheme().seal(&carriage, &[9; 300], &B256::ZERO).unwrap();
    let proof = scheme().prove(&keys, &sealed, &B256::ZERO).unwrap();
    assert_eq!(scheme().verify(keys.verifying_key(), sealed.envelope(), &proof), Ok(()));
    assert_eq!(opened(sealed.envelope()), Opening::Opened(vec![9; 300].into()));
    let refused = ProvingKey::insecure_development(&RSA_2048, size(3)).map(|_| ());
    assert_eq!(refused, Err(InvalidKey::Size(2_048)));
    let other = scheme().prove(super::setting::keys(), &sealed, &B256::ZERO);
    assert!(other.is_err(), "a key of another size");
}

#[test]
fn production_refuses_development_keys_whatever_they_are_called() {
    let key = keys().verifying_key();
    let bytes = key.encode();
    let refused = VerifyingKey::production(&bytes, size(0), key.digest()).map(|_| ());
    assert_eq!(refused, Err(InvalidKey::Development));
    assert!(key.is_development());
    // Of another modulus they are other keys, and found all the same.
    let other = weft_crypto::setup::RSA_2048.wrapping_sub(&2_u64.into());
    let other = ProvingKey::insecure_development(&other, size(0)).unwrap();
    let other = other.verifying_key();
    assert_ne!(other.digest(), key.digest());
    let refused = VerifyingKey::production(&other.encode(), size(0), other.digest()).map(|_| ());
    assert_eq!(refused, Err(InvalidKey::Development));
}

#[test]
fn production_takes_the_key_that_is_named() {
    // Points of nobody's choice in place of the four that a ceremony makes.
    let bytes = changed_points(&keys().verifying_key().encode());
    let key = VerifyingKey::insecure_read(&bytes, size(0)).unwrap();
    assert!(!key.is_development());
    let named = VerifyingKey::production(&bytes, size(0), key.digest());
    assert_eq!(named.unwrap().digest(), key.digest());
    let expected = keccak256("another");
    let refused = VerifyingKey::production(&bytes, size(0), expected).map(|_| ());
    assert_eq!(refused, Err(InvalidKey::Digest { found: key.digest(), expected }));
    let (sealed, proof) = sample();
    assert!(scheme().verify(&key, sealed.envelope(), proof).is_err());
}

#[test]
fn keys_that_are_damaged_or_of_another_size_are_refused() {
    let bytes = keys().verifying_key().encode();
    let read = |bytes: &[u8], index| VerifyingKey::insecure_read(bytes, size(index)).map(|_| ());
    assert_eq!(read(&bytes, 0), Ok(()));
    assert_eq!(read(&bytes, 1), Err(InvalidKey::Inputs { found: 22, expected: 30 }));
    assert_eq!(read(&bytes, 3), Err(InvalidKey::Size(2_048)));
    let malformed = Err(InvalidKey::Malformed);
    assert_eq!(read(&bytes[1..], 0), malformed);
    assert_eq!(read(&[bytes.clone(), vec![0]].concat(), 0), malformed);
    assert_eq!(read(&[0xff; 64], 0), malformed);
    // A length that nothing follows must not reserve memory for it.
    let mut long = bytes[..224].to_vec();
    long.extend(u64::MAX.to_le_bytes());
    assert_eq!(read(&long, 0), malformed);
}

/// Multiplies the points for alpha, beta, gamma and delta.
fn changed_points(bytes: &[u8]) -> Vec<u8> {
    use ark_bn254::{Bn254, Fr};
    use ark_ec::CurveGroup;
    use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
    let mut key = ark_groth16::VerifyingKey::<Bn254>::deserialize_compressed(bytes).unwrap();
    let by = Fr::from(3_u64);
    key.alpha_g1 = (key.alpha_g1 * by).into_affine();
    key.beta_g2 = (key.beta_g2 * by).into_affine();
    key.gamma_g2 = (key.gamma_g2 * by).into_affine();
    key.delta_g2 = (key.delta_g2 * by).into_affine();
    let mut changed = Vec::new();
    key.serialize_compressed(&mut changed).unwrap();
    changed
}
