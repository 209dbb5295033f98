//! A realm that somebody else orders: slots of batches on L1 run here as on the node that ordered them (P31, P41). What L1 holds counts: whatever differs from it is undone, by the log and the inverses of the database.
//!
//! ```text
//!  batch of L1 ──► slots known here? ── same ────► posted
//!                        │   └───────── others ──► void from there on, as a start would: then
//!                        └─ none ──► lane ─► fold ─► log, database
//!                                      ▲
//!  slots of the sequencer ── signed? ──┘
//! ```

mod ahead;
mod marks;

pub use ahead::SlotsAhead;
pub(crate) use marks::Marks;

use super::{
    Engine, EngineHandle, L1Block, L1Entry, PostedBatch,
    adopt::{Adoption, exits, held::Held},
    placed::Rewind,
};
use crate::{
    batches::recover as recovered,
    config::DevConfig,
    error::NodeError,
    record::{PostedMark, Record},
    rpc::errors::{RpcError, RpcResult},
    sealing::Known,
};
use alloy_primitives::{Address, B256, keccak256};
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use weft_batch::{Batch, Opened, Slot, WireLeg, tag};
use weft_crypto::{Envelope, EpochKeyScheme};
use weft_derive::{Legs as _, Recovered};
use weft_lane::{Effect, Input};
use weft_types::{L1Event, NetworkId, SlotNumber};

/// Slots that run before somebody else has a turn.
const SLOTS_A_TURN: usize = 64;
/// Age of the last look at L1 behind which what is said of it is stale.
const STALE: Duration = Duration::from_secs(120);

/// Why a node that follows does not take what it is given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FollowError {
    /// L1 holds something else than what ran here from this slot on. It is undone; the same has to be given again.
    #[error("L1 differs from what ran here, from slot {slot} on: undone")]
    Undone {
        /// First slot that is undone.
        slot: u64,
    },
    /// What ran here and is to be undone lies too far back.
    #[error(
        "L1 holds another batch {number} than this node, which cannot go back that far: start it on an empty directory"
    )]
    TooDeep {
        /// The batch.
        number: u64,
    },
    /// It does not follow what is here.
    #[error("slot {found} came, {expected} is next")]
    NotNext {
        /// The one that came.
        found: u64,
        /// The one that is next.
        expected: u64,
    },
    /// It does not lead where it says. What ran of it is undone.
    #[error("slot {slot}: {why}")]
    Wrong {
        /// The slot.
        slot: u64,
        /// What is wrong.
        why: String,
    },
    /// The slots that a sequencer serves are not what it signed. None of them ran.
    #[error("slot {slot}: not what the sequencer signed: {why}")]
    Ahead {
        /// The first of them.
        slot: u64,
        /// What is wrong.
        why: String,
    },
    /// What it needs is still to come.
    #[error("slot {slot} waits: {why}")]
    Waits {
        /// The slot.
        slot: u64,
        /// For what.
        why: String,
    },
    /// The node takes nothing now.
    #[error("{0}")]
    Node(String),
}

/// Where a node that follows stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowStanding {
    /// Last batch all of which ran; zero before the first.
    pub batch: u64,
    /// Slot that comes next.
    pub next_slot: u64,
    /// Slots that ran and are in no batch yet.
    pub ahead: usize,
    /// Inbox entry that the node is told next.
    pub next_entry: u64,
}

/// A batch of L1 that is to run, as far as it did.
#[derive(Debug)]
pub struct FollowBatch {
    posted: PostedBatch,
    /// Hash by which it is known again.
    hash: B256,
    /// L1 block that holds it.
    block: u64,
    /// Blocks of L1 with entries that the node was not told of.
    blocks: VecDeque<(L1Block, Vec<L1Entry>)>,
    legs: Recovered,
    /// Slots whose legs were taken out of `legs`.
    legs_of: usize,
    /// Slots of the next batch, for an epoch whose openings go over the end of this one.
    rest: Vec<Slot>,
    /// Slots that ran; nothing before the first turn.
    done: Option<usize>,
}

