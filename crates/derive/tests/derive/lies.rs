//! Dishonest batches: every lie is named with its place.

use crate::{
    honest::forced,
    sequencer::{A, B, Draft, Sequencer, bundle, config, derive, sign},
};
use alloy_primitives::B256;
use weft_batch::{Batch, ClaimedRemoval, OrderCommitment, SignedBatch, WireItem};
use weft_commitment::{SlotVector, Tree};
use weft_derive::{InboxEntry, Lie, LieKind};
use weft_types::{Domain, Item, Position, RemovalCause, Section, SlotNumber};

/// When the tests' sequencer begins, in milliseconds.
const GENESIS_MS: u64 = 1_700_000_001_000;

/// An honest history: transfers, a bundle, one that is removed, an inbox entry.
fn history() -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::new();
    sequencer.inbox = vec![forced(&Draft::pay(A, 4, 0, 1), sequencer.now_ms(), 0)];
    sequencer.take_inbox(1);
    sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    sequencer.submit(&Draft::pay(A, 2, 0, 5).item());
    sequencer.submit(&Item::Bundle(bundle(&[Draft::pay(A, 1, 0, 1), Draft::pay(B, 1, 0, 2)])));
    sequencer.submit(&Draft::pay(B, 2, 7, 5).item());
    sequencer.close();
    sequencer.submit(&Draft::pay(B, 0, 0, 5).item());
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

/// Changes an honest batch, signs it and returns what is found.
fn found(change: impl FnOnce(&mut Batch)) -> Lie {
    let (sequencer, honest) = history();
    derive(&sequencer.config, &sequencer.inbox, std::slice::from_ref(&honest)).unwrap();
    let mut batch = honest.batch;
    change(&mut batch);
    derive(&sequencer.config, &sequencer.inbox, &[sign(batch)]).unwrap_err()
}

fn position(index: u32) -> Option<Position> {
    Some(Position { slot: SlotNumber::new(1), section: Section::Plaintext, index })
}

#[test]
fn p18_an_unbundled_leg_is_named() {
    let lie = found(|batch| {
        let WireItem::Bundle(bundle) = batch.slots[0].plaintext[2].clone() else { panic!() };
        batch.slots[0].plaintext[2] = WireItem::Transaction(bundle.legs[0].clone());
    });
    assert!(matches!(*lie.kind, LieKind::Unbundled { .. }), "{lie}");
    assert_eq!((lie.position, lie.network), (position(2), Some(A)));
    assert!(lie.to_string().starts_with("batch 1, position 1.2.2, rollup 901: unbundled leg"));
    // Half a bundle is no bundle at all.
    let lie = found(|batch| {
        let WireItem::Bundle(bundle) = &mut batch.slots[0].plaintext[2] else { panic!() };
        bundle.legs.pop();
    });
    assert!(matches!(*lie.kind, LieKind::Bundle(_)), "{lie}");
}

#[test]
fn p4_a_false_removal_of_any_cause_is_named() {
    for cause in [
        RemovalCause::Failed,
        RemovalCause::Sibling,
        RemovalCause::Undecryptable,
        RemovalCause::Malformed,
        RemovalCause::Invalid,
        RemovalCause::Late,
        RemovalCause::Unavailable,
        RemovalCause::Reorged,
    ] {
        // What is included is said to be removed.
        let removal = ClaimedRemoval { section: Section::Plaintext, index: 0, cause };
        let lie = found(|batch| batch.slots[0].removals.insert(0, removal));
        let LieKind::Removal { claimed, derived, .. } = *lie.kind else { panic!("{lie}") };
        assert_eq!((claimed, derived, lie.position), (Some(cause), None, position(0)));
        // What is removed as invalid is said to be removed for another cause.
        if cause == RemovalCause::Invalid {
            continue;
        }
        let lie = found(|batch| batch.slots[0].removals[0].cause = cause);
        let LieKind::Removal { claimed, derived, .. } = *lie.kind else { panic!("{lie}") };
        assert_eq!((claimed, derived), (Some(cause), Some(RemovalCause::Invalid)));
        assert_eq!((lie.position, lie.network), (position(3), Some(B)));
    }
}

#[test]
fn p4_a_hidden_removal_is_named() {
    let lie = found(|batch| batch.slots[0].removals.clear());
    let LieKind::Removal { claimed, derived, .. } = *lie.kind else { panic!("{lie}") };
    assert_eq!((claimed, derived), (None, Some(RemovalCause::Invalid)));
    assert_eq!((lie.position, lie.network), (position(3), Some(B)));
    let nobody =
        ClaimedRemoval { section: Section::Plaintext, index: 9, cause: RemovalCause::Invalid };
    let lie = found(|batch| batch.slots[0].removals.push(nobody));
    assert_eq!(*lie.kind, LieKind::NoItem { section: 2, index: 9 });
}

