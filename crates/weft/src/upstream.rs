//! A node whose answers are passed on, or read as they are.

use eyre::{Result, WrapErr, bail, eyre};
use reqwest::{Client, Url, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 160 << 20;

/// A node, over HTTP; clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    url: Url,
    client: Client,
}

impl Upstream {
    pub(crate) fn new(url: &str) -> Result<Self> {
        let parsed: Url = url.parse().map_err(|error| eyre!("`{url}` is no endpoint: {error}"))?;
        if parsed.scheme() != "http" {
            bail!("`{url}` is no endpoint: write http://host:port");
        }
        let client = Client::builder().timeout(PATIENCE).build().wrap_err("cannot ask a node")?;
        Ok(Self { url: parsed, client })
    }

    /// Returns where subscriptions are served.
    pub(crate) fn ws_url(&self) -> String {
        self.url.as_str().replacen("http", "ws", 1)
    }

    /// Passes a request on as it is; returns the answer as it is.
    pub(crate) async fn pass(&self, body: Vec<u8>) -> Result<Vec<u8>> {
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let mut answer = request.body(body).send().await.wrap_err("the node does not answer")?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.wrap_err("the node's answer ended early")? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                bail!("the node's answer is over {MAX_ANSWER} bytes");
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Calls a method.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.pass(request.to_string().into_bytes()).await?;
        let mut answer: Value = serde_json::from_slice(&answer)
            .wrap_err_with(|| format!("{method}: the node answers with no JSON"))?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {}", error["message"].as_str().unwrap_or("refused")),
            None => Ok(answer["result"].take()),
        }
    }

    pub(crate) async fn chain_id(&self) -> Result<u64> {
        let id = self.call("eth_chainId", json!([])).await?;
        quantity(&id).ok_or_else(|| eyre!("eth_chainId answers {id}"))
    }
}

/// Reads a number as nodes write it.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
