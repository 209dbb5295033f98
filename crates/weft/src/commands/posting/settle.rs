//! `weft settle`: the attesters' signatures to L1.

use super::{Posted, go_on};
use crate::{log, say::say};
use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;
use clap::{Args, value_parser};
use eyre::{Result, WrapErr, bail, ensure};
use serde_json::json;
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use weft_evm::MemoryState;
use weft_poster::{Attestation, Attester, L1, PostError, Settler};

/// Most bytes of an attestation.
const MAX_FILE: u64 = 64 << 10;
/// Seconds that a settlement may take to be in a block.
const PATIENCE_S: u32 = 300;
/// Seconds after which a transaction is lost that L1 does not know: an endpoint may be a moment behind another.
const FORGOTTEN_S: u32 = 5;

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
  weft settle --config weft.toml --policy 0x9fe4.. \\
    --attestations attestations --every 12

Derives the statement itself and counts the signatures over it and nothing else:
whoever signed another one is left out. Settling costs whoever sends it; anybody
may. It settles as many batches as enough attesters signed for; too few
signatures end it with exit code 1. With --every it goes on and waits for them."
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
    /// Goes on: seconds between two looks at L1
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=86_400))]
    every: Option<u64>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Settle {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let mut derived = self.posted.begin::<MemoryState>(None).await?;
        let (l1, domain) = (derived.connect().await?, derived.domain());
        let settler = Settler::new(l1.clone(), domain, self.key.clone(), self.policy).await?;
        let Some(every) = self.every else {
            derived.derive().await?;
            self.once(&derived.attester, &settler, &l1).await?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut waits = None;
        go_on(every, async || {
            derived.renew().await?;
            let last = derived.attester.reach();
            if last.is_none() {
                return Ok(());
            }
            match self.once(&derived.attester, &settler, &l1).await {
                Err(error) => self.wait(error, last, &mut waits),
                Ok(()) => Ok(()),
            }
        })
        .await
    }

    /// Settles what enough attesters signed.
    async fn once(&self, attester: &Attester, settler: &Settler, l1: &L1) -> Result<()> {
        if attester.reach().is_none() {
            let (settled, _) = attester.ledger().span();
            bail!("nothing to settle: {settled} batches are posted and settled");
        }
        let said = read_all(&self.attestations)?;
        let statement = settler.agreed(attester, &said)?;
        let hash = settler.settle(&statement, &said).await?;
        let gas_used = included(l1, hash).await?;
        self.tell(&statement, hash, gas_used);
        Ok(())
    }

    /// Says once that signatures are missing; they come when attesters looked at L1.
    fn wait(
        &self,
        error: eyre::Report,
        last: Option<u64>,
        waits: &mut Option<(Option<u64>, usize)>,
    ) -> Result<()> {
        let Some(PostError::TooFew { found, threshold }) = error.downcast_ref() else {
            return Err(error);
        };
        if waits.replace((last, *found)) == Some((last, *found)) {
            return Ok(());
        }
        if self.json {
            say(
                json!({"event": "waiting", "lastBatch": last, "found": found, "needed": threshold}),
            );
        } else {
            let last = last.unwrap_or_default();
            say(format_args!("batches up to {last} wait: {error}"));
        }
        Ok(())
    }

    fn tell(&self, statement: &weft_settlement::Statement, hash: B256, gas_used: u64) {
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

/// Waits until a transaction is in a block; returns the gas that it used. One that L1 took back, and forgot, is not waited for.
async fn included(l1: &L1, hash: B256) -> Result<u64> {
    let mut unknown = 0;
    for _ in 0..PATIENCE_S {
        if let Some(receipt) = l1.receipt(hash).await? {
            ensure!(receipt.status(), "transaction {hash} failed");
            return Ok(receipt.gas_used);
        }
        unknown = if l1.knows(hash).await? { 0 } else { unknown + 1 };
        ensure!(unknown < FORGOTTEN_S, "L1 does not know transaction {hash} any more");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bail!("transaction {hash} is in no block after {PATIENCE_S} seconds");
}

fn read_all(dir: &Path) -> Result<Vec<Attestation>> {
    let cannot = || format!("cannot read {}", dir.display());
    let mut said = Vec::new();
    for entry in fs::read_dir(dir).wrap_err_with(cannot)? {
        let path = entry.wrap_err_with(cannot)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        // One bad file is one attester less.
        match read(&path).and_then(|text| serde_json::from_slice(&text).ok()) {
            Some(attestation) => said.push(attestation),
            None => tracing::warn!(file = %path.display(), "no attestation"),
        }
    }
    Ok(said)
}

/// Reads a file that somebody put there; nothing else than a file, which could keep its reader waiting, and no long one.
fn read(path: &Path) -> Option<Vec<u8>> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(MAX_FILE + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= MAX_FILE).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_keeps_nobody_waiting() {
        use std::{os::unix::fs::symlink, process::Command};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert!(Command::new("mkfifo").arg(at("pipe.json")).status().unwrap().success());
        symlink("/dev/zero", at("endless.json")).unwrap();
        symlink(at("nowhere"), at("gone.json")).unwrap();
        fs::create_dir(at("folder.json")).unwrap();
        fs::write(at("long.json"), vec![b' '; MAX_FILE as usize + 1]).unwrap();
        fs::write(at("junk.json"), "{").unwrap();
        let good = Attestation {
            first_batch: 1,
            last_batch: 2,
            digest: B256::repeat_byte(1),
            attester: Address::repeat_byte(2),
            signature: [3; 65].into(),
        };
        fs::write(at("good.json"), serde_json::to_vec(&good).unwrap()).unwrap();
        let said = read_all(dir.path()).unwrap();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].last_batch, 2);
    }
}
