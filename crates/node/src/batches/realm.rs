//! What a realm is made of, in the form that stands on L1.

use crate::{
    config::DevConfig, engine::lane_config, error::NodeError, rollup::RollupConfig, sealing,
};
use alloy_primitives::Address;
use weft_batch::{RealmConfig, RollupGenesis, SealingRealm};

/// Returns what the realm of a configuration is made of; `timestamp` is that of its genesis blocks, in seconds.
///
/// # Errors
///
/// [`NodeError::Config`] when it makes no realm.
pub fn realm_config(
    config: &DevConfig,
    timestamp: u64,
    sequencer: Address,
) -> Result<RealmConfig, NodeError> {
    let home = config.home()?;
    let rollups = config.all_rollups()?;
    let networks = rollups.iter().map(RollupConfig::network).collect();
    let setup = config.sealing.as_ref().map(sealing::setup_of);
    let setup = setup.transpose()?;
    let roster = config.sealing.iter().flat_map(|sealing| &sealing.roster);
    let members = roster.map(|(member, key)| (*member, *key)).collect();
    Ok(RealmConfig {
        domain: config.domain,
        sequencer,
        lane: lane_config(config, networks)?,
        sealing: setup.map(|setup| SealingRealm { setup: setup.encode().into(), members }),
        inbox_window_ms: 0,
        rollups: rollups
            .iter()
            .map(|rollup| genesis_of(rollup, timestamp, home == Some(rollup.network())))
            .collect(),
    })
}

impl RollupConfig {
    /// Returns what a rollup is made of that joins a realm; `timestamp` is that of its genesis block, in seconds since the
    /// Unix epoch.
    pub fn declared(&self, timestamp: u64) -> RollupGenesis {
        genesis_of(self, timestamp, false)
    }
}

/// Returns what a rollup is made of.
pub(crate) fn genesis_of(config: &RollupConfig, timestamp: u64, is_home: bool) -> RollupGenesis {
    let mut allocations = config.allocations.clone();
    allocations.sort_unstable();
    let RollupConfig { chain_id, gas_limit, base_fee, removes_failed, .. } = *config;
    RollupGenesis { chain_id, timestamp, gas_limit, base_fee, is_home, removes_failed, allocations }
}
