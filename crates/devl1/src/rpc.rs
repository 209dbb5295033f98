//! As much JSON-RPC as it takes to steer a child process.

use crate::error::DevL1Error;
use reqwest::{Client, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    url: String,
    client: Client,
}

impl Rpc {
    pub(crate) fn new(url: String) -> Result<Self, DevL1Error> {
        let client = Client::builder().timeout(PATIENCE).build();
        Ok(Self { url, client: client.map_err(|why| DevL1Error::refused("connect", why))? })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method and reads its result.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, DevL1Error> {
        let refused = |why: &dyn ToString| DevL1Error::refused(method, why.to_string());
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self.client.post(&self.url).body(request.to_string());
        let answer = request.header(CONTENT_TYPE, "application/json").send().await;
        let bytes = answer.map_err(|why| refused(&why))?.bytes().await;
        let mut answer: Value = serde_json::from_slice(&bytes.map_err(|why| refused(&why))?)
            .map_err(|why| refused(&why))?;
        if let Some(error) = answer.get("error") {
            return Err(refused(&error["message"].as_str().unwrap_or("refused")));
        }
        serde_json::from_value(answer["result"].take()).map_err(|why| refused(&why))
    }
}