impl FollowBatch {
    /// Takes a batch that L1 holds in block `block`; `blocks` are those of L1 with the entries up to its cursor that the node was
    /// not told of. `hash` is the same for the same content, whatever block holds it.
    pub fn new(
        posted: PostedBatch,
        hash: B256,
        block: u64,
        blocks: Vec<(L1Block, Vec<L1Entry>)>,
    ) -> Self {
        let legs = match &posted {
            PostedBatch::Signed(signed, _) => recovered(signed),
            PostedBatch::Forced(_) => Recovered::new(Vec::new()),
        };
        Self {
            posted,
            hash,
            block,
            blocks: blocks.into(),
            legs,
            legs_of: 0,
            rest: Vec::new(),
            done: None,
        }
    }

    /// Adds the next batches, in order: an epoch may be opened over the end of this one, and what its envelopes hold is needed
    /// when it begins.
    pub fn with_next<'a>(mut self, next: impl IntoIterator<Item = &'a PostedBatch>) -> Self {
        for posted in next {
            let PostedBatch::Signed(signed, _) = posted else { break };
            let opens = |slot: &&Slot| slot.opening.is_some();
            self.rest.extend(signed.batch.slots.iter().take_while(opens).cloned());
            if signed.batch.slots.iter().any(|slot| slot.opening.is_none()) {
                break;
            }
        }
        self
    }

    /// Returns the number of the first slot.
    fn first(&self) -> u64 {
        match &self.posted {
            PostedBatch::Signed(signed, _) => signed.batch.first.get(),
            PostedBatch::Forced(forced) => forced.slot.get(),
        }
    }

    /// Returns the hashes of its slots.
    fn hashes(&self) -> Vec<B256> {
        match &self.posted {
            PostedBatch::Signed(signed, _) => {
                let slots = (signed.batch.first.get()..).zip(&signed.batch.slots);
                slots.map(|(number, slot)| slot_hash(number, slot)).collect()
            }
            PostedBatch::Forced(forced) => vec![forced.hash],
        }
    }

    /// Leaves out the legs of slots that ran before, so that the next ones are those of slot number `at` of the batch.
    fn skip_legs(&mut self, at: usize) {
        let PostedBatch::Signed(signed, _) = &self.posted else { return };
        if at < self.legs_of {
            (self.legs, self.legs_of) = (recovered(signed), 0);
        }
        let skipped = signed.batch.slots.iter().take(at).skip(self.legs_of);
        skipped.flat_map(legs_of).for_each(|leg| drop(self.legs.next(leg)));
        self.legs_of = at;
    }

    /// Returns a slot by its number, in a batch that somebody signed.
    fn slot(&self, number: u64) -> Option<&Slot> {
        let PostedBatch::Signed(signed, _) = &self.posted else { return None };
        let index = number.checked_sub(signed.batch.first.get())?;
        signed.batch.slots.get(usize::try_from(index).ok()?)
    }

    fn mark(&self) -> PostedMark {
        let last_slot = match &self.posted {
            PostedBatch::Signed(signed, _) => signed.batch.last().get(),
            PostedBatch::Forced(forced) => forced.slot.get(),
        };
        PostedMark { number: self.posted.number(), hash: self.hash, block: self.block, last_slot }
    }
}

/// Returns what tells one slot from another of the same number. The commitment to its order is not part of it: a batch may go
/// without, and it follows from the rest.
pub(crate) fn slot_hash(number: u64, slot: &Slot) -> B256 {
    let batch = Batch {
        number: 0,
        parent: B256::ZERO,
        config: B256::ZERO,
        first: SlotNumber::new(number),
        slots: vec![Slot { order: None, ..slot.clone() }],
        inbox_cursor: 0,
        end: B256::ZERO,
        heads: Vec::new(),
    };
    keccak256(batch.encode())
}

/// Returns every transaction of a slot, in the order in which they are asked for.
fn legs_of(slot: &Slot) -> impl Iterator<Item = &WireLeg> {
    let opened = slot.opening.iter().flat_map(|opening| &opening.items);
    let opened = opened.filter_map(|opened| match opened {
        Opened::Transaction { leg, .. } => Some(leg),
        _ => None,
    });
    opened.chain(slot.plaintext.iter().flat_map(|item| item.legs()))
}

/// What a node that follows knows beside its marks; it goes on over the end of an engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Follows {
    /// Who orders, as L1 says.
    sequencer: Option<Address>,
    /// When L1 was heard of last, and its last block.
    heard: Option<(Instant, u64)>,
    /// How often something was undone because L1 holds something else.
    contradictions: u64,
    /// Why it does not go on along L1.
    trouble: Option<String>,
    /// What is known of slots that are not on L1 yet.
    signed: ahead::Signed,
}

