//! The engine: the one thread that owns realm, lane and stores. Everybody else sends it jobs.

mod accessed;
mod admit;
mod adopt;
mod archive;
mod bundle;
mod cheats;
mod dump;
mod executors;
mod flashblocks;
mod follow;
mod foreign_sandbox;
mod foreign_trace;
mod imported;
mod intake;
mod items;
mod keep;
mod l1;
mod log;
mod look;
mod opened;
mod outbox;
mod placed;
mod produced;
mod records;
mod recover;
mod replay;
mod resume;
mod rewind;
mod rollups;
mod sandbox;
mod sealed;
mod slots;
mod snapshots;
mod taken_back;
mod targeted;
mod thread;
pub(crate) mod unposted;
mod waiting;
mod witness;

pub(crate) use adopt::adopt;
pub use adopt::{OnL1, PostedBatch};
pub(crate) use archive::{Recordings, archive};
pub(crate) use dump::Dump;
pub(crate) use follow::Marks;
pub use follow::{FollowBatch, FollowError, FollowStanding, SlotsAhead};
pub(crate) use imported::ForeignMoment;
pub(crate) use imported::IMPORTED;
pub use imported::ImportedChain;
pub(crate) use intake::Intake;
pub(crate) use l1::L1;
pub use l1::{L1Block, L1Entry, L1Refused, L1Standing, L1Update};
pub(crate) use look::{At, Overrides, Scratch, override_account, unopened};
pub use produced::Production;
pub(crate) use produced::unkept;
pub(crate) use replay::Replay;
pub(crate) use sealed::{
    Announced, Closing, Kept as KeptEpochs, Sealing, Wish, put_list, read_list, read_secret,
    renew_seed,
};
pub(crate) use slots::Pace;
pub(crate) use targeted::Terms;
pub use thread::EngineHandle;
pub(crate) use thread::{EngineThread, spawn, stopped};
pub(crate) use witness::WholeWitness;

use crate::{
    batches::Recorder,
    bundles::Bundles,
    clock::Clock,
    config::{DevConfig, Limits, Mining},
    error::NodeError,
    export::Recording,
    filters::Filters,
    impersonated::Impersonated,
    metrics::{Metrics, Saved},
    outcomes::Outcomes,
    pool::Pool,
    removals::Removals,
    rollup::RollupConfig,
    rpc::errors::{RpcError, RpcResult},
    slots::Slots,
    store::{BlockStore, StoredBlock},
};
use alloy_primitives::{B256, U256};
use snapshots::Snapshots;
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use tokio::sync::broadcast;
use weft_evm::{ChainSpec, Escrow, Heads, Realm, Rollup, State, TokenId};
use weft_lane::{Lane, LaneConfig};
use weft_state::{ChainState, Database, History, StateOptions, StoreError};
use weft_types::{Domain, NetworkId};

/// What subscribers of one rollup hear about.
#[derive(Debug, Clone)]
pub(crate) enum ChainEvent {
    /// A block closed, or stands where another one did.
    Block(Arc<StoredBlock>),
    /// A block is not any more: what it rested on was taken back on L1.
    Gone(Arc<StoredBlock>),
    /// A transaction was accepted.
    Pending(B256),
}

/// What the node keeps about one rollup beside its state.
#[derive(Debug)]
pub(crate) struct ChainData {
    pub(crate) spec: ChainSpec,
    pub(crate) store: BlockStore,
    pub(crate) filters: Filters,
    pub(crate) events: broadcast::Sender<ChainEvent>,
    /// What there is to an imported chain.
    pub(crate) foreign: Option<imported::Foreign>,
}

/// Where a rollup can be reached.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) network: NetworkId,
    pub(crate) chain_id: u64,
    /// Name for people.
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) kind: ChainKind,
}

/// What a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainKind {
    /// A rollup of the realm.
    Rollup,
    /// An imported chain, as it is.
    Imported,
    /// An imported chain to which the node adds blocks.
    Produced,
}

impl ChainKind {
    /// Returns true for a chain over which no slot opens.
    pub(crate) const fn is_foreign(self) -> bool {
        !matches!(self, Self::Rollup)
    }
}

