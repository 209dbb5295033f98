//! Sealed items: what they held is derived, and false verdicts are named.

use crate::sequencer::{A, B, Draft, EPOCH, PAYER, Sequencer, address, config, derive, sign};
use alloy_primitives::{Bytes, FixedBytes};
use weft_batch::{Batch, Opened, SignedBatch, WireLeg};
use weft_crypto::DelayScheme as _;
use weft_derive::{Lie, LieKind};
use weft_types::RemovalCause;

/// Seals a transfer, a failing one, a word that is no item, and bytes that are no ciphertext; the epoch is opened in the
/// slot after its last.
fn history() -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::with(config(true));
    sequencer.announce(2, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    let plaintexts: [Vec<u8>; 3] = [
        WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext(),
        WireLeg::of(&Draft::failing(B, 5, 0).leg()).plaintext(),
        b"no item".to_vec(),
    ];
    for (salt, plaintext) in (0..).zip(&plaintexts) {
        let envelope = sequencer.seal(plaintext, salt);
        sequencer.order(envelope);
    }
    let mut torn = sequencer.seal(&plaintexts[0], 9);
    torn.body[3] ^= 1;
    sequencer.order(torn);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(2);
    sequencer.submit(&Draft::pay(A, 0, 1, 1).item());
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

/// Number of the slot, from 0, in which the epoch runs.
const RUNS: usize = 2 * EPOCH as usize;
/// Number of the slot, from 0, in which its items are ordered.
const ORDERED: usize = EPOCH as usize;

fn found(change: impl FnOnce(&mut Batch)) -> Lie {
    let (sequencer, honest) = history();
    let mut batch = honest.batch;
    change(&mut batch);
    derive(&sequencer.config, &[], &[sign(batch)]).unwrap_err()
}

fn opened(batch: &mut Batch, index: usize) -> &mut Opened {
    &mut batch.slots[RUNS].opening.as_mut().unwrap().items[index]
}

#[test]
fn p40_sealed_items_follow_from_seeds_and_plaintexts() {
    let (sequencer, batch) = history();
    let causes: Vec<_> = batch.batch.slots[RUNS].removals.iter().map(|r| r.cause).collect();
    let expected = [RemovalCause::Failed, RemovalCause::Malformed, RemovalCause::Undecryptable];
    assert_eq!(causes, expected);
    let (blocks, _) = derive(&sequencer.config, &[], &[batch]).unwrap();
    assert_eq!(blocks, sequencer.blocks);
}

#[test]
fn p17_late_items_are_removed_and_false_lateness_is_named() {
    let mut sequencer = Sequencer::with(config(true));
    let close_at_ms = sequencer.now_ms() + 5_000;
    sequencer.announce(2, close_at_ms);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    let plaintext = WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext();
    let envelope = sequencer.seal(&plaintext, 0);
    sequencer.order(envelope);
    (1..EPOCH).for_each(|_| sequencer.close());
    sequencer.close_after(6_000);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    sequencer.close();
    let batch = sequencer.batch();
    assert!(batch.batch.slots[RUNS - 1].is_late);
    assert_eq!(batch.batch.slots[RUNS].removals[0].cause, RemovalCause::Late);
    let (blocks, _) = derive(&sequencer.config, &[], std::slice::from_ref(&batch)).unwrap();
    assert_eq!(blocks, sequencer.blocks);

    // The clock is the sequencer's, but not beyond what the next header says.
    let mut hidden = batch.batch.clone();
    hidden.slots[RUNS - 1].is_late = false;
    let lie = derive(&sequencer.config, &[], &[sign(hidden)]).unwrap_err();
    assert!(!matches!(*lie.kind, LieKind::Signature { .. }), "{lie}");
    let (sequencer, honest) = history();
    let mut false_late = honest.batch;
    false_late.slots[RUNS - 1].is_late = true;
    let lie = derive(&sequencer.config, &[], &[sign(false_late)]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Time { .. } | LieKind::Epoch { .. }), "{lie}");
    let mut nowhere = batch.batch;
    nowhere.slots[0].is_late = true;
    let lie = derive(&config(true), &[], &[sign(nowhere)]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Epoch { .. }), "{lie}");
}

