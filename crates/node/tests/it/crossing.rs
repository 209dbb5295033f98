//! Calls from one rollup into another.

use crate::world::{A, B, Draft, World, address};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use serde_json::{Value, json};
use weft_contracts::{Counter, Manager, addresses::MANAGER};
use weft_types::SYSTEM_SENDER;

/// Deploys a counter on both rollups and the proxy of B's on A; returns A's, B's and the proxy.
pub(crate) async fn counters(world: &World) -> (Address, Address, Address) {
    let (here, there) = (world.counter(A, 0, 0).await, world.counter(B, 0, 0).await);
    let call = Manager::createCrossChainProxyCall { original: there, network: B };
    world.send(&Draft::new(A, 0, 1).call(MANAGER, call)).await;
    (here, there, world.proxy(A, there, B).await)
}

#[tokio::test]
async fn a_call_through_a_proxy_returns_in_the_same_transaction() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let call = Counter::incrementViaCall { proxy };
    let hash = world.send(&Draft::new(A, 0, 2).call(here, call)).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    assert_eq!(world.view(A, here, Counter::lastRemoteCall {}).await, U256::from(1));

    let block = world.rpc(B, "eth_getBlockByNumber", json!(["latest", true])).await;
    let system = &block["transactions"][0];
    assert_eq!(system["from"], json!(SYSTEM_SENDER));
    assert_eq!(system["to"], json!(MANAGER));
    assert_eq!((&system["r"], &system["s"]), (&json!("0x0"), &json!("0x0")));
    assert_eq!(system["type"], "0x0");
    let v = u64::from_str_radix(&system["v"].as_str().unwrap()[2..], 16).unwrap();
    assert_eq!(v, B * 2 + 35);
    let receipt = world.receipt(B, &system["hash"]).await;
    assert_eq!(receipt["type"], "0x0");
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["effectiveGasPrice"], "0x0");
    assert_eq!(receipt["weftOrigin"]["chainId"], format!("{A:#x}"));
    assert_eq!(receipt["weftOrigin"]["txHash"], json!(hash));
    let caller = world.proxy(B, here, A).await;
    let logs = receipt["logs"].as_array().unwrap();
    let counted = logs.iter().find(|log| log["address"] == json!(there)).unwrap();
    assert_eq!(counted["topics"][1], json!(caller.into_word()));
}

#[tokio::test]
async fn a_call_sees_the_last_block_of_every_rollup() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let hash = world.send(&Draft::new(B, 0, 1).call(there, Counter::incrementCall {})).await;
    assert_eq!(world.receipt(B, hash).await["status"], "0x1");
    assert_eq!(world.view(A, here, Counter::getViaCall { proxy }).await, U256::from(1));
}

#[tokio::test]
async fn calls_and_estimates_cross_too() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let data = Bytes::from(Counter::incrementViaCall { proxy }.abi_encode());
    let request = json!({ "from": address(0), "to": here, "data": data });
    for block in ["latest", "pending"] {
        let answer = world.rpc(A, "eth_call", json!([request, block])).await;
        assert_eq!(answer, format!("{:#066x}", 1), "{block}");
    }
    let gas = world.rpc(A, "eth_estimateGas", json!([request])).await;
    let gas = u64::from_str_radix(&gas.as_str().unwrap()[2..], 16).unwrap();
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    let hash = world.send(&Draft { gas, ..draft }).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    let counted = world.rpc(B, "eth_getStorageAt", json!([there, "0x0", "latest"])).await;
    assert_eq!(counted, format!("{:#066x}", 1));
}

#[tokio::test]
async fn threads_are_told_as_call_trees() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    let hash = world.send(&draft).await;
    let thread = world.rpc(A, "weft_getThread", json!([hash])).await;
    let call = &thread["legs"][0]["calls"][0];
    assert_eq!((&call["from"], &call["to"]), (&json!(A), &json!(B)));
    assert_eq!((&call["caller"], &call["target"]), (&json!(here), &json!(there)));
    assert_eq!(call["status"], "ok");
    assert_eq!(call["rolledBack"], false);
    assert_eq!(thread["hops"].as_array().unwrap().len(), 2);
    let outcome = world.rpc(B, "weft_getOutcome", json!([hash])).await;
    assert_eq!(outcome["outcome"], "included");
    assert_eq!(outcome["system"][0]["chainId"], json!(B));
}

#[tokio::test]
async fn a_caught_failure_leaves_nothing_on_the_other_rollup() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::undoViaCall { proxy });
    let hash = world.send(&draft).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    let counted = world.rpc(B, "eth_getStorageAt", json!([there, "0x0", "latest"])).await;
    assert_eq!(counted, format!("{:#066x}", 0));
    let thread = world.rpc(A, "weft_getThread", json!([hash])).await;
    assert_eq!(thread["legs"][0]["calls"][0]["rolledBack"], true);
}

#[tokio::test]
async fn escrow_follows_value_and_cheats() {
    let world = World::start().await;
    let ether = |of: u64| world.rpc(A, "weft_escrow", json!([of]));
    let balance =
        |escrow: Value| -> U256 { serde_json::from_value(escrow[0]["balance"].clone()).unwrap() };
    let before = balance(ether(B).await);
    let rich = U256::from(1_000);
    let to = Address::with_last_byte(0x55);
    world.rpc(B, "anvil_setBalance", json!([to, rich])).await;
    assert_eq!(balance(ether(B).await), before + rich);
    assert_eq!(world.balance(B, to, "latest").await, rich);
    world.rpc(B, "hardhat_setBalance", json!([to, "0x0"])).await;
    assert_eq!(balance(ether(B).await), before);

    // Ether sent to a proxy moves to the original's rollup.
    let original = address(5);
    let call = Manager::createCrossChainProxyCall { original, network: B };
    world.send(&Draft::new(A, 0, 0).call(MANAGER, call)).await;
    let proxy = world.proxy(A, original, B).await;
    let start = world.balance(B, original, "latest").await;
    let hash = world.send(&Draft::new(A, 0, 1).pay(proxy, 77)).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    assert_eq!(world.balance(B, original, "latest").await, start + U256::from(77));
    assert_eq!(balance(ether(B).await), before + U256::from(77));
}
