//! Heads follow what happened between two chains, item by item, and nothing else.

use crate::hops::{self, call, domain, fold, fold_item, hop, items, position, project};
use alloy_primitives::{B256, keccak256};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;
use weft_thread::Heads;
use weft_types::{Domain, Hop, NetworkId, Section};

/// The slow model: every mailbox on its own, from its start, and for each item all of its hops again.
fn model(history: &[Hop]) -> BTreeMap<(NetworkId, NetworkId), B256> {
    let mut heads = BTreeMap::new();
    for pair in history.iter().map(|hop| (hop.from, hop.to)) {
        let mut head = Heads::default().get(&domain(), pair.0, pair.1);
        for item in items(history) {
            let own: Vec<B256> =
                item.iter().filter(|hop| (hop.from, hop.to) == pair).map(Hop::hash).collect();
            if !own.is_empty() {
                head = keccak256([&[head], &own[..]].concat().concat());
            }
        }
        heads.insert(pair, head);
    }
    heads
}

proptest! {
    #[test]
    fn p22_heads_are_those_of_the_model(history in hops::history()) {
        let mut heads = Heads::default();
        fold(&mut heads, &history);
        prop_assert_eq!(heads.iter().collect::<BTreeMap<_, _>>(), model(&history));
    }

    #[test]
    fn p22_both_ends_of_a_mailbox_fold_the_same_head(history in hops::history()) {
        let (mut sent, mut received) = (Heads::default(), Heads::default());
        for view in project(&history).values() {
            fold(&mut sent, &view.sent);
            fold(&mut received, &view.received);
        }
        prop_assert_eq!(sent, received);
    }

    #[test]
    fn p22_a_removed_item_leaves_no_trace(
        history in hops::history(),
        included in vec(any::<bool>(), 40),
    ) {
        let mut heads = Heads::default();
        let mut kept = Vec::new();
        for (item, included) in items(&history).zip(included) {
            let before = heads.clone();
            fold_item(&mut heads, item);
            prop_assert_ne!(&heads, &before, "an item with hops moves heads");
            if included {
                kept.extend_from_slice(item);
            } else {
                heads = before;
            }
        }
        prop_assert_eq!(heads.iter().collect::<BTreeMap<_, _>>(), model(&kept));
        let mut alone = Heads::default();
        fold(&mut alone, &kept);
        prop_assert_eq!(heads, alone);
    }

    #[test]
    fn p22_the_heads_of_a_chain_are_those_that_it_can_fold_alone(history in hops::history()) {
        let mut heads = Heads::default();
        fold(&mut heads, &history);
        for network in project(&history).into_keys() {
            let mut own = history.clone();
            own.retain(|hop| hop.from == network || hop.to == network);
            let mut alone = Heads::default();
            fold(&mut alone, &own);
            prop_assert_eq!(heads.of(network), alone);
        }
    }

    #[test]
    fn p22_heads_go_on_from_where_they_were_kept(
        history in hops::history(),
        cut: prop::sample::Index,
    ) {
        let mut whole = Heads::default();
        fold(&mut whole, &history);
        let items: Vec<&[Hop]> = items(&history).collect();
        let (first, second) = items.split_at(cut.index(items.len() + 1));
        let mut parts = Heads::default();
        first.iter().for_each(|item| fold_item(&mut parts, item));
        let mut parts: Heads = parts.iter().collect();
        second.iter().for_each(|item| fold_item(&mut parts, item));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn p22_heads_tell_one_item_from_two(history in hops::history(), cut: prop::sample::Index) {
        for item in items(&history) {
            let (first, second) = item.split_at(cut.index(item.len() + 1));
            let (mut one, mut two) = (Heads::default(), Heads::default());
            fold_item(&mut one, item);
            fold_item(&mut two, first);
            fold_item(&mut two, second);
            let split = first.iter().any(|hop| {
                second.iter().any(|later| (later.from, later.to) == (hop.from, hop.to))
            });
            prop_assert_eq!(one == two, !split);
        }
    }
}

#[test]
fn p22_a_head_moves_once_for_all_hops_of_an_item() {
    let place = |index, k| position(5, Section::Plaintext, index).place(0, k);
    let crossing = |from, to, index, k| hop(from, to, place(index, k), call(b"x", false));
    let first = [crossing(1, 2, 0, 0), crossing(1, 3, 0, 1), crossing(1, 2, 0, 2)];
    let second = [crossing(1, 2, 1, 0), crossing(2, 1, 1, 1)];
    let network = NetworkId::new;
    let start = |from, to| Heads::default().get(&domain(), network(from), network(to));
    let keccak = |parts: &[B256]| keccak256(parts.concat());

    let mut heads = Heads::default();
    fold_item(&mut heads, &first);
    let to_two = keccak(&[start(1, 2), first[0].hash(), first[2].hash()]);
    let to_three = keccak(&[start(1, 3), first[1].hash()]);
    let pair = |from, to| (network(from), network(to));
    let expected = [(pair(1, 2), to_two), (pair(1, 3), to_three)];
    assert_eq!(heads.iter().collect::<Vec<_>>(), expected);

    fold_item(&mut heads, &second);
    let to_two = keccak(&[to_two, second[0].hash()]);
    let to_one = keccak(&[start(2, 1), second[1].hash()]);
    let expected = [(pair(1, 2), to_two), (pair(1, 3), to_three), (pair(2, 1), to_one)];
    assert_eq!(heads.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn p22_an_item_without_hops_moves_no_head() {
    let mut heads = Heads::default();
    fold_item(&mut heads, &[]);
    assert_eq!(heads.iter().count(), 0);
    assert_eq!(heads, Heads::default());
}

#[test]
fn p1_empty_heads_differ_by_pair_direction_and_domain() {
    let heads = Heads::default();
    let network = NetworkId::new;
    let start = heads.get(&domain(), network(1), network(2));
    assert_ne!(start, heads.get(&domain(), network(2), network(1)));
    assert_ne!(start, heads.get(&domain(), network(1), network(3)));
    assert_ne!(start, heads.get(&Domain::dev(), network(1), network(2)));
    assert_eq!(heads.iter().count(), 0);
}
