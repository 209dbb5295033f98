//! The file `vectors/sealing/threshold.json`.

use crate::{
    committee::{EPOCH, carriage, committee, opener, scheme, sealed},
    vectors::{self, Json},
};
use alloy_primitives::B256;
use commonware_codec::Encode as _;
use weft_crypto::{Carriage, DelayScheme as _, Envelope, Verdict};
use weft_threshold::ThresholdScheme;
use weft_types::{Decode as _, Domain, Encode as _, NetworkId};

#[test]
fn p10_threshold_envelopes_hold() {
    let (sharing, shares) = committee();
    let cases = [(1_u8, &b""[..]), (2, b"a transaction"), (3, &[7; 400])];
    let vectors = cases.map(|(byte, plaintext)| {
        let rollup = (byte == 2).then_some(NetworkId::new(901));
        let carriage = Carriage { rollup, ..carriage(plaintext.len()) };
        let entropy = B256::repeat_byte(byte);
        let envelope = scheme().encrypt(&carriage, plaintext, &entropy).unwrap();
        let Verdict::Opened { plaintext: found, seed } =
            scheme().open(&envelope, &opener([0, 1, 2])).unwrap()
        else {
            panic!("opens")
        };
        assert_eq!(found[..], *plaintext);
        Json::object([
            ("entropy", entropy.into()),
            ("plaintext", plaintext.to_vec().into()),
            ("envelope", envelope.encode().into()),
            ("id", envelope.id(&Domain::dev()).into()),
            ("seed", seed.into()),
        ])
    });
    let partials = shares.iter().map(|share| scheme().sign(share).encode().to_vec());
    let document = Json::object([
        ("rule", "name = H(25, public key, epoch); block = H(26, name, coins), sigma = H(27, name, coins); head = tle(block, sigma) to (weft threshold epoch 1, name); the opener is the committee's signature over the name".into()),
        ("sharing", sharing.encode().to_vec().into()),
        ("publicKey", sharing.public().encode().to_vec().into()),
        ("epoch", EPOCH.into()),
        ("name", scheme().key_id().into()),
        ("partials", Json::list(partials)),
        ("opener", opener([0, 1, 2]).to_bytes().to_vec().into()),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("sealing/threshold.json", &document);
    let key = sharing.public().encode();
    let scheme = ThresholdScheme::of_bytes(Domain::dev(), &key, EPOCH).unwrap();
    for vector in vectors::read("sealing/threshold.json") {
        let envelope = Envelope::decode(&vectors::bytes(&vector, "envelope")).unwrap();
        let seed = B256::from_slice(&vectors::bytes(&vector, "seed"));
        let shown = scheme.verify_opening(&envelope, &seed);
        assert!(matches!(shown, Ok(Verdict::Opened { .. })));
    }
    assert_eq!(sealed(b"", 1).key, scheme.key_id());
}
