//! The files under `vectors/thread`.

use crate::{
    hops::{ITEM, call, domain, fold_item, hop, position, ret, walk},
    vectors::{self, Json},
};
use alloy_primitives::{B256, hex, keccak256};
use std::collections::BTreeSet;
use weft_thread::{Heads, thread_start, verdict_place};
use weft_types::{
    BundleId, Decode, Domain, Encode, Hop, HopBody, NetworkId, Position, Section, Status, Verdict,
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
        assert_eq!(start, start_model(&domain(), position, leg));
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
    let rule = "thread = H(domain, tag 6, slot || section u8 || index || leg u16 || item); slot and index are one byte of length, then big-endian bytes without leading zeros";
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
    for (name, mut hops) in items() {
        walk(ITEM, &mut hops);
        let before = heads.clone();
        fold_item(&mut heads, &hops);
        let mailboxes: BTreeSet<_> = hops.iter().map(|hop| (hop.from, hop.to)).collect();
        let moved = mailboxes.into_iter().map(|(from, to)| {
            let before = before.get(&domain(), from, to);
            let after = heads.get(&domain(), from, to);
            let mut preimage = before.to_vec();
            for hop in hops.iter().filter(|hop| (hop.from, hop.to) == (from, to)) {
                preimage.extend(hop.hash());
            }
            assert_eq!(after, keccak256(preimage));
            Json::object([
                ("from", from.get().into()),
                ("to", to.get().into()),
                ("before", before.into()),
                ("after", after.into()),
            ])
        });
        let made = hops.iter().map(|hop| {
            Json::object([
                ("from", hop.from.get().into()),
                ("to", hop.to.get().into()),
                ("hash", hop.hash().into()),
            ])
        });
        vectors.push(Json::object([
            ("item", name.into()),
            ("hops", Json::list(made)),
            ("heads", Json::list(moved)),
        ]));
    }
    let rule = "after = keccak256(before || hash of each hop of the item from that chain to that chain, in order), once per included item; the first before is H(domain, tag 7, from || to), chains are one byte of length, then big-endian bytes without leading zeros";
    vectors::check("thread/heads.json", &document(rule, vectors));
    assert_eq!(
        Heads::default().get(&domain(), NetworkId::new(901), NetworkId::new(902)),
        tagged(&domain(), 7, &hex!("02 0385 02 0386"))
    );
    assert_eq!(
        Heads::default().get(&domain(), NetworkId::L1, NetworkId::new(7)),
        tagged(&domain(), 7, &hex!("00 01 07"))
    );
}

/// The sample leg, and an item that crosses one mailbox again and again.
fn items() -> [(&'static str, Vec<Hop>); 2] {
    let position = position(1_000_003, Section::Plaintext, 43);
    let back_and_forth = vec![
        hop(901, 902, position.place(0, 0), call(b"once", false)),
        hop(902, 901, position.place(0, 1), ret(Status::Ok, false)),
        hop(901, 902, position.place(0, 2), call(b"twice", false)),
        hop(902, 901, position.place(0, 3), ret(Status::Ok, false)),
        hop(901, 902, position.place(0, 4), HopBody::Rollback { to_hop: 0 }),
    ];
    let leg = leg().into_iter().map(|(_, hop)| hop).collect();
    [("of every kind of hop", leg), ("back and forth", back_and_forth)]
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

fn start_model(domain: &Domain, position: Position, leg: u16) -> B256 {
    let (slot, index) = (number(position.slot.get()), number(position.index.into()));
    let section = [position.section as u8];
    let body = [&slot, &section[..], &index, &leg.to_be_bytes(), ITEM.as_slice()].concat();
    tagged(domain, 6, &body)
}

/// Returns a number digit by digit, behind how many digits there are.
fn number(value: u64) -> Vec<u8> {
    let mut digits = Vec::new();
    let mut rest = value;
    while rest > 0 {
        digits.push((rest % 256) as u8);
        rest /= 256;
    }
    digits.push(digits.len() as u8);
    digits.reverse();
    digits
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
