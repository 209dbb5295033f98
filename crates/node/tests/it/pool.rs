//! What is refused, what waits.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{B256, U256, keccak256};
use serde_json::{Value, json};
use weft_node::{DevConfig, Limits, Mining, Node, Priority};
use weft_types::Statement;

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
    let underpriced = [
        same.clone(),
        Draft { fee: first.fee * 2, ..same.clone() },
        Draft { tip: first.tip * 2, ..same.clone() },
        Draft { fee: first.fee * 11 / 10 - 1, tip: first.tip * 2, ..same.clone() },
    ];
    for draft in underpriced {
        let expected = (-32000, "replacement transaction underpriced".to_owned());
        assert_eq!(refused(&world, &draft).await, expected);
    }
    let bumped = Draft { fee: first.fee * 11 / 10, tip: first.tip * 11 / 10, ..same };
    let better = world.send(&bumped).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([keccak256(first.raw())])).await;
    assert_eq!(outcome["outcome"], "dropped", "{outcome}");
    assert_eq!(outcome["reason"], format!("replaced by {better}"));
    world.send(&Draft::new(A, 0, 0)).await;
    assert_eq!(world.receipt(A, better).await["status"], "0x1");
    // What has a position was promised it, whatever others pay.
    let richer = Draft { fee: bumped.fee * 2, tip: bumped.tip * 2, ..bumped };
    assert!(refused(&world, &richer).await.1.starts_with("nonce too low"));
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let limits = Limits { max_gapped: 3, max_pending_per_sender: 2, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    for nonce in [1, 2] {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    let raw = |account, nonce| json!([Draft::new(A, account, nonce).raw()]);
    let error = world.refused(A, "eth_sendRawTransaction", raw(0, 3)).await;
    assert_eq!(error.code(), -32005, "{error:?}");
    world.send(&Draft::new(A, 1, 1)).await;
    let error = world.refused(A, "eth_sendRawTransaction", raw(2, 1)).await;
    assert_eq!((error.code(), error.message()), (-32005, "txpool is full"));
    let data: Value = serde_json::from_str(error.data().unwrap().get()).unwrap();
    assert!(data["retryAfterMs"].as_u64().unwrap() >= 1, "{data}");
    world.send(&Draft::new(A, 2, 0)).await;
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
    assert_eq!(next, "0x5", "the fourth waits for space, the fifth for the fourth");
    let status = world.rpc(A, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x6", "queued": "0x0" }));
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
    assert_eq!(outcome["outcome"], "dropped", "it never had a position: {outcome}");
    assert!(outcome["reason"].as_str().unwrap().starts_with("insufficient funds"), "{outcome}");
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

/// Starts a node whose slots begin with auctions.
async fn auction(limits: Limits) -> World {
    let (mining, priority) = (Mining::Slots, Priority::Fees);
    World::with(DevConfig { mining, priority, slot_ms: 30_000, limits, ..config() }).await
}

#[tokio::test]
async fn an_auction_orders_by_tip_then_by_arrival_and_promises_only_then() {
    let world = auction(Limits::default()).await;
    let bid = |account, nonce, gwei: u128| Draft {
        tip: gwei * 1_000_000_000,
        ..Draft::new(A, account, nonce)
    };
    let bids = [bid(0, 0, 1), bid(1, 0, 3), bid(2, 0, 2), bid(3, 0, 1), bid(3, 1, 9)];
    let mut sent = Vec::new();
    for bid in &bids {
        sent.push(world.send(bid).await);
    }
    let outbid = Draft { fee: bids[2].fee * 2, ..bid(2, 0, 4) };
    sent[2] = world.send(&outbid).await;
    for hash in &sent {
        assert_eq!(world.rpc(A, "weft_getPromise", json!([hash])).await, Value::Null);
    }
    assert_eq!(world.rpc(A, "txpool_status", json!([])).await["pending"], "0x5");
    world.rpc(A, "evm_mine", json!([])).await;
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    let expected = [2, 1, 0, 3, 4].map(|index| sent[index]);
    assert_eq!(block["transactions"], json!(expected));
    for (index, hash) in expected.iter().enumerate() {
        let promise = world.rpc(A, "weft_getPromise", json!([hash])).await;
        let order = weft_promise::read_promise(&promise["order"].to_string()).unwrap().0;
        let Statement::Order(order) = &order.statement else { panic!("{promise}") };
        assert_eq!(order.position.index as usize, index);
    }
}

#[tokio::test]
async fn an_auction_needs_slots_that_close_with_the_clock() {
    let config = DevConfig { priority: Priority::Fees, ..config() };
    let error = Node::start(config).await.unwrap_err();
    assert!(error.to_string().contains("auction"), "{error}");
}

#[tokio::test]
async fn what_waits_too_long_is_dropped() {
    let limits = Limits { pending_ttl: std::time::Duration::ZERO, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let hash = world.send(&Draft::new(A, 0, 1)).await;
    // Any request lets time pass.
    let outcome = world.rpc(A, "weft_getOutcome", json!([hash])).await;
    assert_eq!(outcome["outcome"], "dropped");
    assert!(outcome["reason"].as_str().unwrap().starts_with("expired"), "{outcome}");
    assert_eq!(world.rpc(A, "txpool_status", json!([])).await["queued"], "0x0");
}

#[tokio::test]
async fn every_rollup_has_its_own_base_fee() {
    let world = World::with_slots().await;
    let base_fee = |chain| world.rpc(chain, "eth_getBlockByNumber", json!(["pending", false]));
    let before = base_fee(A).await["baseFeePerGas"].clone();
    assert_eq!(before, base_fee(B).await["baseFeePerGas"]);
    let to = alloy_primitives::Address::with_last_byte(0x99);
    world.rpc(A, "anvil_setCode", json!([to, "0x5b5f56"])).await;
    for nonce in 0..3 {
        world.send(&Draft { gas: 16_000_000, ..Draft::new(A, 0, nonce).pay(to, 0) }).await;
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let fee = |text: &Value| serde_json::from_value::<U256>(text.clone()).unwrap();
    let after = fee(&base_fee(A).await["baseFeePerGas"]);
    assert!(after > fee(&before), "48 of 60 million units are over the target");
    assert!(fee(&base_fee(B).await["baseFeePerGas"]) <= fee(&before));
}

#[tokio::test]
async fn a_batch_is_answered_in_order_with_everything_in_it() {
    let world = World::start().await;
    let raw = |nonce| Draft::new(A, 0, nonce).raw();
    let call = |id: u64, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let send = |id, nonce| call(id, "eth_sendRawTransaction", json!([raw(nonce)]));
    let balance = json!([address(0), "latest"]);
    let batch = json!([
        send(1, 0),
        send(2, 1),
        call(3, "eth_getTransactionCount", balance.clone()),
        send(4, 1),
        call(5, "eth_sendRawTransaction", json!(["nonsense"])),
        call(6, "eth_sendRawTransaction", json!([])),
        send(7, 2),
        { "jsonrpc": "2.0", "method": "eth_chainId" },
        call(8, "eth_getTransactionCount", balance),
        { "id": 9 },
    ]);
    let answers = world.batch(A, &batch).await;
    let answers = answers.as_array().unwrap();
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(json!(ids), json!([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    for (index, nonce) in [(0, 0), (1, 1), (6, 2)] {
        assert_eq!(answers[index]["result"], json!(keccak256(raw(nonce))));
    }
    assert_eq!((&answers[2]["result"], &answers[7]["result"]), (&json!("0x2"), &json!("0x3")));
    let error =
        |index: usize| (&answers[index]["error"]["code"], &answers[index]["error"]["message"]);
    assert_eq!(error(3), (&json!(-32000), &json!("already known")));
    assert_eq!(error(5).1, "missing value for required argument 0");
    assert_eq!((error(4).0, error(8).0), (&json!(-32602), &json!(-32600)));
}

/// Sends everything at once and tells what was accepted and what was refused for want of room.
async fn flood(world: &World, batches: Vec<Vec<Draft>>) -> (Vec<B256>, usize) {
    let send = |batch: &Vec<Draft>| {
        let calls = batch.iter().map(|draft| {
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [draft.raw()] })
        });
        Value::Array(calls.collect())
    };
    let requests: Vec<Value> = batches.iter().map(send).collect();
    let answers = world.batches(A, &requests).await;
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for answer in answers.iter().flat_map(|batch| batch.as_array().unwrap()) {
        if let Some(hash) = answer["result"].as_str() {
            accepted.push(hash.parse().unwrap());
            continue;
        }
        assert_eq!(answer["error"]["code"], -32005, "{answer}");
        assert!(answer["error"]["data"]["retryAfterMs"].as_u64().unwrap() >= 10, "{answer}");
        refused += 1;
    }
    (accepted, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_refused_at_once_and_what_was_accepted_is_kept() {
    let limits = Limits { max_intake: 64, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    // One batch per sender, so that a refusal leaves no gap before something accepted.
    let batch = |account| (0..40).map(|nonce| Draft::new(A, account, nonce)).collect();
    let (accepted, refused) = flood(&world, (0..8).map(batch).collect()).await;
    assert_eq!((accepted.len() % 40, refused % 40), (0, 0), "a batch has room or not");
    assert!(accepted.len() >= 40 && refused >= 40, "two batches are larger than the room");
    assert_eq!(accepted.len() + refused, 320);
    for hash in &accepted {
        assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    }
}
