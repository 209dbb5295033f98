//! A running node and a small client.

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_eips::{eip2718::Encodable2718, eip2930::AccessList};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::SolCall;
use jsonrpsee::{
    core::{
        client::{ClientT, Error, Subscription, SubscriptionClientT},
        params::ArrayParams,
    },
    http_client::HttpClient,
    rpc_params,
    types::ErrorObjectOwned,
    ws_client::{WsClient, WsClientBuilder},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use weft_contracts::Counter;
use weft_node::{DEV_ACCOUNTS, DevConfig, Mining, Node, NodeHandle};

/// Chain ids of the first two rollups.
pub(crate) const A: u64 = 901;
pub(crate) const B: u64 = 902;

/// A running node.
pub(crate) struct World {
    pub(crate) node: NodeHandle,
    clients: Vec<HttpClient>,
}

/// A transaction before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) chain_id: u64,
    pub(crate) account: usize,
    pub(crate) nonce: u64,
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) gas: u64,
    pub(crate) fee: u128,
    pub(crate) tip: u128,
    pub(crate) access_list: AccessList,
}

impl Draft {
    pub(crate) fn new(chain_id: u64, account: usize, nonce: u64) -> Self {
        Self {
            chain_id,
            account,
            nonce,
            to: Some(address(9)),
            value: U256::ZERO,
            data: Bytes::new(),
            gas: 1_000_000,
            fee: 10_000_000_000,
            tip: 1_000_000_000,
            access_list: AccessList::default(),
        }
    }

    pub(crate) fn call(mut self, to: Address, data: impl SolCall) -> Self {
        (self.to, self.data) = (Some(to), data.abi_encode().into());
        self
    }

    pub(crate) fn create(mut self, code: &Bytes) -> Self {
        (self.to, self.data) = (None, code.clone());
        self
    }

    pub(crate) fn pay(mut self, to: Address, value: u64) -> Self {
        (self.to, self.value) = (Some(to), U256::from(value));
        self
    }

    pub(crate) fn raw(&self) -> Bytes {
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: self.fee,
            max_priority_fee_per_gas: self.tip.min(self.fee),
            to: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            access_list: self.access_list.clone(),
            input: self.data.clone(),
        };
        let signed = DEV_ACCOUNTS[self.account].sign(TypedTransaction::Eip1559(tx)).unwrap();
        signed.encoded_2718().into()
    }

    pub(crate) fn hash(&self) -> B256 {
        keccak256(self.raw())
    }

    pub(crate) fn leg(&self) -> Value {
        json!({ "chainId": self.chain_id, "raw": self.raw() })
    }
}

/// Returns the address of a development account.
pub(crate) fn address(account: usize) -> Address {
    DEV_ACCOUNTS[account].address
}

