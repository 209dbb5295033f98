//! Spans of batches, their outcomes and the roots over what happened.

use crate::{
    Attester, bridging,
    sequencer::{A, B, Draft, Sequencer},
};
use alloy_primitives::{B256, keccak256};
use weft_derive::Fate;
use weft_statement::{
    NotAStatement, Origin, fate_leaf, genesis_outcome, header_of, list_root, opened_root, opening,
    proposal_leaf,
};
use weft_types::{Domain, Outcome};

const ROOT: B256 = B256::repeat_byte(8);

/// Three batches; the second names B alone.
fn three() -> (Sequencer, Attester, Vec<weft_batch::SignedBatch>, Vec<Fate>) {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    let mut batches = Vec::new();
    let mut fates = Vec::new();
    for number in 0..3_u64 {
        sequencer.submit(&Draft::pay(B, 0, number, 5).item());
        if number != 1 {
            sequencer.submit(&Draft::pay(A, 0, number / 2, 5).item());
            sequencer.submit(&bridging(A, B, 1, number / 2, 3).item());
        }
        let removed = sequencer.submit(&Draft::pay(B, 3, 9, 1).item());
        assert!(matches!(removed, Outcome::Removed(_)));
        sequencer.close();
        let batch = sequencer.batch();
        fates.extend(attester.take(&batch).fates);
        batches.push(batch);
    }
    (sequencer, attester, batches, fates)
}

#[test]
fn p44_a_span_says_the_same_as_its_parts() {
    let (sequencer, mut attester, ..) = three();
    let genesis = genesis_outcome(&sequencer.config.rollups[0]);
    let whole = attester.ledger.statement(3, ROOT, ROOT).unwrap();
    assert_eq!(whole.transitions.iter().map(|step| step.rollup).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(whole.transitions[0].pre, genesis.commitment());
    let first = attester.ledger.statement(1, ROOT, ROOT).unwrap();
    attester.ledger.settle(1);
    let second = attester.ledger.statement(2, ROOT, ROOT).unwrap();
    assert_eq!(second.transitions.iter().map(|step| step.rollup).collect::<Vec<_>>(), [2]);
    assert_eq!(second.transitions[0].pre, first.transitions[1].post.commitment());
    attester.ledger.settle(2);
    let third = attester.ledger.statement(3, ROOT, ROOT).unwrap();
    assert_eq!(third.transitions[0].pre, first.transitions[0].post.commitment());
    for (last, step) in third.transitions.iter().zip(&whole.transitions) {
        assert_eq!(last.post, step.post, "what holds does not depend on where settlement was");
    }
    assert_eq!(attester.ledger.span(), (2, 3));
}

#[test]
fn p44_there_is_no_statement_about_what_is_settled_or_not_derived() {
    let (_, mut attester, ..) = three();
    attester.ledger.settle(2);
    for last in [0, 1, 2, 4] {
        let found = attester.ledger.statement(last, ROOT, ROOT);
        let expected = NotAStatement::Span { first: 3, last, settled: 2, derived: 3 };
        assert_eq!(found, Err(expected));
    }
}

#[test]
fn p44_every_field_of_an_outcome_follows_the_chain() {
    let (sequencer, attester, ..) = three();
    let statement = attester.ledger.statement(3, ROOT, ROOT).unwrap();
    let posts: Vec<_> = statement.transitions.iter().map(|step| step.post).collect();
    for (post, network) in posts.iter().zip([A, B]) {
        let last = sequencer.blocks.iter().rfind(|(on, ..)| *on == network).unwrap();
        assert_eq!((post.block_number, post.block_hash), (last.1, last.2));
        assert_ne!(post.accounting_root, B256::ZERO);
        assert_ne!(post.heads_root, B256::ZERO, "both ends of a mailbox fold its head");
        assert_eq!(post.exit_root, B256::ZERO);
    }
    assert_ne!(posts[0].accounting_root, posts[1].accounting_root);
    assert_ne!(posts[0].state_root, posts[1].state_root);
}

#[test]
fn p47_a_fate_is_opened_under_the_outcome_root() {
    let (_, attester, _, fates) = three();
    let statement = attester.ledger.statement(3, ROOT, ROOT).unwrap();
    let domain = Domain::dev();
    let on_b: Vec<_> = fates.iter().filter(|fate| fate.networks.contains(&B)).collect();
    // What crossed from A is of both.
    assert_eq!((on_b.len(), fates.len()), (8, 10));
    let leaves: Vec<_> = on_b.iter().map(|fate| fate_leaf(&domain, B, fate)).collect();
    let proposed: Vec<_> = on_b.iter().map(|fate| proposal_leaf(&domain, fate)).collect();
    let step = &statement.transitions[1];
    assert_eq!(list_root(&domain, &leaves), step.outcome_root);
    assert_eq!(list_root(&domain, &proposed), step.proposal_root);
    for (index, leaf) in leaves.iter().enumerate() {
        let siblings = opening(&domain, &leaves, index).unwrap();
        let root = |leaf, index, count| opened_root(&domain, leaf, index, count, &siblings);
        assert_eq!(root(*leaf, index as u64, 8), Some(step.outcome_root));
        assert_ne!(root(*leaf, index as u64 ^ 1, 8), Some(step.outcome_root));
        assert_ne!(root(*leaf, index as u64, 7), Some(step.outcome_root));
        let mut other = on_b[index].clone();
        match other.legs.first_mut() {
            Some(leg) if leg.network == B => leg.gas_used += 1,
            _ => other.item = keccak256(other.item),
        }
        assert_ne!(root(fate_leaf(&domain, B, &other), index as u64, 8), Some(step.outcome_root));
    }
}

#[test]
fn openings_hold_for_every_length() {
    let domain = Domain::dev();
    assert_eq!(list_root(&domain, &[]), B256::ZERO);
    for count in 1..=33_usize {
        let leaves: Vec<_> = (0..count).map(|leaf| keccak256([leaf as u8])).collect();
        let root = list_root(&domain, &leaves);
        for index in 0..count {
            let siblings = opening(&domain, &leaves, index).unwrap();
            let opened = |siblings: &[B256]| {
                opened_root(&domain, leaves[index], index as u64, count as u64, siblings)
            };
            assert_eq!(opened(&siblings), Some(root));
            assert_eq!(opened(&[siblings.as_slice(), &[B256::ZERO]].concat()), None);
        }
        assert_eq!(opening(&domain, &leaves, count), None);
    }
}

#[test]
fn p40_a_header_says_what_the_batch_says() {
    let (sequencer, attester, batches, _) = three();
    let origin = Origin { parent: B256::repeat_byte(1), number: 77, hash: B256::repeat_byte(2) };
    let header =
        header_of(&sequencer.config.domain, &batches[1], attester.ledger.rollups(), &origin);
    assert_eq!((header.number, header.first_slot, header.last_slot), (2, 2, 2));
    assert_eq!(header.rollups, 0b10, "the second rollup alone has a new block");
    assert_eq!((header.parent, header.l1_number, header.l1_hash), (origin.parent, 77, origin.hash));
    assert_eq!(header.content, keccak256(batches[1].encode()));
    assert_eq!(header.lane_root, B256::ZERO);
    let whole =
        header_of(&sequencer.config.domain, &batches[0], attester.ledger.rollups(), &origin);
    assert_eq!(whole.rollups, 0b11);
}
