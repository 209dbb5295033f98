//! Malformed requests at every method: an error of JSON-RPC, never silence, never a stopped engine.

use crate::world::{A, World};
use serde_json::{Value, json};

/// Methods that are answered over WebSocket only.
const SUBSCRIPTIONS: &[&str] =
    &["eth_subscribe", "eth_unsubscribe", "weft_subscribe", "weft_unsubscribe"];

fn bad_values() -> Vec<Value> {
    let huge = format!("0x{}", "f".repeat(70));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("0x"),
        json!("0xzz"),
        json!("0x0x"),
        json!("+1"),
        json!("latest!"),
        json!(huge),
        json!("ü€"),
        json!("0".repeat(10_000)),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({ "legs": 1 }),
        json!({ "legs": [{}] }),
        json!({ "legs": [{ "chainId": "0xffffffffffffffffff", "raw": "0x" }] }),
        json!({ "legs": [{ "chainId": 901, "raw": "0x" }] }),
        json!({ "legs": [{ "chainId": 901, "from": "0x01" }] }),
        json!({ "to": 5, "data": "0x1" }),
        json!({ "from": "0x", "gas": huge, "value": huge }),
        json!({ "blockHash": 7 }),
        json!({ "fromBlock": "0xffffffffffffffffffff" }),
        json!({ "topics": [[[[]]]], "address": 1 }),
        json!({ "version": 1, "chains": [] }),
    ]
}

#[tokio::test]
async fn bad_values_are_answered_at_every_method_and_position() {
    let world = World::start().await;
    let document = world.rpc(A, "rpc.discover", json!([])).await;
    let methods = document["methods"].as_array().unwrap().iter();
    for method in methods.map(|method| method["name"].as_str().unwrap()) {
        if SUBSCRIPTIONS.contains(&method) {
            continue;
        }
        for bad in bad_values() {
            for params in [
                json!([bad]),
                json!([bad, bad]),
                json!([bad, bad, bad]),
                json!(["0x0000000000000000000000000000000000000001", bad, bad]),
                json!([format!("{:#066x}", 1), bad]),
                json!([{ "to": "0x0000000000000000000000000000000000000001" }, bad, bad]),
            ] {
                // The answer may be a value where a bad one has a meaning; the engine must go on.
                let answer = world.try_rpc(A, method, params.clone()).await;
                if let Err(error) = answer {
                    assert_ne!(error.code(), -32603, "{method} {params}: {}", error.message());
                }
            }
        }
    }
    assert_eq!(world.rpc(A, "eth_chainId", json!([])).await, "0x385");
}

#[tokio::test]
async fn calls_with_extreme_numbers_do_no_harm() {
    let world = World::start().await;
    let max = format!("0x{}", "f".repeat(64));
    let to = "0x0000000000000000000000000000000000000004";
    let requests = [
        json!({ "from": to, "to": to, "value": max }),
        json!({ "from": to, "to": to, "gas": "0xffffffffffffffff" }),
        json!({ "to": to, "gasPrice": "0xffffffffffffffffffffffffffffffff" }),
        json!({ "to": to, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0xff" }),
        json!({ "to": to, "nonce": "0xffffffffffffffff" }),
        json!({ "data": format!("0x{}", "5b".repeat(60_000)) }),
        json!({ "to": to, "blobVersionedHashes": [] }),
        json!({ "to": to, "authorizationList": [] }),
        json!({ "to": to, "gas": "0x0" }),
        json!({ "to": to, "chainId": "0x1" }),
        json!({ "to": to, "data": "0x01", "input": "0x02" }),
    ];
    let everywhere =
        json!({ to: { "balance": max, "nonce": "0xffffffffffffffff", "code": "0xef01" } });
    for request in &requests {
        for method in ["eth_call", "eth_estimateGas"] {
            for block in ["pending", "latest", "earliest"] {
                let _ = world.try_rpc(A, method, json!([request, block])).await;
                let _ = world.try_rpc(A, method, json!([request, block, everywhere])).await;
            }
        }
    }
    assert_eq!(world.rpc(A, "eth_chainId", json!([])).await, "0x385");
}
