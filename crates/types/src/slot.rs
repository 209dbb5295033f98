//! Slot headers and closing records (P2, P8, P9).

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    ids::{NetworkId, Section, SlotNumber, is_increasing},
};
use alloc::vec::Vec;
use alloy_primitives::B256;

/// Head of a slot, fixed before any content of the slot can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotHeader {
    /// Number.
    pub number: SlotNumber,
    /// Start of the slot, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Hash of the previous slot's closing record; zero for the first slot.
    pub parent: B256,
    /// Rollups that are available in this slot (P8), in increasing order.
    pub available: Vec<NetworkId>,
    /// Number of L1 inbox entries consumed before this slot.
    pub inbox_cursor: u64,
    /// Sealing epoch that is open for submissions.
    pub epoch: u64,
}

impl SlotHeader {
    /// Returns the header's hash.
    pub fn hash(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        self.encode_to(&mut out);
        domain.hash(Tag::SlotHeader, out.as_slice())
    }

    /// Returns the timestamp of the slot's blocks, in seconds (P9).
    pub const fn timestamp(&self) -> u64 {
        self.unix_ms / 1000
    }

    /// Returns true when `network` is available in this slot.
    pub fn is_available(&self, network: NetworkId) -> bool {
        self.available.binary_search(&network).is_ok()
    }
}

impl Encode for SlotHeader {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.number.get()).u64(self.unix_ms).hash(&self.parent).list(&self.available);
        out.u64(self.inbox_cursor).u64(self.epoch);
    }
}

impl Decode for SlotHeader {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let header = Self {
            number: SlotNumber::new(input.u64()?),
            unix_ms: input.u64()?,
            parent: input.hash()?,
            available: input.list()?,
            inbox_cursor: input.u64()?,
            epoch: input.u64()?,
        };
        if !is_increasing(&header.available) {
            return Err(CodecError::NotCanonical("available rollups are not in increasing order"));
        }
        Ok(header)
    }
}

/// A rollup stopped before an item (P8). In the order of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Halt {
    /// Section of the item before which it stopped.
    pub section: Section,
    /// Index of that item; that of the section's end when it stopped behind the last one.
    pub index: u32,
    /// Rollup.
    pub network: NetworkId,
}

/// Returns what a closing record says of a slot's halts, in their order; zero when there are none.
pub fn halts_hash<'h>(domain: &Domain, halts: impl ExactSizeIterator<Item = &'h Halt>) -> B256 {
    if halts.len() == 0 {
        return B256::ZERO;
    }
    let mut out = Writer::default();
    out.len(halts.len());
    halts.for_each(|halt| halt.encode_to(&mut out));
    domain.hash(Tag::Halts, out.as_slice())
}

impl Encode for Halt {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(self.section as u8).number(self.index).put(&self.network);
    }
}

/// Closing record of a slot: where its running chains ended, and which rollups stopped in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRecord {
    /// Hash of the slot's header.
    pub header: B256,
    /// Number of L1-born items.
    pub l1_born: u32,
    /// Number of sealed items.
    pub sealed: u32,
    /// End of the sealed section's running chain.
    pub sealed_chain: B256,
    /// Number of plaintext items.
    pub plaintext: u32,
    /// End of the plaintext section's running chain.
    pub plaintext_chain: B256,
    /// [`halts_hash`] of the rollups that stopped in the slot. What the record is signed in names them so, and nobody adds one
    /// when it has read what was sealed (T1).
    pub halts: B256,
}

impl SlotRecord {
    /// Returns the record's hash, which the next slot header names.
    pub fn hash(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        self.encode_to(&mut out);
        domain.hash(Tag::SlotRecord, out.as_slice())
    }
}

impl Encode for SlotRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.header).u32(self.l1_born).u32(self.sealed).hash(&self.sealed_chain);
        out.u32(self.plaintext).hash(&self.plaintext_chain).hash(&self.halts);
    }
}

impl Decode for SlotRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            header: input.hash()?,
            l1_born: input.u32()?,
            sealed: input.u32()?,
            sealed_chain: input.hash()?,
            plaintext: input.u32()?,
            plaintext_chain: input.hash()?,
            halts: input.hash()?,
        })
    }
}
