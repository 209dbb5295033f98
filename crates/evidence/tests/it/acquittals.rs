//! Evidence about sealed items that convicts nobody, in `vectors/evidence/acquittals.json`: L1 must refuse each as well.

use crate::{
    cases::{beside, clear, closed, joined, last_part, nothing_inside, single},
    vectors::{self, Json},
    world::*,
};
use alloy_primitives::{B256, Bytes, U256};
use weft_crypto::{DelayScheme as _, EpochKeyScheme, SchemeId};
use weft_evidence::{Content, Evidence, Proof, SealedContent, Unopenable};
use weft_types::{
    Decode as _, Encode as _, Item, LegShape, Part, PartedShape, PromisedLeg, RemovalCause,
    SafetyLevel, Section, SignedPromise, SlotNumber, Statement,
};

type Named = (&'static str, Proof);
type Accuse = fn(Box<SignedPromise>, Content) -> Proof;

fn about(
    content: Content,
    legs: Vec<PromisedLeg>,
    cause: Option<RemovalCause>,
    to: Accuse,
) -> Proof {
    let promise = result_promise(content.id(&domain()), legs, cause);
    to(Box::new(promise), content)
}

fn opening(inside: Unopenable, legs: Vec<PromisedLeg>, cause: Option<RemovalCause>) -> Proof {
    let promise = result_promise(inside.envelope.id(&domain()), legs, cause);
    Proof::FalseOpening(Box::new(promise), Box::new(inside))
}

/// A ciphertext in which one bit is another.
fn bent(change: fn(&mut SealedContent)) -> Content {
    let mut content = sealed(&single());
    change(&mut content);
    closed(content)
}

/// What an honest sequencer promises of sealed items.
fn honest_results() -> Vec<Named> {
    let bundle = bundle();
    let whole = || closed(sealed(&Item::Bundle(bundle.clone())));
    let [first, second] = [&bundle.legs()[0], &bundle.legs()[1]];
    let legs = || vec![promised_leg(0, first, true), promised_leg(1, second, false)];
    let own = || vec![promised_leg(0, &single().legs()[0], true)];
    let junk = || closed(opened(seal(b"junk")));
    vec![
        ("a sealed bundle as it is", about(whole(), legs(), None, Proof::Unbundling)),
        ("own legs of a sealed bundle", about(whole(), legs(), None, Proof::WrongLeg)),
        ("a leg of a sealed bundle runs elsewhere", about(whole(), vec![], None, Proof::WrongLeg)),
        ("own leg", about(closed(sealed(&single())), own(), None, Proof::WrongLeg)),
        ("alone without a mark", about(closed(sealed(&single())), own(), None, Proof::Unbundling)),
        ("nothing out of junk", about(junk(), vec![], None, Proof::WrongLeg)),
        ("junk is not unbundled", about(junk(), own(), None, Proof::Unbundling)),
    ]
}

/// Verdicts that no seed refutes, and seeds that refute nothing.
fn verdicts() -> Vec<Named> {
    let of = |content, cause| about(content, vec![], cause, Proof::FalseVerdict);
    let undecryptable = Some(RemovalCause::Undecryptable);
    let right = || closed(sealed(&single()));
    let (other_list, _) = key_list(9);
    vec![
        ("an opened item failed", of(right(), Some(RemovalCause::Failed))),
        ("an opened item came late", of(right(), Some(RemovalCause::Late))),
        ("an opened item was not removed", of(right(), None)),
        (
            "malformed is what is no item",
            of(closed(opened(seal(b"junk"))), Some(RemovalCause::Malformed)),
        ),
        ("a false verdict in clear", of(clear(single()), undecryptable)),
        ("another seed", of(bent(|it| it.seed.0[31] ^= 1), undecryptable)),
        ("another masked seed", of(bent(|it| it.envelope.masked_seed.0[0] ^= 1), undecryptable)),
        ("another body", of(bent(|it| it.envelope.body[255] ^= 1), undecryptable)),
        ("another head", of(bent(|it| it.envelope.head[32] ^= 1), undecryptable)),
        ("the other point of the head", of(bent(|it| it.envelope.head[0] ^= 1), undecryptable)),
        ("another fee", of(bent(|it| it.envelope.carriage.max_fee_wei ^= 1), undecryptable)),
        (
            "another epoch",
            of(
                bent(|it| {
                    it.notice = signed(
                        weft_evidence::EpochNotice { epoch: EPOCH + 1, ..notice(&epoch().0) },
                        KEY,
                    )
                }),
                undecryptable,
            ),
        ),
        (
            "a key that somebody else named",
            of(bent(|it| it.notice = signed(notice(&epoch().0), OTHER)), undecryptable),
        ),
        ("the key of another list", of(foreign(&other_list), undecryptable)),
        (
            "another key of the list",
            of(
                bent(|it| {
                    it.notice = signed(
                        weft_evidence::EpochNotice {
                            key: *key_list(9).0.key(),
                            ..notice(&epoch().0)
                        },
                        KEY,
                    )
                }),
                undecryptable,
            ),
        ),
        ("a puzzle of its own", of(puzzle(), undecryptable)),
    ]
}

/// An envelope to the key of another epoch's list, beside the notice of this one's.
fn foreign(list: &weft_crypto::KeyList) -> Content {
    let mut content = sealed(&single());
    let plaintext = single().encode();
    let carriage = carriage(plaintext.len());
    content.envelope =
        EpochKeyScheme::new(list).encrypt(&carriage, &plaintext, &B256::ZERO).unwrap();
    closed(content)
}

/// An envelope by another scheme.
fn puzzle() -> Content {
    let mut content = sealed(&single());
    content.envelope.scheme = SchemeId::Puzzle;
    content.envelope.head = vec![1; 256];
    closed(content)
}

fn openings() -> Vec<Named> {
    let own = || vec![promised_leg(0, &single().legs()[0], true)];
    let with = |change: &dyn Fn(&mut Unopenable)| {
        let mut inside = nothing_inside();
        change(&mut inside);
        inside
    };
    let removed = |cause| opening(nothing_inside(), vec![], Some(cause));
    let envelope = sealed(&single()).envelope;
    vec![
        ("rightly undecryptable", removed(RemovalCause::Undecryptable)),
        ("late, unread", removed(RemovalCause::Late)),
        ("reorged, unread", removed(RemovalCause::Reorged)),
        (
            "an envelope that opens",
            opening(with(&|it| it.envelope = envelope.clone()), own(), None),
        ),
        ("malformed, and opened", opening(with(&|it| it.envelope = malpadded()), own(), None)),
        ("a guessed secret", opening(with(&|it| it.secret = [9; 32]), own(), None)),
        ("no secret", opening(with(&|it| it.secret = [0; 32]), own(), None)),
        (
            "a secret above the order",
            opening(with(&|it| it.secret = above_order(it.secret)), own(), None),
        ),
        (
            "a secret of a key that somebody else named",
            opening(with(&|it| it.notice = signed(notice(&epoch().0), OTHER)), own(), None),
        ),
    ]
}

/// The same number modulo the order where it fits, else the largest there is.
fn above_order(secret: [u8; 32]) -> [u8; 32] {
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    );
    let sum = U256::from_be_bytes(secret).checked_add(order.unwrap());
    sum.unwrap_or(U256::MAX).to_be_bytes()
}

