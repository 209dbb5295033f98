//! What a node is started with.

use crate::{
    accounts::DEV_ACCOUNTS,
    accounts::DevAccount,
    admin::AdminConfig,
    batches::BatchOptions,
    engine::{ChainKind, IMPORTED, ImportedChain},
    error::NodeError,
    export::Progress,
    intake::IntakeLimits,
    origins::Origins,
    pool::PoolLimits,
    removals::Rates,
    rollup::{self, RollupConfig},
    sealing::SealingOptions,
    turns::Priority,
    upstream::Sequencer,
};
use alloy_primitives::U256;
use std::{
    collections::BTreeSet, net::IpAddr, net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration,
};
use weft_evm::ChainSpec;
use weft_journal::Disk;
use weft_promise::Passphrase;
use weft_state::Medium;
use weft_types::{Domain, NetworkId, bundle::MAX_LEGS};

/// Wei of one ether.
const ETHER: u128 = 1_000_000_000_000_000_000;
/// Most rollups of a realm.
pub(crate) const MAX_ROLLUPS: usize = 64;

/// When slots close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mining {
    /// With the clock, every `slot_ms` milliseconds.
    #[default]
    Slots,
    /// After every submission, so that its receipt is there at once; with the clock as well.
    OnDemand,
}

/// Key that signs promises.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// A key that everybody knows, without a guard: for development.
    Development,
    /// A key in an encrypted file.
    Keystore {
        /// Key file.
        file: PathBuf,
        /// Its passphrase.
        passphrase: Passphrase,
        /// Protection against signing twice.
        guard: GuardFile,
    },
    /// A key that another program holds.
    Program {
        /// Program.
        program: String,
        /// Its arguments.
        args: Vec<String>,
        /// How long it may take to answer.
        patience: Duration,
        /// Protection against signing twice.
        guard: GuardFile,
    },
}

/// Where it is kept what a key signed.
#[derive(Debug, Clone)]
pub struct GuardFile {
    /// File.
    pub file: PathBuf,
    /// True when the file comes from a backup.
    pub is_restored: bool,
}

