//! From one slot to the next.

use crate::{
    admission::{is_dead, submission},
    derivation::{Derivation, Derived},
    genesis::{self, ether},
    inbox::InboxEntry,
    legs::Legs,
    lie::{Lie, LieKind},
    sealed::Part,
    underivable::Underivable,
};
use alloc::{string::String, vec, vec::Vec};
use alloy_primitives::B256;
use core::{iter::Peekable, slice};
use weft_batch::{ClaimedRemoval, ReorgedEntry, Slot, WireBundle, WireItem, WireLeg};
use weft_evm::{Begin, ClosedBlock};
use weft_lane::{Effect, Input, Rejection, Turn};
use weft_types::{
    Bundle, Halt, InvalidReason, Item, L1Born, L1Event, Leg, NetworkId, Outcome, Position, Removal,
    Section, SlotHeader, SlotNumber,
};

/// A slot on its way.
pub(crate) struct Passage<'a> {
    pub(crate) batch: u64,
    pub(crate) number: SlotNumber,
    pub(crate) slot: &'a Slot,
    pub(crate) derived: &'a mut Derived,
    halts: Peekable<slice::Iter<'a, Halt>>,
    removals: Peekable<slice::Iter<'a, ClaimedRemoval>>,
    /// What got a position with a chain.
    pub(crate) sealed: Vec<B256>,
    pub(crate) plaintext: Vec<B256>,
    /// The rest of an epoch that began in a slot before, or the next part of it.
    pub(crate) goes_on: Option<(u64, Part)>,
    /// True when anything got a position or had its turn.
    pub(crate) has_items: bool,
    /// True when nobody claims anything about it: what is derived is compared with nothing.
    pub(crate) is_forced: bool,
}

impl Passage<'_> {
    pub(crate) fn lie(&self, kind: LieKind) -> Lie {
        kind.at(self.batch, self.number)
    }

    pub(crate) const fn now_ms(&self) -> u64 {
        self.slot.unix_ms
    }

    const fn position(&self, section: Section, index: u32) -> Position {
        Position { slot: self.number, section, index }
    }
}

