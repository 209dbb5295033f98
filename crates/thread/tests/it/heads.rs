//! Heads follow what happened between two chains, and nothing else.

use crate::hops::{self, domain, project};
use alloy_primitives::{B256, keccak256};
use proptest::prelude::*;
use std::collections::BTreeMap;
use weft_thread::Heads;
use weft_types::{Domain, Hop, NetworkId};

fn fold(heads: &mut Heads, hops: &[Hop]) {
    for hop in hops {
        heads.fold(&domain(), hop.from, hop.to, &hop.hash());
    }
}

/// The slow model: every mailbox on its own, from its start.
fn model(history: &[Hop]) -> BTreeMap<(NetworkId, NetworkId), B256> {
    let mut mailboxes = BTreeMap::<_, Vec<B256>>::new();
    for hop in history {
        mailboxes.entry((hop.from, hop.to)).or_default().push(hop.hash());
    }
    let fold = |((from, to), hashes): ((NetworkId, NetworkId), Vec<B256>)| {
        let start = Heads::default().get(&domain(), from, to);
        ((from, to), hashes.iter().fold(start, |head, hop| keccak256([head, *hop].concat())))
    };
    mailboxes.into_iter().map(fold).collect()
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
        (kept, removed) in (hops::history(), hops::history()),
    ) {
        let mut heads = Heads::default();
        fold(&mut heads, &kept);
        let before = heads.clone();
        heads.begin_item();
        fold(&mut heads, &removed);
        prop_assert_eq!(heads == before, removed.is_empty());
        heads.undo_item();
        prop_assert_eq!(&heads, &before);
        prop_assert_eq!(heads.iter().collect::<Vec<_>>(), before.iter().collect::<Vec<_>>());
        heads.undo_item();
        prop_assert_eq!(&heads, &before, "undoing twice undoes once");
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
    fn p22_equality_is_that_of_the_heads(history in hops::history(), cut: prop::sample::Index) {
        let (mut whole, mut parts) = (Heads::default(), Heads::default());
        fold(&mut whole, &history);
        let cut = cut.index(history.len() + 1);
        fold(&mut parts, &history[..cut]);
        parts.begin_item();
        fold(&mut parts, &history[cut..]);
        prop_assert_eq!(whole, parts);
    }
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
