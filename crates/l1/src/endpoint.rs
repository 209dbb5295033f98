//! One endpoint: a request has a time, and one that is refused for its pace is sent again, later.

use crate::{
    block::CheckedHeader,
    error::{EndpointError, L1Error, Lie},
};
use alloy_network::Ethereum;
use alloy_primitives::{Address, B256, U64};
use alloy_provider::{Provider as _, RootProvider};
use alloy_rpc_types_eth::{Header, Log, TransactionReceipt};
use alloy_transport::{RpcError, TransportErrorKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Too many requests, as HTTP says it.
const TOO_MANY: u16 = 429;
/// The same by those who say that they are overloaded.
const UNAVAILABLE: u16 = 503;
/// The same in JSON-RPC (EIP-1474).
const LIMIT_EXCEEDED: i64 = -32005;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Patience {
    /// For one answer.
    pub request: Duration,
    /// Before a request that was refused for its pace is sent again; twice as long each time.
    pub backoff: Duration,
    /// Times that such a request is sent.
    pub attempts: u32,
    /// Between two looks at the head.
    pub poll: Duration,
    /// For endpoints to agree about a block.
    pub grace: Duration,
    /// Without a new block.
    pub stall: Duration,
}

impl Default for L1Patience {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            backoff: Duration::from_millis(250),
            attempts: 6,
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            stall: Duration::from_secs(180),
        }
    }
}

/// One endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    url: String,
    shown: String,
    provider: RootProvider<Ethereum>,
    patience: L1Patience,
}

impl Endpoint {
    pub(crate) fn new(text: &str, patience: L1Patience) -> Result<Self, L1Error> {
        let wrong = |why: String| L1Error::Url { url: text.to_owned(), why };
        let url: reqwest::Url = text.parse().map_err(|error| wrong(format!("{error}")))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => return Err(wrong("this build has no TLS (feature `tls`)".to_owned())),
            _ => return Err(wrong("write http://host:port".to_owned())),
        }
        let shown = url.origin().ascii_serialization();
        Ok(Self { url: text.to_owned(), shown, provider: RootProvider::new_http(url), patience })
    }

    /// Returns the address of the endpoint without what may be secret in it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    pub(crate) async fn chain_id(&self) -> Result<u64, EndpointError> {
        Ok(self.ask::<U64>("eth_chainId", json!([])).await?.to())
    }

    /// Returns the header of a block, by number or tag; nothing when it has none.
    pub(crate) async fn header(&self, at: Value) -> Result<Option<CheckedHeader>, EndpointError> {
        let asked = at.clone();
        let header: Option<Header> = self.ask("eth_getBlockByNumber", json!([at, false])).await?;
        let Some(header) = header else { return Ok(None) };
        let header = CheckedHeader::new(&header)?;
        let number = header.block.number;
        match asked.as_str().and_then(|text| text.parse::<U64>().ok()) {
            Some(asked) if asked.to::<u64>() != number => {
                Err(Lie::OtherBlock { asked: asked.to(), number }.into())
            }
            _ => Ok(Some(header)),
        }
    }

    /// Returns the receipts of a block by its hash; nothing when it has none.
    pub(crate) async fn receipts(
        &self,
        hash: B256,
    ) -> Result<Option<Vec<TransactionReceipt>>, EndpointError> {
        self.ask("eth_getBlockReceipts", json!([hash])).await
    }

    /// Returns the numbers of the blocks with a log of one of these addresses, as it says.
    pub(crate) async fn blocks_with_logs(
        &self,
        from: u64,
        to: u64,
        addresses: &[Address],
    ) -> Result<Vec<u64>, EndpointError> {
        let filter =
            json!([{"fromBlock": U64::from(from), "toBlock": U64::from(to), "address": addresses}]);
        let logs: Vec<Log> = self.ask("eth_getLogs", filter).await?;
        Ok(logs.iter().filter_map(|log| log.block_number).collect())
    }

    /// Calls a method.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, EndpointError> {
        let mut wait = self.patience.backoff;
        for _ in 0..self.patience.attempts {
            match self.ask_once(method, &params).await {
                Ok(answer) => {
                    let read = serde_json::from_value(answer);
                    let wrong = |error| Lie::Answer { method, why: format!("{error}") };
                    return read.map_err(|error| wrong(error).into());
                }
                Err(EndpointError::Limited(_)) => sleep(wait).await,
                Err(error) => return Err(error),
            }
            wait = wait.saturating_mul(2);
        }
        Err(EndpointError::Limited(self.patience.attempts))
    }

    async fn ask_once(&self, method: &'static str, params: &Value) -> Result<Value, EndpointError> {
        let answer = self.provider.raw_request::<_, Value>(method.into(), params);
        match timeout(self.patience.request, answer).await {
            Ok(answer) => answer.map_err(|error| self.explain(error)),
            Err(_) => Err(EndpointError::Timeout(self.patience.request)),
        }
    }

    /// Says what an error means; addresses of endpoints may hold keys and are cut out of what libraries say.
    fn explain(&self, error: RpcError<TransportErrorKind>) -> EndpointError {
        match &error {
            RpcError::ErrorResp(said) if is_pace(said.code, &said.message) => {
                EndpointError::Limited(1)
            }
            RpcError::ErrorResp(said) => {
                let message = said.message.chars().take(300).collect();
                EndpointError::Refused { code: said.code, message }
            }
            RpcError::Transport(kind) => match kind.as_http_error().map(|error| error.status) {
                Some(TOO_MANY | UNAVAILABLE) => EndpointError::Limited(1),
                Some(status) => EndpointError::Unreachable(format!("HTTP status {status}")),
                None => EndpointError::Unreachable(self.without_secrets(&kind.to_string())),
            },
            other => EndpointError::Unreachable(self.without_secrets(&other.to_string())),
        }
    }

    fn without_secrets(&self, text: &str) -> String {
        let whole = self.url.trim_end_matches('/');
        text.replace(&self.url, &self.shown).replace(whole, &self.shown).chars().take(300).collect()
    }
}

/// Tells whether a refusal is about the pace; some use the same code for answers that are too long.
fn is_pace(code: i64, message: &str) -> bool {
    let is_size = ["result", "range", "more than"].iter().any(|word| message.contains(word));
    code == i64::from(TOO_MANY) || (code == LIMIT_EXCEEDED && !is_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_addresses_are_shown_nowhere() {
        let endpoint =
            Endpoint::new("http://user:secret@l1.example:8545/v3/KEY", L1Patience::default());
        let endpoint = endpoint.unwrap();
        assert_eq!(endpoint.shown(), "http://l1.example:8545");
        let said =
            endpoint.without_secrets("cannot reach http://user:secret@l1.example:8545/v3/KEY");
        assert_eq!(said, "cannot reach http://l1.example:8545");
    }

    #[test]
    fn a_refusal_for_its_size_is_none_for_its_pace() {
        assert!(is_pace(-32005, "limit exceeded"));
        assert!(is_pace(429, "slow down"));
        assert!(!is_pace(-32005, "query returned more than 10000 results"));
        assert!(!is_pace(-32602, "block range is too wide"));
    }
}
