//! Batches on L1: posting, attesting, settling. All that they need of the realm is its directory of batches.

mod attest;
mod post;
mod settle;

pub(crate) use attest::Attest;
pub(crate) use post::Post;
pub(crate) use settle::Settle;

use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use std::path::PathBuf;
use weft_batch::{RealmConfig, SignedBatch};
use weft_l1::{History, L1Client, L1Patience, Sureness};
use weft_node::{BatchDir, BatchFileError, recover};
use weft_poster::{Attester, L1, PostError, Rests, Source};
use weft_types::NetworkId;

/// Where the batches are, and L1.
#[derive(Debug, Args)]
struct Realm {
    /// Directory of batches
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,
    /// JSON-RPC of L1; may repeat
    #[arg(long, value_name = "URL", env = "WEFT_L1", value_delimiter = ',', required = true)]
    l1: Vec<String>,
}

/// Where the realm begins on L1.
#[derive(Debug, Args)]
struct Begin {
    /// L1 block to read from
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    from: u64,
}

impl Realm {
    fn dir(&self) -> Result<(BatchDir, RealmConfig)> {
        let dir = BatchDir::open(&self.archive);
        let config = dir.realm().wrap_err("cannot read the realm")?;
        ensure!(!config.domain.settlement.is_zero(), "the realm has no hub on L1");
        Ok((dir, config))
    }

    async fn connect(&self, config: &RealmConfig) -> Result<L1> {
        let domain = &config.domain;
        let url = self.l1.first().map_or("", String::as_str);
        Ok(L1::connect(url, domain.settlement, domain.l1_chain_id).await?)
    }
}

/// A directory of batches that may grow.
pub(in crate::commands) struct Archived {
    dir: BatchDir,
    /// Rollups in the order of their registration, up to batch `seen`.
    rollups: Vec<NetworkId>,
    seen: u64,
}

impl Archived {
    pub(in crate::commands) fn new(dir: BatchDir, config: &RealmConfig) -> Self {
        let rollups = config.rollups.iter().map(weft_batch::RollupGenesis::network).collect();
        Self { dir, rollups, seen: 0 }
    }

    fn read(&self, number: u64) -> Result<Option<SignedBatch>, PostError> {
        match self.dir.batch(number) {
            Err(BatchFileError::Forced(_)) => Ok(None),
            read => read.map_err(|error| failed(&error)),
        }
    }
}

fn failed(error: &dyn std::error::Error) -> PostError {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    PostError::Source(format!("{error}{source}"))
}

impl Source for Archived {
    fn batch(&mut self, number: u64) -> Result<Option<(SignedBatch, Vec<u8>)>, PostError> {
        let Some(batch) = self.read(number)? else { return Ok(None) };
        let payload = self.dir.payload(number).map_err(|error| failed(&error))?;
        Ok(payload.map(|payload| (batch, payload)))
    }

    fn forced(&mut self, number: u64) -> Result<Option<B256>, PostError> {
        let forced = self.dir.forced(number).map_err(|error| failed(&error))?;
        Ok(forced.map(|forced| forced.hash))
    }

    fn rests(&mut self) -> Result<Rests, PostError> {
        let rests = self.dir.rests().map_err(|error| failed(&error))?;
        Ok(Rests { on: rests.on, not_on: rests.not_on })
    }

    fn rollups(&mut self, number: u64) -> Result<Vec<NetworkId>, PostError> {
        while self.seen < number {
            if self.dir.forced(self.seen + 1).map_err(|error| failed(&error))?.is_some() {
                // Nothing joins in a batch that only names the inbox.
                self.seen += 1;
                continue;
            }
            let Some(batch) = self.read(self.seen + 1)? else { break };
            let joined = batch.batch.slots.iter().flat_map(|slot| &slot.joined);
            self.rollups.extend(joined.map(weft_batch::RollupGenesis::network));
            self.seen += 1;
        }
        Ok(self.rollups.clone())
    }
}

impl Realm {
    /// Reads what L1 says of the realm: headers, receipts and what the hub's running hashes say are checked.
    async fn history(&self, config: &RealmConfig, from: u64) -> Result<History> {
        let client = L1Client::connect(&self.l1, L1Patience::default()).await?;
        let to = client.height(Sureness::Latest).await?;
        let hub = config.domain.settlement;
        let history = History::read(&client, hub, from, to, &mut |_| {}).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        ensure!(history.realm == *config, "the batches are of another realm than the hub's");
        Ok(history)
    }
}

/// What follows from everything that stands on L1: derived, and compared with what L1 says of it.
async fn derived(realm: &Realm, from: u64, config: &RealmConfig) -> Result<Attester> {
    let dir = BatchDir::open(&realm.archive);
    let mut attester = Attester::new(realm.history(config, from).await?)?;
    derive(&mut attester, &dir)?;
    Ok(attester)
}

/// Derives every posted batch that was not derived yet, and notes what is settled.
pub(in crate::commands) fn derive(attester: &mut Attester, dir: &BatchDir) -> Result<()> {
    while let Some((number, is_forced)) = attester.next() {
        if is_forced {
            attester.take_forced()?;
            continue;
        }
        let payload = dir.payload(number)?;
        let payload = payload.ok_or_else(|| eyre::eyre!("batch {number} is on L1 and not here"))?;
        attester.take(&payload, recover)?;
    }
    attester.follow_settlement();
    Ok(())
}