#[test]
fn p9_a_wrong_root_is_named_with_its_block() {
    let lie = found(|batch| batch.slots[0].blocks[1][0] ^= 1);
    assert!(matches!(*lie.kind, LieKind::Block { number: 1, .. }), "{lie}");
    assert_eq!((lie.slot, lie.network), (Some(SlotNumber::new(1)), Some(B)));
    let lie = found(|batch| batch.heads[0].hash.0[31] ^= 1);
    assert!(matches!(*lie.kind, LieKind::Head { .. }), "{lie}");
    assert_eq!(lie.network, Some(A));
    let lie = found(|batch| batch.heads.truncate(1));
    assert!(matches!(*lie.kind, LieKind::Head { claimed: None, .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].blocks.truncate(1));
    assert_eq!(*lie.kind, LieKind::Blocks { claimed: 1, derived: 2 });
}

#[test]
fn p2_a_reordered_lane_is_named() {
    // Two senders, so that the fold has the same outcomes and only the order tells.
    let lie = found(|batch| batch.slots[0].plaintext.swap(0, 1));
    assert!(matches!(*lie.kind, LieKind::Order { .. }), "{lie}");
    assert_eq!(lie.slot, Some(SlotNumber::new(1)));
    let lie = found(|batch| batch.end.0[0] ^= 1);
    assert!(matches!(*lie.kind, LieKind::Order { .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].record = None);
    assert!(matches!(*lie.kind, LieKind::Order { claimed: None, .. }), "{lie}");
}

/// Commits to the order of the first slot of a batch.
fn commitment(batch: &Batch, swap: bool) -> OrderCommitment {
    let domain = Domain::dev();
    let mut items: Vec<B256> = batch.slots[0]
        .plaintext
        .iter()
        .map(|wire| match wire {
            WireItem::Transaction(leg) => {
                let tx = weft_types::SignedTx::decode(leg.raw.clone()).unwrap();
                let (network, may_revert) = (leg.network, leg.may_revert);
                Item::Transaction(weft_types::Leg { network, tx, may_revert }).hash(&domain)
            }
            WireItem::Bundle(_) => {
                let drafts = [Draft::pay(A, 1, 0, 1), Draft::pay(B, 1, 0, 2)];
                Item::Bundle(bundle(&drafts)).hash(&domain)
            }
        })
        .collect();
    if swap {
        items.swap(0, 1);
    }
    let vector = SlotVector::of_items(&domain, SlotNumber::new(1), &[], &items).unwrap();
    let root = Tree::new(&domain, vector.elements()).root();
    OrderCommitment { root, kzg: weft_commitment::commit(vector.elements()) }
}

#[test]
fn p15_a_lane_that_does_not_match_its_commitment_is_named() {
    let (sequencer, honest) = history();
    let mut batch = honest.batch;
    batch.slots[0].order = Some(commitment(&batch, false));
    derive(&sequencer.config, &sequencer.inbox, &[sign(batch.clone())]).unwrap();
    let of_other = commitment(&batch, true);
    let honest = batch.slots[0].order.clone().unwrap();
    for (order, what) in [
        (of_other.clone(), "Merkle root"),
        (OrderCommitment { root: honest.root, kzg: of_other.kzg }, "KZG commitment"),
        (OrderCommitment { root: honest.root, kzg: Vec::new() }, "number of KZG commitments"),
    ] {
        batch.slots[0].order = Some(order);
        let lie = derive(&sequencer.config, &sequencer.inbox, &[sign(batch.clone())]).unwrap_err();
        assert_eq!(*lie.kind, LieKind::Commitment(what));
        assert_eq!(lie.slot, Some(SlotNumber::new(1)));
    }
}

#[test]
fn p46_a_skipped_inbox_entry_is_named() {
    let lie = found(|batch| batch.slots[0].l1_born = 0);
    // Nothing was overdue, so that the order tells: the entry is in the record that the sequencer named.
    assert!(matches!(*lie.kind, LieKind::Order { .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].l1_born = 2);
    assert_eq!(*lie.kind, LieKind::NoEntry { entry: 1 });
    let lie = found(|batch| batch.inbox_cursor = 0);
    assert_eq!(*lie.kind, LieKind::Cursor { claimed: 0, derived: 1 });

    // A sequencer that never takes it, consistently.
    let mut silent = Sequencer::new();
    let now = silent.now_ms();
    silent.inbox = vec![forced(&Draft::pay(A, 4, 0, 1), now, 0)];
    for nonce in 0..3 {
        silent.submit(&Draft::pay(A, 0, nonce, 1).item());
        silent.close_after(6_000);
    }
    let batch = silent.batch();
    let lie = derive(&silent.config, &silent.inbox, std::slice::from_ref(&batch)).unwrap_err();
    assert_eq!(lie.slot, Some(SlotNumber::new(3)));
    let kind = LieKind::Skipped { entry: 0, age_ms: 12_000, window_ms: 10_000 };
    assert_eq!(*lie.kind, kind);
    // Without the entry there is nothing to skip.
    derive(&silent.config, &[], &[batch]).unwrap();
}

#[test]
fn p46_an_entry_that_others_crowd_out_is_named_and_runs_first_in_the_next_slot() {
    let mut realm = config(false);
    realm.rollups[0].gas_limit = 100_000;
    let forced_pay = |nonce, gas, at| {
        let draft = Draft { gas, ..Draft::pay(A, 4, nonce, 1) };
        forced(&draft, GENESIS_MS, at)
    };
    let inbox = vec![
        forced_pay(0, 60_000, 0),
        forced_pay(1, 60_000, 1),
        // Two payments leave 58,000 of the block.
        forced_pay(2, 60_000, 2),
        // No block is so large.
        forced_pay(3, 100_001, 3),
    ];
    let begin = || {
        let mut sequencer = Sequencer::with(realm.clone());
        sequencer.inbox.clone_from(&inbox);
        sequencer
    };
    let mut crowding = begin();
    crowding.take_inbox(3);
    crowding.close();
    let batch = crowding.batch();
    assert_eq!(batch.batch.slots[0].removals[0].cause, RemovalCause::Invalid);
    let lie = derive(&crowding.config, &inbox, &[batch]).unwrap_err();
    assert_eq!(*lie.kind, LieKind::Crowded { entry: 2 });

    // Nobody need be quicker than blocks are large: that the third one is old is no fault of a slot that is full.
    let mut honest = begin();
    honest.inbox.iter_mut().skip(2).for_each(|entry| entry.unix_ms -= 60_000);
    honest.take_inbox(2);
    honest.close();
    honest.take_inbox(1);
    honest.close();
    // One that fits no block waits for nobody.
    honest.take_inbox(1);
    honest.close();
    let batch = honest.batch();
    assert_eq!(batch.batch.slots[1].removals, []);
    assert_eq!(batch.batch.slots[2].removals[0].cause, RemovalCause::Invalid);
    derive(&honest.config, &honest.inbox, std::slice::from_ref(&batch)).unwrap();
    // A slot that takes nothing cannot say that it is full.
    let mut idle = begin();
    idle.inbox.iter_mut().for_each(|entry| entry.unix_ms -= 60_000);
    idle.close();
    let batch = idle.batch();
    let lie = derive(&idle.config, &idle.inbox, &[batch]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Skipped { entry: 0, .. }), "{lie}");
}

#[test]
fn p46_another_entry_than_the_one_on_l1_changes_what_is_derived() {
    let (sequencer, batch) = history();
    let other: Vec<InboxEntry> = vec![forced(&Draft::pay(A, 4, 0, 2), sequencer.now_ms(), 0)];
    let lie = derive(&sequencer.config, &other, &[batch]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Block { .. }), "{lie}");
}

#[test]
fn p1_signature_realm_and_sequence_are_checked() {
    let (sequencer, honest) = history();
    let config = &sequencer.config;
    let mut forged = honest.clone();
    forged.batch.end.0[0] ^= 1;
    let lie = derive(config, &sequencer.inbox, &[forged]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Signature { .. }), "{lie}");
    for (change, what) in [
        ((|batch| batch.number = 2) as fn(&mut Batch), "number"),
        (|batch| batch.parent = B256::repeat_byte(1), "parent"),
        (|batch| batch.first = SlotNumber::new(2), "first slot"),
    ] {
        assert_eq!(*found(change).kind, LieKind::Sequence { what });
    }
    let lie = found(|batch| batch.config = B256::ZERO);
    assert!(matches!(*lie.kind, LieKind::Config { .. }), "{lie}");
    let twice = derive(config, &sequencer.inbox, &[honest.clone(), honest]).unwrap_err();
    assert_eq!(*twice.kind, LieKind::Sequence { what: "number" });
}

