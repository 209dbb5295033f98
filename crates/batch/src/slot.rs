//! One slot of a batch.

use crate::{
    claims::{AnnouncedKey, ClaimedRemoval, OrderCommitment, ReorgedEntry, TAG_BYTES},
    item::WireItem,
    opened::{EpochOpening, Ordered},
    realm::RollupGenesis,
    streams::{In, Out, Wire},
};
use alloc::vec::Vec;
use weft_types::{
    Halt, NetworkId,
    codec::{CodecError, Decode as _, Encode as _, MAX_LIST},
};

/// Most key lists, or rollups that join, in one slot.
const MAX_FEW: usize = 64;
/// One slot: what the sequencer was given in it, in order, and what it says became of that.
///
/// Sections come in the order in which they run (P2): what a closed epoch held, what was born on L1, then what got its
/// position. Sealed items only get their order here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    /// Start, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Rollups that joined the realm before it.
    pub joined: Vec<RollupGenesis>,
    /// Rollups that its header lists, when they are others than in the slot before (P8).
    pub available: Option<Vec<NetworkId>>,
    /// Keys announced in it.
    pub keys: Vec<AnnouncedKey>,
    /// A closed epoch that runs in it.
    pub opening: Option<EpochOpening>,
    /// Number of inbox entries that it takes; they are on L1 already (P46).
    pub l1_born: u32,
    /// Those of them that were reorged.
    pub reorged: Vec<ReorgedEntry>,
    /// Envelopes that got their order in it.
    pub sealed: Vec<Ordered>,
    /// Plaintext items.
    pub plaintext: Vec<WireItem>,
    /// Rollups that stopped in it (P8).
    pub halts: Vec<Halt>,
    /// Items that were removed, in the order of their positions.
    pub removals: Vec<ClaimedRemoval>,
    /// Tags of its blocks, in the order of their rollups.
    pub blocks: Vec<[u8; TAG_BYTES]>,
    /// Tag of its closing record; there is one exactly when the slot gave a position.
    pub record: Option<[u8; TAG_BYTES]>,
    /// What its order was committed to (P15).
    pub order: Option<OrderCommitment>,
    /// True when it is the last of an epoch and closed too late for it (P17).
    pub is_late: bool,
}

impl Slot {
    /// Returns true when something got a position in the slot.
    pub fn has_items(&self) -> bool {
        self.opening.is_some()
            || self.l1_born > 0
            || !self.sealed.is_empty()
            || !self.plaintext.is_empty()
    }
}

/// What a slot has, as bits of its flags.
mod has {
    pub(super) const JOINED: u16 = 1;
    pub(super) const AVAILABLE: u16 = 1 << 1;
    pub(super) const KEYS: u16 = 1 << 2;
    pub(super) const OPENING: u16 = 1 << 3;
    pub(super) const L1_BORN: u16 = 1 << 4;
    pub(super) const SEALED: u16 = 1 << 5;
    pub(super) const PLAINTEXT: u16 = 1 << 6;
    pub(super) const HALTS: u16 = 1 << 7;
    pub(super) const REMOVALS: u16 = 1 << 8;
    pub(super) const BLOCKS: u16 = 1 << 9;
    pub(super) const RECORD: u16 = 1 << 10;
    pub(super) const ORDER: u16 = 1 << 11;
    pub(super) const LATE: u16 = 1 << 12;
    pub(super) const REORGED: u16 = 1 << 13;
    pub(super) const ALL: u16 = (1 << 14) - 1;
}

impl Slot {
    fn flags(&self) -> u16 {
        [
            (!self.joined.is_empty(), has::JOINED),
            (self.available.is_some(), has::AVAILABLE),
            (!self.keys.is_empty(), has::KEYS),
            (self.opening.is_some(), has::OPENING),
            (self.l1_born > 0, has::L1_BORN),
            (!self.sealed.is_empty(), has::SEALED),
            (!self.plaintext.is_empty(), has::PLAINTEXT),
            (!self.halts.is_empty(), has::HALTS),
            (!self.removals.is_empty(), has::REMOVALS),
            (!self.blocks.is_empty(), has::BLOCKS),
            (self.record.is_some(), has::RECORD),
            (self.order.is_some(), has::ORDER),
            (self.is_late, has::LATE),
            (!self.reorged.is_empty(), has::REORGED),
        ]
        .into_iter()
        .filter_map(|(is_there, flag)| is_there.then_some(flag))
        .fold(0, |flags, flag| flags | flag)
    }

