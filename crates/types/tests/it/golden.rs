//! The files under `vectors/types`, and that another reader of them comes to the same values.

use crate::{
    draft::{KEY, SENDER},
    samples,
    vectors::{self, Json},
};
use alloy_consensus::{Transaction as _, Typed2718 as _};
use alloy_primitives::Bytes;
use serde_json::Value;
use weft_types::{
    Bundle, Decode, Domain, Encode, Hop, HopBody, HopCall, HopReturn, Item, L1Born, L1Event, Leg,
    LegShape, Marker, Opening, Part, Place, Position, SlotHeader, SlotRecord, Tag, TokenMove,
};

const TAGS: [Tag; 38] = [
    Tag::Item,
    Tag::Bundle,
    Tag::SlotHeader,
    Tag::SlotRecord,
    Tag::LaneChain,
    Tag::Thread,
    Tag::Head,
    Tag::Randao,
    Tag::OrderPromise,
    Tag::ExecutionPromise,
    Tag::Checkpoint,
    Tag::PromiseNode,
    Tag::PromiseGroup,
    Tag::Logs,
    Tag::LegCommitment,
    Tag::PartedBundle,
    Tag::BundlePromise,
    Tag::Halts,
    Tag::Log,
    Tag::Sealing,
    Tag::CommitmentNode,
    Tag::SlotCommitment,
    Tag::EpochNotice,
    Tag::Conviction,
    Tag::Batch,
    Tag::RealmConfig,
    Tag::BatchHeader,
    Tag::PostedBatch,
    Tag::SettlementStatement,
    Tag::Registry,
    Tag::InboxEntry,
    Tag::OperatorKey,
    Tag::SettledHeads,
    Tag::SettledProposal,
    Tag::SettledFate,
    Tag::SettledNode,
    Tag::SettledList,
    Tag::SettledLane,
];

#[test]
fn p1_domain_vectors_hold() {
    let body = b"body";
    let vectors = [("dev", Domain::dev()), ("sample", samples::domain())].map(|(name, domain)| {
        let hashes = TAGS.map(|tag| {
            Json::object([
                ("tag", tag_name(tag).into()),
                ("number", (tag as u8).into()),
                ("hash", domain.hash(tag, body).into()),
            ])
        });
        Json::object([
            ("name", name.into()),
            ("domain", in_words(&domain)),
            ("encoding", domain.encode().into()),
            ("body", body.to_vec().into()),
            ("hashes", Json::list(hashes)),
        ])
    });
    let rule = "hash = keccak256(0x77656674 || tag u8 || version u16 || l1ChainId u64 || settlement || realm u64 || body)";
    vectors::check("types/domain.json", &document(rule, [], vectors));
    for vector in vectors::read("types/domain.json") {
        let domain = reread::<Domain>(&vector);
        for (tag, stored) in TAGS.into_iter().zip(vector["hashes"].as_array().unwrap()) {
            let hash = domain.hash(tag, &vectors::bytes(&vector, "body"));
            assert_eq!(vectors::bytes(stored, "hash"), hash.to_vec());
        }
    }
}

#[test]
fn p22_hop_vectors_hold() {
    let vectors = samples::hops().into_iter().map(|(name, hop)| {
        Json::object([
            ("name", name.into()),
            ("thread", hop.thread.into()),
            ("place", place(&hop.place)),
            ("from", hop.from.get().into()),
            ("to", hop.to.get().into()),
            ("body", body(&hop.body)),
            ("advances", hop.advances().into()),
            ("encoding", hop.encode().into()),
            ("hash", hop.hash().into()),
        ])
    });
    let rule = "hash = keccak256(encoding without its version byte); kind, section, status and flags are one byte; numbers and lengths are one byte of length, then big-endian bytes without leading zeros";
    vectors::check("types/hops.json", &document(rule, [], vectors));
    for vector in vectors::read("types/hops.json") {
        let hash = reread::<Hop>(&vector).hash();
        assert_eq!(vectors::bytes(&vector, "hash"), hash.to_vec());
    }
}

#[test]
fn p2_item_vectors_hold() {
    let domain = samples::domain();
    let vectors = samples::items().into_iter().map(|(name, item)| {
        Json::object([
            ("name", name.into()),
            ("item", in_words_item(&item)),
            ("encoding", item.encode().into()),
            ("hash", item.hash(&domain).into()),
        ])
    });
    let keys = [("domain", in_words(&domain)), ("key", KEY.into()), ("sender", SENDER.into())];
    let rule = "hash = H(domain, tag 1, encoding without its version byte); of a sealed item, the hash of its envelope";
    vectors::check("types/items.json", &document(rule, keys, vectors));
    for vector in vectors::read("types/items.json") {
        let item = reread::<Item>(&vector);
        assert_eq!(vectors::bytes(&vector, "hash"), item.hash(&domain).to_vec());
        assert!(item.bundle().is_none_or(|bundle| bundle.recheck(&domain)));
    }
}

