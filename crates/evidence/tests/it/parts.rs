//! Parts that are none, and honest ones of every kind of transaction: the crate and L1 must see the same in them.

use crate::world::*;
use alloy_consensus::{
    TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy, crypto::secp256k1::sign_message,
};
use alloy_eips::{
    eip2718::Encodable2718 as _,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use weft_crypto::{DelayScheme as _, EpochKeyScheme, GasBucket};
use weft_evidence::{Content, OtherLeg, Proof, SealedContent};
use weft_types::{
    Encode as _, Item, Leg, LegShape, NetworkId, Part, PartedShape, PromisedLeg, RESERVED,
    SafetyLevel, SignedTx,
};

type Accuse = fn(Box<weft_types::SignedPromise>, Content) -> Proof;

/// An envelope whose part is none, and the leg that stands in it.
struct Nothing {
    name: &'static str,
    sealed: SealedContent,
    leg: PromisedLeg,
}

fn nothings() -> Vec<Nothing> {
    let [first, _] = parts();
    let nothing =
        |name, sealed, leg: &Leg| Nothing { name, sealed, leg: promised_leg(0, leg, true) };
    let [earlier, _] = parts_in(EPOCH - 1, [1, 2]);
    let plaintext = Item::Part(first.clone()).encode();
    let without = leg(901, 1, Bytes::new(), false);
    let twice = marked_twice(&first);
    vec![
        nothing("of another epoch", opened(seal(&encoded(&earlier))), earlier.leg()),
        nothing("not what its id commits to", opened(seal(&salted(&first))), first.leg()),
        nothing(
            "more gas than its bucket",
            carried(&plaintext, |it| it.gas = GasBucket::new(0).unwrap()),
            first.leg(),
        ),
        nothing(
            "another rollup than the one in clear",
            carried(&plaintext, |it| it.rollup = Some(NetworkId::new(902))),
            first.leg(),
        ),
        nothing("without the marker", opened(seal(&holding(&first, &without))), &without),
        nothing("its marker twice", opened(seal(&holding(&first, &twice))), &twice),
        untyped(&first),
    ]
}

/// A part whose transaction is none: there is no such type.
fn untyped(part: &Part) -> Nothing {
    let (mut bytes, mut raw) = (encoded(part), part.leg().tx.raw().to_vec());
    raw[0] = 5;
    let start = bytes.len() - raw.len();
    bytes[start..].copy_from_slice(&raw);
    let leg = PromisedLeg { tx_hash: keccak256(&raw), ..promised_leg(0, part.leg(), true) };
    Nothing { name: "its transaction is none", sealed: opened(seal(&bytes)), leg }
}

fn encoded(part: &Part) -> Vec<u8> {
    Item::Part(part.clone()).encode()
}

/// The same part with another salt.
fn salted(part: &Part) -> Vec<u8> {
    let mut bytes = encoded(part);
    // Behind version and kind.
    bytes[2] ^= 1;
    bytes
}

/// The bytes of a part with another leg.
fn holding(part: &Part, leg: &Leg) -> Vec<u8> {
    let mut bytes = encoded(part);
    // A leg alone has a version of its own.
    bytes.truncate(bytes.len() + 1 - part.leg().encode().len());
    bytes.extend(&leg.encode()[1..]);
    bytes
}

fn carried(plaintext: &[u8], change: fn(&mut weft_crypto::Carriage)) -> SealedContent {
    let mut carriage = carriage(plaintext.len());
    change(&mut carriage);
    let scheme = EpochKeyScheme::new(&epoch().0);
    opened(scheme.encrypt(&carriage, plaintext, &B256::repeat_byte(9)).unwrap())
}

fn marked_twice(part: &Part) -> Leg {
    let id = part.id();
    let suffix = Bytes::copy_from_slice(&id.suffix());
    let tx = TxEip1559 { input: suffix, access_list: listed(id.hash()), ..plain_1559() };
    signed_leg(901, tx, TxEnvelope::from)
}

fn listed(id: B256) -> AccessList {
    AccessList(vec![AccessListItem { address: RESERVED, storage_keys: vec![id] }])
}

fn plain_1559() -> TxEip1559 {
    TxEip1559 {
        chain_id: 901,
        nonce: 1,
        gas_limit: 100_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0xee)),
        value: U256::from(1),
        ..Default::default()
    }
}

fn signed_leg<T: alloy_consensus::SignableTransaction<alloy_primitives::Signature>>(
    network: u32,
    tx: T,
    envelope: fn(alloy_consensus::Signed<T>) -> TxEnvelope,
) -> Leg {
    let signature = sign_message(OTHER, tx.signature_hash()).unwrap();
    let raw = envelope(tx.into_signed(signature)).encoded_2718();
    let tx = SignedTx::decode(raw.into()).unwrap();
    Leg { network: NetworkId::new(network), tx, may_revert: false }
}

fn result_of(content: Content, legs: Vec<PromisedLeg>, to: Accuse) -> Proof {
    let promise = result_promise(content.id(&domain()), legs, None);
    to(Box::new(promise), content)
}

