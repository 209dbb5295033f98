//! The files under `vectors/thread`.

use crate::{
    hops::{ITEM, call, domain, hop, position, ret, walk},
    vectors::{self, Json},
};
use alloy_primitives::{B256, keccak256};
use weft_thread::{Heads, thread_start, verdict_place};
use weft_types::{
    BundleId, Decode, Domain, Encode, Hop, HopBody, NetworkId, Section, Status, Verdict,
};

#[test]
fn p22_thread_starts_hold() {
    let positions = [
        (position(1, Section::L1Born, 0), 0),
        (position(1, Section::Sealed, 0), 0),
        (position(1, Section::Plaintext, 0), 0),
        (position(1_000_003, Section::Plaintext, 42), 1),
        (position(u64::MAX, Section::Plaintext, u32::MAX), u16::MAX),
    ];
    let vectors = positions.map(|(position, leg)| {
        let start = thread_start(&domain(), position, leg, &ITEM);
        assert_eq!(start, start_model(&domain(), position.encode(), leg));
        let verdict = verdict_place(position, leg.saturating_add(1), 3);
        Json::object([
            ("slot", position.slot.get().into()),
            ("section", (position.section as u8).into()),
            ("index", position.index.into()),
            ("leg", leg.into()),
            ("item", ITEM.into()),
            ("thread", start.into()),
            ("thirdVerdictOfOneMoreLeg", verdict.encode().into()),
        ])
    });
    let rule = "thread = H(domain, tag 6, slot u64 || section u8 || index u32 || leg u16 || item)";
    vectors::check("thread/starts.json", &document(rule, vectors));
}

#[test]
fn p22_thread_walk_holds() {
    let mut hops = leg();
    let start = thread_start(&domain(), hops[0].1.place.position, 0, &ITEM);
    let (names, mut bare): (Vec<_>, Vec<_>) = hops.drain(..).unzip();
    let after = walk(start, &mut bare);
    let vectors = names.iter().zip(&bare).zip(&after).map(|((name, hop), after)| {
        Json::object([
            ("name", (*name).into()),
            ("encoding", hop.encode().into()),
            ("before", hop.thread.into()),
            ("hash", hop.hash().into()),
            ("after", (*after).into()),
        ])
    });
    let rule = "after = hash when the hop advances the thread, else before";
    vectors::check("thread/walk.json", &document(rule, vectors));
    for vector in vectors::read("thread/walk.json") {
        let hop = Hop::decode(&vectors::bytes(&vector, "encoding")).unwrap();
        let hash = keccak256(&vectors::bytes(&vector, "encoding")[1..]);
        assert_eq!(vectors::bytes(&vector, "hash"), hash.to_vec());
        let expected = if hop.advances() { hash } else { hop.thread };
        assert_eq!(vectors::bytes(&vector, "after"), expected.to_vec());
    }
}

#[test]
fn p22_heads_hold() {
    let (mut heads, mut vectors) = (Heads::default(), Vec::new());
    let mut hops: Vec<Hop> = leg().into_iter().map(|(_, hop)| hop).collect();
    walk(ITEM, &mut hops);
    for hop in hops {
        let before = heads.get(&domain(), hop.from, hop.to);
        heads.fold(&domain(), hop.from, hop.to, &hop.hash());
        let after = heads.get(&domain(), hop.from, hop.to);
        assert_eq!(after, keccak256([before, hop.hash()].concat()));
        vectors.push(Json::object([
            ("from", hop.from.get().into()),
            ("to", hop.to.get().into()),
            ("before", before.into()),
            ("hop", hop.hash().into()),
            ("after", after.into()),
        ]));
    }
    let rule = "after = keccak256(before || hop), from H(domain, tag 7, from u32 || to u32) on";
    vectors::check("thread/heads.json", &document(rule, vectors));
    assert_eq!(
        Heads::default().get(&domain(), NetworkId::new(901), NetworkId::new(902)),
        tagged(&domain(), 7, &[901_u32.to_be_bytes(), 902_u32.to_be_bytes()].concat())
    );
}

/// A leg on 901 that calls 902, which looks at 903 and calls it in vain, and that undoes its first call in the end.
fn leg() -> Vec<(&'static str, Hop)> {
    let position = position(1_000_003, Section::Plaintext, 42);
    let verdict = Verdict { bundle: BundleId::new(ITEM), leg: 0, ok: true };
    let mut hops = vec![
        ("call", hop(901, 902, position.place(0, 0), call(b"call", false))),
        ("static call", hop(902, 903, position.place(0, 1), call(b"view", true))),
        ("static return", hop(903, 902, position.place(0, 2), ret(Status::Ok, true))),
        ("call that fails", hop(902, 903, position.place(0, 3), call(b"fail", false))),
        ("failed return", hop(903, 902, position.place(0, 4), ret(Status::Reverted, false))),
        ("return", hop(902, 901, position.place(0, 5), ret(Status::Ok, false))),
        ("rollback", hop(901, 902, position.place(0, 6), HopBody::Rollback { to_hop: 0 })),
    ];
    let place = verdict_place(position, 1, 0);
    hops.push(("verdict", hop(901, 902, place, HopBody::Verdict(verdict))));
    hops
}

fn start_model(domain: &Domain, position: Vec<u8>, leg: u16) -> B256 {
    tagged(domain, 6, &[&position[1..], &leg.to_be_bytes(), ITEM.as_slice()].concat())
}

fn tagged(domain: &Domain, tag: u8, body: &[u8]) -> B256 {
    keccak256(
        [
            b"weft",
            &[tag][..],
            &domain.version.to_be_bytes(),
            &domain.l1_chain_id.to_be_bytes(),
            domain.settlement.as_slice(),
            &domain.realm.to_be_bytes(),
            body,
        ]
        .concat(),
    )
}

fn document(rule: &str, vectors: impl IntoIterator<Item = Json>) -> Json {
    let domain = domain();
    Json::object([
        ("rule", rule.into()),
        (
            "domain",
            Json::object([
                ("version", domain.version.into()),
                ("l1ChainId", domain.l1_chain_id.into()),
                ("settlement", domain.settlement.into()),
                ("realm", domain.realm.into()),
            ]),
        ),
        ("vectors", Json::list(vectors)),
    ])
}