#[test]
fn p18_bundle_vectors_hold() {
    let domain = samples::domain();
    let vectors = samples::bundles().into_iter().map(|(name, bundle)| {
        Json::object([
            ("name", name.into()),
            ("salt", bundle.salt().into()),
            ("level", (bundle.level() as u8).into()),
            ("legs", Json::list(bundle.legs().iter().map(leg_shape))),
            ("marked", bundle.is_marked().into()),
            ("id", bundle.id().hash().into()),
            ("suffix", bundle.id().suffix().to_vec().into()),
        ])
    });
    let rule = "id = H(domain, tag 2, salt || level u8 || count || legs); count, networks and lengths are one byte of length, then big-endian bytes without leading zeros; data is the call data without marker";
    let head = [("domain", in_words(&domain))];
    vectors::check("types/bundles.json", &document(rule, head, vectors));
}

#[test]
fn p9_slot_vectors_hold() {
    let domain = samples::domain();
    let headers = samples::headers().into_iter().map(|(name, header)| {
        Json::object([
            ("name", name.into()),
            ("number", header.number.get().into()),
            ("unixMs", header.unix_ms.into()),
            ("parent", header.parent.into()),
            ("available", Json::list(header.available.iter().map(|network| network.get()))),
            ("inboxCursor", header.inbox_cursor.into()),
            ("epoch", header.epoch.into()),
            ("encoding", header.encode().into()),
            ("hash", header.hash(&domain).into()),
        ])
    });
    let rule = "hash = H(domain, tag 3, encoding without its version byte)";
    let head = [("domain", in_words(&domain))];
    vectors::check("types/slot-headers.json", &document(rule, head, headers));
    for vector in vectors::read("types/slot-headers.json") {
        let hash = reread::<SlotHeader>(&vector).hash(&domain);
        assert_eq!(vectors::bytes(&vector, "hash"), hash.to_vec());
    }
}

#[test]
fn p2_slot_record_vectors_hold() {
    let domain = samples::domain();
    let records = samples::records().into_iter().map(|(name, record)| {
        Json::object([
            ("name", name.into()),
            ("header", record.header.into()),
            ("l1Born", record.l1_born.into()),
            ("sealed", record.sealed.into()),
            ("sealedChain", record.sealed_chain.into()),
            ("plaintext", record.plaintext.into()),
            ("plaintextChain", record.plaintext_chain.into()),
            ("halts", record.halts.into()),
            ("encoding", record.encode().into()),
            ("hash", record.hash(&domain).into()),
        ])
    });
    let rule = "hash = H(domain, tag 4, encoding without its version byte); halts = 0, or H(domain, tag 18, list of section u8, index, network)";
    let halted = samples::halts().into_iter().map(|halt| {
        Json::object([
            ("section", (halt.section as u8).into()),
            ("index", halt.index.into()),
            ("network", halt.network.get().into()),
        ])
    });
    let head = [("domain", in_words(&domain)), ("halted", Json::list(halted))];
    vectors::check("types/slot-records.json", &document(rule, head, records));
    for vector in vectors::read("types/slot-records.json") {
        let hash = reread::<SlotRecord>(&vector).hash(&domain);
        assert_eq!(vectors::bytes(&vector, "hash"), hash.to_vec());
    }
}

/// Decodes a vector's encoding and checks that it is the only encoding of its value.
pub(crate) fn reread<T: Encode + Decode>(vector: &Value) -> T {
    let encoding = vectors::bytes(vector, "encoding");
    let value = T::decode(&encoding).unwrap();
    assert_eq!(value.encode(), encoding);
    value
}

