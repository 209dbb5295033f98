//! From closed slots to batches of the database, without waiting for them.

use super::{Engine, log::Log};
use crate::{
    batches::{BatchDir, LiveBatches, Recorder, Resumed, realm_config},
    config::DevConfig,
    error::NodeError,
    keep::{
        BATCHED, BATCHING, BUNDLES, COMMITMENTS, Done, ELEMENTS, FACTS, Keeper, MOMENT, Mirror,
        Moment, NOTICES, News, Order, Restored, Shelf, Undos, put_accounts, put_waiting,
    },
    notices::{Committed, Fresh},
    promises::{Promises, bundle_of, row_key},
    record::Genesis,
    slots::{MAX_SLOTS, SlotRecord},
    store::StoredBlock,
};
use alloy_primitives::B256;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_commitment::SignedCommitment;
use weft_evidence::{EpochNotice, Signed};
use weft_journal::Ticket;
use weft_state::{Database, Durability, StoreError, under};
use weft_types::{CodecError, Decode as _, Encode as _, NetworkId, SignedPromise, SlotNumber};

/// Most commits that may be only in the operating system's hands.
const SAFE_AFTER: u32 = 64;
/// Slots without anything to tell that share one commit.
const QUIET_SLOTS: u32 = 256;
/// Slots that share one commit while the log is repeated.
const REPEATED_SLOTS: u32 = 1024;
/// Bytes of blocks that wait for the database, after which nothing more is accepted.
const MAX_WAITING_BYTES: usize = 256 << 20;

/// Slots whose commitments can be opened.
const OPENED_SLOTS: u64 = 1 << 12;

/// Epochs whose bundles' promises are kept.
const BUNDLE_EPOCHS: u64 = 1 << 8;

/// The way into the database.
#[derive(Debug)]
pub(super) struct Keeping {
    database: Database,
    keeper: Keeper,
    /// What happened since the last order.
    news: News,
    accounts: (Mirror, Mirror),
    waiting: Mirror,
    /// Versions of pool and bundles that `waiting` mirrors.
    waiting_version: Option<(u64, u64)>,
    /// Numbers at which the rows of outcomes begin that are in the database or on their way.
    outcome_rows: VecDeque<u64>,
    /// Number of the first outcome that is not.
    next_outcome: u64,
    /// Slots with items that are in the database or on their way.
    slots: VecDeque<u64>,
    shelves: BTreeMap<NetworkId, Shelf>,
    /// Last blocks of the order that is being carried out.
    ordered: Vec<(NetworkId, u64)>,
    /// First slot of the rows for batches.
    first_batched: u64,
    /// Slots closed since the last order.
    closed: u32,
    /// Commits since the last safe one.
    unsafe_commits: u32,
    last_safe: Instant,
    /// Last record covered by a safe commit.
    safe: u64,
    keeps_log: bool,
    sync_every: Duration,
    /// Slot before which no elements are kept.
    forgotten: Option<u64>,
    /// Epoch before which no promises of bundles are kept.
    bundles_from: u64,
    /// The way back, for as long as L1 may take something back.
    undos: Undos,
}

impl Keeping {
    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// Begins with an empty database.
    pub(super) fn new(database: Database, config: &DevConfig) -> Result<Self, NodeError> {
        let keeper = Keeper::start(database.clone());
        let keeper = keeper
            .map_err(|error| NodeError::Config(format!("no thread for the state: {error}")))?;
        Ok(Self {
            database,
            keeper,
            news: News::default(),
            accounts: Default::default(),
            waiting: Mirror::default(),
            waiting_version: None,
            outcome_rows: VecDeque::new(),
            next_outcome: 0,
            slots: VecDeque::new(),
            shelves: BTreeMap::new(),
            ordered: Vec::new(),
            first_batched: 0,
            closed: 0,
            unsafe_commits: 0,
            last_safe: Instant::now(),
            safe: 0,
            keeps_log: config.keep_log,
            sync_every: Duration::from_millis(config.state_sync_ms),
            forgotten: None,
            bundles_from: 0,
            undos: Undos::default(),
        })
    }

