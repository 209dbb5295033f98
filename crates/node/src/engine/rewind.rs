//! The way back when L1 takes back what has a position (P48): first in the log, then as a start would.
//!
//! ```text
//!  L1Back in the log ─► engine ends ─► batches removed ─► database before the item ─► log again, the item `Reorged`
//! ```

use super::{
    ChainEvent, Engine, Recordings, l1::Standing, outbox::Signing, records::Records, recover,
};
use crate::{
    config::DevConfig,
    data_dir::DataDir,
    error::NodeError,
    filters::Filters,
    removals::Removals,
    store::{BlockStore, StoredBlock},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::broadcast;
use weft_batch::RollupGenesis;
use weft_state::StoreError;
use weft_types::NetworkId;

/// What goes on over the end of an engine: whoever listens, what was signed, and what the order of slots led to.
struct Remaining {
    chains: BTreeMap<NetworkId, (broadcast::Sender<ChainEvent>, Filters, BlockStore)>,
    signing: Signing,
    records: Records,
    removals: Removals,
    flashblocks: super::flashblocks::Flashblocks,
    intake: super::Intake,
    standing: BTreeMap<NetworkId, Standing>,
    /// Rollups that the hub knows.
    registered: Vec<RollupGenesis>,
    follows: super::follow::Follows,
}

/// Blocks of a rollup that are not any more, and those that stand in their place, both in order.
type Changed = (Vec<Arc<StoredBlock>>, Vec<Arc<StoredBlock>>);

impl Engine {
    /// Returns true when L1 took back what has a position: this engine must do nothing more.
    pub(super) const fn must_rewind(&self) -> bool {
        self.rewind_from.is_some()
    }

    /// Ends this engine and starts it again from before what L1 took back; `config` is that of the first start.
    pub(super) fn rewound(mut self, config: &DevConfig) -> Result<Self, NodeError> {
        let from = self.rewind_from.take();
        // Positions stand, so what was promised about them is signed.
        self.release_promises();
        self.flush();
        if let Some(why) = self.stopped_because() {
            self.break_down(format!("L1 took back what has a position: {why}"));
            return Ok(self);
        }
        let slot = from.map(|from| from.slot);
        tracing::warn!(slot, "L1 took back what has a position: folding again from there");
        let (endpoints, metrics) = (self.endpoints.clone(), self.metrics.clone());
        metrics.has_counted(self.last_record());
        let (dir, remaining) = (self.dir_again(config), self.remaining());
        drop(self);
        let recordings = Recordings::default();
        let mut engine = recover::start(config.clone(), endpoints, metrics, dir, recordings)?;
        engine.metrics.goes_on();
        let changed = engine.take_over(remaining)?;
        engine.tell(changed);
        engine.tick();
        engine.open_look();
        engine.begin_work()?;
        let slots = engine.repeated;
        tracing::info!(records = slots, "folded again");
        Ok(engine)
    }

    fn dir_again(&mut self, config: &DevConfig) -> DataDir {
        let database = self.keeping.as_ref().map(|keeping| keeping.database().clone());
        DataDir::again(config, database, self.take_lock())
    }

    fn remaining(&mut self) -> Remaining {
        let chains = std::mem::take(&mut self.chains).into_iter();
        let chains =
            chains.map(|(network, chain)| (network, (chain.events, chain.filters, chain.store)));
        Remaining {
            chains: chains.collect(),
            signing: self.outbox.take_signing(),
            records: std::mem::take(&mut self.records),
            removals: self.removals.clone(),
            flashblocks: std::mem::take(&mut self.flashblocks),
            intake: self.intake,
            standing: self.l1.all_standing().clone(),
            registered: self.l1.registered().to_vec(),
            follows: std::mem::take(&mut self.follows),
        }
    }

    /// Takes over what an engine left; returns what changed on each rollup.
    fn take_over(
        &mut self,
        remaining: Remaining,
    ) -> Result<BTreeMap<NetworkId, Changed>, StoreError> {
        let mut standing = remaining.standing;
        let mut all = BTreeMap::new();
        for (network, (events, mut filters, old)) in remaining.chains {
            let Some(chain) = self.chains.get_mut(&network) else { continue };
            let (last, changed) = changed(&old, &chain.store)?;
            filters.take_back(last, &changed.0);
            (chain.events, chain.filters) = (events, filters);
            if let Some(standing) = standing.get_mut(&network) {
                *standing = standing.up_to(last);
            }
            all.insert(network, changed);
        }
        self.outbox.set_signing(remaining.signing);
        (self.records, self.removals) = (remaining.records, remaining.removals);
        (self.flashblocks, self.intake) = (remaining.flashblocks, remaining.intake);
        self.l1.set_standing(standing);
        self.l1.set_registered(remaining.registered);
        self.follows = remaining.follows;
        Ok(all)
    }

    /// Tells subscribers what is not any more, the last block first, and what stands in its place.
    fn tell(&self, changed: BTreeMap<NetworkId, Changed>) {
        for (network, (gone, new)) in changed {
            let events = &self.chain(network).events;
            let gone = gone.into_iter().rev().map(ChainEvent::Gone);
            for event in gone.chain(new.into_iter().map(ChainEvent::Block)) {
                self.send_when_safe(events.clone(), event);
            }
        }
    }
}

/// Returns the last block that two chains have in common, and what comes behind it in each.
fn changed(old: &BlockStore, new: &BlockStore) -> Result<(u64, Changed), StoreError> {
    let hash = |store: &BlockStore, number| {
        let block = store.by_number(number)?;
        Ok::<_, StoreError>(block.map(|block| block.hash))
    };
    let mut last = old.head_number().min(new.head_number());
    while last > 0 && hash(old, last)? != hash(new, last)? {
        last -= 1;
    }
    let behind = |store: &BlockStore| {
        let numbers = last + 1..=store.head_number();
        let blocks = numbers.filter_map(|number| store.by_number(number).transpose());
        blocks.collect::<Result<Vec<_>, _>>()
    };
    Ok((last, (behind(old)?, behind(new)?)))
}
