//! Batches on L1: posting, attesting, settling. Who posts needs the realm's directory of batches; who attests and settles
//! needs L1 alone.

mod attest;
mod kept;
mod post;
mod settle;

pub(crate) use attest::Attest;
pub(in crate::commands) use kept::Kept;
pub(crate) use post::Post;
pub(crate) use settle::Settle;

use super::{l1::L1Args, on_l1::Place, run::Signals};
use crate::progress::Progress;
use alloy_primitives::{Address, B256};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use weft_batch::{RealmConfig, SignedBatch};
use weft_l1::{AuditError, BlobSource, Sureness};
use weft_node::{BatchDir, BatchFileError, recover};
use weft_poster::{Attester, L1, PostError, Rests, Source};
use weft_types::{Domain, NetworkId};

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

/// What L1 says of the realm, and where the content of its batches is.
#[derive(Debug, Args)]
struct Posted {
    /// Directory of batches, in the place of blobs
    #[arg(long, value_name = "DIR", conflicts_with_all = ["blobs", "hub", "config"])]
    archive: Option<PathBuf>,
    /// JSON-RPC of L1; may repeat
    #[arg(long, value_name = "URL", env = "WEFT_L1", value_delimiter = ',')]
    l1: Vec<String>,
    /// Hub of the realm
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<Address>,
    /// L1 block to read from
    #[arg(long, value_name = "BLOCK")]
    from: Option<u64>,
    /// Where blobs are; default: the L1 endpoint
    #[arg(long, value_name = "DIR|URL")]
    blobs: Option<String>,
    /// Configuration file; flags come first
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Realm {
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

impl Posted {
    /// Reads what L1 says, and derives nothing yet. What is derived is compared with what L1 says of it; nothing is read but L1,
    /// the content of batches, which either source gives, and witnesses.
    async fn begin<S: Kept>(&self, witnesses: Option<PathBuf>) -> Result<Derived<S>> {
        let archived = self.archive.as_deref().map(realm_of).transpose()?;
        let hub = archived.as_ref().map(|(_, config)| config.domain.settlement).or(self.hub);
        let (urls, from, config) = (self.l1.clone(), self.from, self.config.clone());
        let args = L1Args { urls, hub, from, config };
        let place = Place::connect(&args, self.blobs.as_ref(), Sureness::Latest).await?;
        let history = place.history().await?;
        if archived.as_ref().is_some_and(|(_, config)| history.realm != *config) {
            bail!("the batches are of another realm than the hub's");
        }
        let attester = Attester::begin(history)?;
        let dir = archived.map(|(dir, _)| dir);
        let (begins_anew, is_spoilt) = (false, false);
        Ok(Derived { attester, place, dir, witnesses, begins_anew, is_spoilt })
    }
}

/// What follows from everything that stands on L1.
struct Derived<S: Kept> {
    attester: Attester<S>,
    place: Place,
    /// Directory of batches, in the place of blobs.
    dir: Option<BatchDir>,
    /// Directory of witnesses, for states that need them.
    witnesses: Option<PathBuf>,
    /// What was said of batches before is of others, and nobody heard of it yet.
    begins_anew: bool,
    /// A state could not be read in the middle of a batch, behind which nothing goes on.
    is_spoilt: bool,
}

impl<S: Kept> Derived<S> {
    const fn domain(&self) -> Domain {
        self.attester.history().realm.domain
    }

    async fn connect(&self) -> Result<L1> {
        let Domain { settlement, l1_chain_id, .. } = self.domain();
        Ok(L1::connect(&self.place.url, settlement, l1_chain_id).await?)
    }

    async fn derive(&mut self) -> Result<()> {
        let (attester, witnesses) = (&mut self.attester, self.witnesses.as_deref());
        let derived = match &self.dir {
            Some(dir) => derive(attester, dir, witnesses).await,
            None => derive_from(attester, &*self.place.blobs, witnesses).await,
        };
        self.is_spoilt = derived.as_ref().is_err_and(is_unread);
        derived
    }

    /// Goes on with what L1 says now; returns true when it said something else before, so that everything was derived again.
    async fn renew(&mut self) -> Result<bool> {
        let history = self.place.history_behind(self.attester.history()).await?;
        let goes_on = !self.is_spoilt
            && !self.attester.is_ahead_of(&history)
            && self.attester.renew(history.clone()).is_ok();
        if !goes_on {
            // A lie about what came before is named here.
            self.attester = Attester::begin(history)?;
            self.begins_anew = true;
            let why = if self.is_spoilt { "a witness lacked something" } else { "L1 took it back" };
            tracing::warn!(why, "everything is derived again");
        }
        // A turn that fails here leaves it to the next one to say so.
        self.derive().await?;
        Ok(std::mem::take(&mut self.begins_anew))
    }
}

/// Takes a turn again and again until a signal comes. What L1 does not answer now may be answered later; a lie ends it.
async fn go_on(every: u64, mut turn: impl AsyncFnMut() -> Result<()>) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let pause = Duration::from_secs(every);
    loop {
        let turned = tokio::select! {
            turned = turn() => turned,
            _ = signals.wait() => return Ok(ExitCode::SUCCESS),
        };
        match turned {
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "nothing could be done now"),
            Ok(()) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = signals.wait() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Tells whether something on L1 is not so, which waiting does not mend. A file of a batch that is not what L1 has may have been
/// written again since L1 was looked at.
fn is_final(error: &eyre::Report) -> bool {
    let lie = error.downcast_ref::<PostError>();
    matches!(lie, Some(PostError::Audit(AuditError::Lie(_) | AuditError::Realm(_))))
}

/// Tells whether a state could not be read, so that a batch was left in its middle.
fn is_unread(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(PostError::Audit(AuditError::State(_))))
}

fn realm_of(path: &Path) -> Result<(BatchDir, RealmConfig)> {
    let dir = BatchDir::open(path);
    let config = dir.realm().wrap_err("cannot read the realm")?;
    ensure!(!config.domain.settlement.is_zero(), "the realm has no hub on L1");
    Ok((dir, config))
}

/// Shows how many of the batches on L1 are derived.
fn progress<S: Kept>(attester: &Attester<S>) -> Progress {
    Progress::new("deriving", attester.posted())
}

/// Derives every posted batch that was not derived yet from its blobs, and notes what is settled.
async fn derive_from<S: Kept>(
    attester: &mut Attester<S>,
    blobs: &dyn BlobSource,
    witnesses: Option<&Path>,
) -> Result<()> {
    let progress = progress(attester);
    while let Some((number, _)) = attester.next() {
        S::before(attester, witnesses, number)?;
        attester.take_from(blobs, recover).await?;
        S::after(attester, witnesses, number)?;
        progress.at(number, &format!("batch {number}"));
        // Blobs from a directory come at once, and signals would not be heard.
        tokio::task::yield_now().await;
    }
    attester.follow_settlement();
    Ok(())
}

/// Derives every posted batch that was not derived yet, and notes what is settled.
pub(in crate::commands) async fn derive<S: Kept>(
    attester: &mut Attester<S>,
    dir: &BatchDir,
    witnesses: Option<&Path>,
) -> Result<()> {
    let progress = progress(attester);
    while let Some((number, is_forced)) = attester.next() {
        S::before(attester, witnesses, number)?;
        if is_forced {
            attester.take_forced()?;
        } else {
            let payload = dir.payload(number)?;
            let payload = payload.ok_or_else(|| eyre!("batch {number} is on L1 and not here"))?;
            attester.take(&payload, recover)?;
        }
        S::after(attester, witnesses, number)?;
        progress.at(number, &format!("batch {number}"));
        tokio::task::yield_now().await;
    }
    attester.follow_settlement();
    Ok(())
}