impl Engine {
    /// Returns true for a node that runs what others order.
    pub(super) const fn is_follower(&self) -> bool {
        self.config.follows
    }

    /// Refuses what a node that follows does not do.
    pub(super) fn check_orders(&self) -> RpcResult<()> {
        if !self.is_follower() {
            return Ok(());
        }
        let who = self.follows.sequencer.map_or_else(String::new, |who| format!(" {who}"));
        Err(RpcError::not_accepting(&format!(
            "this node follows the realm and orders nothing: send to its sequencer{who}"
        )))
    }

    /// Says where a node stands that follows.
    pub(crate) fn followed(&self) -> FollowStanding {
        FollowStanding {
            batch: self.marks.last_batch(),
            next_slot: self.marks.next_slot(),
            ahead: self.marks.ahead(),
            next_entry: self.l1.next(),
        }
    }

    /// Returns the same for people, and whether L1 is heard of.
    pub(crate) fn follow_status(&self) -> Option<serde_json::Value> {
        if !self.is_follower() {
            return None;
        }
        let follows = &self.follows;
        let age = follows.heard.map(|(at, _)| at.elapsed());
        Some(serde_json::json!({
            "batch": self.marks.last_batch(),
            "slotsAhead": self.marks.ahead(),
            "sequencer": follows.sequencer,
            "l1Block": follows.heard.map(|(_, block)| block),
            "l1AgeSeconds": age.map(|age| age.as_secs()),
            "isStale": age.is_none_or(|age| age > STALE),
            "contradictions": follows.contradictions,
            "trouble": follows.trouble,
            "aheadTrouble": follows.signed.trouble,
        }))
    }

    /// Takes note of what L1 says beside batches: who orders, and its last block.
    pub(crate) fn heard_of_l1(&mut self, sequencer: Address, block: u64) {
        self.follows.sequencer = Some(sequencer);
        self.follows.heard = Some((Instant::now(), block));
        self.marks.settle(block);
    }

    /// Takes note of why this node does not go on along L1.
    pub(crate) fn follow_trouble(&mut self, why: Option<String>) {
        self.follows.trouble = why;
    }

    /// Compares the batches that stand on L1 with those that ran here: `standing` says number, hash and block of the last ones, in
    /// order. What L1 had by block `voided` and is not among them does not count any more; else L1 may have taken it back to give it again.
    pub(crate) fn compare_with_l1(
        &mut self,
        standing: &[(u64, B256, u64)],
        voided: Option<u64>,
    ) -> Result<(), FollowError> {
        for (number, hash, block) in standing {
            let Some(mark) = self.marks.batch(*number) else { continue };
            if mark.posted.hash != *hash {
                return self.undo_batch(*number);
            }
            if mark.posted.block != *block {
                let posted = PostedMark { block: *block, ..mark.posted };
                self.note(|| Record::Posted(posted));
                self.marks.posted(posted);
            }
        }
        let last = standing.last().map_or(0, |(number, ..)| *number);
        if voided.is_some_and(|block| self.marks.has_behind(last, block)) {
            return self.undo_batch(last + 1);
        }
        Ok(())
    }

    fn undo_batch(&mut self, number: u64) -> Result<(), FollowError> {
        match self.marks.batch(number).copied() {
            Some(mark) if self.marks.may_go(&mark) => self.undo(mark.first_slot, mark.from),
            _ => Err(FollowError::TooDeep { number }),
        }
    }

    /// Undoes everything from a record of the log on, which is the first of a slot. The engine ends and starts again before that.
    fn undo(&mut self, slot: u64, from: u64) -> Result<(), FollowError> {
        self.follows.contradictions += 1;
        self.metrics.contradicted();
        tracing::error!(slot, "L1 holds something else than what ran here: undone from there on");
        self.void_from(slot, from);
        Err(FollowError::Undone { slot })
    }

    fn void_from(&mut self, slot: u64, from: u64) {
        // What a slot led to that could not run is undone as well.
        self.broken = None;
        self.note(|| Record::Void { from });
        // That a batch is posted may have been noted behind slots that ran ahead of it, and is void with them.
        for posted in self.marks.posted_before(slot) {
            self.note(|| Record::Posted(posted));
        }
        self.rewind_from = Some(Rewind { sequence: from, slot });
    }

