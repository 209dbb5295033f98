//! Rollups that join the realm while it runs: between two slots, as an input of the log.

use super::{ChainData, Engine, ether_in, genesis_rollup};
use crate::{
    batches::genesis_of,
    config::{MAX_ROLLUPS, Served},
    error::NodeError,
    record::{Joined, Record},
    rollup::RollupConfig,
    rpc::errors::{RpcError, RpcResult},
    store::BlockStore,
};
use alloy_primitives::B256;
use weft_lane::Input;
use weft_state::StoreError;

impl Engine {
    /// Lets a rollup join the realm between this slot and the next; returns the hash of its genesis block.
    pub(crate) fn add_rollup(&mut self, rollup: &RollupConfig) -> RpcResult<B256> {
        let timestamp = self.check_added(rollup)?;
        self.promises()?;
        let joined = self.between_slots(|engine| engine.join(rollup, timestamp));
        let head = joined.map_err(|error| RpcError::new(-32603, error.to_string()))?;
        let (chain_id, name) = (rollup.chain_id, &rollup.name);
        tracing::info!(chain_id, %name, %head, "a rollup joined the realm");
        Ok(head)
    }

    /// Checks that rollups of the realm are configured as they were made, or not at all, and lets those join that are
    /// configured and not in the realm yet.
    pub(super) fn reconcile(&mut self, listed: &[RollupConfig]) -> Result<(), NodeError> {
        for asked in listed {
            let mut known = self.config.listed.iter().chain(&self.joined);
            match known.find(|made| made.chain_id == asked.chain_id) {
                Some(made) => check_same(made, asked)?,
                None => {
                    let is_on_l1 = !self.domain.settlement.is_zero();
                    let hint = match is_on_l1 {
                        true => "; on L1 it joins while the node runs (weft rollup add)",
                        false => "",
                    };
                    let refused =
                        |error: RpcError| NodeError::Config(format!("{}{hint}", error.message));
                    self.add_rollup(asked).map_err(refused)?;
                }
            }
        }
        Ok(())
    }

    /// Checks that a rollup can join now; returns the time of its genesis block, in seconds.
    pub(crate) fn check_added(&self, rollup: &RollupConfig) -> RpcResult<u64> {
        self.check_joins(rollup)?;
        let now = self.now_ms / 1000;
        if self.domain.settlement.is_zero() {
            return Ok(now);
        }
        match self.registered(rollup)? {
            timestamp if timestamp <= now => Ok(timestamp),
            timestamp => {
                let id = rollup.chain_id;
                let why = format!("rollup {id} begins at {timestamp}, and it is {now} here");
                Err(RpcError::refused(why))
            }
        }
    }

    /// Returns the time at which a rollup begins by its registration. The hub takes no batch with a rollup that it does not
    /// know, in this order and of this genesis, and with it nothing of the whole realm.
    fn registered(&self, rollup: &RollupConfig) -> RpcResult<u64> {
        let (id, hub) = (rollup.chain_id, self.domain.settlement);
        let registered = self.l1.registered();
        let mut coming = registered.iter().filter(|it| !self.chains.contains_key(&it.network()));
        let refused = |why: String| Err(RpcError::refused(why));
        if !registered.iter().any(|it| it.chain_id == id) {
            return refused(format!(
                "rollup {id} is not registered with hub {hub}, as far as this node knows: L1 would take no batch any more; \
                 `weft l1 register`, and wait for `l1.confirmations`"
            ));
        }
        match coming.next() {
            Some(next) if next.chain_id != id => refused(format!(
                "rollup {} was registered before {id} and joins first",
                next.chain_id
            )),
            Some(next) if *next == genesis_of(rollup, next.timestamp, false) => Ok(next.timestamp),
            _ => refused(format!(
                "rollup {id} is registered with another gas limit, base fee or other allocations"
            )),
        }
    }

    pub(super) fn check_joins(&self, rollup: &RollupConfig) -> RpcResult<()> {
        rollup.check().map_err(|error| RpcError::params(error.to_string()))?;
        let id = rollup.chain_id;
        if self.is_imported() {
            return Err(RpcError::refused(
                "an imported chain has no realm that a rollup could join",
            ));
        }
        if self.chains.contains_key(&rollup.network()) {
            return Err(RpcError::refused(format!("rollup {id} is in the realm already")));
        }
        if self.chains.len() >= MAX_ROLLUPS {
            return Err(RpcError::limit(format!("a realm has at most {MAX_ROLLUPS} rollups")));
        }
        if self.executors.is_some() {
            let why = "rollups cannot join a realm with executors in processes of their own";
            return Err(RpcError::refused(why));
        }
        Ok(())
    }

    /// Makes a rollup, while no slot is open.
    fn join(&mut self, rollup: &RollupConfig, timestamp: u64) -> Result<B256, StoreError> {
        let head = self.join_at(rollup, timestamp)?;
        self.note(|| Record::Joined(Joined { rollup: rollup.clone(), timestamp, head }));
        Ok(head)
    }

    pub(super) fn join_at(
        &mut self,
        config: &RollupConfig,
        timestamp: u64,
    ) -> Result<B256, StoreError> {
        let on = self.keeping.as_ref().map(|keeping| (keeping.database(), &self.config));
        let rollup = genesis_rollup(config, timestamp, on, false)?;
        let (network, head) = (config.network(), rollup.head_hash);
        let store = BlockStore::new(rollup.head.clone(), head);
        if let Some(keeping) = &mut self.keeping {
            keeping.block(network, store.head().clone());
        }
        let chain = ChainData::new(rollup.spec.clone(), store, &self.config.limits);
        let ether = ether_in(&rollup.state)?;
        // States of before have no such rollup.
        self.snapshots.clear();
        self.record_joined(config, timestamp, head);
        if let Some(batches) = &mut self.batches {
            batches.joined(genesis_of(config, timestamp, false));
        }
        self.step(Input::Join { network }).expect("a checked rollup can join");
        self.realm.join(rollup, ether);
        self.chains.insert(network, chain);
        self.joined.push(config.clone());
        Ok(head)
    }

    /// Does again what a record of the log says.
    pub(super) fn replay_joined(&mut self, joined: Joined) -> Result<(), String> {
        let Joined { rollup, timestamp, head } = joined;
        if self.realm.slot().is_some() {
            return Err("a rollup joined inside a slot".to_owned());
        }
        self.check_joins(&rollup).map_err(|error| error.message)?;
        let computed = self.join_at(&rollup, timestamp).map_err(|error| error.to_string())?;
        if computed != head {
            let id = rollup.chain_id;
            return Err(format!("genesis of rollup {id}: logged {head}, computed {computed}"));
        }
        Ok(())
    }

    /// Returns everything that is served, under the names and ports that are configured or were asked for.
    pub(crate) fn served(&self, configured: &[Served]) -> Vec<Served> {
        let known = |network| configured.iter().find(|served| served.network == network).cloned();
        let mut served: Vec<Served> = configured.to_vec();
        let joined = self.config.listed.iter().chain(&self.joined).map(Served::rollup);
        served.extend(joined.filter(|joined| known(joined.network).is_none()));
        served
    }
}

/// Checks that a rollup is configured as it was made.
fn check_same(made: &RollupConfig, asked: &RollupConfig) -> Result<(), NodeError> {
    match made.difference(asked) {
        Some((what, made, asked)) => Err(NodeError::OtherConfig { what, made, asked }),
        None => Ok(()),
    }
}
