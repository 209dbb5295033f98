//! `weft l1 register`.

use super::{L1Args, send::explain};
use crate::{say::say, settings::read_rollup, utc};
use alloy_primitives::{Address, U256};
use alloy_provider::Provider as _;
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, bail, ensure};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use weft_contracts::Hub;
use weft_l1::{backing, registration};

/// Registers a rollup with the hub, so that it can join the realm
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft l1 register 903.toml --config weft.toml
  weft rollup add 903.toml --token data/admin.token

The key is that of the registrar of `weft l1 deploy`. The rollup may join once
`l1.confirmations` blocks follow. Until it has joined, no other one can, and
nothing in its file but name and port may change. It cannot be taken back.")]
pub(crate) struct Register {
    #[command(flatten)]
    l1: L1Args,
    /// Private key of the registrar
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Policy; default: that of the first rollup
    #[arg(long, value_name = "ADDRESS")]
    policy: Option<Address>,
    /// No ether behind genesis balances: tests
    #[arg(long)]
    unbacked: bool,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
    /// File of the rollup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Register {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let rollup = match read_rollup(&self.file) {
            Ok(rollup) => rollup,
            Err(problems) => bail!("{}", problems.join("; ")),
        };
        let (found, id) = (self.l1.find().await?, rollup.chain_id);
        let (hub, sender) = (found.contracts.hub, found.sender(&self.key)?);
        let known = sender.view(hub, &Hub::idOfCall { chainId: id }).await?;
        ensure!(known == 0, "rollup {id} is registered with hub {hub}, as number {known}");
        let policy = match self.policy {
            Some(policy) => policy,
            None => sender.view(hub, &Hub::rollupCall { id: 1 }).await?.policy,
        };
        let genesis = rollup.declared(utc::now_s());
        let call = registration(&found.realm, &genesis, policy)?;
        let value = if self.unbacked { U256::ZERO } else { backing(&genesis) };
        let has = sender.provider.get_balance(sender.address).await.map_err(explain)?;
        ensure!(
            has >= value,
            "{} has {has} wei, and {value} are to back the genesis balances",
            sender.address
        );
        let receipt = sender.call(hub, &call, value).await?;
        let transaction = receipt.transaction_hash;
        if self.json {
            say(json!({
                "event": "registered",
                "chainId": id,
                "genesis": genesis.timestamp,
                "transaction": transaction,
                "l1Block": receipt.block_number,
                "gasUsed": receipt.gas_used,
            }));
        } else {
            say(format_args!("rollup {id} is registered in L1 transaction {transaction}"));
            say(format_args!("it joins by: weft rollup add {}", self.file.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
