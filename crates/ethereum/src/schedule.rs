//! Which rules hold when.

use crate::error::ImportError;
use alloy_eips::{eip2124::ForkHash, eip7840::BlobParams};
use alloy_genesis::ChainConfig;
use alloy_primitives::{Address, B256, U256};
use revm::primitives::hardfork::SpecId;

/// Rules of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// EVM rules.
    pub spec: SpecId,
    /// Blob rules, from Cancun on.
    pub blob: Option<BlobParams>,
    /// True for the blocks after proof of work.
    pub is_merged: bool,
    /// True when block rewards are those of Constantinople.
    pub is_constantinople: bool,
}

impl Rules {
    /// Returns true when the rules include those of `spec`.
    pub const fn has(&self, spec: SpecId) -> bool {
        self.spec as u8 >= spec as u8
    }
}

/// A fork that begins at a time (EIP-7910).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// First timestamp, in seconds.
    pub timestamp: u64,
    /// Rules from then on.
    pub rules: Rules,
    /// Fork id by EIP-2124.
    pub id: [u8; 4],
}

/// Fork schedule of a chain.
#[derive(Debug, Clone)]
pub struct Schedule {
    config: ChainConfig,
    genesis_hash: B256,
    genesis_timestamp: u64,
    /// Blob rules with the time of their fork, ascending.
    blobs: Vec<(u64, BlobParams)>,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// [`ImportError::Genesis`] for forks that are not implemented.
    pub(crate) fn new(config: ChainConfig, genesis_timestamp: u64) -> Result<Self, ImportError> {
        let refused = |why: &str| Err(ImportError::Genesis(why.to_owned()));
        if config.amsterdam_time.is_some() || config.bogota_time.is_some() {
            return refused("forks after Osaka are not implemented");
        }
        if config.dao_fork_support && config.dao_fork_block.is_some() {
            return refused("the DAO fork is not implemented");
        }
        if config.clique.is_some() || config.parlia.is_some() {
            return refused("only proof of work and proof of stake are implemented");
        }
        let blobs = blobs(&config)?;
        Ok(Self { config, genesis_hash: B256::ZERO, genesis_timestamp, blobs })
    }

    pub(crate) fn with_genesis(self, genesis_hash: B256) -> Self {
        Self { genesis_hash, ..self }
    }

    /// Returns the EIP-155 id.
    pub const fn chain_id(&self) -> u64 {
        self.config.chain_id
    }

    /// Returns the deposit contract, whose logs are requests (EIP-6110).
    pub fn deposit_contract(&self) -> Address {
        let mainnet = alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS;
        self.config.deposit_contract_address.unwrap_or(mainnet)
    }

    /// Returns true when a block whose ancestors have this total difficulty is after proof of work.
    pub fn is_merged(&self, total_difficulty: U256) -> bool {
        self.config.terminal_total_difficulty.is_some_and(|terminal| total_difficulty >= terminal)
    }

    /// Returns the rules of a block.
    pub fn rules(&self, number: u64, timestamp: u64, is_merged: bool) -> Rules {
        let spec = if is_merged { self.by_time(timestamp) } else { self.by_number(number) };
        let is_constantinople =
            self.config.is_constantinople_active_at_block(number) || spec >= SpecId::PETERSBURG;
        let blob = (spec >= SpecId::CANCUN).then(|| self.blob(timestamp)).flatten();
        Rules { spec, blob, is_merged, is_constantinople }
    }

    /// Returns the rules of a header: those after proof of work have no difficulty.
    pub fn rules_of(&self, header: &alloy_consensus::Header) -> Rules {
        let is_merged = self.config.terminal_total_difficulty.is_some()
            && header.difficulty.is_zero()
            && (header.number > 0 || self.is_merged(U256::ZERO));
        self.rules(header.number, header.timestamp, is_merged)
    }

    fn by_number(&self, number: u64) -> SpecId {
        let config = &self.config;
        match number {
            n if config.is_london_active_at_block(n) => SpecId::LONDON,
            n if config.is_berlin_active_at_block(n) => SpecId::BERLIN,
            n if config.is_istanbul_active_at_block(n) => SpecId::ISTANBUL,
            n if config.is_petersburg_active_at_block(n) => SpecId::PETERSBURG,
            // The EVM has no EIP-1283, which Petersburg took back: Constantinople runs by Petersburg's rules.
            n if config.is_constantinople_active_at_block(n) => SpecId::PETERSBURG,
            n if config.is_byzantium_active_at_block(n) => SpecId::BYZANTIUM,
            n if config.is_eip158_active_at_block(n) => SpecId::SPURIOUS_DRAGON,
            n if config.is_eip150_active_at_block(n) => SpecId::TANGERINE,
            n if config.is_homestead_active_at_block(n) => SpecId::HOMESTEAD,
            _ => SpecId::FRONTIER,
        }
    }

