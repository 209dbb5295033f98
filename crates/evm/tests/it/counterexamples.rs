//! Counterexamples of the protocol that need no L1: T2, T3, T4, T7, T9, T10, T11, T13, T14.

use crate::common::*;
use alloy_consensus::{
    Transaction as _, TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolError};
use std::collections::BTreeMap;
use weft_contracts::{DeadRegistry, Manager, Weth, proxy_address};
use weft_evm::{Escrow, FailedPolicy, TokenId, block::receipts};
use weft_thread::{ChainView, HistoryError, check_history};
use weft_types::{
    DEAD_REGISTRY, Hop, HopBody, InvalidReason, Item, MANAGER, NetworkId, Outcome, Position,
    RESERVED, RemovalCause, SYSTEM_SENDER, SlotNumber, Status,
};

#[test]
fn t2_call_after_a_caught_revert_finds_its_answer() {
    let (mut world, [a, b]) = pair();
    let proxy = proxy_address(902, b);
    let undone = run([call(proxy, bump(1)), call(proxy, bump(1)), fail(Bytes::new())]);
    let steps = [call(proxy, bump(1)), attempt(a, undone), call(proxy, bump(1))];
    let applied = world.must(Draft::new(A, a, run(steps)));
    let results = answers(&applied.legs[0].output);
    assert_eq!(word(&results[2].data).to::<u64>(), 2, "the undone calls do not count");
    assert_eq!(applied.hops[2].thread, applied.hops[7].thread, "the thread went back");
    check(&mut world);
}

#[test]
fn t3_lying_rollup_cannot_send_ether_that_it_does_not_hold() {
    let honest = World::new(2);
    let mut escrow = Escrow::default();
    escrow.set(A, TokenId::ETHER, U256::from(5));
    escrow.set(B, TokenId::ETHER, U256::from(100));
    let mut world = World::with_escrow(honest.rollups, escrow);
    let (a, b) = deploy_pair(&mut world);
    let proxy = proxy_address(902, b);

    let there_and_back = run([call(proxy_address(901, a), Bytes::new()).value(6)]);
    let steps = run([call(proxy, there_and_back).value(6)]);
    let applied = world.send(Draft::new(A, a, steps).value(6));
    assert!(!applied.legs[0].success && applied.hops.is_empty(), "refused before it executes");
    let error = Manager::InsufficientEscrow { network: 902 };
    assert_eq!(applied.legs[0].output, error.abi_encode());

    let step = call(MANAGER, try_call(902, b, Bytes::new())).value(6);
    let applied = world.must(Draft::new(A, a, run([step])).value(6));
    assert_eq!(status(&answers(&applied.legs[0].output)[0].data), Status::InsufficientEscrow);
    assert_eq!(world.balance(A, a), U256::from(6), "the value came back");

    world.must(Draft::new(A, a, run([call(proxy, Bytes::new()).value(5)])));
    assert_eq!((world.ether_escrow(A), world.ether_escrow(B)), (U256::ZERO, U256::from(105)));
    check(&mut world);
}

#[test]
fn t4_equal_heads_are_not_one_history() {
    let hop = |index, k, from, to| Hop {
        place: Position { slot: SlotNumber::new(1), index, ..Position::default() }.place(0, k),
        from,
        to,
        thread: B256::ZERO,
        body: HopBody::Rollback { to_hop: 0 },
    };
    // X: A->C, Z: A->B, Y: B->C, and C runs Y before X.
    let (x, z, y) = (hop(1, 0, A, C), hop(2, 0, A, B), hop(3, 0, B, C));
    let view = |sent: &[&Hop], received: &[&Hop]| ChainView {
        sent: sent.iter().copied().cloned().collect(),
        received: received.iter().copied().cloned().collect(),
    };
    let honest = BTreeMap::from([
        (A, view(&[&x, &z], &[])),
        (B, view(&[&y], &[&z])),
        (C, view(&[], &[&x, &y])),
    ]);
    check_history(&honest).unwrap();
    let mut wrong = honest;
    wrong.insert(C, view(&[], &[&y, &x]));
    let error = HistoryError::NotMonotone { network: C, earlier: x.place, later: y.place };
    assert_eq!(check_history(&wrong), Err(error));
}

