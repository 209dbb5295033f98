//! `weft settle`: the attesters' signatures to L1.

use super::Posted;
use crate::{log, say::say};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use weft_poster::{Attestation, Settler};

/// Most bytes of an attestation.
const MAX_FILE: u64 = 64 << 10;
/// Seconds that a settlement may take to be in a block.
const PATIENCE_S: u32 = 300;

/// Settles posted batches with the signatures of attesters
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft settle --l1 <URL> --hub <ADDRESS> --policy <ADDRESS>
                   --attestations <DIR> --key <HEX> [OPTIONS]
       weft settle --l1 <URL> --archive <DIR> --policy <ADDRESS>
                   --attestations <DIR> --key <HEX> [OPTIONS]",
    after_help = "\
Examples:
  weft settle --l1 http://l1:8545 --hub 0x5fbd.. --policy 0x9fe4.. \\
    --attestations attestations

Derives the statement itself and counts the signatures over it and nothing else:
whoever signed another one is left out. Settling costs whoever sends it; anybody
may. Too few signatures end it with exit code 1."
)]
pub(crate) struct Settle {
    #[command(flatten)]
    posted: Posted,
    /// Attestation policy of the rollups
    #[arg(long, value_name = "ADDRESS")]
    policy: Address,
    /// Directory of what attesters signed
    #[arg(long, value_name = "DIR")]
    attestations: PathBuf,
    /// Private key that pays
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Settle {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let derived = self.posted.derived().await?;
        let (l1, domain) = (derived.connect().await?, derived.domain);
        let settler = Settler::new(l1.clone(), domain, self.key.clone(), self.policy).await?;
        let attester = derived.attester;
        let Some(last) = attester.reach() else {
            let (settled, _) = attester.ledger().span();
            bail!("nothing to settle: {settled} batches are posted and settled");
        };
        let statement = attester.statement(last, settler.program_id())?;
        let said = read_all(&self.attestations)?;
        let hash = settler.settle(&statement, &said).await?;
        for _ in 0..PATIENCE_S {
            if let Some(receipt) = l1.receipt(hash).await? {
                ensure!(receipt.status(), "transaction {hash} failed");
                self.tell(&statement, hash, receipt.gas_used);
                return Ok(ExitCode::SUCCESS);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("transaction {hash} is in no block after {PATIENCE_S} seconds");
    }

    fn tell(
        &self,
        statement: &weft_settlement::Statement,
        hash: alloy_primitives::B256,
        gas_used: u64,
    ) {
        let (first, last) = (statement.first_batch, statement.last_batch);
        if self.json {
            say(json!({
                "event": "settled",
                "firstBatch": first,
                "lastBatch": last,
                "transaction": hash,
                "gasUsed": gas_used,
            }));
        } else {
            say(format_args!("settled batches {first} to {last} with {hash}, {gas_used} gas"));
        }
    }
}

fn read_all(dir: &Path) -> Result<Vec<Attestation>> {
    let cannot = || format!("cannot read {}", dir.display());
    let mut said = Vec::new();
    for entry in fs::read_dir(dir).wrap_err_with(cannot)? {
        let path = entry.wrap_err_with(cannot)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let read = fs::metadata(&path).ok().filter(|found| found.len() <= MAX_FILE);
        let text = read.and_then(|_| fs::read(&path).ok());
        // One bad file is one attester less.
        match text.and_then(|text| serde_json::from_slice(&text).ok()) {
            Some(attestation) => said.push(attestation),
            None => tracing::warn!(file = %path.display(), "no attestation"),
        }
    }
    Ok(said)
}
