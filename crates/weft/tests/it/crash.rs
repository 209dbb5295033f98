//! A durable node is killed again and again while clients send: whatever it answered or signed must be on the chain.
//!
//! `WEFT_KILLS` says how often, `WEFT_CRASH_SEED` repeats a run's choices, though not the exact moments.

use crate::support::Dev;
use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, TxKind, U256};
use jsonrpsee::{
    core::{
        client::{ClientT, Error, Subscription, SubscriptionClientT},
        params::ArrayParams,
    },
    http_client::HttpClient,
    rpc_params,
    ws_client::WsClientBuilder,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use weft_node::DEV_ACCOUNTS;
use weft_promise::read_promise;
use weft_types::{Position, SignedPromise, Statement};

const CHAINS: [u64; 2] = [901, 902];
const CLIENTS: usize = 4;
/// Kills after which a new realm begins, so that starts stay quick.
const KILLS_PER_REALM: usize = 20;

/// Numbers that are the same for the same seed.
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// Transactions that the node answered for: one, or the legs of a bundle.
#[derive(Debug, Clone)]
struct Acknowledged {
    hashes: Vec<(u64, B256)>,
    /// Receipts that were seen, by leg.
    receipts: Vec<Value>,
}

/// One connection per rollup.
#[derive(Debug, Clone)]
struct Rpc(Vec<HttpClient>);

impl Rpc {
    fn new(dev: &Dev) -> Self {
        let client = |index| HttpClient::builder().build(dev.url(index)).unwrap();
        Self((0..CHAINS.len()).map(client).collect())
    }

    async fn call(&self, chain: u64, method: &str, params: Value) -> Result<Value, Error> {
        let mut args = ArrayParams::new();
        for param in params.as_array().unwrap() {
            args.insert(param).unwrap();
        }
        self.0[(chain - CHAINS[0]) as usize].request(method, args).await
    }

    /// Asks a node that lives.
    async fn ask(&self, chain: u64, method: &str, params: Value) -> Value {
        self.call(chain, method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// A client with an account of its own.
#[derive(Debug)]
struct Client {
    account: usize,
    rpc: Rpc,
    chance: Chance,
    nonces: [u64; 2],
    log: Vec<Acknowledged>,
}

impl Client {
    /// Learns its nonces, then sends until the node is gone; returns what was acknowledged.
    async fn run(mut self) -> Vec<Acknowledged> {
        // A node that is gone already acknowledged nothing.
        let _ = self.send_all().await;
        self.log
    }

    async fn send_all(&mut self) -> Result<(), Error> {
        for (index, chain) in CHAINS.into_iter().enumerate() {
            let address = DEV_ACCOUNTS[self.account].address;
            let count =
                self.rpc.call(chain, "eth_getTransactionCount", json!([address, "pending"]));
            self.nonces[index] = serde_json::from_value::<U256>(count.await?).unwrap().to();
        }
        loop {
            let acknowledged = match self.chance.below(3) {
                2 => self.send_bundle().await?,
                index => self.send_one(index as usize).await?,
            };
            self.log.push(acknowledged);
            if self.chance.below(2) == 0 {
                self.look_back().await?;
            }
        }
    }

    async fn send_one(&mut self, index: usize) -> Result<Acknowledged, Error> {
        let chain = CHAINS[index];
        let raw = self.signed(index);
        let hash = self.rpc.call(chain, "eth_sendRawTransaction", json!([raw])).await?;
        let hash = serde_json::from_value(hash).unwrap();
        Ok(Acknowledged { hashes: vec![(chain, hash)], receipts: vec![Value::Null] })
    }

    async fn send_bundle(&mut self) -> Result<Acknowledged, Error> {
        let legs = [0, 1].map(|index| json!({"chainId": CHAINS[index], "raw": self.signed(index)}));
        let salt = B256::from(U256::from(self.chance.below(u64::MAX)));
        let bundle = json!([{ "salt": salt, "legs": legs }]);
        let sent = self.rpc.call(CHAINS[0], "weft_sendBundle", bundle).await?;
        let hashes: Vec<B256> = serde_json::from_value(sent["txHashes"].clone()).unwrap();
        Ok(Acknowledged {
            hashes: CHAINS.into_iter().zip(hashes).collect(),
            receipts: vec![Value::Null; 2],
        })
    }

    /// Looks whether an earlier transaction is in a block by now.
    async fn look_back(&mut self) -> Result<(), Error> {
        let index = self.chance.below(self.log.len() as u64) as usize;
        let seen = &mut self.log[index];
        for ((chain, hash), receipt) in seen.hashes.iter().zip(&mut seen.receipts) {
            *receipt = self.rpc.call(*chain, "eth_getTransactionReceipt", json!([hash])).await?;
        }
        Ok(())
    }

    fn signed(&mut self, index: usize) -> Bytes {
        let nonce = self.nonces[index];
        self.nonces[index] += 1;
        let tx = TxEip1559 {
            chain_id: CHAINS[index],
            nonce,
            gas_limit: 50_000,
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(DEV_ACCOUNTS[9].address),
            value: U256::from(1),
            ..TxEip1559::default()
        };
        let account = DEV_ACCOUNTS[self.account];
        account.sign(TypedTransaction::Eip1559(tx)).unwrap().encoded_2718().into()
    }
}

/// A realm on disk, what it acknowledged, and how long its starts took.
#[derive(Debug)]
struct Realm {
    dir: PathBuf,
    log: Vec<Acknowledged>,
    /// Everything signed that anybody heard.
    promises: Vec<SignedPromise>,
    /// So many of them were looked for after the kill that followed.
    checked: usize,
    starts: Vec<Duration>,
}

impl Realm {
    fn new(number: usize) -> Self {
        let name = format!("weft-crash-{}-{number}", std::process::id());
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (log, promises, starts) = (Vec::new(), Vec::new(), Vec::new());
        Self { dir, log, promises, checked: 0, starts }
    }

    fn start(&mut self) -> Dev {
        let before = Instant::now();
        let dev = start_on(&self.dir);
        self.starts.push(before.elapsed());
        dev
    }

    /// Looks for what the last life acknowledged, then lets clients send until the node is killed at some moment.
    async fn live(&mut self, chance: &mut Chance) {
        let dev = self.start();
        let rpc = Rpc::new(&dev);
        check_outcomes(&rpc, &self.log[self.checked..]).await;
        self.checked = self.log.len();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|account| {
                let chance = Chance(chance.below(u64::MAX));
                let (rpc, log) = (rpc.clone(), Vec::new());
                tokio::spawn(Client { account, rpc, chance, nonces: [0; 2], log }.run())
            })
            .collect();
        let heard = tokio::spawn(listen(dev.url(0).replacen("http", "ws", 1)));
        let until = Duration::from_micros(chance.below(200_000));
        tokio::time::sleep(until).await;
        drop(dev);
        self.promises.extend(heard.await.unwrap());
        for client in clients {
            self.log.extend(client.await.unwrap());
        }
    }

    /// Compares everything that was answered with the chain.
    async fn check(&mut self) {
        let dev = self.start();
        let rpc = Rpc::new(&dev);
        check_outcomes(&rpc, &self.log).await;
        for acknowledged in &self.log {
            for ((chain, hash), seen) in acknowledged.hashes.iter().zip(&acknowledged.receipts) {
                let found = closed_receipt(&rpc, *chain, hash).await;
                assert_eq!(found["status"], "0x1", "{hash}: {found}");
                assert!(seen.is_null() || *seen == found, "saw {seen}, found {found}");
            }
        }
        check_signatures(&self.promises);
        for promise in &self.promises {
            check_result(&rpc, promise).await;
        }
        let heads = heads(&rpc).await;
        let before = answers(&rpc, &heads).await;
        drop(dev);
        // What a node says that has nothing but the log, and this one after another kill.
        let replay = self.dir.with_extension("replay");
        copy_log(&self.dir, &replay);
        let dev = start_on(&replay);
        assert_eq!(answers(&Rpc::new(&dev), &heads).await, before, "replayed from genesis");
        drop(dev);
        let dev = self.start();
        assert_eq!(answers(&Rpc::new(&dev), &heads).await, before, "restarted");
        drop(dev);
        fs::remove_dir_all(&self.dir).unwrap();
        fs::remove_dir_all(replay).unwrap();
    }
}

/// Hears and verifies every promise until the node is gone.
async fn listen(url: String) -> Vec<SignedPromise> {
    let mut heard = Vec::new();
    let Ok(client) = WsClientBuilder::new().build(url).await else { return heard };
    let params = rpc_params!["promises"];
    let subscribed = client.subscribe("weft_subscribe", params, "weft_unsubscribe").await;
    let Ok(mut feed): Result<Subscription<Value>, _> = subscribed else { return heard };
    while let Some(Ok(message)) = feed.next().await {
        heard.push(read_promise(&message.to_string()).unwrap().0);
    }
    heard
}

/// Checks that no two signatures of a realm contradict each other, whichever life of the node they are of: one item at a
/// position, one running hash after so many items, one result.
fn check_signatures(promises: &[SignedPromise]) {
    let (mut items, mut chains, mut results) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut chain = |at: Position, hash: B256| {
        assert_eq!(*chains.entry(at).or_insert(hash), hash, "the chain after {at}");
    };
    for promise in promises {
        match &promise.statement {
            Statement::Order(order) => {
                let at = order.position;
                assert_eq!(*items.entry(at).or_insert(order.item), order.item, "the item at {at}");
                chain(at, order.prev_chain);
                chain(Position { index: at.index + 1, ..at }, order.chain);
            }
            Statement::Execution(result) => {
                let at = result.position;
                let said = results.entry(at).or_insert(result);
                assert_eq!((&said.legs, &said.removal), (&result.legs, &result.removal), "{at}");
                assert_eq!(
                    *items.entry(at).or_insert(result.item),
                    result.item,
                    "the item at {at}"
                );
                chain(Position { index: at.index + 1, ..at }, result.chain);
            }
            Statement::Checkpoint(_) | Statement::Bundle(_) => {}
        }
    }
}

/// Compares a signed result with the chain.
async fn check_result(rpc: &Rpc, promise: &SignedPromise) {
    let Statement::Execution(result) = &promise.statement else { return };
    assert!(result.removal.is_none(), "nothing that was sent fails: {result:?}");
    for leg in &result.legs {
        let chain = u64::from(leg.network.get());
        let found = closed_receipt(rpc, chain, &leg.tx_hash).await;
        let status = if leg.success { "0x1" } else { "0x0" };
        assert_eq!(found["status"], status, "{leg:?}");
        assert_eq!(found["gasUsed"], json!(format!("{:#x}", leg.gas_used)), "{leg:?}");
        let outcome = rpc.ask(chain, "weft_getOutcome", json!([leg.tx_hash])).await;
        assert_eq!(outcome["position"]["text"], result.position.to_string(), "{leg:?}");
    }
}

fn start_on(dir: &Path) -> Dev {
    let dir = dir.to_str().unwrap();
    Dev::start(&["--rollups", "2", "--slot", "20ms", "--keep-log", "--data-dir", dir])
}

/// Copies the log of a data directory and nothing else.
fn copy_log(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("log")).unwrap();
    for file in fs::read_dir(from.join("log")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join("log").join(file.file_name())).unwrap();
    }
}

/// Returns the last block of each rollup.
async fn heads(rpc: &Rpc) -> Vec<u64> {
    let mut heads = Vec::new();
    for chain in CHAINS {
        let head = rpc.ask(chain, "eth_blockNumber", json!([])).await;
        heads.push(serde_json::from_value::<U256>(head).unwrap().to());
    }
    heads
}

/// Returns blocks, receipts, logs and proofs up to some blocks.
async fn answers(rpc: &Rpc, heads: &[u64]) -> Vec<Value> {
    let mut all = Vec::new();
    for (chain, head) in CHAINS.into_iter().zip(heads) {
        for number in 0..=*head {
            let number = format!("{number:#x}");
            all.push(rpc.ask(chain, "eth_getBlockByNumber", json!([number, true])).await);
            all.push(rpc.ask(chain, "eth_getBlockReceipts", json!([number])).await);
        }
        let (last, earlier) = (format!("{head:#x}"), format!("{:#x}", head.saturating_sub(20)));
        let logs = json!([{ "fromBlock": "0x0", "toBlock": last }]);
        all.push(rpc.ask(chain, "eth_getLogs", logs).await);
        for account in DEV_ACCOUNTS {
            for number in [&last, &earlier] {
                let proof = json!([account.address, [], number]);
                all.push(rpc.ask(chain, "eth_getProof", proof).await);
            }
        }
    }
    all
}

/// Checks that nothing acknowledged is missing, on any of its rollups.
async fn check_outcomes(rpc: &Rpc, log: &[Acknowledged]) {
    for (chain, hash) in log.iter().flat_map(|acknowledged| &acknowledged.hashes) {
        let outcome = rpc.ask(*chain, "weft_getOutcome", json!([hash])).await;
        assert_eq!(outcome["outcome"], "included", "{hash} is lost: {outcome}");
    }
}

/// Waits until the slot of a transaction is closed.
async fn closed_receipt(rpc: &Rpc, chain: u64, hash: &B256) -> Value {
    for _ in 0..500 {
        let receipt = rpc.ask(chain, "eth_getTransactionReceipt", json!([hash])).await;
        if !receipt.is_null() {
            return receipt;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{hash} is in no block");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_takes_back_an_answer() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = setting("WEFT_CRASH_SEED").unwrap_or(now);
    let kills = setting("WEFT_KILLS").unwrap_or(100) as usize;
    println!("WEFT_CRASH_SEED={seed} WEFT_KILLS={kills}");
    let mut chance = Chance(seed);
    let (mut starts, mut count, mut receipts, mut signed) = (Vec::new(), 0, 0, 0);
    let mut left = kills;
    while left > 0 {
        let mut realm = Realm::new(left);
        let lives = left.min(KILLS_PER_REALM);
        for _ in 0..lives {
            realm.live(&mut chance).await;
        }
        realm.check().await;
        left -= lives;
        count += realm.log.len();
        receipts += realm.log.iter().flat_map(|a| &a.receipts).filter(|r| !r.is_null()).count();
        signed += realm.promises.len();
        starts.extend(realm.starts);
    }
    starts.sort();
    let (median, longest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!(
        "{kills} kills: {count} answers, {receipts} receipts and {signed} signatures, none lost or \
         contradicted"
    );
    assert!(signed >= kills, "only {signed} signatures were heard");
    println!("starts: median {median:?}, longest {longest:?}");
    assert!(
        count >= kills / 2,
        "only {count} answers: the node was killed before it could give any"
    );
}
