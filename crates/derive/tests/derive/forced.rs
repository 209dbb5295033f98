//! Inbox-only batches: what follows from entries alone is what an honest sequencer would have made of them.

use crate::{
    honest::forced,
    sequencer::{A, B, Draft, Sequencer},
};
use alloy_primitives::B256;
use weft_batch::SignedBatch;
use weft_derive::{Derivation, Derived, ForcedBatch, InboxEntry, Lie, LieKind, Recover};
use weft_types::{NetworkId, SlotNumber};

type Blocks = Vec<(NetworkId, u64, B256)>;

const HASH: B256 = B256::repeat_byte(0xf0);

/// A realm after one batch of one slot, and entries that wait: two that can run, and one with a gap before its nonce.
fn silent() -> (Sequencer, SignedBatch, Vec<InboxEntry>) {
    let mut sequencer = Sequencer::new();
    sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    sequencer.close();
    let (batch, now) = (sequencer.batch(), sequencer.now_ms());
    let drafts = [Draft::pay(A, 4, 0, 7), Draft::pay(B, 4, 0, 8), Draft::pay(A, 3, 9, 1)];
    let entry = |(index, draft): (u32, &Draft)| forced(draft, now, index);
    let inbox = (0..).zip(&drafts).map(entry).collect();
    (sequencer, batch, inbox)
}

fn after(sequencer: &Sequencer, batch: &SignedBatch, inbox: &[InboxEntry]) -> Derivation {
    let mut derivation = Derivation::new(sequencer.config.clone()).unwrap();
    derivation.apply(batch, inbox, &mut Recover, &mut |_| {}).unwrap();
    derivation
}

fn apply(
    derivation: &mut Derivation,
    forced: &ForcedBatch,
    inbox: &[InboxEntry],
) -> Result<(Derived, Blocks), Lie> {
    let mut blocks = Vec::new();
    let derived = derivation.apply_forced(forced, inbox, &mut |block| {
        blocks.push((block.network, block.header.number, block.hash));
    })?;
    Ok((derived, blocks))
}

#[test]
fn p46_an_inbox_only_batch_leads_where_an_honest_one_would() {
    let (mut sequencer, batch, inbox) = silent();
    sequencer.inbox.clone_from(&inbox);
    let before = sequencer.blocks.len();
    sequencer.take_inbox(3);
    sequencer.close();
    let honest = sequencer.batch();
    let slot = &honest.batch.slots[0];
    assert_eq!((honest.batch.slots.len(), slot.removals.len()), (1, 1));
    let forced = ForcedBatch {
        number: 2,
        slot: honest.batch.first,
        inbox_cursor: 3,
        unix_ms: slot.unix_ms,
        hash: HASH,
    };
    let mut derivation = after(&sequencer, &batch, &inbox);
    let (derived, blocks) = apply(&mut derivation, &forced, &inbox).unwrap();
    assert_eq!(blocks, sequencer.blocks[before..]);
    assert_eq!((derived.items, derived.removed, derived.slots), (3, 1, 1));
    assert_eq!(derivation.last(), (2, HASH));
    // L1 lets every rollup advance, also one without a new block.
    assert_eq!(derived.heads.len(), sequencer.config.rollups.len());
    // The sequencer's own batch comes too late: it names another past.
    let late = derivation.apply(&honest, &inbox, &mut Recover, &mut |_| {}).unwrap_err();
    assert!(matches!(*late.kind, LieKind::Sequence { .. }), "{late}");
}

#[test]
fn p46_one_after_the_other_and_between_no_others() {
    let (sequencer, batch, inbox) = silent();
    let mut derivation = after(&sequencer, &batch, &inbox);
    let last = batch.batch.slots[0].unix_ms;
    let step = |number, inbox_cursor, unix_ms| ForcedBatch {
        number,
        slot: SlotNumber::new(batch.batch.last().get() + number - 1),
        inbox_cursor,
        unix_ms,
        hash: B256::repeat_byte(number as u8),
    };
    // L1's clock may be behind the slots that were: time does not run back.
    let (first, blocks) = apply(&mut derivation, &step(2, 1, last - 5_000), &inbox).unwrap();
    assert_eq!((first.items, blocks.len()), (1, 1));
    let (second, _) = apply(&mut derivation, &step(3, 3, last + 3_600_000), &inbox).unwrap();
    assert_eq!((second.items, second.removed), (2, 1));
    assert_eq!(derivation.last(), (3, B256::repeat_byte(3)));
}

#[test]
fn p46_what_does_not_follow_is_named() {
    let (sequencer, batch, inbox) = silent();
    let good = ForcedBatch {
        number: 2,
        slot: batch.batch.last().next(),
        inbox_cursor: 2,
        unix_ms: sequencer.now_ms(),
        hash: HASH,
    };
    let refused = |forced: ForcedBatch, inbox: &[InboxEntry]| {
        apply(&mut after(&sequencer, &batch, inbox), &forced, inbox).unwrap_err().kind
    };
    let number = refused(ForcedBatch { number: 3, ..good }, &inbox);
    assert!(matches!(*number, LieKind::Sequence { what: "number" }), "{number:?}");
    let slot = refused(ForcedBatch { slot: good.slot.next(), ..good }, &inbox);
    assert!(matches!(*slot, LieKind::Sequence { what: "first slot" }), "{slot:?}");
    let missing = refused(ForcedBatch { inbox_cursor: 4, ..good }, &inbox);
    assert!(matches!(*missing, LieKind::NoEntry { entry: 3 }), "{missing:?}");
    let mut derivation = after(&sequencer, &batch, &inbox);
    apply(&mut derivation, &good, &inbox).unwrap();
    let back = ForcedBatch { number: 3, slot: good.slot.next(), inbox_cursor: 1, ..good };
    let back = apply(&mut derivation, &back, &inbox).unwrap_err().kind;
    assert!(matches!(*back, LieKind::Cursor { claimed: 1, derived: 2 }), "{back:?}");
}
