//! From what L1 holds of a realm to an engine that goes on from there: batches run again as if they had been ordered here (P41, P46).
//!
//! ```text
//!  batches, inbox of L1 ─► lane ─► fold ─► log, database      the same as on the node that ordered them
//! ```

mod epochs;
pub(super) mod held;

use super::{Engine, L1Block, L1Entry, recover};
use crate::{
    batches::recover as recovered,
    config::DevConfig,
    data_dir::DataDir,
    engine::Recordings,
    error::NodeError,
    metrics::Metrics,
    record::{Joined, Record},
    rollup::RollupConfig,
};
use alloy_primitives::Bytes;
use held::Held;
use std::{collections::VecDeque, iter::Peekable, slice};
use weft_batch::{Batch, ReorgedEntry, RollupGenesis, SignedBatch, Slot};
use weft_derive::{ForcedBatch, item_of, submission};
use weft_lane::{Effect, Input};
use weft_types::{Item, L1Born, L1Event};

/// Most entries that wait for their positions behind the last batch; more come when the node follows L1.
const MAX_AHEAD: u64 = 4096;

/// A batch that stands on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostedBatch {
    /// The sequencer's, with the payload of its blobs.
    Signed(Box<SignedBatch>, Bytes),
    /// Somebody's, for a silent sequencer.
    Forced(ForcedBatch),
}

/// What L1 holds of a realm, for a node that goes on from there.
#[derive(Debug, Clone, Default)]
pub struct OnL1 {
    /// Blocks of L1 with entries of the inbox, and the last one that was read, in order. L1 takes none of them back.
    pub blocks: Vec<(L1Block, Vec<L1Entry>)>,
    /// Batches that stand, in order, from the first one on.
    pub batches: Vec<PostedBatch>,
    /// Entries that the next batch consumes at least, because accounts left by state proof.
    pub must_reach: u64,
}

/// Lets everything in batches run again in a data directory that is empty; `config` is that of the node that goes on there.
pub(crate) fn adopt(mut config: DevConfig, on_l1: OnL1) -> Result<(), NodeError> {
    let wrong = |why: &str| NodeError::Config(format!("the realm on L1: {why}"));
    let Some(dir) = DataDir::take(&config)? else { return Err(wrong("no data directory")) };
    // There is no log to go through; what takes long are the batches.
    let (progress, all) = (config.progress.take(), on_l1.batches.len() as u64);
    let recordings = Recordings::default();
    let mut engine = recover::start(config, Vec::new(), Metrics::new(), dir, recordings)?;
    let is_exit = exits(&on_l1.blocks);
    let held = Held::of(&on_l1.batches, &is_exit);
    let blocks = on_l1.blocks.into();
    let mut adoption = Adoption { engine: &mut engine, blocks, cursor: 0, is_exit, held };
    for (done, posted) in (1..).zip(&on_l1.batches) {
        let number = posted.number();
        let ran = match posted {
            PostedBatch::Signed(signed, _) => adoption.signed(signed),
            PostedBatch::Forced(forced) => adoption.forced(forced),
        };
        ran.map_err(|why| wrong(&format!("batch {number}: {why}")))?;
        progress.iter().for_each(|progress| progress.tell(done, all));
    }
    adoption.go_on(on_l1.must_reach).map_err(|why| wrong(&why))?;
    adoption.end_epochs().map_err(|why| wrong(&why))?;
    engine.end_adoption()
}

impl PostedBatch {
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Signed(signed, _) => signed.batch.number,
            Self::Forced(forced) => forced.number,
        }
    }

    fn inbox_cursor(&self) -> u64 {
        match self {
            Self::Signed(signed, _) => signed.batch.inbox_cursor,
            Self::Forced(forced) => forced.inbox_cursor,
        }
    }
}

/// Returns the numbers of exits, in order.
pub(super) fn exits<'a>(blocks: impl IntoIterator<Item = &'a (L1Block, Vec<L1Entry>)>) -> Vec<u64> {
    let entries = blocks.into_iter().flat_map(|(_, entries)| entries);
    let is_exit =
        |entry: &&L1Entry| matches!(L1Event::of_payload(&entry.payload), L1Event::Exit(_));
    entries.filter(is_exit).map(|entry| entry.index).collect()
}