pub(crate) fn document<const N: usize>(
    rule: &str,
    head: [(&'static str, Json); N],
    vectors: impl IntoIterator<Item = Json>,
) -> Json {
    let mut members = vec![("rule", rule.into())];
    members.extend(head);
    members.push(("vectors", Json::list(vectors)));
    Json::Object(members)
}

const fn tag_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Item => "item",
        Tag::Bundle => "bundle",
        Tag::SlotHeader => "slot header",
        Tag::SlotRecord => "slot record",
        Tag::LaneChain => "lane chain",
        Tag::Thread => "thread",
        Tag::Head => "head",
        Tag::Randao => "randao",
        Tag::OrderPromise => "order promise",
        Tag::ExecutionPromise => "execution promise",
        Tag::Checkpoint => "checkpoint",
        Tag::PromiseNode => "promise node",
        Tag::PromiseGroup => "promise group",
        Tag::Logs => "logs",
        Tag::LegCommitment => "leg commitment",
        Tag::PartedBundle => "bundle in parts",
        Tag::BundlePromise => "bundle promise",
        Tag::Halts => "halts",
        Tag::Log => "log",
        Tag::Sealing => "sealing",
        Tag::CommitmentNode => "commitment node",
        Tag::SlotCommitment => "slot commitment",
        Tag::EpochNotice => "epoch notice",
        Tag::Conviction => "conviction",
        Tag::Batch => "batch",
        Tag::RealmConfig => "realm configuration",
        Tag::BatchHeader => "batch header",
        Tag::PostedBatch => "posted batch",
        Tag::SettlementStatement => "settlement statement",
        Tag::Registry => "registry",
        Tag::InboxEntry => "inbox entry",
        Tag::OperatorKey => "operator key",
        Tag::SettledHeads => "settled heads",
        Tag::SettledProposal => "settled proposal",
        Tag::SettledFate => "settled fate",
        Tag::SettledNode => "settled node",
        Tag::SettledList => "settled list",
        Tag::SettledLane => "settled lane",
    }
}

pub(crate) fn in_words(domain: &Domain) -> Json {
    Json::object([
        ("version", domain.version.into()),
        ("l1ChainId", domain.l1_chain_id.into()),
        ("settlement", domain.settlement.into()),
        ("realm", domain.realm.into()),
    ])
}

pub(crate) fn position(position: &Position) -> Json {
    Json::object([
        ("slot", position.slot.get().into()),
        ("section", (position.section as u8).into()),
        ("index", position.index.into()),
    ])
}

fn place(place: &Place) -> Json {
    Json::object([
        ("position", position(&place.position)),
        ("leg", place.leg.into()),
        ("k", place.k.into()),
    ])
}

fn body(body: &HopBody) -> Json {
    match body {
        HopBody::Call(call) => Json::object([("kind", 1_u8.into()), ("call", hop_call(call))]),
        HopBody::Return(ret) => Json::object([("kind", 2_u8.into()), ("return", hop_return(ret))]),
        HopBody::Rollback { to_hop } => {
            Json::object([("kind", 3_u8.into()), ("toHop", (*to_hop).into())])
        }
        HopBody::Verdict(verdict) => Json::object([
            ("kind", 4_u8.into()),
            ("bundle", verdict.bundle.hash().into()),
            ("leg", verdict.leg.into()),
            ("ok", verdict.ok.into()),
        ]),
    }
}

fn hop_call(call: &HopCall) -> Json {
    Json::object([
        ("origin", call.origin.into()),
        ("originNetwork", call.origin_network.get().into()),
        ("gasPrice", call.gas_price.into()),
        ("caller", call.caller.into()),
        ("target", call.target.into()),
        ("value", call.value.into()),
        ("token", call.token.as_ref().map(token).into()),
        ("gas", call.gas.into()),
        ("static", call.is_static.into()),
        ("data", call.data.clone().into()),
    ])
}

fn token(token: &TokenMove) -> Json {
    Json::object([
        ("network", token.network.get().into()),
        ("token", token.token.into()),
        ("amount", token.amount.into()),
    ])
}

fn hop_return(ret: &HopReturn) -> Json {
    let touched = ret.touched.iter().map(|touched| {
        Json::object([
            ("network", touched.network.get().into()),
            ("firstHop", touched.first_hop.into()),
        ])
    });
    Json::object([
        ("status", ret.status.byte().into()),
        ("static", ret.is_static.into()),
        ("gasUsed", ret.gas_used.into()),
        ("refund", ret.refund.into()),
        ("value", ret.value.into()),
        ("touched", Json::list(touched)),
        ("data", ret.data.clone().into()),
    ])
}

fn in_words_item(item: &Item) -> Json {
    match item {
        Item::Transaction(leg) => Json::object([("kind", 0_u8.into()), ("leg", in_words_leg(leg))]),
        Item::Bundle(bundle) => {
            Json::object([("kind", 1_u8.into()), ("bundle", in_words_bundle(bundle))])
        }
        Item::Sealed(sealed) => Json::object([
            ("kind", 2_u8.into()),
            ("envelope", sealed.envelope.into()),
            ("payer", sealed.terms.payer.into()),
            ("deposit", sealed.terms.deposit.get().into()),
            ("rollup", sealed.terms.rollup.map_or(Json::Null, |rollup| rollup.get().into())),
            ("gasLimit", sealed.terms.gas_limit.into()),
            ("sizeFeeWei", sealed.terms.size_fee_wei.into()),
            ("gasFeeWei", sealed.terms.gas_fee_wei.into()),
            ("listed", Json::list(sealed.listed.iter().map(|network| network.get()))),
            ("opening", in_words_opening(&sealed.opening)),
        ]),
        Item::Session(session) => Json::object([
            ("kind", 3_u8.into()),
            ("l1Transaction", session.l1_transaction.clone().into()),
            ("notBefore", session.not_before.into()),
            ("notAfter", session.not_after.into()),
            ("level", (session.level as u8).into()),
        ]),
        Item::L1Born(born) => Json::object([
            ("kind", 4_u8.into()),
            ("blockHash", born.origin.block_hash.into()),
            ("logIndex", born.origin.log_index.into()),
            ("event", event(born)),
        ]),
        Item::Part(part) => Json::object([("kind", 5_u8.into()), ("part", in_words_part(part))]),
    }
}