/// A right ciphertext of bytes that are not padded.
fn malpadded() -> weft_crypto::Envelope {
    let carriage = carriage(5);
    EpochKeyScheme::new(&epoch().0).rebuild(&carriage, &[0xff; 256], &B256::repeat_byte(7))
}

fn places() -> Vec<Named> {
    let stale = |section, valid_until| {
        let mut envelope = seal(b"x");
        envelope.carriage.valid_until = SlotNumber::new(valid_until);
        let row = Row { section, items: vec![envelope.id(&domain())] };
        Proof::StaleInclusion(Box::new(row.promise(0)), Box::new(envelope))
    };
    let mut other = seal(b"x");
    other.carriage.valid_until = SlotNumber::new(1);
    let row = Row { section: Section::Sealed, items: vec![item(0)] };
    let result = promise(Statement::Execution(result(other.id(&domain()), vec![], None)), KEY);
    vec![
        ("in its last slot", stale(Section::Sealed, SLOT.get())),
        ("in time", stale(Section::Sealed, u64::MAX)),
        ("run after it was opened", stale(Section::Plaintext, 1)),
        ("another item", Proof::StaleInclusion(Box::new(row.promise(0)), Box::new(other.clone()))),
        ("a result is no place", Proof::StaleInclusion(Box::new(result), Box::new(other))),
    ]
}