    fn by_time(&self, timestamp: u64) -> SpecId {
        let config = &self.config;
        let is_active = |fork: Option<u64>| fork.is_some_and(|from| from <= timestamp);
        match () {
            () if is_active(config.osaka_time) => SpecId::OSAKA,
            () if is_active(config.prague_time) => SpecId::PRAGUE,
            () if is_active(config.cancun_time) => SpecId::CANCUN,
            () if is_active(config.shanghai_time) => SpecId::SHANGHAI,
            () => SpecId::MERGE,
        }
    }

    fn blob(&self, timestamp: u64) -> Option<BlobParams> {
        let after = self.blobs.partition_point(|(from, _)| *from <= timestamp);
        Some(self.blobs.get(after.checked_sub(1)?)?.1)
    }

    /// Returns by how many blocks the difficulty bomb is late.
    pub(crate) fn bomb_delay(&self, number: u64) -> Option<u64> {
        let config = &self.config;
        match number {
            n if config.is_gray_glacier_active_at_block(n) => Some(11_400_000),
            n if config.is_arrow_glacier_active_at_block(n) => Some(10_700_000),
            n if config.is_london_active_at_block(n) => Some(9_700_000),
            n if config.is_muir_glacier_active_at_block(n) => Some(9_000_000),
            n if config.is_constantinople_active_at_block(n) => Some(5_000_000),
            n if config.is_byzantium_active_at_block(n) => Some(3_000_000),
            _ => None,
        }
    }

    /// Returns the forks that begin at a time, the first one being what holds at genesis.
    pub fn forks(&self) -> Vec<Fork> {
        let mut times = vec![self.genesis_timestamp];
        times.extend(self.times());
        times.sort_unstable();
        times.dedup();
        let fork = |timestamp: &u64| Fork {
            timestamp: *timestamp,
            rules: self.rules(u64::MAX, *timestamp, true),
            id: self.fork_id(*timestamp),
        };
        times.iter().filter(|time| **time >= self.genesis_timestamp).map(fork).collect()
    }

    fn times(&self) -> impl Iterator<Item = u64> + '_ {
        let config = &self.config;
        let upgrades =
            [config.shanghai_time, config.cancun_time, config.prague_time, config.osaka_time];
        upgrades.into_iter().flatten().chain(self.blobs.iter().map(|(from, _)| *from))
    }

    /// Returns the fork id of EIP-2124 after all block forks and the time forks up to `timestamp`.
    fn fork_id(&self, timestamp: u64) -> [u8; 4] {
        let config = &self.config;
        let mut blocks: Vec<u64> = [
            config.homestead_block,
            config.dao_fork_block,
            config.eip150_block,
            config.eip155_block,
            config.eip158_block,
            config.byzantium_block,
            config.constantinople_block,
            config.petersburg_block,
            config.istanbul_block,
            config.muir_glacier_block,
            config.berlin_block,
            config.london_block,
            config.arrow_glacier_block,
            config.gray_glacier_block,
            config.merge_netsplit_block,
        ]
        .into_iter()
        .flatten()
        .filter(|number| *number > 0)
        .collect();
        blocks.sort_unstable();
        blocks.dedup();
        let passed = |time: &u64| *time > self.genesis_timestamp && *time <= timestamp;
        let mut times: Vec<u64> = self.times().filter(passed).collect();
        times.sort_unstable();
        times.dedup();
        let start = ForkHash::from(self.genesis_hash);
        blocks.into_iter().chain(times).fold(start, |hash, fork| hash + fork).0
    }
}

/// Returns the blob rules of each fork that has some.
fn blobs(config: &ChainConfig) -> Result<Vec<(u64, BlobParams)>, ImportError> {
    let schedule = config.blob_schedule_blob_params();
    let mut blobs = Vec::new();
    blobs.extend(config.cancun_time.map(|time| (time, schedule.cancun)));
    blobs.extend(config.prague_time.map(|time| (time, schedule.prague)));
    blobs.extend(config.osaka_time.map(|time| (time, schedule.osaka)));
    blobs.extend(schedule.scheduled.iter().copied());
    // Sorting is stable: of two forks at one time the later one counts.
    blobs.sort_by_key(|(time, _)| *time);
    for (time, params) in &blobs {
        let sound = params.update_fraction > 0
            && u64::try_from(params.update_fraction).is_ok()
            && (1..=1024).contains(&params.max_blob_count)
            && params.target_blob_count <= params.max_blob_count;
        if !sound {
            return Err(ImportError::Genesis(format!("unusable blob schedule at time {time}")));
        }
    }
    Ok(blobs)
}
