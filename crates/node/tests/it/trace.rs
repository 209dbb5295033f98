//! `debug_trace*` and what Otterscan asks, over rollups.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use serde_json::{Value, json};
use weft_contracts::{Counter, Manager, addresses::MANAGER};
use weft_types::{RESERVED, SYSTEM_SENDER};

async fn trace(world: &World, chain_id: u64, hash: impl serde::Serialize, options: Value) -> Value {
    world.rpc(chain_id, "debug_traceTransaction", json!([hash, options])).await
}

async fn balance(world: &World, block: &str) -> Value {
    world.rpc(A, "eth_getBalance", json!([address(0), block])).await
}

fn call_tracer() -> Value {
    json!({ "tracer": "callTracer" })
}

async fn increment(world: &World) -> (Address, Address, Address, B256) {
    let (here, there, proxy) = counters(world).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    (here, there, proxy, world.send(&draft).await)
}

/// Returns every frame of a tree, parents first.
fn frames(frame: &Value) -> Vec<&Value> {
    let calls = frame["calls"].as_array().into_iter().flatten();
    std::iter::once(frame).chain(calls.flat_map(frames)).collect()
}

#[tokio::test]
async fn frames_of_the_other_rollup_are_children_marked_with_its_chain() {
    let world = World::start().await;
    let (here, there, proxy, hash) = increment(&world).await;
    let tree = trace(&world, A, hash, call_tracer()).await;
    let receipt = world.receipt(A, hash).await;
    assert_eq!(tree["type"], "CALL");
    assert_eq!((&tree["from"], &tree["to"]), (&json!(address(0)), &json!(here)));
    assert_eq!(tree["gasUsed"], receipt["gasUsed"]);
    assert_eq!(tree["gas"], "0xf4240");
    let all = frames(&tree);
    let path = |to: &Address| all.iter().find(|frame| frame["to"] == json!(to)).unwrap();
    for local in [proxy, RESERVED] {
        assert_eq!(path(&local)["chainId"], Value::Null, "{local}");
    }
    let elsewhere = |frame: &&&Value| frame["to"] == json!(there) && frame["chainId"] == "0x386";
    let callee = all.iter().find(elsewhere).unwrap();
    assert_eq!(callee["from"], json!(world.proxy(B, here, A).await));
    assert_eq!(callee["input"], json!(Bytes::from(Counter::incrementCall {}.abi_encode())));
    let crossing = path(&RESERVED);
    assert!(frames(crossing).iter().any(|frame| frame == callee));
}

#[tokio::test]
async fn the_system_transaction_shows_what_came_in() {
    let world = World::start().await;
    let (_, there, _, hash) = increment(&world).await;
    let block = world.rpc(B, "eth_getBlockByNumber", json!(["latest", true])).await;
    let system = &block["transactions"][0];
    let tree = trace(&world, B, &system["hash"], call_tracer()).await;
    assert_eq!((&tree["from"], &tree["to"]), (&json!(SYSTEM_SENDER), &json!(MANAGER)));
    let receipt = world.receipt(B, &system["hash"]).await;
    assert_eq!(tree["gasUsed"], receipt["gasUsed"]);
    assert_eq!(tree["input"], system["input"]);
    let callee = tree["calls"].as_array().unwrap().last().unwrap();
    assert_eq!((&callee["to"], &callee["chainId"]), (&json!(there), &Value::Null));

    let traces =
        world.rpc(B, "debug_traceBlockByHash", json!([block["hash"], call_tracer()])).await;
    assert_eq!(traces, json!([{ "txHash": system["hash"], "result": tree }]));
    let number = world.receipt(A, hash).await["blockNumber"].clone();
    let traces = world.rpc(A, "debug_traceBlockByNumber", json!([number, call_tracer()])).await;
    assert_eq!(traces[0]["txHash"], json!(hash));
}

