//! Promises: what verifies, what is refused, and what contradicts.

use crate::{
    draft::{KEY, OTHER_KEY, SENDER},
    promise_golden::{bundle_sample, sample},
    samples,
};
use alloy_consensus::crypto::secp256k1::sign_message;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256};
use proptest::prelude::*;
use weft_types::{
    BundleId, BundlePromise, Checkpoint, Decode, Domain, Encode, Equivocation, ExecutionPromise,
    NetworkId, OrderPromise, Position, PromiseError, PromisedLeg, PromisedPlace, PromisedRemoval,
    RemovalCause, Section, Signature, SignedPromise, SlotNumber, Statement, chain_next,
    chain_start,
    promise::{Claim, Contradiction, Group, NoEvidence, logs_hash},
};

const SLOT: SlotNumber = SlotNumber::new(1_000_003);

pub(crate) fn sign(digest: B256, key: &B256) -> Signature {
    Signature::new(sign_message(*key, digest).unwrap()).unwrap()
}

pub(crate) fn group(statements: &[Statement], key: &B256) -> Vec<SignedPromise> {
    let domain = samples::domain();
    let leaves = statements.iter().map(|statement| statement.leaf(&domain)).collect();
    let group = Group::new(domain, leaves).unwrap();
    let signature = sign(group.digest(), key);
    let promise = |(index, statement): (u16, &Statement)| SignedPromise {
        domain,
        statement: statement.clone(),
        path: group.path(index).unwrap(),
        signature,
    };
    (0..).zip(statements).map(promise).collect()
}

/// Returns the promises of the first `count` positions of a slot.
pub(crate) fn order_chain(count: u32) -> Vec<OrderPromise> {
    let mut chain = chain_start(&samples::domain(), SLOT, Section::Plaintext);
    let mut next = |index: u32| {
        let item = keccak256(index.to_be_bytes());
        let prev_chain = chain;
        chain = chain_next(&prev_chain, index, &item);
        OrderPromise {
            position: Position { slot: SLOT, section: Section::Plaintext, index },
            item,
            prev_chain,
            chain,
            unix_ms: 1_763_719_200_000 + u64::from(index),
            l1_deadline: 23_000_000,
            bundle: (index % 2 == 1).then(|| BundleId::new(B256::repeat_byte(0xb1))),
        }
    };
    (0..count).map(&mut next).collect()
}

pub(crate) fn logs() -> Vec<Log> {
    let log = |topics: Vec<B256>, data: &'static [u8]| Log {
        address: Address::repeat_byte(0x10),
        data: LogData::new_unchecked(topics, Bytes::from_static(data)),
    };
    vec![log(vec![samples::HASH], b"data"), log(Vec::new(), b"")]
}

pub(crate) fn execution_of(order: &OrderPromise) -> ExecutionPromise {
    let leg = PromisedLeg {
        leg: 0,
        network: NetworkId::new(901),
        tx_hash: B256::repeat_byte(0x7a),
        success: true,
        gas_used: 21_000,
        output_hash: keccak256([]),
        logs_hash: logs_hash(&samples::domain(), &logs()),
        block_number: 77,
        parent_hash: B256::repeat_byte(0x76),
    };
    ExecutionPromise {
        position: order.position,
        item: order.item,
        chain: order.chain,
        l1_origin: B256::ZERO,
        legs: vec![leg.clone(), PromisedLeg { leg: 1, success: false, ..leg }],
        removal: None,
    }
}

pub(crate) fn removed_at(order: &OrderPromise) -> ExecutionPromise {
    let removal = PromisedRemoval {
        cause: RemovalCause::Failed,
        network: NetworkId::new(902),
        leg: 1,
        output_hash: keccak256(b"revert data"),
    };
    ExecutionPromise { legs: Vec::new(), removal: Some(removal), ..execution_of(order) }
}

/// Returns the promise of a bundle whose envelopes have the places 0 and 1 of a slot and 2 of the next one.
pub(crate) fn bundle() -> BundlePromise {
    let mut places = sealed(SLOT, 2);
    places.extend(sealed(SLOT.next(), 3).pop());
    BundlePromise { epoch: 100_001, places, unix_ms: 1_763_719_200_200 }
}

