//! The files under `vectors/sealing`.

use crate::{
    known::{DELAY, group, setup},
    vectors::{self, Json},
};
use crypto_bigint::U2048;
use weft_crypto::{Chain, Proof, Setup};

#[test]
fn p10_setups_and_proofs_hold() {
    let squarings = [1_u64, 16, 1_000, 4_096];
    let proofs = squarings.map(|squarings| {
        let base = group().element(&U2048::from_u64(3)).unwrap();
        let mut chain = Chain::new(group(), base, squarings);
        let output = chain.finish();
        Json::object([
            ("squarings", squarings.into()),
            ("base", base.to_vec().into()),
            ("output", output.to_vec().into()),
            ("proof", Proof::new(&chain).to_vec().into()),
        ])
    });
    let document = Json::object([
        ("rule", "output = base^(2^squarings) in Z_N^*/{+-1}; proof = base^floor(2^squarings / l), l = first prime of H(N, base, output, squarings, counter)".into()),
        ("modulus", group().modulus().to_be_bytes().as_ref().to_vec().into()),
        ("generator", setup().base().to_vec().into()),
        ("delaySquarings", DELAY.into()),
        ("setup", setup().encode().into()),
        ("setupId", setup().id().into()),
        ("vectors", Json::List(proofs.into())),
    ]);
    vectors::check("sealing/squarings.json", &document);
    for vector in vectors::read("sealing/squarings.json") {
        let element = |name| group().decode(&vectors::bytes(&vector, name)).unwrap();
        let squarings = vector["squarings"].as_str().unwrap().parse().unwrap();
        let proof = Proof::decode(group(), &vectors::bytes(&vector, "proof")).unwrap();
        assert_eq!(proof.verify(group(), &element("base"), &element("output"), squarings), Ok(()));
    }
    assert_eq!(Setup::decode(&setup().encode()).unwrap().id(), setup().id());
}