/// What a node is started with; by default, a development node.
#[derive(Debug, Clone)]
pub struct DevConfig {
    /// Number of rollups with `accounts`; they have consecutive ids and ports.
    pub rollups: u32,
    /// Rollups with genesis, name and port of their own.
    pub listed: Vec<RollupConfig>,
    /// Whether development helpers are served that change state or time, or read all of it.
    pub has_cheats: bool,
    /// EIP-155 id and network id of the first rollup; the others follow.
    pub first_chain_id: u32,
    /// Address to listen on.
    pub host: IpAddr,
    /// Port of the first rollup; the others follow. With 0 every rollup gets any free port.
    pub port: u16,
    /// Web pages that may ask the node.
    pub origins: Origins,
    /// The realm that everything signed and hashed belongs to (P1).
    pub domain: Domain,
    /// Port that serves every rollup at `/CHAINID`; none when it is `None`, any free one with 0.
    pub common_port: Option<u16>,
    /// Length of a slot, in milliseconds.
    pub slot_ms: u64,
    /// Fixes genesis time and slot times: the same submissions per slot give the same block hashes. Slots without
    /// items then take no time.
    pub seed: Option<u64>,
    /// Accounts with ether on every rollup, whose keys the node holds.
    pub accounts: Vec<DevAccount>,
    /// Wei of each account on each rollup.
    pub balance: U256,
    /// Gas limit of every block, in units.
    pub gas_limit: u64,
    /// When slots close.
    pub mining: Mining,
    /// Who gets a position first.
    pub priority: Priority,
    /// State file to start from.
    pub load_state: Option<PathBuf>,
    /// State file to write when the node stops.
    pub dump_state: Option<PathBuf>,
    /// Directory of a durable node: inputs are on disk before their answers leave, and a start goes on from there.
    pub data_dir: Option<PathBuf>,
    /// Disk of the log in the place of the one in `data_dir`; for tests of what happens when it fails.
    pub log_disk: Option<Arc<dyn Disk>>,
    /// Medium of the database in the place of the file in `data_dir`, or beside `log_disk`, which alone has no database;
    /// for tests of what happens when it fails.
    pub state_medium: Option<Arc<dyn Medium>>,
    /// Keeps the state after every block in the place of the last ones, in a data directory.
    pub archive: bool,
    /// Longest time for which commits of the database may be only in the operating system's hands, in milliseconds.
    pub state_sync_ms: u64,
    /// Keeps the part of the log that no recovery needs.
    pub keep_log: bool,
    /// Bytes after which a file of the log ends.
    pub log_segment_bytes: u64,
    /// EIP-155 ids of the rollups that run in processes of their own (P7).
    pub executors: Vec<u64>,
    /// Program that is started with `executor` as its argument; this program itself when there is none.
    pub executor_program: Option<PathBuf>,
    /// How long an executor may take to answer, in milliseconds.
    pub executor_timeout_ms: u64,
    /// Chain to serve in place of rollups.
    pub imported: Option<ImportedChain>,
    /// Key that signs promises; `None` promises nothing.
    pub promise_key: Option<SigningKey>,
    /// Whether the order of every closed slot is committed to, apart from everything that somebody waits for (P15).
    pub commits: bool,
    /// L1 blocks within which a slot that is promised now is on L1, which every promise of a place says; zero promises no time.
    pub l1_deadline_blocks: u64,
    /// Where batches are written while the node runs, signed by the promise key; nowhere when there is none.
    pub batches: Option<BatchOptions>,
    /// Bounds on what comes from outside.
    pub limits: Limits,
    /// Where whoever runs the node reaches it; nowhere when there is none.
    pub admin: Option<AdminConfig>,
    /// Time between two writes of the figures to the data directory.
    pub save_figures_every: Duration,
    /// How long open connections may take to end when the node stops.
    pub drain_timeout: Duration,
    /// Hears how far a start on a data directory is.
    pub progress: Option<Progress>,
    /// Time of the genesis blocks in seconds since the Unix epoch, where it is agreed on beforehand; that of the first start
    /// when it is `None`.
    pub genesis_unix_s: Option<u64>,
    /// Whether the realm of the data directory is taken as it was made, whatever stands here.
    pub adopts_genesis: bool,
    /// How sealed items are taken; none are when there is nothing here.
    pub sealing: Option<SealingOptions>,
    /// Whether the node orders nothing itself and runs what L1 holds: a node without key and batches.
    pub follows: bool,
    /// URL of the sequencer's common port, for a node that follows: slots come from there before L1 holds them, and what clients
    /// send goes there.
    pub sequencer: Option<String>,
    /// Blocks of L1 that must follow the one that holds an inbox entry before it gets a position. L1 may go back as far
    /// without consequence; when it goes back further, the node stops.
    pub l1_confirmations: u64,
    /// Whether a block has to be settled on L1 for the tag `safe`, and not only posted (P31).
    pub safe_is_settled: bool,
}

impl Default for DevConfig {
    fn default() -> Self {
        Self {
            rollups: 3,
            listed: Vec::new(),
            has_cheats: true,
            first_chain_id: 901,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 9545,
            origins: Origins::Any,
            domain: Domain::dev(),
            common_port: None,
            slot_ms: 200,
            seed: None,
            accounts: DEV_ACCOUNTS.to_vec(),
            balance: U256::from(10_000) * U256::from(ETHER),
            gas_limit: ChainSpec::dev(1).block_gas_limit,
            mining: Mining::default(),
            priority: Priority::default(),
            load_state: None,
            dump_state: None,
            data_dir: None,
            log_disk: None,
            state_medium: None,
            archive: false,
            state_sync_ms: 1_000,
            keep_log: false,
            log_segment_bytes: 64 << 20,
            executors: Vec::new(),
            executor_program: None,
            executor_timeout_ms: 2_000,
            imported: None,
            promise_key: Some(SigningKey::Development),
            commits: false,
            l1_deadline_blocks: 0,
            batches: None,
            limits: Limits::default(),
            admin: None,
            save_figures_every: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
            progress: None,
            genesis_unix_s: None,
            adopts_genesis: false,
            sealing: None,
            follows: false,
            sequencer: None,
            l1_confirmations: 64,
            safe_is_settled: false,
        }
    }
}