/// Returns the first places of the sealed section of a slot.
fn sealed(slot: SlotNumber, count: u32) -> Vec<PromisedPlace> {
    let section = Section::Sealed;
    let mut chain = chain_start(&samples::domain(), slot, section);
    let mut next = |index: u32| {
        let item = keccak256([slot.get().to_be_bytes(), u64::from(index).to_be_bytes()].concat());
        let prev_chain = chain;
        chain = chain_next(&prev_chain, index, &item);
        PromisedPlace { position: Position { slot, section, index }, item, prev_chain, chain }
    };
    (0..count).map(&mut next).collect()
}

/// Returns a promise of other items at the place, and at those behind it in its slot.
fn other_at(place: &PromisedPlace, item: B256) -> PromisedPlace {
    let chain = chain_next(&place.prev_chain, place.position.index, &item);
    PromisedPlace { item, chain, ..*place }
}

fn alone(statement: Statement) -> SignedPromise {
    group(&[statement], &KEY).remove(0)
}

#[test]
fn p14_every_member_of_a_group_stands_alone() {
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 33] {
        let statements: Vec<_> = order_chain(count).into_iter().map(Statement::Order).collect();
        for promise in group(&statements, &KEY) {
            assert_eq!(promise.verify(SENDER), Ok(()));
            assert_eq!(SignedPromise::decode(&promise.encode()), Ok(promise));
        }
    }
}

#[test]
fn every_flipped_bit_and_every_other_byte_is_refused() {
    for promise in sample().into_iter().chain([bundle_sample()]) {
        let encoding = promise.encode();
        for at in 0..encoding.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut altered = encoding.clone();
                altered[at] ^= change;
                let accepted = SignedPromise::decode(&altered)
                    .is_ok_and(|promise| promise.verify(SENDER).is_ok());
                assert!(!accepted, "byte {at} ^ {change:#x}");
            }
        }
        for at in 0..encoding.len() {
            assert!(SignedPromise::decode(&encoding[..at]).is_err());
        }
        assert!(SignedPromise::decode(&[&encoding[..], &[0]].concat()).is_err());
    }
}

#[test]
fn the_other_form_of_a_signature_is_refused() {
    let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order: U256 = order.parse().unwrap();
    let bytes = sample()[0].signature.to_bytes();
    let high = order - U256::from_be_slice(&bytes[32..64]);
    let mut other = bytes;
    other[32..64].copy_from_slice(&high.to_be_bytes::<32>());
    other[64] ^= 1;
    assert_eq!(Signature::from_bytes(&other), None);
    for parity in [2, 27, 28, 255] {
        let mut other = bytes;
        other[64] = parity;
        assert_eq!(Signature::from_bytes(&other), None);
    }
    assert!(Signature::from_bytes(&bytes).is_some());
}

#[test]
fn p1_a_promise_of_one_realm_is_none_of_another() {
    let promise = sample().remove(0);
    let elsewhere = SignedPromise { domain: Domain { realm: 8, ..promise.domain }, ..promise };
    assert!(elsewhere.verify(SENDER).is_err());
}

#[test]
fn a_promise_that_contradicts_itself_is_refused_even_when_signed() {
    let order = order_chain(2).remove(1);
    let first = order_chain(1).remove(0);
    let flawed = [
        Statement::Order(OrderPromise { chain: samples::HASH, ..order.clone() }),
        Statement::Order(OrderPromise { item: samples::HASH, ..order.clone() }),
        Statement::Order(OrderPromise {
            prev_chain: samples::HASH,
            chain: chain_next(&samples::HASH, 0, &first.item),
            ..first
        }),
        Statement::Order(OrderPromise {
            position: Position { section: Section::L1Born, ..order.position },
            ..order.clone()
        }),
        Statement::Execution(ExecutionPromise {
            legs: execution_of(&order).legs,
            ..removed_at(&order)
        }),
        Statement::Checkpoint(Checkpoint {
            slot: SLOT,
            parent: samples::HASH,
            section: Section::Sealed,
            count: 0,
            chain: samples::HASH,
            unix_ms: 1,
        }),
    ];
    for statement in flawed.into_iter().chain(flawed_bundles().map(Statement::Bundle)) {
        let error = alone(statement.clone()).verify(SENDER).unwrap_err();
        assert!(matches!(error, PromiseError::Flaw(_)), "{statement:?}: {error}");
    }
}

