//! What is refused, what waits.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::U256;
use serde_json::{Value, json};
use weft_node::{DevConfig, Limits};

async fn refused(world: &World, draft: &Draft) -> (i32, String) {
    let raw = json!([draft.raw()]);
    let error = world.refused(draft.chain_id, "eth_sendRawTransaction", raw).await;
    (error.code(), error.message().to_owned())
}

#[tokio::test]
async fn invalid_transactions_are_refused_with_the_words_of_geth() {
    let world = World::start().await;
    world.send(&Draft::new(A, 0, 0)).await;
    let plain = Draft::new(A, 0, 1);
    let table = [
        (Draft { nonce: 0, value: U256::from(1), ..plain.clone() }, "nonce too low"),
        (
            Draft { value: U256::MAX >> 8, ..plain.clone() },
            "insufficient funds for gas * price + value",
        ),
        (Draft { fee: 1, ..plain.clone() }, "max fee per gas less than block base fee"),
        (Draft { gas: 20_999, ..plain.clone() }, "intrinsic gas too low"),
        (Draft { gas: 16_777_217, ..plain.clone() }, "transaction gas limit too high"),
        (Draft { gas: 60_000_001, ..plain.clone() }, "exceeds block gas limit"),
        (
            Draft { to: None, data: vec![0; 49_153].into(), gas: 10_000_000, ..plain.clone() },
            "max initcode size exceeded",
        ),
        (
            Draft { data: vec![1; 2_000].into(), gas: 60_000, ..plain.clone() },
            "insufficient gas for floor data gas cost",
        ),
        (Draft { data: vec![0; 130_000].into(), gas: 16_000_000, ..plain.clone() }, ""),
    ];
    for (draft, expected) in table.iter().take(8) {
        let (code, message) = refused(&world, draft).await;
        assert_eq!((code, message.starts_with(expected)), (-32000, true), "{message}");
    }
    world.send(&table[8].0).await;
}

#[tokio::test]
async fn transactions_of_other_chains_and_kinds_are_refused() {
    let world = World::start().await;
    let draft = Draft::new(A, 0, 0);
    let error = world.refused(B, "eth_sendRawTransaction", json!([draft.raw()])).await;
    assert_eq!(error.code(), -32000);
    assert_eq!(error.message(), "invalid chain id for signer: have 901 want 902");
    let oversized = Draft { data: vec![1; 131_072].into(), gas: 16_000_000, ..draft.clone() };
    let (_, message) = refused(&world, &oversized).await;
    assert!(message.starts_with("oversized data"), "{message}");
    for (raw, code) in [("0x", -32602), ("0x02c0", -32602), ("0xdeadbeef", -32602)] {
        let error = world.refused(A, "eth_sendRawTransaction", json!([raw])).await;
        assert_eq!(error.code(), code, "{raw}: {}", error.message());
    }
    world.send(&draft).await;
    let (_, message) = refused(&world, &draft).await;
    assert_eq!(message, "already known");
}

#[tokio::test]
async fn a_nonce_gap_waits_until_it_closes() {
    let world = World::start().await;
    let late = [world.send(&Draft::new(A, 0, 2)).await, world.send(&Draft::new(A, 0, 1)).await];
    assert_eq!(world.rpc(A, "txpool_status", json!([])).await["queued"], "0x2");
    let waiting = world.rpc(A, "eth_getTransactionByHash", json!([late[0]])).await;
    assert_eq!(waiting["blockNumber"], Value::Null);
    assert_eq!(world.receipt(A, late[0]).await, Value::Null);
    world.send(&Draft::new(A, 0, 0)).await;
    for hash in late {
        assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    }
    assert_eq!(world.rpc(A, "txpool_status", json!([])).await["queued"], "0x0");
}

