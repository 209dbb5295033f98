//! `weft import`: an Ethereum chain from its files, checked block by block, and served.

use super::dev::Signals;
use crate::{log, say::say};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, eyre};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fs::File,
    io::{BufReader, IsTerminal},
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use weft_ethereum::{BlockReader, ForeignBlock, ForeignChain, genesis};
use weft_node::{DevConfig, ImportedChain, Node};

/// Time between two lines of progress where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Imports an Ethereum chain, checks all of it and serves its JSON-RPC
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft import --genesis genesis.json chain.rlp
  weft import --genesis genesis.json chain.rlp --port 8545
  weft import --genesis genesis.json chain.rlp --no-serve   checks, then ends

The chain may follow any rules from Frontier to Osaka. Proof-of-work seals are
not checked. A bad block ends the import with exit code 1.")]
pub(crate) struct Import {
    /// Genesis file in the form of go-ethereum
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
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
        log::start(self.json);
        let began = Instant::now();
        let (chain, head) = self.import()?;
        let blocks = chain.blocks.len();
        let took = began.elapsed();
        if self.json {
            say(serde_json::json!({
                "event": "imported", "blocks": blocks, "head": head, "ms": took.as_millis() as u64,
            }));
        } else {
            say(format_args!("imported {blocks} blocks in {took:.1?}, head {head}"));
        }
        if self.no_serve { Ok(ExitCode::SUCCESS) } else { self.serve(chain).await }
    }

    fn import(&self) -> Result<(ImportedChain, B256)> {
        let json = std::fs::read(&self.genesis)
            .wrap_err_with(|| format!("cannot read {}", self.genesis.display()))?;
        let genesis = genesis(&json)?;
        let mut chain = ForeignChain::new(genesis.clone());
        let blocks = read_blocks(&self.chain, self.json, &mut chain)?;
        let (_, head) = chain.head();
        Ok((ImportedChain { genesis, blocks }, head))
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
                say(serde_json::json!({"event": "serving", "chainId": id, "url": url}));
            } else {
                say(format_args!("chain {} at {}", rollup.chain_id, rollup.url));
            }
        }
        signals.wait().await;
        node.stop().await.wrap_err("the node did not stop cleanly")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_blocks(path: &Path, json: bool, chain: &mut ForeignChain) -> Result<Vec<ForeignBlock>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).wrap_err_with(cannot)?;
    let bytes = file.metadata().wrap_err_with(cannot)?.len();
    let mut progress = Progress::new(bytes, json);
    let mut blocks = Vec::new();
    for raw in BlockReader::new(BufReader::new(file)) {
        let number = chain.head().0.number + 1;
        let raw = raw.map_err(|error| eyre!("block {number} of {}: {error}", path.display()))?;
        let block = chain
            .import(&raw)
            .map_err(|error| eyre!("{error}; {} good blocks came before", number - 1))?;
        progress.passed(raw.len(), block.header.number);
        blocks.push(block);
    }
    progress.bar.finish_and_clear();
    Ok(blocks)
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    plain: bool,
    last: Instant,
}

impl Progress {
    fn new(bytes: u64, json: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && !json;
        let bar = if on_terminal { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template(
            "importing {bar:30} {percent:>3} %  {msg}  {elapsed}, {eta} to go",
        );
        bar.set_style(style.expect("the template is valid"));
        Self { bar, plain: !on_terminal && !json, last: Instant::now() }
    }

    fn passed(&mut self, bytes: usize, number: u64) {
        self.bar.inc(bytes as u64);
        self.bar.set_message(format!("block {number}"));
        if self.plain && self.last.elapsed() >= LINE_EVERY {
            self.last = Instant::now();
            say(format_args!("block {number}"));
        }
    }
}
