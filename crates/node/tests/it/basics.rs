//! What every wallet and library asks for.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolError, SolValue};
use serde_json::{Value, json};
use weft_contracts::Counter;
use weft_node::{DevConfig, Node, NodeError};

#[tokio::test]
async fn rollups_have_their_own_ports_and_chain_ids() {
    let world = World::start().await;
    let chains = world.rpc(A, "weft_chains", json!([])).await;
    assert_eq!(world.node.rollups().len(), 3);
    for (index, info) in world.node.rollups().iter().enumerate() {
        let id = A + index as u64;
        assert_eq!(info.chain_id, id);
        assert_eq!(world.rpc(id, "eth_chainId", json!([])).await, format!("{id:#x}"));
        assert_eq!(world.rpc(id, "net_version", json!([])).await, id.to_string());
        assert_eq!(chains["chains"][index]["url"], info.url);
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = World::start().await;
    let port = world.node.rollups()[0].url.rsplit_once(':').unwrap().1.parse().unwrap();
    let error = Node::start(DevConfig { port, ..config() }).await.unwrap_err();
    assert!(
        matches!(&error, NodeError::Listen { address, .. } if address.ends_with(&port.to_string()))
    );
}

#[tokio::test]
async fn transfers_have_receipts_and_move_ether() {
    let world = World::start().await;
    let hash = world.send(&Draft::new(A, 0, 0).pay(address(9), 5)).await;
    let receipt = world.receipt(A, hash).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["type"], "0x2");
    assert_eq!(receipt["blockNumber"], "0x1");
    assert_eq!(receipt["from"], json!(address(0)));
    assert_eq!(receipt["logs"], json!([]));
    let start = config().balance;
    assert_eq!(world.balance(A, address(9), "latest").await, start + U256::from(5));
    assert_eq!(world.balance(A, address(9), "0x0").await, start);
    assert_eq!(world.balance(B, address(9), "latest").await, start);
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["transactions"][0]["hash"], json!(hash));
    assert_eq!(block["transactions"][0]["blockHash"], block["hash"]);
    assert_eq!((&block["uncles"], &block["withdrawals"]), (&json!([]), &json!([])));
    let by_hash = world.rpc(A, "eth_getBlockByHash", json!([block["hash"], false])).await;
    assert_eq!(by_hash["transactions"], json!([hash]));
    let tx = world.rpc(A, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(tx, block["transactions"][0]);
    assert_eq!(world.rpc(A, "eth_getTransactionCount", json!([address(0), "latest"])).await, "0x1");
}

#[tokio::test]
async fn contracts_are_deployed_read_and_logged() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let hash = world.send(&Draft::new(A, 0, 1).call(counter, Counter::incrementCall {})).await;
    let filter = json!([{ "address": counter, "fromBlock": "0x0" }]);
    let logs = world.rpc(A, "eth_getLogs", filter).await;
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(logs[0]["transactionHash"], json!(hash));
    assert_eq!(logs[0]["logIndex"], "0x0");
    assert_eq!(logs[0]["removed"], false);
    assert_eq!(world.receipt(A, hash).await["logs"], logs);
    let slot = world.rpc(A, "eth_getStorageAt", json!([counter, "0x0", "latest"])).await;
    assert_eq!(slot, format!("{:#066x}", 1));
    let before = world.rpc(A, "eth_getStorageAt", json!([counter, "0x0", "0x1"])).await;
    assert_eq!(before, format!("{:#066x}", 0));
}

#[tokio::test]
async fn reverted_calls_answer_with_code_3_and_data() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let data = alloy_primitives::Bytes::from(Counter::incrementAndRevertCall {}.abi_encode());
    let call = json!([{ "to": counter, "data": data }, "latest"]);
    for method in ["eth_call", "eth_estimateGas"] {
        let error = world.refused(A, method, call.clone()).await;
        assert_eq!(error.code(), 3);
        let selector = "0x".to_owned() + &alloy_primitives::hex::encode(Counter::Refused::SELECTOR);
        let data: Value = serde_json::from_str(error.data().unwrap().get()).unwrap();
        assert!(data.as_str().unwrap().starts_with(&selector), "{data}");
    }
}

#[tokio::test]
async fn failed_transactions_stay_with_a_receipt() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let draft = Draft::new(A, 0, 1).call(counter, Counter::incrementAndRevertCall {});
    let hash = world.send(&draft).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x0");
}

#[tokio::test]
async fn calls_see_overridden_accounts() {
    let world = World::start().await;
    // PUSH0 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
    let code = "0x5f545f5260205ff3";
    let to = alloy_primitives::Address::with_last_byte(0x77);
    let overrides = json!({ to.to_string(): {
        "code": code,
        "stateDiff": { format!("{:#066x}", 0): format!("{:#066x}", 42) },
    }});
    for block in ["latest", "pending"] {
        let call = json!([{ "to": to }, block, overrides]);
        let answer = world.rpc(A, "eth_call", call).await;
        assert_eq!(answer, format!("{:#066x}", 42), "{block}");
    }
    assert_eq!(world.rpc(A, "eth_getCode", json!([to, "latest"])).await, "0x");
}

