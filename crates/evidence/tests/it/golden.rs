//! The file `vectors/evidence/evidence.json`.

use crate::{
    cases::{Case, cases},
    vectors::{self, Json},
    world::{domain, registry},
};
use weft_evidence::{Convicted, Evidence};
use weft_types::{Decode as _, Encode as _};

#[test]
fn p47_evidence_vectors_hold() {
    let vectors = cases().into_iter().map(|Case { name, evidence, .. }| {
        let conviction = evidence.check(&registry()).unwrap();
        let (member, key) = match conviction.convicted {
            Convicted::Sequencer(key) => (None, key),
            Convicted::Member { member, key } => (Some(member), key),
        };
        Json::object([
            ("name", name.into()),
            ("fault", (conviction.fault as u8).into()),
            ("member", member.into()),
            ("key", key.into()),
            ("subject", conviction.subject.encode()[1..].to_vec().into()),
            ("id", conviction.id(&domain()).into()),
            ("encoding", evidence.encode().into()),
        ])
    });
    let rule = "encoding = version 1 || domain || kind || parts; each convicts key (of a committee member where there is one) of fault; id = H(domain, tag 44, fault || 0 key or 1 member u32 key || subject)";
    let members = registry()
        .members
        .into_iter()
        .map(|(member, key)| Json::object([("member", member.into()), ("key", key.into())]));
    let document = Json::object([
        ("rule", rule.into()),
        ("domain", domain().encode().into()),
        ("sequencers", Json::list(registry().sequencers)),
        ("members", Json::list(members)),
        ("openEpochs", Json::list(registry().open_epochs)),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("evidence/evidence.json", &document);
    for vector in vectors::read("evidence/evidence.json") {
        let evidence = Evidence::decode(&vectors::bytes(&vector, "encoding")).unwrap();
        let id = evidence.check(&registry()).unwrap().id(&domain());
        assert_eq!(vectors::bytes(&vector, "id"), id.to_vec());
    }
}
