//! T1: who has read an epoch cannot let an item of it vanish by saying that its rollup stopped.

use crate::sequencer::{A, B, Draft, EPOCH, Sequencer, config, derive, sign};
use weft_batch::{SignedBatch, WireLeg};
use weft_derive::{Lie, LieKind};
use weft_lane::{Input, SealedRejection};
use weft_types::{Halt, NetworkId, Outcome, Position, RemovalCause, Section, SlotNumber};

/// Number of the slot in which the epoch runs, or its first part.
const RUNS: u64 = 2 * EPOCH + 1;

/// A sequencer in the first slot of an epoch in which a payment on `A` and one on `B` are sealed, behind `large` plaintexts
/// of which four fill a slot.
fn sealed(large: u8) -> Sequencer {
    let mut sequencer = Sequencer::with(config(true));
    sequencer.announce(2, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    for salt in 0..large {
        sequencer.order(sequencer.seal(&vec![salt; 130_000], salt.into()));
    }
    for (salt, network) in [(100, A), (101, B)] {
        let plaintext = WireLeg::of(&Draft::pay(network, 5, 0, 9).leg()).plaintext();
        sequencer.order(sequencer.seal(&plaintext, salt));
    }
    sequencer
}

fn closed(large: u8) -> Sequencer {
    let mut sequencer = sealed(large);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer
}

/// Opens the epoch, with a halt of `B` where the sequencer says.
fn vetoed(large: u8, section: Section, index: u32) -> Sequencer {
    let mut sequencer = closed(large);
    sequencer.veto = Some(Halt { section, index, network: B });
    sequencer.reveal(2);
    sequencer
}

fn batch(mut sequencer: Sequencer) -> (Sequencer, SignedBatch) {
    sequencer.close_after(0);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

fn causes(batch: &SignedBatch, slot: u64) -> Vec<RemovalCause> {
    batch.batch.slots[slot as usize - 1].removals.iter().map(|removal| removal.cause).collect()
}

fn named(sequencer: Sequencer) -> Lie {
    let (sequencer, batch) = batch(sequencer);
    derive(&sequencer.config, &[], &[batch]).unwrap_err()
}

fn readable(network: NetworkId) -> LieKind {
    LieKind::Lane(SealedRejection::Readable { network, epoch: 2 }.into())
}

fn at(slot: u64, section: Section, index: u32) -> Option<Position> {
    Some(Position { slot: SlotNumber::new(slot), section, index })
}

#[test]
fn t1_a_halt_before_an_opened_item_is_named() {
    let (_, vetoing) = batch(vetoed(0, Section::Opened, 1));
    assert_eq!(causes(&vetoing, RUNS), [RemovalCause::Unavailable], "that is what it is for");
    let lie = named(vetoed(0, Section::Opened, 1));
    assert_eq!((*lie.kind, lie.network), (readable(B), Some(B)));
    assert_eq!(lie.position, at(RUNS, Section::Opened, 1));
}

#[test]
fn t1_a_halt_before_anything_of_the_slot_that_opens_is_named() {
    for (section, index) in [(Section::L1Born, 0), (Section::Opened, 0)] {
        let lie = named(vetoed(0, section, index));
        assert_eq!((*lie.kind, lie.position), (readable(B), at(RUNS, section, index)));
    }
}

#[test]
fn t1_a_halt_between_the_parts_of_an_epoch_is_named() {
    // The payments run in the second slot; who halts in the first one read them, too.
    let mut sequencer = closed(5);
    sequencer.reveal(2);
    sequencer.lie_of_halt(B);
    let lie = named(sequencer);
    assert_eq!((*lie.kind, lie.position), (readable(B), at(RUNS, Section::Plaintext, 0)));

    let mut sequencer = closed(5);
    sequencer.reveal(2);
    sequencer.veto = Some(Halt { section: Section::Opened, index: 2, network: B });
    let lie = named(sequencer);
    assert_eq!((*lie.kind, lie.position), (readable(B), at(RUNS + 1, Section::Opened, 2)));
}

#[test]
fn t1_a_halt_while_a_closed_epoch_waits_is_named() {
    let mut sequencer = closed(0);
    sequencer.lie_of_halt(B);
    let unavailable = sequencer.submit(&Draft::pay(B, 0, 0, 1).item());
    assert!(matches!(unavailable, Outcome::Removed(_)));
    let lie = named(sequencer);
    assert_eq!((*lie.kind, lie.position), (readable(B), at(RUNS, Section::Plaintext, 0)));
}

#[test]
fn p8_a_halt_before_the_close_or_behind_what_was_opened_is_none() {
    let mut sequencer = sealed(0);
    sequencer.halt(B);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(2);
    sequencer.close_after(0);
    sequencer.halt(A);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    sequencer.close();
    let batch = sequencer.batch();
    // Its user could know, and pays.
    assert_eq!(causes(&batch, RUNS), [RemovalCause::Invalid]);
    assert_eq!(causes(&batch, RUNS + 1), [RemovalCause::Unavailable]);
    let (blocks, _) = derive(&sequencer.config, &[], &[batch]).unwrap();
    assert_eq!(blocks, sequencer.blocks);
}

/// Leaves `B` out of the last header of the epoch, and lists it again in the slot after so many, or not; opens the epoch
/// `waits` slots behind its close.
fn left_out(back: Option<u64>, waits: u64) -> Sequencer {
    let mut sequencer = sealed(0);
    sequencer.step(Input::SetAvailable { network: B, available: false });
    for slots in 1..=EPOCH + waits {
        if back == Some(slots) {
            sequencer.step(Input::SetAvailable { network: B, available: true });
        }
        sequencer.close();
    }
    sequencer.reveal(2);
    sequencer
}

#[test]
fn t1_who_was_left_out_of_the_last_header_is_away_whenever_it_comes_back() {
    for (back, waits) in [(None, 0), (Some(EPOCH), 0), (None, 2), (Some(EPOCH + 1), 2)] {
        let (sequencer, batch) = batch(left_out(back, waits));
        assert_eq!(causes(&batch, RUNS + waits), [RemovalCause::Invalid], "{back:?} {waits}");
        let (blocks, _) = derive(&sequencer.config, &[], &[batch]).unwrap();
        assert_eq!(blocks, sequencer.blocks);
    }
}

#[test]
fn t1_an_item_that_runs_where_its_rollup_was_left_out_is_named() {
    let mut sequencer = sealed(0);
    sequencer.step(Input::SetAvailable { network: B, available: false });
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.step(Input::SetAvailable { network: B, available: true });
    sequencer.close();
    sequencer.forged = Some(vec![A, B]);
    sequencer.reveal(2);
    let (sequencer, batch) = batch(sequencer);
    assert_eq!(causes(&batch, RUNS + 1), [], "that is what it is for");
    let lie = derive(&sequencer.config, &[], &[batch]).unwrap_err();
    assert_eq!((lie.position, lie.network), (at(RUNS + 1, Section::Opened, 1), Some(B)));
    let reason = "the rollup was not available when the epoch closed".to_owned();
    let derived = Some(RemovalCause::Invalid);
    assert_eq!(*lie.kind, LieKind::Removal { claimed: None, derived, reason });
}

#[test]
fn t1_an_item_that_does_not_run_where_its_rollup_was_listed_is_named() {
    let mut sequencer = closed(0);
    sequencer.forged = Some(vec![A]);
    sequencer.reveal(2);
    let lie = named(sequencer);
    assert_eq!(lie.position, at(RUNS, Section::Opened, 1));
    let (claimed, reason) = (Some(RemovalCause::Invalid), String::new());
    assert_eq!(*lie.kind, LieKind::Removal { claimed, derived: None, reason });
}

#[test]
fn t1_who_was_left_out_of_the_last_header_is_away_for_every_part() {
    let mut sequencer = sealed(5);
    sequencer.step(Input::SetAvailable { network: B, available: false });
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.step(Input::SetAvailable { network: B, available: true });
    sequencer.close();
    sequencer.reveal(2);
    let (sequencer, batch) = batch(sequencer);
    let malformed = [RemovalCause::Malformed; 4];
    assert_eq!(causes(&batch, RUNS + 1), malformed);
    assert_eq!(causes(&batch, RUNS + 2), [RemovalCause::Malformed, RemovalCause::Invalid]);
    let (blocks, _) = derive(&sequencer.config, &[], &[batch]).unwrap();
    assert_eq!(blocks, sequencer.blocks);
}

/// The record names a halt at its place, even where another one would do the same.
#[test]
fn t1_a_batch_whose_halts_are_others_than_its_record_names_is_named() {
    let mut sequencer = sealed(0);
    sequencer.halt(B);
    let (sequencer, honest) = batch(sequencer);
    let slot = EPOCH as usize;
    let [halt] = honest.batch.slots[slot].halts[..] else { panic!("one rollup stopped") };
    derive(&sequencer.config, &[], std::slice::from_ref(&honest)).unwrap();
    for halts in [vec![], vec![Halt { section: Section::L1Born, ..halt }]] {
        let mut other = honest.batch.clone();
        other.slots[slot].halts = halts;
        let lie = derive(&sequencer.config, &[], &[sign(other)]).unwrap_err();
        assert!(matches!(*lie.kind, LieKind::Order { .. }), "{lie}");
        assert_eq!(lie.slot, Some(SlotNumber::new(EPOCH + 1)));
    }
}