    /// Notes what the realm begins with.
    pub(super) fn begin(
        &mut self,
        genesis: &Genesis,
        blocks: impl Iterator<Item = (NetworkId, Arc<StoredBlock>)>,
    ) {
        self.news.genesis(genesis);
        blocks.for_each(|(network, block)| self.news.block(network, block));
    }

    /// Notes a closed block.
    pub(super) fn block(&mut self, network: NetworkId, block: Arc<StoredBlock>) {
        self.news.block(network, block);
    }

    /// Notes that a slot closed, with its record when it had items.
    fn slot(&mut self, record: Option<Arc<SlotRecord>>) {
        self.closed += 1;
        let Some(record) = record else { return };
        self.slots.push_back(record.header.number.get());
        let forgotten = (self.slots.len() > MAX_SLOTS).then(|| self.slots.pop_front()).flatten();
        self.news.slot(record, forgotten);
    }

    /// Forgets the rows of outcomes that end before number `first`.
    fn forget_outcomes(&mut self, first: u64) {
        while self.outcome_rows.get(1).is_some_and(|next| *next <= first)
            && let Some(row) = self.outcome_rows.pop_front()
        {
            self.news.forget_outcomes(row);
        }
    }

    /// Notes what was signed, and forgets what is too old.
    fn notices(&mut self, signed: &[Fresh]) -> Result<(), StoreError> {
        for fresh in signed {
            match fresh {
                Fresh::Commitment(committed) => {
                    let slot = committed.vector.slot().get();
                    let key = slot.to_be_bytes();
                    self.news.rows.put(COMMITMENTS, key, committed.signed.encode());
                    self.news.rows.put(ELEMENTS, key, committed.elements());
                    self.forget_elements(slot);
                }
                Fresh::Epoch(notice) => {
                    let key = notice.notice.epoch.to_be_bytes();
                    self.news.rows.put(NOTICES, key, notice.encode());
                }
                Fresh::Bundle(promise) => {
                    let Some((epoch, name)) = bundle_of(promise) else { continue };
                    self.news.rows.put(BUNDLES, row_key(epoch, &name), promise.encode());
                    self.forget_bundles(epoch)?;
                }
            }
        }
        Ok(())
    }

    /// Forgets the promises of bundles of epochs long before this one.
    fn forget_bundles(&mut self, epoch: u64) -> Result<(), StoreError> {
        let over = epoch.saturating_sub(BUNDLE_EPOCHS);
        if self.bundles_from >= over {
            return Ok(());
        }
        let view = self.database.view()?;
        let end = over.to_be_bytes();
        for pair in view.range(BUNDLES, (Bound::Unbounded, Bound::Excluded(&end)))? {
            self.news.rows.delete(BUNDLES, pair?.0);
        }
        self.bundles_from = over;
        Ok(())
    }

    /// Forgets what slots long before this one are opened with.
    fn forget_elements(&mut self, slot: u64) {
        let over = slot.saturating_sub(OPENED_SLOTS);
        // After a start nobody remembers how far this came; one that stood still for longer leaves some behind.
        let from = self.forgotten.unwrap_or_else(|| over.saturating_sub(OPENED_SLOTS));
        for slot in from..over {
            self.news.rows.delete(ELEMENTS, slot.to_be_bytes());
        }
        self.forgotten = Some(over.max(from));
    }

    /// Returns how the next order would have to be committed, when there is a reason for one.
    fn due(&self, is_repeating: bool) -> Option<Durability> {
        let is_large = self.news.bytes() > MAX_WAITING_BYTES / 8;
        if is_repeating {
            // What is repeated may be in memory only until the log is open, and must not be ahead of the disk.
            let is_due = self.closed >= REPEATED_SLOTS || is_large;
            return is_due.then_some(Durability::Later);
        }
        // Slots share commits: what is often written is written once, and the log has it all.
        if self.last_safe.elapsed() >= self.sync_every {
            let has_news = !self.news.is_empty() || self.closed >= QUIET_SLOTS;
            return (has_news || self.unsafe_commits > 0).then_some(Durability::Safe);
        }
        let is_safe = self.unsafe_commits + 1 >= SAFE_AFTER;
        is_large.then_some(if is_safe { Durability::Safe } else { Durability::Later })
    }
}

