//! Bundles in parts: the one form of a part, what is none, and how parts come together, against a slow and obvious model.

use crate::{
    draft::{By, Draft, Form, parted},
    golden,
    samples::{self, SALT},
    strategies,
    vectors::{self, Json},
};
use alloy_primitives::{Address, B256, Bytes};
use proptest::{collection::vec, prelude::*};
use weft_types::{
    BundleId, Domain, Encode as _, Item, LegShape, NetworkId, Opening, Part, PartedShape, Parts,
    SafetyLevel, Terms,
};

const EPOCH: u64 = 9;

fn terms() -> Terms {
    Terms {
        payer: Address::repeat_byte(0xba),
        deposit: NetworkId::new(901),
        rollup: None,
        gas_limit: 100_000,
        size_fee_wei: 1,
        gas_fee_wei: 2,
    }
}

/// Three legs, marked in two ways.
pub(crate) fn sample() -> Vec<Part> {
    let call = Draft::new(Form::Eip1559, 901);
    let data = Bytes::from_static(&[0x60, 0x00, 0x60, 0x00, 0xf3]);
    let creation = Draft { to: None, data, ..Draft::new(Form::Eip1559, 902) };
    let transfer = Draft { data: Bytes::new(), may_revert: true, ..Draft::new(Form::Legacy, 903) };
    let drafts = [(call, By::Suffix), (creation, By::AccessList), (transfer, By::Suffix)];
    parted(&samples::domain(), SALT, SafetyLevel::Cryptoeconomic, EPOCH, &drafts)
}

#[test]
fn p18_part_vectors_hold() {
    let domain = samples::domain();
    let vectors = sample().into_iter().map(|part| {
        let shape = LegShape::of(part.leg());
        Json::object([
            ("index", part.index().into()),
            ("blinding", part.blinding().into()),
            ("leg", golden::leg_shape(part.leg())),
            ("raw", part.leg().tx.raw().clone().into()),
            ("commitment", shape.commitment(&domain, &part.blinding()).into()),
            ("encoding", Item::Part(part).encode().into()),
        ])
    });
    let shape = sample()[0].shape(&domain);
    let rule = "commitment = H(domain, tag 15, blinding || leg as in bundles.json); id = H(domain, tag 16, salt || level u8 || epoch || count || commitments); a plaintext is version 1 || 5 || salt || level u8 || epoch || index || blinding || count || the other commitments || network || mayRevert || length || transaction; epoch, index, counts, networks and lengths are one byte of length, then big-endian bytes without leading zeros";
    let refused = refused()
        .into_iter()
        .map(|(name, bytes)| Json::object([("name", name.into()), ("encoding", bytes.into())]));
    let foreign = foreign().into_iter().map(|(name, part)| {
        Json::object([("name", name.into()), ("encoding", Item::Part(part).encode().into())])
    });
    let document = Json::object([
        ("rule", rule.into()),
        ("domain", golden::in_words(&domain)),
        ("salt", shape.salt.into()),
        ("level", (shape.level as u8).into()),
        ("epoch", shape.epoch.into()),
        ("commitments", Json::list(shape.commitments.iter().copied())),
        ("id", shape.id(&domain).hash().into()),
        ("vectors", Json::list(vectors)),
        ("refused", Json::list(refused)),
        ("foreign", Json::list(foreign)),
    ]);
    vectors::check("types/parts.json", &document);
    for vector in vectors::read("types/parts.json") {
        let bytes = vectors::bytes(&vector, "encoding");
        let Ok(Item::Part(part)) = Item::from_plaintext(&bytes) else { panic!("{vector}") };
        assert!(part.recheck(&domain));
        assert_eq!(part.shape(&domain), shape);
        assert_eq!(Item::Part(part).encode(), bytes);
    }
}

