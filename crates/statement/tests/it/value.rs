//! Value that moves between rollups.

use crate::{
    Attester, bridging,
    sequencer::{A, B, Draft, Sequencer, bundle},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use std::collections::BTreeMap;
use weft_evm::{Net, TokenId};
use weft_settlement::{
    BalanceTree, Exit, ExitTree, LeafType, NullifierTree, PessimisticRoot, Token, Transfer,
};
use weft_statement::transfers;
use weft_types::{Item, NetworkId, Outcome};

fn ether(from: NetworkId, to: NetworkId, wei: u128) -> Transfer {
    let (from, to) = (from.get(), to.get());
    Transfer { from, to, amount: U256::from(wei), ..Transfer::default() }
}

#[test]
fn p42_what_crosses_is_netted_over_the_span() {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    for draft in [bridging(A, B, 0, 0, 50), bridging(B, A, 0, 0, 20)] {
        assert_eq!(sequencer.submit(&draft.item()), Outcome::Included);
    }
    sequencer.close();
    attester.take(&sequencer.batch());
    assert_eq!(sequencer.submit(&bridging(A, B, 0, 1, 5).item()), Outcome::Included);
    sequencer.close();
    attester.take(&sequencer.batch());
    let statement = |last| attester.ledger.statement(last, B256::ZERO, B256::ZERO).unwrap();
    assert_eq!(statement(1).transfers, [ether(A, B, 30)]);
    assert_eq!(statement(2).transfers, [ether(A, B, 35)]);
    attester.ledger.settle(1);
    let second = attester.ledger.statement(2, B256::ZERO, B256::ZERO).unwrap();
    assert_eq!(second.transfers, [ether(A, B, 5)]);
}

#[test]
fn p44_a_span_ends_before_its_transfers_are_too_many() {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    assert_eq!(attester.ledger.reach(1), None);
    // A call pays the base fee of both rollups, so the one that calls back has to be the dearer one.
    for nonce in 0..20 {
        sequencer.submit(&Draft::pay(B, 1, nonce, 1).item());
    }
    for (draft, reaches) in [
        // More than is allowed, and nothing can be settled without it.
        (bridging(A, B, 0, 0, 50), [Some(1), Some(1)]),
        // It came back, so that the span as a whole moves nothing.
        (bridging(B, A, 0, 0, 50), [Some(2), Some(2)]),
        (bridging(B, A, 0, 1, 1), [Some(2), Some(3)]),
    ] {
        assert_eq!(sequencer.submit(&draft.item()), Outcome::Included);
        sequencer.close();
        assert_eq!(attester.take(&sequencer.batch()).moved.len(), 2);
        assert_eq!([0, 1].map(|most| attester.ledger.reach(most)), reaches);
    }
    attester.ledger.settle(3);
    assert_eq!(attester.ledger.reach(1), None);
}

#[test]
fn p3_what_is_taken_back_did_not_move() {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    let crossing = bridging(A, B, 1, 0, 50);
    let failed = sequencer.submit(&Item::Bundle(bundle(&[crossing, Draft::failing(B, 1, 0)])));
    assert!(matches!(failed, Outcome::Removed(_)));
    // Nobody there takes ether, so the call comes back.
    let mut refused = bridging(A, B, 2, 0, 70);
    let call = weft_contracts::Bridge::bridgeEtherCall {
        network: u64::from(B.get()),
        to: weft_contracts::addresses::BRIDGE,
    };
    refused.data = alloy_sol_types::SolCall::abi_encode(&call).into();
    assert_eq!(sequencer.submit(&refused.item()), Outcome::Included);
    sequencer.close();
    let derived = attester.take(&sequencer.batch());
    assert!(derived.moved.is_empty(), "{:?}", derived.moved);
    let statement = attester.ledger.statement(1, B256::ZERO, B256::ZERO).unwrap();
    assert_eq!(statement.transfers, []);
}

#[test]
fn p42_the_exit_root_is_that_of_the_exits_and_l1_books_them_itself() {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    let mut tree = ExitTree::default();
    for number in 0..3_u64 {
        let (to, wei) = (Address::repeat_byte(0x40 + number as u8), U256::from(7 + number));
        let call = weft_contracts::Bridge::bridgeAssetCall {
            destinationNetwork: 0,
            destinationAddress: to,
            amount: wei,
            token: Address::ZERO,
            forceUpdateGlobalExitRoot: true,
            permitData: Default::default(),
        };
        let mut draft = bridging(A, B, 1, number, 0);
        draft.value = wei;
        draft.data = alloy_sol_types::SolCall::abi_encode(&call).into();
        assert_eq!(sequencer.submit(&draft.item()), Outcome::Included);
        sequencer.close();
        attester.take(&sequencer.batch());
        let exit = Exit {
            leaf_type: LeafType::Transfer,
            origin_network: 0,
            origin_address: Address::ZERO,
            destination_network: 0,
            destination_address: to,
            amount: wei,
            metadata_hash: keccak256([]),
        };
        tree.push(exit.hash()).unwrap();
        let statement = attester.ledger.statement(number + 1, B256::ZERO, B256::ZERO).unwrap();
        assert_eq!(statement.transitions[0].post.exit_root, tree.root());
        assert_eq!(statement.transfers, []);
        // The rollup has less than before, and its accounting root says so.
        let has = attester.derivation.realm().escrow().balance(A, TokenId::ETHER);
        let mut balances = BalanceTree::default();
        balances.set(&Token::ETHER, has);
        let root = PessimisticRoot {
            balances: balances.root(),
            nullifiers: NullifierTree::default().root(),
            exits: number as u32 + 1,
            height: number + 1,
            network: A.get(),
        };
        assert_eq!(statement.transitions[0].post.accounting_root, root.v3());
    }
}

/// Books transfers as L1's bridge does: one after the other, nobody below zero.
fn book(escrow: &mut BTreeMap<(u32, u32, Address), U256>, all: &[Transfer]) {
    for Transfer { from, to, origin_network, origin_token, amount } in all.iter().copied() {
        assert!(from != to && !amount.is_zero());
        if from != origin_network {
            let balance = escrow.entry((from, origin_network, origin_token)).or_default();
            *balance = balance.checked_sub(amount).expect("nobody gives what it does not have");
        }
        if to != origin_network {
            *escrow.entry((to, origin_network, origin_token)).or_default() += amount;
        }
    }
}

/// A generator that needs no crate.
fn random(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

#[test]
fn p42_l1_books_any_history_without_a_rollup_below_zero() {
    for seed in 1..=2_000_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let tokens = [(0, 0), (0, 9), (2, 7)].map(|(network, byte)| TokenId {
            network: NetworkId::new(network),
            token: Address::repeat_byte(byte),
        });
        let mut before: BTreeMap<(u32, u32, Address), U256> = BTreeMap::new();
        for network in 1..=4 {
            for token in tokens.iter().filter(|token| token.network.get() != network) {
                let amount = U256::from(random(&mut state, 20));
                before.insert((network, token.network.get(), token.token), amount);
            }
        }
        let mut after = before.clone();
        let mut moved: BTreeMap<(NetworkId, TokenId), Net> = BTreeMap::new();
        for _ in 0..random(&mut state, 40) {
            let token = tokens[random(&mut state, 3) as usize];
            let [from, to] = [1 + random(&mut state, 4), 1 + random(&mut state, 4)];
            let (from, to, origin) = (from as u32, to as u32, token.network.get());
            let amount = U256::from(random(&mut state, 15));
            let has = after.get(&(from, origin, token.token)).copied().unwrap_or_default();
            if from == to || (from != origin && has < amount) {
                continue;
            }
            if from != origin {
                after.insert((from, origin, token.token), has - amount);
            }
            if to != origin {
                *after.entry((to, origin, token.token)).or_default() += amount;
            }
            for (network, is_given) in [(from, true), (to, false)] {
                if network != origin {
                    let net = moved.entry((NetworkId::new(network), token)).or_default();
                    *net = net.after(is_given, amount);
                }
            }
        }
        let all = transfers(&moved);
        assert!(
            all.is_sorted()
                && all.windows(2).all(|pair| {
                    let key = |t: &Transfer| (t.from, t.to, t.origin_network, t.origin_token);
                    key(&pair[0]) < key(&pair[1])
                })
        );
        book(&mut before, &all);
        let is_some = |(_, amount): &(_, U256)| !amount.is_zero();
        let left: Vec<_> = before.into_iter().filter(is_some).collect();
        let right: Vec<_> = after.into_iter().filter(is_some).collect();
        assert_eq!(left, right, "seed {seed}");
    }
}
