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
  weft verify-promise promise.json")]
pub(crate) enum Promise {
    Get(Get),
}

/// Prints the promise about a transaction, bundle or item
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Hash of the transaction or item, or bundle id
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
        let rpc = Rpc::new(&get.rpc)?;
        let answer: Value = rpc.request("weft_getPromise", json!([get.hash])).await?;
        let kind = if get.execution { "execution" } else { "order" };
        if answer[kind].is_null() {
            return Err(eyre!("{} has no {kind} promise about {}", get.rpc, get.hash));
        }
        // What does not verify here would be of no use later.
        read_promise(&answer[kind].to_string())?;
        say(serde_json::to_string_pretty(&answer[kind])?);
        Ok(ExitCode::SUCCESS)
    }
}
