//! Verdicts that other implementations of sealing are compared with; `examples/corpus` prints more of them.

#[path = "../examples/corpus/cases.rs"]
mod cases;
#[path = "../../types/tests/it/vectors.rs"]
mod vectors;

use cases::{Case, Corpus, corpus};
use std::collections::BTreeSet;
use vectors::Json;
use weft_crypto::Envelope;
use weft_types::Decode as _;

#[test]
fn p12_the_corpus_holds_envelopes_of_every_size() {
    // Fewer than the SDK is compared on, and not those that are stored.
    let decided = corpus(2, 2_000).cases.into_iter().filter(|case| case.verdict != "refused");
    let size = |case: Case| Envelope::decode(&case.bytes).unwrap().carriage.size.index();
    let sizes: BTreeSet<_> = decided.map(size).collect();
    assert!(sizes.into_iter().eq(0..10));
}

#[test]
fn p11_verdicts_hold() {
    let (seed, count) = (1, 96);
    let Corpus { setup, list, secret, cases } = corpus(seed, count);
    for verdict in ["refused", "foreign", "opened", "malformed", "undecryptable"] {
        let found = cases.iter().filter(|case| case.verdict == verdict).count();
        assert!(found >= 4, "{found} cases are {verdict}");
    }
    let vectors = cases.into_iter().map(|Case { bytes, verdict, plaintext, seed }| {
        Json::object([
            ("bytes", bytes.into()),
            ("verdict", verdict.into()),
            ("plaintext", plaintext.into()),
            ("seed", seed.into()),
        ])
    });
    let document = Json::object([
        ("rule", "verdict of bytes as an envelope, given the secret of the key list or the solution of its puzzle".into()),
        ("seed", seed.into()),
        ("setup", setup.encode().into()),
        ("keyList", list.encode().into()),
        ("secret", secret.secret().to_bytes().to_vec().into()),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("sealing/verdicts.json", &document);
    for vector in vectors::read("sealing/verdicts.json") {
        let refused = Envelope::decode(&vectors::bytes(&vector, "bytes")).is_err();
        assert_eq!(refused, vector["verdict"] == "refused");
    }
}