/// Results that let such a leg run.
pub(crate) fn run_alone() -> Vec<(&'static str, Proof)> {
    let all = nothings().into_iter().map(|Nothing { name, sealed, leg }| {
        let name = leak(format!("wrong plaintext of no part: {name}"));
        let content = Content::Sealed(Box::new(sealed));
        (name, result_of(content, vec![leg], Proof::WrongLeg))
    });
    let (content, legs) = beside_listed();
    let listed = ("wrong plaintext of a part, its marker listed, a leg without it", {
        result_of(content, legs, Proof::WrongLeg)
    });
    all.chain([listed]).collect()
}

/// What shows nothing of such a leg, and what an honest sequencer promises of parts of every kind of transaction.
pub(crate) fn innocent() -> Vec<(&'static str, Proof)> {
    let nothings = nothings().into_iter().flat_map(|Nothing { name, sealed, leg }| {
        let content = || Content::Sealed(Box::new(sealed.clone()));
        let failed = vec![PromisedLeg { success: false, ..leg }];
        [
            (
                leak(format!("no part is not unbundled: {name}")),
                result_of(content(), failed, Proof::Unbundling),
            ),
            (
                leak(format!("nothing runs of no part: {name}")),
                result_of(content(), vec![], Proof::WrongLeg),
            ),
        ]
    });
    let kinds = kinds().into_iter().map(|(name, part, legs)| {
        let content = Content::Sealed(Box::new(opened(seal(&encoded(&part)))));
        (leak(format!("the last part as it is: {name}")), {
            result_of(content, legs, Proof::WrongLeg)
        })
    });
    nothings.chain(kinds).collect()
}

fn leak(name: String) -> &'static str {
    name.leak()
}

/// The last part beside a transaction without marker.
fn beside_listed() -> (Content, Vec<PromisedLeg>) {
    let [_, _, (_, part, _), ..] = kinds();
    let foreign = leg(902, 9, Bytes::new(), false);
    let legs = vec![promised_leg(0, part.leg(), true), promised_leg(1, &foreign, true)];
    let sealed = opened(seal(&encoded(&part)));
    (Content::Part(Box::new(OtherLeg { sealed, tx: foreign.tx, part: None })), legs)
}

type Kind = (&'static str, Part, Vec<PromisedLeg>);

/// The first part of a bundle, by kind of its transaction, and the result of the last part.
fn kinds() -> [Kind; 5] {
    let (to, value) = (TxKind::Call(Address::repeat_byte(0xee)), U256::from(1));
    let (gas_limit, nonce) = (100_000, 1);
    let legacy = |input: Bytes, _: AccessList| {
        let chain_id = Some(901);
        let tx = TxLegacy { chain_id, nonce, gas_price: 10, gas_limit, to, value, input };
        signed_leg(901, tx, TxEnvelope::from)
    };
    let unbound = |input: Bytes, _: AccessList| {
        let chain_id = None;
        let tx = TxLegacy { chain_id, nonce, gas_price: 10, gas_limit, to, value, input };
        signed_leg(901, tx, TxEnvelope::from)
    };
    let listed = |_: Bytes, access_list: AccessList| {
        let input = Bytes::from_static(b"call");
        let (gas_price, chain_id) = (10, 901);
        let tx = TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input };
        signed_leg(901, tx, TxEnvelope::from)
    };
    let creation = |input: Bytes, _: AccessList| {
        let value = U256::from(10).pow(U256::from(30));
        let tx = TxEip1559 { to: TxKind::Create, value, input, ..plain_1559() };
        signed_leg(901, tx, TxEnvelope::from)
    };
    let delegation = |input: Bytes, _: AccessList| {
        let tx = TxEip7702 {
            chain_id: 901,
            gas_limit,
            max_fee_per_gas: 10,
            to: Address::repeat_byte(0xee),
            input: [&[7; 300], &input[..]].concat().into(),
            ..Default::default()
        };
        signed_leg(901, tx, TxEnvelope::from)
    };
    [
        ("a legacy transaction", &legacy as &dyn Fn(Bytes, AccessList) -> Leg),
        ("one of no chain", &unbound),
        ("its marker in an access list", &listed),
        ("a creation", &creation),
        ("a delegation", &delegation),
    ]
    .map(|(name, make)| {
        let (part, legs) = first_of(make);
        (name, part, legs)
    })
}

fn first_of(make: &dyn Fn(Bytes, AccessList) -> Leg) -> (Part, Vec<PromisedLeg>) {
    let blinding = B256::repeat_byte(6);
    let unmarked = make(Bytes::new(), AccessList::default());
    let commitment = LegShape::of(&unmarked).commitment(&domain(), &blinding);
    let shape = PartedShape {
        salt: B256::repeat_byte(5),
        level: SafetyLevel::Reputation,
        epoch: EPOCH,
        commitments: vec![commitment, B256::repeat_byte(1)],
    };
    let id = shape.id(&domain());
    let own = make(Bytes::copy_from_slice(&id.suffix()), listed(id.hash()));
    let other = leg(902, 2, Bytes::copy_from_slice(&id.suffix()), true);
    let legs = vec![promised_leg(0, &own, true), promised_leg(1, &other, true)];
    (Part::new(&domain(), &shape, 0, blinding, own).unwrap(), legs)
}
