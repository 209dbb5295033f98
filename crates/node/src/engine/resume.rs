//! An engine over what a database holds.

use super::{ChainData, Endpoint, Engine, keep::Keeping, lane_config, state_options};
use crate::{
    config::DevConfig,
    error::NodeError,
    keep::{Restored, Shelf},
    metrics::Metrics,
    rollup::RollupConfig,
    store::BlockStore,
};
use std::collections::BTreeMap;
use weft_evm::{Realm, Rollup};
use weft_lane::Lane;
use weft_state::{ChainState, Database, StoreError};

impl Engine {
    /// Notes what a new realm begins with.
    pub(super) fn begin_keeping(&mut self, mut keeping: Keeping) {
        let blocks = self.chains.iter();
        let blocks = blocks.map(|(network, chain)| (*network, chain.store.head().clone()));
        keeping.begin(&self.genesis(), blocks);
        self.keeping = Some(keeping);
    }

    /// Builds the engine whose last batch the database holds.
    pub(super) fn resume(
        config: DevConfig,
        endpoints: Vec<Endpoint>,
        metrics: Metrics,
        database: &Database,
        mut restored: Restored,
    ) -> Result<Self, NodeError> {
        let config = DevConfig { listed: restored.genesis.listed.clone(), ..config };
        let mut made = config.all_rollups()?;
        made.extend(restored.moment.joined.iter().cloned());
        let view = database.view()?;
        let keeping = Keeping::new(database.clone(), &config)?;
        let (mut rollups, mut chains, mut shelves) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (network, number) in restored.moment.blocks.clone() {
            let shelf = Shelf::new(network, view.clone());
            let store = BlockStore::resume(shelf.clone(), number)?;
            let of = made.iter().find(|rollup| rollup.network() == network);
            let of =
                of.ok_or_else(|| StoreError::Corrupt(format!("rollup {network} is unknown")))?;
            let rollup = rollup(&config, of, database, &store)?;
            chains.insert(network, ChainData::new(rollup.spec.clone(), store, &config.limits));
            shelves.insert(network, shelf);
            rollups.push(rollup);
        }
        let domain = config.domain;
        let recent = std::mem::take(&mut restored.recent);
        let networks = chains.keys().copied().collect();
        let lane_config = lane_config(&config, networks)?;
        let lane = Lane::resume(domain, lane_config, restored.moment.lane.clone(), recent)
            .map_err(|why| StoreError::Corrupt(why.to_string()))?;
        let escrow = std::mem::take(&mut restored.escrow);
        let realm = Realm::new(domain, rollups, escrow, std::mem::take(&mut restored.heads));
        let mut engine = Self::assemble(config, endpoints, metrics, (realm, lane, chains));
        engine.begin_sealing()?;
        if let Some(kept) = &restored.moment.epochs {
            engine.resume_epochs(kept).map_err(|why| StoreError::Corrupt(why.to_string()))?;
        }
        engine.put_back(keeping, restored, shelves)?;
        if let Some(header) = engine.lane.open_slot().cloned() {
            engine.opened(header);
        }
        match &engine.broken {
            Some(why) => Err(StoreError::Corrupt(why.clone()).into()),
            None => Ok(engine),
        }
    }
}

/// Returns a rollup at its last block.
fn rollup(
    config: &DevConfig,
    made: &RollupConfig,
    database: &Database,
    store: &BlockStore,
) -> Result<Rollup<ChainState>, NodeError> {
    let (network, head) = (made.network(), store.head());
    if head.header.gas_limit != made.gas_limit {
        let (what, asked) = ("gas limit", made.gas_limit.to_string());
        return Err(NodeError::OtherConfig {
            what,
            made: head.header.gas_limit.to_string(),
            asked,
        });
    }
    let mut state = ChainState::open(database, network, &state_options(config))?;
    let root = weft_evm::State::root(&mut state)?;
    if state.head_number() != Some(head.header.number) || root != head.header.state_root {
        return Err(StoreError::Corrupt(format!(
            "the state of rollup {network} is that after block {:?} with root {root}, expected block {} with root {}",
            state.head_number(),
            head.header.number,
            head.header.state_root
        ))
        .into());
    }
    let spec = made.spec();
    Ok(Rollup { spec, state, head: head.header.clone(), head_hash: head.hash })
}
