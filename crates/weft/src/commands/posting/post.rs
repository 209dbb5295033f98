//! `weft post`: batches to L1.

use super::{Archived, Realm, realm_of};
use crate::{commands::keys, log, say::say};
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::Result;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode, time::Duration};
use weft_poster::{Fees, Journal, Limits, PostError, Poster, Turn};

const GWEI: u128 = 1_000_000_000;

/// Posts the batches of a realm to L1, each once
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft post --archive <DIR> --l1 <URL> --journal <DIR> --key <HEX>
                 [OPTIONS]",
    after_help = "\
Examples:
  weft post --archive archive --l1 http://l1:8545 --journal post \\
    --sequencer sequencer.json --passphrase pass.txt
  weft post --archive archive --l1 http://l1:8545 --journal post --once

It may be killed at any time and goes on where it stood; several beside each
other, each with a journal and a key of its own, harm nobody. Above the ceilings
of the fees it waits. Without --sequencer the key of development nodes signs."
)]
pub(crate) struct Post {
    #[command(flatten)]
    realm: Realm,
    /// Directory for what was sent
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    /// Private key that pays
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Key file of the sequencer, that signs the headers
    #[arg(long, value_name = "FILE")]
    sequencer: Option<PathBuf>,
    /// File whose first line is its passphrase
    #[arg(long, value_name = "FILE", requires = "sequencer")]
    passphrase: Option<PathBuf>,
    /// Ceiling for gas, in gwei
    #[arg(long, value_name = "GWEI", default_value_t = 200)]
    max_fee: u32,
    /// Ceiling for blob gas, in gwei
    #[arg(long, value_name = "GWEI", default_value_t = 100)]
    max_blob_fee: u32,
    /// L1 blocks until a dearer attempt
    #[arg(long, value_name = "BLOCKS", default_value_t = 3)]
    patience: u64,
    /// Seconds between two looks at L1
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    every: u64,
    /// Ends when everything is posted
    #[arg(long)]
    once: bool,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Post {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let mut poster = self.poster().await?;
        let pause = Duration::from_secs(self.every.max(1));
        let mut last = None;
        loop {
            match poster.turn().await {
                Ok(turn) => {
                    if last.as_ref() != Some(&turn) {
                        self.tell(&turn);
                    }
                    if self.once && matches!(turn, Turn::Idle { .. }) {
                        return Ok(ExitCode::SUCCESS);
                    }
                    last = Some(turn);
                }
                // What does not answer now may answer later.
                Err(error @ (PostError::L1(_) | PostError::Funds { .. })) if !self.once => {
                    tracing::warn!(%error, "no batch was posted");
                }
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    async fn poster(&self) -> Result<Poster> {
        let (dir, config) = realm_of(&self.realm.archive)?;
        let l1 = self.realm.connect(&config).await?;
        let sequencer = match &self.sequencer {
            Some(file) => keys::open(file, self.passphrase.as_deref())?,
            None => weft_node::development_sequencer(),
        };
        let account = self.key.address();
        let journal = Journal::open(&self.journal, l1.chain_id(), l1.hub(), account)?;
        let source = Box::new(Archived::new(dir, &config));
        let (key, sequencer) = (self.key.clone(), Box::new(sequencer));
        Ok(Poster::new(l1, config.domain, source, journal, key, sequencer, self.limits()))
    }

    fn limits(&self) -> Limits {
        let limits = Limits::default();
        let max_fee = u128::from(self.max_fee) * GWEI;
        let most = Fees {
            max_fee,
            tip: limits.most.tip.min(max_fee),
            blob_fee: u128::from(self.max_blob_fee) * GWEI,
        };
        Limits { most, patience: self.patience.max(1), ..limits }
    }

    fn tell(&self, turn: &Turn) {
        if self.json {
            say(match turn {
                Turn::Idle { posted } => json!({"event": "idle", "posted": posted}),
                Turn::Sent { number, hash, fees, attempts } => json!({
                    "event": "sent",
                    "batch": number,
                    "transaction": hash,
                    "attempts": attempts,
                    "maxFeePerGas": fees.max_fee.to_string(),
                    "maxFeePerBlobGas": fees.blob_fee.to_string(),
                }),
                Turn::Waiting { number, hash } => {
                    json!({"event": "waiting", "batch": number, "transaction": hash})
                }
                Turn::Dear { number, .. } => json!({"event": "dear", "batch": number}),
                Turn::Overtaken { number } => json!({"event": "overtaken", "batch": number}),
            });
            return;
        }
        match turn {
            Turn::Idle { posted } => say(format_args!("{posted} batches are on L1")),
            Turn::Sent { number, hash, attempts, .. } => {
                say(format_args!("batch {number}: sent {hash}, attempt {attempts}"));
            }
            Turn::Waiting { number, hash } => {
                say(format_args!("batch {number}: {hash} waits for a block"));
            }
            Turn::Dear { number, asked: (fee, blob_fee) } => say(format_args!(
                "batch {number}: L1 asks for {fee} wei per gas and {blob_fee} per blob gas, over the ceilings"
            )),
            Turn::Overtaken { number } => {
                say(format_args!("batch {number}: L1 moved on, looking again"));
            }
        }
    }
}
