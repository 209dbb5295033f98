//! The state machine.

use crate::{
    admit::{self, Rejection, Submission},
    config::{InvalidConfig, LaneConfig},
    input::{Effect, Input},
    recent::Recent,
    sealed::{KeyAnnouncement, Part, SealedRejection, SealedSubmission, Sealing},
    slot::OpenSlot,
    standing::ClosedSlot,
};
use alloc::{collections::BTreeSet, vec::Vec};
use alloy_primitives::B256;
use weft_types::{Domain, Halt, NetworkId, Position, SlotHeader, SlotNumber};

/// The lane of a realm.
///
/// Time is cut into cells of `slot_ms` milliseconds, counted from the Unix epoch. A slot starts at
/// `max(start of the previous slot + 1 ms, start of the cell of now)` and expires with the cell of its start, so
/// that slots follow the clock, each with a time of its own, and a lane that slept catches up in one step: slot
/// numbers are dense, their times are not. A slot that [`Input::Close`] ends early shares its cell with the next.
/// A clock that goes back counts as one that stands still.
#[derive(Debug, Clone)]
pub struct Lane {
    pub(crate) domain: Domain,
    pub(crate) config: LaneConfig,
    /// Latest time seen, in milliseconds since the Unix epoch.
    pub(crate) clock_ms: u64,
    pub(crate) open: Option<OpenSlot>,
    pub(crate) last: Option<ClosedSlot>,
    pub(crate) available: BTreeSet<NetworkId>,
    pub(crate) inbox_cursor: u64,
    pub(crate) sealing: Sealing,
    pub(crate) recent: Recent,
}

impl Lane {
    /// Creates a lane before its first slot, with all rollups available.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a bound is zero or the rollups are not a sorted set of rollups.
    pub fn new(domain: Domain, config: LaneConfig) -> Result<Self, InvalidConfig> {
        config.check()?;
        Ok(Self {
            domain,
            available: config.rollups.iter().copied().collect(),
            config,
            clock_ms: 0,
            open: None,
            last: None,
            inbox_cursor: 0,
            sealing: Sealing::default(),
            recent: Recent::default(),
        })
    }

