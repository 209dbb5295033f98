//! Promises over RPC: what is signed, who hears of it, and sync sends.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use jsonrpsee::{core::client::SubscriptionClientT, rpc_params, ws_client::WsClientBuilder};
use serde_json::{Value, json};
use std::collections::HashMap;
use weft_node::{DevConfig, Mining, Priority, RollupConfig};
use weft_promise::read_promise;
use weft_types::{Equivocation, SignedPromise, Statement};

/// Reads a promise from an answer and checks it.
fn promise(answer: &Value) -> SignedPromise {
    read_promise(&answer.to_string()).unwrap().0
}

#[tokio::test]
async fn p14_every_accepted_item_gets_an_order_and_an_execution_promise() {
    let world = World::start().await;
    let key = world.rpc(A, "weft_getPromiseKey", json!([])).await;
    assert_eq!((&key["signing"], &key["stopped"]), (&json!(true), &Value::Null));
    let mut last: Option<SignedPromise> = None;
    for nonce in 0..3 {
        let hash = world.send(&Draft::new(A, 0, nonce).pay(address(5), 1)).await;
        let answer = world.rpc(B, "weft_getPromise", json!([hash])).await;
        assert_eq!(answer["order"]["key"], key["key"]);
        let order = promise(&answer["order"]);
        let execution = promise(&answer["execution"]);
        let (Statement::Order(order_of), Statement::Execution(result)) =
            (&order.statement, &execution.statement)
        else {
            panic!("{answer}");
        };
        assert_eq!((order_of.position, order_of.chain), (result.position, result.chain));
        let receipt = world.rpc(A, "eth_getTransactionReceipt", json!([hash])).await;
        let leg = &result.legs[0];
        assert_eq!(json!(leg.tx_hash), receipt["transactionHash"]);
        assert_eq!(json!(format!("{:#x}", leg.gas_used)), receipt["gasUsed"]);
        assert_eq!(json!(format!("{:#x}", leg.block_number)), receipt["blockNumber"]);
        assert_eq!((leg.success, leg.output_hash), (true, keccak256([])));
        let block = world.rpc(A, "eth_getBlockByHash", json!([receipt["blockHash"], false])).await;
        assert_eq!(block["parentHash"], json!(leg.parent_hash));
        let by_item = world.rpc(A, "weft_getPromise", json!([order_of.item])).await;
        assert_eq!(by_item, answer);
        if let Some(last) = last.replace(order) {
            assert!(Equivocation::new(last, execution).is_err());
        }
    }
    assert_eq!(world.rpc(A, "weft_getPromise", json!([B256::ZERO])).await, Value::Null);
}

#[tokio::test]
async fn malformed_questions_are_refused() {
    let world = World::start().await;
    for params in [json!([]), json!(["0x12"]), json!([7])] {
        assert_eq!(world.refused(A, "weft_getPromise", params).await.code(), -32602);
    }
}

#[tokio::test]
async fn p16_the_feed_carries_every_promise_and_checkpoints_and_no_contradiction() {
    let world = World::start().await;
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::new().build(url).await.unwrap();
    let params = rpc_params!["promises"];
    let mut feed =
        client.subscribe::<Value, _>("weft_subscribe", params, "weft_unsubscribe").await.unwrap();
    for nonce in 0..3 {
        world.send(&Draft::new(A, 0, nonce).pay(address(5), 1)).await;
    }
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    let mut heard: Vec<SignedPromise> = Vec::new();
    while kinds.len() < 3 || kinds["execution"] < 3 || kinds["checkpoint"] < 3 {
        let promise = promise(&feed.next().await.unwrap().unwrap());
        for other in &heard {
            assert!(Equivocation::new(other.clone(), promise.clone()).is_err());
        }
        *kinds.entry(kind(&promise.statement)).or_default() += 1;
        heard.push(promise);
    }
    assert_eq!(kinds["order"], 3);
}

const fn kind(statement: &Statement) -> &'static str {
    match statement {
        Statement::Order(_) => "order",
        Statement::Execution(_) => "execution",
        Statement::Checkpoint(_) => "checkpoint",
        Statement::Bundle(_) => "bundle",
    }
}

#[tokio::test]
async fn flashblocks_tell_the_open_block_piece_by_piece() {
    let world = World::start().await;
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::new().build(url).await.unwrap();
    let params = rpc_params!["flashblocks"];
    let mut feed =
        client.subscribe::<Value, _>("weft_subscribe", params, "weft_unsubscribe").await.unwrap();
    let draft = Draft::new(A, 0, 0).pay(address(5), 1);
    let raw: Bytes = draft.raw();
    let answer = world.rpc(A, "eth_sendRawTransactionSync", json!([raw])).await;
    let piece = feed.next().await.unwrap().unwrap();
    assert_eq!(piece["index"], 0);
    assert_eq!(piece["diff"]["transactions"], json!([raw]));
    assert_eq!(piece["base"]["block_number"], answer["blockNumber"]);
    let hash = answer["transactionHash"].as_str().unwrap();
    assert_eq!(piece["metadata"]["receipts"][hash]["gasUsed"], answer["gasUsed"]);
    let unknown = client
        .subscribe::<Value, _>("weft_subscribe", rpc_params!["nothing"], "weft_unsubscribe")
        .await;
    assert!(unknown.is_err());
}

