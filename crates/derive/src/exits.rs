//! Exits by state proof go before everything else (P46): L1 paid them out of a settled state, so nothing may run first that moves
//! the same value.
//!
//! L1 has the batch behind an exit consume it, and voids what waited when it came. So the exits among the entries of a batch
//! are those that were paid from the very state that the batch begins with.

use crate::{
    derivation::Derivation,
    inbox::InboxEntry,
    lie::{Lie, LieKind},
    slot::Passage,
    underivable::Underivable,
};
use weft_evm::Begin;
use weft_types::{Exit, Item, L1Event, NetworkId, Outcome, RemovalCause};

/// Returns the exit that an entry is.
fn exit_at(inbox: &[InboxEntry], entry: u64) -> Option<&Exit> {
    let entry = usize::try_from(entry).ok().and_then(|at| inbox.get(at))?;
    match &entry.item.event {
        L1Event::Exit(exit) => Some(exit),
        _ => None,
    }
}

impl<S: Begin> Derivation<S> {
    /// Begins a batch that consumes the inbox up to `reach`: its exits are due before everything else.
    pub(crate) fn begin_exits(&mut self, reach: u64, inbox: &[InboxEntry]) {
        self.reach = reach.min(inbox.len() as u64);
        self.exits =
            (self.inbox_cursor..self.reach).filter(|it| exit_at(inbox, *it).is_some()).collect();
        let rollups = self.exits.iter().filter_map(|entry| exit_at(inbox, *entry));
        let known = &self.lane.config().rollups;
        let strangers = rollups.map(|exit| exit.network).filter(|it| !known.contains(it));
        self.left.extend(strangers);
        self.pass_exits(inbox);
    }

    /// Tells whether exits are due.
    pub(crate) fn has_exits(&self) -> bool {
        !self.exits.is_empty()
    }

    /// Moves the cursor over exits of this batch: they have their turn apart.
    pub(crate) fn pass_exits(&mut self, inbox: &[InboxEntry]) {
        while self.inbox_cursor < self.reach && exit_at(inbox, self.inbox_cursor).is_some() {
            self.inbox_cursor += 1;
        }
    }

    /// Returns the rollups of exits that are due.
    pub(crate) fn rollups_of_exits<'a>(
        &'a self,
        inbox: &'a [InboxEntry],
    ) -> impl Iterator<Item = NetworkId> + 'a {
        let exits = self.exits.iter().filter_map(|entry| exit_at(inbox, *entry));
        exits.map(|exit| exit.network).filter(|it| self.lane.config().rollups.contains(it))
    }

    /// Refuses what comes before an exit that is due.
    pub(crate) fn check_exits(&self, lie: impl FnOnce(LieKind) -> Lie) -> Result<(), Lie> {
        match self.exits.first() {
            Some(entry) => Err(lie(LieKind::ExitsFirst { entry: *entry })),
            None => Ok(()),
        }
    }

    /// Lets exits have their turn, at most `count`; returns how many did.
    pub(crate) fn run_exits(
        &mut self,
        passage: &mut Passage<'_>,
        count: u32,
        inbox: &[InboxEntry],
    ) -> Result<u32, Underivable<S::Error>> {
        for done in 0..count {
            let Some(entry) = self.exits.first().copied() else { return Ok(done) };
            let at = usize::try_from(entry).expect("it was looked at");
            let item = Item::L1Born(inbox[at].item.clone());
            let (_, outcome) = self.place(passage, &item)?;
            // Nobody delays an exit by calling its rollup unavailable: another outcome could settle that still holds what left.
            let is_away = |cause| cause == RemovalCause::Unavailable;
            if matches!(outcome, Outcome::Removed(removal) if is_away(removal.cause)) {
                return Err(passage.lie(LieKind::ExitsFirst { entry }).into());
            }
            self.exits.pop_first();
        }
        Ok(count)
    }
}
