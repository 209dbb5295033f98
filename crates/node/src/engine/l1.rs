//! What L1 puts into the lane (P46, P48): blocks come in by a source of any kind, entries wait until their block is deep enough,
//! and get the first positions of the next slot.

use super::{
    Engine,
    placed::{Placed, PlacedBlocks, Rewind},
};
use crate::{
    batches::{Recorder, RestsOn},
    record::{Record, put_block, read_block},
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::{B256, Bytes};
use std::collections::{BTreeMap, VecDeque};
use thiserror::Error;
use weft_batch::RollupGenesis;
use weft_lane::Rejection;
use weft_types::{
    Item, L1Born, L1Event, L1Ref, NetworkId,
    codec::{CodecError, Decode as _, Encode as _, Reader, Writer},
};

/// Blocks that are remembered, so that L1 may go back as far.
const MAX_BLOCKS: usize = 256;
/// Entries that may wait; a source that has more waits itself.
const MAX_WAITING: usize = 4096;
/// Entries that may be kept: all those before an exit are known when it goes first.
const MAX_KEPT: usize = 1 << 20;
/// Age of the last known block behind which no deadline is promised, in seconds.
const MAX_TIP_AGE_S: u64 = 300;
/// Entries in one block.
const MAX_ENTRIES: usize = 4096;

/// A block of L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Hash of the block before.
    pub parent: B256,
    /// Its time, in seconds since the Unix epoch.
    pub unix_s: u64,
}

/// An entry of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L1Entry {
    /// Number, from 0.
    pub index: u64,
    /// Index of its log in the block.
    pub log_index: u32,
    /// What the event holds.
    pub payload: Bytes,
}

/// Up to where the blocks of a rollup stand on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Standing {
    /// Rollup, by its EIP-155 id.
    pub chain_id: u64,
    /// Number of the last such block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// What L1 says, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum L1Update {
    /// One more block. Blocks without entries may be left out where L1 cannot go back any more.
    Forward {
        /// The block.
        block: L1Block,
        /// Its entries, in order.
        entries: Vec<L1Entry>,
    },
    /// The blocks after this one are no longer in the chain.
    Back {
        /// Last block that still is.
        to: L1Block,
    },
    /// These blocks of rollups are posted (P31).
    Posted(Vec<L1Standing>),
    /// These are, and what was said before of what is posted and settled does not count: L1 went back.
    PostedAfresh(Vec<L1Standing>),
    /// These blocks of rollups are settled (P31).
    Settled(Vec<L1Standing>),
    /// These blocks of rollups are settled in a final block of L1 (P31).
    Finalized(Vec<L1Standing>),
    /// What all rollups are made of that the hub knows, in the order in which they were registered (P41). Those that the
    /// realm does not have yet may join it, one after the other.
    Registered(Vec<RollupGenesis>),
}

/// Last blocks of a rollup that have come so far on L1 (P31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// In a batch on L1.
    pub(crate) posted: u64,
    /// Settled there.
    pub(crate) settled: u64,
    /// Settled in a block that L1 does not take back.
    pub(crate) finalized: u64,
}

impl Standing {
    /// Returns the same of a rollup whose last block is another one.
    pub(super) fn up_to(self, last: u64) -> Self {
        Self {
            posted: self.posted.min(last),
            settled: self.settled.min(last),
            finalized: self.finalized.min(last),
        }
    }

    /// Returns the last safe block; a policy says what that is.
    pub(crate) fn safe(self, is_settled: bool) -> u64 {
        let settled = self.settled.max(self.finalized);
        if is_settled { settled } else { self.posted.max(settled) }
    }

    /// Leaves what L1 may have taken back.
    const fn forget(&mut self) {
        (self.posted, self.settled) = (0, 0);
    }
}