impl Engine {
    /// Notes a closed slot for the database.
    pub(super) fn keep_slot(&mut self, slot: SlotNumber, record: Option<Arc<SlotRecord>>) {
        let Some(keeping) = &mut self.keeping else { return };
        keeping.slot(record);
        let recent = self.lane.recent_in(slot).collect();
        keeping.news.recent(slot.get(), recent, self.lane.config().recent_slots);
    }

    /// Hands over what closed slots led to, when it is time and the keeper is free.
    pub(super) fn keep(&mut self) {
        self.release_batches();
        let Log::Open(log) = &self.log else { return };
        if self.keeping.as_ref().is_some_and(|keeping| keeping.closed > 0) {
            let last = log.last();
            self.keep_up_to(last.sequence(), Some(last));
        }
    }

    /// Lets batches that ended be written once the inputs that they rest on are on disk.
    fn release_batches(&mut self) {
        if self.is_repeating() {
            return;
        }
        let Some(batches) = &mut self.batches else { return };
        if let Some(ended) = batches.take_ended() {
            self.when_durable(ended);
        }
        let failure = self.batches.as_mut().and_then(Recorder::failure);
        if let Some(why) = failure {
            self.break_down(format!("batches cannot be written: {why}"));
        }
    }

    /// Hands over what repeating the log led to, when record `sequence` was the last.
    pub(super) fn keep_repeated(&mut self, sequence: u64) {
        if self.keeping.as_ref().is_some_and(|keeping| keeping.closed > 0) {
            self.keep_up_to(sequence, None);
        }
    }

    fn keep_up_to(&mut self, sequence: u64, after: Option<Ticket>) {
        self.collect_kept();
        let Some(keeping) = &self.keeping else { return };
        if keeping.keeper.is_busy() || keeping.keeper.failure().is_some() || self.is_broken() {
            return;
        }
        let Some(durability) = keeping.due(after.is_none()) else { return };
        if let Err(error) = self.order(sequence, durability, after) {
            self.break_down(format!("the state cannot be kept: {error}"));
        }
    }

    fn order(
        &mut self,
        sequence: u64,
        durability: Durability,
        after: Option<Ticket>,
    ) -> Result<(), StoreError> {
        // A slot that has items is in the log alone.
        let Some(moment) = self.standing(sequence) else { return Ok(()) };
        let states = self.realm.states_mut().map(weft_state::ChainState::staged);
        let states = states.collect::<Result<Vec<_>, _>>()?;
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        let (escrow, heads) = (self.realm.escrow(), self.realm.heads());
        put_accounts(&mut keeping.accounts, escrow, heads, &mut keeping.news.rows);
        let versions = Some((self.pool.version(), self.bundles.version()));
        if keeping.waiting_version != versions {
            let rows = &mut keeping.news.rows;
            put_waiting(&mut keeping.waiting, &self.pool, &self.bundles, rows);
            keeping.waiting_version = versions;
        }
        if let Some((rows, first, standing)) = self.batches.as_mut().and_then(Recorder::take_rows) {
            let written = keeping.first_batched..first.max(keeping.first_batched);
            keeping.first_batched = written.end;
            keeping.news.batched(rows, written, standing);
        }
        let new = self.outcomes.since(keeping.next_outcome);
        keeping.outcome_rows.extend(keeping.news.outcomes(new));
        keeping.forget_outcomes(self.outcomes.first());
        keeping.next_outcome = moment.next_outcome;
        let signed = self.outbox.promises().map(Promises::take_fresh).unwrap_or_default();
        keeping.notices(&signed)?;
        keeping.news.complete(states, &moment);
        keeping.ordered = moment.blocks;
        keeping.closed = 0;
        let first = match self.config.follows {
            true => self.marks.first_record(),
            false => self.l1.placed().first_record(),
        };
        let undo = keeping.undos.next(sequence, first, &mut keeping.news.rows);
        let news = std::mem::take(&mut keeping.news);
        keeping.keeper.send(Order { news, sequence, durability, undo, after });
        if durability == Durability::Safe {
            self.keep_figures();
        }
        Ok(())
    }