#[test]
fn t7_removed_failure_is_dead_at_once_and_for_ever() {
    let mut world = World::with(2, |spec| spec.failed = FailedPolicy::Remove);
    let (a, _) = deploy_pair(&mut world);
    let leg = world.sign(&Draft::new(A, a, run([fail(hex!("aa"))])));
    let hash = leg.tx.hash();
    let before = world.snapshot();
    let applied = world.apply(Item::Transaction(leg.clone()));
    let why = removal(&applied);
    assert_eq!((why.cause, why.tx_hash), (RemovalCause::Failed, Some(hash)));
    assert_eq!(why.revert_data[..], hex!("aa"));
    assert_eq!(world.snapshot(), before);

    let again = world.apply(Item::Transaction(leg.clone()));
    assert_eq!(removal(&again).invalid, Some(InvalidReason::Dead), "in the same slot");
    let blocks = world.turn();
    assert_eq!(blocks.len(), 1, "a dead entry makes a block");
    assert_eq!(blocks[0].dead, [hash]);
    let dead = DeadRegistry::isDeadCall { hash };
    assert!(world.call(A, DEAD_REGISTRY, &dead));
    world.turn();
    let later = world.apply(Item::Transaction(leg));
    assert_eq!(removal(&later).invalid, Some(InvalidReason::Dead), "and later");
    assert!(!world.call(B, DEAD_REGISTRY, &dead), "dead on its own rollup only");
    check(&mut world);
}

#[test]
fn t7_more_failures_than_one_system_call_can_record_are_all_dead() {
    let mut world = World::with(1, |spec| spec.failed = FailedPolicy::Remove);
    let probe = world.deploy(A, &Probe::BYTECODE);
    let mut hashes = Vec::new();
    for salt in 0..1_300_u64 {
        let data = run([fail(salt.to_be_bytes().to_vec())]);
        let leg = world.sign(&Draft::new(A, probe, data).gas(100_000));
        hashes.push(leg.tx.hash());
        assert_eq!(removal(&world.apply(Item::Transaction(leg))).cause, RemovalCause::Failed);
    }
    world.turn();
    for hash in hashes {
        assert!(world.realm.is_dead(A, &hash).unwrap());
    }
}

#[test]
fn t9_ether_of_a_remote_weth_withdrawal_gets_home() {
    let mut world = World::new(2);
    let (a, _) = deploy_pair(&mut world);
    let weth = world.deploy(B, &Weth::BYTECODE);
    let proxy = world.proxy(A, B, weth);
    let deposit = Weth::depositCall {}.abi_encode();
    let withdraw = Weth::withdrawCall { amount: U256::from(7) }.abi_encode();
    let steps = run([call(proxy, deposit).value(10), call(proxy, withdraw)]);
    let applied = world.must(Draft::new(A, a, steps).value(10));
    assert_eq!(thread(&applied), ["0 A>B call 10", "1 B>A Ok", "2 A>B call", "3 B>A Ok 7"]);
    assert_eq!(world.balance(A, a), U256::from(7));
    assert_eq!(world.balance(B, weth), U256::from(3));
    assert_eq!(world.balance(B, proxy_address(901, a)), U256::ZERO);
    assert_eq!(world.ether_escrow(B), U256::from(100_000 * ETHER) + U256::from(3));

    // The same in a frame that reverts: the ether is a deposit again.
    let withdraw = Weth::withdrawCall { amount: U256::from(3) }.abi_encode();
    let undone = run([call(proxy, withdraw), fail(Bytes::new())]);
    world.must(Draft::new(A, a, run([attempt(a, undone)])));
    assert_eq!((world.balance(A, a), world.balance(B, weth)), (U256::from(7), U256::from(3)));
    check(&mut world);
}

#[test]
fn t10_reserved_address_acts_for_no_stranger() {
    let (mut world, [a, b]) = pair();
    let forged = [
        &[0_u8][..],
        &902_u64.to_be_bytes(),
        b.as_slice(),
        proxy_address(902, b).as_slice(),
        &bump(1),
    ]
    .concat();
    let before = world.slot(B, b, 1);
    let steps = [
        attempt(RESERVED, forged.clone()),
        attempt(RESERVED, forged.clone()).value(1),
        by(Kind::TryStatic, RESERVED, forged.clone()),
        by(Kind::TryDelegate, RESERVED, forged.clone()),
        by(Kind::TryCallCode, RESERVED, forged.clone()),
        attempt(RESERVED, Bytes::new()),
    ];
    let applied = world.must(Draft::new(A, a, run(steps)).value(1));
    let results = answers(&applied.legs[0].output);
    assert!(results.iter().all(|answer| !answer.ok && answer.data.is_empty()), "{results:?}");
    assert!(applied.hops.is_empty());
    let applied = world.send(Draft::new(A, RESERVED, forged).value(1));
    assert!(!applied.legs[0].success && applied.hops.is_empty());
    assert_eq!(world.balance(A, RESERVED), U256::ZERO);
    assert_eq!(world.slot(B, b, 1), before);
    check(&mut world);
}

