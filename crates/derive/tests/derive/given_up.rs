//! What L1 does without the sequencer gives up what is sealed and not opened (ADR 0061): it has no turn, costs nobody anything, and
//! cannot come back.

use crate::{
    exits::exit,
    honest::forced,
    sequencer::{A, Draft, EPOCH, PAYER, Sequencer, address, config, sign},
};
use alloy_primitives::{B256, U256};
use revm::DatabaseRef as _;
use weft_batch::{EpochOpening, SignedBatch, WireLeg};
use weft_contracts::fee_vault_slot;
use weft_derive::{Derivation, ForcedBatch, InboxEntry, Lie, LieKind, Recover};
use weft_types::{FEE_VAULT, NetworkId};

const HASH: B256 = B256::repeat_byte(0xf0);

/// How far an epoch is when nobody is there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It takes items.
    Open,
    /// It waits for its secret.
    Closed,
    /// It closed too late: its items would be removed in the next slot.
    Late,
    /// A part of it ran.
    Half,
}

const STAGES: [Stage; 4] = [Stage::Open, Stage::Closed, Stage::Late, Stage::Half];

type Blocks = Vec<(NetworkId, u64, B256)>;

fn order(sequencer: &mut Sequencer, salt: u64) {
    let plaintext = WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext();
    sequencer.order(sequencer.seal(&plaintext, salt));
}

/// A batch that ends while an epoch with items is as far as that.
fn sealed(stage: Stage) -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::with(config(true));
    let late = sequencer.now_ms() + 5_000;
    sequencer.announce(2, if stage == Stage::Late { late } else { u64::MAX });
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    // Four of these fit one slot.
    for salt in 0..(if stage == Stage::Half { 5 } else { 0 }) {
        sequencer.order(sequencer.seal(&vec![salt as u8; 130_000], salt));
    }
    order(&mut sequencer, 9);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    let slots = if stage == Stage::Open { 1 } else { EPOCH };
    (1..slots).for_each(|_| sequencer.close());
    sequencer.close_after(if stage == Stage::Late { 6_000 } else { 200 });
    if stage == Stage::Half {
        sequencer.reveal(2);
        sequencer.close_after(0);
    }
    let batch = sequencer.batch();
    (sequencer, batch)
}

fn derived(sequencer: &Sequencer, batch: &SignedBatch, inbox: &[InboxEntry]) -> Derivation {
    let mut derivation = Derivation::new(sequencer.config.clone()).unwrap();
    derivation.apply(batch, inbox, &mut Recover, &mut |_| {}).unwrap();
    derivation
}

fn go_on(
    derivation: &mut Derivation,
    batch: &SignedBatch,
    inbox: &[InboxEntry],
) -> Result<Blocks, Lie> {
    let mut blocks = Blocks::new();
    derivation.apply(batch, inbox, &mut Recover, &mut |block| {
        blocks.push((block.network, block.header.number, block.hash));
    })?;
    Ok(blocks)
}

/// What the payer has in the vault.
fn deposit(derivation: &Derivation) -> U256 {
    let state = derivation.realm().state(A).unwrap();
    let Ok(word) = state.storage_ref(FEE_VAULT, fee_vault_slot(address(PAYER)));
    word & U256::from(u128::MAX)
}

fn entry(unix_ms: u64) -> InboxEntry {
    forced(&Draft::pay(A, 4, 0, 7), unix_ms, 0)
}

#[test]
fn p46_an_inbox_only_batch_gives_up_what_is_sealed_however_far_it_is() {
    for stage in STAGES {
        let (sequencer, batch) = sealed(stage);
        let inbox = [entry(sequencer.now_ms())];
        let mut derivation = derived(&sequencer, &batch, &inbox);
        let before = deposit(&derivation);
        let batch = &batch.batch;
        let (number, slot) = (2, batch.last().next());
        let unix_ms = batch.slots.last().unwrap().unix_ms + 10_000;
        let forced = ForcedBatch { number, slot, inbox_cursor: 1, unix_ms, hash: HASH };
        let derived = derivation.apply_forced(&forced, &inbox, &mut |_| {}).unwrap();
        // The entry ran, and nothing else had its turn or was charged.
        assert_eq!((derived.items, derived.removed), (1, 0), "{stage:?}");
        assert_eq!(deposit(&derivation), before, "{stage:?}");
    }
}