    /// Writes the figures beside what is made safe: a start counts only what it repeats.
    fn keep_figures(&self) {
        self.save_figures();
    }

    /// Returns where the realm stands, unless the open slot has items.
    fn standing(&self, sequence: u64) -> Option<Moment> {
        let head = |(network, chain): (&NetworkId, &super::ChainData)| {
            (*network, chain.store.head_number())
        };
        Some(Moment {
            sequence,
            now_ms: self.now_ms,
            lane: self.lane.standing()?,
            blocks: self.chains.iter().map(head).collect(),
            next_outcome: self.outcomes.mark(),
            slots: self.keeping.as_ref()?.slots.iter().copied().collect(),
            joined: self.joined.clone(),
            epochs: self.kept_epochs()?,
            l1: (!self.l1.is_silent()).then(|| self.l1.clone()),
            marks: self.is_follower().then(|| self.marks.clone()),
        })
    }

    /// Takes note of what was committed.
    pub(super) fn collect_kept(&mut self) {
        let done = self.keeping.as_mut().and_then(|keeping| keeping.keeper.poll());
        self.note_kept(done);
    }

    fn note_kept(&mut self, done: Option<Done>) {
        let Some(done) = done else { return };
        if let Err(error) = self.look_through(done) {
            self.break_down(format!("the state cannot be read: {error}"));
        }
    }

    /// Lets everything be read from where it was committed.
    fn look_through(&mut self, done: Done) -> Result<(), StoreError> {
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        for state in self.realm.states_mut() {
            state.committed(&keeping.database)?;
        }
        let view = keeping.database.view()?;
        for (network, last) in &keeping.ordered {
            let shelf = keeping.shelves.entry(*network);
            let shelf = shelf.or_insert_with(|| Shelf::new(*network, view.clone()));
            *shelf = shelf.later(view.clone());
            if let Some(chain) = self.chains.get_mut(network) {
                chain.store.shelve(shelf.clone(), *last);
            }
            self.slots.shelve(shelf.clone());
        }
        keeping.unsafe_commits += 1;
        if done.durability == Durability::Safe {
            (keeping.unsafe_commits, keeping.last_safe) = (0, Instant::now());
            keeping.safe = done.sequence;
            if let (Log::Open(log), false) = (&self.log, keeping.keeps_log) {
                let first = keeping.undos.first_record().unwrap_or(u64::MAX);
                log.remove_before(first.min(done.sequence + 1));
            }
        }
        Ok(())
    }

    /// Makes safe what can be, before the node stops; the log has the rest.
    pub(super) fn keep_on_stop(&mut self) {
        let Some(keeping) = &mut self.keeping else { return };
        let done = keeping.keeper.wait();
        self.note_kept(done);
        let Log::Open(log) = &self.log else { return };
        let last = log.last();
        if self.has_stopped() {
            return;
        }
        let is_quiet = self.lane.standing().is_some();
        let sequence = last.sequence();
        let ordered = match is_quiet {
            true => self.order(sequence, Durability::Safe, Some(last)),
            false => self.flush_kept(),
        };
        if let Err(error) = ordered {
            tracing::error!(%error, "the state was not kept at the end; the log has everything");
        }
        let done = self.keeping.as_mut().and_then(|keeping| keeping.keeper.wait());
        self.note_kept(done);
    }

    /// Makes safe what was committed.
    fn flush_kept(&mut self) -> Result<(), StoreError> {
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        if keeping.unsafe_commits > 0 {
            let news = News::default();
            let (sequence, durability) = (keeping.safe, Durability::Safe);
            keeping.keeper.send(Order { news, sequence, durability, undo: None, after: None });
        }
        Ok(())
    }

    /// Notes the last notices, before the node stops.
    pub(super) fn keep_notices(&mut self, signed: Vec<Fresh>) {
        let kept = self.keeping.as_mut().map(|keeping| keeping.notices(&signed));
        if let Some(Err(error)) = kept {
            tracing::warn!(%error, "what was signed last is not kept");
        }
    }

