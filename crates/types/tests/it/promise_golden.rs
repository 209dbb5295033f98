//! The file `vectors/types/promises.json`: one group of every kind of statement, signed.

use crate::{
    draft::{KEY, SENDER},
    golden::{document, in_words, position, reread},
    promises::{bundle, execution_of, group, order_chain, removed_at, sign},
    samples,
    vectors::{self, Json},
};
use weft_types::{
    Checkpoint, Encode, ExecutionPromise, OrderPromise, PromisedLeg, PromisedPlace,
    PromisedRemoval, Section, SignedPromise, Statement,
    promise::{Group, logs_hash},
};

const RULE: &str = "leaf = H(domain, tag 9 | 10 | 11, statement without its kind byte); node = H(domain, tag 12, left || right), one without sibling moves up; digest = H(domain, tag 13, count u16 || root); signature = r || s || parity, low s";
const BUNDLE_RULE: &str = "leaf = H(domain, tag 17, statement without its kind byte): epoch, list of (position, item, prevChain, chain), unixMs; the rest as in promises.json";

/// Returns one group with every kind of statement about one item, and a checkpoint.
pub(crate) fn sample() -> Vec<SignedPromise> {
    let orders = order_chain(3);
    let results = [execution_of(&orders[0]), removed_at(&orders[1])];
    let checkpoint = Checkpoint {
        slot: orders[2].position.slot,
        parent: samples::HASH,
        section: Section::Plaintext,
        count: 3,
        chain: orders[2].chain,
        unix_ms: 1_763_719_200_100,
    };
    let mut statements: Vec<_> = orders.into_iter().map(Statement::Order).collect();
    statements.extend(results.map(Statement::Execution));
    statements.push(Statement::Checkpoint(checkpoint));
    group(&statements, &KEY)
}

/// Returns the promise of a bundle of three envelopes, in two slots, alone in its group.
pub(crate) fn bundle_sample() -> SignedPromise {
    group(&[Statement::Bundle(bundle())], &KEY).remove(0)
}

#[test]
fn p14_promise_vectors_hold() {
    check("types/promises.json", &sample());
}

#[test]
fn p14_vectors_of_a_bundles_promise_hold() {
    check("types/bundle-promises.json", &[bundle_sample()]);
}

fn check(file: &str, promises: &[SignedPromise]) {
    let domain = samples::domain();
    let leaves: Vec<_> = promises.iter().map(|promise| promise.statement.leaf(&domain)).collect();
    let digest = Group::new(domain, leaves.clone()).unwrap().digest();
    assert_eq!(sign(digest, &KEY), promises[0].signature);
    let vectors = promises.iter().zip(&leaves).map(|(promise, leaf)| {
        Json::object([
            ("statement", statement(&promise.statement)),
            ("leaf", (*leaf).into()),
            ("index", promise.path.index.into()),
            ("count", promise.path.count.into()),
            ("siblings", Json::list(promise.path.siblings.iter().copied())),
            ("digest", digest.into()),
            ("signature", promise.signature.to_bytes().to_vec().into()),
            ("signer", SENDER.into()),
            ("encoding", promise.encode().into()),
        ])
    });
    let is_bundle = matches!(promises[0].statement, Statement::Bundle(_));
    let rule = if is_bundle { BUNDLE_RULE } else { RULE };
    let head = [
        ("domain", in_words(&domain)),
        ("noLogs", logs_hash(&domain, &[]).into()),
        ("logs", logs_hash(&domain, &crate::promises::logs()).into()),
    ];
    vectors::check(file, &document(rule, head, vectors));
    for vector in vectors::read(file) {
        assert_eq!(reread::<SignedPromise>(&vector).verify(SENDER), Ok(()));
    }
}

fn statement(statement: &Statement) -> Json {
    match statement {
        Statement::Order(promise) => order(promise),
        Statement::Execution(promise) => execution(promise),
        Statement::Checkpoint(checkpoint) => Json::object([
            ("kind", 2_u8.into()),
            ("slot", checkpoint.slot.get().into()),
            ("parent", checkpoint.parent.into()),
            ("section", (checkpoint.section as u8).into()),
            ("count", checkpoint.count.into()),
            ("chain", checkpoint.chain.into()),
            ("unixMs", checkpoint.unix_ms.into()),
        ]),
        Statement::Bundle(promise) => Json::object([
            ("kind", 3_u8.into()),
            ("epoch", promise.epoch.into()),
            ("places", Json::list(promise.places.iter().map(place))),
            ("unixMs", promise.unix_ms.into()),
        ]),
    }
}

fn place(place: &PromisedPlace) -> Json {
    Json::object([
        ("position", position(&place.position)),
        ("item", place.item.into()),
        ("prevChain", place.prev_chain.into()),
        ("chain", place.chain.into()),
    ])
}

fn order(promise: &OrderPromise) -> Json {
    Json::object([
        ("kind", 0_u8.into()),
        ("position", position(&promise.position)),
        ("item", promise.item.into()),
        ("prevChain", promise.prev_chain.into()),
        ("chain", promise.chain.into()),
        ("unixMs", promise.unix_ms.into()),
        ("l1Deadline", promise.l1_deadline.into()),
        ("bundle", promise.bundle.map(|bundle| bundle.hash()).into()),
    ])
}

fn execution(promise: &ExecutionPromise) -> Json {
    Json::object([
        ("kind", 1_u8.into()),
        ("position", position(&promise.position)),
        ("item", promise.item.into()),
        ("chain", promise.chain.into()),
        ("l1Origin", promise.l1_origin.into()),
        ("legs", Json::list(promise.legs.iter().map(leg))),
        ("removal", promise.removal.as_ref().map(removal).into()),
    ])
}

fn leg(leg: &PromisedLeg) -> Json {
    Json::object([
        ("leg", leg.leg.into()),
        ("network", leg.network.get().into()),
        ("txHash", leg.tx_hash.into()),
        ("success", leg.success.into()),
        ("gasUsed", leg.gas_used.into()),
        ("outputHash", leg.output_hash.into()),
        ("logsHash", leg.logs_hash.into()),
        ("blockNumber", leg.block_number.into()),
        ("parentHash", leg.parent_hash.into()),
    ])
}

fn removal(removal: &PromisedRemoval) -> Json {
    Json::object([
        ("cause", 0_u8.into()),
        ("network", removal.network.get().into()),
        ("leg", removal.leg.into()),
        ("outputHash", removal.output_hash.into()),
    ])
}
