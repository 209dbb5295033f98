//! `weft l1 post-inbox`: an inbox-only batch for a sequencer that is silent (P46).

use super::L1Args;
use crate::say::say;
use alloy_primitives::U256;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolEvent as _;
use clap::Args;
use eyre::{Result, ensure, eyre};
use serde_json::json;
use std::process::ExitCode;
use weft_contracts::{Hub, Inbox};

/// Posts a batch of inbox entries for a sequencer that is silent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft l1 post-inbox --config weft.toml --key 0xac09..
  weft l1 post-inbox --l1 http://l1:8545 --hub 0x5FbD.. --up-to 12

Anybody may, once the hub has heard of no batch for its silence window. What the
entries do follows from them alone; what the sequencer ordered since its last
batch is void.")]
pub(crate) struct PostInbox {
    #[command(flatten)]
    l1: L1Args,
    /// Private key that pays
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// How many entries are consumed after it; default: all
    #[arg(long, value_name = "NUMBER")]
    up_to: Option<u64>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl PostInbox {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let found = self.l1.find().await?;
        let sender = found.sender(&self.key)?;
        let cursor = match self.up_to {
            Some(cursor) => cursor,
            None => sender.view(found.contracts.inbox, &Inbox::countCall {}).await?,
        };
        let taken = sender.view(found.contracts.hub, &Hub::postedCall {}).await?.inboxCursor;
        ensure!(
            cursor > taken,
            "batches hold {taken} entries of the inbox, so {cursor} leave nothing to post; put one in: weft deposit, weft force"
        );
        let call = Hub::postForcedCall { inboxCursor: cursor };
        let receipt = sender.call(found.contracts.hub, &call, U256::ZERO).await?;
        let logs = receipt.logs().iter();
        let posted = logs.filter_map(|log| Hub::BatchPosted::decode_log(&log.inner).ok()).next();
        let posted = posted.ok_or_else(|| eyre!("L1 does not say what was posted"))?;
        let (number, transaction) = (posted.header.number, receipt.transaction_hash);
        if self.json {
            say(json!({
                "event": "posted", "batch": number, "inboxCursor": cursor, "transaction": transaction
            }));
        } else {
            say(format_args!("batch {number} consumes {cursor} entries: {transaction}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