    /// Appends the slot, which follows one that started at `before_ms`.
    pub(crate) fn write(&self, before_ms: u64, out: &mut Out) {
        let flags = self.flags();
        let some = |flag| flags & flag != 0;
        out.plain.number(self.unix_ms.saturating_sub(before_ms)).u16(flags);
        if some(has::JOINED) {
            out.list(&self.joined);
        }
        self.available.iter().for_each(|available| {
            out.plain.list(available);
        });
        if some(has::KEYS) {
            out.list(&self.keys);
        }
        self.opening.iter().for_each(|opening| opening.write(out));
        if some(has::L1_BORN) {
            out.plain.number(self.l1_born);
        }
        if some(has::SEALED) {
            out.list(&self.sealed);
        }
        if some(has::PLAINTEXT) {
            out.list(&self.plaintext);
        }
        if some(has::HALTS) {
            out.list(&self.halts);
        }
        if some(has::REMOVALS) {
            out.list(&self.removals);
        }
        if some(has::BLOCKS) {
            out.list(&self.blocks);
        }
        self.record.iter().for_each(|record| record.write(out));
        self.order.iter().for_each(|order| order.write(out));
        if some(has::REORGED) {
            out.list(&self.reorged);
        }
    }

    /// Reads the slot that follows one that started at `before_ms`.
    pub(crate) fn read(before_ms: u64, input: &mut In<'_>) -> Result<Self, CodecError> {
        let passed: u64 = input.plain.number()?;
        let unix_ms = before_ms.checked_add(passed).filter(|_| passed > 0);
        let unix_ms = unix_ms.ok_or(CodecError::NotCanonical("slot times do not increase"))?;
        let flags = input.plain.u16()?;
        if flags & !has::ALL != 0 {
            return Err(CodecError::NotCanonical("unknown flags of a slot"));
        }
        let some = |flag| flags & flag != 0;
        let mut slot = Self { unix_ms, is_late: some(has::LATE), ..Self::default() };
        if some(has::JOINED) {
            slot.joined = input.some(MAX_FEW)?;
        }
        if some(has::AVAILABLE) {
            slot.available = Some(networks(input)?);
        }
        if some(has::KEYS) {
            slot.keys = input.some(MAX_FEW)?;
        }
        if some(has::OPENING) {
            slot.opening = Some(EpochOpening::read(input)?);
        }
        if some(has::L1_BORN) {
            slot.l1_born = input.plain.number()?;
            if slot.l1_born == 0 {
                return Err(CodecError::NotCanonical("no inbox entries that are said to be there"));
            }
        }
        if some(has::SEALED) {
            slot.sealed = input.some(MAX_LIST)?;
        }
        if some(has::PLAINTEXT) {
            slot.plaintext = input.some(MAX_LIST)?;
        }
        slot.read_claims(flags, input)?;
        Ok(slot)
    }

    fn read_claims(&mut self, flags: u16, input: &mut In<'_>) -> Result<(), CodecError> {
        let some = |flag| flags & flag != 0;
        if some(has::HALTS) {
            self.halts = input.some(MAX_FEW)?;
            let places = self.halts.iter().map(|halt| (halt.section, halt.index, halt.network));
            increasing(places, "halts are not in order")?;
        }
        if some(has::REMOVALS) {
            self.removals = input.some(2 * MAX_LIST)?;
            let places = self.removals.iter().map(|removal| (removal.section, removal.index));
            increasing(places, "removals are not in order")?;
        }
        if some(has::BLOCKS) {
            self.blocks = input.some(MAX_LIST)?;
        }
        if some(has::RECORD) {
            self.record = Some(Wire::read(input)?);
        }
        if some(has::ORDER) {
            self.order = Some(OrderCommitment::read(input)?);
        }
        if some(has::REORGED) {
            self.reorged = input.some(MAX_LIST)?;
            let places = self.reorged.iter().map(|entry| entry.index);
            increasing(places, "reorged entries are not in order")?;
        }
        Ok(())
    }
}

fn networks(input: &mut In<'_>) -> Result<Vec<NetworkId>, CodecError> {
    let list: Vec<NetworkId> = input.plain.list()?;
    increasing(list.iter(), "available rollups are not in increasing order")?;
    Ok(list)
}

/// Refuses values that do not increase strictly.
pub(crate) fn increasing<T: PartialOrd>(
    mut values: impl Iterator<Item = T>,
    why: &'static str,
) -> Result<(), CodecError> {
    let Some(mut last) = values.next() else { return Ok(()) };
    for value in values {
        if value <= last {
            return Err(CodecError::NotCanonical(why));
        }
        last = value;
    }
    Ok(())
}

impl Wire for RollupGenesis {
    fn write(&self, out: &mut Out) {
        self.encode_to(&mut out.plain);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        Self::decode_from(&mut input.plain)
    }
}
