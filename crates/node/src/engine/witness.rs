//! What a block of a rollup can be executed on without the rest of the state.

use super::{Engine, replay::SlotReplay};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    store::StoredBlock,
};
use std::sync::Arc;
use weft_evm::{ChainSpec, Escrow, Heads, Realm, Rollup, replay::ReplayItem};
use weft_state::{ChainState, Watched, Witness};
use weft_types::{Domain, NetworkId, SlotHeader};

/// Blocks before the last one whose state is taken back for a witness, as for a proof.
const MAX_DISTANCE: u64 = 128;
/// Blocks whose hashes the EVM can ask for.
const BLOCK_HASHES: u64 = 256;

/// A block with everything that its execution needs, before it is known what it looks at.
pub(crate) struct WitnessOf {
    network: NetworkId,
    block: Arc<StoredBlock>,
    /// Blocks before it, oldest first.
    ancestors: Vec<Arc<StoredBlock>>,
    parent: ChainState,
    spec: ChainSpec,
    replay: SlotReplay,
}

/// A witness, and what came from the lane and from other rollups.
pub(crate) struct WholeWitness {
    pub(crate) witness: Witness,
    pub(crate) domain: Domain,
    pub(crate) slot: SlotHeader,
    pub(crate) networks: Vec<NetworkId>,
    pub(crate) escrow: Escrow,
    pub(crate) items: Vec<ReplayItem>,
}

impl Engine {
    /// Takes along what a witness of a block is made of.
    pub(crate) fn witness_of(
        &self,
        network: NetworkId,
        block: &Arc<StoredBlock>,
    ) -> RpcResult<WitnessOf> {
        let number = block.header.number;
        let Some(before) = number.checked_sub(1) else {
            return Err(RpcError::refused("genesis has no witness"));
        };
        let store = &self.chain(network).store;
        if store.head_number() - before > MAX_DISTANCE {
            let head = store.head_number();
            return Err(RpcError::refused(format!(
                "historical state unavailable: block {number} is too far from block {head}"
            )));
        }
        let oldest = number.saturating_sub(BLOCK_HASHES);
        let ancestors = (oldest..number).filter_map(|at| store.by_number(at).transpose());
        Ok(WitnessOf {
            network,
            block: block.clone(),
            ancestors: ancestors.collect::<Result<_, _>>()?,
            parent: self.realm.state(network).expect("the rollup runs here").clone(),
            spec: self.chain(network).spec.clone(),
            replay: self.slot_replay(block)?,
        })
    }
}

impl WitnessOf {
    /// Executes the slot, and then the rollup alone with somebody watching.
    pub(crate) fn make(mut self) -> RpcResult<WholeWitness> {
        let (domain, slot, escrow) = self.replay.moment();
        let networks = self.replay.networks();
        let items = self.replay.items_of(self.network)?;
        let last = self.ancestors.last().ok_or_else(|| RpcError::refused("header not found"))?;
        self.parent.unwind_to(last.header.number)?;
        let watched = Watched::new(self.parent.clone());
        let rollup = Rollup {
            spec: self.spec,
            state: watched.clone(),
            head: last.header.clone(),
            head_hash: last.hash,
        };
        let heads = Heads::default();
        let mut realm = Realm::alone(domain, rollup, &escrow, &heads, networks.iter().copied());
        let failed = |error: String| {
            tracing::error!("a block does not come out again: {error}");
            RpcError::new(-32603, "the block does not come out again")
        };
        realm.open_slot(slot.clone()).map_err(|error| failed(error.to_string()))?;
        for item in &items {
            realm.replay(item).map_err(|error| failed(error.to_string()))?;
        }
        let closed = realm.close_slot().map_err(|error| failed(error.to_string()))?;
        let found = closed.first().map(|block| block.header.hash_slow());
        if found != Some(self.block.hash) {
            return Err(failed(format!("block {} became {found:?}", self.block.hash)));
        }
        let accessed = watched.accessed();
        let mut witness = self.parent.witness(&accessed)?;
        let oldest = accessed.oldest_block.unwrap_or(last.header.number).min(last.header.number);
        let shown = self.ancestors.iter().filter(|block| block.header.number >= oldest);
        witness.headers = shown.map(|block| alloy_rlp::encode(&block.header).into()).collect();
        Ok(WholeWitness { witness, domain, slot, networks, escrow: escrow.of(self.network), items })
    }
}