/// Reason for refusing what L1 says. The source starts again behind [`EngineHandle::l1_tip`](super::EngineHandle::l1_tip).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum L1Refused {
    /// The block does not follow the last one.
    #[error("L1 block {number} does not follow block {tip}")]
    NotNext {
        /// The block.
        number: u64,
        /// The last one.
        tip: u64,
    },
    /// Entries are missing, or there twice.
    #[error("inbox entry {found} came, {expected} is next")]
    Entry {
        /// The one that came.
        found: u64,
        /// The one that is next.
        expected: u64,
    },
    /// More than is ever in a block.
    #[error("{0} inbox entries in one L1 block, at most {MAX_ENTRIES} are taken")]
    TooMany(usize),
    /// So many entries wait that the source has to.
    #[error("{MAX_WAITING} inbox entries wait")]
    Full,
    /// L1 went back to a block that nobody here knows.
    #[error("L1 went back to block {0}, which is unknown")]
    Unknown(u64),
    /// L1 went back behind entries that have positions, and the node cannot fold again from there: it is too long ago, or
    /// the node has no log.
    #[error("L1 went back to block {to}; entries of block {taken} have positions")]
    Taken {
        /// Last block that L1 still has.
        to: u64,
        /// Last block with an entry in the lane.
        taken: u64,
    },
    /// L1 holds a block of a rollup that this node does not.
    #[error(
        "L1 holds block {number} of rollup {chain_id} with hash {hash}, which is none of this node's"
    )]
    OtherBlock {
        /// Rollup.
        chain_id: u64,
        /// Number.
        number: u64,
        /// Hash.
        hash: B256,
    },
    /// The node takes nothing now.
    #[error("{0}")]
    Node(String),
}

/// An entry that waits for its position.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    block: u64,
    item: L1Born,
}

/// L1 as the engine knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct L1 {
    /// The last blocks, in order.
    blocks: VecDeque<L1Block>,
    waiting: VecDeque<Waiting>,
    /// Number of the entry that comes next.
    next: u64,
    /// Last block with an entry in the lane, of those that L1 cannot take back any more.
    taken: Option<u64>,
    /// Blocks with entries in the lane that it still can.
    placed: PlacedBlocks,
    /// Entries that the batch which comes next consumes at least, because accounts left by state proof; zero when none did.
    reach: u64,
    /// How many of the first entries in `waiting` are exits that come before everything else.
    exits: u64,
    /// How far the blocks of each rollup have come.
    standing: BTreeMap<NetworkId, Standing>,
    /// Rollups that the hub knows, in order.
    registered: Vec<RollupGenesis>,
}

impl L1 {
    /// Returns true for a node that never heard of L1.
    pub(crate) fn is_silent(&self) -> bool {
        self.blocks.is_empty() && self.waiting.is_empty() && self.next == 0
    }

    fn tip(&self) -> Option<&L1Block> {
        self.blocks.back()
    }

    /// Returns how far the blocks of a rollup have come.
    pub(crate) fn standing(&self, network: NetworkId) -> Standing {
        self.standing.get(&network).copied().unwrap_or_default()
    }

    /// Checks that a block comes next, and that no more than `most` entries wait with its own.
    fn check(&self, block: &L1Block, entries: &[L1Entry], most: usize) -> Result<(), L1Refused> {
        if let Some(tip) = self.tip() {
            let is_child = block.number != tip.number + 1 || block.parent == tip.hash;
            if block.number <= tip.number || !is_child {
                return Err(L1Refused::NotNext { number: block.number, tip: tip.number });
            }
        }
        for (expected, entry) in (self.next..).zip(entries) {
            if entry.index != expected {
                return Err(L1Refused::Entry { found: entry.index, expected });
            }
        }
        if entries.len() > MAX_ENTRIES {
            return Err(L1Refused::TooMany(entries.len()));
        }
        let is_full = !entries.is_empty() && self.waiting.len() + entries.len() > most;
        // An empty queue takes any block.
        if is_full && !self.waiting.is_empty() { Err(L1Refused::Full) } else { Ok(()) }
    }

    /// Takes one more block; returns from where on something changes that has a position: L1 had the block before.
    pub(super) fn forward(&mut self, block: L1Block, entries: Vec<(u32, Bytes)>) -> Option<Rewind> {
        self.next += entries.len() as u64;
        let (placed, rewind) = self.placed.forward(block.hash);
        for (log_index, payload) in entries.into_iter().skip(placed as usize) {
            let origin = L1Ref { block_hash: block.hash, log_index };
            let item = L1Born { origin, event: L1Event::of_payload(&payload) };
            self.waiting.push_back(Waiting { block: block.number, item });
        }
        self.blocks.push_back(block);
        if self.blocks.len() > MAX_BLOCKS {
            self.blocks.pop_front();
        }
        self.taken = self.taken.max(self.placed.settle(block.number));
        rewind
    }