    /// Runs some slots of a batch; returns true when all of it ran.
    pub(crate) fn follow_batch(&mut self, batch: &mut FollowBatch) -> Result<bool, FollowError> {
        self.may_follow()?;
        if batch.mark().number <= self.marks.last_batch() {
            return Ok(true);
        }
        self.between(|engine| engine.follow_some(batch))
    }

    fn may_follow(&mut self) -> Result<(), FollowError> {
        if self.must_rewind() {
            return Err(FollowError::Node("this node starts again".to_owned()));
        }
        self.promises().map_err(|error| FollowError::Node(error.message))
    }

    /// Does something while no slot is open, not even one to look at.
    fn between<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, FollowError>,
    ) -> Result<T, FollowError> {
        self.close_look();
        let done = work(self);
        self.open_look();
        done
    }

    fn follow_some(&mut self, batch: &mut FollowBatch) -> Result<bool, FollowError> {
        // Between two turns slots may have come from the sequencer, or what ran of the batch was undone.
        let done = match batch.done {
            Some(done) if done == self.marks.ahead() => done,
            Some(_) | None => self.begin_batch(batch)?,
        };
        batch.done = Some(done);
        let ran = match &batch.posted {
            PostedBatch::Forced(_) => self.run_forced(batch),
            PostedBatch::Signed(..) => self.run_slots(batch, done),
        };
        if let Err(FollowError::Wrong { .. }) = ran {
            self.undo_unposted();
        }
        ran
    }

    /// Compares a batch with the slots that ran ahead of it; returns how many of its slots did.
    fn begin_batch(&mut self, batch: &FollowBatch) -> Result<usize, FollowError> {
        let (found, expected) = (batch.first(), self.marks.first_ahead());
        if found != expected {
            return Err(FollowError::NotNext { found, expected });
        }
        let hashes = batch.hashes();
        let differs = self.marks.slots().zip(&hashes).find(|(mark, hash)| mark.hash != **hash);
        let differs = differs.map(|(mark, _)| (mark.number, mark.from));
        match differs {
            Some((slot, from)) => {
                batch
                    .slot(slot)
                    .into_iter()
                    .for_each(|posted| self.tell_contradiction(slot, posted));
                self.undo(slot, from).map(|()| 0)
            }
            None => Ok(self.marks.ahead().min(hashes.len())),
        }
    }

    /// Undoes everything that is in no batch.
    fn undo_unposted(&mut self) {
        let first = self.marks.slots().next().map(|mark| (mark.number, mark.from));
        first.into_iter().for_each(|(slot, from)| self.void_from(slot, from));
    }

    fn run_forced(&mut self, batch: &mut FollowBatch) -> Result<bool, FollowError> {
        let PostedBatch::Forced(forced) = batch.posted.clone() else { return Ok(true) };
        let slot = forced.slot.get();
        if batch.done == Some(0) {
            self.begin_slot(batch.hash);
            let wrong = |why| FollowError::Wrong { slot, why };
            self.adopting(&mut batch.blocks, |run| run.forced(&forced)).map_err(wrong)?;
        }
        self.posted(batch);
        Ok(true)
    }

    fn run_slots(&mut self, batch: &mut FollowBatch, done: usize) -> Result<bool, FollowError> {
        batch.skip_legs(done);
        let PostedBatch::Signed(signed, _) = &batch.posted else { return Ok(true) };
        let (all, first) = (&signed.batch.slots, signed.batch.first.get());
        let reach = signed.batch.inbox_cursor;
        let end = all.len().min(done + SLOTS_A_TURN);
        for at in done..end {
            let slot = first + at as u64;
            let wrong = |why| FollowError::Wrong { slot, why };
            let slots: Cow<'_, [Slot]> = match batch.rest.as_slice() {
                // Few slots open anything, and fewer go over the end of a batch.
                rest if !rest.is_empty() && all[at].opening.is_some() => {
                    all[at..].iter().chain(rest).cloned().collect()
                }
                _ => Cow::Borrowed(&all[at..]),
            };
            if self.lacks_openings(&slots) {
                let why = "what an epoch held is in the next batch".to_owned();
                return Err(FollowError::Waits { slot, why });
            }
            if at == 0 {
                // Its records belong to the slot: they are void with it.
                self.begin_slot(slot_hash(slot, &all[0]));
                let first = self.adopting(&mut batch.blocks, |run| run.exits_first(reach));
                first.map_err(wrong)?;
            }
            self.run_slot(slot, &slots, &mut batch.blocks, &mut batch.legs, at == 0)?;
            (batch.done, batch.legs_of) = (Some(at + 1), at + 1);
        }
        if end < all.len() {
            return Ok(false);
        }
        if self.marks.ahead() == all.len() {
            let last = signed.batch.last().get();
            let wrong = |why| FollowError::Wrong { slot: last, why };
            let checked = self.adopting(&mut batch.blocks, |run| run.check(&signed.batch));
            checked.map_err(wrong)?;
        }
        self.posted(batch);
        Ok(true)
    }

    /// Runs the first of these slots; the others are those that are known behind it.
    fn run_slot(
        &mut self,
        number: u64,
        slots: &[Slot],
        blocks: &mut VecDeque<(L1Block, Vec<L1Entry>)>,
        legs: &mut Recovered,
        has_begun: bool,
    ) -> Result<(), FollowError> {
        let Some(slot) = slots.first() else { return Ok(()) };
        let wrong = |why| FollowError::Wrong { slot: number, why };
        if !has_begun {
            self.begin_slot(slot_hash(number, slot));
        }
        self.supply(slots).map_err(wrong)?;
        let before = self.heads();
        self.adopting(blocks, |run| run.slot(slot, legs)).map_err(wrong)?;
        self.check_slot(slot, &before).map_err(wrong)
    }

    fn adopting<T>(
        &mut self,
        blocks: &mut VecDeque<(L1Block, Vec<L1Entry>)>,
        work: impl FnOnce(&mut Adoption<'_>) -> T,
    ) -> T {
        let mut is_exit = exits(&*blocks);
        let cursor = self.l1.cursor();
        is_exit.extend(self.l1.waiting_exits());
        let next = self.l1.next();
        let is_known = |(_, entries): &mut (L1Block, Vec<L1Entry>)| {
            entries.last().is_none_or(|entry| entry.index < next)
        };
        // Whoever ran slots since these were gathered was told of some.
        while blocks.pop_front_if(is_known).is_some() {}
        let (blocks_of, held) = (std::mem::take(blocks), Held::default());
        let mut adoption = Adoption { engine: self, blocks: blocks_of, cursor, is_exit, held };
        let done = work(&mut adoption);
        *blocks = adoption.blocks;
        done
    }

    fn begin_slot(&mut self, hash: B256) {
        self.note(|| Record::Followed { slot: hash });
        self.replay_followed(hash);
    }

    /// Does again what the log says of a slot that ran.
    pub(super) fn replay_followed(&mut self, hash: B256) {
        self.marks.begin(hash, self.last_record());
    }

    fn posted(&mut self, batch: &FollowBatch) {
        let mark = batch.mark();
        self.note(|| Record::Posted(mark));
        self.marks.posted(mark);
    }

    /// Does again what the log says of a batch that ran.
    pub(super) fn replay_posted(&mut self, mark: PostedMark) {
        self.marks.posted(mark);
    }

    fn heads(&self) -> BTreeMap<NetworkId, u64> {
        let head = |(network, chain): (&NetworkId, &super::ChainData)| {
            (*network, chain.store.head_number())
        };
        self.chains.iter().map(head).collect()
    }

    /// Compares what a slot led to with what it says.
    fn check_slot(&self, slot: &Slot, before: &BTreeMap<NetworkId, u64>) -> Result<(), String> {
        let is_new = |(network, chain): &(&NetworkId, &super::ChainData)| {
            // A rollup that joined has its genesis block.
            before.get(network).copied().unwrap_or_default() < chain.store.head_number()
        };
        let new = self.chains.iter().filter(is_new);
        let blocks: Vec<_> = new.map(|(_, chain)| tag(&chain.store.head().hash)).collect();
        if blocks != slot.blocks {
            return Err("other blocks follow from it".to_owned());
        }
        let record = slot.has_items().then(|| tag(&self.lane.parent()));
        if record != slot.record {
            return Err("another closing record follows from it".to_owned());
        }
        Ok(())
    }

    /// Opens a slot that exists for whoever looks at states and pending blocks; the lane knows nothing of it.
    pub(super) fn open_look(&mut self) {
        if !self.is_follower() || self.is_broken() || self.must_rewind() {
            return;
        }
        let (mut trial, mut effects) = (self.lane.clone(), Vec::new());
        if trial.step(self.now_ms, Input::Tick, &mut effects).is_err() {
            return;
        }
        let header = effects.into_iter().find_map(|effect| match effect {
            Effect::Opened(header) => Some(header),
            _ => None,
        });
        let Some(header) = header else { return };
        self.items_in_slot = 0;
        self.opened.clear();
        if let Err(error) = self.realm.open_slot(header) {
            self.break_down(format!("a slot could not open: {error:?}"));
        }
    }

    fn close_look(&mut self) {
        if self.realm.slot().is_some() {
            self.realm.leave_slot();
        }
    }
}

