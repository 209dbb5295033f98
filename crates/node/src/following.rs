//! What a node is made of that follows: L1 says so at its first start, and a file in the data directory from then on.

use crate::{
    batches::{BatchDir, realm_config},
    config::DevConfig,
    error::NodeError,
    rollup::RollupConfig,
};
use std::path::PathBuf;
use weft_batch::{RealmConfig, RollupGenesis};

/// Directory of that file, in the data directory.
const DIR: &str = "realm";

/// Returns the configuration of a node that follows, completed by what the realm is made of: by the file in the data directory,
/// else by what `told` says, which is kept from then on; nothing while neither is there. Of configured rollups name and port count.
///
/// # Errors
///
/// [`NodeError`] when the configuration is of another realm, or the file cannot be read or written.
pub fn follow_realm(
    config: &DevConfig,
    told: Option<&RealmConfig>,
) -> Result<Option<(DevConfig, RealmConfig)>, NodeError> {
    let Some(data) = &config.data_dir else {
        return Err(NodeError::Config("a node that follows needs a data directory".to_owned()));
    };
    let kept = BatchDir::open(&data.join(DIR));
    let known = if kept.has_realm() { Some(kept.realm().map_err(wrong)?) } else { None };
    let Some(realm) = known.as_ref().or(told).cloned() else { return Ok(None) };
    if told.is_some_and(|told| *told != realm) {
        return Err(wrong("L1 holds another realm than the data directory"));
    }
    let completed = completed(config, &realm);
    let timestamp = completed.genesis_unix_s.unwrap_or_default();
    if realm_config(&completed, timestamp, realm.sequencer)? != realm {
        return Err(wrong("`realm.id` or [sealing] is of another realm than that of the hub"));
    }
    if known.is_none() {
        keep(data.join(DIR), &realm)?;
    }
    Ok(Some((completed, realm)))
}

fn wrong(why: impl std::fmt::Display) -> NodeError {
    NodeError::Config(format!("the realm to follow: {why}"))
}

fn keep(path: PathBuf, realm: &RealmConfig) -> Result<(), NodeError> {
    std::fs::create_dir_all(&path)
        .map_err(|source| NodeError::DataDir { path: path.clone(), source })?;
    let dir = BatchDir::create(&path).map_err(wrong)?;
    dir.realm_written(realm).map_err(|source| NodeError::DataDir { path, source })
}

fn completed(config: &DevConfig, realm: &RealmConfig) -> DevConfig {
    let listed = realm.rollups.iter().map(|genesis| {
        let known = config.listed.iter().find(|known| known.chain_id == genesis.chain_id);
        rollup(genesis, known)
    });
    DevConfig {
        rollups: 0,
        listed: listed.collect(),
        slot_ms: realm.lane.slot_ms,
        genesis_unix_s: realm.rollups.first().map(|rollup| rollup.timestamp),
        ..config.clone()
    }
}

fn rollup(genesis: &RollupGenesis, known: Option<&RollupConfig>) -> RollupConfig {
    let named = known.cloned().unwrap_or_else(|| RollupConfig::new(genesis.chain_id));
    RollupConfig {
        gas_limit: genesis.gas_limit,
        base_fee: genesis.base_fee,
        removes_failed: genesis.removes_failed,
        allocations: genesis.allocations.clone(),
        ..named
    }
}