    fn check_back(&self, to: &L1Block) -> Result<(), L1Refused> {
        if !self.blocks.iter().any(|block| block.hash == to.hash) {
            return Err(L1Refused::Unknown(to.number));
        }
        match self.taken {
            Some(taken) if taken > to.number => Err(L1Refused::Taken { to: to.number, taken }),
            _ => Ok(()),
        }
    }

    /// Forgets the blocks after `to`; returns from where on something changes that has a position.
    pub(super) fn back(&mut self, to: u64) -> Option<Rewind> {
        self.blocks.retain(|block| block.number <= to);
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.block <= to);
        let (placed, rewind) = self.placed.back(to);
        self.next -= (before - self.waiting.len()) as u64 + placed;
        rewind
    }

    /// Returns the blocks with entries that have positions, as far as L1 may take them back.
    pub(crate) const fn placed(&self) -> &PlacedBlocks {
        &self.placed
    }

    /// Returns the last block of L1 with an entry that has a position and that L1 may take back: every result behind it is
    /// void when it does (P48). Zero when there is none.
    pub(super) fn origin(&self) -> B256 {
        let here = self.placed.iter().filter(|block| !block.is_gone);
        here.max_by_key(|block| block.number).map_or(B256::ZERO, |block| block.hash)
    }

    /// Returns what everything rests on that has a position: the last block of L1 with such an entry, behind which the others
    /// stand, and those that are gone.
    pub(super) fn rests(&self) -> RestsOn {
        let here = self.placed.iter().filter(|block| !block.is_gone);
        let last = here.max_by_key(|block| block.number);
        let gone = self.placed.iter().filter(|block| block.is_gone);
        let block = |block: &Placed| (block.number, block.hash);
        RestsOn { on: last.into_iter().map(block).collect(), not_on: gone.map(block).collect() }
    }

    /// Lets the exits among the entries before `reach` go before everything else (P46). All of these entries are known.
    pub(super) fn exits_first(&mut self, reach: u64) {
        let first = self.next - self.waiting.len() as u64;
        let count = usize::try_from(reach.saturating_sub(first)).unwrap_or(usize::MAX);
        let behind = self.waiting.split_off(count.min(self.waiting.len()));
        let is_exit = |waiting: &Waiting| matches!(waiting.item.event, L1Event::Exit(_));
        let (exits, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_exit);
        (self.reach, self.exits) = (reach, exits.len() as u64);
        self.waiting = exits.into_iter().chain(others).chain(behind).collect();
    }

    /// Returns true while an exit waits that comes before everything else.
    pub(super) const fn has_exits(&self) -> bool {
        self.exits > 0
    }

    /// Returns how many entries the batch which comes next consumes at least.
    pub(super) const fn reach(&self) -> u64 {
        self.reach
    }

    /// Returns the number of the entry that comes next.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Returns the first entry that waits.
    pub(super) fn first(&self) -> Option<&L1Born> {
        self.waiting.front().map(|waiting| &waiting.item)
    }

    /// Returns how many entries wait.
    pub(super) fn waiting_entries(&self) -> usize {
        self.waiting.len()
    }

    /// Returns what the entries say that wait, in order.
    pub(super) fn waiting_events(&self) -> impl Iterator<Item = &L1Event> {
        self.waiting.iter().map(|waiting| &waiting.item.event)
    }

    /// Returns true when no entry waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sets up to where the blocks of rollups stand, again.
    pub(super) fn set_standing(&mut self, standing: BTreeMap<NetworkId, Standing>) {
        self.standing = standing;
    }

    /// Sets which rollups the hub knows, in order.
    pub(super) fn set_registered(&mut self, registered: Vec<RollupGenesis>) {
        self.registered = registered;
    }

    /// Returns the rollups that the hub knows, in order.
    pub(super) fn registered(&self) -> &[RollupGenesis] {
        &self.registered
    }

    /// Returns up to where the blocks of all rollups stand.
    pub(super) const fn all_standing(&self) -> &BTreeMap<NetworkId, Standing> {
        &self.standing
    }

    /// Returns the first entry that waits, when `confirmations` blocks follow the one that holds it.
    fn ready(&self, confirmations: u64) -> Option<&L1Born> {
        let (first, tip) = (self.waiting.front()?, self.tip()?);
        if self.exits > 0 {
            return Some(&first.item);
        }
        // What came with it voided batches: the realm goes on elsewhere.
        if matches!(first.item.event, L1Event::Exit(_)) {
            return None;
        }
        (tip.number - first.block >= confirmations).then_some(&first.item)
    }

    /// Notes that the first entry that waits has a position in `slot`, by the record `sequence` of the log.
    pub(super) fn take(&mut self, slot: u64, sequence: u64) {
        let Some(Waiting { block: number, item }) = self.waiting.pop_front() else { return };
        self.exits = self.exits.saturating_sub(1);
        let hash = item.origin.block_hash;
        self.placed.add(Placed { number, hash, slot, sequence, entries: 1, is_gone: false });
        let tip = self.tip().map_or(number, |tip| tip.number);
        self.taken = self.taken.max(self.placed.settle(tip));
    }
}