/// A chain that gets a port.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) network: NetworkId,
    pub(crate) chain_id: u64,
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Served {
    pub(crate) fn rollup(config: &RollupConfig) -> Self {
        let (chain_id, name) = (u64::from(config.chain_id), config.name.clone());
        Self { network: config.network(), chain_id, name, port: config.port }
    }
}

impl DevConfig {
    /// Returns the EIP-155 ids of the rollups.
    pub fn chain_ids(&self) -> impl Iterator<Item = u32> + '_ {
        let counted = self.first_chain_id..self.first_chain_id.saturating_add(self.rollups);
        counted.chain(self.listed.iter().map(|rollup| rollup.chain_id))
    }

    /// Returns what every rollup is made of.
    pub(crate) fn all_rollups(&self) -> Result<Vec<RollupConfig>, NodeError> {
        let mut all = Vec::new();
        for index in 0..self.rollups {
            let (id, port) = (self.first_chain_id + index, self.port_of(index as usize)?);
            let dev = RollupConfig::dev(id, port, &self.accounts, self.balance);
            all.push(RollupConfig { gas_limit: self.gas_limit, ..dev });
        }
        all.extend(self.listed.iter().cloned());
        all.sort_by_key(|rollup| rollup.chain_id);
        Ok(all)
    }

    /// Returns everything that is served.
    pub(crate) fn served(&self) -> Result<Vec<Served>, NodeError> {
        let Some(chain) = &self.imported else {
            return Ok(self.all_rollups()?.iter().map(Served::rollup).collect());
        };
        let chain_id = chain.genesis.schedule.chain_id();
        let name = format!("chain {chain_id}");
        Ok(vec![Served { network: IMPORTED, chain_id, name, port: self.port }])
    }

    /// Returns what the chains are that stand here.
    pub(crate) fn kind(&self) -> ChainKind {
        match &self.imported {
            None => ChainKind::Rollup,
            Some(ImportedChain { production: None, .. }) => ChainKind::Imported,
            Some(_) => ChainKind::Produced,
        }
    }

    /// Returns the port of rollup number `index`.
    pub(crate) fn port_of(&self, index: usize) -> Result<u16, NodeError> {
        if self.port == 0 {
            return Ok(0);
        }
        let port = u16::try_from(index).ok().and_then(|index| self.port.checked_add(index));
        port.ok_or_else(|| NodeError::Config(format!("port {} + {index} is over 65535", self.port)))
    }

    /// Checks everything that can be known before the machine is looked at.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] with what is out of range or does not go together.
    pub fn check(&self) -> Result<(), NodeError> {
        let wrong = |why: String| Err(NodeError::Config(why));
        let rollups = self.chain_ids().count();
        if !(1..=MAX_ROLLUPS).contains(&rollups) {
            return wrong(format!("{rollups} rollups, expected 1 to {MAX_ROLLUPS}"));
        }
        self.listed.iter().try_for_each(RollupConfig::check)?;
        let distinct: BTreeSet<u32> = self.chain_ids().collect();
        if distinct.len() != rollups {
            return wrong("two rollups have the same chain id".to_owned());
        }
        if self.first_chain_id == 0 || self.first_chain_id.checked_add(self.rollups).is_none() {
            return wrong(format!("first chain id {} is out of range", self.first_chain_id));
        }
        let ids = |id: &&u64| !self.chain_ids().any(|known| u64::from(known) == **id);
        if let Some(id) = self.executors.iter().find(ids) {
            return wrong(format!("executor for rollup {id}, which is not in the realm"));
        }
        if !(1..=60_000).contains(&self.slot_ms) {
            return wrong(format!("slot of {} ms, expected 1 to 60000", self.slot_ms));
        }
        if !rollup::GAS_LIMITS.contains(&self.gas_limit) {
            let limit = self.gas_limit;
            let (least, most) = rollup::GAS_LIMITS.into_inner();
            return wrong(format!("gas limit {limit}, expected {least} to {most}"));
        }
        if self.mining == Mining::OnDemand && self.priority == Priority::Fees {
            return wrong("an auction needs slots that close with the clock".to_owned());
        }
        self.check_sealing()?;
        self.check_durable()?;
        self.check_follow()?;
        if !(1..=MAX_LEGS).contains(&self.limits.max_bundle_legs) {
            let legs = self.limits.max_bundle_legs;
            return wrong(format!("bundles of {legs} legs, expected 1 to {MAX_LEGS}"));
        }
        self.all_rollups().map(|_| ())
    }

    /// A node that follows signs nothing, and goes back by what it has on disk.
    fn check_follow(&self) -> Result<(), NodeError> {
        let wrong = |why: &str| Err(NodeError::Config(format!("a node that follows {why}")));
        if !self.follows && self.sequencer.is_some() {
            return Err(NodeError::Config(
                "a node that follows nobody has no sequencer".to_owned(),
            ));
        }
        if let Some(url) = &self.sequencer {
            Sequencer::new(url)?;
        }
        match self.follows {
            false => Ok(()),
            true if self.promise_key.is_some() => wrong("signs nothing: it has no key"),
            true if self.batches.is_some() => wrong("writes no batches"),
            true if self.data_dir.is_none() => wrong("needs a data directory"),
            true if !self.executors.is_empty() => wrong("has no executors elsewhere"),
            true => Ok(()),
        }
    }

    /// Returns the rollup where deposits for sealed items lie.
    pub(crate) fn home(&self) -> Result<Option<NetworkId>, NodeError> {
        let Some(sealing) = &self.sealing else { return Ok(None) };
        let first = || self.chain_ids().min().unwrap_or_default();
        let home = sealing.home.unwrap_or_else(first);
        match self.chain_ids().any(|id| id == home) {
            true => Ok(Some(NetworkId::new(home))),
            false => Err(NodeError::Config(format!("sealing: rollup {home} is not in the realm"))),
        }
    }

    /// Refuses beside sealed items what knows nothing of epochs.
    fn check_sealing(&self) -> Result<(), NodeError> {
        let Some(sealing) = &self.sealing else { return Ok(()) };
        sealing.check()?;
        self.home()?;
        let wrong =
            |what: &str| Err(NodeError::Config(format!("{what} cannot be used with sealed items")));
        if self.seed.is_some() {
            return wrong("a seed, which stops the clock between items,");
        }
        if self.mining == Mining::OnDemand {
            return wrong("slots that close on demand");
        }
        if !self.executors.is_empty() {
            return wrong("executors in processes of their own");
        }
        if self.load_state.is_some() || self.dump_state.is_some() {
            return wrong("a state file");
        }
        Ok(())
    }

    /// Refuses beside a data directory what its log does not hold.
    fn check_durable(&self) -> Result<(), NodeError> {
        if self.data_dir.is_none() && self.log_disk.is_none() {
            let what = "batches need a data directory, or a crash would change what they hold";
            return match &self.batches {
                Some(batches) if !batches.is_volatile => Err(NodeError::Config(what.to_owned())),
                _ => Ok(()),
            };
        }
        let wrong = |what: &str| {
            Err(NodeError::Config(format!("{what} cannot be used with a data directory")))
        };
        if self.load_state.is_some() {
            return wrong("a state file to start from");
        }
        if !self.executors.is_empty() {
            return wrong("executors in processes of their own");
        }
        Ok(())
    }
}