#[test]
fn p11_false_openings_are_named() {
    // Another transaction in the place of the one that was sealed.
    let lie = found(|batch| {
        let Opened::Transaction { leg, .. } = opened(batch, 0) else { panic!() };
        *leg = WireLeg::of(&Draft::pay(A, 5, 0, 8).leg());
    });
    assert!(matches!(*lie.kind, LieKind::Envelope { .. }), "{lie}");
    assert_eq!(lie.position.unwrap().index, 0);
    let lie = found(|batch| {
        let Opened::Transaction { seed, .. } = opened(batch, 0) else { panic!() };
        seed.0[0] ^= 1;
    });
    assert!(matches!(*lie.kind, LieKind::Envelope { .. }), "{lie}");
    // Two openings in each other's place.
    let lie = found(|batch| {
        batch.slots[RUNS].opening.as_mut().unwrap().items.swap(0, 1);
    });
    assert!(matches!(*lie.kind, LieKind::Envelope { .. }), "{lie}");
    // One too few.
    let lie = found(|batch| {
        batch.slots[RUNS].opening.as_mut().unwrap().items.pop();
    });
    assert!(matches!(*lie.kind, LieKind::Epoch { epoch: 2, .. }), "{lie}");
    let lie = found(|batch| batch.slots[RUNS].opening.as_mut().unwrap().secret.0[9] ^= 1);
    assert_eq!(*lie.kind, LieKind::Secret { epoch: 2 });
}

#[test]
fn p11_a_false_undecryptable_or_malformed_is_named() {
    // The right ciphertext of a transaction, said to open to nothing.
    let (sequencer, honest) = history();
    let plaintext = WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext();
    let envelope = {
        let mut again = Sequencer::with(config(true));
        again.announce(2, u64::MAX);
        (0..EPOCH).for_each(|_| again.close());
        again.seal(&plaintext, 0)
    };
    let mut batch = honest.batch.clone();
    *opened(&mut batch, 0) = Opened::Undecryptable {
        head: FixedBytes::from_slice(&envelope.head),
        masked_seed: envelope.masked_seed,
        body: envelope.body.clone().into(),
    };
    let lie = derive(&sequencer.config, &[], &[sign(batch)]).unwrap_err();
    assert_eq!(*lie.kind, LieKind::Verdict { claimed: "undecryptable" });
    assert_eq!(lie.position.unwrap().index, 0);

    let mut batch = honest.batch;
    let Opened::Transaction { seed, .. } = opened(&mut batch, 0).clone() else { panic!() };
    let setup = weft_crypto::Setup::decode(&sequencer.config.sealing.as_ref().unwrap().setup);
    let list = &batch.slots[0].keys[0].list;
    let list = weft_crypto::KeyList::decode(&setup.unwrap(), &sequencer.config.domain, list);
    let scheme = weft_crypto::EpochKeyScheme::new(&list.unwrap());
    let padded = scheme.reseal(&envelope, &seed).unwrap().1.to_vec();
    *opened(&mut batch, 0) = Opened::Malformed { seed, padded: Bytes::from(padded) };
    let lie = derive(&sequencer.config, &[], &[sign(batch)]).unwrap_err();
    assert_eq!(*lie.kind, LieKind::Verdict { claimed: "malformed" });
}

