//! `weft bundle status`.

use super::{DEFAULT_RPC, PENDING, REMOVED};
use crate::{
    commands::verify_promise::in_full,
    explain,
    realm::Realm,
    say::say,
    style::{bold, dim, green, red, yellow},
};
use alloy_primitives::{B256, Bytes, U64};
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
        let mut outcome = match self.wait {
            true => realm.wait_outcome(self.id).await?,
            false => realm.outcome(self.id).await?.unwrap_or(Value::Null),
        };
        realm.add_blocks(&mut outcome, self.wait).await?;
        Ok(report(self.id, &outcome, self.json))
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
        Some("sealed") | None => ExitCode::from(PENDING),
        Some(_) => ExitCode::from(REMOVED),
    }
}

fn print(id: B256, outcome: &Value) {
    let Some(word) = outcome["outcome"].as_str() else {
        say(format_args!("{}  {id}\n  not decided yet, or never seen here", yellow("unknown")));
        return;
    };
    let colour = match word {
        "included" => green,
        "sealed" => yellow,
        _ => red,
    };
    say(format_args!("{}  {id}", colour(word)));
    if let Ok(position) = serde_json::from_value(outcome["position"].clone()) {
        say(format_args!("  {}", in_full(position)));
    }
    match word {
        "included" => print_blocks(outcome),
        "sealed" => say(format_args!("  {}", dim("it is opened when its epoch is closed"))),
        _ => print_removal(outcome),
    }
}

/// Says in which blocks it is.
fn print_blocks(outcome: &Value) {
    let list = |name: &str| outcome[name].as_array().into_iter().flatten();
    for made in list("siblings") {
        let name = format!("leg {} on {}", made["leg"], made["chainId"]);
        print_block(&name, made);
    }
    for made in list("system") {
        print_block(&format!("work on {}", made["chainId"]), made);
    }
}

fn print_block(name: &str, made: &Value) {
    let block = serde_json::from_value::<U64>(made["blockNumber"].clone());
    let block = block.map_or_else(|_| "a block that is open".into(), |at| format!("block {at}"));
    let hash = made["txHash"].as_str().unwrap_or("-");
    let reverts = if made["success"] == false { ", reverted" } else { "" };
    say(format_args!("  {name}: {block}{reverts}, transaction {hash}"));
}

/// Says why it is in none.
fn print_removal(outcome: &Value) {
    let text = |name: &str| outcome[name].as_str().unwrap_or("-").to_owned();
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
