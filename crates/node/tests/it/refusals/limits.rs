//! Requests over a limit of their method.

use super::{PARAMS, Port};
use crate::world::{A, Draft};
use alloy_primitives::Bytes;
use serde_json::{Value, json};

/// A limit of go-ethereum and of ours.
const LIMIT: i32 = -32005;
const REFUSED: i32 = -32000;
const TOO_MANY_BLOCKS: i32 = -38026;
const BUNDLE_TOO_LARGE: i32 = -38002;

const ADDRESS: &str = "0x1000000000000000000000000000000000000001";

/// Returns what is too large for a method that reads something without a bound of its own.
fn too_large(method: &str) -> Vec<(Vec<Value>, i32)> {
    let words =
        |count: usize| -> Vec<String> { (0..count).map(|n| format!("{n:#066x}")).collect() };
    let many = |value: Value, count: usize| Value::Array(vec![value; count]);
    match method {
        "eth_sendRawTransaction"
        | "eth_sendRawTransactionSync"
        | "eth_sendRawTransactionConditional" => {
            let data = Bytes::from(vec![1; 130 * 1024]);
            let draft = Draft { data, gas: 16_000_000, ..Draft::new(A, 1, 0) };
            let mut all = vec![(vec![json!(draft.raw())], REFUSED)];
            if method == "eth_sendRawTransactionConditional" {
                let slots = words(1_001).into_iter().map(|slot| (slot.clone(), json!(slot)));
                let slots = Value::Object(slots.collect());
                let raw = Draft::new(A, 1, 0).raw();
                let conditions = json!({ "knownAccounts": { ADDRESS: slots } });
                all.push((vec![json!(raw), conditions], LIMIT));
            }
            all
        }
        "eth_getProof" => vec![(vec![json!(ADDRESS), json!(words(1_025))], PARAMS)],
        "eth_getStorageValues" => {
            vec![(vec![json!({ ADDRESS: words(1_025) })], TOO_MANY_BLOCKS)]
        }
        "eth_getLogs" | "eth_newFilter" => vec![
            (vec![json!({ "topics": [words(1_001)] })], PARAMS),
            (vec![json!({ "address": addresses() })], PARAMS),
        ],
        "eth_subscribe" => vec![
            (vec![json!("logs"), json!({ "topics": [words(1_001)] })], PARAMS),
            (vec![json!("logs"), json!({ "address": addresses() })], PARAMS),
        ],
        "eth_feeHistory" => {
            vec![(vec![json!(1), json!("latest"), many(json!(50), 101)], PARAMS)]
        }
        "eth_simulateV1" => {
            let blocks = json!({ "blockStateCalls": many(json!({}), 257) });
            vec![(vec![blocks], TOO_MANY_BLOCKS)]
        }
        "weft_simulate" => {
            let blocks = json!({ "blockStateCalls": many(json!({}), 257) });
            vec![(vec![json!({ "901": blocks })], TOO_MANY_BLOCKS)]
        }
        "weft_sendBundle" | "weft_simulateBundle" => {
            let leg = Draft::new(A, 1, 0).leg();
            let heavy = Draft { data: vec![1; 120 * 1024].into(), ..Draft::new(A, 1, 0) };
            let heavy: Vec<Value> =
                (0..5).map(|nonce| Draft { nonce, ..heavy.clone() }.leg()).collect();
            vec![
                (vec![json!({ "legs": many(leg, 33) })], BUNDLE_TOO_LARGE),
                (vec![json!({ "legs": heavy })], BUNDLE_TOO_LARGE),
            ]
        }
        "eth_sendBundle" => {
            let heavy = Draft { data: vec![1; 120 * 1024].into(), ..Draft::new(A, 1, 0) };
            let heavy: Vec<Value> =
                (0..5).map(|nonce| json!(Draft { nonce, ..heavy.clone() }.raw())).collect();
            let raw = json!(Draft::new(A, 1, 0).raw());
            vec![
                (vec![json!({ "txs": many(raw, 33) })], BUNDLE_TOO_LARGE),
                (vec![json!({ "txs": heavy })], BUNDLE_TOO_LARGE),
            ]
        }
        "weft_prepareBundle" => {
            let leg = json!({ "chainId": A, "from": ADDRESS });
            let heavy = json!({
                "chainId": A, "from": ADDRESS, "data": Bytes::from(vec![1; 513 * 1024]),
            });
            vec![
                (vec![json!({ "legs": many(leg, 33) })], BUNDLE_TOO_LARGE),
                (vec![json!({ "legs": [heavy] })], BUNDLE_TOO_LARGE),
            ]
        }
        "ots_getBlockTransactions" => vec![
            (vec![json!("0x0"), json!(0), json!(1_001)], PARAMS),
            (vec![json!("0x0"), json!(0), json!(0)], PARAMS),
        ],
        "ots_searchTransactionsBefore" | "ots_searchTransactionsAfter" => vec![
            (vec![json!(ADDRESS), json!(0), json!(1_001)], PARAMS),
            (vec![json!(ADDRESS), json!(0), json!(0)], PARAMS),
        ],
        "anvil_mine" | "hardhat_mine" => vec![
            (vec![json!(10_001)], LIMIT),
            (vec![json!(10_000), json!("0xffffffff")], PARAMS),
            (vec![json!(10_000), json!(u64::MAX)], PARAMS),
        ],
        "anvil_reorg" => vec![
            (vec![json!(u64::MAX)], PARAMS),
            (vec![json!(1_000_000)], PARAMS),
            (vec![json!(0), many(json!("0x01"), 4_097)], PARAMS),
        ],
        "anvil_increaseTime"
        | "evm_increaseTime"
        | "anvil_setNextBlockTimestamp"
        | "evm_mine"
        | "evm_setNextBlockTimestamp" => vec![(vec![json!(u64::MAX)], PARAMS)],
        "evm_setIntervalMining" => vec![(vec![json!(3_600_001)], PARAMS)],
        "anvil_setIntervalMining" => {
            vec![(vec![json!(3_601)], PARAMS), (vec![json!(u64::MAX)], PARAMS)]
        }
        "testing_buildBlockV1" => {
            let hash = format!("0x{}", "ab".repeat(32));
            let attributes = json!({
                "timestamp": "0xffffffff", "prevRandao": hash, "suggestedFeeRecipient": ADDRESS,
            });
            vec![(vec![json!(hash), attributes, many(json!("0x01"), 4_097)], PARAMS)]
        }
        _ => panic!("{method} reads something without a bound; say here what is too large"),
    }
}

fn addresses() -> Vec<String> {
    (0..1_001).map(|n| format!("{n:#042x}")).collect()
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    for port in Port::all().await {
        for method in &port.methods {
            if method.params.iter().any(|param| param.kind.has_limit) {
                for (params, code) in too_large(&method.name) {
                    port.refuses(&method.name, &params, code).await;
                }
            }
        }
        port.stop().await;
    }
}