/// What is sealed.
impl Engine {
    /// Learns what the envelopes of an epoch hold that is opened in the first of these slots: so far they are known by their
    /// carriages alone.
    fn supply(&mut self, slots: &[Slot]) -> Result<(), String> {
        let Some(opening) = slots.first().and_then(|slot| slot.opening.as_ref()) else {
            return Ok(());
        };
        if self.lane.sealing().opening().is_some() {
            return Ok(());
        }
        let epoch = opening.epoch;
        let of_epoch = |slot: &Slot| slot.opening.as_ref().is_some_and(|it| it.epoch == epoch);
        let parts = slots.iter().take_while(|slot| of_epoch(slot));
        let opened = parts.flat_map(|slot| slot.opening.iter().flat_map(|it| &it.items));
        for (index, opened) in opened.enumerate() {
            let index = u32::try_from(index).map_err(|_| "too many envelopes")?;
            let envelope = self.envelope_of(epoch, index, opened)?;
            self.note(|| Record::Supplied { epoch, index, envelope: envelope.clone() });
            self.supplied(epoch, index, envelope)?;
        }
        Ok(())
    }

    /// Returns true when an epoch opens in the first of these slots and not all of what it held is there.
    fn lacks_openings(&self, slots: &[Slot]) -> bool {
        let Some(opening) = slots.first().and_then(|slot| slot.opening.as_ref()) else {
            return false;
        };
        let sealing = self.lane.sealing();
        let Some(closed) = sealing.closed(opening.epoch).filter(|_| sealing.opening().is_none())
        else {
            return false;
        };
        let of_epoch = slots.iter().map_while(|slot| slot.opening.as_ref());
        let of_epoch = of_epoch.take_while(|other| other.epoch == opening.epoch);
        of_epoch.map(|part| part.items.len()).sum::<usize>() < closed.epoch.items.len()
    }

