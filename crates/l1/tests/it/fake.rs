//! An L1 endpoint in process that says what a script tells it to.

use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, proofs::calculate_receipt_root,
};
use alloy_primitives::{Address, B256, Bytes, Log, U64, keccak256};
use alloy_rpc_types_eth::{Header as RpcHeader, Log as RpcLog, TransactionReceipt};
use alloy_sol_types::SolEvent as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, task::JoinHandle};
use weft_contracts::Inbox;
use weft_l1::Contracts;

/// The contracts that the script's events are of.
pub(crate) const CONTRACTS: Contracts = Contracts {
    hub: Address::repeat_byte(1),
    inbox: Address::repeat_byte(2),
    registry: Address::repeat_byte(3),
};

/// What an endpoint does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Does not answer.
    Silent,
    /// Answers so many times that it is asked too often, by HTTP.
    Busy(u32),
    /// The same in JSON-RPC.
    Limited(u32),
    /// Says that blocks have other hashes.
    Hash,
    /// Leaves out the last receipt of blocks.
    LessReceipts,
    /// Adds a log to the receipts of blocks.
    MoreLogs,
    /// Refuses questions for the logs of more blocks.
    Range(u64),
    /// Gives the block before.
    OtherBlock,
    /// Gives words.
    Nonsense,
}

#[derive(Debug, Clone)]
pub(crate) struct FakeBlock {
    header: Header,
    receipts: Vec<ReceiptEnvelope>,
}

impl FakeBlock {
    pub(crate) fn hash(&self) -> B256 {
        self.header.hash_slow()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) chain_id: u64,
    pub(crate) blocks: Vec<FakeBlock>,
    pub(crate) safe: u64,
    pub(crate) finalized: u64,
    pub(crate) fault: Option<Fault>,
    /// Whether it denies that there are logs.
    pub(crate) hides_logs: bool,
    pub(crate) asked: BTreeMap<String, u32>,
}

impl Script {
    /// Appends a block; what it has in `salt` makes it another one than others of its number.
    pub(crate) fn mine(&mut self, salt: u64, entries: &[u64]) {
        let number = self.blocks.len() as u64;
        let receipts: Vec<_> = entries.iter().map(|index| receipt(entry(*index))).collect();
        let mut header = Header {
            parent_hash: self.blocks.last().map(FakeBlock::hash).unwrap_or_default(),
            number,
            timestamp: 1_000 + 12 * number,
            extra_data: salt.to_be_bytes().into(),
            receipts_root: calculate_receipt_root(&receipts),
            ..Header::default()
        };
        receipts.iter().for_each(|receipt| header.logs_bloom |= *receipt.logs_bloom());
        self.blocks.push(FakeBlock { header, receipts });
    }

    /// Appends empty blocks up to this height.
    pub(crate) fn mine_to(&mut self, height: u64) {
        while self.blocks.len() as u64 <= height {
            self.mine(0, &[]);
        }
    }

    /// Replaces the last `depth` blocks by as many others.
    pub(crate) fn reorg(&mut self, depth: usize, salt: u64, entries: &[u64]) {
        self.blocks.truncate(self.blocks.len() - depth);
        (1..depth).for_each(|_| self.mine(salt, &[]));
        self.mine(salt, entries);
    }

    pub(crate) fn hash_of(&self, number: u64) -> B256 {
        self.blocks[number as usize].hash()
    }

    fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        match method {
            "eth_chainId" => Ok(json!(U64::from(self.chain_id))),
            "eth_getBlockByNumber" => Ok(self.header(&params[0])),
            "eth_getBlockReceipts" => Ok(self.receipts(&params[0])),
            "eth_getLogs" => self.logs(&params[0]),
            other => panic!("nobody asks for {other}"),
        }
    }

    fn header(&self, at: &Value) -> Value {
        let number = match at.as_str().unwrap() {
            "latest" => self.head(),
            "safe" => self.safe,
            "finalized" => self.finalized,
            number => number.parse::<U64>().unwrap().to(),
        };
        let is_other = self.fault == Some(Fault::OtherBlock) && number > 0 && at != "latest";
        let Some(block) = self.blocks.get((number - u64::from(is_other)) as usize) else {
            return Value::Null;
        };
        let mut header = RpcHeader::new(block.header.clone());
        if self.fault == Some(Fault::Hash) {
            header.hash = keccak256(header.hash);
        }
        serde_json::to_value(header).unwrap()
    }

    fn receipts(&self, hash: &Value) -> Value {
        let hash: B256 = serde_json::from_value(hash.clone()).unwrap();
        let Some(block) = self.blocks.iter().find(|block| block.hash() == hash) else {
            return Value::Null;
        };
        let mut receipts = block.receipts.clone();
        match self.fault {
            Some(Fault::LessReceipts) => drop(receipts.pop()),
            Some(Fault::MoreLogs) => receipts.push(receipt(entry(99))),
            _ => {}
        }
        let shown: Vec<_> = receipts.iter().map(|receipt| shown(block, receipt)).collect();
        serde_json::to_value(shown).unwrap()
    }

    fn logs(&self, filter: &Value) -> Result<Value, Value> {
        let number =
            |name: &str| filter[name].as_str().unwrap().parse::<U64>().unwrap().to::<u64>();
        let (from, to) = (number("fromBlock"), number("toBlock"));
        if let Some(Fault::Range(most)) = self.fault
            && to - from + 1 > most
        {
            return Err(json!({"code": -32005, "message": "query returned more than 10 results"}));
        }
        let is_told =
            |block: &&FakeBlock| !self.hides_logs && (from..=to).contains(&block.header.number);
        let blocks = self.blocks.iter().filter(is_told);
        let logs = blocks.flat_map(|block| {
            let receipts = block.receipts.iter().flat_map(ReceiptEnvelope::logs);
            receipts.map(|log| rpc_log(block, log))
        });
        Ok(serde_json::to_value(logs.collect::<Vec<_>>()).unwrap())
    }
}

/// The log of an inbox entry.
fn entry(index: u64) -> Log {
    let event = Inbox::EntryAdded {
        index,
        network: 901,
        sender: Address::repeat_byte(9),
        accumulator: Default::default(),
        payload: Bytes::copy_from_slice(&index.to_be_bytes()),
    };
    Log { address: CONTRACTS.inbox, data: event.encode_log_data() }
}

fn receipt(log: Log) -> ReceiptEnvelope {
    let status = Eip658Value::Eip658(true);
    let receipt = Receipt { status, cumulative_gas_used: 21_000, logs: vec![log] };
    ReceiptEnvelope::Eip1559(ReceiptWithBloom::from(receipt))
}

fn rpc_log(block: &FakeBlock, log: &Log) -> RpcLog {
    RpcLog {
        inner: log.clone(),
        block_hash: Some(block.hash()),
        block_number: Some(block.header.number),
        transaction_hash: Some(B256::repeat_byte(5)),
        transaction_index: Some(0),
        log_index: Some(0),
        ..RpcLog::default()
    }
}

fn shown(block: &FakeBlock, receipt: &ReceiptEnvelope) -> TransactionReceipt {
    TransactionReceipt {
        inner: receipt.clone().map_logs(|log| rpc_log(block, &log)),
        transaction_hash: B256::repeat_byte(5),
        transaction_index: Some(0),
        block_hash: Some(block.hash()),
        block_number: Some(block.header.number),
        gas_used: 21_000,
        effective_gas_price: 1,
        blob_gas_used: None,
        blob_gas_price: None,
        from: Address::ZERO,
        to: None,
        contract_address: None,
    }
}

/// The endpoint.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts an endpoint of chain 900 with a genesis block.
    pub(crate) async fn start() -> Self {
        let mut script = Script { chain_id: 900, ..Script::default() };
        script.mine(0, &[]);
        let script = Arc::new(Mutex::new(script));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self { url, script, task }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.script().fault = fault.into();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let script = Arc::clone(&script);
        let answer = service_fn(move |request| answer(Arc::clone(&script), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn answer(
    script: Arc<Mutex<Script>>,
    request: Request<Incoming>,
) -> Result<Response<Full<hyper::body::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let fault = script.lock().unwrap().fault;
    if fault == Some(Fault::Silent) {
        std::future::pending::<()>().await;
    }
    let method = request["method"].as_str().unwrap();
    let mut script = script.lock().unwrap();
    *script.asked.entry(method.to_owned()).or_default() += 1;
    let (status, body) = match script.fault {
        Some(Fault::Busy(times)) => {
            script.fault = (times > 1).then(|| Fault::Busy(times - 1));
            (429, json!("slow down").to_string())
        }
        Some(Fault::Limited(times)) => {
            script.fault = (times > 1).then(|| Fault::Limited(times - 1));
            (200, said(&request, &Err(json!({"code": -32005, "message": "limit exceeded"}))))
        }
        Some(Fault::Nonsense) if method != "eth_chainId" => {
            (200, said(&request, &Ok(json!("soon"))))
        }
        _ => (200, said(&request, &script.answer(method, &request["params"]))),
    };
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}

fn said(request: &Value, answer: &Result<Value, Value>) -> String {
    let id = &request["id"];
    match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string(),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string(),
    }
}