fn in_words_part(part: &Part) -> Json {
    let domain = samples::domain();
    Json::object([
        ("bundle", part.id().hash().into()),
        ("epoch", part.epoch().into()),
        ("level", (part.level() as u8).into()),
        ("index", part.index().into()),
        ("commitments", Json::list(part.shape(&domain).commitments)),
        ("leg", in_words_leg(part.leg())),
    ])
}

fn in_words_opening(opening: &Opening) -> Json {
    match opening {
        Opening::Opened(item) => in_words_item(item),
        Opening::Malformed => Json::from("malformed"),
        Opening::Undecryptable => Json::from("undecryptable"),
        Opening::Late => Json::from("late"),
        Opening::Joined(joined) => Json::object([
            ("own", in_words_leg(joined.own_leg())),
            ("joined", in_words_item(joined.item())),
        ]),
        Opening::Repeated(part) => Json::object([("repeated", in_words_part(part))]),
    }
}

fn event(born: &L1Born) -> Json {
    match &born.event {
        L1Event::Deposit(deposit) => Json::object([
            ("kind", 0_u8.into()),
            ("network", deposit.network.get().into()),
            ("from", deposit.from.into()),
            ("to", deposit.to.into()),
            ("value", deposit.value.into()),
            ("gas", deposit.gas.into()),
            ("data", deposit.data.clone().into()),
        ]),
        L1Event::Forced(leg) => Json::object([("kind", 1_u8.into()), ("leg", in_words_leg(leg))]),
        L1Event::ForcedBundle(bundle) => {
            Json::object([("kind", 2_u8.into()), ("bundle", in_words_bundle(bundle))])
        }
        L1Event::Exit(exit) => Json::object([
            ("kind", 3_u8.into()),
            ("network", exit.network.get().into()),
            ("account", exit.account.into()),
            ("originNetwork", exit.origin_network.get().into()),
            ("token", exit.token.into()),
            ("amount", exit.amount.into()),
        ]),
        L1Event::Junk(hash) => Json::object([("kind", 4_u8.into()), ("payload", (*hash).into())]),
        L1Event::Reorged(hash) => Json::object([("kind", 5_u8.into()), ("item", (*hash).into())]),
    }
}

fn in_words_bundle(bundle: &Bundle) -> Json {
    Json::object([
        ("salt", bundle.salt().into()),
        ("level", (bundle.level() as u8).into()),
        ("id", bundle.id().hash().into()),
        ("legs", Json::list(bundle.legs().iter().map(in_words_leg))),
    ])
}

fn in_words_leg(leg: &Leg) -> Json {
    let tx = leg.tx.envelope();
    Json::object([
        ("network", leg.network.get().into()),
        ("mayRevert", leg.may_revert.into()),
        ("type", tx.ty().into()),
        ("sender", leg.tx.sender().into()),
        ("chainId", tx.chain_id().into()),
        ("nonce", tx.nonce().into()),
        ("to", tx.to().into()),
        ("value", tx.value().into()),
        ("input", tx.input().clone().into()),
        ("gasLimit", tx.gas_limit().into()),
        ("maxFeePerGas", tx.max_fee_per_gas().into()),
        ("transactionHash", leg.tx.hash().into()),
        ("raw", leg.tx.raw().clone().into()),
    ])
}

pub(crate) fn leg_shape(leg: &Leg) -> Json {
    let shape = LegShape::of(leg);
    let marker = Marker::of(&leg.tx).unwrap().map(|marker| match marker {
        Marker::Suffix(_) => "suffix",
        Marker::AccessList(_) => "access list",
    });
    let data: Bytes = shape.data;
    Json::object([
        ("network", shape.network.get().into()),
        ("sender", shape.sender.into()),
        ("to", shape.to.into()),
        ("value", shape.value.into()),
        ("data", data.into()),
        ("mayRevert", shape.may_revert.into()),
        ("marker", marker.into()),
    ])
}