/// Returns promises of bundles that nobody can keep.
fn flawed_bundles() -> impl Iterator<Item = BundlePromise> {
    let with = |change: &dyn Fn(&mut Vec<PromisedPlace>)| {
        let mut flawed = bundle();
        change(&mut flawed.places);
        flawed
    };
    let plaintext = chain_start(&samples::domain(), SLOT, Section::Plaintext);
    let flawed = [
        with(&|places| places.truncate(1)),
        with(&|places| places.clear()),
        with(&|places| *places = sealed(SLOT, 65)),
        with(&|places| places.swap(0, 1)),
        with(&|places| places[1] = places[0]),
        with(&|places| places[2].chain = samples::HASH),
        with(&|places| places[0] = other_at(&places[0], samples::HASH)),
        with(&|places| places[2] = other_at(&places[2], places[0].item)),
        with(&|places| {
            let place = &mut places[0];
            (place.position.section, place.prev_chain) = (Section::Plaintext, plaintext);
            place.chain = chain_next(&plaintext, 0, &place.item);
        }),
    ];
    flawed.into_iter()
}

#[test]
fn p14_a_bundles_promise_is_held_against_everything_that_its_order_promises_are() {
    let honest = bundle();
    let said = |promise: &BundlePromise| Statement::Bundle(promise.clone());
    for place in &honest.places {
        let order = Statement::Order(place.order(7));
        assert_eq!(evidence(said(&honest), order), Err(NoEvidence::Consistent));
        let lie = other_at(place, samples::HASH);
        let claim = Contradiction::Order(Claim::Item(place.position));
        let found = evidence(said(&honest), Statement::Order(lie.order(7))).unwrap();
        assert_eq!((found.contradiction(), found.signer()), (claim, Ok(SENDER)));
        let Position { slot, section, index } = place.position;
        for (count, chain, holds) in [
            (index, place.prev_chain, true),
            (index + 1, place.chain, true),
            (index + 1, lie.chain, false),
        ] {
            let parent = samples::HASH;
            let word = Checkpoint { slot, parent, section, count, chain, unix_ms: 9 };
            let found = evidence(said(&honest), Statement::Checkpoint(word));
            assert_eq!(found.is_err(), holds, "{count}");
        }
    }
    // Another bundle of the same envelopes, or of others, agrees; one that moves an envelope does not.
    let fewer = BundlePromise { places: honest.places[1..].to_vec(), unix_ms: 9, ..honest.clone() };
    assert_eq!(evidence(said(&honest), said(&fewer)), Err(NoEvidence::Consistent));
    let mut moved = fewer;
    moved.places[1] = other_at(&moved.places[1], samples::HASH);
    evidence(said(&honest), said(&moved)).unwrap();
}

#[test]
fn p14_a_bundles_promise_has_no_more_places_than_a_bundle_has_legs() {
    let most = BundlePromise { places: sealed(SLOT, 64), ..bundle() };
    assert_eq!(alone(Statement::Bundle(most.clone())).verify(SENDER), Ok(()));
    let more = BundlePromise { places: sealed(SLOT, 65), ..most };
    let encoding = alone(Statement::Bundle(more)).encode();
    assert!(SignedPromise::decode(&encoding).is_err());
}

#[test]
fn two_items_at_one_position_are_evidence() {
    let honest = order_chain(3).remove(2);
    let item = samples::HASH;
    let chain = chain_next(&honest.prev_chain, 2, &item);
    let lie = OrderPromise { item, chain, ..honest };
    let evidence = evidence(Statement::Order(honest.clone()), Statement::Order(lie.clone()));
    let evidence = evidence.unwrap();
    let claim = Contradiction::Order(Claim::Item(honest.position));
    assert_eq!(evidence.contradiction(), claim);
    assert_eq!(evidence.signer(), Ok(SENDER));
    assert_eq!(Equivocation::decode(&evidence.encode()), Ok(evidence));
    // A result at the position, a checkpoint behind it and the next link tell the same.
    for other in [
        Statement::Execution(execution_of(&lie)),
        Statement::Checkpoint(Checkpoint {
            slot: SLOT,
            parent: B256::ZERO,
            section: Section::Plaintext,
            count: 3,
            chain: lie.chain,
            unix_ms: 1,
        }),
        Statement::Order(OrderPromise {
            position: Position { index: 3, ..honest.position },
            item,
            prev_chain: lie.chain,
            chain: chain_next(&lie.chain, 3, &item),
            ..honest.clone()
        }),
    ] {
        self::evidence(Statement::Order(honest.clone()), other).unwrap();
    }
}

