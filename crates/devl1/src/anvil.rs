//! anvil, as a child process.

use crate::{
    DevL1, Head, MAX_REORG, Pending, archive::Archive, error::DevL1Error, guard::Guarded, rpc::Rpc,
    settings::Settings,
};
use alloy_eips::eip4844::Blob;
use alloy_primitives::{B256, Bytes, U64};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    env,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Environment variable that names anvil's program.
pub const ANVIL_VARIABLE: &str = "WEFT_ANVIL";

/// Longest wait for the first answer.
const START: Duration = Duration::from_secs(30);
/// Time between two looks for new blocks.
const LOOK: Duration = Duration::from_millis(100);
/// Blocks that are remembered; a reorg is never deeper.
const REMEMBERED: usize = 2 * MAX_REORG as usize;

/// Where `npm ci` in a checkout's `acceptance` puts anvil.
const CHECKOUT: &str = "acceptance/node_modules/@foundry-rs/anvil-linux-amd64/bin";

/// Returns anvil's program: what [`ANVIL_VARIABLE`] names, else the first one on the path, else that of the checkout whose
/// root is the working directory.
pub fn find_anvil() -> Result<PathBuf, DevL1Error> {
    if let Some(named) = env::var_os(ANVIL_VARIABLE) {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from(CHECKOUT)]);
    let found = folders.map(|folder| folder.join("anvil")).find(|it| it.is_file());
    found.ok_or(DevL1Error::NoAnvil)
}

/// The child and what it takes to steer it.
#[derive(Debug)]
pub(crate) struct Anvil {
    child: Guarded,
    rpc: Rpc,
    archive: Archive,
    _keeper: Keeping,
}

/// The task that keeps blobs, while this lives.
#[derive(Debug)]
struct Keeping(JoinHandle<()>);

/// What is read of a block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: U64,
    hash: B256,
    parent_hash: B256,
    transactions: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    block_hash: Option<B256>,
    #[serde(default)]
    blob_versioned_hashes: Vec<B256>,
}

impl Anvil {
    pub(crate) async fn start(program: &Path, settings: Settings) -> Result<Self, DevL1Error> {
        let archive = Archive::open(&settings.blobs)?;
        let port = free_port(&settings)?;
        let failed = |why: String| DevL1Error::Program { program: program.to_owned(), why };
        let child = Guarded::spawn(program, &arguments(&settings, port));
        let mut child = child.map_err(|why| failed(why.to_string()))?;
        let rpc = Rpc::new(format!("http://{}", SocketAddr::new(settings.host, port)))?;
        wait(&mut child, &rpc).await.map_err(failed)?;
        for (account, wei) in &settings.funded {
            rpc.call::<Value>("anvil_setBalance", json!([account, wei])).await?;
        }
        let keeper = Keeper { rpc: rpc.clone(), archive: archive.clone(), known: VecDeque::new() };
        let keeping = Keeping(tokio::spawn(keeper.run()));
        Ok(Self { child, rpc, archive, _keeper: keeping })
    }

    async fn head(&self) -> Result<Head, DevL1Error> {
        let block = block(&self.rpc, "eth_getBlockByNumber", json!("latest")).await?;
        block
            .map(|block| Head { number: block.number.to(), hash: block.hash })
            .ok_or_else(|| DevL1Error::refused("eth_getBlockByNumber", "no block"))
    }
}