#[test]
fn t10_code_of_the_manager_run_by_another_account_is_not_the_manager() {
    let (mut world, [a, b]) = pair();
    let step = |kind| by(kind, MANAGER, try_call(902, b, bump(1)));
    let steps = run([step(Kind::TryDelegate), step(Kind::TryCallCode)]);
    let applied = world.must(Draft::new(A, a, steps));
    assert!(applied.hops.is_empty(), "{:?}", thread(&applied));
    // The code runs and sees a crossing fail for lack of an answer, or stops on the foreign storage.
    for answer in answers(&applied.legs[0].output) {
        assert!(!answer.ok || status(&answer.data) == Status::OutOfGas, "{answer:?}");
    }
    assert_eq!(world.slot(B, b, 1), U256::ZERO);
    check(&mut world);
}

#[test]
fn t10_manager_and_reserved_address_are_no_targets() {
    let (mut world, [a, _]) = pair();
    let create =
        Manager::createCrossChainProxyCall { original: account(5), network: 903 }.abi_encode();
    for target in [MANAGER, RESERVED] {
        let proxy = world.proxy(A, B, target);
        let steps = run([
            attempt(proxy, create.clone()),
            call(MANAGER, try_call(902, target, create.clone())),
            look(MANAGER, try_look(902, target, create.clone())),
        ]);
        let applied = world.must(Draft::new(A, a, steps));
        assert!(applied.hops.is_empty());
        let results = answers(&applied.legs[0].output);
        assert!(!results[0].ok && results[0].data.len() == 36, "ForbiddenTarget(address)");
        assert_eq!(status(&results[1].data), Status::Reverted);
        assert_eq!(status(&results[2].data), Status::Reverted);
    }
    assert_eq!(world.code_len(B, proxy_address(903, account(5))), 0);
    check(&mut world);
}

#[test]
fn t10_nobody_asks_as_a_proxy_without_being_one() {
    let (mut world, [a, _]) = pair();
    let real = world.proxy(A, B, account(3));
    let forged = [&[2][..], account(1).as_slice(), &bump(1)].concat();
    let steps = [
        attempt(RESERVED, forged.clone()),
        attempt(RESERVED, forged).value(1),
        by(Kind::TryDelegate, real, bump(1)),
    ];
    let applied = world.must(Draft::new(A, a, run(steps)).value(1));
    assert!(applied.hops.is_empty());
    let error = Manager::DelegateCallToProxy { context: a }.abi_encode();
    for answer in answers(&applied.legs[0].output) {
        assert!(!answer.ok && answer.data[..] == error[..], "{answer:?}");
    }
    check(&mut world);
}

#[test]
fn t10_proxy_whose_deployment_was_undone_is_none() {
    let (mut world, [a, _]) = pair();
    let original = account(5);
    let create = Manager::createCrossChainProxyCall { original, network: 902 }.abi_encode();
    let proxy = proxy_address(902, original);
    let steps = run([attempt(a, run([call(MANAGER, create), fail([])])), call(proxy, bump(1))]);
    let applied = world.must(Draft::new(A, a, steps));
    assert!(applied.hops.is_empty(), "a call to an address without code");
    assert_eq!(world.code_len(A, proxy), 0);
    check(&mut world);
}

