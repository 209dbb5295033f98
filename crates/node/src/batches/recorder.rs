//! From what an engine does to batches.

use super::{files::RestsOn, moves::Moves, orders::Orders, shelf::Shelf};
use alloy_primitives::{B256, Bytes};
use std::{collections::BTreeMap, fmt, io, sync::Arc};
use weft_batch::{
    AnnouncedKey, Batch, ClaimedHead, ClaimedRemoval, EpochOpening, Opened, Ordered, RealmConfig,
    ReorgedEntry, RollupGenesis, SignedBatch, Slot, WireItem, tag,
};
use weft_commitment::SlotVector;
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, Verdict};
use weft_evm::Applied;
use weft_promise::Signer;
use weft_types::{
    Halt, Item, L1Born, L1Event, NetworkId, Outcome, Section, SlotHeader, SlotNumber,
    codec::{CodecError, MAX_LIST as MAX_SLOTS},
};

/// Takes batches as they are done.
pub trait BatchSink: Send {
    /// Takes what the realm is made of, before its first batch.
    ///
    /// # Errors
    ///
    /// Whatever stands against keeping it.
    fn realm(&mut self, config: &RealmConfig) -> io::Result<()>;

    /// Takes the next batch.
    ///
    /// # Errors
    ///
    /// Whatever stands against keeping it.
    fn batch(&mut self, batch: &SignedBatch) -> io::Result<()>;

    /// Says on which blocks of L1 the batches rest that come from now on.
    fn rests(&mut self, _: RestsOn) {}

    /// Returns the last slot of the last batch that is on disk, where that is later than [`Self::batch`].
    fn written(&self) -> Option<u64> {
        None
    }

    /// Returns what stands against keeping batches that were taken before.
    fn failure(&self) -> Option<io::Error> {
        None
    }

    /// Returns what hands over batches that were taken, once their inputs are on disk.
    fn release(&mut self) -> Option<Box<dyn FnOnce() + Send>> {
        None
    }
}

/// When a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most slots.
    pub slots: usize,
    /// Most bytes of the slots' encodings together; a slot that has more stands alone.
    pub bytes: usize,
    /// Time between the first slot and the last one, in milliseconds.
    pub ms: u64,
}

impl Default for BatchLimits {
    fn default() -> Self {
        // Uncompressed, so that it fits the blobs of one transaction even when nothing about it compresses.
        Self { slots: 3_000, bytes: 700_000, ms: 3_600_000 }
    }
}

/// Most bytes of one plaintext item.
const MAX_ITEM_BYTES: usize = 320_000;
/// Most bytes of what one slot takes, so that with its claims it fits the blobs of one transaction even when nothing about it
/// compresses. What is opened may be more, but nothing comes beside it then.
const MAX_SLOT_BYTES: usize = 640_000;
/// Bytes of an envelope's order: hash, carriage, signature.
const ORDER_BYTES: usize = 32 + 70 + 65;

/// Returns about how many bytes of a batch an item takes; not less than it does.
pub(crate) fn bytes_of(item: &Item) -> usize {
    64 + item.legs().iter().map(|leg| leg.tx.raw().len() + 32).sum::<usize>()
}

/// Returns about how many bytes of a batch an opened envelope takes; not less than it does.
fn bytes_of_opened(opened: &Opened) -> usize {
    48 + match opened {
        Opened::Transaction { leg, .. } => leg.plaintext().len() + 32,
        Opened::Other { plaintext: bytes, .. } | Opened::Malformed { padded: bytes, .. } => {
            bytes.len()
        }
        Opened::Undecryptable { body, .. } => 33 + body.len(),
    }
}

/// Writes batches.
pub(crate) struct Recorder {
    sink: Box<dyn BatchSink>,
    signer: Box<dyn Signer>,
    limits: BatchLimits,
    config: Option<RealmConfig>,
    /// The slot that is open, or closed and not in a batch yet.
    open: Option<Open>,
    /// Rollups that joined, and keys announced, since the last slot.
    joined: Vec<RollupGenesis>,
    keys: Vec<AnnouncedKey>,
    available: Vec<NetworkId>,
    number: u64,
    parent: B256,
    /// First slot of the batch that comes next.
    next: SlotNumber,
    /// Closed slots that are in no batch yet.
    parts: Vec<Part>,
    bytes: usize,
    /// What moves in `parts`.
    moves: Moves,
    inbox_cursor: u64,
    /// Inbox entries that the next batch consumes at least: the hub takes none before.
    reach: u64,
    end: B256,
    /// Rows that are not in the database yet; nobody wants them where there is none.
    rows: Option<Vec<(u64, Vec<u8>)>>,
    failure: Option<io::Error>,
    orders: Orders,
    shelf: Shelf,
}