/// Owner of the realm, the lane and the stores. Lives on one thread.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) config: DevConfig,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) domain: Domain,
    pub(crate) realm: Realm<ChainState>,
    lane: Lane,
    clock: Clock,
    /// Time of the running turn, in milliseconds since the Unix epoch.
    now_ms: u64,
    log: log::Log,
    /// Items with a position in the open slot.
    items_in_slot: u32,
    /// When each of them was accepted.
    accepted: Vec<Instant>,
    pub(crate) metrics: Metrics,
    /// Where figures are kept, on a durable node: one for all writers, which wait for each other.
    saved: Option<Saved>,
    pub(crate) chains: BTreeMap<NetworkId, ChainData>,
    pub(crate) pool: Pool,
    pub(crate) bundles: Bundles,
    targeted: targeted::Targeted,
    /// Accounts from which may be sent without their keys, in development.
    pub(crate) impersonated: Impersonated,
    /// When slots close, in development.
    pace: Pace,
    /// Threads for the roots of rollups.
    threads: usize,
    /// What items in clear wasted lately.
    removals: Removals,
    pub(crate) outcomes: Outcomes,
    snapshots: Snapshots,
    /// Items of recent slots, for tracing.
    slots: Slots,
    opened: opened::Opened,
    /// Headers and closing records of recent slots.
    pub(crate) records: records::Records,
    pub(crate) executors: Option<executors::Executors>,
    /// Rollups that joined after genesis.
    joined: Vec<RollupConfig>,
    /// Writes what happens to one rollup, in an archive.
    pub(crate) recording: Option<Recording>,
    /// Writes batches.
    pub(crate) batches: Option<Recorder>,
    /// Sealed items, in a realm that takes them.
    pub(crate) sealing: Option<sealed::Sealing>,
    /// L1, for a node that follows it.
    pub(crate) l1: L1,
    /// What ran here that others ordered, in a node that follows.
    marks: Marks,
    follows: follow::Follows,
    /// From where on L1 took back what has a position: nothing goes on before it was folded again.
    rewind_from: Option<placed::Rewind>,
    /// Whether anything is accepted.
    intake: Intake,
    /// When what the engine does now was asked for.
    arrived: Instant,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) flashblocks: flashblocks::Flashblocks,
    /// The way into the database of a durable node.
    keeping: Option<keep::Keeping>,
    /// Records of the log that were repeated at the start.
    pub(crate) repeated: u64,
    /// Why the realm is of no use any more.
    broken: Option<String>,
}

impl Engine {
    /// Builds the realm at genesis, before its first slot; `genesis` is its time in seconds, by default now.
    pub(crate) fn new(
        mut config: DevConfig,
        endpoints: Vec<Endpoint>,
        metrics: Metrics,
        genesis: Option<u64>,
        database: Option<&Database>,
    ) -> Result<Self, NodeError> {
        if let Some(chain) = config.imported.take() {
            return Ok(Self::imported(config, endpoints, chain, metrics)?);
        }
        let domain = config.domain;
        let clock = Clock::new(config.seed, config.slot_ms);
        let timestamp = genesis.or(config.genesis_unix_s).unwrap_or(clock.now_ms() / 1000);
        let rollups: Vec<_> = config
            .all_rollups()?
            .iter()
            .map(|rollup| {
                let has_vault = config.home()? == Some(rollup.network());
                let on = database.map(|on| (on, &config));
                Ok::<_, NodeError>(genesis_rollup(rollup, timestamp, on, has_vault)?)
            })
            .collect::<Result<_, _>>()?;
        let mut escrow = Escrow::default();
        for rollup in &rollups {
            escrow.set(rollup.spec.network, TokenId::ETHER, ether_in(&rollup.state)?);
        }
        let networks = rollups.iter().map(|rollup: &Rollup<_>| rollup.spec.network).collect();
        let lane = Lane::new(domain, lane_config(&config, networks)?)
            .map_err(|why| NodeError::Config(why.to_string()))?;
        let chains = rollups.iter().map(|rollup| {
            let store = BlockStore::new(rollup.head.clone(), rollup.head_hash);
            (rollup.spec.network, ChainData::new(rollup.spec.clone(), store, &config.limits))
        });
        let chains = chains.collect();
        let realm = Realm::new(domain, rollups, escrow, Heads::default());
        let mut engine = Self::assemble(config, endpoints, metrics, (realm, lane, chains));
        engine.begin_sealing()?;
        if let Some(database) = database {
            let keeping = keep::Keeping::new(database.clone(), &engine.config)?;
            engine.begin_keeping(keeping);
        }
        Ok(engine)
    }

    /// Puts an engine together over a realm, its lane and its chains.
    fn assemble(
        config: DevConfig,
        endpoints: Vec<Endpoint>,
        metrics: Metrics,
        (realm, lane, chains): (Realm<ChainState>, Lane, BTreeMap<NetworkId, ChainData>),
    ) -> Self {
        let limits = config.limits.clone();
        Self {
            endpoints,
            domain: *realm.domain(),
            chains,
            realm,
            lane,
            clock: Clock::new(config.seed, config.slot_ms),
            now_ms: 0,
            log: log::Log::default(),
            items_in_slot: 0,
            accepted: Vec::new(),
            metrics,
            saved: config.data_dir.as_deref().map(Saved::new),
            pool: Pool::new(limits.pool()),
            bundles: Bundles::new(limits.max_prepared, limits.prepared_ttl),
            targeted: targeted::Targeted::default(),
            impersonated: Impersonated::default(),
            pace: Pace::default(),
            threads: std::thread::available_parallelism().map_or(1, Into::into),
            removals: Removals::new(limits.removals(), Instant::now()),
            outcomes: Outcomes::new(limits.max_outcomes, limits.max_outcome_bytes),
            snapshots: Snapshots::default(),
            slots: Slots::default(),
            opened: opened::Opened::default(),
            records: records::Records::default(),
            executors: None,
            joined: Vec::new(),
            recording: None,
            batches: None,
            sealing: None,
            l1: L1::default(),
            marks: Marks::default(),
            follows: follow::Follows::default(),
            rewind_from: None,
            intake: Intake::Open,
            arrived: Instant::now(),
            outbox: outbox::Outbox::default(),
            flashblocks: flashblocks::Flashblocks::default(),
            keeping: None,
            repeated: 0,
            broken: None,
            config,
        }
    }

