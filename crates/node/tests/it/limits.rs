//! Bounds on what clients may keep or ask for at a time: what is over one is refused by name, and what was there stays.

use crate::{
    crossing::counters,
    world::{A, Draft, World, config},
};
use jsonrpsee::{
    core::client::{ClientT, SubscriptionClientT},
    rpc_params,
    ws_client::WsClientBuilder,
};
use serde_json::{Value, json};
use weft_contracts::Counter;
use weft_node::{DevConfig, Limits};

/// A bound of the node was reached.
const LIMIT: i32 = -32005;

async fn with(limits: Limits) -> World {
    World::with(DevConfig { limits, ..config() }).await
}

fn ws(world: &World) -> String {
    world.node.rollups()[0].url.replacen("http", "ws", 1)
}

#[tokio::test]
async fn filters() {
    let world = with(Limits { max_filters: 2, ..Limits::default() }).await;
    let first = world.rpc(A, "eth_newBlockFilter", json!([])).await;
    world.rpc(A, "eth_newFilter", json!([{}])).await;
    for (method, params) in [
        ("eth_newBlockFilter", json!([])),
        ("eth_newFilter", json!([{}])),
        ("eth_newPendingTransactionFilter", json!([])),
    ] {
        assert_eq!(world.refused(A, method, params).await.code(), LIMIT, "{method}");
    }
    assert_eq!(world.rpc(A, "eth_getFilterChanges", json!([first])).await, json!([]));
    assert_eq!(world.rpc(A, "eth_uninstallFilter", json!([first])).await, true);
    world.rpc(A, "eth_newBlockFilter", json!([])).await;
}

#[tokio::test]
async fn logs_and_the_blocks_that_are_searched_for_them() {
    let limits = Limits { max_logs: 3, max_log_blocks: 4, ..Limits::default() };
    let world = with(limits).await;
    let (here, ..) = counters(&world).await;
    let nonce =
        world.rpc(A, "eth_getTransactionCount", json!([crate::world::address(1), "latest"]));
    assert_eq!(nonce.await, "0x0");
    let from = world.block_number(A).await + 1;
    for nonce in 0..4 {
        world.send(&Draft::new(A, 1, nonce).call(here, Counter::incrementCall {})).await;
    }
    let ask = |from: u64, to: u64| {
        let [from, to] = [from, to].map(|number| format!("{number:#x}"));
        json!([{ "fromBlock": from, "toBlock": to, "address": here }])
    };
    let found = world.rpc(A, "eth_getLogs", ask(from, from + 2)).await;
    assert_eq!(found.as_array().unwrap().len(), 3);
    let error = world.refused(A, "eth_getLogs", ask(from, from + 3)).await;
    assert!(error.message().contains('3'), "{error}");
    let error = world.refused(A, "eth_getLogs", ask(0, from + 3)).await;
    assert!(error.message().contains('4'), "{error}");
    assert_eq!(error.code(), LIMIT);
}

#[tokio::test]
async fn subscriptions_of_a_connection() {
    let world = with(Limits { max_subscriptions: 2, ..Limits::default() }).await;
    let client = WsClientBuilder::new().build(ws(&world)).await.unwrap();
    let subscribe = || {
        let params = rpc_params!["newHeads"];
        client.subscribe::<Value, _>("eth_subscribe", params, "eth_unsubscribe")
    };
    let first = subscribe().await.unwrap();
    let _second = subscribe().await.unwrap();
    let error = subscribe().await.unwrap_err();
    assert!(error.to_string().contains("Too many subscriptions"), "{error}");
    first.unsubscribe().await.unwrap();
    subscribe().await.unwrap();
    // Another connection has its own.
    let other = WsClientBuilder::new().build(ws(&world)).await.unwrap();
    let params = rpc_params!["newHeads"];
    other.subscribe::<Value, _>("eth_subscribe", params, "eth_unsubscribe").await.unwrap();
}

#[tokio::test]
async fn connections_of_a_port() {
    let world = with(Limits { max_connections: 2, ..Limits::default() }).await;
    let connect = || WsClientBuilder::new().build(ws(&world));
    let (first, _second) = (connect().await.unwrap(), connect().await.unwrap());
    assert!(connect().await.is_err());
    let id: String = first.request("eth_chainId", rpc_params![]).await.unwrap();
    assert_eq!(id, "0x385");
    drop(first);
    crate::sealed::until(async || connect().await.is_ok()).await;
}

#[tokio::test]
async fn bytes_of_a_response() {
    let world = with(Limits { max_response_bytes: 4_096, ..Limits::default() }).await;
    for nonce in 0..8 {
        let data = vec![7; 10].into();
        world
            .send(&Draft { data, ..Draft::new(A, 1, nonce).pay(crate::world::address(2), 1) })
            .await;
    }
    let block = |full: bool| json!(["0x1", full]);
    world.rpc(A, "eth_getBlockByNumber", block(true)).await;
    let code = json!([{ "to": crate::world::address(2), "data": "0x" }, "latest",
        { crate::world::address(2).to_string(): { "code": "0x612000 5ff3".replace(' ', "") } }]);
    let error = world.refused(A, "eth_call", code).await;
    assert_eq!(error.code(), -32008, "{error}");
    let small = world.rpc(A, "eth_getBlockByNumber", block(false)).await;
    assert_eq!(small["number"], "0x1");
}