/// What the database keeps.
impl L1 {
    pub(crate) fn write_to(&self, out: &mut Writer) {
        out.u64(self.next).bool(self.taken.is_some()).u64(self.taken.unwrap_or_default());
        out.len(self.blocks.len());
        self.blocks.iter().for_each(|block| put_block(out, block));
        out.len(self.waiting.len());
        for Waiting { block, item } in &self.waiting {
            out.u64(*block).bytes(&item.encode());
        }
        self.placed.write_to(out);
        out.u64(self.reach).u64(self.exits);
    }

    /// Reads what [`Self::write_to`] wrote; earlier versions had no exits, and before that no `placed` blocks.
    pub(crate) fn read_from(
        input: &mut Reader<'_>,
        has_placed: bool,
        has_exits: bool,
    ) -> Result<Self, CodecError> {
        let (next, has_taken, taken) = (input.u64()?, input.bool()?, input.u64()?);
        let count = input.bounded_len(MAX_BLOCKS)?;
        let blocks = (0..count).map(|_| read_block(input)).collect::<Result<_, _>>()?;
        let count = input.bounded_len(MAX_KEPT)?;
        let one = |_| {
            let (block, item) = (input.u64()?, input.bytes()?);
            Ok(Waiting { block, item: L1Born::decode(&item)? })
        };
        let waiting = (0..count).map(one).collect::<Result<_, CodecError>>()?;
        let taken = has_taken.then_some(taken);
        let placed =
            if has_placed { PlacedBlocks::read_from(input)? } else { PlacedBlocks::default() };
        let (reach, exits) = if has_exits { (input.u64()?, input.u64()?) } else { (0, 0) };
        Ok(Self { blocks, waiting, next, taken, placed, reach, exits, ..Self::default() })
    }
}

impl Engine {
    /// Returns the last block of L1 that was taken in.
    pub(crate) fn l1_tip(&self) -> Option<L1Block> {
        self.l1.tip().copied()
    }

    /// Returns the last L1 block by which what gets a position now has to be on L1 (P14); zero when no time is promised.
    ///
    /// Nothing is promised either while the last block that is known is old: a node that was away would name one that is
    /// over already.
    pub(super) fn l1_deadline(&self) -> u64 {
        let now_s = self.clock.now_ms() / 1000;
        let is_young = |tip: &&L1Block| now_s.saturating_sub(tip.unix_s) <= MAX_TIP_AGE_S;
        let tip = self.l1.tip().filter(is_young).map(|tip| tip.number);
        let blocks = Some(self.config.l1_deadline_blocks).filter(|blocks| *blocks > 0);
        // No L1 counts so far.
        tip.zip(blocks).map_or(0, |(tip, blocks)| tip.saturating_add(blocks))
    }

    /// Returns the blocks of L1 that are remembered.
    pub(crate) fn l1_blocks(&self) -> Vec<L1Block> {
        self.l1.blocks.iter().copied().collect()
    }

