//! Executing the items of a recent slot again, with somebody watching.

use super::{Engine, Scratch, foreign_trace::ForeignReplay};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    slots::{ItemRecord, SlotRecord},
    store::StoredBlock,
    trace::{Options, Recorder, Traces},
    view::View,
};
use std::{collections::BTreeSet, sync::Arc};
use weft_evm::{
    Applied, Escrow, Heads, Realm, Rollup, StateChange,
    replay::{ReplayItem, is_free},
};
use weft_types::{Domain, NetworkId, Outcome, Position, Removal, SlotHeader};

/// What stands before a block and what ran in it, apart from the engine.
#[derive(Debug)]
pub(crate) enum Replay {
    /// The slot of a rollup's block, over all rollups.
    Slot(Box<SlotReplay>),
    /// A block of an imported chain.
    Foreign(Box<ForeignReplay>),
}

/// A slot that can be executed again.
#[derive(Debug)]
pub(crate) struct SlotReplay {
    scratch: Scratch,
    slot: Arc<SlotRecord>,
}

impl Engine {
    /// Begins to remember a slot.
    pub(super) fn remember_slot(&mut self, header: &SlotHeader) {
        let last = self.chains.iter().map(|(network, chain)| (*network, chain.store.head_number()));
        self.slots.open(header.clone(), last.collect(), self.realm.escrow().clone());
    }

    /// Returns a block ready to be executed again from what stood before it.
    pub(crate) fn replay(&self, network: NetworkId, block: &Arc<StoredBlock>) -> RpcResult<Replay> {
        if self.chain(network).foreign.is_some() {
            return Ok(Replay::Foreign(Box::new(self.foreign_replay(network, block)?)));
        }
        Ok(Replay::Slot(Box::new(self.slot_replay(block)?)))
    }

    pub(super) fn slot_replay(&self, block: &StoredBlock) -> RpcResult<SlotReplay> {
        let slot = self.slots.get(block.slot)?.ok_or_else(|| gone(block))?;
        let rollup = |spec: &weft_evm::ChainSpec| {
            let network = spec.network;
            let number = slot.before.get(&network).copied().unwrap_or_default();
            let store = &self.chain(network).store;
            let state = self.realm.state(network).expect("the rollup runs here");
            if !state.reaches(number) {
                return Err(gone(block));
            }
            let head = store.by_number(number)?.ok_or_else(|| gone(block))?;
            let at = (number != store.head_number()).then_some(number);
            let state = View::new(state.clone(), at, StateChange::new());
            let (head, head_hash) = (head.header.clone(), head.hash);
            Ok(Rollup { spec: spec.clone(), state, head, head_hash })
        };
        // A rollup that joined later had no part in the slot.
        let took_part = |spec: &&weft_evm::ChainSpec| slot.before.contains_key(&spec.network);
        let rollups = self.realm.specs().filter(took_part);
        let rollups = rollups.map(rollup).collect::<RpcResult<_>>()?;
        let scratch = Scratch {
            domain: self.domain,
            slot: slot.header.clone(),
            rollups,
            escrow: slot.escrow.clone(),
            heads: Heads::default(),
        };
        Ok(SlotReplay { scratch, slot })
    }
}

impl Replay {
    /// Executes everything up to the last of the `wanted` transactions of `block`, recording those.
    pub(crate) fn run(
        self,
        options: &Options,
        network: NetworkId,
        block: &StoredBlock,
        wanted: &[usize],
    ) -> RpcResult<Traces> {
        match self {
            Self::Foreign(replay) => replay.run(options, wanted),
            Self::Slot(replay) => {
                let position = |index: &usize| block.transactions[*index].position;
                let positions: BTreeSet<Position> = wanted.iter().map(position).collect();
                replay.run(options, network, &|position| positions.contains(&position))
            }
        }
    }
}

impl SlotReplay {
    /// Returns what the slot began with.
    pub(super) fn moment(&self) -> (Domain, SlotHeader, Escrow) {
        (self.scratch.domain, self.slot.header.clone(), self.slot.escrow.clone())
    }

    /// Returns the rollups of the realm.
    pub(super) fn networks(&self) -> Vec<NetworkId> {
        self.scratch.rollups.iter().map(|rollup| rollup.spec.network).collect()
    }

    /// Executes the slot and projects it onto one rollup.
    pub(super) fn items_of(self, network: NetworkId) -> RpcResult<Vec<ReplayItem>> {
        let mut realm = self.scratch.open()?;
        let items = self.slot.items.iter().map(|record| {
            let applied = apply(&mut realm, record)?;
            let item = record.item.clone();
            Ok(match (applied, &record.removal) {
                (Some(applied), _) => ReplayItem::of(network, item, &applied),
                (None, removal) => ReplayItem {
                    position: record.position,
                    item,
                    is_removed: true,
                    is_failed: removal.as_ref().is_some_and(Removal::is_failed),
                    is_free: removal.as_ref().is_some_and(is_free),
                    inbound: Vec::new(),
                },
            })
        });
        items.collect()
    }

    /// Executes the slot up to the last item that is `wanted`, recording those that are.
    fn run(
        self,
        options: &Options,
        network: NetworkId,
        wanted: &dyn Fn(Position) -> bool,
    ) -> RpcResult<Traces> {
        let Some(last) = self.slot.items.iter().rposition(|item| wanted(item.position)) else {
            return Ok(Traces::default());
        };
        let mut realm = self.scratch.open()?;
        let (recorder, traces) = Recorder::new(options, network);
        let mut recorder: Option<Box<dyn weft_evm::trace::Tracer<View>>> = Some(Box::new(recorder));
        for item in &self.slot.items[..=last] {
            if wanted(item.position) {
                realm.set_tracer(recorder.take());
            }
            let applied = apply(&mut realm, item);
            recorder = realm.set_tracer(None).or(recorder);
            // A recorder that gives up ends frames early, so that the item may come out otherwise.
            if let Some(failure) = traces.borrow().failure {
                return Err(failure.into());
            }
            applied?;
        }
        Ok(traces.take())
    }
}

/// Executes an item again; nothing is executed of one that was removed.
fn apply(realm: &mut Realm<View>, record: &ItemRecord) -> RpcResult<Option<Applied>> {
    if let Some(removal) = &record.removal {
        realm.apply_removed(&record.item, removal);
        return Ok(None);
    }
    match realm.apply(record.position, &record.item) {
        Ok(applied) if applied.outcome == Outcome::Included => Ok(Some(applied)),
        other => {
            let why = format!("item at {} came out otherwise: {other:?}", record.position);
            tracing::error!("{why}");
            Err(RpcError::new(-32603, why.chars().take(500).collect::<String>()))
        }
    }
}

fn gone(block: &StoredBlock) -> RpcError {
    let number = block.header.number;
    RpcError::refused(format!(
        "historical state unavailable: the slot of block {number} is not kept any more"
    ))
}
