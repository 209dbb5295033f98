//! Checks that hold of every world: one history, right threads, right heads, replay of each chain alone.

use crate::common::World;
use std::collections::BTreeMap;
use weft_evm::{Applied, Realm, replay::ReplayItem};
use weft_thread::{ChainView, Heads, advance, check_history, thread_start};
use weft_types::{Domain, Hop, HopBody, Item, NetworkId, Outcome, Status};

const DOMAIN: Domain = Domain::dev();

/// Closes the world's slot and checks everything about its past.
pub(crate) fn check(world: &mut World) {
    world.close();
    let mut heads = Heads::default();
    for (item, applied) in included(world) {
        check_thread(item, applied);
        heads.fold_item(&DOMAIN, applied.hops.iter().map(|hop| (hop.from, hop.to, hop.hash())));
    }
    assert_eq!(&heads, world.realm.heads(), "heads fold every hop of every included item");
    let views = world.networks().into_iter().map(|network| (network, replay(world, network)));
    let mut views: BTreeMap<NetworkId, ChainView> = views.collect();
    let all: Vec<Hop> = included(world).flat_map(|(_, applied)| applied.hops.clone()).collect();
    views.insert(NetworkId::L1, weft_evm::replay::view(NetworkId::L1, &all));
    check_history(&views).unwrap();
    let hops: usize = included(world).map(|(_, applied)| applied.hops.len()).sum();
    assert_eq!(views.values().map(|view| view.sent.len()).sum::<usize>(), hops);
    world.open();
}

fn included(world: &World) -> impl Iterator<Item = &(Item, Applied)> {
    let items = world.past.iter().flat_map(|slot| &slot.items);
    items.filter(|(_, applied)| applied.outcome == Outcome::Included)
}

/// Replays one chain alone from genesis: its blocks must be the same. Returns what it sent and received.
fn replay(world: &World, network: NetworkId) -> ChainView {
    let rollup = world.rollups.iter().find(|rollup| rollup.spec.network == network).unwrap();
    let (escrow, none) = (&world.escrow, Heads::default());
    let mut alone = Realm::alone(DOMAIN, rollup.clone(), escrow, &none, world.networks());
    let mut view = ChainView::default();
    for slot in &world.past {
        alone.open_slot(slot.header.clone()).unwrap();
        for (item, applied) in &slot.items {
            let item = ReplayItem::of(network, item.clone(), applied);
            let own = alone.replay(&item).unwrap();
            for hop in own.hops {
                let end = if hop.from == network { &mut view.sent } else { &mut view.received };
                end.push(hop);
            }
        }
        let blocks = alone.close_slot().unwrap();
        let expected = slot.blocks.iter().filter(|block| block.network == network);
        assert!(blocks.iter().eq(expected), "rollup {network} alone reaches the same blocks");
    }
    assert_eq!(alone.heads(), &world.realm.heads().of(network));
    assert_eq!(alone.escrow().of(network), world.realm.escrow().of(network));
    view
}

/// Computes the thread of every leg from the rules of P22 and compares.
fn check_thread(item: &Item, applied: &Applied) {
    let mut leg = None;
    let mut thread = Default::default();
    let mut open: Vec<&Hop> = Vec::new();
    let mut k = 0;
    for (index, hop) in applied.hops.iter().enumerate() {
        if leg != Some(hop.place.leg) {
            assert!(open.is_empty() && leg.is_none_or(|leg| leg < hop.place.leg));
            leg = Some(hop.place.leg);
            k = 0;
            thread = thread_start(&DOMAIN, applied.position, hop.place.leg, &item.hash(&DOMAIN));
        }
        assert_eq!((hop.place.position, hop.place.k), (applied.position, k), "k has no gaps");
        k += 1;
        match &hop.body {
            HopBody::Call(_) => open.push(hop),
            HopBody::Return(ret) => {
                let call = open.pop().unwrap();
                assert_eq!((call.from, call.to), (hop.to, hop.from), "returns match calls");
                if ret.status != Status::Ok {
                    thread = call.thread;
                }
            }
            HopBody::Rollback { .. } => thread = first_undone(&applied.hops, index).thread,
            HopBody::Verdict(_) => {}
        }
        assert_eq!(hop.thread, thread, "thread before {} is what came before it", hop.place);
        thread = advance(hop, hop.hash());
    }
    assert!(open.is_empty(), "every call came back");
}

/// Returns the first hop that the rollbacks around `index` undo: those that one frame's chain sent at once.
fn first_undone(hops: &[Hop], index: usize) -> &Hop {
    let from = hops[index].from;
    let leg = hops[index].place.leg;
    let mut first = u32::MAX;
    let mut at = index;
    let is_one = |hop: &Hop| hop.from == from && matches!(hop.body, HopBody::Rollback { .. });
    while at > 0 && is_one(&hops[at - 1]) && hops[at - 1].to < hops[at].to {
        at -= 1;
    }
    let mut last = None;
    for hop in hops[at..].iter().take_while(|hop| is_one(hop)) {
        if last.is_some_and(|last| last >= hop.to) {
            break;
        }
        last = Some(hop.to);
        let HopBody::Rollback { to_hop } = hop.body else { unreachable!("just matched") };
        first = first.min(to_hop);
    }
    hops.iter().find(|hop| hop.place.leg == leg && hop.place.k == first).unwrap()
}

/// Writes the thread of an item down: number, ends, kind.
pub(crate) fn thread(applied: &Applied) -> Vec<String> {
    applied.hops.iter().map(line).collect()
}

fn line(hop: &Hop) -> String {
    let what = match &hop.body {
        HopBody::Call(call) => match (call.is_static, call.value.is_zero()) {
            (true, _) => "look".to_string(),
            (false, true) => "call".to_string(),
            (false, false) => format!("call {}", call.value),
        },
        HopBody::Return(ret) => {
            let held = if ret.value.is_zero() { String::new() } else { format!(" {}", ret.value) };
            format!("{:?}{held}", ret.status)
        }
        HopBody::Rollback { to_hop } => format!("rollback to {to_hop}"),
        HopBody::Verdict(verdict) => format!("verdict of {} {}", verdict.leg, verdict.ok),
    };
    let leg = if hop.place.leg == 0 { String::new() } else { format!("{}.", hop.place.leg) };
    format!("{leg}{} {}>{} {what}", hop.place.k, name(hop.from), name(hop.to))
}

fn name(network: NetworkId) -> char {
    if network == NetworkId::L1 {
        return '1';
    }
    char::from(b'A' + (network.get() - 901) as u8)
}