/// Encodings of nothing.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let part = &sample()[0];
    let good = Item::Part(part.clone()).encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    // version, kind, salt 32, level, epoch (1 9), index (0), blinding 32, count (1 2), two commitments.
    let (level, index, count) = (34, 37, 70);
    assert_eq!((good[level], good[index], good[count + 1]), (1, 0, 2), "where the fields stand");
    let cut = |from: usize, to: usize, put: &[u8]| [&good[..from], put, &good[to..]].concat();
    let alone = cut(count, count + 2 + 64, &[0]);
    let many = cut(count, count + 2 + 64, &[&[1, 64][..], &[7; 64 * 32]].concat());
    let unmarked = Draft::new(Form::Eip1559, 901).leg();
    let mut bare = good[..count + 2 + 64].to_vec();
    let leg = unmarked.encode();
    bare.extend_from_slice(&leg[1..]);
    vec![
        ("another version", with(0, 2)),
        ("another kind", with(1, 6)),
        ("an unknown level", with(level, 3)),
        ("a number beyond the last leg", cut(index, index + 1, &[1, 3])),
        ("a number with a leading zero", cut(index, index + 1, &[1, 0])),
        ("no other leg", alone),
        ("65 legs", many),
        ("a transaction without marker", bare),
        ("a byte behind the end", [&good[..], &[0]].concat()),
        ("without its last byte", good[..good.len() - 1].to_vec()),
    ]
}

/// Parts that are none of the bundle that they name.
fn foreign() -> Vec<(&'static str, Part)> {
    let good = Item::Part(sample().swap_remove(0)).encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= byte;
        match Item::from_plaintext(&bytes) {
            Ok(Item::Part(part)) => part,
            other => panic!("{other:?}"),
        }
    };
    let mut moved = good.clone();
    moved.splice(37..38, [1, 1]);
    let Ok(Item::Part(moved)) = Item::from_plaintext(&moved) else { panic!("it is one") };
    vec![
        ("another salt", with(2, 1)),
        ("another level", with(34, 3)),
        ("another epoch", with(36, 1)),
        ("another blinding", with(38, 1)),
        ("another commitment", with(72, 1)),
        ("another number", moved),
    ]
}

#[test]
fn p18_what_is_no_part_is_refused_and_a_part_of_another_bundle_is_known() {
    for (name, bytes) in refused() {
        assert!(Item::from_plaintext(&bytes).is_err(), "{name}");
    }
    for (name, part) in foreign() {
        assert!(!part.recheck(&samples::domain()), "{name}");
        let opening = Opening::Opened(Box::new(Item::Part(part)));
        let mut parts = Parts::new(samples::domain(), EPOCH);
        assert_eq!(parts.turn(&terms(), opening), Opening::Malformed, "{name}");
    }
    let own = sample().swap_remove(0);
    assert!(own.recheck(&samples::domain()) && !own.recheck(&Domain::dev()));
}

#[test]
fn p18_a_part_is_made_of_the_leg_that_was_agreed_on_alone() {
    let domain = samples::domain();
    let [first, second, _] = &sample()[..] else { panic!("three") };
    let shape = first.shape(&domain);
    let make = |shape: &PartedShape, index, blinding, leg: &weft_types::Leg| {
        Part::new(&domain, shape, index, blinding, leg.clone())
    };
    let blinding = first.blinding();
    assert_eq!(make(&shape, 0, blinding, first.leg()).as_ref(), Some(first));
    assert_eq!(make(&shape, 1, blinding, first.leg()), None, "another's place");
    assert_eq!(make(&shape, 9, blinding, first.leg()), None, "no place");
    assert_eq!(make(&shape, 0, B256::ZERO, first.leg()), None, "another blinding");
    assert_eq!(make(&shape, 0, blinding, second.leg()), None, "another's leg");
    let later = PartedShape { epoch: EPOCH + 1, ..shape.clone() };
    assert_eq!(make(&later, 0, blinding, first.leg()), None, "another epoch");
    let alone = PartedShape { commitments: vec![shape.commitments[0]], ..shape.clone() };
    assert_eq!(make(&alone, 0, blinding, first.leg()), None, "no bundle");
    let unmarked = Draft::new(Form::Eip1559, 901).leg();
    assert_eq!(make(&shape, 0, blinding, &unmarked), None, "nothing signed");
}