    /// Takes in what L1 says. It is on disk before the answer leaves.
    pub(crate) fn l1_says(&mut self, update: L1Update) -> Result<(), L1Refused> {
        self.tick();
        let ready = if self.is_follower() { self.promises() } else { self.durably() };
        ready.map_err(|error| L1Refused::Node(error.message))?;
        match update {
            L1Update::Forward { block, entries } => {
                self.l1.check(&block, &entries, MAX_WAITING)?;
                let entries = entries.into_iter().map(|entry| (entry.log_index, entry.payload));
                let entries: Vec<_> = entries.collect();
                self.note(|| Record::L1Forward { block, entries: entries.clone() });
                self.rewind_from = self.l1.forward(block, entries);
                if self.is_on_demand() && self.rewind_from.is_none() {
                    self.deliver_now();
                }
                Ok(())
            }
            L1Update::Back { to } => {
                if let Err(refused) = self.l1.check_back(&to).and_then(|()| self.can_rewind(&to)) {
                    if matches!(refused, L1Refused::Taken { .. }) {
                        // What rests on blocks that are gone must not go on.
                        self.break_down(refused.to_string());
                    }
                    return Err(refused);
                }
                self.note(|| Record::L1Back { to: to.number });
                self.rewind_from = self.l1.back(to.number);
                Ok(())
            }
            L1Update::Posted(all) => self.stands(&all, |it, number| it.posted = number),
            L1Update::PostedAfresh(all) => {
                self.l1.standing.values_mut().for_each(Standing::forget);
                self.stands(&all, |it, number| it.posted = number)
            }
            L1Update::Settled(all) => self.stands(&all, |it, number| it.settled = number),
            L1Update::Finalized(all) => self.stands(&all, |it, number| it.finalized = number),
            L1Update::Registered(all) => {
                self.l1.set_registered(all);
                Ok(())
            }
        }
    }

    /// Checks that positions of entries after `to` can be folded again: a node without a log has nothing to do that with.
    fn can_rewind(&self, to: &L1Block) -> Result<(), L1Refused> {
        let affected = |block: &&Placed| !block.is_gone && block.number > to.number;
        match self.l1.placed().iter().filter(affected).map(|block| block.number).max() {
            Some(taken) if !self.is_durable() => Err(L1Refused::Taken { to: to.number, taken }),
            _ => Ok(()),
        }
    }

    /// Takes in a block that L1 does not take back. What is in it is due: all entries before an exit have to be known, however
    /// many wait.
    pub(super) fn l1_goes_on(
        &mut self,
        block: L1Block,
        entries: Vec<L1Entry>,
    ) -> Result<(), L1Refused> {
        self.l1.check(&block, &entries, MAX_KEPT)?;
        let entries = entries.into_iter().map(|entry| (entry.log_index, entry.payload));
        let entries: Vec<_> = entries.collect();
        self.note(|| Record::L1Forward { block, entries: entries.clone() });
        let _ = self.l1.forward(block, entries);
        Ok(())
    }

    /// Closes slots until every entry that is deep enough has had its turn.
    fn deliver_now(&mut self) {
        while self.l1.ready(self.config.l1_confirmations).is_some() && !self.is_broken() {
            let before = self.l1.waiting.len();
            self.close_now();
            if self.l1.waiting.len() == before {
                break;
            }
        }
        if self.has_items() {
            self.close_now();
        }
    }

    fn stands(&mut self, all: &[L1Standing], set: fn(&mut Standing, u64)) -> Result<(), L1Refused> {
        for L1Standing { chain_id, number, hash } in all {
            let refused =
                L1Refused::OtherBlock { chain_id: *chain_id, number: *number, hash: *hash };
            let Ok(network) = self.network_of(*chain_id) else { return Err(refused) };
            let block = self.chain(network).store.by_number(*number);
            let block = block.map_err(|error| L1Refused::Node(error.to_string()))?;
            if block.is_none_or(|block| block.hash != *hash) {
                return Err(refused);
            }
            set(self.l1.standing.entry(network).or_default(), *number);
        }
        Ok(())
    }

