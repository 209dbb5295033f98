//! anvil, as a child process.

use crate::{
    DevL1, Head, MAX_REORG, Pending, error::DevL1Error, guard::Guarded, rpc::Rpc,
    settings::Settings, steered::Steered,
};
use alloy_eips::eip4844::Blob;
use alloy_primitives::{B256, U64};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    env,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use weft_node::BlobArchive;

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
    chain: Steered,
    _keeper: Keeping,
}

/// The task that keeps blobs, while this lives.
#[derive(Debug)]
struct Keeping(JoinHandle<()>);

impl Anvil {
    pub(crate) async fn start(program: &Path, settings: Settings) -> Result<Self, DevL1Error> {
        let archive = BlobArchive::open(&settings.blobs)?;
        let port = free_port(&settings)?;
        let failed = |why: String| DevL1Error::Program { program: program.to_owned(), why };
        let child = Guarded::spawn(program, &arguments(&settings, port));
        let mut child = child.map_err(|why| failed(why.to_string()))?;
        let rpc = Rpc::new(format!("http://{}", SocketAddr::new(settings.host, port)))?;
        wait(&mut child, &rpc).await.map_err(failed)?;
        for (account, wei) in &settings.funded {
            rpc.call::<Value>("anvil_setBalance", json!([account, wei])).await?;
        }
        let chain = Steered { rpc, archive };
        let keeper = Keeper { chain: chain.clone(), known: VecDeque::new() };
        let keeping = Keeping(tokio::spawn(keeper.run()));
        Ok(Self { child, chain, _keeper: keeping })
    }
}

impl DevL1 for Anvil {
    fn url(&self) -> &str {
        self.chain.rpc.url()
    }

    fn archive(&self) -> &BlobArchive {
        &self.chain.archive
    }

    fn mine(&self, blocks: u64) -> Pending<'_, Head> {
        Box::pin(self.chain.mine(blocks))
    }

    fn reorg(&self, depth: u64) -> Pending<'_, Head> {
        Box::pin(self.chain.reorg(depth))
    }

    fn blobs(&self, transaction: B256) -> Pending<'_, Vec<Blob>> {
        Box::pin(self.chain.blobs(transaction))
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
    chain: Steered,
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
        let mut next = self.chain.block("eth_getBlockByNumber", json!("latest")).await?;
        while let Some(found) = next {
            if self.known.contains(&found.hash) || new.len() == REMEMBERED {
                break;
            }
            let parent = found.parent_hash;
            new.push(found);
            next = self.chain.block("eth_getBlockByHash", json!(parent)).await?;
        }
        for block in new.into_iter().rev() {
            for transaction in block.transactions {
                self.chain.keep(&transaction.blob_versioned_hashes).await?;
            }
            self.known.push_back(block.hash);
            if self.known.len() > REMEMBERED {
                self.known.pop_front();
            }
        }
        Ok(())
    }
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