#[derive(Default)]
struct Open {
    number: SlotNumber,
    slot: Slot,
    heads: Vec<ClaimedHead>,
    /// About how many bytes its items take.
    bytes: usize,
    moves: Moves,
    has_items: bool,
    is_closed: bool,
    /// It is in a batch or in the database already, and happens again while the log is repeated.
    is_known: bool,
}

/// A closed slot, with what holds after it.
struct Part {
    slot: Slot,
    heads: Vec<ClaimedHead>,
    inbox_cursor: u64,
    end: B256,
    bytes: usize,
    moves: Moves,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Recorder {
    pub(crate) fn new(
        sink: Box<dyn BatchSink>,
        signer: Box<dyn Signer>,
        limits: BatchLimits,
    ) -> Self {
        Self {
            sink,
            signer,
            limits,
            config: None,
            open: None,
            joined: Vec::new(),
            keys: Vec::new(),
            available: Vec::new(),
            number: 0,
            parent: B256::ZERO,
            next: SlotNumber::new(1),
            parts: Vec::new(),
            bytes: 0,
            moves: Moves::default(),
            inbox_cursor: 0,
            reach: 0,
            end: B256::ZERO,
            rows: None,
            failure: None,
            orders: Orders::default(),
            shelf: Shelf::default(),
        }
    }

    /// Returns who signs.
    pub(crate) fn sequencer(&self) -> alloy_primitives::Address {
        self.signer.address()
    }

    /// Begins with what the realm is made of.
    pub(crate) fn begin(&mut self, config: RealmConfig) {
        self.available.clone_from(&config.lane.rollups);
        let kept = self.sink.realm(&config);
        self.config = Some(config);
        self.failed(kept);
    }

    pub(crate) fn joined(&mut self, genesis: RollupGenesis) {
        self.joined.push(genesis);
    }

    pub(crate) fn opened(&mut self, header: &SlotHeader) {
        self.settle();
        let changed = self.available != header.available;
        self.available.clone_from(&header.available);
        let slot = Slot {
            unix_ms: header.unix_ms,
            joined: std::mem::take(&mut self.joined),
            keys: std::mem::take(&mut self.keys),
            available: changed.then(|| header.available.clone()),
            ..Slot::default()
        };
        let (number, expected) = (header.number, self.expected());
        let is_known = number < expected;
        if number > expected {
            let why = format!("slot {number} opens, batches end before {expected}");
            self.failed(Err(io::Error::other(why)));
        }
        let bytes = slot.keys.iter().map(|key| key.list.len()).sum();
        self.open = Some(Open { number, slot, is_known, bytes, ..Open::default() });
    }

    /// Returns the number of the slot that comes next.
    fn expected(&self) -> SlotNumber {
        SlotNumber::new(self.next.get() + self.parts.len() as u64)
    }

    /// Tells whether the open slot has room for an item, or why no slot has.
    pub(crate) fn has_room(&self, item: &Item) -> Result<bool, String> {
        let (bytes, taken) = (bytes_of(item), self.open.as_ref().map_or(0, |open| open.bytes));
        if bytes > MAX_ITEM_BYTES {
            return Err(format!("{bytes} bytes fit no batch, at most {MAX_ITEM_BYTES} do"));
        }
        Ok(taken + bytes <= MAX_SLOT_BYTES && !self.is_full())
    }

    /// Tells whether the open slot has room for the order of another envelope.
    pub(crate) fn has_room_for_order(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.bytes + ORDER_BYTES <= MAX_SLOT_BYTES)
    }

