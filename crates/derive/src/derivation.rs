//! From one batch to the next.

use crate::{
    fate::Fate,
    genesis::{self, ether},
    inbox::InboxEntry,
    legs::Legs,
    lie::{Lie, LieKind},
    sealed::Epoch,
    underivable::Underivable,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    string::ToString as _,
    vec::Vec,
};
use alloy_primitives::B256;
use revm::DatabaseRef;
use thiserror::Error;
use weft_batch::{ClaimedHead, RealmConfig, SignedBatch, Slot};
use weft_crypto::Setup;
use weft_evm::{Begin, ClosedBlock, Escrow, Heads, MemoryState, Net, Realm, Rollup, TokenId};
use weft_lane::Lane;
use weft_types::{NetworkId, SlotNumber};

/// A realm as its batches say it is, so far.
///
/// After a [`Lie`] it is of no use.
#[derive(Debug)]
pub struct Derivation<S: DatabaseRef = MemoryState> {
    pub(crate) config: RealmConfig,
    pub(crate) hash: B256,
    pub(crate) setup: Option<Setup>,
    pub(crate) lane: Lane,
    pub(crate) realm: Realm<S>,
    pub(crate) epochs: BTreeMap<u64, Epoch>,
    /// Rollups that the last header lists.
    pub(crate) available: Vec<NetworkId>,
    /// Inbox entries in the lane, or among `exits`.
    pub(crate) inbox_cursor: u64,
    /// Exits of the batch that have no position yet: they come before everything else.
    pub(crate) exits: BTreeSet<u64>,
    /// Rollups that accounts left before they joined.
    pub(crate) left: BTreeSet<NetworkId>,
    /// Inbox entries that the batch consumes.
    pub(crate) reach: u64,
    /// First slot with an entry that L1 took back.
    pub(crate) reorged: Option<SlotNumber>,
    /// Batches so far, and the hash of the last one.
    batches: u64,
    parent: B256,
    /// Number of the next slot.
    next: SlotNumber,
}

/// What a batch led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Derived {
    /// Hash of the batch.
    pub batch: B256,
    /// Slots.
    pub slots: u64,
    /// Items that had their turn.
    pub items: u64,
    /// Items that were removed.
    pub removed: u64,
    /// Transactions in blocks, system transactions included.
    pub transactions: u64,
    /// Blocks.
    pub blocks: u64,
    /// Last block of every rollup that has a new one.
    pub heads: BTreeMap<NetworkId, (u64, B256)>,
    /// What became of every item, in the order of their turns.
    pub fates: Vec<Fate>,
    /// What moved between rollups, as [`Escrow::take_moved`] says it.
    pub moved: BTreeMap<(NetworkId, TokenId), Net>,
}

/// Reason for refusing a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the realm cannot be made: {0}")]
pub struct InvalidRealm(String);

impl<S: Begin> Derivation<S> {
    /// Begins before the first slot of a realm, with states of any kind.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`] when the configuration makes no realm.
    pub fn begin(config: RealmConfig) -> Result<Self, InvalidRealm> {
        let wrong = |why: String| InvalidRealm(why);
        let (domain, hash) = (config.domain, config.hash());
        let lane = Lane::new(domain, config.lane.clone());
        let lane = lane.map_err(|error| wrong(error.to_string()))?;
        let setup = config.sealing.as_ref().map(|sealing| Setup::decode(&sealing.setup));
        let setup = setup.transpose().map_err(|error| wrong(error.to_string()))?;
        let home = config.lane.sealing.as_ref().map(|sealing| sealing.home);
        let homes = config.rollups.iter().filter(|rollup| rollup.is_home);
        if homes.map(|rollup| rollup.network()).ne(home) {
            return Err(wrong("deposits lie on another rollup than the lane says".to_string()));
        }
        let rollups: Vec<_> = config.rollups.iter().map(genesis::rollup).collect();
        let mut escrow = Escrow::default();
        escrow.remember_moves();
        for rollup in &rollups {
            escrow.set(rollup.spec.network, TokenId::ETHER, ether(rollup));
        }
        let begun = rollups.into_iter().map(Rollup::begun);
        let available = config.lane.rollups.clone();
        Ok(Self {
            config,
            hash,
            setup,
            lane,
            realm: Realm::new(domain, begun.collect(), escrow, Heads::default()),
            epochs: BTreeMap::new(),
            available,
            inbox_cursor: 0,
            exits: BTreeSet::new(),
            left: BTreeSet::new(),
            reach: 0,
            reorged: None,
            batches: 0,
            parent: B256::ZERO,
            next: SlotNumber::new(1),
        })
    }

    /// Returns the realm after the last batch.
    pub const fn realm(&self) -> &Realm<S> {
        &self.realm
    }

    /// Returns the configuration.
    pub const fn config(&self) -> &RealmConfig {
        &self.config
    }

    /// Returns the number of batches so far, and the hash of the last one.
    pub const fn last(&self) -> (u64, B256) {
        (self.batches, self.parent)
    }

    /// Returns the realm after the last batch, to change what its states show.
    pub const fn realm_mut(&mut self) -> &mut Realm<S> {
        &mut self.realm
    }