/// Bounds on what comes from outside.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most legs of a bundle.
    pub max_bundle_legs: usize,
    /// Most bytes of a bundle's signed legs together.
    pub max_bundle_bytes: usize,
    /// Most bundles that wait for their marked legs; those without any leg make room for others.
    pub max_prepared: usize,
    /// How long a bundle waits for its marked legs.
    pub prepared_ttl: Duration,
    /// Most transactions and bundles that wait for a nonce or for block space, over all rollups.
    pub max_pending: usize,
    /// Most bytes of them together.
    pub max_pending_bytes: usize,
    /// Most transactions that came ahead of their nonce, so that those that can run keep room to wait.
    pub max_gapped: usize,
    /// Most waiting transactions of one sender on one rollup.
    pub max_pending_per_sender: usize,
    /// Most bytes of them together.
    pub max_sender_bytes: usize,
    /// How long a transaction or bundle waits for a nonce or for block space.
    pub pending_ttl: Duration,
    /// Most bytes of a request body.
    pub max_body_bytes: u32,
    /// Most bytes of a response body.
    pub max_response_bytes: u32,
    /// Most calls in a batch.
    pub max_batch: u32,
    /// Most connections per rollup.
    pub max_connections: u32,
    /// Most subscriptions per connection.
    pub max_subscriptions: u32,
    /// Messages that wait for a slow connection.
    pub message_buffer: u32,
    /// Events that a subscriber may be behind before it is dropped.
    pub event_backlog: usize,
    /// How long a subscriber may take for one message before it is dropped.
    pub subscriber_patience: Duration,
    /// Most raw transactions between their arrival and the engine, over all rollups; at least `max_batch`, or some
    /// batches never have room.
    pub max_intake: usize,
    /// Most bytes of them together.
    pub max_intake_bytes: usize,
    /// Most requests that wait for the engine.
    pub max_queued_requests: usize,
    /// Most installed filters per rollup.
    pub max_filters: usize,
    /// How long a filter lives without being asked.
    pub filter_ttl: Duration,
    /// Most blocks that one log query looks at.
    pub max_log_blocks: u64,
    /// Most logs that one query returns.
    pub max_logs: usize,
    /// Most items whose outcome is remembered.
    pub max_outcomes: usize,
    /// Most bytes of remembered outcomes together; the last one is remembered whatever its size.
    pub max_outcome_bytes: usize,
    /// Gas in a second that removed items of one signer may declare, five seconds' worth at once, and those of nobody.
    pub removed_gas: u64,
    /// The same for all removed items in clear together.
    pub removed_gas_of_all: u64,
    /// Most items whose promises are remembered.
    pub max_promises: usize,
    /// Longest wait of `eth_sendRawTransactionSync`, and its wait when the client names none.
    pub sync_send_timeout: Duration,
    /// Most snapshots.
    pub max_snapshots: usize,
    /// Most blocks mined by one call.
    pub max_mine: u64,
    /// Gas of a call that names none, and the most that a call may name.
    pub call_gas: u64,
}

