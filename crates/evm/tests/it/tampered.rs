//! P27: a rollup that replays alone refuses hops that do not fit, or shows by its blocks and heads that they differ.

use crate::common::*;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use weft_contracts::proxy_address;
use weft_evm::{Applied, ClosedBlock, FoldError, Heads, Realm, Stop, replay::ReplayItem};
use weft_types::{Domain, Hop, HopBody, Item, Status, Touched, Verdict};

/// One item that crosses in every way, and what it did.
fn history() -> (World, Item, Applied) {
    let mut world = World::new(3);
    let a = world.deploy(A, &Probe::BYTECODE);
    let b = world.deploy(B, &Probe::BYTECODE);
    let c = world.deploy(C, &Probe::BYTECODE);
    for (here, there, of) in [(A, B, b), (B, C, c), (B, A, a), (A, C, c)] {
        world.proxy(here, there, of);
    }
    world.must(Draft::new(B, b, Bytes::new()).key(1).value(50));
    world.turn();
    let (at_a, at_b, at_c) = (proxy_address(901, a), proxy_address(902, b), proxy_address(903, c));
    let through = run([call(at_c, bump(1)), call(at_a, bump(2)).value(3)]);
    let undone = run([call(at_b, through.clone()), fail(hex!("aa"))]);
    let steps = run([
        call(at_b, through.clone()).value(5),
        look(at_b, get(1)),
        attempt(a, undone),
        attempt(at_b, run([call(at_a, bump(3)), fail(hex!("bb"))])),
    ]);
    let legs =
        [Draft::new(A, a, steps).key(2).value(5).gas(15_000_000), Draft::new(B, b, through).key(3)];
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle.clone());
    assert_eq!(applied.legs.iter().filter(|leg| leg.success).count(), 2, "{:?}", applied.outcome);
    world.close();
    (world, bundle, applied)
}

/// Replays the past on A with `inbound` in place of the hops of the last item.
fn replay(
    world: &World,
    inbound: Vec<Hop>,
) -> Result<(Vec<ClosedBlock>, Heads), FoldError<std::convert::Infallible>> {
    let rollup = world.rollups[0].clone();
    let none = Heads::default();
    let mut alone = Realm::alone(Domain::dev(), rollup, &world.escrow, &none, world.networks());
    let mut blocks = Vec::new();
    for (number, slot) in world.past.iter().enumerate() {
        alone.open_slot(slot.header.clone()).unwrap();
        for (item, applied) in &slot.items {
            let mut item = ReplayItem::of(A, item.clone(), applied);
            if number + 1 == world.past.len() {
                item.inbound = inbound.clone();
            }
            alone.replay(&item)?;
        }
        blocks.extend(alone.close_slot().unwrap());
    }
    Ok((blocks, alone.heads().clone()))
}

