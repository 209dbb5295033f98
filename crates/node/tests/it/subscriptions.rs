//! Filters and subscriptions.

use crate::world::{A, Draft, World, address};
use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde_json::{Value, json};
use weft_contracts::Counter;

#[tokio::test]
async fn filters_tell_what_is_new_once() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let logs = world.rpc(A, "eth_newFilter", json!([{ "address": counter }])).await;
    let blocks = world.rpc(A, "eth_newBlockFilter", json!([])).await;
    let pending = world.rpc(A, "eth_newPendingTransactionFilter", json!([])).await;
    let hash = world.send(&Draft::new(A, 0, 1).call(counter, Counter::incrementCall {})).await;
    let changes = |id: &Value| world.rpc(A, "eth_getFilterChanges", json!([id]));
    assert_eq!(changes(&logs).await[0]["transactionHash"], json!(hash));
    assert_eq!(changes(&blocks).await.as_array().unwrap().len(), 1);
    assert_eq!(changes(&pending).await, json!([hash]));
    for id in [&logs, &blocks, &pending] {
        assert_eq!(changes(id).await, json!([]));
    }
    assert_eq!(world.rpc(A, "eth_uninstallFilter", json!([logs])).await, true);
    let error = world.refused(A, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(error.message(), "filter not found");
}

async fn subscribe(client: &WsClient, params: Vec<Value>) -> Subscription<Value> {
    let mut args = rpc_params![];
    params.iter().for_each(|param| args.insert(param).unwrap());
    client.subscribe("eth_subscribe", args, "eth_unsubscribe").await.unwrap()
}

#[tokio::test]
async fn subscribers_hear_about_blocks_logs_and_transactions() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::new().build(url).await.unwrap();
    let mut heads = subscribe(&client, vec![json!("newHeads")]).await;
    let mut logs = subscribe(&client, vec![json!("logs"), json!({ "address": counter })]).await;
    let mut pending = subscribe(&client, vec![json!("newPendingTransactions")]).await;
    world.send(&Draft::new(A, 1, 0).pay(address(2), 1)).await;
    let hash = world.send(&Draft::new(A, 0, 1).call(counter, Counter::incrementCall {})).await;
    assert_eq!(heads.next().await.unwrap().unwrap()["number"], "0x2");
    assert_eq!(heads.next().await.unwrap().unwrap()["number"], "0x3");
    assert_eq!(logs.next().await.unwrap().unwrap()["transactionHash"], json!(hash));
    pending.next().await.unwrap().unwrap();
    assert_eq!(pending.next().await.unwrap().unwrap(), json!(hash));
    let unknown: Result<Subscription<Value>, _> =
        client.subscribe("eth_subscribe", rpc_params!["nonsense"], "eth_unsubscribe").await;
    assert!(unknown.is_err());
}
