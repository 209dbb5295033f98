//! From what an engine does to batches.

use super::orders::Orders;
use alloy_primitives::{B256, Bytes};
use std::{collections::BTreeMap, fmt, io};
use weft_batch::{
    AnnouncedKey, Batch, ClaimedHead, ClaimedRemoval, EpochOpening, Halt, Opened, Ordered,
    RealmConfig, ReorgedEntry, RollupGenesis, SignedBatch, Slot, WireItem, tag,
};
use weft_commitment::SlotVector;
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, KeyList, Verdict};
use weft_evm::Applied;
use weft_promise::Signer;
use weft_types::{Item, L1Born, L1Event, NetworkId, Outcome, Section, SlotHeader, SlotNumber};

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
}

/// When a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most slots.
    pub slots: usize,
    /// Bytes of items after which the slot is the last.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        // Uncompressed, so that the slot that goes over it still fits the blobs of one transaction.
        Self { slots: 3_000, bytes: 400_000 }
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
    next: SlotNumber,
    slots: Vec<Slot>,
    bytes: usize,
    inbox_cursor: u64,
    end: B256,
    heads: BTreeMap<NetworkId, ClaimedHead>,
    failure: Option<io::Error>,
    orders: Orders,
}

#[derive(Default)]
struct Open {
    slot: Slot,
    has_items: bool,
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
            slots: Vec::new(),
            bytes: 0,
            inbox_cursor: 0,
            end: B256::ZERO,
            heads: BTreeMap::new(),
            failure: None,
            orders: Orders::default(),
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
        self.open = Some(Open { slot, has_items: false });
    }

    pub(crate) fn announced(&mut self, close_at_ms: u64, list: &Bytes) {
        self.bytes += list.len();
        let keys = self.open.as_mut().map_or(&mut self.keys, |open| &mut open.slot.keys);
        keys.push(AnnouncedKey { close_at_ms, list: list.clone() });
    }

    pub(crate) fn sealed(&mut self, ordered: Ordered) {
        let Some(open) = &mut self.open else { return };
        self.bytes += 161;
        open.has_items = true;
        open.slot.sealed.push(ordered);
    }

    /// Notes an epoch that is opened; one that is late follows from what is known.
    pub(crate) fn revealed(
        &mut self,
        list: &KeyList,
        secret: &EpochSecret,
        envelopes: &[Envelope],
    ) {
        let Some(open) = &mut self.open else { return };
        let scheme = EpochKeyScheme::new(list);
        let items = envelopes.iter().map(|envelope| travelling(&scheme, secret, envelope));
        let opening = EpochOpening {
            epoch: list.epoch(),
            secret: B256::new(secret.secret().to_bytes()),
            items: items.collect(),
        };
        self.bytes += envelopes.iter().map(|envelope| envelope.body.len()).sum::<usize>();
        open.slot.opening = Some(opening);
    }

    pub(crate) fn applied(&mut self, item: &Item, applied: &Applied) {
        let Some(open) = &mut self.open else { return };
        open.has_items = true;
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
                self.bytes += item.legs().iter().map(|leg| leg.tx.raw().len()).sum::<usize>();
                open.slot.plaintext.extend(WireItem::of(item));
            }
            Section::Sealed | Section::Opened => {}
        }
    }

    /// Notes a rollup that stopped before the item that comes next.
    pub(crate) fn halted(&mut self, network: NetworkId) {
        let Some(open) = &mut self.open else { return };
        let index = open.slot.plaintext.len() as u32;
        open.slot.halts.push(Halt { section: Section::Plaintext, index, network });
    }

    /// Notes that the slot closed; `order` is what its order is committed to.
    pub(crate) fn closed(
        &mut self,
        record: B256,
        blocks: &[(NetworkId, u64, B256)],
        order: Option<SlotVector>,
    ) {
        let (index, domain) = (self.slots.len(), self.config.as_ref().map(|config| config.domain));
        let Some(open) = &mut self.open else { return };
        if let (Some(order), Some(domain)) = (order, domain) {
            self.orders.commit(domain, index, order);
        }
        open.slot.record = open.has_items.then(|| tag(&record));
        open.slot.blocks = blocks.iter().map(|(_, _, hash)| tag(hash)).collect();
        self.inbox_cursor += u64::from(open.slot.l1_born) - open.slot.reorged.len() as u64;
        self.end = record;
        for (network, number, hash) in blocks {
            let (network, number, hash) = (*network, *number, *hash);
            self.heads.insert(network, ClaimedHead { network, number, hash });
        }
    }

    /// Notes that the slot that just closed was the last of an epoch, and too late for it.
    pub(crate) fn late(&mut self) {
        self.open.iter_mut().for_each(|open| open.slot.is_late = true);
    }

    /// Puts the slot that closed into the batch, and ends the batch when it is full.
    fn settle(&mut self) {
        let Some(open) = self.open.take() else { return };
        self.slots.push(open.slot);
        if self.slots.len() >= self.limits.slots || self.bytes >= self.limits.bytes {
            self.cut();
        }
    }

    /// Ends the batch.
    fn cut(&mut self) {
        let (Some(config), false) = (&self.config, self.slots.is_empty()) else { return };
        let mut slots = std::mem::take(&mut self.slots);
        self.orders.put_into(&mut slots);
        let (first, count) = (self.next, slots.len() as u64);
        self.number += 1;
        let batch = Batch {
            number: self.number,
            parent: self.parent,
            config: config.hash(),
            first,
            slots,
            inbox_cursor: self.inbox_cursor,
            end: self.end,
            heads: std::mem::take(&mut self.heads).into_values().collect(),
        };
        let hash = batch.hash(&config.domain);
        let signed = self.signer.sign(hash).map_err(io::Error::other);
        let kept = signed.and_then(|signature| self.sink.batch(&SignedBatch { batch, signature }));
        (self.parent, self.next) = (hash, SlotNumber::new(first.get() + count));
        self.bytes = 0;
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

/// Returns the form in which the content of an envelope travels.
fn travelling(scheme: &EpochKeyScheme, secret: &EpochSecret, envelope: &Envelope) -> Opened {
    // The lane took envelopes of this list alone.
    match scheme.open(envelope, secret).expect("the envelope is sealed to this key") {
        Verdict::Opened { plaintext, seed } => Opened::of_plaintext(seed, plaintext),
        Verdict::Malformed { seed } => {
            let (_, padded) = scheme.reseal(envelope, &seed).expect("the seed was just found");
            Opened::Malformed { seed, padded: padded.to_vec().into() }
        }
        Verdict::Undecryptable => Opened::Undecryptable {
            head: alloy_primitives::FixedBytes::from_slice(&envelope.head),
            masked_seed: envelope.masked_seed,
            body: envelope.body.clone().into(),
        },
    }
}