#[tokio::test]
async fn a_waiting_transaction_is_replaced_by_one_that_pays_more() {
    let world = World::start().await;
    let first = Draft::new(A, 0, 1);
    world.send(&first).await;
    let same = Draft { value: U256::from(1), ..first.clone() };
    assert_eq!(refused(&world, &same).await.1, "replacement transaction underpriced");
    let better = world.send(&Draft { fee: first.fee * 2, ..same }).await;
    world.send(&Draft::new(A, 0, 0)).await;
    assert_eq!(world.receipt(A, better).await["status"], "0x1");
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let limits = Limits { max_pending: 3, max_pending_per_sender: 2, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    for nonce in [1, 2] {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    assert_eq!(refused(&world, &Draft::new(A, 0, 3)).await.0, -32005);
    world.send(&Draft::new(A, 1, 1)).await;
    assert_eq!(refused(&world, &Draft::new(A, 2, 1)).await.0, -32005);
}

#[tokio::test]
async fn a_full_block_lets_transactions_wait_for_the_next_slot() {
    let world = World::with_slots().await;
    // An endless loop: JUMPDEST PUSH0 JUMP
    let to = alloy_primitives::Address::with_last_byte(0x99);
    world.rpc(A, "anvil_setCode", json!([to, "0x5b5f56"])).await;
    let burn = |nonce| Draft { gas: 16_000_000, ..Draft::new(A, 0, nonce).pay(to, 0) };
    let mut hashes = Vec::new();
    for nonce in 0..5 {
        hashes.push(world.send(&burn(nonce)).await);
    }
    let other = world.send(&Draft::new(A, 1, 0)).await;
    let next = world.rpc(A, "eth_getTransactionCount", json!([address(0), "pending"])).await;
    assert_eq!(next, "0x4", "the fourth waits for space, the fifth for its nonce");
    world.rpc(A, "evm_mine", json!([])).await;
    assert_eq!(world.receipt(A, hashes[2]).await["blockNumber"], "0x1");
    assert_eq!(world.receipt(A, other).await["blockNumber"], "0x1");
    assert_eq!(world.receipt(A, hashes[3]).await, Value::Null);
    world.rpc(A, "evm_mine", json!([])).await;
    for hash in &hashes[3..] {
        assert_eq!(world.receipt(A, hash).await["blockNumber"], "0x2");
    }
}

#[tokio::test]
async fn t13_a_transaction_that_became_invalid_while_it_waited_may_come_again() {
    let world = World::with_slots().await;
    let to = alloy_primitives::Address::with_last_byte(0x99);
    world.rpc(A, "anvil_setCode", json!([to, "0x5b5f56"])).await;
    for account in 0..3 {
        world.send(&Draft { gas: 16_000_000, ..Draft::new(A, account, 0).pay(to, 0) }).await;
    }
    let late = Draft { gas: 16_000_000, ..Draft::new(A, 3, 0).pay(to, 0) };
    let hash = world.send(&late).await;
    world.rpc(A, "anvil_setBalance", json!([address(3), "0x0"])).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([hash])).await;
    assert_eq!((&outcome["outcome"], &outcome["cause"]), (&json!("removed"), &json!("Invalid")));
    world.rpc(A, "anvil_setBalance", json!([address(3), config().balance])).await;
    assert_eq!(world.send(&late).await, hash);
    world.rpc(A, "evm_mine", json!([])).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x0");
}

#[tokio::test]
async fn remembered_outcomes_are_bounded_in_bytes() {
    let limits = Limits { max_outcome_bytes: 100_000, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let data = alloy_primitives::Bytes::from(vec![1; 30_000]);
    let mut hashes = Vec::new();
    for nonce in 0..4 {
        let draft = Draft { data: data.clone(), gas: 2_000_000, ..Draft::new(A, 0, nonce) };
        hashes.push(world.send(&draft).await);
    }
    let outcome = |hash| world.rpc(A, "weft_getOutcome", json!([hash]));
    assert_eq!(outcome(hashes[0]).await, Value::Null, "the oldest goes first");
    for hash in &hashes[1..] {
        assert_eq!(outcome(*hash).await["outcome"], "included");
    }
    let huge = Draft { data: vec![1; 120_000].into(), gas: 16_000_000, ..Draft::new(A, 0, 4) };
    let hash = world.send(&huge).await;
    assert_eq!(outcome(hash).await["outcome"], "included", "the last one stays, whatever its size");
    assert_eq!(outcome(hashes[3]).await, Value::Null);
}
