//! The files under `vectors/sealing`.

use crate::{
    epoch::list,
    known::{DELAY, group, setup},
    sealed::{carriage, opened, puzzles, sealed, shown},
    vectors::{self, Json},
};
use alloy_primitives::B256;
use crypto_bigint::U2048;
use weft_crypto::{
    Announcement, Carriage, Chain, Envelope, KeyList, Proof, PuzzleProof, Setup, Share,
    ShareContext, SizeBucket, Verdict, deal,
};
use weft_types::{Decode, Domain, Encode, NetworkId};

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
        ("vectors", Json::list(proofs)),
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

#[test]
fn p10_epoch_keys_hold() {
    let domain = Domain::dev();
    let dealt = [1_u32, 2].map(|member| {
        let context = ShareContext { domain, epoch: 7, member };
        let entropy = B256::repeat_byte(member as u8);
        let (secret, share) = deal(setup(), &context, &entropy);
        (member, entropy, secret, share)
    });
    let announcements = dealt.clone().map(|(member, _, _, share)| Announcement {
        member,
        received_unix_ms: 0,
        share,
    });
    let (list, _) =
        KeyList::assemble(setup(), &domain, 7, &[1, 2].into(), &announcements, 0).unwrap();
    let solution = setup().solve(*list.puzzle()).finish();
    let secret = list.recover(setup(), &solution).unwrap();
    let shares = dealt.map(|(member, entropy, secret, share)| {
        Json::object([
            ("member", member.into()),
            ("entropy", entropy.into()),
            ("secret", secret.to_bytes().to_vec().into()),
            ("share", share.encode().into()),
        ])
    });
    let document = Json::object([
        ("rule", "share = S || u || v || b || challenge || response for r || response for s; key = sum of all S; solution = (product of all u)^(2^T)".into()),
        ("setupId", setup().id().into()),
        ("epoch", 7_u8.into()),
        ("key", list.key().to_bytes().to_vec().into()),
        ("id", list.id().into()),
        ("solution", solution.to_vec().into()),
        ("secret", secret.secret().to_bytes().to_vec().into()),
        ("vectors", Json::list(shares)),
    ]);
    vectors::check("sealing/epoch-key.json", &document);
    for vector in vectors::read("sealing/epoch-key.json") {
        let share = Share::decode(setup(), &vectors::bytes(&vector, "share")).unwrap();
        let member = vector["member"].as_u64().unwrap() as u32;
        let context = ShareContext { domain, epoch: 7, member };
        assert_eq!(share.verify(setup(), &context), Ok(()));
    }
}

#[test]
fn p10_bases_are_the_hashes_that_the_description_says() {
    let root = group().element(&crate::model::base(group().modulus(), 0)).unwrap();
    assert_eq!(group().square(&root), *setup().base());
}

#[test]
fn p11_envelopes_hold() {
    let rule = "envelope = 0x01 || scheme || key || carriage || head || masked seed || body; opened with the key or solution of the other files to plaintext and seed";
    let vectors =
        [(1_u8, &b""[..]), (2, b"a transaction"), (3, &[7; 400])].map(|(byte, plaintext)| {
            let size = SizeBucket::for_len(plaintext.len()).unwrap();
            let rollup = (byte == 2).then_some(NetworkId::new(901));
            let carriage = Carriage { size, rollup, ..carriage() };
            let envelopes = sealed(&carriage, plaintext, byte);
            let vectors = envelopes.iter().map(|envelope| {
                let Verdict::Opened { plaintext: found, seed } = opened(envelope) else {
                    panic!("opens")
                };
                assert_eq!(found[..], *plaintext);
                Json::object([
                    ("scheme", (envelope.scheme as u8).into()),
                    ("key", envelope.key.into()),
                    ("entropy", B256::repeat_byte(byte).into()),
                    ("plaintext", plaintext.to_vec().into()),
                    ("envelope", envelope.encode().into()),
                    ("id", envelope.id(&Domain::dev()).into()),
                    ("seed", seed.into()),
                ])
            });
            vectors.collect::<Vec<_>>()
        });
    let document = Json::object([
        ("rule", rule.into()),
        ("setup", setup().encode().into()),
        ("keyList", list().encode().into()),
        ("vectors", Json::list(vectors.concat())),
    ]);
    vectors::check("sealing/envelopes.json", &document);
    for vector in vectors::read("sealing/envelopes.json") {
        let envelope = Envelope::decode(&vectors::bytes(&vector, "envelope")).unwrap();
        let seed = B256::from_slice(&vectors::bytes(&vector, "seed"));
        assert!(matches!(shown(&envelope, &seed), Ok(Verdict::Opened { .. })));
    }
}

#[test]
fn p10_proofs_of_puzzles_hold() {
    let vectors = [1_u8, 2].map(|byte| {
        let [_, envelope] = sealed(&carriage(), b"swap", byte);
        let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
        let entropy = B256::repeat_byte(byte);
        let proof = PuzzleProof::new(&puzzles(), &envelope, &seed, &entropy).unwrap();
        Json::object([
            ("envelope", envelope.encode().into()),
            ("seed", seed.into()),
            ("entropy", entropy.into()),
            ("proof", proof.encode().into()),
        ])
    });
    let document = Json::object([
        (
            "rule",
            "proof = q || challenge || response; q = h^(2 r), response = a - challenge r".into(),
        ),
        ("setup", setup().encode().into()),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("sealing/puzzle-proofs.json", &document);
    for vector in vectors::read("sealing/puzzle-proofs.json") {
        let envelope = Envelope::decode(&vectors::bytes(&vector, "envelope")).unwrap();
        let proof = PuzzleProof::decode(setup(), &vectors::bytes(&vector, "proof")).unwrap();
        assert_eq!(proof.verify(&puzzles(), &envelope), Ok(()));
    }
}