    fn envelope_of(&mut self, epoch: u64, index: u32, opened: &Opened) -> Result<Envelope, String> {
        let closed =
            self.lane.sealing().closed(epoch).ok_or("an epoch is opened that is not shut")?;
        let item =
            closed.epoch.items.get(index as usize).ok_or("more is opened than was sealed")?;
        let item = item.item;
        let sealing = self.sealing.as_mut().ok_or("the realm takes no sealed items")?;
        let known = sealing.known(epoch, index).ok_or("an envelope that is not known")?;
        let carriage = *known.carriage();
        let list = sealing.read(epoch)?;
        let envelope = opened.envelope(&EpochKeyScheme::new(&list), &carriage);
        let envelope = envelope.map_err(|error| error.to_string())?;
        match envelope.id(&self.domain) == item {
            true => Ok(envelope),
            false => Err(format!("envelope {item} is not made of what it is said to hold")),
        }
    }

    /// Takes note of what an envelope holds.
    pub(super) fn supplied(
        &mut self,
        epoch: u64,
        index: u32,
        envelope: Envelope,
    ) -> Result<(), String> {
        let sealing = self.sealing.as_mut().ok_or("the realm takes no sealed items")?;
        let all = sealing.all_known(epoch).map(Arc::make_mut);
        let known = all.and_then(|all| all.get_mut(index as usize));
        *known.ok_or("an envelope that is not known")? = Known::Whole(envelope);
        Ok(())
    }
}

impl super::L1 {
    /// Returns how many entries have positions.
    pub(super) fn cursor(&self) -> u64 {
        self.next() - self.waiting_entries() as u64
    }

    /// Returns the numbers of the exits that wait.
    pub(super) fn waiting_exits(&self) -> impl Iterator<Item = u64> + '_ {
        let numbered = (self.cursor()..).zip(self.waiting_events());
        numbered.filter(|(_, event)| matches!(event, L1Event::Exit(_))).map(|(number, _)| number)
    }
}

