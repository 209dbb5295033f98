//! Batches on L1: posting, attesting, settling. All that they need of the realm is its directory of batches.

mod attest;
mod post;
mod settle;

pub(crate) use attest::Attest;
pub(crate) use post::Post;
pub(crate) use settle::Settle;

use clap::Args;
use eyre::{Result, WrapErr, ensure};
use std::{path::PathBuf, slice};
use weft_batch::{RealmConfig, SignedBatch};
use weft_l1::{History, InboxEntry, L1Client, L1Patience, Sureness};
use weft_node::{BatchDir, recover};
use weft_poster::{Attester, L1, OnL1, PostError, Rests, Source};
use weft_types::NetworkId;

/// Where the batches are, and L1.
#[derive(Debug, Args)]
struct Realm {
    /// Directory of batches
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,
    /// JSON-RPC of L1
    #[arg(long, value_name = "URL", env = "WEFT_L1")]
    l1: String,
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
        Ok(L1::connect(&self.l1, domain.settlement, domain.l1_chain_id).await?)
    }
}

/// A directory of batches that may grow.
struct Archived {
    dir: BatchDir,
    /// Rollups in the order of their registration, up to batch `seen`.
    rollups: Vec<NetworkId>,
    seen: u64,
}

impl Archived {
    fn new(dir: BatchDir, config: &RealmConfig) -> Self {
        let rollups = config.rollups.iter().map(weft_batch::RollupGenesis::network).collect();
        Self { dir, rollups, seen: 0 }
    }

    fn read(&self, number: u64) -> Result<Option<SignedBatch>, PostError> {
        self.dir.batch(number).map_err(|error| failed(&error))
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

    fn rests(&mut self) -> Result<Rests, PostError> {
        let rests = self.dir.rests().map_err(|error| failed(&error))?;
        Ok(Rests { on: rests.on, not_on: rests.not_on })
    }

    fn rollups(&mut self, number: u64) -> Result<Vec<NetworkId>, PostError> {
        while self.seen < number {
            let Some(batch) = self.read(self.seen + 1)? else { break };
            let joined = batch.batch.slots.iter().flat_map(|slot| &slot.joined);
            self.rollups.extend(joined.map(weft_batch::RollupGenesis::network));
            self.seen += 1;
        }
        Ok(self.rollups.clone())
    }
}

impl Realm {
    /// Reads the inbox, with every entry's place in the hub's running hash checked.
    async fn inbox(&self, config: &RealmConfig, from: u64) -> Result<Vec<InboxEntry>> {
        let client = L1Client::connect(slice::from_ref(&self.l1), L1Patience::default()).await?;
        let to = client.height(Sureness::Latest).await?;
        let hub = config.domain.settlement;
        let history = History::read(&client, hub, from, to, &mut |_| {}).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        Ok(history.inbox()?)
    }
}

/// What follows from everything that stands on L1: derived, and compared with what L1 says of it.
async fn derived(
    realm: &Realm,
    from: u64,
    config: RealmConfig,
    l1: &L1,
) -> Result<(Attester, Option<OnL1>)> {
    let dir = BatchDir::open(&realm.archive);
    let (mut last, posted) = (None, l1.posted().await?.number);
    // Read after the batches: what they took is there.
    let inbox = realm.inbox(&config, from).await?;
    let mut attester = Attester::new(config)?;
    for number in 1..=posted {
        let batch = dir.batch(number)?;
        let batch = batch.ok_or_else(|| eyre::eyre!("batch {number} is on L1 and not here"))?;
        let payload = dir.payload(number)?.unwrap_or_default();
        let on_l1 = l1.batch(number).await?;
        let on_l1 = on_l1.ok_or_else(|| eyre::eyre!("L1 does not show batch {number}"))?;
        attester.take(&batch, &payload, &on_l1, &inbox, &mut recover(&batch))?;
        last = Some(on_l1);
    }
    attester.follow_settlement(l1).await?;
    Ok((attester, last))
}
