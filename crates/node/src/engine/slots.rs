//! The slot loop: the lane says when slots open and close, the realm follows.

use super::{ChainEvent, Engine};
use crate::{
    batches::Recorder,
    metrics::{Stage, Work},
    record::{Closed, Record},
};
use alloy_primitives::B256;
use std::time::{Duration, Instant};
use weft_lane::{Effect, Input, Rejection};
use weft_types::{NetworkId, OrderPromise, Position, Section, SlotHeader};

/// Time between two turns of an engine that waits for the end.
const STOPPED_TURN: Duration = Duration::from_secs(1);

/// Time between two looks at what a committee answers.
const COMMITTEE_TURN: Duration = Duration::from_millis(5);

/// When slots close, by what development helpers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pace {
    /// As configured.
    #[default]
    Configured,
    /// Only when somebody asks for a block.
    Held,
    /// After so long.
    Every(Duration),
}

impl Engine {
    /// Lets time pass, and counts how long that held the engine when a slot closed.
    pub(super) fn turn(&mut self) {
        let slot = |engine: &Self| engine.lane.open_slot().map(|slot| slot.number);
        let (before, begun) = (slot(self), Instant::now());
        self.tick();
        if before != slot(self) {
            self.metrics.held(Work::Turn, begun.elapsed());
        }
    }

    /// Lets time pass: an expired slot closes, the next one opens and takes what waits for it.
    pub(crate) fn tick(&mut self) {
        if self.is_imported() {
            return self.produce_due();
        }
        if self.has_stopped() || self.is_follower() {
            return;
        }
        // A stop in the middle of an epoch left the rest to do.
        self.go_on_opening();
        self.clock.turn(self.items_in_slot > 0);
        let before = self.lane.open_slot().map(|slot| slot.number);
        self.pass_time();
        let now = Instant::now();
        self.expire_bundles(now);
        self.expire_waiting(now);
        if before != self.lane.open_slot().map(|slot| slot.number) {
            self.take_entries();
            self.admit_waiting();
            self.run_targeted();
        }
        self.sealed_turn();
    }

    /// Lets the lane look at the clock, or at what a development helper said instead.
    fn pass_time(&mut self) {
        match self.pace {
            Pace::Configured => {}
            Pace::Held => return,
            Pace::Every(_) if !self.until_paced().is_zero() => return,
            Pace::Every(_) => drop(self.step(Input::Close)),
        }
        self.step(Input::Tick).expect("ticks are never refused");
    }

    /// Returns how long the open slot still lasts by what a development helper said.
    fn until_paced(&self) -> Duration {
        let opened_ms = self.realm.slot().map_or(0, |slot| slot.unix_ms);
        let open = Duration::from_millis(self.clock.now_ms().saturating_sub(opened_ms));
        match self.pace {
            Pace::Every(every) => every.saturating_sub(open),
            Pace::Configured | Pace::Held => STOPPED_TURN,
        }
    }

    /// Says when slots close from now on.
    pub(crate) const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Returns when slots close.
    pub(crate) const fn pace(&self) -> Pace {
        self.pace
    }

    /// Closes the slot now and opens the next one.
    pub(crate) fn close_now(&mut self) {
        self.between_slots(|engine| engine.clock.slot_over());
    }

