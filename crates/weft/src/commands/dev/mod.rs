//! `weft dev`: a development realm in one process.

mod banner;
mod follow;

use super::keys;
use crate::{log, say::say};
use clap::{Args, ValueEnum};
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};
use weft_node::{DevConfig, GuardFile, Node, NodeHandle, Priority, SigningKey};

/// Runs several rollups for development, one JSON-RPC port each
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft dev                           rollups 901, 902, 903 at 9545, 9546, 9547
  weft dev --rollups 2 --slot 1s --port 8000
  weft dev --dump-state realm.json   writes all state when Ctrl-C stops it
  weft dev --load-state realm.json   goes on from there
  weft dev --data-dir realm          keeps everything there, crash or not
  weft dev --executor 903            runs rollup 903 in a process of its own
  weft dev --json | jq .             JSON lines, the first is the banner

The keys of the accounts are public: never send them anything of value.")]
pub(crate) struct Dev {
    /// Number of rollups
    #[arg(long, value_name = "N", default_value_t = 3)]
    rollups: u32,
    /// Port of the first rollup; 0 for any
    #[arg(long, default_value_t = 9545)]
    port: u16,
    /// Port with every rollup at /CHAINID; 0 for any
    #[arg(long, value_name = "PORT")]
    common_port: Option<u16>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Length of a slot: 200ms, 1s
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = parse_slot)]
    slot: Duration,
    /// Gas limit of a block
    #[arg(long, value_name = "GAS", default_value_t = 60_000_000)]
    gas_limit: u64,
    /// Who gets a position first: who came first, or who pays most
    #[arg(long, value_enum, default_value_t = First::Fcfs)]
    priority: First,
    /// Fixes all times: same submissions, same blocks
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Rollup to run in a process of its own; may repeat
    #[arg(long, value_name = "CHAIN")]
    executor: Vec<u64>,
    /// Directory to keep everything in; goes on from there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["executor", "load_state"])]
    data_dir: Option<PathBuf>,
    /// Key file that signs promises; else a public key
    #[arg(long, value_name = "KEY", conflicts_with = "signer")]
    promise_key: Option<PathBuf>,
    /// File with the passphrase; else WEFT_PASSPHRASE
    #[arg(long, value_name = "FILE", requires = "promise_key")]
    passphrase: Option<PathBuf>,
    /// Program that holds the key, instead of a file
    #[arg(long, value_name = "PROGRAM", requires = "guard")]
    signer: Option<String>,
    /// What the key signed so far; default KEY.guard
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,
    /// Says that the guard file is from a backup
    #[arg(long)]
    guard_restored: bool,
    /// Prints no blocks
    #[arg(long)]
    quiet: bool,
    /// Prints JSON lines instead of text
    #[arg(long)]
    json: bool,
    /// File to write the state to when stopped
    #[arg(long, value_name = "FILE")]
    dump_state: Option<PathBuf>,
    /// File to start from
    #[arg(long, value_name = "FILE")]
    load_state: Option<PathBuf>,
}

/// Who gets a position first.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum First {
    /// Who came first
    Fcfs,
    /// Who pays most, in an auction for every slot
    Fees,
}

impl From<First> for Priority {
    fn from(first: First) -> Self {
        match first {
            First::Fcfs => Self::Fcfs,
            First::Fees => Self::Fees,
        }
    }
}

impl Dev {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start(self.json);
        let dumped = self.dump_state.clone();
        let (json, quiet, slot) = (self.json, self.quiet, self.slot);
        let apart = self.executor.clone();
        let mut signals = Signals::listen()?;
        let has_key = self.promise_key.is_some() || self.signer.is_some();
        let node = start(self.config()?).await?;
        // Blocks may close before the banner is out; it comes first nevertheless.
        let followers = if quiet { Vec::new() } else { follow::subscribe(&node).await? };
        if json {
            say(banner::json(&node, slot, &apart, !has_key));
        } else {
            say(banner::text(&node, slot, &apart, !has_key).trim_end_matches('\n'));
        }
        let printing = follow::print_all(followers, json);
        signals.wait().await;
        drop(printing);
        node.stop().await.wrap_err("the node did not stop cleanly")?;
        match dumped {
            Some(file) if json => say(json!({"event": "stopped", "state": file})),
            Some(file) => {
                say(format_args!("\nstopped; state of all rollups is in {}", file.display()))
            }
            None if json => say(json!({"event": "stopped"})),
            None => say(format_args!("\nstopped")),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn config(self) -> Result<DevConfig> {
        Ok(DevConfig {
            promise_key: Some(self.signing_key()?),
            rollups: self.rollups,
            host: self.host,
            port: self.port,
            common_port: self.common_port,
            slot_ms: u64::try_from(self.slot.as_millis()).expect("parsing bounds the slot"),
            gas_limit: self.gas_limit,
            priority: self.priority.into(),
            seed: self.seed,
            dump_state: self.dump_state,
            load_state: self.load_state,
            data_dir: self.data_dir,
            executors: self.executor,
            ..DevConfig::default()
        })
    }

    fn signing_key(&self) -> Result<SigningKey> {
        let guard = |file: PathBuf| GuardFile { file, is_restored: self.guard_restored };
        if let (Some(program), Some(file)) = (&self.signer, &self.guard) {
            return Ok(SigningKey::Program {
                program: program.clone(),
                args: Vec::new(),
                patience: SIGNER_PATIENCE,
                guard: guard(file.clone()),
            });
        }
        let Some(file) = &self.promise_key else { return Ok(SigningKey::Development) };
        Ok(SigningKey::Keystore {
            file: file.clone(),
            passphrase: keys::passphrase(self.passphrase.as_deref())?,
            guard: guard(self.guard.clone().unwrap_or_else(|| keys::guard_of(file))),
        })
    }
}

/// How long a signer program may take to answer.
const SIGNER_PATIENCE: Duration = Duration::from_secs(5);

/// Starts a realm of two rollups on free ports.
pub(super) async fn start_embedded() -> Result<NodeHandle> {
    start(DevConfig { rollups: 2, port: 0, ..DevConfig::default() }).await
}

async fn start(config: DevConfig) -> Result<NodeHandle> {
    let hint = match config.port {
        0 => "cannot start the node",
        _ => "cannot start the node; another port with --port may help",
    };
    Node::start(config).await.wrap_err(hint)
}

/// Ctrl-C, and the signal of whoever manages the process.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen: from here on a signal stops the node cleanly and does not end the process.
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).wrap_err("cannot listen for signals");
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Reads a slot length.
fn parse_slot(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "write a time like 200ms or 1s".to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        _ => return Err("write a time like 200ms or 1s".to_owned()),
    };
    match milliseconds {
        Some(slot @ 1..=60_000) => Ok(Duration::from_millis(slot)),
        _ => Err("a slot takes between 1ms and 60s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_read_with_their_unit() {
        assert_eq!(parse_slot("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse_slot("2s"), Ok(Duration::from_secs(2)));
        for text in ["", "200", "ms", "0ms", "1h", "-1s", "61s", "99999999999999999999s"] {
            assert!(parse_slot(text).is_err(), "{text}");
        }
    }
}
