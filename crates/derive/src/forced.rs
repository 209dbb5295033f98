//! Batches that anybody posts for a silent sequencer: inbox entries and nothing else (P46).

use crate::{
    derivation::{Derivation, Derived},
    inbox::InboxEntry,
    legs::{Legs, Recovered},
    lie::{Lie, LieKind},
    underivable::Underivable,
};
use alloc::{collections::BTreeSet, vec::Vec};
use alloy_primitives::B256;
use weft_batch::Slot;
use weft_evm::{Begin, ClosedBlock};
use weft_lane::{Effect, Input};
use weft_types::SlotNumber;

/// What L1 says of a batch that nobody signed. Its one slot takes the inbox entries up to its cursor, and what follows from
/// them is nobody's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForcedBatch {
    /// Number.
    pub number: u64,
    /// Its slot.
    pub slot: SlotNumber,
    /// Inbox entries in the lane after it.
    pub inbox_cursor: u64,
    /// Time of the L1 block that holds it, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Its hash on L1, which the next batch names as its parent.
    pub hash: B256,
}

impl<S: Begin> Derivation<S> {
    /// Derives the blocks of an inbox-only batch, as [`Self::derive`] does those of a signed one. Its heads are those of all
    /// rollups: L1 lets each of them advance.
    ///
    /// # Errors
    ///
    /// The first [`Lie`], that it does not follow or names entries that are not there, or a state that cannot be read.
    pub fn derive_forced(
        &mut self,
        forced: &ForcedBatch,
        inbox: &[InboxEntry],
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, Underivable<S::Error>> {
        let entries = self.check_forced(forced)?;
        self.begin_exits(forced.inbox_cursor, inbox);
        self.give_up();
        let slot = self.forced_slot(forced, entries, inbox);
        let mut derived = Derived { batch: forced.hash, ..Derived::default() };
        let legs: &mut dyn Legs = &mut Recovered::new(Vec::new());
        self.pass(forced.number, &slot, true, inbox, legs, &mut derived, out)?;
        self.check_exits(|kind| kind.of(forced.number))?;
        for (network, _) in self.realm.networks() {
            let Some((header, hash)) = self.realm.head(network) else { continue };
            derived.heads.insert(network, (header.number, hash));
        }
        self.end(forced.number, forced.hash, &mut derived);
        Ok(derived)
    }

    /// Checks that the batch comes next, and returns how many entries it takes.
    fn check_forced(&self, forced: &ForcedBatch) -> Result<u32, Lie> {
        let (last, _) = self.last();
        let lie = |kind: LieKind| kind.of(forced.number);
        for (is_right, what) in
            [(forced.number == last + 1, "number"), (forced.slot == self.next_slot(), "first slot")]
        {
            if !is_right {
                return Err(lie(LieKind::Sequence { what }));
            }
        }
        let entries = forced.inbox_cursor.checked_sub(self.inbox_cursor);
        let entries = entries.and_then(|entries| u32::try_from(entries).ok());
        let (claimed, derived) = (forced.inbox_cursor, self.inbox_cursor);
        entries.ok_or_else(|| lie(LieKind::Cursor { claimed, derived }))
    }

    /// Returns the slot: it begins when the lane, asked at the time of the L1 block, would let it begin.
    /// Exits have their turn first, whatever the header before says of their rollups.
    fn forced_slot(&self, forced: &ForcedBatch, l1_born: u32, inbox: &[InboxEntry]) -> Slot {
        let (mut trial, mut effects) = (self.lane.clone(), Vec::new());
        let stepped = trial.step(forced.unix_ms, Input::Tick, &mut effects);
        assert_eq!(stepped, Ok(()), "a turn is never refused");
        let header = effects.into_iter().find_map(|effect| match effect {
            Effect::Opened(header) => Some(header),
            _ => None,
        });
        let header = header.expect("no slot is open between batches, so a turn opens one");
        let exits = self.rollups_of_exits(inbox);
        let listed: BTreeSet<_> = header.available.iter().copied().chain(exits).collect();
        let listed = Vec::from_iter(listed);
        let is_so = listed == self.available && listed == header.available;
        let available = (!is_so).then_some(listed);
        Slot { unix_ms: header.unix_ms, l1_born, available, ..Slot::default() }
    }
}

impl Derivation {
    /// Derives the blocks of an inbox-only batch, as [`Self::derive_forced`] does, in memory, which can always be read.
    ///
    /// # Errors
    ///
    /// The first [`Lie`].
    pub fn apply_forced(
        &mut self,
        forced: &ForcedBatch,
        inbox: &[InboxEntry],
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, Lie> {
        self.derive_forced(forced, inbox, out).map_err(Lie::from)
    }
}