#[test]
fn p18_the_last_part_brings_all_legs_in_their_order_and_another_epoch_none() {
    let parts = sample();
    let in_order = |order: &[usize], epoch| {
        let mut collected = Parts::new(samples::domain(), epoch);
        let opened = |at: &usize| Opening::Opened(Box::new(Item::Part(parts[*at].clone())));
        order.iter().map(|at| collected.turn(&terms(), opened(at))).collect::<Vec<_>>()
    };
    let turns = in_order(&[2, 0, 2, 1, 0], EPOCH);
    assert!(matches!(&turns[0], Opening::Opened(_)) && matches!(&turns[1], Opening::Opened(_)));
    assert_eq!(turns[2], Opening::Repeated(Box::new(parts[2].clone())));
    assert_eq!(turns[4], Opening::Repeated(Box::new(parts[0].clone())));
    let Opening::Joined(joined) = &turns[3] else { panic!("{:?}", turns[3]) };
    let bundle = joined.item().bundle().unwrap();
    assert_eq!(joined.own_leg(), parts[1].leg());
    assert!(bundle.legs().iter().eq(parts.iter().map(Part::leg)));
    assert!(bundle.recheck(&samples::domain()) && bundle.is_marked());
    assert!(!bundle.recheck(&Domain::dev()));
    assert_eq!(bundle.id(), parts[0].id());
    assert!(in_order(&[0, 1, 2], EPOCH + 1).iter().all(|turn| *turn == Opening::Malformed));
}

/// What is drawn: a few bundles' parts, good and bad ones, in any order.
#[derive(Debug, Clone)]
enum Drawn {
    /// Part of a bundle; the second variant is another transaction of its sender.
    Part(usize, usize, bool),
    /// With less gas in its envelope than its leg declares.
    Greedy(usize, usize),
    /// With another rollup in clear.
    Elsewhere(usize, usize),
    /// Of a bundle for another epoch.
    Later(usize),
    /// With a bit of what it agrees on changed.
    Bent(usize, usize),
    Junk,
    Nothing,
    Single,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let (bundle, index) = (0..3_usize, 0..3_usize);
    prop_oneof![
        12 => (bundle.clone(), index.clone(), any::<bool>())
            .prop_map(|(bundle, index, other)| Drawn::Part(bundle, index, other)),
        1 => (bundle.clone(), index.clone()).prop_map(|(bundle, at)| Drawn::Greedy(bundle, at)),
        1 => (bundle.clone(), index.clone()).prop_map(|(bundle, at)| Drawn::Elsewhere(bundle, at)),
        1 => index.clone().prop_map(Drawn::Later),
        1 => (bundle, index).prop_map(|(bundle, at)| Drawn::Bent(bundle, at)),
        1 => Just(Drawn::Junk),
        1 => Just(Drawn::Nothing),
        1 => Just(Drawn::Single),
    ]
}

/// The part of a bundle of two or three legs; all transactions have one hash and another.
fn part(bundle: usize, index: usize, epoch: u64, other: bool) -> Part {
    let count = 2 + bundle.min(1);
    let draft = |at: usize| Draft {
        nonce: (10 * bundle + at) as u64,
        may_revert: at == 1,
        ..Draft::new(Form::Eip1559, 901 + at as u32)
    };
    let drafts: Vec<_> = (0..count).map(|at| (draft(at), By::Suffix)).collect();
    let salt = B256::repeat_byte(bundle as u8);
    let level = SafetyLevel::Reputation;
    let parts = parted(&samples::domain(), salt, level, epoch, &drafts);
    let own = parts[index.min(count - 1)].clone();
    if !other {
        return own;
    }
    let shape = own.shape(&samples::domain());
    let marked = draft(usize::from(own.index())).marked(own.id(), By::Suffix);
    let leg = Draft { nonce: 99, ..marked }.leg();
    Part::new(&samples::domain(), &shape, own.index(), own.blinding(), leg).unwrap()
}

