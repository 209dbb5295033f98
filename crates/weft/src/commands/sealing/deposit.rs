//! `weft sealed deposit`: what carriage of sealed items is paid from.

use crate::{
    address::address,
    amount::{grouped, wei},
    commands::l1::Sender,
    realm::Realm,
    say::say,
};
use alloy_primitives::{Address, U256};
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, ensure, eyre};
use serde_json::{Value, json};
use std::process::ExitCode;
use weft_contracts::{FeeVault, addresses::FEE_VAULT};

/// Decimals of ether.
const ETHER: u8 = 18;

/// Pays in for who seals, or shows what is there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft sealed deposit 0x2e6b.. --amount 1ether --key 0xac09..
  weft sealed deposit 0x2e6b..                  shows what is there

Sealed items are paid from a deposit in the fee vault, a contract of the home
rollup, which the node names. Anybody pays in for anybody; it counts one slot
later. How the payer gets it back: docs/reference/sealing-commands.md.")]
pub(crate) struct DepositCommand {
    /// Who seals, as `weft keys new` prints it
    #[arg(value_name = "PAYER", value_parser = address)]
    payer: Address,
    /// How much is paid in: 1ether, 0.5 gwei, 2_000
    #[arg(long, value_name = "AMOUNT", value_parser = wei, requires = "key")]
    amount: Option<U256>,
    /// Private key of who pays it in
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: Option<PrivateKeySigner>,
    /// A rollup of the realm
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl DepositCommand {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        ensure!(self.amount != Some(U256::ZERO), "an --amount of zero moves nothing");
        let realm = Realm::connect(&self.rpc).await?;
        let (home, url) = home(&realm).await?;
        let there = || self.there(&realm, home);
        let before = there().await?;
        let (Some(amount), Some(key)) = (self.amount, &self.key) else {
            self.tell(home, json!({ "event": "deposit", "wei": before.to_string() }), &[before]);
            return Ok(ExitCode::SUCCESS);
        };
        let call = FeeVault::depositCall { payer: self.payer };
        let paid = Sender::new(&url, key)?.call(FEE_VAULT, &call, amount).await;
        let paid = paid.wrap_err("nothing was paid in")?;
        let after = there().await?;
        let event = json!({
            "event": "deposited",
            "beforeWei": before.to_string(),
            "wei": after.to_string(),
            "transaction": paid.transaction_hash,
            "gasUsed": paid.gas_used,
        });
        self.tell(home, event, &[before, after]);
        Ok(ExitCode::SUCCESS)
    }

    async fn there(&self, realm: &Realm, home: u64) -> Result<U256> {
        realm.rollup(home)?.view(FEE_VAULT, FeeVault::depositOfCall { payer: self.payer }).await
    }

    /// Says what the payer has, and had.
    fn tell(&self, home: u64, mut event: Value, amounts: &[U256]) {
        if self.json {
            event["payer"] = json!(self.payer);
            event["home"] = json!(home);
            event["feeVault"] = json!(FEE_VAULT);
            return say(event);
        }
        let amounts: Vec<_> = amounts.iter().map(|wei| grouped(*wei, ETHER) + " ETH").collect();
        say(format_args!("deposit of {}: {}", self.payer, amounts.join(" -> ")));
        say(format_args!("  in the fee vault {FEE_VAULT} of rollup {home}"));
        if let Some(transaction) = event["transaction"].as_str() {
            say(format_args!("  transaction {transaction}; it counts from the next slot on"));
        }
    }
}

/// Returns the rollup of the deposits, and where it is served.
async fn home(realm: &Realm) -> Result<(u64, String)> {
    realm.check_sealed()?;
    let epoch: Value = realm.entry().request("weft_getEpoch", json!([])).await?;
    let home = epoch["home"].as_u64();
    let home = home.ok_or_else(|| eyre!("{} names no home of deposits", realm.entry().url()))?;
    Ok((home, realm.rollup(home)?.url().to_owned()))
}