/// Every way of changing one hop that comes to mind.
fn changed(hop: &Hop) -> Vec<Hop> {
    let mut out = Vec::new();
    let mut with = |change: &dyn Fn(&mut Hop)| {
        let mut changed = hop.clone();
        change(&mut changed);
        out.push(changed);
    };
    with(&|hop| hop.place.k += 1);
    with(&|hop| hop.place.k = hop.place.k.wrapping_sub(1));
    with(&|hop| hop.place.k = u32::MAX);
    with(&|hop| hop.place.leg += 1);
    with(&|hop| hop.place.position.index += 1);
    with(&|hop| hop.from = if hop.from == B { C } else { B });
    with(&|hop| hop.from = hop.to);
    with(&|hop| hop.to = C);
    with(&|hop| hop.thread = B256::ZERO);
    with(&|hop| hop.body = HopBody::Rollback { to_hop: 0 });
    with(&|hop| hop.body = HopBody::Rollback { to_hop: 77 });
    with(&|hop| {
        let bundle = weft_types::BundleId::default();
        hop.body = HopBody::Verdict(Verdict { bundle, leg: 0, ok: true });
    });
    match hop.body.clone() {
        HopBody::Call(call) => {
            let mut with = |change: &dyn Fn(&mut weft_types::HopCall)| {
                let mut call = call.clone();
                change(&mut call);
                out.push(Hop { body: HopBody::Call(call), ..hop.clone() });
            };
            with(&|call| call.gas = u64::MAX);
            with(&|call| call.gas = 0);
            with(&|call| call.gas_price = 0);
            with(&|call| call.value = U256::MAX);
            with(&|call| call.value += U256::from(1));
            with(&|call| call.target = Address::ZERO);
            with(&|call| call.target = weft_types::MANAGER);
            with(&|call| call.target = weft_types::RESERVED);
            with(&|call| call.caller = Address::ZERO);
            with(&|call| call.origin = Address::ZERO);
            with(&|call| call.origin_network = A);
            with(&|call| call.origin_network = C);
            with(&|call| call.is_static = !call.is_static);
            with(&|call| call.data = Bytes::new());
        }
        HopBody::Return(ret) => {
            let mut with = |change: &dyn Fn(&mut weft_types::HopReturn)| {
                let mut ret = ret.clone();
                change(&mut ret);
                out.push(Hop { body: HopBody::Return(ret), ..hop.clone() });
            };
            with(&|ret| ret.gas_used = u64::MAX);
            with(&|ret| ret.gas_used += 1);
            with(&|ret| ret.gas_used = 0);
            with(&|ret| ret.refund = i64::MAX);
            with(&|ret| ret.refund = i64::MIN);
            with(&|ret| ret.value = U256::MAX);
            with(&|ret| ret.value += U256::from(1));
            with(&|ret| ret.data = Bytes::from_static(&[1]));
            with(&|ret| ret.is_static = !ret.is_static);
            with(&|ret| ret.touched = vec![Touched { network: C, first_hop: 99 }]);
            for status in [Status::Ok, Status::Reverted, Status::OutOfGas, Status::Full] {
                with(&|ret| ret.status = status);
            }
        }
        HopBody::Rollback { to_hop } => {
            let body = HopBody::Rollback { to_hop: to_hop + 1 };
            out.push(Hop { body, ..hop.clone() });
        }
        HopBody::Verdict(verdict) => {
            let body = HopBody::Verdict(Verdict { ok: !verdict.ok, ..verdict });
            out.push(Hop { body, ..hop.clone() });
            let body = HopBody::Verdict(Verdict { leg: 7, ..verdict });
            out.push(Hop { body, ..hop.clone() });
        }
    }
    out.retain(|changed| changed != hop);
    out
}

/// How a replay with other hops ended: refused, or at other blocks or heads. Anything else fails the test.
fn is_refused(world: &World, honest: &(Vec<ClosedBlock>, Heads), inbound: Vec<Hop>) -> bool {
    match replay(world, inbound.clone()) {
        Err(FoldError::Stopped(Stop::BadHop(_))) => true,
        Err(other) => panic!("{other} for {inbound:?}"),
        Ok(other) => {
            assert!(other != *honest, "passes: {inbound:?}");
            false
        }
    }
}

#[test]
fn p27_no_changed_hop_passes() {
    let (world, item, applied) = history();
    let inbound = ReplayItem::of(A, item, &applied).inbound;
    assert!(inbound.len() > 8, "{:?}", thread(&applied));
    let honest = replay(&world, inbound.clone()).unwrap();
    assert_eq!(honest.1, world.realm.heads().of(A));
    let (mut refused, mut different) = (0, 0);
    for at in 0..inbound.len() {
        for hop in changed(&inbound[at]) {
            let mut inbound = inbound.clone();
            inbound[at] = hop;
            match is_refused(&world, &honest, inbound) {
                true => refused += 1,
                false => different += 1,
            }
        }
    }
    assert!(refused > 50 && different > 20, "{refused} refused, {different} different");
}

#[test]
fn p27_no_hop_may_be_missing_doubled_or_swapped() {
    let (world, item, applied) = history();
    let inbound = ReplayItem::of(A, item, &applied).inbound;
    let honest = replay(&world, inbound.clone()).unwrap();
    for at in 0..inbound.len() {
        let mut missing = inbound.clone();
        missing.remove(at);
        // What B did between two hops may be less than it was; the heads tell.
        is_refused(&world, &honest, missing);
        let mut doubled = inbound.clone();
        doubled.insert(at, inbound[at].clone());
        assert!(is_refused(&world, &honest, doubled), "hop {at} twice");
        let mut swapped = inbound.clone();
        swapped.swap(at, (at + 1) % inbound.len());
        assert!(is_refused(&world, &honest, swapped), "hop {at} too late");
    }
}
