//! What L1 says, given to the node: its blocks, entries of the inbox, and what is posted and settled there.

use super::along::along_l1;
use crate::{
    commands::on_l1::DEPTH,
    settings::{L1Settings, Settings},
};
use alloy_primitives::{B256, keccak256};
use eyre::{Report, Result, WrapErr, ensure, eyre};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::pending,
    time::{Duration, Instant},
};
use weft_batch::RollupGenesis;
use weft_l1::{
    Follower, Following, Happening, History, L1Client, L1Error, L1Patience, Posted, Registered,
    Registration, RollupSettled, Step, Sureness, Voided,
};
use weft_node::{
    BatchDir, DevConfig, EngineHandle, L1Block, L1Entry, L1Refused, L1Standing, L1Update, Sequencer,
};
use weft_types::{Decode as _, Domain};

/// Before L1 is asked again that was of no use, or a node that takes nothing now.
const AGAIN: Duration = Duration::from_secs(2);
/// After which somebody is told that the node does not take what L1 says.
const LONG: Duration = Duration::from_secs(30);
/// Posted batches that are looked at to find the last posted block of each rollup.
const RECENT: usize = 64;

/// Says that the realm goes on from L1, and not from what this node did: others posted for it, or accounts left.
#[derive(Debug, thiserror::Error)]
#[error("L1 goes on without what this node ordered: {0}")]
pub(in crate::commands) struct Superseded(String);

/// Where the realm of a node is on L1.
#[derive(Debug, Clone)]
pub(in crate::commands) struct L1Place {
    pub(in crate::commands) settings: L1Settings,
    pub(super) chain_id: u64,
    /// Whether the node follows, and orders nothing itself.
    follows: bool,
    /// The sequencer that is followed ahead of L1, one of its rollups, and the realm.
    pub(super) ahead: Option<(Sequencer, u64, Domain)>,
    batches: Option<BatchDir>,
    /// Blocks after which L1 is believed.
    confirmations: u64,
}

impl L1Place {
    /// Returns where a realm is that is deployed; nothing when no endpoint says what happens there.
    pub(in crate::commands) fn of(settings: &Settings, config: &DevConfig) -> Result<Option<Self>> {
        let l1 = settings.l1()?;
        if l1.hub.is_some() && l1.urls.is_empty() {
            tracing::warn!("nothing comes from L1 and its inbox: `l1.urls` names no endpoint");
        }
        let is_there = l1.hub.is_some() && !l1.urls.is_empty();
        let batches = config.batches.as_ref().map(|batches| BatchDir::open(&batches.dir));
        let chain_id = config.domain.l1_chain_id;
        let confirmations = config.l1_confirmations;
        let follows = config.follows;
        let place = Self { settings: l1, chain_id, follows, ahead: None, batches, confirmations };
        Ok(is_there.then_some(place))
    }
}

impl L1Place {
    /// Notes from whom slots come before L1 holds them, once the realm is known.
    pub(super) fn goes_ahead(&mut self, config: &DevConfig) -> Result<()> {
        let url = config.sequencer.as_deref();
        let sequencer = url.map(Sequencer::new).transpose()?;
        let chain_id = config.chain_ids().next().map(u64::from);
        let ahead = sequencer.zip(chain_id);
        self.ahead = ahead.map(|(sequencer, chain_id)| (sequencer, chain_id, config.domain));
        Ok(())
    }

    /// Returns where a realm is whose contracts were just deployed.
    pub(in crate::commands) const fn new(
        settings: L1Settings,
        chain_id: u64,
        batches: BatchDir,
    ) -> Self {
        // Nobody takes back blocks of a chain of this process.
        Self {
            settings,
            chain_id,
            follows: false,
            ahead: None,
            batches: Some(batches),
            confirmations: 1,
        }
    }
}