    /// Tells whether the open slot has so much that most other items would wait for the next one.
    pub(crate) fn is_crowded(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.bytes + MAX_ITEM_BYTES > MAX_SLOT_BYTES)
    }

    /// Tells whether so much moved in the open slot that what waits goes into the next one.
    pub(crate) fn is_full(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.moves.is_full())
    }

    pub(crate) fn announced(&mut self, close_at_ms: u64, list: &Bytes) {
        self.open.iter_mut().for_each(|open| open.bytes += list.len());
        let keys = self.open.as_mut().map_or(&mut self.keys, |open| &mut open.slot.keys);
        keys.push(AnnouncedKey { close_at_ms, list: list.clone() });
    }

    pub(crate) fn sealed(&mut self, ordered: Ordered) {
        let Some(open) = &mut self.open else { return };
        open.has_items = true;
        open.bytes += ORDER_BYTES;
        open.slot.sealed.push(ordered);
    }

    /// Notes an epoch that is opened, with what its envelopes hold that run in this slot; one that is late follows from what is
    /// known.
    pub(crate) fn revealed(&mut self, opening: EpochOpening) {
        let Some(open) = &mut self.open else { return };
        open.bytes += 72 * opening.revealed.releases.len() + 600;
        open.bytes += opening.items.iter().map(bytes_of_opened).sum::<usize>();
        open.slot.opening = Some(opening);
    }

    pub(crate) fn applied(&mut self, item: &Item, applied: &Applied) {
        let Some(open) = &mut self.open else { return };
        open.has_items = true;
        open.moves.take(applied);
        let (section, index) = (applied.position.section, applied.position.index);
        if let Outcome::Removed(removal) = &applied.outcome {
            open.slot.removals.push(ClaimedRemoval { section, index, cause: removal.cause });
        }
        match section {
            Section::L1Born => {
                if let Item::L1Born(L1Born { origin, event: L1Event::Reorged(item) }) = item {
                    open.slot.reorged.push(ReorgedEntry { index, origin: *origin, item: *item });
                }
                open.slot.l1_born += 1;
            }
            Section::Plaintext => {
                open.bytes += bytes_of(item);
                open.slot.plaintext.extend(WireItem::of(item));
            }
            Section::Sealed | Section::Opened => {}
        }
    }

    /// Notes on which blocks of L1 everything rests from now on.
    pub(crate) fn rests(&mut self, rests: RestsOn) {
        self.sink.rests(rests);
    }

    /// Lets no batch end before it consumes these entries.
    pub(crate) const fn must_reach(&mut self, reach: u64) {
        self.reach = reach;
    }

    /// Notes a rollup that stopped in the open slot.
    pub(crate) fn halted(&mut self, halt: Halt) {
        let Some(open) = &mut self.open else { return };
        let halts = &mut open.slot.halts;
        if let Err(place) = halts.binary_search(&halt) {
            halts.insert(place, halt);
        }
    }

    /// Notes that the slot closed; `order` is what its order is committed to.
    pub(crate) fn closed(
        &mut self,
        record: B256,
        blocks: &[(NetworkId, u64, B256)],
        order: Option<SlotVector>,
    ) {
        let domain = self.config.as_ref().map(|config| config.domain);
        let Some(open) = &mut self.open else { return };
        if let (Some(order), Some(domain), false) = (order, domain, open.is_known) {
            self.orders.commit(domain, open.number.get(), order);
        }
        open.slot.record = open.has_items.then(|| tag(&record));
        open.slot.blocks = blocks.iter().map(|(_, _, hash)| tag(hash)).collect();
        open.is_closed = true;
        if open.is_known {
            return;
        }
        self.inbox_cursor += u64::from(open.slot.l1_born) - open.slot.reorged.len() as u64;
        self.end = record;
        let head = |(network, number, hash): &(NetworkId, u64, B256)| {
            let (network, number, hash) = (*network, *number, *hash);
            ClaimedHead { network, number, hash }
        };
        open.heads = blocks.iter().map(head).collect();
        open.heads.sort_by_key(|head| head.network);
    }

    /// Notes that the slot that just closed was the last of an epoch, and too late for it.
    pub(crate) fn late(&mut self) {
        self.open.iter_mut().for_each(|open| open.slot.is_late = true);
    }

    /// Puts the slot that closed into the batch, and ends the batch when it is full.
    fn settle(&mut self) {
        let Some(open) = self.open.take_if(|open| open.is_closed) else { return };
        if open.is_known {
            return;
        }
        let Open { number, slot, heads, moves, .. } = open;
        let (inbox_cursor, end) = (self.inbox_cursor, self.end);
        let part = Part { slot, heads, inbox_cursor, end, bytes: 0, moves };
        let row = part.encode(number);
        let part = Part { bytes: row.len(), ..part };
        if let Some(rows) = &mut self.rows {
            self.shelf.push(number.get(), &row);
            rows.push((number.get(), row));
        }
        self.add(part);
    }

    fn add(&mut self, part: Part) {
        let since_ms = |first: &Part| part.slot.unix_ms.saturating_sub(first.slot.unix_ms);
        let is_late = self.parts.first().is_some_and(|first| since_ms(first) > self.limits.ms);
        // L1 takes no batch without a new block.
        let has_blocks = self.parts.iter().any(|part| !part.heads.is_empty());
        // One slot later than it could be, so that the commitment to the last slot had a slot's time.
        let is_full = self.rows.is_some() && self.parts.len() >= self.limits.slots;
        // A batch that moved so much is settled for itself, or its statement is too dear for one transaction on L1.
        let is_full = is_full || self.moves.is_full() && !part.moves.is_empty();
        if self.bytes + part.bytes > self.limits.bytes || (is_late || is_full) && has_blocks {
            self.cut();
        }
        self.moves.extend(&part.moves);
        self.bytes += part.bytes;
        self.parts.push(part);
        let is_full = self.rows.is_none() && self.parts.len() >= self.limits.slots;
        if is_full || self.parts.len() >= MAX_SLOTS {
            self.cut();
        }
    }

    /// Ends the batch.
    fn cut(&mut self) {
        let (Some(config), Some(last)) = (&self.config, self.parts.last()) else { return };
        let (inbox_cursor, end, count) = (last.inbox_cursor, last.end, self.parts.len() as u64);
        if inbox_cursor < self.reach {
            return;
        }
        let mut heads = BTreeMap::new();
        let mut slots = Vec::with_capacity(self.parts.len());
        for part in std::mem::take(&mut self.parts) {
            heads.extend(part.heads.into_iter().map(|head| (head.network, head)));
            slots.push(part.slot);
        }
        let first = self.next;
        // A running node waits for nobody: what is not committed to by now goes without.
        self.orders.put_into(first.get(), &mut slots, self.rows.is_none());
        self.number += 1;
        let batch = Batch {
            number: self.number,
            parent: self.parent,
            config: config.hash(),
            first,
            slots,
            inbox_cursor,
            end,
            heads: heads.into_values().collect(),
        };
        let hash = batch.hash(&config.domain);
        let signed = self.signer.sign(hash).map_err(io::Error::other);
        let kept = signed.and_then(|signature| self.sink.batch(&SignedBatch { batch, signature }));
        (self.parent, self.next) = (hash, SlotNumber::new(first.get() + count));
        (self.bytes, self.moves) = (0, Moves::default());
        self.failed(kept);
    }

    fn failed(&mut self, kept: io::Result<()>) {
        if self.failure.is_none() {
            self.failure = kept.err();
        }
    }

    /// Ends the last batch; returns how many there are, and what went wrong on the way. A slot that is open is left out.
    pub(crate) fn finish(mut self, is_open: bool) -> io::Result<u64> {
        if is_open {
            self.open = None;
        }
        self.settle();
        self.cut();
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok(self.number),
        }
    }
}