#[test]
fn p13_what_carries_an_envelope_is_bound_and_reserved() {
    // Another payer than the envelope's: the lane reserves, and the opening shows it.
    let lie = found(|batch| batch.slots[ORDERED].sealed[0].carriage.payer = address(1));
    assert!(matches!(*lie.kind, LieKind::Lane(_)), "no deposit: {lie}");
    let lie = found(|batch| {
        let carriage = &mut batch.slots[ORDERED].sealed[0].carriage;
        carriage.max_fee_wei -= 1;
        assert_eq!(carriage.payer, address(PAYER));
    });
    assert!(matches!(*lie.kind, LieKind::Envelope { .. }), "{lie}");
    // An envelope that the sequencer made up, or a signature of somebody else's.
    let lie = found(|batch| {
        let [first, second, ..] = &mut batch.slots[ORDERED].sealed[..] else { panic!() };
        first.signature = second.signature;
    });
    let LieKind::Payer { payer, .. } = *lie.kind else { panic!("{lie}") };
    assert_eq!(payer, address(PAYER));
    let lie = found(|batch| batch.slots[ORDERED].sealed[0].carriage.epoch = 3);
    assert!(matches!(*lie.kind, LieKind::Epoch { .. } | LieKind::Lane(_)), "{lie}");
    let lie = found(|batch| {
        let mut list = batch.slots[0].keys[0].list.to_vec();
        list[100] ^= 1;
        batch.slots[0].keys[0].list = list.into();
    });
    assert!(matches!(*lie.kind, LieKind::KeyList(_)), "{lie}");
    let lie = found(|batch| batch.slots[ORDERED].sealed.swap(0, 1));
    assert!(matches!(*lie.kind, LieKind::Order { .. }), "{lie}");
}

/// Seals five large plaintexts, so that the epoch runs in two slots, and a transaction in the last one.
fn long_history() -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::with(config(true));
    sequencer.announce(2, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    for salt in 0..5 {
        let large = vec![salt as u8; 130_000];
        sequencer.order(sequencer.seal(&large, salt));
    }
    let plaintext = WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext();
    sequencer.order(sequencer.seal(&plaintext, 9));
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(2);
    sequencer.close_after(0);
    sequencer.submit(&Draft::pay(A, 0, 0, 1).item());
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

#[test]
fn p2_an_epoch_that_is_too_much_for_one_slot_goes_on_in_the_next() {
    let (sequencer, batch) = long_history();
    let opened = |slot: usize| batch.batch.slots[slot].opening.as_ref().unwrap().items.len();
    assert_eq!((opened(RUNS), opened(RUNS + 1)), (4, 2));
    // Each of both slots fits the blobs of one transaction, whatever it holds.
    for slot in &batch.batch.slots[RUNS..] {
        let batch = Batch { slots: vec![slot.clone()], ..batch.batch.clone() };
        assert!(batch.encode().len() < 780_000);
    }
    let (blocks, derived) = derive(&sequencer.config, &[], std::slice::from_ref(&batch)).unwrap();
    assert_eq!(blocks, sequencer.blocks);
    assert_eq!((derived[0].items, derived[0].removed), (8, 5));

    let lie = |change: &dyn Fn(&mut Batch)| {
        let mut batch = batch.batch.clone();
        change(&mut batch);
        *derive(&sequencer.config, &[], &[sign(batch)]).unwrap_err().kind
    };
    // The rest is left out, belongs to another epoch, or comes under another secret.
    let why = "does not go on";
    assert_eq!(
        lie(&|batch| batch.slots[RUNS + 1].opening = None),
        LieKind::Epoch { epoch: 2, why }
    );
    let found = lie(&|batch| batch.slots[RUNS + 1].opening.as_mut().unwrap().epoch = 3);
    assert!(matches!(found, LieKind::Epoch { epoch: 3, .. }), "{found}");
    let found = lie(&|batch| batch.slots[RUNS + 1].opening.as_mut().unwrap().secret.0[9] ^= 1);
    assert_eq!(found, LieKind::Secret { epoch: 2 });
    // Plaintext between the parts of what can be read.
    let found = lie(&|batch| {
        let plaintext = batch.slots[RUNS + 1].plaintext.clone();
        batch.slots[RUNS].plaintext = plaintext;
    });
    let opening = weft_lane::SealedRejection::Opening { epoch: 2 };
    assert_eq!(found, LieKind::Lane(opening.into()));
    // All of it at once, and an opening when there is nothing left.
    let found = lie(&|batch| {
        let rest = batch.slots[RUNS + 1].opening.take().unwrap();
        batch.slots[RUNS].opening.as_mut().unwrap().items.extend(rest.items);
    });
    assert!(matches!(found, LieKind::Epoch { epoch: 2, .. }), "{found}");
}
