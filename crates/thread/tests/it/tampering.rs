//! P27: the check accepts exactly the projections of histories, whatever was done to the views.

use crate::hops::{self, project};
use alloy_primitives::B256;
use proptest::{collection::vec, prelude::*, sample::Index};
use std::collections::BTreeMap;
use weft_thread::{ChainView, check_history};
use weft_types::{Hop, HopBody, NetworkId};

type Views = BTreeMap<NetworkId, ChainView>;

/// What somebody does to one list of one view.
#[derive(Debug, Clone, Copy)]
enum Tampering {
    Drop,
    Duplicate,
    Swap,
    Reverse,
    Alter(u8),
    Lift,
}

/// Which list, and where in it.
#[derive(Debug, Clone)]
struct Spot {
    chain: Index,
    sent: bool,
    at: Index,
    other: Index,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        Just(Tampering::Drop),
        Just(Tampering::Duplicate),
        Just(Tampering::Swap),
        Just(Tampering::Reverse),
        (0..8_u8).prop_map(Tampering::Alter),
        Just(Tampering::Lift),
    ]
}

fn spot() -> impl Strategy<Value = Spot> {
    (any::<Index>(), any::<bool>(), any::<Index>(), any::<Index>())
        .prop_map(|(chain, sent, at, other)| Spot { chain, sent, at, other })
}

/// Tampers with `views`; returns false where there is nothing to tamper with.
fn tamper(views: &mut Views, tampering: Tampering, spot: &Spot) -> bool {
    if views.is_empty() {
        return false;
    }
    let network = *views.keys().nth(spot.chain.index(views.len())).unwrap();
    let view = views.get_mut(&network).unwrap();
    let list = if spot.sent { &mut view.sent } else { &mut view.received };
    if list.is_empty() {
        return false;
    }
    let (at, other) = (spot.at.index(list.len()), spot.other.index(list.len()));
    match tampering {
        Tampering::Drop => {
            list.remove(at);
        }
        Tampering::Duplicate => list.insert(other, list[at].clone()),
        Tampering::Swap => list.swap(at, other),
        Tampering::Reverse => list.reverse(),
        Tampering::Alter(field) => alter(&mut list[at], field),
        Tampering::Lift => {
            let hop = list.remove(at);
            let elsewhere = *views.keys().nth(spot.other.index(views.len())).unwrap();
            views.get_mut(&elsewhere).unwrap().received.push(hop);
        }
    }
    true
}

fn alter(hop: &mut Hop, field: u8) {
    match field {
        0 => hop.place.k += 1,
        1 => hop.place.leg += 1,
        2 => hop.place.position.index += 1,
        3 => hop.thread = B256::repeat_byte(0xff),
        4 => hop.from = NetworkId::new(hop.from.get() ^ 1),
        5 => hop.to = NetworkId::new(hop.to.get() ^ 1),
        6 => hop.body = HopBody::Rollback { to_hop: 99 },
        _ => match &mut hop.body {
            HopBody::Call(call) => call.gas += 1,
            HopBody::Return(ret) => ret.gas_used += 1,
            HopBody::Rollback { to_hop } => *to_hop += 1,
            HopBody::Verdict(verdict) => verdict.ok = !verdict.ok,
        },
    }
}

/// The slow model: there is one history whose projections these are. It can only be that of all hops sent.
fn is_one_history(views: &Views) -> bool {
    let mut history: Vec<Hop> = views.values().flat_map(|view| view.sent.clone()).collect();
    history.sort_by_key(|hop| hop.place);
    let distinct = history.windows(2).all(|pair| pair[0].place < pair[1].place);
    let crossing = history.iter().all(|hop| hop.from != hop.to);
    distinct && crossing && without_empty(&project(&history)) == without_empty(views)
}

fn without_empty(views: &Views) -> Views {
    let silent = |view: &ChainView| view.sent.is_empty() && view.received.is_empty();
    views.iter().filter(|(_, view)| !silent(view)).map(|(n, v)| (*n, v.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn p27_the_check_is_the_model(
        history in hops::history(),
        tamperings in vec((tampering(), spot()), 0..3),
    ) {
        let mut views = project(&history);
        for (tampering, spot) in &tamperings {
            tamper(&mut views, *tampering, spot);
        }
        prop_assert_eq!(check_history(&views).is_ok(), is_one_history(&views));
    }

    #[test]
    fn p27_one_tampered_end_is_refused(
        history in hops::history(),
        (tampering, spot) in (tampering(), spot()),
    ) {
        let mut views = project(&history);
        let before = views.clone();
        if tamper(&mut views, tampering, &spot) && views != before {
            prop_assert!(check_history(&views).is_err(), "{:?}", tampering);
        }
    }
}