#[tokio::test]
async fn calls_run_in_the_block_that_they_name() {
    let world = World::start().await;
    for nonce in 0..3 {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    // NUMBER PUSH0 MSTORE PUSH1 32 PUSH0 RETURN, as the code of a creation.
    let code = "0x435f5260205ff3";
    for (block, number) in [("0x1", 1), ("0x2", 2), ("latest", 3), ("pending", 4)] {
        let answer = world.rpc(A, "eth_call", json!([{ "data": code }, block])).await;
        assert_eq!(answer, format!("{number:#066x}"), "{block}");
    }
}

#[tokio::test]
async fn estimates_are_exact_for_transfers_and_enough_for_calls() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let transfer = json!([{ "from": address(0), "to": address(1), "value": "0x1" }]);
    assert_eq!(world.rpc(A, "eth_estimateGas", transfer).await, "0x5208");
    let data = alloy_primitives::Bytes::from(Counter::incrementCall {}.abi_encode());
    let request = json!([{ "from": address(0), "to": counter, "data": data }]);
    let gas = world.rpc(A, "eth_estimateGas", request).await;
    let gas = u64::from_str_radix(&gas.as_str().unwrap()[2..], 16).unwrap();
    let draft = Draft { gas, ..Draft::new(A, 0, 1).call(counter, Counter::incrementCall {}) };
    let hash = world.send(&draft).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    let poor = json!([{ "from": counter, "to": address(1), "value": "0x1" }]);
    let error = world.refused(A, "eth_estimateGas", poor).await;
    assert!(error.message().starts_with("insufficient funds"), "{}", error.message());
}

#[tokio::test]
async fn tags_follow_the_finality_ladder() {
    let world = World::with_slots().await;
    world.send(&Draft::new(A, 0, 0).pay(address(9), 5)).await;
    let number = |block: &Value| block["number"].clone();
    let block = |tag: &'static str| world.rpc(A, "eth_getBlockByNumber", json!([tag, false]));
    assert_eq!(number(&block("latest").await), "0x0");
    let pending = block("pending").await;
    assert_eq!(number(&pending), "0x1");
    assert_eq!(pending["transactions"].as_array().unwrap().len(), 1);
    assert_eq!(pending["hash"], Value::Null);
    let start = config().balance;
    assert_eq!(world.balance(A, address(9), "latest").await, start);
    assert_eq!(world.balance(A, address(9), "pending").await, start + U256::from(5));
    world.rpc(A, "evm_mine", json!([])).await;
    assert_eq!(number(&block("latest").await), "0x1");
    assert_eq!(number(&block("safe").await), "0x0");
    assert_eq!(number(&block("finalized").await), "0x0");
}

#[tokio::test]
async fn block_receipts_and_counts_agree_with_blocks() {
    let world = World::with_slots().await;
    let counter_nonces = [0, 1];
    for nonce in counter_nonces {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let receipts = world.rpc(A, "eth_getBlockReceipts", json!(["0x1"])).await;
    assert_eq!(receipts.as_array().unwrap().len(), 2);
    assert_eq!(receipts[1]["cumulativeGasUsed"], "0xa410");
    let count = world.rpc(A, "eth_getBlockTransactionCountByNumber", json!(["0x1"])).await;
    assert_eq!(count, "0x2");
    let tx = world.rpc(A, "eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x1"])).await;
    assert_eq!(tx["hash"], receipts[1]["transactionHash"]);
    assert_eq!(tx["transactionIndex"], "0x1");
}

#[tokio::test]
async fn development_accounts_send_without_a_wallet() {
    let world = World::start().await;
    let request = json!([{ "from": address(3), "to": address(4), "value": "0x7" }]);
    let hash = world.rpc(A, "eth_sendTransaction", request).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    let unknown = json!([{ "from": address(3).create(9), "to": address(4) }]);
    let error = world.refused(A, "eth_sendTransaction", unknown).await;
    assert!(error.message().starts_with("unknown account"));
}

#[tokio::test]
async fn sync_sends_answer_with_the_receipt_of_the_open_block() {
    let world = World::with_slots().await;
    let draft = Draft::new(A, 0, 0);
    let receipt = world.rpc(A, "eth_sendRawTransactionSync", json!([draft.raw()])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["weftFinality"], "executed");
    assert_eq!(receipt["blockHash"], format!("{:#066x}", 0));
    let ahead = Draft::new(A, 0, 5);
    let error = world.refused(A, "eth_sendRawTransactionSync", json!([ahead.raw()])).await;
    assert_eq!((error.code(), error.data().unwrap().get()), (6, "\"0x1\""));
}

#[tokio::test]
async fn fee_history_covers_the_next_block() {
    let world = World::start().await;
    for nonce in 0..3 {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    let history = world.rpc(A, "eth_feeHistory", json!(["0x2", "latest", [10, 90]])).await;
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(history["gasUsedRatio"].as_array().unwrap().len(), 2);
    assert_eq!(history["reward"][0], json!(["0x3b9aca00", "0x3b9aca00"]));
}

#[tokio::test]
async fn multicall_is_predeployed() {
    let world = World::start().await;
    world.send(&Draft::new(B, 0, 0)).await;
    let multicall = "0xcA11bde05977b3631167028862bE2a173976CA11";
    // getBasefee()
    let call = json!([{ "to": multicall, "data": "0x3e64a696" }, "latest"]);
    let answer = world.rpc(B, "eth_call", call).await;
    let answer: alloy_primitives::Bytes = serde_json::from_value(answer).unwrap();
    let block = world.rpc(B, "eth_getBlockByNumber", json!(["latest", false])).await;
    let base_fee = U256::abi_decode(&answer).unwrap();
    assert_eq!(block["baseFeePerGas"], json!(base_fee));
}