    /// Takes an input at `now_ms`, in milliseconds since the Unix epoch, and appends what follows to `effects`.
    ///
    /// An expired slot closes first, whatever the input. A slot opens only for [`Input::Tick`], [`Input::Close`],
    /// [`Input::Seal`], [`Input::Reveal`] and an [`Input::Submit`] that could have a position, so a change of availability that finds no slot open is in
    /// the header of the very next one (P8).
    ///
    /// # Errors
    ///
    /// A [`Rejection`] when the input is refused. Slots that closed or opened on the way stay in `effects`.
    pub fn step(
        &mut self,
        now_ms: u64,
        input: Input,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Rejection> {
        self.clock_ms = self.clock_ms.max(now_ms);
        let has_expired = self.closes_at_ms().is_some_and(|end| self.clock_ms >= end);
        if has_expired {
            self.close(effects);
        }
        match input {
            Input::Submit(submission) => self.submit(&submission, effects)?,
            Input::Release { item } => self.recent.remove(&item),
            Input::Tick => {
                self.opened(effects);
            }
            Input::SetAvailable { network, available } => self.set_available(network, available)?,
            Input::Halt(halt) => self.halt(halt)?,
            Input::Join { network } => self.join(network)?,
            Input::Announce(key) => self.announce(key)?,
            Input::Seal(sealed) => self.seal(&sealed, effects)?,
            Input::MemberReleased { epoch, member, head } => {
                self.sealing.release(epoch, member, head)?;
            }
            Input::Reveal { epoch, list } => self.reveal(epoch, list, effects)?,
            Input::GiveUp => {
                for item in self.sealing.give_up() {
                    self.recent.remove(&item);
                }
            }
            // The slot to close was the one that expired.
            Input::Close if has_expired => {}
            Input::Close => {
                self.opened(effects);
                self.close(effects);
            }
        }
        Ok(())
    }

    /// Returns the header of the open slot.
    pub fn open_slot(&self) -> Option<&SlotHeader> {
        self.open.as_ref().map(OpenSlot::header)
    }

    /// Returns the time at which the open slot expires, in milliseconds since the Unix epoch; when to tick next.
    pub fn closes_at_ms(&self) -> Option<u64> {
        let cell = self.open_slot()?.unix_ms / self.config.slot_ms;
        Some((cell + 1).saturating_mul(self.config.slot_ms))
    }

    /// Returns the hash of the last closing record; zero before the first.
    pub fn parent(&self) -> B256 {
        self.last.map_or(B256::ZERO, |last| last.hash)
    }

    /// Returns the position of an item of a recent slot that was not released.
    pub fn position_of(&self, item: &B256) -> Option<Position> {
        self.recent.position(item)
    }

    /// Returns what is fixed, and the rollups that are in the realm by now.
    pub const fn config(&self) -> &LaneConfig {
        &self.config
    }

    fn submit(
        &mut self,
        submission: &Submission,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Rejection> {
        admit::check_item(submission, &self.config, &self.recent)?;
        self.opened(effects);
        self.sealing.check_opened()?;
        let slot = self.open.as_mut().expect("a slot was just opened");
        admit::check_room(submission, &self.config, slot)?;
        let (position, effect) = slot.push(submission);
        self.recent.insert(submission.item, position);
        effects.push(effect);
        Ok(())
    }

    fn set_available(&mut self, network: NetworkId, available: bool) -> Result<(), Rejection> {
        if self.config.rollups.binary_search(&network).is_err() {
            return Err(Rejection::UnknownRollup { network });
        }
        if available {
            self.available.insert(network);
        } else {
            self.available.remove(&network);
        }
        Ok(())
    }

    fn halt(&mut self, halt: Halt) -> Result<(), Rejection> {
        // P8, T1: what may have been read runs where it would have run unread.
        self.sealing.check_halt(halt.network)?;
        self.set_available(halt.network, false)?;
        // Between slots the next header says it.
        self.open.iter_mut().for_each(|slot| slot.halt(halt));
        Ok(())
    }

    fn join(&mut self, network: NetworkId) -> Result<(), Rejection> {
        if network == NetworkId::L1 {
            return Err(Rejection::L1);
        }
        match self.config.rollups.binary_search(&network) {
            Ok(_) => Err(Rejection::KnownRollup { network }),
            Err(place) => {
                self.config.rollups.insert(place, network);
                self.available.insert(network);
                Ok(())
            }
        }
    }
}

/// Sealed items.
impl Lane {
    /// Returns the epochs.
    pub const fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// Returns the number of the open slot, or of the last one.
    fn last_slot(&self) -> SlotNumber {
        let open = self.open_slot().map(|header| header.number);
        open.or(self.last.map(|last| last.number)).unwrap_or_default()
    }

    fn announce(&mut self, key: KeyAnnouncement) -> Result<(), Rejection> {
        let config = self.config.sealing.as_ref().ok_or(SealedRejection::NoSealing)?;
        let slot = self.last_slot();
        Ok(self.sealing.announce(config, slot, key)?)
    }

    fn seal(
        &mut self,
        sealed: &SealedSubmission,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Rejection> {
        if self.config.sealing.is_none() {
            return Err(SealedRejection::NoSealing.into());
        }
        if let Some(position) = self.recent.position(&sealed.item) {
            return Err(Rejection::Duplicate { item: sealed.item, position });
        }
        self.opened(effects);
        self.sealing.check_opened()?;
        let slot = self.open.as_mut().expect("a slot was just opened");
        let config = self.config.sealing.as_ref().expect("it was just looked at");
        let fee_wei = self.sealing.check(config, slot.header().number, self.clock_ms, sealed)?;
        let limit = self.config.max_items_per_slot;
        if slot.items() >= limit {
            return Err(Rejection::SlotFull { limit });
        }
        let (position, effect) = slot.push_sealed(sealed.item);
        self.sealing.take(sealed, position, fee_wei);
        self.recent.insert(sealed.item, position);
        effects.push(effect);
        Ok(())
    }

    /// Lets a closed epoch run. From here on its items can be read, so nothing else gets a position before them. What is too
    /// much for one slot goes on in the next ones.
    fn reveal(
        &mut self,
        epoch: u64,
        list: B256,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Rejection> {
        self.sealing.check_reveal(epoch, list)?;
        // Nothing stands before it in its slot, nor late items that came with the end of the slot before.
        self.opened(effects);
        while self.open.as_ref().is_some_and(|slot| slot.items() > 0) {
            self.close(effects);
            self.opened(effects);
        }
        let part = self.sealing.start(epoch);
        self.run(part, effects);
        Ok(())
    }

    fn run(&mut self, part: Option<Part>, effects: &mut Vec<Effect>) {
        let Some(Part { epoch, is_late, listed, items }) = part else { return };
        let slot = self.open.as_mut().expect("epochs run in an open slot");
        let turns = items.iter().map(|item| slot.push_opened(item, is_late)).collect();
        effects.push(Effect::Opening { epoch, is_late, listed, turns });
    }

    /// Ends an epoch behind the record of its last slot.
    fn end_epoch(&mut self, last: &SlotHeader, head: B256, effects: &mut Vec<Effect>) {
        let Some(config) = &self.config.sealing else { return };
        self.sealing.settle();
        let epoch = config.epoch_of(last.number);
        if last.number != config.last_slot(epoch) {
            return;
        }
        if let Some((items, is_late)) = self.sealing.end(epoch, head, self.clock_ms, last) {
            effects.push(Effect::EpochClosed { epoch, head, items, is_late });
        }
    }
}

/// Opening and closing.
impl Lane {
    /// Opens the next slot when none is open.
    fn opened(&mut self, effects: &mut Vec<Effect>) {
        if self.open.is_some() {
            return;
        }
        let header = self.next_header();
        // The last slot's items count as recent until the next slot opens.
        self.recent.forget(header.number, self.config.recent_slots);
        effects.push(Effect::Opened(header.clone()));
        self.open = Some(OpenSlot::new(&self.domain, header));
        if let Some(rest) = self.sealing.go_on() {
            // What is late has its turn in the next slot: in a batch it comes before what is opened.
            return self.run(Some(rest), effects);
        }
        while let Some(epoch) = self.sealing.late() {
            let late = self.sealing.start(epoch);
            self.run(late, effects);
        }
    }

    fn next_header(&self) -> SlotHeader {
        let cell_start = self.clock_ms - self.clock_ms % self.config.slot_ms;
        let (number, earliest_ms) = match self.last {
            // P9: times do not decrease. At the end of time they saturate instead of stopping the lane.
            Some(last) => (last.number.next(), last.unix_ms.saturating_add(1)),
            None => (SlotNumber::new(1), 0),
        };
        SlotHeader {
            number,
            unix_ms: cell_start.max(earliest_ms),
            parent: self.parent(),
            available: self.listed(),
            inbox_cursor: self.inbox_cursor,
            epoch: self.config.sealing.as_ref().map_or(0, |config| config.epoch_of(number)),
        }
    }

    /// Returns the rollups of the next header: those that are available, and those that nobody may leave out now (P8).
    fn listed(&self) -> Vec<NetworkId> {
        let listed: BTreeSet<_> =
            self.available.iter().copied().chain(self.sealing.pinned()).collect();
        listed.into_iter().collect()
    }

    /// Closes the open slot, if any.
    fn close(&mut self, effects: &mut Vec<Effect>) {
        let Some(slot) = self.open.take() else { return };
        let record = slot.record(&self.domain);
        let hash = record.hash(&self.domain);
        let header = slot.header();
        self.last = Some(ClosedSlot { number: header.number, unix_ms: header.unix_ms, hash });
        // P2: section 0 is the inbox in order, so its items move the cursor one by one.
        self.inbox_cursor += u64::from(slot.l1_born());
        effects.push(Effect::Closed { record, hash });
        self.end_epoch(slot.header(), hash, effects);
    }
}