impl Part {
    /// Returns the slot alone, as it is kept until a batch holds it. How much moves in it stands where a batch has its number.
    fn encode(&self, number: SlotNumber) -> Vec<u8> {
        let batch = Batch {
            number: self.moves.len() as u64,
            parent: B256::ZERO,
            config: B256::ZERO,
            first: number,
            slots: vec![self.slot.clone()],
            inbox_cursor: self.inbox_cursor,
            end: self.end,
            heads: self.heads.clone(),
        };
        batch.encode()
    }

    fn decode(bytes: &[u8]) -> Result<(SlotNumber, Self), CodecError> {
        let row = Batch::decode(bytes)?;
        let moves = Moves::counted(usize::try_from(row.number).unwrap_or(usize::MAX));
        let Batch { first, mut slots, inbox_cursor, end, heads, .. } = row;
        match slots.pop() {
            Some(slot) if slots.is_empty() => {
                let bytes = bytes.len();
                Ok((first, Self { slot, heads, inbox_cursor, end, bytes, moves }))
            }
            _ => Err(CodecError::NotCanonical("a row has one slot")),
        }
    }
}

/// A batch behind which the next one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastBatch {
    pub(crate) number: u64,
    /// What the next one names as its parent.
    pub(crate) hash: B256,
    /// Its last slot.
    pub(crate) slot: SlotNumber,
    pub(crate) inbox_cursor: u64,
}

/// Where batches stand when a node starts again.
#[derive(Debug, Default)]
pub(crate) struct Resumed {
    /// The last batch that is written.
    pub(crate) last: Option<LastBatch>,
    /// Closed slots of the database, in order.
    pub(crate) rows: Vec<Vec<u8>>,
    /// What [`Recorder::standing`] said.
    pub(crate) standing: Option<Vec<u8>>,
}