    /// Closes the slot, does something that needs no slot open, and opens the next one.
    pub(crate) fn between_slots<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.step(Input::Close).expect("slots can always be closed");
        let result = work(self);
        self.touch_executors();
        self.step(Input::Tick).expect("ticks are never refused");
        self.take_entries();
        self.admit_waiting();
        self.run_targeted();
        result
    }

    /// Returns how long the engine may wait before the next [`Self::tick`].
    pub(crate) fn until_turn(&mut self) -> Duration {
        if self.is_imported() {
            return self.until_block();
        }
        if self.has_stopped() || self.is_follower() {
            return STOPPED_TURN;
        }
        let turn = match self.pace {
            Pace::Configured => self.clock.until_turn(self.lane.closes_at_ms().unwrap_or_default()),
            Pace::Held | Pace::Every(_) => self.until_paced().min(STOPPED_TURN),
        };
        if self.awaits_committee() { turn.min(COMMITTEE_TURN) } else { turn }
    }

    pub(super) fn has_items(&self) -> bool {
        self.items_in_slot > 0
    }

    /// Gives the lane an input now and does what follows; returns the position of a submission.
    ///
    /// Only turns look at the clock, so that no slot ends in the middle of a job and everything else can be repeated
    /// from the log.
    pub(super) fn step(&mut self, input: Input) -> Result<Option<Position>, Rejection> {
        if matches!(input, Input::Tick | Input::Close) {
            let now_ms = self.clock.now_ms();
            // The lane's time never goes back, but helpers may take the whole lane back.
            self.now_ms = if self.is_durable() { now_ms.max(self.now_ms) } else { now_ms };
        }
        self.step_at(self.now_ms, input)
    }

    /// Gives the lane an input at `now_ms` and does what follows.
    pub(super) fn step_at(
        &mut self,
        now_ms: u64,
        input: Input,
    ) -> Result<Option<Position>, Rejection> {
        if self.is_broken() {
            return Ok(None);
        }
        self.now_ms = now_ms;
        let is_turn = matches!(input, Input::Tick | Input::Close);
        let turn = match input {
            Input::Tick => Some(Record::Turn { now_ms, is_close: false }),
            Input::Close => Some(Record::Turn { now_ms, is_close: true }),
            Input::Reveal { epoch, .. } => self.reveal_record(now_ms, epoch),
            _ => None,
        };
        let mut effects = Vec::new();
        let result = self.lane.step(now_ms, input, &mut effects);
        if let Some(turn) = turn.filter(|_| !effects.is_empty()) {
            self.note(|| turn);
        }
        let mut given = None;
        for effect in effects {
            match effect {
                Effect::Opened(header) => self.opened(header),
                Effect::Positioned { position, item, prev_chain, chain } => {
                    self.items_in_slot += 1;
                    self.outbox.order(OrderPromise {
                        position,
                        item,
                        prev_chain,
                        chain,
                        unix_ms: self.clock.now_ms(),
                        l1_deadline: self.l1_deadline(),
                        bundle: None,
                    });
                    given = Some(position);
                }
                Effect::Closed { record, hash } => {
                    if let Some(header) = self.realm.slot().cloned() {
                        self.records.push(header, record);
                    }
                    self.close_blocks(hash);
                }
                // The lane remembers who waits; the committee is asked at the next turn.
                Effect::EpochClosed { items, is_late, .. } => {
                    if is_late && items > 0 {
                        self.batches.iter_mut().for_each(Recorder::late);
                    }
                }
                Effect::Opening { epoch, is_late, listed, turns } => {
                    self.open_epoch(epoch, is_late, &listed, &turns);
                }
            }
        }
        if is_turn {
            // While an item is on its way it may be nowhere else.
            self.keep();
        }
        result.map(|()| given)
    }

    /// Opens the slot that the lane opened.
    pub(super) fn opened(&mut self, header: SlotHeader) {
        self.items_in_slot = 0;
        self.opened.clear();
        self.outbox.opened(&header);
        self.sign_closing(&header);
        let begin = Position { slot: header.number, section: Section::L1Born, index: 0 };
        let stopped = self.open_slot_elsewhere(&header);
        self.remember_slot(&header);
        self.recording.iter_mut().for_each(|recording| recording.opened(&header));
        self.batches.iter_mut().for_each(|batches| batches.opened(&header));
        if let Err(error) = self.realm.open_slot(header) {
            self.break_down(format!("a slot could not open: {error:?}"));
        }
        stopped.into_iter().for_each(|network| self.halt(network, begin));
    }

    /// Lets an item have another position (P4, T13).
    pub(super) fn release(&mut self, item: B256) {
        let mut effects = Vec::new();
        // The lane's time stands still, so that the slot in which the item just ran stays open.
        let released = self.lane.step(0, Input::Release { item }, &mut effects);
        assert!(released.is_ok() && effects.is_empty(), "releases change no slot: {effects:?}");
    }

    fn close_blocks(&mut self, record: B256) {
        self.tell_flashblocks();
        let number = self.realm.slot().map(|slot| slot.number).unwrap_or_default();
        let kept = self.slots.close();
        let (mut blocks, mut closed, mut numbered) = (Vec::new(), Vec::new(), Vec::new());
        let closing = match self.realm.close_slot_on(self.threads) {
            Ok(closing) => closing,
            Err(error) => return self.break_down(format!("a slot could not close: {error:?}")),
        };
        for block in closing {
            let network: NetworkId = block.network;
            self.metrics.closed(self.chain(network).spec.chain_id, &block);
            blocks.push((network, block.hash));
            numbered.push((network, block.header.number, block.hash));
            let stored = self.chain_mut(network).store.push_closed(block);
            if let Some(keeping) = &mut self.keeping {
                keeping.block(network, stored.clone());
            }
            closed.push((network, stored));
        }
        if let Some(recording) = &mut self.recording {
            let network = recording.network();
            recording.closed(blocks.iter().any(|(of, _)| *of == network));
        }
        self.keep_slot(number, kept);
        // The next closing record covers this one, so an empty slot needs no check of its own.
        if self.has_items() || !blocks.is_empty() {
            self.note_closed(Closed { record, blocks });
        }
        let order = self.commit_order(number);
        self.batches
            .iter_mut()
            .for_each(|batches| batches.closed(record, &numbered, order.clone()));
        for (network, block) in closed {
            self.announce(network, ChainEvent::Block(block));
        }
        for accepted in self.accepted.drain(..) {
            self.metrics.reached(Stage::Closed, accepted);
        }
        self.metrics.waiting(self.pool.len());
        self.close_slot_elsewhere();
    }
}