fn envelope(drawn: &Drawn) -> (Terms, Opening) {
    let opened = |part| Opening::Opened(Box::new(Item::Part(part)));
    match *drawn {
        Drawn::Part(bundle, index, other) => (terms(), opened(part(bundle, index, EPOCH, other))),
        Drawn::Greedy(bundle, index) => {
            (Terms { gas_limit: 99_999, ..terms() }, opened(part(bundle, index, EPOCH, false)))
        }
        Drawn::Elsewhere(bundle, index) => {
            let rollup = Some(NetworkId::new(77));
            (Terms { rollup, ..terms() }, opened(part(bundle, index, EPOCH, false)))
        }
        Drawn::Later(index) => (terms(), opened(part(0, index, EPOCH + 1, false))),
        Drawn::Bent(bundle, index) => {
            let mut bytes = Item::Part(part(bundle, index, EPOCH, false)).encode();
            bytes[2] ^= 1;
            let item = Item::from_plaintext(&bytes).unwrap();
            (terms(), Opening::Opened(Box::new(item)))
        }
        Drawn::Junk => (terms(), Opening::Malformed),
        Drawn::Nothing => (terms(), Opening::Undecryptable),
        Drawn::Single => {
            let leg = Draft::new(Form::Eip1559, 901).leg();
            (terms(), Opening::Opened(Box::new(Item::Transaction(leg))))
        }
    }
}

/// What an envelope turns out to be, said from all that was drawn before it.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    AsItIs,
    Malformed,
    Repeated,
    Joined(BundleId, Vec<B256>),
}

/// For each in turn: looks through everything before it again.
fn model(all: &[Drawn]) -> Vec<Expected> {
    let mut done: Vec<(Expected, Option<Part>)> = Vec::new();
    for drawn in all {
        let fate = match *drawn {
            Drawn::Later(_) | Drawn::Bent(..) => (Expected::Malformed, None),
            Drawn::Part(bundle, index, other) => {
                let own = part(bundle, index, EPOCH, other);
                let counted = || done.iter().filter_map(|(_, part)| part.as_ref());
                let mates: Vec<&Part> = counted().filter(|it| it.id() == own.id()).collect();
                let is_taken = mates.iter().any(|it| it.index() == own.index());
                if is_taken {
                    (Expected::Repeated, None)
                } else if mates.len() + 1 == own.count() {
                    let hash = |index: usize| {
                        let of = |it: &&Part| usize::from(it.index()) == index;
                        let mate = mates.iter().copied().chain([&own]).find(of);
                        mate.unwrap().leg().tx.hash()
                    };
                    let legs = (0..own.count()).map(hash).collect();
                    (Expected::Joined(own.id(), legs), Some(own))
                } else {
                    (Expected::AsItIs, Some(own))
                }
            }
            _ => (Expected::AsItIs, None),
        };
        done.push(fate);
    }
    done.into_iter().map(|(expected, _)| expected).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn p18_parts_come_together_as_the_model_says(all in vec(drawn(), 0..24)) {
        let mut parts = Parts::new(samples::domain(), EPOCH);
        for (drawn, expected) in all.iter().zip(model(&all)) {
            let (terms, opening) = envelope(drawn);
            let found = parts.turn(&terms, opening.clone());
            let told = match &found {
                found if *found == opening => Expected::AsItIs,
                Opening::Malformed => Expected::Malformed,
                Opening::Repeated(_) => Expected::Repeated,
                Opening::Joined(joined) => {
                    let bundle = joined.item().bundle().unwrap();
                    prop_assert!(bundle.recheck(&samples::domain()));
                    let legs = bundle.legs().iter().map(|leg| leg.tx.hash()).collect();
                    Expected::Joined(bundle.id(), legs)
                }
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn p18_an_id_binds_every_commitment(
        domain in strategies::domain(),
        hashes in vec(strategies::hash(), 2..6),
        at: prop::sample::Index,
        bit in 0..256_usize,
    ) {
        let shape = PartedShape {
            salt: SALT,
            level: SafetyLevel::Reputation,
            epoch: EPOCH,
            commitments: hashes.clone(),
        };
        let mut other = shape.clone();
        other.commitments[at.index(hashes.len())].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(shape.id(&domain), other.id(&domain));
        other = shape.clone();
        other.commitments.pop();
        prop_assert_ne!(shape.id(&domain), other.id(&domain));
    }
}
