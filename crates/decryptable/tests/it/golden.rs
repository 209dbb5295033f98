//! The file `vectors/sealing/proven-puzzles.json`.

use crate::{
    setting::{carriage, keys, opened, scheme, setup, size},
    vectors::{self, Json},
};
use alloy_primitives::B256;
use weft_crypto::{Carriage, Envelope};
use weft_decryptable::{Opening, Proof};
use weft_types::{Decode, Encode};

#[test]
fn p10_proven_puzzles_hold() {
    let cases = [(1_u8, &b""[..], 0), (2, b"a transaction", 0), (3, &[7; 400], 1)];
    let vectors = cases.map(|(byte, plaintext, index)| {
        let carriage = Carriage { size: size(index), ..carriage() };
        let entropy = B256::repeat_byte(byte);
        let sealed = scheme().seal(&carriage, plaintext, &entropy).unwrap();
        let proof = match index {
            0 => scheme().prove(keys(), &sealed, &entropy).unwrap().encode().into(),
            _ => Json::Null,
        };
        Json::object([
            ("entropy", entropy.into()),
            ("plaintext", plaintext.to_vec().into()),
            ("exponent", sealed.exponent().to_vec().into()),
            ("envelope", sealed.envelope().encode().into()),
            ("proof", proof),
        ])
    });
    let document = Json::object([
        ("rule", "envelope of scheme 4, opened by squaring or with the exponent to the plaintext; proof under the development key of this digest, made with the same entropy".into()),
        ("setupId", setup().id().into()),
        ("verifyingKey", keys().verifying_key().encode().into()),
        ("digest", keys().verifying_key().digest().into()),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("sealing/proven-puzzles.json", &document);
    for vector in vectors::read("sealing/proven-puzzles.json") {
        let envelope = Envelope::decode(&vectors::bytes(&vector, "envelope")).unwrap();
        let plaintext = vectors::bytes(&vector, "plaintext");
        assert_eq!(opened(&envelope), Opening::Opened(plaintext.into()));
        if vector["proof"].is_null() {
            continue;
        }
        let proof = Proof::decode(setup(), &vectors::bytes(&vector, "proof")).unwrap();
        assert_eq!(scheme().verify(keys().verifying_key(), &envelope, &proof), Ok(()));
    }
}