    /// Gives the entries that are deep enough the first positions of the slot that just opened. One in which something runs
    /// already takes none: places increase in the order in which items run (P27).
    pub(super) fn take_entries(&mut self) {
        if self.has_items() || !self.accepted.is_empty() {
            return;
        }
        while let Some(born) = self.l1.ready(self.config.l1_confirmations).cloned() {
            let moves_too_much = self.batches.as_ref().is_some_and(Recorder::is_full);
            if moves_too_much || self.realm.must_wait(&born.event) {
                return;
            }
            let item = Item::L1Born(born);
            let now_ms = self.now_ms;
            match self.place_entry(now_ms, &item, true) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.break_down(error.message),
            }
        }
    }

    /// Gives the first entry that waits its position again; nothing happens in its turn when L1 does not have it any more.
    pub(super) fn replay_entry(&mut self, now_ms: u64) -> Result<(), String> {
        let Some(waiting) = self.l1.waiting.front() else {
            return Err("no inbox entry waits".to_owned());
        };
        let mut item = Item::L1Born(waiting.item.clone());
        if let Item::L1Born(born) = &mut item
            && self.is_gone(&born.origin.block_hash)
        {
            let hash = item.hash(&self.domain);
            let Item::L1Born(born) = &mut item else { unreachable!("it is still one") };
            born.event = L1Event::Reorged(hash);
        }
        match self.place_entry(now_ms, &item, false) {
            Ok(true) => Ok(()),
            Ok(false) => Err("an inbox entry has no room".to_owned()),
            Err(error) => Err(error.message),
        }
    }

    /// Repeats what L1 said; what follows from it for positions is known by now.
    pub(super) fn replay_l1(&mut self, block: L1Block, entries: Vec<(u32, Bytes)>) {
        let _ = self.l1.forward(block, entries);
    }

    /// Lets the exits among the entries before `reach` go before everything else, and no batch end before that.
    pub(super) fn exits_first(&mut self, reach: u64) {
        self.l1.exits_first(reach);
        self.batches.iter_mut().for_each(|batches| batches.must_reach(reach));
    }

    /// Repeats that L1 went back.
    pub(super) fn replay_back(&mut self, to: u64) {
        let _ = self.l1.back(to);
    }

    /// Runs an entry at the next position; false when the slot has none.
    pub(super) fn place_entry(
        &mut self,
        now_ms: u64,
        item: &Item,
        is_new: bool,
    ) -> RpcResult<bool> {
        let hash = item.hash(&self.domain);
        let position = match self.submit_again(now_ms, item, hash) {
            Ok(Some(position)) => position,
            Ok(None) | Err(Rejection::SectionOver { .. } | Rejection::SlotFull { .. }) => {
                return Ok(false);
            }
            Err(rejection) => return Err(RpcError::new(-32603, rejection.to_string())),
        };
        let slot = position.slot.get();
        if is_new {
            self.note(|| Record::L1Item { now_ms, slot });
        }
        self.l1.take(slot, self.last_record());
        let rests = self.l1.rests();
        self.batches.iter_mut().for_each(|batches| batches.rests(rests.clone()));
        self.forget_waiting(item);
        self.settle(position, item, hash)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    /// A block with as many entries as one may have, the first of them of this number.
    fn full(number: u64, first: u64) -> (L1Block, Vec<L1Entry>) {
        let hash = |number: u64| B256::from(U256::from(number));
        let (hash, parent) = (hash(number), hash(number - 1));
        let block = L1Block { number, hash, parent, unix_s: number };
        let entry = |at| L1Entry { index: first + at, log_index: at as u32, payload: Bytes::new() };
        (block, (0..MAX_ENTRIES as u64).map(entry).collect())
    }

    #[test]
    fn p46_what_is_due_is_taken_in_however_much_waits() {
        let mut l1 = L1::default();
        let (block, entries) = full(1, 0);
        assert_eq!(l1.check(&block, &entries, MAX_WAITING), Ok(()));
        let entries = entries.into_iter().map(|entry| (entry.log_index, entry.payload));
        assert!(l1.forward(block, entries.collect()).is_none());
        let (block, entries) = full(2, MAX_ENTRIES as u64);
        assert_eq!(l1.check(&block, &entries, MAX_WAITING), Err(L1Refused::Full));
        assert_eq!(l1.check(&block, &entries, MAX_KEPT), Ok(()));
    }

    #[test]
    fn p31_what_is_safe_is_posted_or_settled() {
        let standing = Standing { posted: 9, settled: 5, finalized: 3 };
        assert_eq!((standing.safe(false), standing.safe(true)), (9, 5));
        // L1 went back, and nothing is known yet but what it cannot take back.
        let standing = Standing { posted: 0, settled: 0, finalized: 3 };
        assert_eq!((standing.safe(false), standing.safe(true)), (3, 3));
        assert_eq!(standing.up_to(2), Standing { posted: 0, settled: 0, finalized: 2 });
    }
}