#[test]
fn p8_p9_headers_that_the_lane_would_not_make_are_named() {
    let lie = found(|batch| batch.slots[1].unix_ms += 1);
    assert!(matches!(*lie.kind, LieKind::Time { .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].unix_ms = 5);
    assert!(!matches!(*lie.kind, LieKind::Signature { .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].available = Some(vec![A]));
    assert!(matches!(*lie.kind, LieKind::Removal { .. }), "{lie}");
    let lie = found(|batch| batch.slots[0].available = Some(vec![A, B, 903.into_network()]));
    assert!(matches!(*lie.kind, LieKind::Availability { .. }), "{lie}");
}

#[test]
fn p9_what_the_lane_refuses_is_named() {
    // The same item twice.
    let lie = found(|batch| {
        let first = batch.slots[0].plaintext[0].clone();
        batch.slots[0].plaintext.insert(1, first);
    });
    assert!(matches!(*lie.kind, LieKind::Lane(_)), "{lie}");
    let lie = found(|batch| {
        let WireItem::Transaction(leg) = &mut batch.slots[0].plaintext[0] else { panic!() };
        let mut raw = leg.raw.to_vec();
        raw.truncate(raw.len() - 1);
        leg.raw = raw.into();
    });
    assert!(matches!(*lie.kind, LieKind::Leg(_)), "{lie}");
    assert_eq!(lie.position, position(0));
}

trait IntoNetwork {
    fn into_network(self) -> weft_types::NetworkId;
}

impl IntoNetwork for u32 {
    fn into_network(self) -> weft_types::NetworkId {
        weft_types::NetworkId::new(self)
    }
}