    /// Ends the engine after this job: its realm is of no use any more.
    pub(crate) fn break_down(&mut self, why: String) {
        tracing::error!(%why, "the node stops");
        self.broken.get_or_insert(why);
    }

    pub(crate) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Returns what shows that the node works, or why it should get no requests.
    pub(crate) fn readiness(&mut self) -> Result<serde_json::Value, String> {
        if self.has_stopped() {
            return Err(self.stopped_because().unwrap_or_default());
        }
        let chains = self.chains.values();
        let heads: serde_json::Map<_, _> = chains
            .map(|chain| (chain.spec.chain_id.to_string(), chain.store.head_number().into()))
            .collect();
        let mut state = serde_json::json!({ "ready": true, "heads": heads });
        if let Some(follows) = self.follow_status() {
            state["follows"] = follows;
        }
        Ok(state)
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.config.limits
    }

    pub(crate) fn chain(&self, network: NetworkId) -> &ChainData {
        &self.chains[&network]
    }

    pub(crate) fn chain_mut(&mut self, network: NetworkId) -> &mut ChainData {
        self.chains.get_mut(&network).expect("ports exist for rollups of the realm only")
    }

    /// Returns the rollup with an EIP-155 id.
    pub(crate) fn network_of(&self, chain_id: u64) -> RpcResult<NetworkId> {
        let mut chains = self.chains.values();
        let chain = chains.find(|chain| chain.spec.chain_id == chain_id);
        chain.map(|chain| chain.spec.network).ok_or_else(|| RpcError::unknown_rollup(chain_id))
    }

    pub(crate) fn is_on_demand(&self) -> bool {
        self.config.mining == Mining::OnDemand && self.pace == Pace::Configured
    }

    pub(crate) fn announce(&mut self, network: NetworkId, event: ChainEvent) {
        let chain = self.chain_mut(network);
        chain.filters.observe(&event);
        if chain.events.receiver_count() > 0 {
            let to = chain.events.clone();
            self.send_when_safe(to, event);
        }
    }
}

impl ChainData {
    fn new(spec: ChainSpec, store: BlockStore, limits: &Limits) -> Self {
        let filters = Filters::new(limits.max_filters, limits.filter_ttl);
        let (events, _) = broadcast::channel(limits.event_backlog);
        Self { spec, store, filters, events, foreign: None }
    }
}

/// Returns a state without accounts, in memory.
fn empty_state(network: NetworkId) -> Result<ChainState, StoreError> {
    ChainState::open(&Database::memory(), network, &StateOptions::default())
}

/// Returns how states in a database are kept.
fn state_options(config: &DevConfig) -> StateOptions {
    let history = if config.archive { History::All } else { History::default() };
    StateOptions { history, ..StateOptions::default() }
}

pub(crate) fn lane_config(
    config: &DevConfig,
    networks: Vec<NetworkId>,
) -> Result<LaneConfig, NodeError> {
    let home = config.home()?;
    let sealing = config.sealing.as_ref().zip(home).map(|(options, home)| options.lane(home));
    Ok(LaneConfig { sealing, ..LaneConfig::new(config.slot_ms, networks) })
}

/// Makes a rollup as it stands before its first block, in a database when there is one.
fn genesis_rollup(
    rollup: &RollupConfig,
    timestamp: u64,
    on: Option<(&Database, &DevConfig)>,
    has_vault: bool,
) -> Result<Rollup<ChainState>, StoreError> {
    let genesis =
        if has_vault { rollup.home_genesis(timestamp) } else { rollup.genesis(timestamp) };
    let Rollup { spec, state: memory, head, head_hash } = genesis;
    let mut state = match on {
        Some((database, config)) => {
            ChainState::open(database, spec.network, &state_options(config))?
        }
        None => empty_state(spec.network)?,
    };
    state.fill(&memory)?;
    assert_eq!(state.root()?, head.state_root, "a filled state has the root of what filled it");
    Ok(Rollup { spec, state, head, head_hash })
}

/// Returns all ether on a rollup.
fn ether_in(state: &ChainState) -> Result<U256, StoreError> {
    let mut accounts = state.accounts();
    accounts.try_fold(U256::ZERO, |sum, account| Ok(sum.saturating_add(account?.1.balance)))
}
