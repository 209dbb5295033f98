//! All rollups under one port.

use crate::world::{A, B, Draft, World, config};
use jsonrpsee::{
    core::client::ClientT, http_client::HttpClient, rpc_params, ws_client::WsClientBuilder,
};
use serde_json::{Value, json};
use weft_node::DevConfig;

#[tokio::test]
async fn every_rollup_answers_under_its_chain_id() {
    let world = World::with(DevConfig { common_port: Some(0), ..config() }).await;
    let url = world.node.common_url().unwrap();
    for chain in [A, B] {
        let http = HttpClient::builder().build(format!("{url}/{chain}")).unwrap();
        let id: Value = http.request("eth_chainId", rpc_params![]).await.unwrap();
        assert_eq!(id, json!(format!("{chain:#x}")));
        let ws = url.replacen("http", "ws", 1);
        let ws = WsClientBuilder::new().build(format!("{ws}/{chain}/")).await.unwrap();
        let id: Value = ws.request("eth_chainId", rpc_params![]).await.unwrap();
        assert_eq!(id, json!(format!("{chain:#x}")));
    }
    for path in ["", "/1", "/x"] {
        let http = HttpClient::builder().build(format!("{url}{path}")).unwrap();
        let error = http.request::<Value, _>("eth_chainId", rpc_params![]).await.unwrap_err();
        assert!(error.to_string().contains("404"), "{error}");
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_rollups_own_port_does_not_answer_for_another() {
    let world = World::start().await;
    let url = world.node.rollups()[0].url.clone();
    for (path, is_served) in [("", true), ("/901", true), ("/902", false), ("/1/", false)] {
        let http = HttpClient::builder().build(format!("{url}{path}")).unwrap();
        let found = http.request::<Value, _>("eth_chainId", rpc_params![]).await;
        assert_eq!(found.is_ok(), is_served, "{path}: {found:?}");
        let ws = format!("{}{path}", url.replacen("http", "ws", 1));
        assert_eq!(WsClientBuilder::new().build(ws).await.is_ok(), is_served, "{path}");
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn conditions_of_a_transaction_are_checked_first() {
    let world = World::start().await;
    let raw = Draft::new(A, 0, 0).pay(crate::world::address(1), 5).raw();
    let send = async |conditions: Value| {
        world.try_rpc(A, "eth_sendRawTransactionConditional", json!([raw, conditions])).await
    };
    let account = crate::world::address(1).to_string();
    let zero = format!("0x{}", "0".repeat(64));
    let one = format!("{:#066x}", 1);
    for (conditions, code) in [
        (json!({ "blockNumberMin": "0x99" }), -32003),
        (json!({ "blockNumberMax": "0x0" }), -32003),
        (json!({ "timestampMax": "0x1" }), -32003),
        (json!({ "knownAccounts": { (account.clone()): { (zero.clone()): one } } }), -32003),
        (json!({ "knownAccounts": { (account.clone()): zero } }), -32003),
        (json!({ "blockNumberMin": "soon" }), -32602),
    ] {
        let error = send(conditions.clone()).await.unwrap_err();
        assert_eq!(error.code(), code, "{conditions}: {}", error.message());
    }
    let fine = json!({
        "blockNumberMin": "0x1", "blockNumberMax": "0x9", "timestampMin": "0x1",
        "knownAccounts": { (account): { (zero.clone()): zero } },
    });
    send(fine).await.unwrap();
}

#[tokio::test]
async fn an_access_list_names_what_is_touched_here() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    let there = world.counter(B, 0, 0).await;
    let list = async |to: alloy_primitives::Address, data: alloy_primitives::Bytes| {
        let call = json!([{ "from": crate::world::address(1), "to": to, "input": data }]);
        world.rpc(A, "eth_createAccessList", call).await
    };
    use alloy_sol_types::SolCall;
    let plain = weft_contracts::Counter::incrementCall {}.abi_encode();
    let touched = list(counter, plain.into()).await;
    let slot = format!("0x{}", "0".repeat(64));
    assert_eq!(touched["accessList"], json!([{ "address": counter, "storageKeys": [slot] }]));
    assert_eq!(touched["error"], Value::Null);
    // Through a proxy nothing of the other rollup shows up.
    let create = weft_contracts::Manager::createCrossChainProxyCall { original: there, network: B };
    world.send(&Draft::new(A, 0, 1).call(weft_contracts::addresses::MANAGER, create)).await;
    let proxy = world.proxy(A, there, B).await;
    let across = weft_contracts::Counter::incrementViaCall { proxy }.abi_encode();
    let touched = list(counter, across.into()).await;
    // The executor reads whom the proxy stands for; no opcode does.
    let entry = json!({
        "address": weft_contracts::addresses::MANAGER,
        "storageKeys": [proxy.into_word()],
    });
    assert!(touched["accessList"].as_array().unwrap().contains(&entry), "{touched}");
    let text = touched["accessList"].to_string().to_lowercase();
    assert!(text.contains(&proxy.to_string().to_lowercase()), "{text}");
    assert!(!text.contains(&there.to_string().to_lowercase()) || there == counter, "{text}");
    let gas = alloy_primitives::U64::ZERO;
    assert_ne!(touched["gasUsed"], json!(gas));
    let nothing = list(crate::world::address(2), Default::default()).await;
    assert_eq!(nothing, json!({ "accessList": [], "gasUsed": "0x5208" }));
}