#[tokio::test]
async fn every_transaction_of_a_slot_traces_to_its_receipt() {
    let world = World::with_slots().await;
    let (here, there) = (world.counter_in_slot(A).await, world.counter_in_slot(B).await);
    world.rpc(A, "evm_mine", json!([])).await;
    let create = Manager::createCrossChainProxyCall { original: there, network: B };
    world.send(&Draft::new(A, 0, 1).call(MANAGER, create)).await;
    let proxy = world.proxy(A, there, B).await;
    let call = Counter::incrementViaCall { proxy };
    let mut sent = Vec::new();
    for nonce in 2..5 {
        sent.push(world.send(&Draft::new(A, 0, nonce).call(here, call.clone())).await);
    }
    // Nobody is at this selector: it reverts, and stays.
    let failed =
        Draft { data: Bytes::from_static(&[1, 2, 3, 4]), to: Some(here), ..Draft::new(A, 0, 5) };
    sent.push(world.send(&failed).await);
    let legs = json!([
        Draft::new(A, 1, 0).call(here, call.clone()).leg(),
        Draft::new(B, 1, 0).call(there, Counter::incrementCall {}).leg(),
    ]);
    world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await;
    world.rpc(A, "evm_mine", json!([])).await;
    for chain_id in [A, B] {
        let block = world.rpc(chain_id, "eth_getBlockByNumber", json!(["latest", true])).await;
        let transactions = block["transactions"].as_array().unwrap();
        assert_eq!(transactions.len(), if chain_id == A { 6 } else { 5 });
        for options in [json!({}), call_tracer(), json!({ "tracer": "flatCallTracer" })] {
            let traces = world
                .rpc(chain_id, "debug_traceBlockByHash", json!([block["hash"], options]))
                .await;
            for (index, tx) in transactions.iter().enumerate() {
                let (receipt, one) = (world.receipt(chain_id, &tx["hash"]).await, &traces[index]);
                assert_eq!(one["txHash"], tx["hash"]);
                assert_eq!(
                    trace(&world, chain_id, &tx["hash"], options.clone()).await,
                    one["result"]
                );
                let result = &one["result"];
                let reverted = receipt["status"] == "0x0";
                match options["tracer"].as_str() {
                    None => {
                        assert_eq!(
                            json!(U256::from(result["gas"].as_u64().unwrap())),
                            receipt["gasUsed"]
                        );
                        assert_eq!(result["failed"], reverted);
                        assert!(!result["structLogs"].as_array().unwrap().is_empty());
                    }
                    Some("callTracer") => {
                        assert_eq!(result["gasUsed"], receipt["gasUsed"]);
                        assert_eq!(result["error"].is_null(), !reverted);
                    }
                    Some(_) => {
                        assert_eq!(result[0]["transactionHash"], tx["hash"]);
                        assert_eq!(result[0]["transactionPosition"], json!(index));
                    }
                }
            }
        }
    }
    let failed = trace(&world, A, sent.last(), json!({})).await;
    assert_eq!(failed["failed"], true);
    let error = world.rpc(A, "ots_getTransactionError", json!([sent.last()])).await;
    assert_eq!(error, "0x");
}

