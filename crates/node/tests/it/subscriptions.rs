//! Filters and subscriptions.

use crate::world::{A, Draft, World, address, config};
use alloy_primitives::Address;
use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use weft_contracts::Counter;
use weft_node::{DevConfig, Limits};

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

/// A WebSocket of which nothing is read until somebody asks.
struct SlowSocket(TcpStream);

impl SlowSocket {
    async fn connect(url: &str) -> Self {
        let host = url.strip_prefix("http://").unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(host.parse().unwrap()).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        Self(stream)
    }

    /// Sends a text of less than 64 KiB in one frame with a mask of zeros.
    async fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend((text.len() as u16).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let kind = self.0.read_u8().await.unwrap();
        assert_eq!(kind, 0x81, "a whole text");
        let len = match self.0.read_u8().await.unwrap() {
            126 => u64::from(self.0.read_u16().await.unwrap()),
            127 => self.0.read_u64().await.unwrap(),
            len => u64::from(len),
        };
        let mut text = vec![0; len as usize];
        self.0.read_exact(&mut text).await.unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_is_dropped_with_a_reason_and_nobody_waits_for_it() {
    let patience = Duration::from_millis(50);
    let limits = Limits {
        event_backlog: 4,
        message_buffer: 1,
        subscriber_patience: patience,
        ..Limits::default()
    };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let to = Address::with_last_byte(0x99);
    // Logs 100,000 zeros: PUSH3, PUSH0, LOG0.
    world.rpc(A, "anvil_setCode", json!([to, "0x620186a05fa000"])).await;
    let mut socket = SlowSocket::connect(&world.node.rollups()[0].url).await;
    let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["logs", { "address": to }] });
    socket.send(&subscribe).await;
    let id = socket.read().await["result"].clone();
    for nonce in 0..60 {
        world.send(&Draft::new(A, 0, nonce).pay(to, 0)).await;
    }
    let mut heard = 0;
    let last = loop {
        let message = socket.read().await;
        assert_eq!(message["params"]["subscription"], id);
        if message["params"]["error"].is_string() {
            break message;
        }
        heard += 1;
    };
    assert!(heard < 60, "12 MB do not fit between a node and a client that does not read");
    assert!(last["params"]["error"].as_str().unwrap().contains("too slow"), "{last}");
    // The connection is as good as before, and the subscription is over.
    world.send(&Draft::new(A, 0, 60).pay(to, 0)).await;
    socket.send(&json!({ "jsonrpc": "2.0", "id": 2, "method": "eth_chainId", "params": [] })).await;
    assert_eq!(socket.read().await["result"], "0x385");
}