impl Limits {
    pub(crate) const fn intake(&self) -> IntakeLimits {
        IntakeLimits { transactions: self.max_intake, bytes: self.max_intake_bytes }
    }

    pub(crate) const fn removals(&self) -> Rates {
        Rates { own: self.removed_gas, all: self.removed_gas_of_all }
    }

    pub(crate) const fn pool(&self) -> PoolLimits {
        PoolLimits {
            max: self.max_pending,
            max_bytes: self.max_pending_bytes,
            max_gapped: self.max_gapped,
            max_per_sender: self.max_pending_per_sender,
            max_sender_bytes: self.max_sender_bytes,
            ttl: self.pending_ttl,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bundle_legs: 32,
            max_bundle_bytes: 512 * 1024,
            max_prepared: 1024,
            prepared_ttl: Duration::from_secs(120),
            max_pending: 8192,
            max_pending_bytes: 64 * 1024 * 1024,
            max_gapped: 4096,
            max_pending_per_sender: 64,
            max_sender_bytes: 1024 * 1024,
            pending_ttl: Duration::from_secs(3600),
            max_body_bytes: 8 * 1024 * 1024,
            max_response_bytes: 128 * 1024 * 1024,
            max_batch: 256,
            max_connections: 512,
            max_subscriptions: 256,
            message_buffer: 256,
            event_backlog: 4096,
            subscriber_patience: Duration::from_secs(5),
            max_intake: 2048,
            max_intake_bytes: 32 * 1024 * 1024,
            max_queued_requests: 4096,
            max_filters: 1024,
            filter_ttl: Duration::from_secs(300),
            max_log_blocks: 100_000,
            max_logs: 20_000,
            max_outcomes: 50_000,
            max_outcome_bytes: 64 * 1024 * 1024,
            removed_gas: 200_000_000,
            removed_gas_of_all: 5_000_000_000,
            max_promises: 50_000,
            sync_send_timeout: Duration::from_secs(2),
            max_snapshots: 256,
            max_mine: 10_000,
            call_gas: 60_000_000,
        }
    }
}