#[test]
fn two_results_are_evidence_unless_they_rest_on_two_l1_blocks() {
    let order = order_chain(1).remove(0);
    let honest = execution_of(&order);
    let mut lie = honest.clone();
    lie.legs[0].gas_used += 1;
    let found = evidence(Statement::Execution(honest.clone()), Statement::Execution(lie.clone()));
    assert_eq!(found.unwrap().contradiction(), Contradiction::Result);
    lie.l1_origin = samples::HASH;
    let found = evidence(Statement::Execution(honest), Statement::Execution(lie));
    assert_eq!(found, Err(NoEvidence::Consistent));
}

#[test]
fn an_honest_sequencer_gives_no_evidence() {
    let promises = sample();
    for first in &promises {
        for second in &promises {
            let found = Equivocation::new(first.clone(), second.clone());
            assert_eq!(found, Err(NoEvidence::Consistent));
        }
    }
    // A promise that is signed again at another time is the same promise.
    let order = order_chain(1).remove(0);
    let again = OrderPromise { unix_ms: order.unix_ms + 9, ..order };
    let found = evidence(Statement::Order(order), Statement::Order(again));
    assert_eq!(found, Err(NoEvidence::Consistent));
}

#[test]
fn nobody_is_blamed_for_what_another_key_signed() {
    let order = order_chain(1).remove(0);
    let item = samples::HASH;
    let lie =
        OrderPromise { item, chain: chain_next(&order.prev_chain, 0, &item), ..order.clone() };
    let honest = alone(Statement::Order(order));
    let lie = group(&[Statement::Order(lie)], &OTHER_KEY).remove(0);
    let found = Equivocation::new(honest.clone(), lie.clone());
    assert!(matches!(found, Err(NoEvidence::Keys(SENDER, _))));
    let both = [&[1][..], &honest.encode()[1..], &lie.encode()[1..]].concat();
    assert!(Equivocation::decode(&both).is_err());
}

fn evidence(first: Statement, second: Statement) -> Result<Equivocation, NoEvidence> {
    let evidence = Equivocation::new(alone(first.clone()), alone(second.clone()));
    let turned = Equivocation::new(alone(second), alone(first));
    assert_eq!(evidence.is_ok(), turned.is_ok());
    evidence
}

/// The tree as the rule says it, by recursion.
fn slow_root(domain: &Domain, leaves: &[B256]) -> B256 {
    if let [leaf] = leaves {
        return *leaf;
    }
    let half = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(half);
    let body = [slow_root(domain, left), slow_root(domain, right)].concat();
    domain.hash(weft_types::Tag::PromiseNode, &body)
}

proptest! {
    #[test]
    fn trees_are_those_of_the_slow_model(leaves in prop::collection::vec(any::<[u8; 32]>(), 1..70)) {
        let domain = samples::domain();
        let leaves: Vec<B256> = leaves.into_iter().map(B256::from).collect();
        let count = leaves.len() as u16;
        let mut body = count.to_be_bytes().to_vec();
        body.extend(slow_root(&domain, &leaves));
        let digest = domain.hash(weft_types::Tag::PromiseGroup, &body);
        let group = Group::new(domain, leaves.clone()).unwrap();
        prop_assert_eq!(group.digest(), digest);
        for (index, leaf) in (0..count).zip(&leaves) {
            let path = group.path(index).unwrap();
            prop_assert_eq!(path.digest(&domain, *leaf), Some(digest));
        }
        prop_assert_eq!(group.path(count), None);
    }
}

#[test]
fn groups_are_bounded() {
    let domain = samples::domain();
    assert!(Group::new(domain, Vec::new()).is_none());
    let limit = weft_types::promise::MAX_GROUP;
    assert!(Group::new(domain, vec![B256::ZERO; limit]).is_some());
    assert!(Group::new(domain, vec![B256::ZERO; limit + 1]).is_none());
}