#[tokio::test]
async fn steps_are_those_of_the_own_rollup() {
    let world = World::start().await;
    let (_, _, _, hash) = increment(&world).await;
    let block = world.rpc(B, "eth_getBlockByNumber", json!(["latest", false])).await;
    let own = trace(&world, A, hash, json!({ "enableMemory": true })).await;
    let system = trace(&world, B, &block["transactions"][0], json!({})).await;
    let ops = |trace: &Value, op: &str| {
        trace["structLogs"].as_array().unwrap().iter().filter(|log| log["op"] == op).count()
    };
    // Each counter logs once, on its own rollup.
    assert_eq!((ops(&own, "LOG2"), ops(&system, "LOG2")), (1, 1));
    assert!(ops(&own, "SSTORE") > 0 && ops(&system, "SSTORE") > 0);
    assert!(
        own["structLogs"].as_array().unwrap().iter().all(|log| log["depth"].as_u64() > Some(0))
    );
    let limited = trace(&world, A, hash, json!({ "limit": 5 })).await;
    assert_eq!(limited["structLogs"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn accounts_before_and_after() {
    let world = World::start().await;
    let (_, there, _, hash) = increment(&world).await;
    let block = world.rpc(B, "eth_getBlockByNumber", json!(["latest", false])).await;
    let system = &block["transactions"][0];
    let diff = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let (key, word) = (B256::ZERO, |value: u8| json!(B256::with_last_byte(value)));
    let changed = trace(&world, B, system, diff.clone()).await;
    assert_eq!(
        changed["post"][json!(there).as_str().unwrap()]["storage"][key.to_string()],
        word(1)
    );
    let pre = trace(&world, B, system, json!({ "tracer": "prestateTracer" })).await;
    assert!(pre[json!(there).as_str().unwrap()]["code"].is_string());
    assert!(pre.get(json!(address(0)).as_str().unwrap()).is_none(), "accounts of the other rollup");

    let own = trace(&world, A, hash, diff).await;
    let sender = json!(address(0)).as_str().unwrap().to_lowercase();
    let nonces = (&own["pre"][&sender]["nonce"], &own["post"][&sender]["nonce"]);
    assert_eq!(nonces, (&json!(2), &json!(3)));
    let number = world.receipt(A, hash).await["blockNumber"].as_str().unwrap().to_owned();
    assert_eq!(
        (number.as_str(), &own["pre"][&sender]["balance"]),
        ("0x3", &balance(&world, "0x2").await)
    );
    assert_eq!(own["post"][&sender]["balance"], balance(&world, "0x3").await);
}

#[tokio::test]
async fn small_tracers_and_many_at_once() {
    let world = World::start().await;
    let (_, _, _, hash) = increment(&world).await;
    assert_eq!(trace(&world, A, hash, json!({ "tracer": "noopTracer" })).await, json!({}));
    let selectors = trace(&world, A, hash, json!({ "tracer": "4byteTracer" })).await;
    let own =
        format!("0x{}-32", alloy_primitives::hex::encode(Counter::incrementViaCall::SELECTOR));
    assert_eq!(selectors[own], 1, "{selectors}");
    let config = json!({ "callTracer": {}, "4byteTracer": null });
    let muxed =
        trace(&world, A, hash, json!({ "tracer": "muxTracer", "tracerConfig": config })).await;
    assert_eq!(muxed["4byteTracer"], selectors);
    assert_eq!(muxed["callTracer"], trace(&world, A, hash, call_tracer()).await);
    let top =
        json!({ "tracer": "callTracer", "tracerConfig": { "onlyTopCall": true, "withLog": true } });
    assert!(trace(&world, A, hash, top).await["calls"].is_null());
}

#[tokio::test]
async fn calls_are_traced_without_being_sent() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let data = Bytes::from(Counter::incrementViaCall { proxy }.abi_encode());
    let request = json!({ "from": address(0), "to": here, "data": data, "gas": "0xf4240" });
    let tree = world.rpc(A, "debug_traceCall", json!([request, "latest", call_tracer()])).await;
    assert_eq!(tree["output"], json!(B256::with_last_byte(1)));
    assert!(
        frames(&tree)
            .iter()
            .any(|frame| frame["to"] == json!(there) && frame["chainId"] == "0x386")
    );
    let code = "0x4360005260206000f3";
    let options = json!({
        "tracer": "callTracer",
        "stateOverrides": { here.to_string(): { "code": code } },
        "blockOverrides": { "number": "0x1234" },
    });
    let tree = world.rpc(A, "debug_traceCall", json!([request, "pending", options])).await;
    assert_eq!(tree["output"], json!(B256::from(U256::from(0x1234))));
}

#[tokio::test]
async fn otterscan_asks_for_transfers_and_frames() {
    let world = World::start().await;
    let (here, _, proxy, hash) = increment(&world).await;
    let entries = world.rpc(A, "ots_traceTransaction", json!([hash])).await;
    assert_eq!(entries[0]["type"], "CALL");
    assert_eq!((&entries[0]["depth"], &entries[0]["to"]), (&json!(0), &json!(here)));
    assert_eq!((&entries[1]["depth"], &entries[1]["to"]), (&json!(1), &json!(proxy)));
    let none = world.rpc(A, "ots_getInternalOperations", json!([hash])).await;
    assert_eq!(none, json!([]));
    let create = Manager::createCrossChainProxyCall { original: address(5), network: B };
    world.send(&Draft::new(A, 0, 3).call(MANAGER, create)).await;
    let to = world.proxy(A, address(5), B).await;
    let paid = world.send(&Draft::new(A, 0, 4).pay(to, 77)).await;
    let moved = world.rpc(A, "ots_getInternalOperations", json!([paid])).await;
    assert_eq!(moved[0], json!({ "type": 0, "from": to, "to": RESERVED, "value": "0x4d" }));
    assert_eq!(world.rpc(A, "ots_getTransactionError", json!([paid])).await, "0x");
}

#[tokio::test]
async fn what_cannot_be_traced_is_refused() {
    let world = World::start().await;
    let (_, _, _, hash) = increment(&world).await;
    let code = async |method: &str, params: Value| world.refused(A, method, params).await.code();
    for method in [
        "debug_traceTransaction",
        "ots_traceTransaction",
        "ots_getInternalOperations",
        "ots_getTransactionError",
    ] {
        assert_eq!(code(method, json!([])).await, -32602, "{method}");
        assert_eq!(code(method, json!(["0x12"])).await, -32602, "{method}");
        assert_eq!(code(method, json!([B256::with_last_byte(1)])).await, -32000, "{method}");
    }
    assert_eq!(code("debug_traceBlockByNumber", json!(["3"])).await, -32602);
    assert_eq!(code("debug_traceBlockByNumber", json!(["0x0"])).await, -32000);
    assert_eq!(code("debug_traceBlockByNumber", json!(["0x99"])).await, -32000);
    assert_eq!(code("debug_traceBlockByHash", json!([B256::with_last_byte(1)])).await, -32000);
    assert_eq!(code("debug_traceCall", json!([{}, "0x99", {}])).await, -32000);
    assert_eq!(code("debug_traceCall", json!([{ "to": "0x1" }, "latest", {}])).await, -32602);
    let options = async |options: Value| {
        let error = world.refused(A, "debug_traceTransaction", json!([hash, options])).await;
        (error.code(), error.message().to_owned())
    };
    assert_eq!(options(json!({ "tracer": "fooTracer" })).await.1, "tracer not found: fooTracer");
    assert_eq!(options(json!({ "tracer": "callTracer", "tracerConfig": 5 })).await.0, -32602);
    assert_eq!(options(json!({ "timeout": "soon" })).await.0, -32602);
    let late = options(json!({ "timeout": "1ns" })).await;
    assert!(late.1.starts_with("execution timeout"), "{late:?}");
}

impl World {
    /// Sends a counter's creation into the open slot; returns its address.
    async fn counter_in_slot(&self, chain_id: u64) -> Address {
        self.send(&Draft::new(chain_id, 0, 0).create(&Counter::BYTECODE)).await;
        address(0).create(0)
    }
}
