//! What an honest sequencer did is derived again, block for block.

use crate::sequencer::{A, B, Draft, Sequencer, bundle, config, derive};
use alloy_primitives::{Address, B256, Bytes, U256};
use weft_batch::{RealmConfig, RollupGenesis};
use weft_derive::InboxEntry;
use weft_types::{
    Decode as _, Deposit, Encode as _, Exit, Item, L1Born, L1Event, L1Ref, NetworkId, Outcome,
    RemovalCause, Writer,
};

/// A forced transaction of the inbox.
pub(crate) fn forced(draft: &Draft, unix_ms: u64, log_index: u32) -> InboxEntry {
    let origin = L1Ref { block_hash: B256::repeat_byte(1), log_index };
    InboxEntry { unix_ms, item: L1Born { origin, event: L1Event::Forced(draft.leg()) } }
}

#[track_caller]
fn same(sequencer: &Sequencer, batches: &[weft_batch::SignedBatch]) {
    let (blocks, _) = derive(&sequencer.config, &sequencer.inbox, batches).unwrap();
    assert_eq!(blocks, sequencer.blocks);
    assert!(!blocks.is_empty());
}

#[test]
fn p41_blocks_of_all_rollups_follow_from_batches() {
    let mut sequencer = Sequencer::new();
    let mut batches = Vec::new();
    for nonce in 0..6 {
        for network in [A, B] {
            sequencer.submit(&Draft::pay(network, 0, nonce, 5).item());
        }
        sequencer.submit(&Item::Bundle(bundle(&[
            Draft::pay(A, 1, nonce, 1),
            Draft::pay(B, 1, nonce, 2),
        ])));
        sequencer.close();
        // Empty slots, one of which is old enough for blocks without transactions.
        sequencer.close_after(if nonce == 3 { 13_000 } else { 450 });
        if nonce % 2 == 1 {
            batches.push(sequencer.batch());
        }
    }
    same(&sequencer, &batches);
    let (_, derived) = derive(&sequencer.config, &[], &batches).unwrap();
    assert_eq!(derived.iter().map(|derived| derived.items).sum::<u64>(), 18);
    assert_eq!(derived.iter().map(|derived| derived.slots).sum::<u64>(), 12);
}

#[test]
fn p4_removals_are_derived_and_what_died_stays_dead() {
    let mut sequencer = Sequencer::new();
    let failing = bundle(&[Draft::pay(A, 1, 0, 1), Draft::failing(B, 1, 0)]);
    let outcome = sequencer.submit(&Item::Bundle(failing));
    assert!(matches!(outcome, Outcome::Removed(removal) if removal.is_failed()));
    // A gap, twice in one slot: what was removed for it may come again.
    for _ in 0..2 {
        let outcome = sequencer.submit(&Draft::pay(A, 2, 5, 1).item());
        assert!(
            matches!(outcome, Outcome::Removed(removal) if removal.cause == RemovalCause::Invalid)
        );
    }
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(batch.batch.slots[0].removals.len(), 3);
    let (_, derived) = derive(&sequencer.config, &[], std::slice::from_ref(&batch)).unwrap();
    assert_eq!(derived[0].removed, 3);
    same(&sequencer, &[batch]);
}

#[test]
fn p8_a_halt_removes_what_comes_after_it() {
    let mut sequencer = Sequencer::new();
    assert_eq!(sequencer.submit(&Draft::pay(B, 0, 0, 1).item()), Outcome::Included);
    sequencer.halt(B);
    let outcome = sequencer.submit(&Draft::pay(B, 0, 1, 1).item());
    assert!(
        matches!(outcome, Outcome::Removed(removal) if removal.cause == RemovalCause::Unavailable)
    );
    sequencer.close();
    assert_eq!(sequencer.submit(&Draft::pay(A, 0, 0, 1).item()), Outcome::Included);
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(batch.batch.slots[1].available, Some(vec![A]));
    same(&sequencer, &[batch]);
}

#[test]
fn p46_inbox_entries_are_inserted_by_derivation() {
    let mut sequencer = Sequencer::new();
    let now = sequencer.now_ms();
    sequencer.inbox =
        (0..3).map(|nonce| forced(&Draft::pay(A, 4, nonce, 1), now, nonce as u32)).collect();
    sequencer.take_inbox(2);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    sequencer.close();
    sequencer.take_inbox(1);
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(batch.batch.inbox_cursor, 3);
    assert!(batch.batch.legs().count() == 1, "entries are on L1 and nowhere else");
    same(&sequencer, &[batch]);
}

#[test]
fn a_configuration_is_read_back_and_no_part_of_one_is() {
    for config in [config(false), config(true)] {
        let bytes = config.encode();
        assert_eq!(RealmConfig::decode(&bytes), Ok(config.clone()));
        for end in 0..bytes.len() {
            assert!(RealmConfig::decode(&bytes[..end]).is_err(), "{end}");
        }
        let mut other = config.clone();
        other.inbox_window_ms += 1;
        assert_ne!(other.hash(), config.hash());
        let turned: Vec<RollupGenesis> = config.rollups.iter().rev().cloned().collect();
        let turned = RealmConfig { rollups: turned, ..config };
        assert!(RealmConfig::decode(&turned.encode()).is_err());
    }
    assert_ne!(A, NetworkId::L1);
}