    /// Returns the commitment to a slot, from memory or from the database.
    pub(crate) fn commitment(
        &self,
        slot: SlotNumber,
    ) -> Result<Option<Arc<Committed>>, StoreError> {
        let recent = self.outbox.promises().and_then(|promises| promises.commitment(slot));
        let (None, Some(keeping)) = (&recent, &self.keeping) else { return Ok(recent) };
        let (view, key) = (keeping.database.view()?, slot.get().to_be_bytes());
        let (Some(signed), Some(elements)) =
            (view.get(COMMITMENTS, &key)?, view.get(ELEMENTS, &key)?)
        else {
            return Ok(None);
        };
        Committed::read(&signed, &elements).map(Arc::new).map(Some).map_err(corrupt)
    }

    /// Returns the signed commitment to a slot, also of one that cannot be opened any more.
    pub(crate) fn signed_commitment(
        &self,
        slot: SlotNumber,
    ) -> Result<Option<SignedCommitment>, StoreError> {
        let recent = self.outbox.promises().and_then(|promises| promises.commitment(slot));
        if let Some(recent) = recent {
            return Ok(Some(recent.signed.clone()));
        }
        let Some(keeping) = &self.keeping else { return Ok(None) };
        let bytes = keeping.database.view()?.get(COMMITMENTS, &slot.get().to_be_bytes())?;
        bytes.map(|bytes| SignedCommitment::decode(&bytes)).transpose().map_err(corrupt)
    }

    /// Returns the notice of an epoch's key, from memory or from the database.
    pub(crate) fn notice(&self, epoch: u64) -> Result<Option<Signed<EpochNotice>>, StoreError> {
        let recent = self.outbox.promises().and_then(|promises| promises.notice(epoch));
        let (None, Some(keeping)) = (&recent, &self.keeping) else { return Ok(recent) };
        let bytes = keeping.database.view()?.get(NOTICES, &epoch.to_be_bytes())?;
        bytes.map(|bytes| Signed::decode(&bytes)).transpose().map_err(corrupt)
    }

    /// Returns the promise of a bundle, by its envelopes, from memory or from the database.
    pub(crate) fn bundle_promise(&self, name: &B256) -> Result<Option<SignedPromise>, StoreError> {
        let recent = self.outbox.promises().and_then(|promises| promises.bundle(name));
        let (None, Some(keeping)) = (&recent, &self.keeping) else { return Ok(recent) };
        let Some(config) = &self.lane.config().sealing else { return Ok(None) };
        let slot = self.realm.slot().map(|slot| slot.number).unwrap_or_default();
        let (view, last) = (keeping.database.view()?, config.epoch_of(slot));
        for epoch in last.saturating_sub(BUNDLE_EPOCHS)..=last {
            if let Some(bytes) = view.get(BUNDLES, &row_key(epoch, name))? {
                return SignedPromise::decode(&bytes).map(Some).map_err(corrupt);
            }
        }
        Ok(None)
    }

    /// Begins to write batches, at genesis or where the database stands; `timestamp` is that of genesis, in seconds.
    pub(super) fn begin_batches(&mut self, timestamp: u64) -> Result<(), NodeError> {
        let Some(options) = self.config.batches.clone() else { return Ok(()) };
        let Some(key) = &self.config.promise_key else {
            return Err(NodeError::Config("batches need a key that signs them".to_owned()));
        };
        let signer = crate::promises::signer(key)?;
        let realm = realm_config(&self.config, timestamp, signer.address())?;
        let (live, last) = LiveBatches::open(&options, &realm)?;
        let mut resumed = Resumed { last, ..Resumed::default() };
        if let Some(keeping) = &mut self.keeping {
            let view = keeping.database.view()?;
            let rows = under(&*view, BATCHED, &[])?;
            keeping.first_batched = rows.first().map_or(0, |(key, _)| {
                <[u8; 8]>::try_from(key.as_slice()).map_or(0, u64::from_be_bytes)
            });
            if rows.is_empty() {
                let next = resumed.last.as_ref().map_or(0, |last| last.slot.get() + 1);
                keeping.first_batched = next;
            }
            resumed.rows = rows.into_iter().map(|(_, row)| row).collect();
            resumed.standing = view.get(FACTS, BATCHING)?;
            if resumed.standing.is_none() && view.get(FACTS, MOMENT)?.is_some() {
                let why = "the realm ran without batches; `weft export --batches` writes them";
                return Err(NodeError::Config(why.to_owned()));
            }
        }
        let mut recorder = Recorder::new(Box::new(live), signer, options.limits);
        // First of all: no batch ends before it, whatever bound the rows of the open one are over.
        recorder.must_reach(self.l1.reach());
        let resumed = recorder.resume(realm, resumed);
        resumed.map_err(|error| NodeError::Config(format!("batches: {error}")))?;
        recorder.rests(self.l1.rests());
        if self.keeping.is_none() {
            recorder.keep_no_rows();
        }
        self.batches = Some(recorder);
        Ok(())
    }

