//! P27: views are projections of one history, or they are refused.

use crate::hops::{self, call, domain, fold, hop, position, project, ret};
use proptest::prelude::*;
use std::collections::BTreeMap;
use weft_thread::{ChainView, Heads, HistoryError, check_history};
use weft_types::{Hop, NetworkId, Section, Status};

const A: NetworkId = NetworkId::new(1);
const B: NetworkId = NetworkId::new(2);
const C: NetworkId = NetworkId::new(3);

fn small() -> Vec<Hop> {
    let place = |index, k| position(5, Section::Plaintext, index).place(0, k);
    vec![
        hop(1, 3, place(0, 0), call(b"x", false)),
        hop(3, 1, place(0, 1), ret(Status::Ok, false)),
        hop(1, 2, place(1, 0), call(b"z", false)),
        hop(2, 3, place(2, 0), call(b"y", false)),
        hop(2, 3, place(2, 1), call(b"y", false)),
    ]
}

#[test]
fn p27_no_views_and_empty_views_are_one_history() {
    assert_eq!(check_history(&BTreeMap::new()), Ok(()));
    assert_eq!(check_history(&BTreeMap::from([(A, ChainView::default())])), Ok(()));
}

/// T4. In lane order X: A->C, Z: A->B, Y: B->C. C runs Y before X. No pair of chains can see it.
#[test]
fn p27_t4_equal_heads_without_a_history_are_refused() {
    let item = |index| position(7, Section::Plaintext, index).place(0, 0);
    let x = hop(1, 3, item(0), call(b"x", false));
    let z = hop(1, 2, item(1), call(b"z", false));
    let y = hop(2, 3, item(2), call(b"y", false));
    let mut views = project(&[x.clone(), z, y.clone()]);
    assert_eq!(check_history(&views), Ok(()));

    views.get_mut(&C).unwrap().received = vec![y.clone(), x.clone()];

    let (mut sent, mut received) = (Heads::default(), Heads::default());
    for view in views.values() {
        fold(&mut sent, &view.sent);
        fold(&mut received, &view.received);
    }
    for (from, to) in [(A, B), (A, C), (B, C)] {
        assert_eq!(sent.get(&domain(), from, to), received.get(&domain(), from, to));
        assert_ne!(sent.get(&domain(), from, to), Heads::default().get(&domain(), from, to));
    }
    assert_eq!(sent.iter().count(), 3);
    assert_eq!(sent, received, "all heads are equal pairwise");
    let error = HistoryError::NotMonotone { network: C, earlier: x.place, later: y.place };
    assert_eq!(check_history(&views), Err(error));
}

#[test]
fn p27_a_hop_missing_at_one_end_is_unmatched() {
    let mut views = project(&small());
    views.get_mut(&C).unwrap().received.pop();
    let lost = HistoryError::Unmatched { from: B, to: C, index: 1 };
    assert_eq!(check_history(&views), Err(lost.clone()));
    views.get_mut(&C).unwrap().received.pop();
    assert_eq!(check_history(&views), Err(HistoryError::Unmatched { from: B, to: C, index: 0 }));
    let mut views = project(&small());
    views.get_mut(&B).unwrap().sent.pop();
    assert_eq!(check_history(&views), Err(lost));
}

#[test]
fn p27_a_chain_without_a_view_neither_sends_nor_receives() {
    let mut views = project(&small());
    views.remove(&B);
    assert_eq!(check_history(&views), Err(HistoryError::Unmatched { from: A, to: B, index: 0 }));
}

#[test]
fn p27_a_hop_consumed_or_emitted_twice_is_not_monotone() {
    let hops = small();
    let twice =
        |network, place| HistoryError::NotMonotone { network, earlier: place, later: place };
    let mut views = project(&hops);
    views.get_mut(&C).unwrap().received.insert(1, hops[0].clone());
    assert_eq!(check_history(&views), Err(twice(C, hops[0].place)));
    views.get_mut(&A).unwrap().sent.insert(1, hops[0].clone());
    assert_eq!(check_history(&views), Err(twice(A, hops[0].place)));
}

#[test]
fn p27_two_chains_do_not_share_a_place() {
    let mut hops = small();
    hops[3].place = hops[2].place;
    let error = HistoryError::DuplicatePlace { place: hops[2].place };
    assert_eq!(check_history(&project(&hops)), Err(error));
}

#[test]
fn p27_a_chain_lists_only_its_own_hops() {
    let hops = small();
    let foreign = |network, hop: &Hop| {
        let (place, from, to) = (hop.place, hop.from, hop.to);
        Err(HistoryError::Foreign { network, place, from, to })
    };
    let mut views = project(&hops);
    views.get_mut(&A).unwrap().sent.push(hops[4].clone());
    assert_eq!(check_history(&views), foreign(A, &hops[4]));
    let mut views = project(&hops);
    views.get_mut(&B).unwrap().received.push(hops[4].clone());
    assert_eq!(check_history(&views), foreign(B, &hops[4]));
    let mut to_itself = hops;
    to_itself[2].to = A;
    assert_eq!(check_history(&project(&to_itself)), foreign(A, &to_itself[2]));
}

#[test]
fn errors_name_chain_and_places() {
    let hops = small();
    let (earlier, later) = (hops[0].place, hops[4].place);
    let error = HistoryError::NotMonotone { network: C, earlier, later };
    assert_eq!(error.to_string(), "network 3 has hop 5.2.2.0.1 before hop 5.2.0.0.0");
}

proptest! {
    #[test]
    fn p27_projections_of_a_history_are_accepted(history in hops::history()) {
        prop_assert_eq!(check_history(&project(&history)), Ok(()));
    }
}