/// Returns a configuration in which nothing happens by itself: submissions close slots, and time stands still
/// between them.
pub(crate) fn config() -> DevConfig {
    DevConfig {
        port: 0,
        slot_ms: 200,
        mining: Mining::OnDemand,
        seed: Some(7),
        ..DevConfig::default()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    /// Starts a node whose slots close when asked to.
    pub(crate) async fn with_slots() -> Self {
        Self::with(DevConfig { mining: Mining::Slots, slot_ms: 30_000, ..config() }).await
    }

    pub(crate) async fn with(config: DevConfig) -> Self {
        let node = Node::start(config).await.unwrap();
        let client = |info: &weft_node::RollupInfo| HttpClient::builder().build(&info.url).unwrap();
        let clients = node.rollups().iter().map(client).collect();
        Self { node, clients }
    }

    pub(crate) async fn try_rpc(
        &self,
        chain_id: u64,
        method: &str,
        params: Value,
    ) -> Result<Value, ErrorObjectOwned> {
        let mut args = ArrayParams::new();
        for param in params.as_array().unwrap() {
            args.insert(param).unwrap();
        }
        let client = &self.clients[(chain_id - A) as usize];
        match client.request(method, args).await {
            Ok(value) => Ok(value),
            Err(Error::Call(error)) => Err(error),
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// Sends a batch as it is and returns the answer as it is.
    pub(crate) async fn batch(&self, chain_id: u64, batch: &Value) -> Value {
        self.batches(chain_id, std::slice::from_ref(batch)).await.remove(0)
    }

    /// Sends batches at the same time, each on a connection of its own.
    pub(crate) async fn batches(&self, chain_id: u64, batches: &[Value]) -> Vec<Value> {
        let url = &self.node.rollups()[(chain_id - A) as usize].url;
        let host = url.strip_prefix("http://").unwrap();
        let mut streams = Vec::new();
        for batch in batches {
            let body = batch.to_string();
            let head = format!(
                "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = TcpStream::connect(host).await.unwrap();
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            streams.push(stream);
        }
        let mut answers = Vec::new();
        for mut stream in streams {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            answers.push(serde_json::from_str(body).unwrap());
        }
        answers
    }

    pub(crate) async fn rpc(&self, chain_id: u64, method: &str, params: Value) -> Value {
        let answer = self.try_rpc(chain_id, method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    pub(crate) async fn refused(
        &self,
        chain_id: u64,
        method: &str,
        params: Value,
    ) -> ErrorObjectOwned {
        self.try_rpc(chain_id, method, params).await.unwrap_err()
    }

    pub(crate) async fn send(&self, draft: &Draft) -> B256 {
        let hash = self.rpc(draft.chain_id, "eth_sendRawTransaction", json!([draft.raw()])).await;
        serde_json::from_value(hash).unwrap()
    }

    pub(crate) async fn receipt(&self, chain_id: u64, hash: impl serde::Serialize) -> Value {
        self.rpc(chain_id, "eth_getTransactionReceipt", json!([hash])).await
    }

    /// Deploys a counter and returns its address.
    pub(crate) async fn counter(&self, chain_id: u64, account: usize, nonce: u64) -> Address {
        let draft = Draft::new(chain_id, account, nonce).create(&Counter::BYTECODE);
        let hash = self.send(&draft).await;
        let receipt = self.receipt(chain_id, hash).await;
        assert_eq!(receipt["status"], "0x1");
        serde_json::from_value(receipt["contractAddress"].clone()).unwrap()
    }

    /// Returns what a view says.
    pub(crate) async fn view<C: SolCall>(&self, chain_id: u64, to: Address, call: C) -> C::Return {
        let data = Bytes::from(call.abi_encode());
        let answer = self.rpc(chain_id, "eth_call", json!([{ "to": to, "data": data }])).await;
        let output: Bytes = serde_json::from_value(answer).unwrap();
        C::abi_decode_returns(&output).unwrap()
    }

    /// Begins to listen to the feed of promises, which lasts as long as the client.
    pub(crate) async fn promises(&self) -> (WsClient, Subscription<Value>) {
        let url = self.node.rollups()[0].url.replacen("http", "ws", 1);
        let client = WsClientBuilder::new().build(url).await.unwrap();
        let params = rpc_params!["promises"];
        let feed = client.subscribe("weft_subscribe", params, "weft_unsubscribe").await.unwrap();
        (client, feed)
    }

    /// Returns the number of the last closed block.
    pub(crate) async fn block_number(&self, chain_id: u64) -> u64 {
        let answer = self.rpc(chain_id, "eth_blockNumber", json!([])).await;
        u64::from_str_radix(&answer.as_str().unwrap()[2..], 16).unwrap()
    }

    pub(crate) async fn balance(&self, chain_id: u64, of: Address, block: &str) -> U256 {
        let balance = self.rpc(chain_id, "eth_getBalance", json!([of, block])).await;
        serde_json::from_value(balance).unwrap()
    }

    pub(crate) async fn proxy(&self, on: u64, original: Address, of: u64) -> Address {
        let proxy = self.rpc(on, "weft_getProxy", json!([original, of])).await;
        serde_json::from_value(proxy["address"].clone()).unwrap()
    }
}
