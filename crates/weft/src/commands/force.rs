//! `weft force`: past the sequencer, through the inbox on L1.

use super::{deposit::tell, l1::L1Args, sealing::read_item};
use alloy_primitives::U256;
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, bail};
use std::process::ExitCode;
use weft_contracts::Inbox;
use weft_types::{Encode as _, Item, Writer};

/// Puts a signed transaction or bundle into the lane, through L1
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cast mktx .. | weft force --config weft.toml
  weft force --l1 http://l1:8545 --hub 0x5FbD.. signed.json

The sequencer cannot leave it out: L1 refuses a batch that does not take it
within the window of the hub. It is checked as any other: with a wrong nonce or
without the money for its gas it is removed. --key pays on L1 and need not be
that of the transaction.")]
pub(crate) struct Force {
    #[command(flatten)]
    l1: L1Args,
    /// Private key that pays on L1
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
    /// Transaction in hex or signed bundle; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
}

impl Force {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let found = self.l1.find().await?;
        let sender = found.sender(&self.key)?;
        let (receipt, rollup, hash) = match read_item(&self.file, &found.realm.domain)? {
            Item::Transaction(leg) => {
                let (network, transaction) = (leg.network.get(), leg.tx.raw().clone());
                found.check_rollup(&sender, network).await.wrap_err("nothing was sent")?;
                let call = Inbox::forceTransactionCall { network, transaction };
                let receipt = sender.call(found.contracts.inbox, &call, U256::ZERO).await?;
                (receipt, network, leg.tx.hash())
            }
            Item::Bundle(bundle) => {
                let id = bundle.id().hash();
                let mut out = Writer::default();
                bundle.encode_to(&mut out);
                let call = Inbox::forceBundleCall { bundle: out.finish().into() };
                (sender.call(found.contracts.inbox, &call, U256::ZERO).await?, 0, id)
            }
            other => bail!("{other:?} is neither a transaction nor a bundle"),
        };
        tell(&receipt, &found, rollup, Some(hash), self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}
