//! `weft promise`: promises from a node.

use crate::{rpc::Rpc, say::say};
use alloy_primitives::B256;
use clap::{Args, Subcommand};
use eyre::{Result, eyre};
use serde_json::{Value, json};
use std::process::ExitCode;
use weft_promise::read_promise;

/// Signed promises about transactions and bundles
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft promise get 0x1f6e.. > promise.json
  weft promise get 0x1f6e.. --execution > result.json
  weft verify-promise promise.json

What is promised of a sealed transaction is promised of its envelope. Once that
is open, the hash of the transaction leads to it.")]
pub(crate) enum Promise {
    Get(Get),
}

/// Prints the promise about a transaction, bundle or item
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Hash of transaction or envelope, or bundle id
    #[arg(value_name = "HASH")]
    hash: B256,
    /// The promise of the result; without it, that of the position
    #[arg(long)]
    execution: bool,
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
}

impl Promise {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let Self::Get(get) = self;
        let promise = get.promise(&Rpc::new(&get.rpc)?).await?;
        // What does not verify here would be of no use later.
        read_promise(&promise.to_string())?;
        say(serde_json::to_string_pretty(&promise)?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Get {
    /// Returns the promise as JSON: that about the hash, or about the envelope in which the transaction came.
    async fn promise(&self, rpc: &Rpc) -> Result<Value> {
        let hash = self.hash;
        let mut told = promises(rpc, hash).await?;
        if !told[self.kind()].is_null() {
            return Ok(told[self.kind()].take());
        }
        let outcome: Value = rpc.request("weft_getOutcome", json!([hash])).await?;
        let envelope = serde_json::from_value::<B256>(outcome["envelope"].clone()).ok();
        let Some(envelope) = envelope.filter(|envelope| *envelope != hash) else {
            return Err(self.nothing(&told, &outcome));
        };
        let mut told = promises(rpc, envelope).await?;
        if told[self.kind()].is_null() {
            return Err(self.nothing(&told, &outcome));
        }
        eprintln!("{hash} was sealed: this is about its envelope {envelope}");
        Ok(told[self.kind()].take())
    }

    const fn kind(&self) -> &'static str {
        if self.execution { "execution" } else { "order" }
    }

    /// Says why there is no such promise.
    fn nothing(&self, told: &Value, outcome: &Value) -> eyre::Report {
        let Self { hash, rpc, .. } = self;
        match outcome["outcome"].as_str() {
            _ if self.execution && !told["order"].is_null() => eyre!(
                "nothing is promised about the result of {hash} yet, only its position: \
                 leave out --execution, or ask again soon"
            ),
            Some(outcome) => eyre!(
                "{rpc} has no {} promise about {hash}, although it is {outcome}: \
                 the node signs none now, or no longer has it",
                self.kind()
            ),
            None => eyre!(
                "{rpc} knows nothing of {hash}: nothing with this hash came, or it is sealed; \
                 until it is open ask for the hash of its envelope"
            ),
        }
    }
}

/// Returns what was promised about a hash, as JSON.
async fn promises(rpc: &Rpc, hash: B256) -> Result<Value> {
    rpc.request("weft_getPromise", json!([hash])).await
}