#[test]
fn t11_cheap_gas_does_not_buy_dear_gas() {
    let mut world = World::new(2);
    let (a, b) = deploy_pair(&mut world);
    let proxy = proxy_address(902, b);
    raise_base_fee(&mut world, B, 6);
    let (cheap, dear) = (base_fee(&world, A), base_fee(&world, B));
    assert!(cheap < dear, "{cheap} {dear}");

    let steps = run([call(MANAGER, try_call(902, b, bump(1))), attempt(proxy, bump(1))]);
    let mut draft = Draft::new(A, a, steps);
    (draft.max_fee, draft.tip) = (dear - 1, dear - 1);
    let applied = world.must(draft.clone());
    assert_eq!(
        thread(&applied),
        ["0 A>B call", "1 B>A FeeTooLow", "2 A>B call", "3 B>A FeeTooLow"],
    );
    let results = answers(&applied.legs[0].output);
    assert_eq!(status(&results[0].data), Status::FeeTooLow);
    assert_eq!(results[1].data, Manager::FeeTooLow { network: 902 }.abi_encode());
    let system = on(&applied, B)[0];
    assert_eq!((system.gas_used, system.logs.len()), (0, 0));

    (draft.max_fee, draft.tip) = (dear, dear);
    let applied = world.must(draft);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B call", "3 B>A Ok"]);
    let (home, away) = (on(&applied, A)[0], on(&applied, B)[0]);
    assert!(away.gas_used > 0 && home.gas_used > away.gas_used, "both blocks count them");
    assert_eq!(home.effective_gas_price, dear);
    check(&mut world);
}

#[test]
fn t13_copying_a_transaction_into_a_failing_bundle_does_not_kill_it() {
    let (mut world, [a, b]) = pair();
    let victim = Draft::new(A, a, bump(1)).key(1);
    let killer = Draft::new(B, b, run([fail(Bytes::new())])).key(2);
    let before = world.snapshot();
    let bundle = world.bundle(&[victim, killer]);
    let applied = world.apply(bundle.clone());
    let why = removal(&applied);
    assert_eq!((why.cause, why.network, why.leg), (RemovalCause::Failed, B, 1));
    assert_eq!(world.snapshot(), before);
    for leg in bundle.legs() {
        assert!(!world.realm.is_dead(leg.network, &leg.tx.hash()).unwrap());
    }
    assert!(!world.realm.is_dead(A, &bundle.bundle().unwrap().id().hash()).unwrap());
    world.turn();
    let applied = world.apply(Item::Transaction(bundle.legs()[0].clone()));
    assert!(applied.legs[0].success);
    check(&mut world);
}

#[test]
fn t13_transaction_at_a_nonce_gap_runs_once_the_gap_is_filled() {
    let mut world = World::with(2, |spec| spec.failed = FailedPolicy::Remove);
    let (a, _) = deploy_pair(&mut world);
    let second = world.sign(&Draft::new(A, a, bump(1)).key(1).nonce(1));
    let early = world.apply(Item::Transaction(second.clone()));
    let why = removal(&early);
    let expected = (RemovalCause::Invalid, Some(InvalidReason::NonceTooHigh));
    assert_eq!((why.cause, why.invalid), expected);
    world.turn();
    world.must(Draft::new(A, a, bump(1)).key(1));
    assert!(world.apply(Item::Transaction(second)).legs[0].success);
    check(&mut world);
}

#[test]
fn t13_marked_bundle_that_failed_is_dead() {
    let (mut world, [a, b]) = pair();
    let switch = Draft::new(B, b, run([call(b, set(9, 1))])).key(3);
    let legs =
        [Draft::new(A, a, bump(1)).key(1), Draft::new(B, b, run([fail(Bytes::new())])).key(2)];
    let bundle = world.marked_bundle(&legs);
    let before = world.snapshot();
    let applied = world.apply(bundle.clone());
    assert_eq!(removal(&applied).cause, RemovalCause::Failed);
    assert_eq!(world.snapshot(), before);
    let again = world.apply(bundle.clone());
    assert_eq!(removal(&again).invalid, Some(InvalidReason::Dead), "in the same slot");
    // Lifted out, a marked leg is worth nothing.
    let lifted = world.apply(Item::Transaction(bundle.legs()[0].clone()));
    assert_eq!(removal(&lifted).invalid, Some(InvalidReason::Unbundled));
    let blocks = world.turn();
    assert_eq!(blocks.iter().map(|block| block.network).collect::<Vec<_>>(), [A, B]);
    world.must(switch);
    let later = world.apply(bundle);
    assert_eq!(removal(&later).invalid, Some(InvalidReason::Dead), "and later");
    check(&mut world);
}