/// What an honest sequencer promises of bundles in parts, and what shows nothing about them.
fn parted() -> Vec<Named> {
    let [first, second] = parts();
    let last = || closed(last_part());
    let alone = || closed(sealed(&Item::Part(first.clone())));
    let legs = || joined(first.leg(), true);
    // Its sender signed two transactions for one part; the first to be opened counts, and this is the other.
    let [twin, _] = parts_of([11, 2]);
    let twin_ran = || joined(twin.leg(), true);
    let failed = || vec![promised_leg(0, first.leg(), true), promised_leg(1, second.leg(), false)];
    let own_failed = || vec![promised_leg(1, second.leg(), false)];
    let beside_twin = |part| beside(twin.leg(), part);
    // The marker of the bundle, and numbers of another.
    let other = other_bundle();
    let of_others = Some(other[0].clone());
    // Bytes that sign the marker and commit to nothing.
    let forged = Some(forged());
    let removed = |cause| about(alone(), vec![], Some(cause), Proof::FalseVerdict);
    vec![
        (
            "legs of others in the result of the last part",
            about(last(), legs(), None, Proof::WrongLeg),
        ),
        ("the last part as it is", about(last(), legs(), None, Proof::Unbundling)),
        ("a part that waits", about(alone(), vec![], None, Proof::WrongLeg)),
        ("one of two transactions for a part", about(last(), twin_ran(), None, Proof::WrongLeg)),
        ("the other one, shown", about(beside_twin(None), twin_ran(), None, Proof::WrongLeg)),
        (
            "the other one, and the part that came later",
            about(beside_twin(Some(first.clone())), twin_ran(), None, Proof::WrongLeg),
        ),
        ("a leg that may revert", about(last(), failed(), None, Proof::Unbundling)),
        ("it alone is here", about(last(), own_failed(), None, Proof::Unbundling)),
        (
            "a transaction that nobody named",
            about(beside(first.leg(), None), own_failed(), None, Proof::WrongLeg),
        ),
        (
            "the part of another bundle",
            about(beside(first.leg(), of_others.clone()), legs(), None, Proof::WrongLeg),
        ),
        (
            "a part that is none of its bundle",
            about(beside(first.leg(), forged), legs(), None, Proof::WrongLeg),
        ),
        ("the leg of another bundle failed", {
            about(beside(first.leg(), of_others), legs(), None, Proof::Unbundling)
        }),
        ("a part whose place was taken", removed(RemovalCause::Invalid)),
        ("a malformed part in clear", {
            about(
                clear(Item::Part(first.clone())),
                vec![],
                Some(RemovalCause::Malformed),
                Proof::FalseVerdict,
            )
        }),
    ]
}

/// A part with the marker of [`parts`], and another salt.
fn forged() -> Part {
    let mut bytes = parts()[0].encode();
    // Behind the version.
    bytes[1] ^= 1;
    Part::decode(&bytes).unwrap()
}

/// Another bundle in parts with the same legs.
fn other_bundle() -> [Part; 2] {
    let blindings = [8, 9].map(B256::repeat_byte);
    let legs = [leg(901, 1, Default::default(), false), leg(902, 2, Default::default(), true)];
    let commit = |(leg, blinding)| LegShape::of(leg).commitment(&domain(), blinding);
    let shape = PartedShape {
        salt: B256::repeat_byte(5),
        level: SafetyLevel::Reputation,
        epoch: EPOCH,
        commitments: legs.iter().zip(&blindings).map(commit).collect(),
    };
    let suffix = Bytes::copy_from_slice(&shape.id(&domain()).suffix());
    let legs = [leg(901, 1, suffix.clone(), false), leg(902, 2, suffix, true)];
    let part = |index: usize| {
        Part::new(&domain(), &shape, index as u16, blindings[index], legs[index].clone()).unwrap()
    };
    [part(0), part(1)]
}

#[test]
fn p47_what_convicts_nobody_is_written_down_for_l1() {
    let parts = crate::parts::innocent();
    let all = [honest_results(), verdicts(), openings(), places(), parted(), parts];
    let all = all.into_iter().flatten();
    let vectors = all.map(|(name, proof)| {
        let evidence = Evidence::new(domain(), proof);
        let reason = evidence.check(&registry()).expect_err(name).to_string();
        Json::object([
            ("name", name.into()),
            ("reason", reason.as_str().into()),
            ("encoding", evidence.encode().into()),
        ])
    });
    let rule =
        "encoding = version 1 || domain || kind || parts, as in evidence.json; nobody is convicted";
    let document = Json::object([("rule", rule.into()), ("vectors", Json::list(vectors))]);
    vectors::check("evidence/acquittals.json", &document);
    for vector in vectors::read("evidence/acquittals.json") {
        let evidence = Evidence::decode(&vectors::bytes(&vector, "encoding")).unwrap();
        evidence.check(&registry()).unwrap_err();
    }
}