/// Feeds a node from L1. It returns with what nobody but a person can mend.
pub(in crate::commands) async fn feed(engine: &EngineHandle, place: Option<L1Place>) -> Report {
    let Some(place) = place else { return pending().await };
    if place.follows {
        return along_l1(engine, &place).await;
    }
    loop {
        let Err(error) = follow(engine, &place).await;
        if is_for_good(&error) {
            return error;
        }
        tracing::warn!(error = format!("{error:#}"), "nothing comes from L1 now");
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow(engine: &EngineHandle, place: &L1Place) -> Result<Infallible> {
    Feed::connect(engine, place).await?.run().await
}

/// Says that L1 is another one than that of the realm.
#[derive(Debug, thiserror::Error)]
#[error("L1 has chain id {found}, the realm is on {expected}")]
pub(super) struct OtherL1 {
    pub(super) found: u64,
    pub(super) expected: u64,
}

fn is_for_good(error: &Report) -> bool {
    let of_l1 = matches!(
        error.downcast_ref(),
        Some(L1Error::ReorgTooDeep { .. } | L1Error::FinalReplaced { .. })
    );
    let of_node = matches!(error.downcast_ref(), Some(L1Refused::Taken { .. }));
    let is_over = error.downcast_ref::<Superseded>().is_some();
    of_l1 || of_node || is_over || error.downcast_ref::<OtherL1>().is_some()
}

/// Between L1 and a node.
struct Feed<'a> {
    engine: &'a EngineHandle,
    place: &'a L1Place,
    follower: Follower,
    /// EIP-155 ids of rollups by their number on the hub.
    chains: BTreeMap<u32, u64>,
    /// Rollups in the order of their registration, with the block of L1.
    registered: Vec<(u64, RollupGenesis)>,
    /// How many of them the node was told.
    told: usize,
    /// What is settled in blocks that are not final yet.
    settled: Vec<RollupSettled>,
    /// The block of L1 from which on this node is not what L1 holds, and why.
    superseded: Option<(u64, String)>,
}

impl<'a> Feed<'a> {
    /// Finds the realm on L1, and goes on behind what the node knows.
    async fn connect(engine: &'a EngineHandle, place: &'a L1Place) -> Result<Self> {
        let settings = &place.settings;
        let client = L1Client::connect(&settings.urls, L1Patience::default()).await?;
        let (found, expected) = (client.chain_id(), place.chain_id);
        ensure!(found == expected, OtherL1 { found, expected });
        let known = engine.l1_blocks().await?;
        let hub = settings.hub.ok_or_else(|| eyre!("the realm has no hub"))?;
        let to = client.height(Sureness::Latest).await?;
        let (contracts, _) = History::realm(&client, hub, settings.from, to)
            .await
            .wrap_err("cannot find the realm on L1")?;
        let contracts =
            weft_l1::Contracts { hub, inbox: contracts.inbox, registry: contracts.registry };
        let following = Following { contracts, from: settings.from, confirmations: 0 };
        let tip = known.last().map(|block| block.number);
        let follower = Follower::new(client, following).resume(known.into_iter().map(theirs));
        let (chains, registered, settled) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut feed = Self {
            engine,
            place,
            follower,
            chains,
            registered,
            told: 0,
            settled,
            superseded: None,
        };
        match tip {
            Some(tip) => feed.catch_up(tip).await?,
            None => feed.look_for_a_past(to).await?,
        }
        tracing::info!(%hub, l1_block = tip, "following L1");
        Ok(feed)
    }

    async fn run(&mut self) -> Result<Infallible> {
        loop {
            match self.follower.next().await? {
                Step::Forward { block, happenings } => self.forward(block, happenings).await?,
                Step::Back { to } => {
                    tracing::warn!(l1_block = to.number, "L1 went back");
                    self.give(L1Update::Back { to: ours(to) }).await?;
                    let _ = self.superseded.take_if(|(block, _)| *block > to.number);
                    self.catch_up(to.number).await?;
                }
                Step::Safe(_) => {}
                Step::Finalized(block) => self.finalized(block.number).await?,
            }
        }
    }

    async fn forward(&mut self, block: weft_l1::L1Block, all: Vec<Happening>) -> Result<()> {
        let (mut entries, mut posted, known) = (Vec::new(), None, self.settled.len());
        for happening in all {
            match happening {
                Happening::Entry(it) => entries.push(L1Entry {
                    index: it.index,
                    log_index: it.origin.log_index,
                    payload: it.payload,
                }),
                Happening::Posted(it) if it.blobs.is_empty() => self.forced(&it)?,
                Happening::Posted(it) => posted = Some((it.header.number, it.header.content)),
                Happening::Registered(it) => {
                    self.chains.insert(it.rollup, it.chain_id);
                    self.registered.extend(genesis_of(&it));
                }
                Happening::RollupSettled(it) => self.settled.push(*it),
                Happening::Voided(it) => {
                    tracing::error!(last = it.last_settled, "batches were voided on L1");
                    self.voided(&it).await?;
                }
                Happening::Settled(_) | Happening::SeatTaken(_) | Happening::KeyAdded(_) => {}
            }
        }
        self.give(L1Update::Forward { block: ours(block), entries }).await?;
        self.tell_registered(block.number).await?;
        if let Some((number, content)) = posted {
            self.posted(number, content).await?;
        }
        self.tell_settled(known).await?;
        self.check_superseded(block.number)
    }

    /// Ends with what supersedes this node, once L1 does not take it back.
    fn check_superseded(&self, tip: u64) -> Result<()> {
        match &self.superseded {
            Some((block, why)) if block + DEPTH <= tip => Err(Superseded(why.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Takes note that this node is not what L1 holds from a block on.
    fn supersede(&mut self, block: u64, why: String) -> Result<()> {
        if self.place.batches.is_none() {
            tracing::error!(%why, "a node without batches does not follow");
            return Ok(());
        }
        tracing::warn!(%why, l1_block = block, blocks = DEPTH, "what is ordered is void: the realm goes on from L1");
        self.superseded = Some((block, why));
        Ok(())
    }

    /// Compares an inbox-only batch with what this node knows.
    fn forced(&mut self, posted: &Posted) -> Result<()> {
        let (number, block) = (posted.header.number, posted.block.number);
        let dir = self.place.batches.as_ref();
        let known = dir.map(|dir| dir.forced(number)).transpose()?.flatten();
        if known == Some(posted.forced()) {
            return Ok(());
        }
        self.supersede(block, format!("batch {number} is an inbox-only one"))
    }

    async fn voided(&mut self, voided: &Voided) -> Result<()> {
        // Exits that went first are those because of which it was.
        if self.engine.l1_reach().await? >= voided.inbox_cursor {
            return Ok(());
        }
        let last = voided.last_settled;
        let why = format!("an account left, and void is what comes after batch {last}");
        self.supersede(voided.block.number, why)
    }

    /// A node that knows nothing of L1 begins a realm, or has lost it.
    async fn look_for_a_past(&mut self, to: u64) -> Result<()> {
        let Some(dir) = &self.place.batches else { return Ok(()) };
        if dir.count() > 0 {
            return Ok(());
        }
        let settings = &self.place.settings;
        let hub = settings.hub.unwrap_or_default();
        let client = self.follower.client();
        let history = History::read(client, hub, settings.from, to, &mut |_| {}).await?;
        match history.batches.last() {
            None => Ok(()),
            Some(last) => {
                let why = format!("it has {} batches, and this node none", last.header.number);
                self.supersede(last.block.number, why)?;
                self.check_superseded(to)
            }
        }
    }

    /// Reads again what is posted and settled up to a block that the node knows.
    async fn catch_up(&mut self, to: u64) -> Result<()> {
        let settings = &self.place.settings;
        let hub = settings.hub.unwrap_or_default();
        let client = self.follower.client();
        let history = History::read(client, hub, settings.from, to, &mut |_| {}).await?;
        let ids = history.registered.iter().map(|it| (it.rollup, it.chain_id));
        self.chains = ids.collect();
        self.registered = history.registered.iter().filter_map(genesis_of).collect();
        // The node may know some that are gone.
        self.told = usize::MAX;
        self.tell_registered(to).await?;
        self.settled = history.settlements.values().flatten().copied().collect();
        let first = history.batches.len().saturating_sub(RECENT);
        let mut last = BTreeMap::new();
        for batch in &history.batches[first..] {
            if batch.blobs.is_empty() {
                self.forced(batch)?;
                continue;
            }
            let heads = self.heads(batch.header.number, batch.header.content)?;
            last.extend(heads.into_iter().map(|head| (head.chain_id, head)));
        }
        self.stands(L1Update::PostedAfresh(last.into_values().collect())).await?;
        self.tell_settled(0).await?;
        if let Some(voided) = &history.voided {
            self.voided(voided).await?;
        }
        self.check_superseded(to)
    }

    /// Says which rollups may join: those whose registration L1 does not take back any more.
    async fn tell_registered(&mut self, tip: u64) -> Result<()> {
        let is_sure = |(block, _): &&(u64, _)| block + self.place.confirmations <= tip;
        let sure: Vec<_> = self.registered.iter().take_while(is_sure).collect();
        if sure.len() == self.told {
            return Ok(());
        }
        self.told = sure.len();
        let all = sure.into_iter().map(|(_, genesis)| genesis.clone()).collect();
        self.give(L1Update::Registered(all)).await
    }

    /// Moves the safe blocks (P31).
    async fn posted(&self, number: u64, content: B256) -> Result<()> {
        match self.heads(number, content)? {
            heads if heads.is_empty() => Ok(()),
            heads => self.stands(L1Update::Posted(heads)).await,
        }
    }

    /// Returns the last blocks of a batch that L1 holds; none when it is not this node's.
    fn heads(&self, number: u64, content: B256) -> Result<Vec<L1Standing>> {
        let Some(dir) = &self.place.batches else { return Ok(Vec::new()) };
        let known = if dir.forced(number)?.is_some() { None } else { dir.batch(number)? };
        let batch = known.filter(|batch| keccak256(batch.encode()) == content);
        let Some(batch) = batch else {
            tracing::error!(number, "L1 holds a batch that is not this node's");
            return Ok(Vec::new());
        };
        let heads = batch.batch.heads.iter().map(|head| L1Standing {
            chain_id: head.network.get().into(),
            number: head.number,
            hash: head.hash,
        });
        Ok(heads.collect())
    }

    /// Moves the final blocks (P31): those that are settled in final blocks of L1.
    async fn finalized(&mut self, number: u64) -> Result<()> {
        let is_final = |it: &mut RollupSettled| it.block.number <= number;
        let last: Vec<_> = self.settled.extract_if(.., is_final).collect();
        match last_blocks(&self.chains, &last) {
            last if last.is_empty() => Ok(()),
            last => self.stands(L1Update::Finalized(last)).await,
        }
    }

    /// Says what is settled, but for the first so many, which the node knows.
    async fn tell_settled(&self, known: usize) -> Result<()> {
        match last_blocks(&self.chains, &self.settled[known..]) {
            last if last.is_empty() => Ok(()),
            last => self.stands(L1Update::Settled(last)).await,
        }
    }

    /// Says what stands on L1. What the node does not have moves nothing, and somebody has to know.
    async fn stands(&self, update: L1Update) -> Result<()> {
        match self.give(update).await.map_err(|error| error.downcast::<L1Refused>()) {
            Err(Ok(error @ L1Refused::OtherBlock { .. })) => tracing::error!(%error, "L1 differs"),
            Err(Ok(error)) => return Err(error.into()),
            Err(Err(error)) => return Err(error),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Gives the node an update, as soon as it takes one; says once that it waits for long.
    async fn give(&self, update: L1Update) -> Result<()> {
        let began = Instant::now();
        let mut is_told = false;
        loop {
            let why = match self.engine.l1(update.clone()).await {
                Err(why @ (L1Refused::Full | L1Refused::Node(_))) => why,
                said => return Ok(said?),
            };
            if !is_told && began.elapsed() >= LONG {
                is_told = true;
                tracing::warn!(%why, "what L1 says waits for the node");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Returns what a rollup is made of by its registration. Nobody can derive a realm with one that cannot be read.
fn genesis_of(it: &Registered) -> Option<(u64, RollupGenesis)> {
    let genesis = Registration::decode(&it.config).ok().and_then(Registration::into_genesis);
    if genesis.is_none() {
        tracing::error!(rollup = it.rollup, "the registration of a rollup cannot be read");
    }
    Some((it.block.number, genesis?))
}

pub(in crate::commands) fn ours(block: weft_l1::L1Block) -> L1Block {
    let weft_l1::L1Block { number, hash, parent, unix_s } = block;
    L1Block { number, hash, parent, unix_s }
}

fn theirs(block: L1Block) -> weft_l1::L1Block {
    let L1Block { number, hash, parent, unix_s } = block;
    weft_l1::L1Block { number, hash, parent, unix_s }
}

/// Returns the last block of each rollup among what was settled, in order.
pub(super) fn last_blocks<'a>(
    chains: &BTreeMap<u32, u64>,
    settled: impl IntoIterator<Item = &'a RollupSettled>,
) -> Vec<L1Standing> {
    let mut last = BTreeMap::new();
    for it in settled {
        if let Some(chain_id) = chains.get(&it.rollup).copied() {
            let (number, hash) = (it.outcome.block_number, it.outcome.block_hash);
            last.insert(chain_id, L1Standing { chain_id, number, hash });
        }
    }
    last.into_values().collect()
}
