//! A node that follows, along L1: every batch is derived as `weft verify --l1` does, and runs in the node behind that.

mod ahead;

use self::ahead::Inbox;
use super::l1::{L1Place, OtherL1, last_blocks, ours};
use crate::{
    commands::on_l1::{Ahead, derive_one, source},
    settings::L1Settings,
};
use alloy_primitives::B256;
use eyre::{Report, Result, WrapErr, ensure, eyre};
use std::{collections::BTreeMap, convert::Infallible, time::Duration};
use weft_batch::RealmConfig;
use weft_l1::{
    Audit, AuditError, BlobSource, Follower, Following, History, L1Client, L1Patience, Posted,
    RollupSettled, Step, Sureness,
};
use weft_node::{
    DevConfig, EngineHandle, FollowBatch, FollowError, L1Block, L1Entry, L1Standing, L1Update,
    PostedBatch, follow_realm,
};
use weft_types::NetworkId;

/// Before L1 or the node is asked again that was of no use.
const AGAIN: Duration = Duration::from_secs(2);
/// Before what is false on L1 is looked at again.
const AFTER_A_LIE: Duration = Duration::from_secs(60);
/// Last batches that are compared with those that ran.
const RECENT: usize = 1 << 12;

/// Completes the configuration of a node that follows by what the realm is made of, and waits for L1 when only that says so.
pub(super) async fn completed(config: &DevConfig, place: Option<&L1Place>) -> Result<DevConfig> {
    if let Some((config, _)) = follow_realm(config, None)? {
        return Ok(config);
    }
    let place = place.ok_or_else(|| eyre!("nothing to follow: set `l1.urls` and `l1.hub`"))?;
    loop {
        match found(&place.settings).await {
            Ok(realm) => {
                let made = follow_realm(config, Some(&realm))?;
                return made.map(|(config, _)| config).ok_or_else(|| eyre!("no realm"));
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "nothing comes from L1 now"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn found(settings: &L1Settings) -> Result<RealmConfig> {
    let client = L1Client::connect(&settings.urls, L1Patience::default()).await?;
    let hub = settings.hub.ok_or_else(|| eyre!("the realm has no hub"))?;
    let to = client.height(Sureness::Latest).await?;
    Ok(History::realm(&client, hub, settings.from, to).await?.1)
}

/// Lets a node follow L1, and its sequencer ahead of it. It returns with what nobody but a person can mend.
pub(super) async fn along_l1(engine: &EngineHandle, place: &L1Place) -> Report {
    let inbox = Inbox::default();
    let Some((sequencer, chain_id, domain)) = place.ahead.clone() else {
        return on_l1(engine, place, &inbox).await;
    };
    let ahead = ahead::Ahead { engine, sequencer, chain_id, domain, inbox: inbox.clone() };
    tokio::select! {
        error = on_l1(engine, place, &inbox) => error,
        never = ahead.run() => match never {},
    }
}

async fn on_l1(engine: &EngineHandle, place: &L1Place, inbox: &Inbox) -> Report {
    let mut derived = Derived::default();
    loop {
        let Err(error) = follow(engine, place, &mut derived, inbox).await;
        inbox.hide();
        if is_for_good(&error) {
            return error;
        }
        if let Some(FollowError::NotNext { .. }) = error.downcast_ref() {
            // The node went back behind batches that it was given: they are derived again.
            derived = Derived::default();
        }
        let is_lie = matches!(error.downcast_ref(), Some(AuditError::Lie(_)));
        // It would not run the next time either, and leaves records in the log.
        let is_wrong = matches!(error.downcast_ref(), Some(FollowError::Wrong { .. }));
        let why = format!("{error:#}");
        if is_lie {
            tracing::error!(
                error = why,
                "what L1 holds is false: the node does not go on along it"
            );
        } else if error.downcast_ref::<WentBack>().is_some() {
            tracing::warn!("L1 went back");
            continue;
        } else {
            tracing::warn!(error = why, "nothing comes from L1 now");
        }
        // A node that ended needs no note.
        let _ = engine.follow_trouble(Some(why)).await;
        let pause = if is_lie || is_wrong { AFTER_A_LIE } else { AGAIN };
        tokio::time::sleep(pause).await;
    }
}

fn is_for_good(error: &Report) -> bool {
    let of_node = matches!(error.downcast_ref(), Some(FollowError::TooDeep { .. }));
    of_node || error.downcast_ref::<OtherL1>().is_some()
}

/// Tells whether a batch waits for the next one.
fn is_incomplete(error: &Report) -> bool {
    matches!(error.downcast_ref(), Some(FollowError::Waits { .. }))
}

/// Says that everything has to be read again.
#[derive(Debug, thiserror::Error)]
#[error("L1 went back")]
struct WentBack;

/// What follows from the batches so far; it outlives a lost connection.
#[derive(Default)]
struct Derived {
    audit: Option<Audit>,
    /// Batches that were derived and did not run, in order: an epoch is opened over the end of the first one, and what its envelopes held
    /// is in the next.
    waiting: Vec<Waiting>,
    /// Last block of each rollup in the batches that ran.
    heads: BTreeMap<NetworkId, (u64, B256)>,
}

/// A batch that was derived and did not run yet.
struct Waiting {
    posted: Posted,
    batch: PostedBatch,
    /// Last block of each rollup with a new one.
    heads: BTreeMap<NetworkId, (u64, B256)>,
}

async fn follow(
    engine: &EngineHandle,
    place: &L1Place,
    derived: &mut Derived,
    inbox: &Inbox,
) -> Result<Infallible> {
    let settings = &place.settings;
    let client = L1Client::connect(&settings.urls, L1Patience::default()).await?;
    let (found, expected) = (client.chain_id(), place.chain_id);
    ensure!(found == expected, OtherL1 { found, expected });
    let hub = settings.hub.ok_or_else(|| eyre!("the realm has no hub"))?;
    let to = client.height(Sureness::Latest).await?;
    let history = History::read(&client, hub, settings.from, to, &mut |_| {}).await;
    let history = history.wrap_err("cannot read the realm from L1")?;
    let blobs = source(settings.blobs.as_deref(), &client).await?;
    let following =
        Following { contracts: history.listened(), from: settings.from, confirmations: 0 };
    let follower = Follower::new(client, following).resume([history.to]);
    let last = history.to.number;
    let along = Along { engine, blobs, history, derived, inbox, settled: None };
    tracing::info!(%hub, l1_block = last, "following L1");
    along.run(follower).await
}

/// Between L1 and a node that follows.
struct Along<'a> {
    engine: &'a EngineHandle,
    blobs: Box<dyn BlobSource>,
    history: History,
    derived: &'a mut Derived,
    inbox: &'a Inbox,
    /// The last final block of L1 up to which the node was told what is settled.
    settled: Option<u64>,
}

impl Along<'_> {
    async fn run(mut self, mut follower: Follower) -> Result<Infallible> {
        self.catch_up().await?;
        loop {
            match follower.next().await? {
                Step::Forward { block, happenings } => {
                    let has_news = !happenings.is_empty();
                    happenings.into_iter().for_each(|it| self.history.take(it));
                    self.history.to = block;
                    if has_news { self.catch_up().await? } else { self.compare().await? }
                }
                Step::Back { .. } => return Err(WentBack.into()),
                Step::Safe(_) => {}
                Step::Finalized(block) => self.finalized(block.number).await?,
            }
        }
    }

    /// Lets the node run every batch that it did not yet.
    async fn catch_up(&mut self) -> Result<()> {
        self.compare().await?;
        let mut known = self.derived.audit.take();
        if known.as_mut().is_some_and(|audit| audit.renew(self.history.clone()).is_err()) {
            known = None;
            // Some of what was posted is not: nothing is, until all of it was derived again.
            self.engine.l1(L1Update::PostedAfresh(Vec::new())).await?;
        }
        let mut audit = match known {
            Some(audit) => audit,
            None => {
                *self.derived = Derived::default();
                Audit::new(self.history.clone())?
            }
        };
        let derived = self.derive(&mut audit).await;
        self.derived.audit = Some(audit);
        // After a lie the next try begins with the same batch: what was derived before it stands.
        derived?;
        self.stands().await?;
        self.engine.follow_trouble(None).await?;
        self.inbox.show(&self.history.entries);
        Ok(())
    }

    async fn derive(&mut self, audit: &mut Audit) -> Result<()> {
        let blobs = std::mem::replace(&mut self.blobs, Box::new(weft_l1::BlobDir::new("")));
        let derived = self.derive_with(audit, &mut Ahead::new(blobs.as_ref())).await;
        self.blobs = blobs;
        derived
    }

    async fn derive_with(&mut self, audit: &mut Audit, ahead: &mut Ahead<'_>) -> Result<()> {
        while let Some(posted) = audit.next().cloned() {
            let (batch, derived) = derive_one(audit, ahead, &posted).await?;
            let heads = derived.heads.into_iter().collect();
            self.derived.waiting.push(Waiting { posted, batch, heads });
            self.give_all().await?;
        }
        // After an undoing, or a connection that was lost in between.
        self.give_all().await
    }

    /// Gives the node the batches that it did not run, as far as they are complete.
    async fn give_all(&mut self) -> Result<()> {
        while let Some(first) = self.derived.waiting.first() {
            // Nobody else tells the node of entries meanwhile.
            self.inbox.hide();
            let next = self.derived.waiting[1..].iter().map(|waiting| &waiting.batch);
            match self.give(&first.posted, &first.batch, next).await {
                Ok(()) => {
                    let ran = self.derived.waiting.remove(0);
                    self.derived.heads.extend(ran.heads);
                }
                Err(error) if is_incomplete(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the node which batches stand, until it holds no others.
    async fn compare(&self) -> Result<()> {
        let batches = &self.history.batches;
        let first = batches.len().saturating_sub(RECENT);
        let standing: Vec<_> = batches[first..]
            .iter()
            .map(|posted| (posted.header.number, known_by(posted), posted.block.number))
            .collect();
        let heard = (self.history.realm.sequencer, self.history.to.number);
        // Who left by state proof voided what comes behind.
        let voided = self.history.voided.map(|voided| voided.block.number);
        loop {
            match self.engine.stands_on_l1(standing.clone(), voided, heard).await {
                Ok(()) => return Ok(()),
                Err(FollowError::Undone { .. }) => {}
                Err(FollowError::Node(_)) => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the node a batch that was derived, unless it ran there.
    async fn give<'b>(
        &self,
        posted: &Posted,
        batch: &PostedBatch,
        next: impl Iterator<Item = &'b PostedBatch> + Clone,
    ) -> Result<()> {
        loop {
            let standing = match self.engine.followed().await {
                Ok(standing) => standing,
                Err(_) => {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            if standing.batch >= posted.header.number {
                return Ok(());
            }
            let blocks = self.entries(standing.next_entry, posted.block.number);
            let (hash, block) = (known_by(posted), posted.block.number);
            let batch = FollowBatch::new(batch.clone(), hash, block, blocks);
            let batch = batch.with_next(next.clone());
            match self.engine.follow(batch).await {
                Ok(()) => return Ok(()),
                Err(FollowError::Undone { .. }) => {}
                Err(FollowError::Node(_)) => tokio::time::sleep(AGAIN).await,
                Err(error) => {
                    let number = posted.header.number;
                    return Err(error).wrap_err(format!("batch {number} does not run here"));
                }
            }
        }
    }

    /// Returns the blocks of L1 up to one with entries from `first` on.
    fn entries(&self, first: u64, last: u64) -> Vec<(L1Block, Vec<L1Entry>)> {
        let is_new = |entry: &&weft_l1::Entry| entry.index >= first && entry.block.number <= last;
        ahead::blocks_of(self.history.entries.iter().filter(is_new))
    }

    /// Says what is posted and settled (P31).
    async fn stands(&self) -> Result<()> {
        let heads = self.derived.heads.iter().map(|(network, (number, hash))| L1Standing {
            chain_id: network.get().into(),
            number: *number,
            hash: *hash,
        });
        self.engine.l1(L1Update::PostedAfresh(heads.collect())).await?;
        let last = last_blocks(&self.chains(), self.settlements());
        Ok(self.engine.l1(L1Update::Settled(last)).await?)
    }

    /// Returns what is settled of batches that ran here: one that ends within an epoch's opening waits for the next.
    fn settlements(&self) -> impl Iterator<Item = &RollupSettled> {
        let waits = self.derived.waiting.first().map_or(u64::MAX, |it| it.posted.header.number);
        self.history.settlements.range(..waits).flat_map(|(_, settled)| settled)
    }

    /// Returns the chain id of every registered rollup.
    fn chains(&self) -> BTreeMap<u32, u64> {
        self.history.registered.iter().map(|it| (it.rollup, it.chain_id)).collect()
    }

    /// Moves the final blocks (P31): those that are settled in final blocks of L1.
    async fn finalized(&mut self, number: u64) -> Result<()> {
        if self.settled == Some(number) {
            return Ok(());
        }
        let settled = self.settlements().filter(|it| it.block.number <= number);
        let last = last_blocks(&self.chains(), settled);
        if !last.is_empty() {
            self.engine.l1(L1Update::Finalized(last)).await?;
        }
        self.settled = Some(number);
        Ok(())
    }
}

/// Returns by what a batch is known again, whatever block of L1 holds it.
fn known_by(posted: &Posted) -> B256 {
    if posted.blobs.is_empty() { posted.hash } else { posted.header.content }
}
