//! Requests that are refused before any method sees them: too large, too many at once, no JSON, no request.

use crate::world::{A, World, config};
use jsonrpsee::core::client::{ClientT, Error};
use jsonrpsee::ws_client::WsClientBuilder;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use weft_node::{DevConfig, Limits};

const MOST_BYTES: u32 = 20_000;
const MOST_CALLS: u32 = 4;

async fn world() -> World {
    let limits = Limits { max_body_bytes: MOST_BYTES, max_batch: MOST_CALLS, ..Limits::default() };
    World::with(DevConfig { limits, common_port: Some(0), ..config() }).await
}

/// Returns every URL that takes requests: one of a rollup's own port and one under the common port.
fn urls(world: &World) -> [String; 2] {
    let common = format!("{}/{A}", world.node.common_url().unwrap());
    [world.node.rollups()[0].url.clone(), common]
}

/// Posts a body; returns the status and what was answered.
async fn post(url: &str, body: &str) -> (u16, String) {
    let (host, path) = match url.strip_prefix("http://").unwrap().split_once('/') {
        Some((host, path)) => (host, path),
        None => (url.strip_prefix("http://").unwrap(), ""),
    };
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses by the length alone may hang up before the body is through.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, body.to_owned())
}

async fn code(url: &str, body: &str) -> i64 {
    let (status, answer) = post(url, body).await;
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

fn call(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let world = world().await;
    let body = |bytes: usize| {
        let empty = call("web3_sha3", json!(["0x"])).to_string().len();
        let data = format!("0x{}", "1".repeat((bytes - empty) / 2 * 2));
        call("web3_sha3", json!([data])).to_string()
    };
    for url in urls(&world) {
        let (status, answer) = post(&url, &body(MOST_BYTES as usize - 1)).await;
        assert_eq!(status, 200);
        assert!(answer.contains("result"), "{answer}");
        let (status, answer) = post(&url, &body(MOST_BYTES as usize + 2)).await;
        assert_eq!(status, 413, "{answer}");
        let alive = post(&url, &call("eth_chainId", json!([])).to_string()).await;
        assert!(alive.1.contains("0x385"), "{alive:?}");
        // Over WebSocket such a message is answered with an error of its own.
        let client = WsClientBuilder::new().build(url.replacen("http", "ws", 1)).await.unwrap();
        let large = format!("0x{}", "1".repeat(MOST_BYTES as usize));
        let answer = client.request::<Value, _>("web3_sha3", [large]).await;
        assert!(answer.is_err(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_batch_over_the_limit_is_refused_whole() {
    let world = world().await;
    let batch = |count: usize| json!(vec![call("evm_snapshot", json!([])); count]).to_string();
    for url in urls(&world) {
        let (status, answer) = post(&url, &batch(MOST_CALLS as usize)).await;
        let answers: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, answers.as_array().unwrap().len()), (200, MOST_CALLS as usize));
        let first = &answers[0]["result"];
        assert_eq!(code(&url, &batch(MOST_CALLS as usize + 1)).await, -32010);
        // None of its calls was made.
        let next = world.rpc(A, "evm_snapshot", json!([])).await;
        let number = |id: &Value| u64::from_str_radix(&id.as_str().unwrap()[2..], 16).unwrap();
        assert_eq!(number(&next), number(first) + u64::from(MOST_CALLS));
    }
}

#[tokio::test]
async fn what_is_no_request_has_the_codes_of_json_rpc() {
    let world = world().await;
    for url in urls(&world) {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        for (body, expected) in [
            ("", -32700),
            ("{", -32700),
            ("\u{0}", -32700),
            ("7", -32700),
            ("\"eth_chainId\"", -32700),
            (&"[".repeat(5_000), -32700),
            ("{}", -32600),
            (r#"{"method":"eth_chainId"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"eth_chainId"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}"#, -32600),
            (&deep, -32600),
            ("[]", -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"eth_nonsense"}"#, -32601),
            (r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}"#, -32602),
            (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"a":"0x1"}}"#, -32602),
            (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":"0x1"}"#, -32602),
        ] {
            let (status, answer) = post(&url, body).await;
            let shown: String = body.chars().take(80).collect();
            // What does not even begin as JSON-RPC is a bad request of HTTP as well.
            assert!([200, 400].contains(&status), "{shown}: {status} {answer}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let first = answer.get(0).unwrap_or(&answer);
            assert_eq!(first["error"]["code"], expected, "{shown}: {answer}");
        }
        // One bad call in a batch spoils nothing for the others.
        let batch = json!([call("eth_nonsense", json!([])), 1, call("eth_chainId", json!([]))]);
        let answers: Value = serde_json::from_str(&post(&url, &batch.to_string()).await.1).unwrap();
        assert_eq!(answers[0]["error"]["code"], -32601);
        assert_eq!(answers[1]["error"]["code"], -32600);
        assert_eq!(answers[2]["result"], "0x385");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_sent_back_and_the_rule_named() {
    let world = world().await;
    for url in urls(&world) {
        for id in [json!(1.5), json!(-7)] {
            let mut asked = call("eth_chainId", json!([]));
            asked["id"] = id.clone();
            let (status, answer) = post(&url, &asked.to_string()).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((status, &answer["id"]), (200, &id), "{answer}");
            let why = answer["error"]["message"].as_str().unwrap();
            assert!(why.contains("the id must be a string, null or a whole number"), "{why}");
        }
        // Blanks in front change nothing, and what the server reads it answers.
        for (id, shown) in [(json!("1.5"), json!("1.5")), (json!(u64::MAX), json!(u64::MAX))] {
            let mut asked = call("eth_chainId", json!([]));
            asked["id"] = id;
            let answer = post(&url, &format!(" \n{asked}")).await.1;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((&answer["id"], &answer["result"]), (&shown, &json!("0x385")));
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_named() {
    let world = world().await;
    let long = "x".repeat(200);
    for url in urls(&world) {
        let client = WsClientBuilder::new().build(url.replacen("http", "ws", 1)).await.unwrap();
        for (method, shown) in [
            ("eth_nonsense", "eth_nonsense".to_owned()),
            ("", String::new()),
            ("a\n\"b\u{202e}", "a\\n\\\"b\\u{202e}".to_owned()),
            (&long, format!("{}..", &long[..64])),
        ] {
            let expected = format!("the method {shown} does not exist/is not available");
            let asked = call(method, json!([]));
            for (body, at) in [(asked.to_string(), ""), (json!([asked]).to_string(), "/0")] {
                let answer: Value = serde_json::from_str(&post(&url, &body).await.1).unwrap();
                let error = answer.pointer(&format!("{at}/error")).unwrap();
                assert_eq!((&error["code"], &error["message"]), (&json!(-32601), &json!(expected)));
            }
            let error = client.request::<Value, [u8; 0]>(method, []).await.unwrap_err();
            let Error::Call(error) = error else { panic!("{error}") };
            assert_eq!((error.code(), error.message()), (-32601, expected.as_str()));
        }
    }
}

#[tokio::test]
async fn subscriptions_need_a_websocket() {
    let world = world().await;
    for url in urls(&world) {
        for (method, kind) in [("eth_subscribe", "newHeads"), ("weft_subscribe", "promises")] {
            let asked = call(method, json!([kind]));
            for (body, at) in [(asked.to_string(), ""), (json!([asked]).to_string(), "/0")] {
                let answer: Value = serde_json::from_str(&post(&url, &body).await.1).unwrap();
                let error = answer.pointer(&format!("{at}/error")).unwrap();
                assert_eq!(error["code"], -32601, "{method}");
                assert!(error["message"].as_str().unwrap().contains("need a WebSocket"), "{error}");
            }
        }
    }
}