impl<S: Begin> Derivation<S> {
    #[expect(clippy::too_many_arguments, reason = "what a batch is made of, once")]
    pub(crate) fn slot(
        &mut self,
        batch: u64,
        number: SlotNumber,
        slot: &Slot,
        is_forced: bool,
        inbox: &[InboxEntry],
        legs: &mut dyn Legs,
        derived: &mut Derived,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<(), Underivable<S::Error>> {
        let mut passage = Passage {
            batch,
            number,
            slot,
            derived,
            halts: slot.halts.iter().peekable(),
            removals: slot.removals.iter().peekable(),
            sealed: Vec::new(),
            plaintext: Vec::new(),
            goes_on: None,
            has_items: false,
            is_forced,
        };
        let passage = &mut passage;
        self.join(passage)?;
        self.open(passage)?;
        if passage.slot.opening.is_some() {
            self.check_exits(|kind| passage.lie(kind))?;
        }
        self.opening(passage, legs)?;
        self.announce(passage)?;
        self.born(passage, inbox)?;
        self.seal(passage)?;
        if !passage.slot.plaintext.is_empty() {
            self.check_exits(|kind| passage.lie(kind))?;
        }
        self.plaintext(passage, legs)?;
        self.end_items(passage)?;
        self.close(passage, out)
    }

    fn join(&mut self, passage: &Passage<'_>) -> Result<(), Lie> {
        for genesis in &passage.slot.joined {
            let network = genesis.network();
            let wrong = |why| Err(passage.lie(LieKind::Join(why)).network(network));
            if genesis.is_home {
                return wrong("deposits lie elsewhere");
            }
            if self.left.contains(&network) {
                return wrong("accounts left it by state proof before it joined");
            }
            if let Err(rejection) = self.step(passage.now_ms(), Input::Join { network }) {
                return Err(passage.lie(LieKind::Lane(rejection)).network(network));
            }
            let rollup = genesis::rollup(genesis);
            let wei = ether(&rollup);
            self.realm.join(rollup.begun(), wei);
        }
        Ok(())
    }

    /// Gives the lane an input; returns what follows.
    pub(crate) fn step(
        &mut self,
        now_ms: u64,
        input: Input,
    ) -> Result<Vec<Effect>, weft_lane::Rejection> {
        let mut effects = Vec::new();
        self.lane.step(now_ms, input, &mut effects)?;
        Ok(effects)
    }

    fn open(&mut self, passage: &mut Passage<'_>) -> Result<(), Underivable<S::Error>> {
        let lane = |rejection| passage.lie(LieKind::Lane(rejection));
        if let Some(list) = &passage.slot.available {
            self.set_available(passage, list)?;
            self.available.clone_from(list);
        }
        let effects = self.step(passage.now_ms(), Input::Tick).map_err(lane)?;
        let mut effects = effects.into_iter();
        let Some(Effect::Opened(header)) = effects.next() else {
            unreachable!("no slot is open, so a turn opens one");
        };
        self.check_header(passage, &header)?;
        self.realm.open_slot(header).map_err(Underivable::of)?;
        for effect in effects {
            match effect {
                Effect::Opening { epoch, is_late: true, listed, turns } => {
                    self.run_late(passage, epoch, Part { listed, turns })?;
                }
                Effect::Opening { epoch, listed, turns, .. } => {
                    passage.goes_on = Some((epoch, Part { listed, turns }));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn set_available(&mut self, passage: &Passage<'_>, list: &[NetworkId]) -> Result<(), Lie> {
        let known = self.lane.config().rollups.clone();
        if let Some(unknown) = list.iter().find(|network| !known.contains(network)) {
            let claimed = list.to_vec();
            let kind = LieKind::Availability { claimed, derived: known };
            return Err(passage.lie(kind).network(*unknown));
        }
        for network in known {
            let available = list.contains(&network);
            let stepped = self.step(0, Input::SetAvailable { network, available });
            stepped.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
        }
        Ok(())
    }

    fn check_header(&self, passage: &Passage<'_>, header: &SlotHeader) -> Result<(), Lie> {
        let (claimed, derived) = (passage.slot.unix_ms, header.unix_ms);
        if claimed != derived {
            return Err(passage.lie(LieKind::Time { claimed, derived }));
        }
        if self.available != header.available {
            let (claimed, derived) = (self.available.clone(), header.available.clone());
            return Err(passage.lie(LieKind::Availability { claimed, derived }));
        }
        Ok(())
    }

    /// Inserts what L1 says is next (P46).
    fn born(
        &mut self,
        passage: &mut Passage<'_>,
        inbox: &[InboxEntry],
    ) -> Result<(), Underivable<S::Error>> {
        if passage.slot.l1_born > 0 && passage.has_items {
            // Places increase in the order in which items run (P27), and the lane lets what was opened run first.
            let (epoch, why) = (self.open_epoch(), "runs in a slot with inbox entries");
            return Err(passage.lie(LieKind::Epoch { epoch, why }).into());
        }
        let exits = self.run_exits(passage, passage.slot.l1_born, inbox)?;
        if exits < passage.slot.l1_born {
            self.check_exits(|kind| passage.lie(kind))?;
        }
        let mut reorged = passage.slot.reorged.iter().peekable();
        for index in exits..passage.slot.l1_born {
            if let Some(claimed) = reorged.next_if(|claimed| claimed.index == index) {
                self.reorged(passage, *claimed, inbox)?;
                continue;
            }
            let entry = self.inbox_cursor;
            let found = usize::try_from(entry).ok().and_then(|at| inbox.get(at));
            let Some(found) = found else {
                return Err(passage.lie(LieKind::NoEntry { entry }).into());
            };
            // An inbox-only batch has one slot, and L1 says what is in it.
            if !passage.is_forced && self.realm.must_wait(&found.item.event) {
                return Err(passage.lie(LieKind::Crowded { entry }).into());
            }
            let item = Item::L1Born(found.item.clone());
            self.place(passage, &item)?;
            self.inbox_cursor += 1;
            self.pass_exits(inbox);
        }
        if let Some(claimed) = reorged.next() {
            return Err(passage.lie(LieKind::NoItem { section: 0, index: claimed.index }).into());
        }
        Ok(self.check_window(passage, inbox)?)
    }

    /// Lets an entry of an abandoned L1 block have its turn, in which nothing happens (P48).
    fn reorged(
        &mut self,
        passage: &mut Passage<'_>,
        claimed: ReorgedEntry,
        inbox: &[InboxEntry],
    ) -> Result<(), Underivable<S::Error>> {
        let ReorgedEntry { origin, item, .. } = claimed;
        if inbox.iter().any(|entry| entry.item.origin == origin) {
            return Err(passage.lie(LieKind::Canonical { origin }).into());
        }
        self.place(passage, &Item::L1Born(L1Born { origin, event: L1Event::Reorged(item) }))?;
        self.reorged.get_or_insert(passage.number);
        Ok(())
    }

    fn check_window(&self, passage: &Passage<'_>, inbox: &[InboxEntry]) -> Result<(), Lie> {
        let (entry, window_ms) = (self.inbox_cursor, self.config.inbox_window_ms);
        let oldest = usize::try_from(entry).ok().and_then(|at| inbox.get(at));
        let age_ms = oldest.map_or(0, |oldest| passage.now_ms().saturating_sub(oldest.unix_ms));
        // One that has no room beside those before it runs first in the next slot.
        let waits = passage.slot.l1_born > 0
            && oldest.is_some_and(|oldest| self.realm.must_wait(&oldest.item.event));
        // How far an inbox-only batch goes is checked on L1.
        if window_ms == 0 || age_ms <= window_ms || waits || passage.is_forced {
            return Ok(());
        }
        Err(passage.lie(LieKind::Skipped { entry, age_ms, window_ms }))
    }

    pub(crate) fn open_epoch(&self) -> u64 {
        self.lane.open_slot().map_or(0, |header| header.epoch)
    }

    fn plaintext(
        &mut self,
        passage: &mut Passage<'_>,
        legs: &mut dyn Legs,
    ) -> Result<(), Underivable<S::Error>> {
        let mut legs = ToItems { legs, domain: self.config.domain };
        for (index, wire) in (0..).zip(&passage.slot.plaintext) {
            let position = passage.position(Section::Plaintext, index);
            let item = legs.item(wire).map_err(|kind| passage.lie(kind).position(position))?;
            let (hash, _) = self.place(passage, &item)?;
            passage.plaintext.push(hash);
        }
        Ok(())
    }

    /// Gives an item the next position of its section and lets it run; returns its hash, and what became of it.
    pub(crate) fn place(
        &mut self,
        passage: &mut Passage<'_>,
        item: &Item,
    ) -> Result<(B256, Outcome), Underivable<S::Error>> {
        let hash = item.hash(&self.config.domain);
        let submit = Input::Submit(submission(item, hash));
        let mut step = self.step(passage.now_ms(), submit.clone());
        if let Err(Rejection::Duplicate { position, .. }) = step
            && self.reorged.is_some_and(|gone| gone <= position.slot)
        {
            // P48: it was removed at its first position, until L1 took back what stands before that. Both positions stand.
            let released = self.step(0, Input::Release { item: hash });
            assert_eq!(released, Ok(vec![]), "releases change no slot");
            step = self.step(passage.now_ms(), submit);
        }
        let effects = step.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
        let [Effect::Positioned { position, .. }] = effects[..] else {
            unreachable!("an item in an open slot has a position and nothing else: {effects:?}");
        };
        Ok((hash, self.run(passage, position, item, hash)?))
    }

    /// Runs an item at its position and compares its fate with what is said of it; returns its fate.
    pub(crate) fn run(
        &mut self,
        passage: &mut Passage<'_>,
        position: Position,
        item: &Item,
        hash: B256,
    ) -> Result<Outcome, Underivable<S::Error>> {
        let place = (position.section, position.index);
        while let Some(halt) = passage.halts.next_if(|halt| (halt.section, halt.index) <= place) {
            self.halt(passage, *halt)?;
        }
        let applied = self.realm.apply(position, item).map_err(Underivable::of_fold)?;
        passage.has_items = true;
        passage.derived.items += 1;
        passage.derived.fates.push(self.fate(item, hash, &applied));
        let removal = match &applied.outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal.clone()),
        };
        let claimed = passage.removals.next_if(|said| (said.section, said.index) == place);
        let claimed = claimed.map(|claimed| claimed.cause);
        let is_false = claimed != removal.as_ref().map(|removal| removal.cause);
        if is_false && !passage.is_forced {
            return Err(false_fate(passage, position, claimed, removal).into());
        }
        let Some(removal) = removal else { return Ok(applied.outcome) };
        passage.derived.removed += 1;
        if !is_dead(&removal, item.bundle().is_none_or(Bundle::is_marked)) {
            let released = self.step(0, Input::Release { item: hash });
            assert_eq!(released, Ok(vec![]), "releases change no slot");
        }
        Ok(applied.outcome)
    }

    /// A rollup stops: its items are removed from here on, and no later header lists it (P8). The lane knows where that would
    /// be a veto after reading (T1).
    fn halt(&mut self, passage: &Passage<'_>, halt: Halt) -> Result<(), Lie> {
        let Halt { section, index, network } = halt;
        if let Err(rejection) = self.step(passage.now_ms(), Input::Halt(halt)) {
            let lie = passage.lie(LieKind::Lane(rejection)).network(network);
            return Err(lie.position(passage.position(section, index)));
        }
        self.realm.set_available(network, false);
        Ok(())
    }

    fn end_items(&mut self, passage: &mut Passage<'_>) -> Result<(), Lie> {
        while let Some(halt) = passage.halts.next() {
            self.halt(passage, *halt)?;
        }
        match passage.removals.next() {
            Some(ClaimedRemoval { section, index, .. }) => {
                let (section, index) = (*section as u8, *index);
                Err(passage.lie(LieKind::NoItem { section, index }))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn run_turn(
        &mut self,
        passage: &mut Passage<'_>,
        turn: &Turn,
        sealed: weft_types::Sealed,
    ) -> Result<(), Underivable<S::Error>> {
        self.run(passage, turn.position, &Item::Sealed(sealed), turn.item).map(|_| ())
    }
}

/// Says that an item has another fate than the batch says.
fn false_fate(
    passage: &Passage<'_>,
    position: Position,
    claimed: Option<weft_types::RemovalCause>,
    removal: Option<Removal>,
) -> Lie {
    let network = removal.as_ref().map(|removal| removal.network);
    let kind = match (claimed, removal) {
        (None, Some(Removal { invalid: Some(InvalidReason::Unbundled), tx_hash, .. })) => {
            LieKind::Unbundled { tx: tx_hash.unwrap_or_default() }
        }
        (claimed, removal) => LieKind::Removal {
            claimed,
            derived: removal.as_ref().map(|removal| removal.cause),
            reason: removal.map_or_else(String::new, |removal| removal.reason),
        },
    };
    let lie = passage.lie(kind).position(position);
    network.filter(|network| *network != NetworkId::L1).map_or(lie.clone(), |on| lie.network(on))
}

/// Reads a plaintext item of a batch.
///
/// # Errors
///
/// [`LieKind::Leg`], [`LieKind::Bundle`].
pub fn item_of(
    wire: &WireItem,
    domain: &weft_types::Domain,
    legs: &mut dyn Legs,
) -> Result<Item, LieKind> {
    ToItems { legs, domain: *domain }.item(wire)
}

/// Makes items of their bytes.
struct ToItems<'a> {
    legs: &'a mut dyn Legs,
    domain: weft_types::Domain,
}

impl ToItems<'_> {
    fn item(&mut self, wire: &WireItem) -> Result<Item, LieKind> {
        match wire {
            WireItem::Transaction(leg) => self.leg(leg).map(Item::Transaction),
            WireItem::Bundle(WireBundle { salt, level, legs }) => {
                let legs = legs.iter().map(|leg| self.leg(leg)).collect::<Result<_, _>>()?;
                let bundle = Bundle::new(&self.domain, *salt, *level, legs);
                bundle.map(Item::Bundle).map_err(LieKind::Bundle)
            }
        }
    }

    fn leg(&mut self, wire: &WireLeg) -> Result<Leg, LieKind> {
        let tx = self.legs.next(wire).map_err(LieKind::Leg)?;
        Ok(Leg { network: wire.network, tx, may_revert: wire.may_revert })
    }
}