    /// Says in the directory of batches what they rest on, after everything was repeated.
    pub(super) fn write_rests(&mut self) -> Result<(), NodeError> {
        let Some(options) = &self.config.batches else { return Ok(()) };
        let rests = self.l1.rests();
        let written = BatchDir::open(&options.dir).rest_on(&rests);
        self.batches.iter_mut().for_each(|batches| batches.rests(rests.clone()));
        written.map_err(|error| NodeError::Config(format!("batches: {error}")))
    }

    /// Ends the writing of batches for good: what `cheat` does follows from no input.
    pub(crate) fn leave_batches(&mut self, cheat: &str) {
        if self.batches.take().is_some() {
            tracing::warn!(cheat, "L1 hears of nothing more: no batch can hold what a cheat did");
        }
    }

    /// Returns why the database takes nothing any more.
    pub(super) fn keep_failure(&self) -> Option<&StoreError> {
        self.keeping.as_ref().and_then(|keeping| keeping.keeper.failure())
    }

    /// Returns the bytes that wait for the database.
    pub(super) fn news_bytes(&self) -> usize {
        self.keeping.as_ref().map_or(0, |keeping| keeping.news.bytes())
    }

    /// Returns true when so much waits for the database that no more should be accepted.
    pub(super) fn is_keeping_behind(&self) -> bool {
        self.news_bytes() > MAX_WAITING_BYTES
    }

    /// Returns the last record of the log that a safe commit covers; `None` without a database.
    pub(super) fn safe_sequence(&self) -> Option<u64> {
        self.keeping.as_ref().map(|keeping| keeping.safe)
    }

    /// Puts back what the database held beside states, blocks and the lane.
    pub(super) fn put_back(
        &mut self,
        mut keeping: Keeping,
        restored: Restored,
        shelves: BTreeMap<NetworkId, Shelf>,
    ) -> Result<(), NodeError> {
        let Restored { moment, outcomes, waiting, .. } = restored;
        self.now_ms = moment.now_ms;
        self.joined = moment.joined;
        self.l1 = moment.l1.unwrap_or_default();
        self.marks = moment.marks.unwrap_or_default();
        let rows = outcomes.iter().filter_map(|row| Some(row.first()?.0));
        keeping.outcome_rows = rows.collect();
        for (number, record) in outcomes.into_iter().flatten() {
            self.outcomes.insert_at(number, Arc::new(record));
        }
        self.outcomes.skip_to(moment.next_outcome);
        waiting.put_back(&mut self.pool, &mut self.bundles);
        // The mirrors show what is in the database already.
        let mut known = News::default();
        let (escrow, heads) = (self.realm.escrow(), self.realm.heads());
        put_accounts(&mut keeping.accounts, escrow, heads, &mut known.rows);
        put_waiting(&mut keeping.waiting, &self.pool, &self.bundles, &mut known.rows);
        keeping.waiting_version = Some((self.pool.version(), self.bundles.version()));
        keeping.next_outcome = moment.next_outcome;
        keeping.safe = moment.sequence;
        keeping.undos = Undos::read(&*keeping.database.view()?, moment.sequence)?;
        keeping.slots = moment.slots.into();
        if let Some(shelf) = shelves.values().next() {
            self.slots.shelve(shelf.clone());
        }
        keeping.shelves = shelves;
        self.keeping = Some(keeping);
        Ok(())
    }
}

fn corrupt(error: CodecError) -> StoreError {
    StoreError::Corrupt(format!("a notice: {error}"))
}