impl DevL1 for Anvil {
    fn url(&self) -> &str {
        self.rpc.url()
    }

    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn mine(&self, blocks: u64) -> Pending<'_, Head> {
        Box::pin(async move {
            self.rpc.call::<Value>("anvil_mine", json!([U64::from(blocks)])).await?;
            self.head().await
        })
    }

    fn reorg(&self, depth: u64) -> Pending<'_, Head> {
        Box::pin(async move {
            let most = MAX_REORG.min(self.head().await?.number);
            if depth > most {
                return Err(DevL1Error::TooDeep { depth, most });
            }
            self.rpc.call::<Value>("anvil_reorg", json!([depth, []])).await?;
            self.head().await
        })
    }

    fn blobs(&self, transaction: B256) -> Pending<'_, Vec<Blob>> {
        Box::pin(async move {
            let found: Option<Transaction> =
                self.rpc.call("eth_getTransactionByHash", json!([transaction])).await?;
            let mined = found.filter(|found| found.block_hash.is_some());
            let mined = mined.ok_or(DevL1Error::NotMined(transaction))?;
            keep(&self.rpc, &self.archive, &mined.blob_versioned_hashes).await?;
            self.archive.all(&mined.blob_versioned_hashes)
        })
    }

    fn stop(self: Box<Self>) -> Pending<'static, ()> {
        let Self { child, .. } = *self;
        Box::pin(async move { child.stop().await.map_err(|why| DevL1Error::refused("stop", why)) })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Looks at every block for blobs.
struct Keeper {
    rpc: Rpc,
    archive: Archive,
    /// Hashes of the last blocks, oldest first.
    known: VecDeque<B256>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            // A chain that does not answer has no new blocks; what is missed is fetched at the next look.
            let _ = self.look().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Walks from the tip down to what is known, then keeps what is new from the oldest block on.
    async fn look(&mut self) -> Result<(), DevL1Error> {
        let mut new = Vec::new();
        let mut next = block(&self.rpc, "eth_getBlockByNumber", json!("latest")).await?;
        while let Some(found) = next {
            if self.known.contains(&found.hash) || new.len() == REMEMBERED {
                break;
            }
            let parent = found.parent_hash;
            new.push(found);
            next = block(&self.rpc, "eth_getBlockByHash", json!(parent)).await?;
        }
        for block in new.into_iter().rev() {
            for transaction in block.transactions {
                keep(&self.rpc, &self.archive, &transaction.blob_versioned_hashes).await?;
            }
            self.known.push_back(block.hash);
            if self.known.len() > REMEMBERED {
                self.known.pop_front();
            }
        }
        Ok(())
    }
}

/// Keeps blobs while anvil has them.
async fn keep(rpc: &Rpc, archive: &Archive, hashes: &[B256]) -> Result<(), DevL1Error> {
    for hash in hashes {
        if !archive.has(hash) {
            let blob: Option<Bytes> = rpc.call("anvil_getBlobByHash", json!([hash])).await?;
            archive.put(hash, &blob.ok_or(DevL1Error::NoBlob(*hash))?)?;
        }
    }
    Ok(())
}

async fn block(rpc: &Rpc, method: &'static str, at: Value) -> Result<Option<Block>, DevL1Error> {
    rpc.call(method, json!([at, true])).await
}

fn arguments(settings: &Settings, port: u16) -> Vec<String> {
    let seconds = settings.interval.as_secs_f64().to_string();
    let mut arguments: Vec<String> = ["--silent", "--no-request-size-limit", "--block-time"]
        .map(str::to_owned)
        .into_iter()
        .chain([seconds, "--port".to_owned(), port.to_string()])
        .chain(["--host".to_owned(), settings.host.to_string()])
        .chain(["--chain-id".to_owned(), settings.chain_id.to_string()])
        .collect();
    if settings.eager {
        arguments.push("--mixed-mining".to_owned());
    }
    arguments
}

/// Returns the port of the settings, or one that is free now: anvil does not say which one it took.
fn free_port(settings: &Settings) -> Result<u16, DevL1Error> {
    let refused = |why| DevL1Error::Port { port: settings.port, why };
    let listener = TcpListener::bind((settings.host, settings.port)).map_err(refused)?;
    Ok(listener.local_addr().map_err(refused)?.port())
}

async fn wait(child: &mut Guarded, rpc: &Rpc) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let answer = rpc.call::<U64>("eth_chainId", json!([])).await;
        if let Some(status) = child.ended() {
            return Err(format!("it ended with {status}"));
        }
        match answer {
            Ok(_) => return Ok(()),
            Err(why) if begun.elapsed() > START => return Err(why.to_string()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
