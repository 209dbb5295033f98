//! What a manager of processes asks by plain HTTP.

use crate::world::{A, Draft, World};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends `GET path` to the port of the first rollup; returns status line and body.
async fn get(world: &World, path: &str) -> (String, String) {
    let url = &world.node.rollups()[0].url;
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn health_and_readiness_are_plain_answers() {
    let world = World::start().await;
    world.send(&Draft::new(A, 0, 0)).await;
    let (status, body) = get(&world, "/healthz").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", r#"{"healthy":true}"#));
    let (status, body) = get(&world, "/readyz").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["heads"]["901"], 1, "{body}");
    let (status, _) = get(&world, "/elsewhere").await;
    assert!(!status.contains("200"), "{status}");
}

#[tokio::test]
async fn metrics_count_items_blocks_and_requests() {
    let world = World::start().await;
    world.send(&Draft::new(A, 0, 0)).await;
    let refusal = serde_json::json!([Draft::new(A, 0, 0).raw()]);
    world.refused(A, "eth_sendRawTransaction", refusal).await;
    // Whatever way a method goes, and whether it is there or not.
    let sync = serde_json::json!([Draft::new(A, 0, 1).raw()]);
    world.rpc(A, "eth_sendRawTransactionSync", sync).await;
    for method in ["weft_sendSealed", "eth_subscribe", "weft_promiseBundle", "eth_nonsense"] {
        world.refused(A, method, serde_json::json!([])).await;
    }
    let (status, body) = get(&world, "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    for line in [
        r#"weft_requests_total{method="eth_sendRawTransactionSync",code="0"} 1"#,
        r#"weft_requests_total{method="weft_sendSealed",code="-32602"} 1"#,
        r#"weft_requests_total{method="weft_promiseBundle",code="-32602"} 1"#,
        r#"weft_requests_total{method="eth_subscribe",code="-32601"} 1"#,
        r#"weft_requests_total{method="unknown",code="-32601"} 1"#,
        r#"weft_items_total{outcome="included"} 2"#,
        r#"weft_stage_seconds_count{stage="Closed"} 2"#,
        r#"weft_transactions_total{chain="901"} 2"#,
        r#"weft_requests_total{method="eth_sendRawTransaction",code="0"} 1"#,
        r#"weft_requests_total{method="eth_sendRawTransaction",code="-32000"} 1"#,
    ] {
        assert!(body.lines().any(|found| found == line), "{line} is missing in\n{body}");
    }
}