/// What contracts write: the encoding without a version.
fn on_l1(event: &L1Event) -> Vec<u8> {
    let mut out = Writer::default();
    event.encode_to(&mut out);
    out.finish()
}

fn entry(payload: &[u8], unix_ms: u64, log_index: u32) -> InboxEntry {
    let origin = L1Ref { block_hash: B256::repeat_byte(1), log_index };
    InboxEntry::of_payload(unix_ms, origin, payload)
}

#[test]
fn p46_every_kind_of_entry_has_its_position() {
    let mut sequencer = Sequencer::new();
    let now = sequencer.now_ms();
    let deposit = Deposit {
        network: A,
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::from(7),
        gas: 100_000,
        data: Bytes::new(),
    };
    let exit = Exit {
        network: B,
        account: Address::repeat_byte(3),
        origin_network: NetworkId::L1,
        token: Address::ZERO,
        amount: U256::from(1),
    };
    let both = bundle(&[Draft::pay(A, 1, 0, 1), Draft::pay(B, 1, 0, 2)]);
    let payloads = [
        on_l1(&L1Event::Deposit(deposit)),
        b"no event".to_vec(),
        on_l1(&L1Event::Forced(Draft::pay(A, 4, 0, 1).leg())),
        on_l1(&L1Event::ForcedBundle(both)),
        on_l1(&L1Event::Exit(exit)),
        // Nobody says of himself that he was reorged.
        on_l1(&L1Event::Reorged(B256::repeat_byte(5))),
        Vec::new(),
    ];
    let entries = (0..).zip(&payloads).map(|(index, payload)| entry(payload, now, index));
    sequencer.inbox = entries.collect();
    sequencer.take_exits();
    sequencer.take_inbox(payloads.len() - 1);
    let gone = InboxEntry::of_payload(
        now,
        L1Ref { block_hash: B256::repeat_byte(8), log_index: 0 },
        &payloads[0],
    );
    sequencer.take_reorged(&gone);
    sequencer.close();
    let batch = sequencer.batch();
    let removed = |batch: &weft_batch::SignedBatch| {
        batch.batch.slots[0].removals.iter().map(|removal| removal.cause).collect::<Vec<_>>()
    };
    use RemovalCause::{Malformed, Reorged};
    assert_eq!(removed(&batch), [Malformed, Malformed, Malformed, Reorged]);
    assert_eq!(batch.batch.inbox_cursor, 7, "what was reorged moves no cursor");
    same(&sequencer, std::slice::from_ref(&batch));
    // With the entry on L1 the claim is a lie.
    let mut inbox = sequencer.inbox.clone();
    inbox.push(gone.clone());
    let lie = derive(&sequencer.config, &inbox, &[batch]).unwrap_err();
    let origin = gone.item.origin;
    assert_eq!(*lie.kind, weft_derive::LieKind::Canonical { origin });
}

#[test]
fn void_batches_leave_a_derivation_where_it_was() {
    let mut sequencer = Sequencer::new();
    sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    sequencer.close();
    let first = sequencer.batch();
    sequencer.submit(&Draft::pay(A, 0, 1, 5).item());
    sequencer.close();
    let second = sequencer.batch();
    let mut derivation = weft_derive::Derivation::new(sequencer.config.clone()).unwrap();
    let out = &mut |_: &weft_evm::ClosedBlock| {};
    derivation.apply(&first, &[], &mut weft_derive::Recover, out).unwrap();
    let settled = derivation.fork();
    let once = derivation.apply(&second, &[], &mut weft_derive::Recover, out).unwrap();
    let mut again = settled.fork();
    assert_eq!(again.apply(&second, &[], &mut weft_derive::Recover, out), Ok(once));
    assert_eq!(settled.last(), (1, first.batch.hash(&sequencer.config.domain)));
}

/// What had two positions because it was removed at the first may be included there once L1 took back what stood before.
#[test]
fn p48_an_item_may_stand_twice_behind_what_l1_took_back_alone() {
    for is_reorged in [true, false] {
        let mut sequencer = Sequencer::new();
        let origin = L1Ref { block_hash: B256::repeat_byte(8), log_index: 0 };
        let gone = InboxEntry::of_payload(sequencer.now_ms(), origin, b"gone");
        if is_reorged {
            sequencer.take_reorged(&gone);
        }
        let item = Item::Transaction(Draft::pay(A, 1, 0, 1).leg());
        assert!(matches!(sequencer.submit(&item), Outcome::Included));
        sequencer.close();
        let hash = item.hash(&sequencer.config.domain);
        sequencer.step(weft_lane::Input::Release { item: hash });
        assert!(matches!(sequencer.submit(&item), Outcome::Removed(_)));
        sequencer.close();
        let batch = sequencer.batch();
        match is_reorged {
            true => same(&sequencer, std::slice::from_ref(&batch)),
            false => {
                let lie = derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap_err();
                let duplicate = weft_lane::Rejection::Duplicate {
                    item: hash,
                    position: weft_types::Position {
                        slot: weft_types::SlotNumber::new(1),
                        section: weft_types::Section::Plaintext,
                        index: 0,
                    },
                };
                assert_eq!(*lie.kind, weft_derive::LieKind::Lane(duplicate));
            }
        }
    }
}
