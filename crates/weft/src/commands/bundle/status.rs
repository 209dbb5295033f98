//! `weft bundle status`.

use super::{DEFAULT_RPC, PENDING, REMOVED};
use crate::{
    explain,
    realm::Realm,
    say::say,
    style::{bold, dim, green, red, yellow},
};
use alloy_primitives::{B256, Bytes};
use clap::Args;
use eyre::Result;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Says what became of a bundle, or of a transaction
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
    /// Waits until it is decided
    #[arg(long)]
    wait: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Bundle id, or transaction hash
    #[arg(value_name = "ID")]
    id: B256,
}

impl Status {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let realm = Realm::connect(&self.rpc).await?;
        let outcome = match self.wait {
            true => Some(realm.wait_outcome(self.id).await?),
            false => realm.outcome(self.id).await?,
        };
        Ok(report(self.id, &outcome.unwrap_or(Value::Null), self.json))
    }
}

/// Prints an outcome and returns the exit code that says it.
pub(super) fn report(id: B256, outcome: &Value, as_json: bool) -> ExitCode {
    if as_json {
        let mut line = json!({"id": id, "outcome": null});
        if let (Some(line), Some(told)) = (line.as_object_mut(), outcome.as_object()) {
            line.extend(told.clone());
        }
        say(line);
    } else {
        print(id, outcome);
    }
    match outcome["outcome"].as_str() {
        Some("included") => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(REMOVED),
        None => ExitCode::from(PENDING),
    }
}

fn print(id: B256, outcome: &Value) {
    let Some(word) = outcome["outcome"].as_str() else {
        say(format_args!("{}  {id}\n  not decided yet, or never seen here", yellow("unknown")));
        return;
    };
    if word == "included" {
        say(format_args!("{}  {id}", green("included")));
        return;
    }
    let text = |name: &str| outcome[name].as_str().unwrap_or("-").to_owned();
    say(format_args!("{}  {id}", red(word)));
    if outcome["leg"].is_number() {
        say(format_args!(
            "  leg {} on {}: {}",
            outcome["leg"],
            outcome["chainId"],
            bold(text("cause"))
        ));
    }
    let reason = text("reason");
    say(format_args!("  {}", if reason.is_empty() { "it gave no reason" } else { &reason }));
    let data: Bytes = text("revertData").parse().unwrap_or_default();
    if !data.is_empty() {
        say(format_args!("  {}", explain::revert(&data).unwrap_or_else(|| data.to_string())));
    }
    say(format_args!("  {}", dim("nothing of it is in any block")));
}
