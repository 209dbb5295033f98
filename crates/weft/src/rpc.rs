//! A thin JSON-RPC client: what any library would send.

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use alloy_sol_types::SolCall;
use eyre::{Result, WrapErr, bail, eyre};
use jsonrpsee::{
    core::{
        client::{ClientT, Error},
        params::ArrayParams,
    },
    http_client::{HeaderMap, HeaderValue, HttpClient},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Header that carries a token.
const AUTHORIZATION: &str = "authorization";
/// Longest wait for a receipt or an outcome. A slot is at most 12 s (P2 vocabulary).
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(10);
/// Code of a method that does not exist.
const NO_METHOD: i32 = -32601;
/// Methods that every rollup of a realm knows, and no other chain.
const OWN: &str = "weft_";
/// Which method tells a node of Weft from others.
const CHAINS: &str = "weft_chains";

/// One endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    url: String,
    client: HttpClient,
}

/// What a node says when it refuses.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) message: String,
}

/// Receipt, as far as it is shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    pub(crate) transaction_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) block_hash: B256,
    pub(crate) status: U64,
    pub(crate) gas_used: U64,
    pub(crate) logs: Vec<Log>,
}

/// Log of a receipt.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Log {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
}

impl Rpc {
    /// Points at `url`; nothing is sent yet.
    pub(crate) fn new(url: &str) -> Result<Self> {
        Self::with_headers(url, HeaderMap::new())
    }

    /// Points at `url`, which asks for a bearer token.
    pub(crate) fn with_token(url: &str, token: &str) -> Result<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| eyre!("the token holds letters that no token has"))?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
        Self::with_headers(url, headers)
    }

    fn with_headers(url: &str, headers: HeaderMap) -> Result<Self> {
        let client = HttpClient::builder()
            .set_headers(headers)
            .build(url)
            .map_err(|error| eyre!("`{url}` is no endpoint: {error}; write http://host:port"))?;
        Ok(Self { url: url.to_owned(), client })
    }

    /// Returns the address of the endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Calls `method`.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T> {
        let answer = self.ask(method, params).await?;
        answer.map_err(|Refused { code, message }| eyre!("{method}: {message} (code {code})"))
    }

    /// Calls `method`, for who goes on when the node refuses.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<Result<T, Refused>> {
        let answer = self.ask_anybody(method, params).await?;
        let is_unknown = matches!(&answer, Err(refused) if refused.code == NO_METHOD);
        if is_unknown && method.starts_with(OWN) {
            self.check_is_weft().await?;
        }
        Ok(answer)
    }

    /// Makes sure that a rollup of a realm answers here.
    async fn check_is_weft(&self) -> Result<()> {
        let chains: Result<Value, _> = self.ask_anybody(CHAINS, json!([])).await?;
        let Err(Refused { code: NO_METHOD, .. }) = chains else { return Ok(()) };
        let id: Result<U64, _> = self.ask_anybody("eth_chainId", json!([])).await?;
        let what = id.map_or_else(|_| "no rollup".into(), |id| format!("chain {id}, no rollup"));
        bail!(
            "{} serves {what} of a realm: it does not know {CHAINS}; `weft dev` has its rollups \
             at ports 9545, 9546 and 9547, and its L1 at 8545",
            self.url
        )
    }

    /// Calls `method` of a node of any kind.
    async fn ask_anybody<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<Result<T, Refused>> {
        let mut list = ArrayParams::new();
        for param in params.as_array().into_iter().flatten() {
            list.insert(param)?;
        }
        match self.client.request(method, list).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(Error::Call(error)) => {
                Ok(Err(Refused { code: error.code(), message: error.message().to_owned() }))
            }
            Err(Error::ParseError(error)) => bail!("{method}: unexpected answer: {error}"),
            // The client says no more of an HTTP status than this.
            Err(error) if error.to_string().contains("`401`") => {
                bail!("{} refuses the token: it is not that of this node (401)", self.url)
            }
            Err(error) => {
                bail!("no answer from {}: {error}; is `weft dev` running there?", self.url)
            }
        }
    }

    /// Returns the EIP-155 id.
    pub(crate) async fn chain_id(&self) -> Result<u64> {
        Ok(self.request::<U64>("eth_chainId", json!([])).await?.to())
    }

    /// Returns the nonce that the next transaction of `account` needs.
    pub(crate) async fn nonce(&self, account: Address) -> Result<u64> {
        let params = json!([account, "pending"]);
        Ok(self.request::<U64>("eth_getTransactionCount", params).await?.to())
    }

    /// Returns the balance of `account` in wei.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256> {
        self.request("eth_getBalance", json!([account, "latest"])).await
    }

    /// Calls a view function.
    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return> {
        let data = hex::encode_prefixed(call.abi_encode());
        let params = json!([{"to": to, "data": data}, "latest"]);
        let output: Bytes = self.request("eth_call", params).await?;
        C::abi_decode_returns(&output)
            .wrap_err_with(|| format!("{} of {to} at {} answered {output}", C::SIGNATURE, self.url))
    }

    /// Sends a signed transaction.
    pub(crate) async fn send_raw(&self, raw: &Bytes) -> Result<B256> {
        self.request("eth_sendRawTransaction", json!([raw])).await
    }

    /// Returns the receipt of `tx` if it has one.
    pub(crate) async fn receipt(&self, tx: B256) -> Result<Option<Receipt>> {
        self.request("eth_getTransactionReceipt", json!([tx])).await
    }

    /// Waits for the receipt of `tx`.
    pub(crate) async fn wait_receipt(&self, tx: B256) -> Result<Receipt> {
        self.wait(&format!("a receipt of {tx}"), || self.receipt(tx)).await
    }

    /// Asks until there is an answer.
    pub(crate) async fn wait<T, F>(&self, what: &str, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} has not given {what} within {} s", self.url, PATIENCE.as_secs());
            }
            sleep(POLL).await;
        }
    }
}
