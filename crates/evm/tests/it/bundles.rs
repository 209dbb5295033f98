//! P3, P4, P18, P22: bundles over several rollups.

use crate::{common::*, counterexamples::pair};
use alloy_primitives::{Bytes, U256, hex};
use weft_contracts::proxy_address;
use weft_types::{HopBody, Outcome, RemovalCause};

#[test]
fn p22_two_legs_that_call_both_ways_and_exchange_verdicts() {
    let (mut world, [a, b]) = pair();
    let there = run([call(proxy_address(902, b), bump(1)), call(a, bump(2))]);
    let back = run([call(proxy_address(901, a), bump(2)), call(b, bump(1))]);
    let legs = [Draft::new(A, a, there).key(1), Draft::new(B, b, back).key(2)];
    for bundle in [world.marked_bundle(&legs)] {
        let applied = world.apply(bundle);
        assert_eq!(applied.outcome, Outcome::Included);
        let expected = [
            "0 A>B call",
            "1 B>A Ok",
            "1.0 B>A call",
            "1.1 A>B Ok",
            "2.0 A>B verdict of 0 true",
            "2.1 B>A verdict of 1 true",
        ];
        assert_eq!(thread(&applied), expected);
        for (network, order) in [(A, [false, true]), (B, [true, false])] {
            let here = on(&applied, network);
            assert_eq!(here.iter().map(|tx| tx.is_system).collect::<Vec<_>>(), order);
        }
    }
    assert_eq!((world.slot(A, a, 2), world.slot(B, b, 1)), (U256::from(2), U256::from(2)));
    check(&mut world);
}

#[test]
fn p22_verdicts_are_ordered_by_sender_receiver_and_leg() {
    let mut world = World::new(3);
    let probe = [A, B, C].map(|network| world.deploy(network, &Probe::BYTECODE));
    let legs = [
        Draft::new(C, probe[2], bump(1)).key(1),
        Draft::new(A, probe[0], bump(1)).key(2),
        Draft::new(C, probe[2], bump(1)).key(3),
    ];
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle);
    let expected =
        ["3.0 A>C verdict of 1 true", "3.1 C>A verdict of 0 true", "3.2 C>A verdict of 2 true"];
    assert_eq!(thread(&applied), expected);
    check(&mut world);
}

#[test]
fn p22_bundle_on_one_rollup_has_no_verdicts() {
    let (mut world, [a, _]) = pair();
    let legs = [Draft::new(A, a, bump(1)).key(1), Draft::new(A, a, bump(1)).key(1)];
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle);
    assert!(applied.hops.is_empty() && applied.transactions.len() == 2);
    assert_eq!(world.slot(A, a, 1), U256::from(2));
    check(&mut world);
}

#[test]
fn p3_leg_that_may_revert_does_not_take_the_bundle_down() {
    let (mut world, [a, b]) = pair();
    let failing = run([call(proxy_address(902, b), bump(1)), fail(hex!("aa"))]);
    let legs =
        [Draft::new(A, a, failing.clone()).key(1).may_revert(), Draft::new(B, b, bump(1)).key(2)];
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle);
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!((applied.legs[0].success, applied.legs[1].success), (false, true));
    assert_eq!(world.slot(B, b, 1), U256::from(1));
    let HopBody::Verdict(verdict) = &applied.hops.last().unwrap().body else { panic!("verdict") };
    assert!(verdict.ok);
    // The same leg without the mark.
    let legs = [Draft::new(A, a, failing).key(1), Draft::new(B, b, bump(1)).key(2)];
    let bundle = world.bundle(&legs);
    assert_eq!(removal(&world.apply(bundle)).cause, RemovalCause::Failed);
    check(&mut world);
}

#[test]
fn p4_removed_bundle_leaves_state_escrow_heads_and_nonces_untouched() {
    let (mut world, [a, b]) = pair();
    world.must(Draft::new(A, a, run([call(proxy_address(902, b), bump(1)).value(50)])).value(60));
    let give = run([
        call(proxy_address(902, b), bump(1)).value(4),
        call(proxy_address(902, b), run([call(proxy_address(901, a), bump(3)).value(2)])),
        write(5, 5),
    ]);
    let create = Draft::creation(B, Probe::BYTECODE.clone()).key(2);
    let last = Draft::new(B, b, run([call(proxy_address(901, a), bump(9)), fail(hex!("bad0"))]));
    let legs = [Draft::new(A, a, give).key(1), create, last.key(3)];
    let before = world.snapshot();
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle);
    let why = removal(&applied);
    assert_eq!((why.cause, why.network, why.leg), (RemovalCause::Failed, B, 2));
    assert_eq!(why.revert_data[..], hex!("bad0"));
    assert_eq!(applied.legs.len(), 3);
    assert!(!applied.hops.is_empty(), "hops of the attempt are shown, and no head folds them");
    assert_eq!(world.snapshot(), before);
    check(&mut world);
}

#[test]
fn p4_item_after_a_removed_one_runs_as_if_it_had_not_been() {
    let (mut world, [a, b]) = pair();
    let (mut other, _) = pair();
    let failing = [
        Draft::new(A, a, run([call(proxy_address(902, b), bump(1))])).key(1),
        Draft::new(B, b, run([fail(Bytes::new())])).key(2),
    ];
    let bundle = world.bundle(&failing);
    removal(&world.apply(bundle));
    let good = Draft::new(A, a, run([call(proxy_address(902, b), bump(1))])).key(3);
    world.must(good.clone());
    other.must(good);
    let roots = |world: &mut World| {
        let blocks = world.turn();
        blocks.iter().map(|block| block.header.state_root).collect::<Vec<_>>()
    };
    assert_eq!(roots(&mut world), roots(&mut other));
    check(&mut world);
}