#[tokio::test]
async fn p31_sync_sends_answer_with_a_receipt_or_with_the_codes_of_eip_7966() {
    let world = World::start().await;
    let send = |draft: &Draft| json!([draft.raw(), 500]);
    let first = Draft::new(A, 0, 0).pay(address(5), 1);
    let receipt = world.rpc(A, "eth_sendRawTransactionSync", send(&first)).await;
    assert_eq!((&receipt["status"], &receipt["weftFinality"]), (&json!("0x1"), &json!("executed")));
    assert_eq!(receipt["weftSafety"], "reputation");
    let gap = Draft::new(A, 0, 5).pay(address(5), 1);
    let error = world.refused(A, "eth_sendRawTransactionSync", send(&gap)).await;
    assert_eq!((error.code(), error.data().unwrap().get()), (6, "\"0x1\""));
    for params in [json!([]), json!(["0x"]), json!(["zz"]), json!([1])] {
        let error = world.refused(A, "eth_sendRawTransactionSync", params).await;
        assert!([-32602, -32000].contains(&error.code()), "{error:?}");
    }
}

/// Code 4: accepted, and no receipt in time, as its slot is still to come. Code 5: accepted, and waits for other legs.
#[tokio::test]
async fn p31_a_sync_send_that_has_to_wait_says_for_what() {
    let (mining, priority) = (Mining::Slots, Priority::Fees);
    let world = World::with(DevConfig { mining, priority, slot_ms: 12_000, ..config() }).await;
    let waits = Draft::new(A, 0, 0).pay(address(5), 1);
    let sent = json!([waits.raw(), 20]);
    let error = world.refused(A, "eth_sendRawTransactionSync", sent).await;
    assert_eq!(error.code(), 4, "{error}");
    assert_eq!(error.data().unwrap().get(), json!(waits.hash()).to_string());
    let found = world.rpc(A, "eth_getTransactionByHash", json!([waits.hash()])).await;
    assert_eq!(found["blockHash"], Value::Null);

    let request = json!({ "legs": [
        { "chainId": A, "from": address(1), "to": address(9), "value": "0x1" },
        { "chainId": B, "from": address(1), "to": address(9), "value": "0x2" },
    ]});
    let prepared = world.rpc(A, "weft_prepareBundle", json!([request])).await;
    let data: Bytes = serde_json::from_value(prepared["legs"][0]["data"].clone()).unwrap();
    let leg = Draft { data, ..Draft::new(A, 1, 0).pay(address(9), 1) };
    let error = world.refused(A, "eth_sendRawTransactionSync", json!([leg.raw(), 20])).await;
    assert_eq!(error.code(), 5, "{error}");
    assert_eq!(error.data().unwrap().get(), json!(leg.hash()).to_string());
}

/// On a rollup that removes what fails, a sync send brings the reason, and nothing is in a block or paid for (P5).
#[tokio::test]
async fn p5_a_rollup_may_remove_what_fails() {
    let accounts = address(1);
    let rollup = |id: u64, removes_failed| RollupConfig {
        removes_failed,
        allocations: vec![(accounts, U256::from(10).pow(U256::from(20)))],
        ..RollupConfig::new(u32::try_from(id).unwrap())
    };
    let listed = vec![rollup(A, true), rollup(B, false)];
    let world = World::with(DevConfig { rollups: 0, listed, ..config() }).await;
    let chains = world.rpc(A, "weft_chains", json!([])).await;
    assert_eq!(
        (&chains["chains"][0]["failed"], &chains["chains"][1]["failed"]),
        (&json!("remove"), &json!("keep"))
    );
    // Creation code that reverts with four bytes.
    let code: Bytes = "0x63deadbeef5f526004601cfd".parse().unwrap();
    let fails = |chain| Draft { gas: 200_000, ..Draft::new(chain, 1, 0).create(&code) };
    let before = world.balance(A, accounts, "latest").await;
    let sent = json!([fails(A).raw(), 500]);
    let error = world.refused(A, "eth_sendRawTransactionSync", sent).await;
    let data: Value = serde_json::from_str(error.data().unwrap().get()).unwrap();
    assert_eq!(
        (error.code(), &data["cause"], &data["revertData"]),
        (3, &json!("Failed"), &json!("0xdeadbeef"))
    );
    assert_eq!(world.receipt(A, fails(A).hash()).await, Value::Null);
    assert_eq!(world.balance(A, accounts, "latest").await, before);
    // It is dead (P4), and its nonce is not used.
    world.refused(A, "eth_sendRawTransaction", json!([fails(A).raw()])).await;
    world.send(&Draft::new(A, 1, 0).pay(address(9), 1)).await;
    let kept = world.rpc(B, "eth_sendRawTransactionSync", json!([fails(B).raw(), 500])).await;
    assert_eq!(kept["status"], "0x0");
}
