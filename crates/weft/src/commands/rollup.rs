//! `weft rollup`: rollups of a running realm.

use crate::{rpc::Rpc, say::say, settings::read_rollup};
use alloy_primitives::U256;
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, bail, ensure};
use serde_json::{Map, Value, json};
use std::{fs, path::PathBuf, process::ExitCode};
use weft_node::RollupConfig;

/// Rollups of a running realm
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft rollup add orders.toml --admin http://127.0.0.1:9500 \\
      --token /var/lib/weft/admin.token

The file: chain_id, name, port, gas_limit, base_fee, failed, [allocations]; see
docs/reference/config.md. The rollup joins at the end of the slot and stays,
also after a restart without its file.")]
pub(crate) enum RollupCommand {
    Add(Add),
}

/// Lets a rollup join the realm of a running node
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// File of the rollup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Admin port of the node
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9500")]
    admin: String,
    /// File with the token of the admin port
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl RollupCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let Self::Add(Add { file, admin, token, json }) = self;
        let rollup = match read_rollup(&file) {
            Ok(rollup) => rollup,
            Err(problems) => bail!("{}", problems.join("; ")),
        };
        let cannot = || format!("cannot read {}", token.display());
        let token = fs::read_to_string(&token).wrap_err_with(cannot)?.trim().to_owned();
        ensure!(!token.is_empty(), "the token file is empty");
        let node = Rpc::with_token(&admin, &token)?;
        let added: Value = node.request("admin_addRollup", json!([request(&rollup)])).await?;
        if json {
            say(added);
        } else {
            let url = added["url"].as_str().unwrap_or_default();
            say(format_args!("rollup {} ({}) at {url}", rollup.chain_id, rollup.name));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn request(rollup: &RollupConfig) -> Value {
    let hex = |wei: &U256| json!(format!("{wei:#x}"));
    let allocations = rollup.allocations.iter();
    let allocations: Map<String, Value> =
        allocations.map(|(address, wei)| (address.to_string(), hex(wei))).collect();
    json!({
        "chainId": rollup.chain_id,
        "name": rollup.name,
        "port": rollup.port,
        "gasLimit": format!("{:#x}", rollup.gas_limit),
        "baseFee": format!("{:#x}", rollup.base_fee),
        "failed": if rollup.removes_failed { "remove" } else { "keep" },
        "allocations": allocations,
    })
}