pub(super) struct Adoption<'a> {
    pub(super) engine: &'a mut Engine,
    /// Blocks that the engine does not know yet.
    pub(super) blocks: VecDeque<(L1Block, Vec<L1Entry>)>,
    /// Entries that have positions.
    pub(super) cursor: u64,
    /// Numbers of exits.
    pub(super) is_exit: Vec<u64>,
    /// What the envelopes hold that come next.
    pub(super) held: Held<'a>,
}

impl Adoption<'_> {
    fn signed(&mut self, signed: &SignedBatch) -> Result<(), String> {
        let batch = &signed.batch;
        self.exits_first(batch.inbox_cursor)?;
        let mut legs = recovered(signed);
        for slot in &batch.slots {
            self.slot(slot, &mut legs)?;
        }
        self.check(batch)
    }

    pub(super) fn forced(&mut self, forced: &ForcedBatch) -> Result<(), String> {
        self.exits_first(forced.inbox_cursor)?;
        self.engine.give_up();
        let entries = forced.inbox_cursor.saturating_sub(self.cursor);
        // The lane says when the slot begins.
        let (mut trial, mut effects) = (self.engine.lane.clone(), Vec::new());
        trial
            .step(forced.unix_ms, Input::Tick, &mut effects)
            .map_err(|rejection| rejection.to_string())?;
        let begin = effects.iter().find_map(|effect| match effect {
            Effect::Opened(header) => Some(header.unix_ms),
            _ => None,
        });
        let unix_ms = begin.ok_or("a slot is open")?;
        self.open(unix_ms)?;
        for _ in 0..entries {
            self.entry(unix_ms)?;
        }
        self.close(unix_ms)
    }

    pub(super) fn slot(
        &mut self,
        slot: &Slot,
        legs: &mut weft_derive::Recovered,
    ) -> Result<(), String> {
        let away = || Err("a rollup was away; whose executor that was has to resume it".to_owned());
        if !slot.halts.is_empty() {
            return away();
        }
        for genesis in &slot.joined {
            self.join(genesis)?;
        }
        let (unix_ms, domain) = (slot.unix_ms, self.engine.domain);
        let goes_on = self.engine.lane.sealing().opening().is_some();
        self.open(unix_ms)?;
        // One that joined is listed from then on.
        let listed = self.engine.realm.slot().map(|header| &header.available);
        if slot.available.is_some() && slot.available.as_ref() != listed {
            return away();
        }
        self.opening(slot, goes_on, legs)?;
        self.announce(slot)?;
        let mut reorged = slot.reorged.iter().peekable();
        for index in 0..slot.l1_born {
            match next_reorged(&mut reorged, index) {
                Some(born) => self.item(unix_ms, &Item::L1Born(born))?,
                None => self.entry(unix_ms)?,
            }
        }
        self.seal(slot)?;
        for wire in &slot.plaintext {
            let item = item_of(wire, &domain, legs).map_err(|why| why.to_string())?;
            self.item(unix_ms, &item)?;
        }
        if slot.is_late { self.close_late(unix_ms) } else { self.close(unix_ms) }
    }

    fn join(&mut self, genesis: &RollupGenesis) -> Result<(), String> {
        let rollup = RollupConfig {
            gas_limit: genesis.gas_limit,
            base_fee: genesis.base_fee,
            removes_failed: genesis.removes_failed,
            allocations: genesis.allocations.clone(),
            ..RollupConfig::new(genesis.chain_id)
        };
        // As when the record is repeated: what this node would not take there must not be noted.
        self.engine.check_joins(&rollup).map_err(|error| error.message)?;
        let timestamp = genesis.timestamp;
        let head = self.engine.join_at(&rollup, timestamp).map_err(|why| why.to_string())?;
        self.engine.note(|| Record::Joined(Joined { rollup, timestamp, head }));
        Ok(())
    }

    fn open(&mut self, unix_ms: u64) -> Result<(), String> {
        self.step(unix_ms, Input::Tick)?;
        match self.engine.realm.slot() {
            Some(header) if header.unix_ms == unix_ms => Ok(()),
            header => Err(format!("no slot begins at {unix_ms} ms: {header:?}")),
        }
    }

    fn close(&mut self, unix_ms: u64) -> Result<(), String> {
        // There are no turns here that would do it, and what is kept of a moment has all that is not forgotten.
        self.engine.forget_epochs();
        self.step(unix_ms, Input::Close)
    }

    fn step(&mut self, unix_ms: u64, input: Input) -> Result<(), String> {
        let stepped = self.engine.step_at(unix_ms, input);
        stepped.map_err(|rejection| rejection.to_string())?;
        self.engine.broken.clone().map_or(Ok(()), Err)
    }

    fn item(&mut self, now_ms: u64, item: &Item) -> Result<(), String> {
        let hash = item.hash(&self.engine.domain);
        let submit = Input::Submit(submission(item, hash));
        let position = self.engine.step_at(now_ms, submit).map_err(|why| why.to_string())?;
        let position = position.ok_or("an item has no position")?;
        self.engine.note(|| Record::Item { now_ms, item: item.clone() });
        self.engine.settle(position, item, hash).map(|_| ()).map_err(|error| error.message)
    }

    /// Gives the next entry of the inbox its position.
    fn entry(&mut self, now_ms: u64) -> Result<(), String> {
        if self.engine.l1.is_idle() {
            self.read_up_to(self.engine.l1.next() + 1)?;
        }
        let entry = self.engine.l1.first().cloned().ok_or("an inbox entry is missing")?;
        match self.engine.place_entry(now_ms, &Item::L1Born(entry), true) {
            Ok(true) => self.cursor += 1,
            Ok(false) => return Err("an inbox entry has no room".to_owned()),
            Err(error) => return Err(error.message),
        }
        Ok(())
    }

    /// Lets the engine know all entries before `reach`.
    fn read_up_to(&mut self, reach: u64) -> Result<(), String> {
        while self.engine.l1.next() < reach {
            let missing = || format!("inbox entry {} is missing", self.engine.l1.next());
            let (block, entries) = self.blocks.pop_front().ok_or_else(missing)?;
            self.engine.l1_goes_on(block, entries).map_err(|refused| refused.to_string())?;
        }
        Ok(())
    }

    /// Burns the exits among the next entries before everything else.
    pub(super) fn exits_first(&mut self, reach: u64) -> Result<(), String> {
        if !self.is_exit.iter().any(|exit| (self.cursor..reach).contains(exit)) {
            return Ok(());
        }
        self.read_up_to(reach)?;
        self.engine.note(|| Record::ExitsFirst { reach });
        self.engine.exits_first(reach);
        self.engine.give_up();
        Ok(())
    }

    /// Compares what a batch led to with what it says.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), String> {
        let differs = |what: &str| Err(format!("{what} is another one here"));
        if self.engine.lane.parent() != batch.end {
            return differs("the closing record");
        }
        if self.cursor != batch.inbox_cursor {
            return differs("the inbox cursor");
        }
        for head in &batch.heads {
            let chain = self.engine.chains.get(&head.network);
            let known = chain.map(|chain| chain.store.head());
            let found = known.map(|block| (block.header.number, block.hash));
            if found != Some((head.number, head.hash)) {
                return differs(&format!("the last block of rollup {}", head.network));
            }
        }
        Ok(())
    }

    /// Lets the engine know what comes behind the last batch.
    fn go_on(&mut self, must_reach: u64) -> Result<(), String> {
        self.read_up_to(must_reach)?;
        while let Some((_, entries)) = self.blocks.front() {
            let ahead = self.engine.l1.next() - self.cursor + entries.len() as u64;
            if ahead > MAX_AHEAD {
                break;
            }
            let Some((block, entries)) = self.blocks.pop_front() else { break };
            self.engine.l1_goes_on(block, entries).map_err(|refused| refused.to_string())?;
        }
        self.exits_first(must_reach)
    }
}

/// Returns the entry of an abandoned block that has this place among those of its slot.
fn next_reorged(
    reorged: &mut Peekable<slice::Iter<'_, ReorgedEntry>>,
    index: u32,
) -> Option<L1Born> {
    let ReorgedEntry { origin, item, .. } = reorged.next_if(|it| it.index == index)?;
    Some(L1Born { origin: *origin, event: L1Event::Reorged(*item) })
}

impl Engine {
    /// Brings everything to disk: no slot is open.
    fn end_adoption(mut self) -> Result<(), NodeError> {
        self.flush();
        if let Some(why) = self.stopped_because() {
            return Err(NodeError::Config(format!("the realm on L1: {why}")));
        }
        self.keep_on_stop();
        match self.keep_failure() {
            Some(why) => Err(NodeError::Config(format!("the realm on L1: {why}"))),
            None => Ok(()),
        }
    }
}
