//! Snapshots of everything: all rollups at once.

use super::Engine;
use crate::rpc::errors::{RpcError, RpcResult};
use crate::{bundles::Bundles, clock::Clock, pool::Pool, slots::Slots};
use std::collections::BTreeMap;
use weft_evm::{Escrow, Heads, Realm, Rollup};
use weft_lane::Lane;
use weft_state::ChainState;
use weft_types::NetworkId;

/// Everything that a revert brings back.
#[derive(Debug)]
struct Snapshot {
    rollups: Vec<Rollup<ChainState>>,
    escrow: Escrow,
    heads: Heads,
    lane: Lane,
    clock: Clock,
    block_numbers: BTreeMap<NetworkId, u64>,
    pool: Pool,
    bundles: Bundles,
    outcomes: u64,
    slots: Slots,
}

/// Snapshots by id.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    last_id: u64,
    kept: BTreeMap<u64, Snapshot>,
}

impl Snapshots {
    /// Forgets every snapshot.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}

impl Engine {
    /// Takes a snapshot of all rollups between two slots; returns its id.
    pub(crate) fn snapshot(&mut self) -> RpcResult<u64> {
        if self.sealing.is_some() {
            // Secrets that were released cannot be taken back, and their members release for one order only (T12).
            let why = "a realm with sealed items does not go back in time";
            return Err(RpcError::refused(why));
        }
        if self.snapshots.kept.len() >= self.limits().max_snapshots {
            return Err(RpcError::limit(format!(
                "{} snapshots are kept",
                self.snapshots.kept.len()
            )));
        }
        let snapshot = self.between_slots(|engine| engine.take_snapshot());
        self.snapshots.last_id += 1;
        self.snapshots.kept.insert(self.snapshots.last_id, snapshot);
        Ok(self.snapshots.last_id)
    }

    /// Takes all rollups back to a snapshot, which is gone then, and with it all later ones; false when there is no
    /// such snapshot.
    pub(crate) fn revert(&mut self, id: u64) -> bool {
        let mut newer = self.snapshots.kept.split_off(&id);
        let Some(snapshot) = newer.remove(&id) else {
            self.snapshots.kept.append(&mut newer);
            return false;
        };
        self.between_slots(|engine| engine.bring_back(snapshot));
        true
    }

    fn take_snapshot(&self) -> Snapshot {
        let (rollups, escrow, heads) = self.parts();
        let number = |(network, chain): (&NetworkId, &super::ChainData)| {
            (*network, chain.store.head_number())
        };
        Snapshot {
            rollups,
            escrow,
            heads,
            lane: self.lane.clone(),
            clock: self.clock.clone(),
            block_numbers: self.chains.iter().map(number).collect(),
            pool: self.pool.clone(),
            bundles: self.bundles.clone(),
            outcomes: self.outcomes.mark(),
            slots: self.slots.clone(),
        }
    }

    fn bring_back(&mut self, snapshot: Snapshot) {
        let Snapshot { rollups, escrow, heads, lane, clock, .. } = snapshot;
        self.realm = Realm::new(self.domain, rollups, escrow, heads);
        (self.lane, self.clock) = (lane, clock);
        self.outbox.forget();
        for (network, number) in snapshot.block_numbers {
            let chain = self.chain_mut(network);
            chain.store.truncate(number);
            chain.filters.rewind(number);
        }
        (self.pool, self.bundles) = (snapshot.pool, snapshot.bundles);
        self.outcomes.truncate(snapshot.outcomes);
        self.slots = snapshot.slots;
    }

    /// Returns copies of what a realm is made of, while no slot is open.
    pub(super) fn parts(&self) -> (Vec<Rollup<ChainState>>, Escrow, Heads) {
        let rollup = |spec: &weft_evm::ChainSpec| {
            let network = spec.network;
            let (head, head_hash) = self.realm.head(network).expect("the rollup runs here");
            Rollup {
                spec: spec.clone(),
                state: self.realm.state(network).expect("the rollup runs here").clone(),
                head: head.clone(),
                head_hash,
            }
        };
        let rollups = self.realm.specs().map(rollup).collect();
        (rollups, self.realm.escrow().clone(), self.realm.heads().clone())
    }
}