impl Engine {
    /// Begins to follow where the log ends. A slot in whose middle it ends is undone: whoever ordered it gives it again.
    pub(super) fn begin_following(mut self, config: &DevConfig) -> Result<Self, NodeError> {
        if let Some((slot, from)) = self.broken_off() {
            self.void_from(slot, from);
            return self.rewound(config);
        }
        self.open_look();
        self.begin_work()?;
        Ok(self)
    }

    /// Returns the last slot when not all of it ran, and its first record.
    fn broken_off(&self) -> Option<(u64, u64)> {
        let last = self.marks.slots().last()?;
        let (mut trial, mut effects) = (self.lane.clone(), Vec::new());
        let is_open = trial.open_slot().is_some();
        let ticked = trial.step(self.now_ms, Input::Tick, &mut effects);
        let next = effects.iter().find_map(|effect| match effect {
            Effect::Opened(header) => Some(header.number.get()),
            _ => None,
        });
        let is_whole = !is_open && ticked.is_ok() && next == Some(self.marks.next_slot());
        (!is_whole).then_some((last.number, last.from))
    }
}

/// The way into a node that follows.
impl EngineHandle {
    /// Says where the node stands.
    ///
    /// # Errors
    ///
    /// [`FollowError::Node`] when it does not answer.
    pub async fn followed(&self) -> Result<FollowStanding, FollowError> {
        self.following(|engine| Ok(engine.followed())).await
    }

    /// Runs a batch of L1, with turns of everybody else between its slots.
    ///
    /// # Errors
    ///
    /// [`FollowError`]; after [`FollowError::Undone`] the same batch may be given again.
    pub async fn follow(&self, mut batch: FollowBatch) -> Result<(), FollowError> {
        loop {
            let (back, ran) = self
                .following(move |engine| {
                    let ran = engine.follow_batch(&mut batch);
                    Ok((batch, ran))
                })
                .await?;
            if ran? {
                return Ok(());
            }
            batch = back;
        }
    }

    /// Runs slots that a sequencer signed and L1 does not hold yet, with turns of everybody else between them.
    ///
    /// # Errors
    ///
    /// [`FollowError`]; behind [`FollowError::Waits`] and [`FollowError::NotNext`] those that ran before stand.
    pub async fn follow_ahead(&self, mut slots: SlotsAhead) -> Result<(), FollowError> {
        loop {
            let (back, ran) = self
                .following(move |engine| {
                    let ran = engine.follow_ahead(&mut slots);
                    Ok((slots, ran))
                })
                .await?;
            if ran? {
                return Ok(());
            }
            slots = back;
        }
    }

    /// Notes why the node does not go on ahead of L1, for whoever asks whether it is ready.
    ///
    /// # Errors
    ///
    /// [`FollowError::Node`] when it does not answer.
    pub async fn ahead_trouble(&self, why: Option<String>) -> Result<(), FollowError> {
        self.following(move |engine| {
            engine.ahead_trouble(why);
            Ok(())
        })
        .await
    }

    /// Tells the node which batches stand on L1 by number, hash and block, who orders, and L1's last block; none behind these comes
    /// again that L1 had by block `voided`.
    ///
    /// # Errors
    ///
    /// [`FollowError::Undone`] when others ran here, [`FollowError::TooDeep`] when they cannot be undone.
    pub async fn stands_on_l1(
        &self,
        standing: Vec<(u64, B256, u64)>,
        voided: Option<u64>,
        (sequencer, tip): (Address, u64),
    ) -> Result<(), FollowError> {
        let compare = move |engine: &mut Engine| {
            engine.may_follow()?;
            engine.heard_of_l1(sequencer, tip);
            engine.compare_with_l1(&standing, voided)
        };
        self.following(compare).await
    }

    /// Notes why the node does not go on along L1, for whoever asks whether it is ready.
    ///
    /// # Errors
    ///
    /// [`FollowError::Node`] when it does not answer.
    pub async fn follow_trouble(&self, why: Option<String>) -> Result<(), FollowError> {
        self.following(move |engine| {
            engine.follow_trouble(why);
            Ok(())
        })
        .await
    }

    async fn following<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, FollowError> + Send + 'static,
    ) -> Result<T, FollowError> {
        let done = self.call(work).await;
        done.map_err(|error| FollowError::Node(error.message))?
    }
}
