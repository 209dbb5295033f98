//! Bundles whose legs were sealed apart: collected over all slots of an epoch, and over batches that end between them (P18,
//! P40, ADR 0054).

use crate::sequencer::{A, B, Draft, EPOCH, Sequencer, address, config, derive, parted};
use alloy_primitives::keccak256;
use weft_batch::SignedBatch;
use weft_derive::{Lie, LieKind};
use weft_types::{Encode as _, Item, Part, RemovalCause};

/// Number of the epoch.
const NUMBER: u64 = 2;

/// A sequencer in the middle of its second epoch, which takes items.
fn ready() -> Sequencer {
    let mut sequencer = Sequencer::with(config(true));
    sequencer.announce(NUMBER, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer
}

fn order(sequencer: &mut Sequencer, plaintext: &[u8], salt: u64) {
    let envelope = sequencer.seal(plaintext, salt);
    sequencer.order(envelope);
}

fn order_part(sequencer: &mut Sequencer, part: &Part, salt: u64) {
    order(sequencer, &Item::Part(part.clone()).encode(), salt);
}

/// Payments of two users, on two rollups.
fn pair(salt: u8, epoch: u64) -> Vec<Part> {
    parted(salt, epoch, &[Draft::pay(A, 5, 0, 7), Draft::pay(B, 6, 0, 8)])
}

fn check(sequencer: &Sequencer, batches: &[SignedBatch]) {
    let (blocks, _) = derive(&sequencer.config, &[], batches).unwrap();
    assert_eq!(blocks, sequencer.blocks);
}

/// A bundle the parts of which run in two slots, since what stands between them is much. A batch may end between both.
fn far_apart(is_cut: bool) -> (Sequencer, Vec<SignedBatch>) {
    let mut sequencer = ready();
    let parts = pair(1, NUMBER);
    order_part(&mut sequencer, &parts[1], 0);
    (1..6).for_each(|salt| order(&mut sequencer, &vec![salt as u8; 130_000], salt));
    order_part(&mut sequencer, &parts[0], 6);
    order_part(&mut sequencer, &parts[0], 7);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(NUMBER);
    sequencer.close_after(0);
    let mut batches = Vec::new();
    if is_cut {
        batches.push(sequencer.batch());
    }
    sequencer.close();
    batches.push(sequencer.batch());
    (sequencer, batches)
}

#[test]
fn p18_parts_are_collected_over_the_slots_of_their_epoch() {
    for is_cut in [false, true] {
        let (sequencer, batches) = far_apart(is_cut);
        let opened: Vec<_> = batches
            .iter()
            .flat_map(|batch| &batch.batch.slots)
            .filter_map(|slot| slot.opening.as_ref())
            .map(|opening| opening.items.len())
            .collect();
        assert_eq!(opened, [5, 3]);
        let last = batches.last().unwrap().batch.slots.last().unwrap();
        let removed: Vec<_> = last.removals.iter().map(|it| (it.index, it.cause)).collect();
        assert_eq!(removed, [(0, RemovalCause::Malformed), (2, RemovalCause::Invalid)]);
        check(&sequencer, &batches);
        assert_eq!(sequencer.nonces([(A, address(5)), (B, address(6))]), [1, 1]);
    }
}

#[test]
fn p18_one_user_keeps_its_part_back_and_nobody_can_send_it_later() {
    let mut sequencer = ready();
    let parts = pair(1, NUMBER);
    order_part(&mut sequencer, &parts[0], 0);
    sequencer.announce(NUMBER + 1, u64::MAX);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(NUMBER);
    // Its owner has read the other's leg now, and seals both of them.
    order_part(&mut sequencer, &parts[0], 1);
    order_part(&mut sequencer, &parts[1], 2);
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(NUMBER + 1);
    sequencer.close();
    let batch = sequencer.batch();
    let removals = batch.batch.slots.iter().flat_map(|slot| &slot.removals);
    let causes: Vec<_> = removals.map(|removal| removal.cause).collect();
    assert_eq!(causes, [RemovalCause::Malformed; 2]);
    check(&sequencer, &[batch]);
    assert_eq!(sequencer.nonces([(A, address(5)), (B, address(6))]), [0, 0]);
}

#[test]
fn p18_a_sequencer_that_lets_another_epochs_parts_run_is_named() {
    let mut sequencer = ready();
    let parts = pair(1, NUMBER + 1);
    parts.iter().zip(0..).for_each(|(part, salt)| order_part(&mut sequencer, part, salt));
    (0..EPOCH).for_each(|_| sequencer.close());
    sequencer.collect_as(NUMBER, NUMBER + 1);
    sequencer.reveal(NUMBER);
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(sequencer.nonces([(A, address(5)), (B, address(6))]), [1, 1], "it ran");
    let Lie { kind, position, .. } = derive(&sequencer.config, &[], &[batch]).unwrap_err();
    assert!(matches!(*kind, LieKind::Removal { .. }), "{kind:?}");
    assert_eq!(position.unwrap().index, 0);
}

/// Draws what users seal: parts of three bundles, one of which fails, in any order and number, and other things.
fn draw(sequencer: &mut Sequencer, seed: u64) -> usize {
    let bundles = [
        pair(1, NUMBER),
        parted(2, NUMBER, &[Draft::pay(A, 1, 0, 7), Draft::failing(B, 2, 0)]),
        parted(
            3,
            NUMBER,
            &[Draft::pay(A, 4, 0, 7), Draft::pay(B, 4, 0, 8), Draft::pay(A, 8, 0, 9)],
        ),
    ];
    let dice = |throw: u64| keccak256([seed.to_be_bytes(), throw.to_be_bytes()].concat());
    for throw in 0..14 {
        let [what, bundle, index, ..] = dice(throw).0;
        let parts = &bundles[usize::from(bundle) % 3];
        match what % 8 {
            0 => order(sequencer, b"no item", throw),
            1 => order(sequencer, &Draft::pay(B, 0, throw, 1).item().encode(), throw),
            2 => {
                let mut bytes = Item::Part(parts[0].clone()).encode();
                bytes[2] ^= 1;
                order(sequencer, &bytes, throw);
            }
            _ => order_part(sequencer, &parts[usize::from(index) % parts.len()], throw),
        }
    }
    bundles.len()
}

#[test]
fn p40_what_becomes_of_any_mixture_of_parts_is_derived() {
    let mut ran = 0;
    for seed in 0..12 {
        let mut sequencer = ready();
        draw(&mut sequencer, seed);
        (0..EPOCH).for_each(|_| sequencer.close());
        sequencer.reveal(NUMBER);
        sequencer.close();
        let batch = sequencer.batch();
        check(&sequencer, &[batch]);
        ran += sequencer.nonces([(A, address(5)), (A, address(8))]).iter().sum::<u64>();
        assert_eq!(sequencer.nonces([(A, address(1)), (B, address(2))]), [0, 0], "it fails");
    }
    assert!(ran > 4, "{ran} bundles ran: the histories show too little");
}

/// P47: a false result of an envelope is punished by what was settled of it on some rollup.
#[test]
fn p47_what_became_of_every_part_is_settled_where_a_false_result_can_name_a_leg() {
    let (sequencer, batches) = far_apart(false);
    let (_, derived) = derive(&sequencer.config, &[], &batches).unwrap();
    let fates = derived.iter().flat_map(|it| &it.fates);
    let fates: Vec<_> =
        fates.map(|it| (&it.networks[..], it.legs.len(), it.removal.is_some())).collect();
    let holds = |fate| fates.iter().filter(|it| **it == fate).count();
    assert_eq!(holds((&[A, B], 0, false)), 1, "it waits: {fates:?}");
    assert_eq!(holds((&[A, B], 2, false)), 1, "the last one: {fates:?}");
    assert_eq!(holds((&[A], 0, true)), 1, "its place was taken: {fates:?}");
    assert_eq!(holds((&[], 0, true)), 5, "no item: {fates:?}");
}
