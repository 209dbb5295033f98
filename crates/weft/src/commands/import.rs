//! `weft import`: an Ethereum chain from its files, checked block by block, and served.

use super::run::Signals;
use crate::{log, progress::Progress, say::say};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, eyre};
use serde_json::json;
use std::{
    cell::Cell,
    fs::File,
    io::{BufReader, Read},
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
    time::Instant,
};
use weft_ethereum::{BlockReader, ForeignBlock, ForeignChain, genesis};
use weft_node::{DevConfig, ImportedChain, Node, Verified};

/// Imports an Ethereum chain, checks all of it and serves its JSON-RPC
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft import --genesis genesis.json chain.rlp
  weft import --genesis genesis.json chain.rlp --port 8545
  weft import --genesis genesis.json chain.rlp --no-serve   checks, then ends
  weft import --replay 901.replay 901.rlp   checks what `weft export` wrote

The chain may follow any rules from Frontier to Osaka. Proof-of-work seals are
not checked. A bad block ends the import with exit code 1.")]
pub(crate) struct Import {
    /// Genesis file in the form of go-ethereum
    #[arg(long, value_name = "FILE", required_unless_present = "replay")]
    genesis: Option<PathBuf>,
    /// Replay file of a rollup: checks its blocks, then ends
    #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
    replay: Option<PathBuf>,
    /// Blocks in RLP, one after the other
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    /// Port to serve at; 0 for any
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Ends after the checks
    #[arg(long)]
    no_serve: bool,
    /// Prints JSON lines instead of text
    #[arg(long)]
    json: bool,
}

impl Import {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let began = Instant::now();
        if let Some(replay) = &self.replay {
            let verified = verify(replay, &self.chain)?;
            self.tell(verified.head + 1, verified.hash, began);
            return Ok(ExitCode::SUCCESS);
        }
        let (chain, head) = self.import()?;
        self.tell(chain.blocks.len() as u64, head, began);
        if self.no_serve { Ok(ExitCode::SUCCESS) } else { self.serve(chain).await }
    }

    fn tell(&self, blocks: u64, head: B256, began: Instant) {
        let took = began.elapsed();
        if self.json {
            let ms = took.as_millis() as u64;
            say(json!({"event": "imported", "blocks": blocks, "head": head, "ms": ms}));
        } else {
            say(format_args!("imported {blocks} blocks in {took:.1?}, head {head}"));
        }
    }

    fn import(&self) -> Result<(ImportedChain, B256)> {
        let path = self.genesis.as_deref().expect("there is a genesis where there is no replay");
        let json =
            std::fs::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
        let genesis = genesis(&json)?;
        let mut chain = ForeignChain::new(genesis.clone());
        let blocks = read_blocks(&self.chain, &mut chain)?;
        let (_, head) = chain.head();
        Ok((ImportedChain { genesis, blocks, production: None }, head))
    }

    async fn serve(self, chain: ImportedChain) -> Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let config = DevConfig {
            host: self.host,
            port: self.port,
            accounts: Vec::new(),
            imported: Some(chain),
            ..DevConfig::default()
        };
        let node = Node::start(config)
            .await
            .wrap_err("cannot start the node; another port with --port may help")?;
        for rollup in node.rollups() {
            if self.json {
                let (id, url) = (rollup.chain_id, &rollup.url);
                say(json!({"event": "serving", "chainId": id, "url": url}));
            } else {
                say(format_args!("chain {} at {}", rollup.chain_id, rollup.url));
            }
        }
        signals.wait().await;
        node.stop().await.wrap_err("the node did not stop cleanly")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_blocks(path: &Path, chain: &mut ForeignChain) -> Result<Vec<ForeignBlock>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).wrap_err_with(cannot)?;
    let bytes = file.metadata().wrap_err_with(cannot)?.len();
    let progress = Progress::new("importing", bytes);
    let (mut blocks, mut done) = (Vec::new(), 0);
    for raw in BlockReader::new(BufReader::new(file)) {
        let number = chain.head().0.number + 1;
        let raw = raw.map_err(|error| eyre!("block {number} of {}: {error}", path.display()))?;
        let block = chain
            .import(&raw)
            .map_err(|error| eyre!("{error}; {} good blocks came before", number - 1))?;
        done += raw.len() as u64;
        progress.at(done, &format!("block {}", block.header.number));
        blocks.push(block);
    }
    Ok(blocks)
}

/// Checks the blocks of a rollup against its replay file.
fn verify(replay: &Path, blocks: &Path) -> Result<Verified> {
    let open =
        |path: &Path| File::open(path).wrap_err_with(|| format!("cannot read {}", path.display()));
    let (replay, blocks) = (open(replay)?, open(blocks)?);
    let bytes = replay.metadata().wrap_err("cannot read the replay file")?.len();
    let progress = Progress::new("importing", bytes);
    let counted = Counted { file: BufReader::new(replay), read: Rc::default() };
    let read = counted.read.clone();
    let passed = |number: u64| progress.at(read.get(), &format!("block {number}"));
    Ok(weft_node::verify(counted, BufReader::new(blocks), passed)?)
}

/// A file that says how much of it was read.
struct Counted {
    file: BufReader<File>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(into)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}