    /// Derives the blocks of the next batch; `out` hears of each as it closes. `inbox` are all entries from the first on.
    ///
    /// # Errors
    ///
    /// The first [`Lie`], or a state that cannot be read.
    pub fn derive(
        &mut self,
        signed: &SignedBatch,
        inbox: &[InboxEntry],
        legs: &mut dyn Legs,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, Underivable<S::Error>> {
        let batch = &signed.batch;
        let hash = batch.hash(&self.config.domain);
        self.check_start(signed, hash)?;
        self.begin_exits(batch.inbox_cursor, inbox);
        if self.has_exits() {
            self.give_up();
        }
        let mut derived = Derived { batch: hash, ..Derived::default() };
        for slot in &batch.slots {
            self.pass(batch.number, slot, false, inbox, legs, &mut derived, out)?;
        }
        self.check_end(signed, &derived)?;
        self.check_exits(|kind| kind.of(batch.number))?;
        self.end(batch.number, hash, &mut derived);
        Ok(derived)
    }

    /// Goes through the next slot.
    #[expect(clippy::too_many_arguments, reason = "what a batch is made of, once")]
    pub(crate) fn pass(
        &mut self,
        batch: u64,
        slot: &Slot,
        is_forced: bool,
        inbox: &[InboxEntry],
        legs: &mut dyn Legs,
        derived: &mut Derived,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<(), Underivable<S::Error>> {
        let number = self.next;
        self.slot(batch, number, slot, is_forced, inbox, legs, derived, out)?;
        self.next = number.next();
        derived.slots += 1;
        Ok(())
    }

    /// Notes that a batch is over.
    pub(crate) fn end(&mut self, number: u64, hash: B256, derived: &mut Derived) {
        derived.moved = self.realm.escrow_mut().take_moved();
        (self.batches, self.parent) = (number, hash);
    }

    /// Returns the number of the next slot.
    pub(crate) const fn next_slot(&self) -> SlotNumber {
        self.next
    }

    fn check_start(&self, signed: &SignedBatch, hash: B256) -> Result<(), Lie> {
        let batch = &signed.batch;
        let lie = |kind: LieKind| Err(kind.of(batch.number));
        let (found, expected) = (signed.signature.signer(hash), self.config.sequencer);
        if found != Some(expected) {
            return lie(LieKind::Signature { found, expected });
        }
        if batch.config != self.hash {
            return lie(LieKind::Config { found: batch.config, expected: self.hash });
        }
        for (is_right, what) in [
            (batch.number == self.batches + 1, "number"),
            (batch.parent == self.parent, "parent"),
            (batch.first == self.next, "first slot"),
        ] {
            if !is_right {
                return lie(LieKind::Sequence { what });
            }
        }
        Ok(())
    }

    fn check_end(&self, signed: &SignedBatch, derived: &Derived) -> Result<(), Lie> {
        let batch = &signed.batch;
        let record = self.lane.parent();
        if batch.end != record {
            let claimed = Some(weft_batch::tag(&batch.end));
            let kind = LieKind::Order { claimed, derived: record };
            return Err(kind.at(batch.number, batch.last()));
        }
        if batch.inbox_cursor != self.inbox_cursor {
            let (claimed, derived) = (batch.inbox_cursor, self.inbox_cursor);
            return Err(LieKind::Cursor { claimed, derived }.of(batch.number));
        }
        let claimed = batch.heads.iter();
        let claimed: BTreeMap<_, _> = claimed
            .map(|ClaimedHead { network, number, hash }| (*network, (*number, *hash)))
            .collect();
        let networks = claimed.keys().chain(derived.heads.keys());
        for network in networks {
            let (said, found) = (claimed.get(network), derived.heads.get(network));
            if said != found {
                let kind = LieKind::Head { claimed: said.copied(), derived: found.copied() };
                return Err(kind.at(batch.number, batch.last()).network(*network));
            }
        }
        Ok(())
    }
}

impl Derivation {
    /// Begins before the first slot of a realm, in memory.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`] when the configuration makes no realm.
    pub fn new(config: RealmConfig) -> Result<Self, InvalidRealm> {
        Self::begin(config)
    }

    /// Returns a copy that goes on from here by itself: where derivation comes back to when the batches that follow are void.
    /// Costs a copy of all states.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            config: self.config.clone(),
            hash: self.hash,
            setup: self.setup.clone(),
            lane: self.lane.clone(),
            realm: self.realm.fork(),
            epochs: self.epochs.clone(),
            available: self.available.clone(),
            inbox_cursor: self.inbox_cursor,
            exits: self.exits.clone(),
            left: self.left.clone(),
            reach: self.reach,
            reorged: self.reorged,
            batches: self.batches,
            parent: self.parent,
            next: self.next,
        }
    }

    /// Derives the blocks of the next batch, as [`Self::derive`] does, in memory, which can always be read.
    ///
    /// # Errors
    ///
    /// The first [`Lie`].
    pub fn apply(
        &mut self,
        signed: &SignedBatch,
        inbox: &[InboxEntry],
        legs: &mut dyn Legs,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, Lie> {
        self.derive(signed, inbox, legs, out).map_err(Lie::from)
    }
}