#[test]
fn p46_what_was_given_up_is_the_same_for_who_goes_on() {
    // An epoch that takes items goes on with others, and with the same one again.
    let (mut sequencer, batch) = sealed(Stage::Open);
    assert!(sequencer.reserved() > 0);
    sequencer.inbox = vec![entry(sequencer.now_ms())];
    let inbox = sequencer.inbox.clone();
    let mut derivation = derived(&sequencer, &batch, &inbox);
    let before = sequencer.blocks.len();
    let forced = sequencer.pass_forced(1, HASH);
    assert_eq!(sequencer.reserved(), 0);
    let mut blocks = Blocks::new();
    let mut note = |block: &weft_evm::ClosedBlock| {
        blocks.push((block.network, block.header.number, block.hash));
    };
    derivation.apply_forced(&forced, &inbox, &mut note).unwrap();
    assert_eq!(blocks, sequencer.blocks[before..]);
    let before = sequencer.blocks.len();
    order(&mut sequencer, 9);
    order(&mut sequencer, 10);
    (2..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(2);
    sequencer.close();
    let batch = sequencer.batch();
    let opened = batch.batch.slots.iter().find_map(|slot| slot.opening.as_ref()).unwrap();
    assert_eq!(opened.items.len(), 2, "what was given up is not among them");
    assert_eq!(go_on(&mut derivation, &batch, &inbox).unwrap(), sequencer.blocks[before..]);
}

/// What opens the epoch, as who did not lose it has it.
fn opening() -> EpochOpening {
    let (mut sequencer, _) = sealed(Stage::Closed);
    sequencer.reveal(2);
    sequencer.close();
    sequencer.batch().batch.slots[0].opening.clone().unwrap()
}

#[test]
fn p46_what_was_given_up_does_not_come_back() {
    let (mut sequencer, batch) = sealed(Stage::Closed);
    sequencer.inbox = vec![entry(sequencer.now_ms())];
    let inbox = sequencer.inbox.clone();
    let mut derivation = derived(&sequencer, &batch, &inbox);
    let forced = sequencer.pass_forced(1, HASH);
    derivation.apply_forced(&forced, &inbox, &mut |_| {}).unwrap();
    sequencer.close();
    let mut batch = sequencer.batch().batch;
    batch.slots[0].opening = Some(opening());
    let lie = go_on(&mut derivation, &sign(batch), &inbox).unwrap_err();
    assert_eq!(*lie.kind, LieKind::Epoch { epoch: 2, why: "does not wait" });
}

#[test]
fn p46_a_batch_behind_exits_gives_up_what_is_sealed() {
    let (mut sequencer, batch) = sealed(Stage::Closed);
    sequencer.inbox = vec![exit(A, 6, sequencer.now_ms(), 0)];
    let inbox = sequencer.inbox.clone();
    let mut derivation = derived(&sequencer, &batch, &inbox);
    let before = sequencer.blocks.len();
    sequencer.give_up();
    sequencer.take_exits();
    sequencer.close();
    let good = sequencer.batch();
    assert_eq!(go_on(&mut derivation.fork(), &good, &inbox).unwrap(), sequencer.blocks[before..]);
    // Who opens it behind the exits has not given it up.
    let mut kept = good.batch;
    let mut next = kept.slots[0].clone();
    next = weft_batch::Slot {
        unix_ms: next.unix_ms + 200,
        opening: Some(opening()),
        ..Default::default()
    };
    kept.slots.push(next);
    let lie = go_on(&mut derivation, &sign(kept), &inbox).unwrap_err();
    assert_eq!(*lie.kind, LieKind::Epoch { epoch: 2, why: "does not wait" });
}