/// What a running node keeps in its database until batches hold it.
impl Recorder {
    /// Goes on where a node stood, or begins a realm.
    ///
    /// # Errors
    ///
    /// [`CodecError`] for rows that are none, or that do not follow.
    pub(crate) fn resume(
        &mut self,
        config: RealmConfig,
        resumed: Resumed,
    ) -> Result<(), CodecError> {
        self.available.clone_from(&config.lane.rollups);
        self.rows = Some(Vec::new());
        if let Some(last) = resumed.last {
            (self.number, self.parent) = (last.number, last.hash);
            (self.next, self.inbox_cursor) = (last.slot.next(), last.inbox_cursor);
        }
        self.config = Some(config);
        for row in resumed.rows {
            let (number, part) = Part::decode(&row)?;
            if number < self.expected() {
                continue;
            }
            if number > self.expected() {
                return Err(CodecError::NotCanonical("slots are missing"));
            }
            self.shelf.push(number.get(), &row);
            (self.inbox_cursor, self.end) = (part.inbox_cursor, part.end);
            self.add(part);
        }
        match resumed.standing {
            Some(bytes) => self.stand(&bytes),
            None => Ok(()),
        }
    }

    /// Returns what is known beside closed slots: what waits for the next one, and the open one, which has no items.
    fn standing(&self) -> Vec<u8> {
        let waiting = Slot {
            unix_ms: 1,
            joined: self.joined.clone(),
            keys: self.keys.clone(),
            available: Some(self.available.clone()),
            ..Slot::default()
        };
        let open = self.open.as_ref();
        let batch = Batch {
            number: 0,
            parent: B256::ZERO,
            config: B256::ZERO,
            first: open.map_or(SlotNumber::new(0), |open| open.number),
            slots: std::iter::once(waiting).chain(open.map(|open| open.slot.clone())).collect(),
            inbox_cursor: 0,
            end: B256::ZERO,
            heads: Vec::new(),
        };
        batch.encode()
    }

    fn stand(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let batch = Batch::decode(bytes)?;
        let mut slots = batch.slots.into_iter();
        let Some(waiting) = slots.next() else { return Ok(()) };
        (self.joined, self.keys) = (waiting.joined, waiting.keys);
        self.available = waiting.available.unwrap_or_default();
        if let Some(slot) = slots.next() {
            let is_known = batch.first < self.expected();
            self.open = Some(Open { number: batch.first, slot, is_known, ..Open::default() });
        }
        Ok(())
    }

    /// Returns the rows that the database does not have yet, the number of the first slot that it has to keep, and what is
    /// known beside them.
    pub(crate) fn take_rows(&mut self) -> Option<(Vec<SlotRow>, u64, Vec<u8>)> {
        self.settle();
        let rows = self.rows.as_mut().map(std::mem::take)?;
        let first = self.sink.written().unwrap_or(0) + 1;
        Some((rows, first, self.standing()))
    }

    /// Keeps nothing for a database, where there is none.
    pub(crate) fn keep_no_rows(&mut self) {
        self.rows = None;
    }

    /// Returns up to so many closed slots from one on, and the number of the first of them: a later one when those before are
    /// in batches alone.
    pub(crate) fn closed_from(&self, slot: u64, most: usize) -> (u64, Vec<SlotBytes>) {
        self.shelf.from(slot, most)
    }

    /// Returns the number of the last batch that ended.
    pub(crate) const fn last_batch(&self) -> u64 {
        self.number
    }

    /// Returns the number of the slot that closes next.
    pub(crate) fn next_slot(&self) -> u64 {
        self.expected().get()
    }

    /// Returns why batches cannot be written any more.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let failed = self.failure.take().or_else(|| self.sink.failure());
        failed.map(|error| error.to_string())
    }

    /// Returns batches that ended, to be written as soon as what they rest on is on disk.
    pub(crate) fn take_ended(&mut self) -> Option<Box<dyn FnOnce() + Send>> {
        self.sink.release()
    }
}

/// Number of a slot, and its encoding.
pub(crate) type SlotRow = (u64, Vec<u8>);

/// The encoding of a slot that many may hold.
pub(crate) type SlotBytes = Arc<[u8]>;

/// Reads a slot as it is kept until a batch holds it.
pub(crate) fn slot_of(row: &[u8]) -> Result<Slot, CodecError> {
    Part::decode(row).map(|(_, part)| part.slot)
}

/// Returns the form in which the content of an envelope travels, given its verdict.
pub(crate) fn travelling(
    scheme: &EpochKeyScheme,
    envelope: &Envelope,
    verdict: &Verdict,
) -> Opened {
    match verdict {
        Verdict::Opened { plaintext, seed } => Opened::of_plaintext(*seed, plaintext.clone()),
        Verdict::Malformed { seed } => {
            let (_, padded) = scheme.reseal(envelope, seed).expect("it has just been opened");
            Opened::Malformed { seed: *seed, padded: padded.to_vec().into() }
        }
        Verdict::Undecryptable => Opened::Undecryptable {
            head: alloy_primitives::FixedBytes::from_slice(&envelope.head),
            masked_seed: envelope.masked_seed,
            body: envelope.body.clone().into(),
        },
    }
}