#[test]
fn t13_invalid_marked_bundle_stays_executable() {
    let (mut world, [a, b]) = pair();
    let legs = [Draft::new(A, a, bump(1)).key(1), Draft::new(B, b, bump(1)).key(2).nonce(1)];
    let bundle = world.marked_bundle(&legs);
    assert_eq!(removal(&world.apply(bundle.clone())).invalid, Some(InvalidReason::NonceTooHigh));
    world.must(Draft::new(B, b, bump(1)).key(2));
    assert_eq!(world.apply(bundle).outcome, Outcome::Included);
    check(&mut world);
}

#[test]
fn t14_logs_appear_once_and_blocks_decode() {
    let (mut world, [a, b]) = pair();
    let back = run([call(proxy_address(901, a), bump(2)), call(b, bump(3))]);
    let steps = run([call(a, bump(1)), call(proxy_address(902, b), back)]);
    let nonce = world.nonce(B, SYSTEM_SENDER);
    for _ in 0..3 {
        let applied = world.must(Draft::new(A, a, steps.clone()));
        assert_eq!(on(&applied, A).len(), 1);
        assert_eq!(on(&applied, A)[0].logs.len(), 2, "bump(1) and the re-entrant bump(2)");
        let away = on(&applied, B)[0];
        assert!(away.logs.iter().all(|log| log.address == b || log.address == MANAGER));
    }
    let blocks = world.turn();
    assert_eq!(blocks.len(), 2);
    for block in &blocks {
        assert_stock_block(block);
    }
    let inbound = &blocks[1].transactions;
    for (index, tx) in inbound.iter().enumerate() {
        assert!(tx.is_system && tx.success && tx.sender == SYSTEM_SENDER);
        assert_eq!(tx.tx.nonce(), nonce + index as u64);
        assert_eq!((tx.tx.to(), tx.tx.value()), (Some(MANAGER), U256::ZERO));
        assert_eq!((tx.tx.gas_limit(), tx.tx.gas_price()), (tx.gas_used, Some(0)));
        assert_eq!(tx.tx.chain_id(), Some(902));
        let signature = tx.tx.signature();
        assert!(signature.r().is_zero() && signature.s().is_zero());
    }
    check(&mut world);
}

/// Decodes every transaction with stock types and recomputes the header's roots.
fn assert_stock_block(block: &weft_evm::ClosedBlock) {
    let decode = |tx: &weft_evm::BlockTx| {
        let raw = tx.tx.encoded_2718();
        let decoded = TxEnvelope::decode_2718(&mut raw.as_slice()).unwrap();
        assert_eq!(decoded, *tx.tx);
        assert_eq!(*decoded.tx_hash(), keccak256(&raw));
        decoded
    };
    let decoded: Vec<_> = block.transactions.iter().map(decode).collect();
    let receipts = receipts(&block.transactions);
    assert_eq!(calculate_transaction_root(&decoded), block.header.transactions_root);
    assert_eq!(calculate_receipt_root(&receipts), block.header.receipts_root);
    let used: u64 = block.transactions.iter().map(|tx| tx.gas_used).sum();
    assert_eq!(used, block.header.gas_used);
    assert_eq!(receipts.last().unwrap().cumulative_gas_used(), used);
    assert_eq!(block.header.hash_slow(), block.hash);
}

/// A probe on each of two rollups, with proxies both ways.
pub(crate) fn pair() -> (World, [Address; 2]) {
    let mut world = World::new(2);
    let (a, b) = deploy_pair(&mut world);
    (world, [a, b])
}

fn deploy_pair(world: &mut World) -> (Address, Address) {
    let a = world.deploy(A, &Probe::BYTECODE);
    world.must(Draft::new(B, account(9), Bytes::new()).key(9));
    let b = world.deploy(B, &Probe::BYTECODE);
    world.proxy(A, B, b);
    world.proxy(B, A, a);
    world.turn();
    (a, b)
}

/// Fills blocks of a rollup, whose base fee rises by up to an eighth with each.
fn raise_base_fee(world: &mut World, network: NetworkId, blocks: usize) {
    let burner = world.deploy(network, &Probe::BYTECODE);
    let burn = Probe::burnCall {}.abi_encode();
    for _ in 0..blocks {
        for key in [4, 5, 6] {
            let draft = Draft::new(network, burner, burn.clone()).key(key).gas(16_000_000);
            assert!(!world.send(draft).legs[0].success);
        }
        world.turn();
    }
}

fn base_fee(world: &World, network: NetworkId) -> u128 {
    world.realm.block_env(network).unwrap().basefee.into()
}
