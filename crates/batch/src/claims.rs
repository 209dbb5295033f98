//! What stands in a slot beside its items: keys, halts, and what the sequencer says of results.

use crate::streams::{In, Out, Wire};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use weft_commitment::KzgCommitment;
use weft_types::{Halt, L1Ref, RemovalCause, Section, codec::CodecError};

/// Bytes of a tag: enough to name the first wrong block, while the last one of each rollup is named by all of its hash.
pub const TAG_BYTES: usize = 4;
/// Most bytes of a key list.
const MAX_KEY_BYTES: usize = 1 << 20;
/// Most commitments to the order of a slot: 4,096 items each.
const MAX_COMMITMENTS: usize = 256;

/// Returns the tag of a block or of a closing record.
pub fn tag(hash: &B256) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&hash[..TAG_BYTES]);
    tag
}

/// The key of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedKey {
    /// When the epoch's order has to stand, in milliseconds since the Unix epoch.
    pub close_at_ms: u64,
    /// Encoding of the key list, with every share and its proofs.
    pub list: Bytes,
}

/// What the sequencer says became of an item that is in no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedRemoval {
    /// Section.
    pub section: Section,
    /// Index.
    pub index: u32,
    /// Cause.
    pub cause: RemovalCause,
}

/// An inbox entry whose L1 block is not canonical any more: it has its position and does nothing (P48).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReorgedEntry {
    /// Index among the slot's inbox entries.
    pub index: u32,
    /// Where it was born.
    pub origin: L1Ref,
    /// Hash of the item.
    pub item: B256,
}

/// What the order of a slot was committed to (P15); slot and counts follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCommitment {
    /// Merkle root.
    pub root: B256,
    /// KZG commitments.
    pub kzg: Vec<KzgCommitment>,
}

impl Wire for [u8; TAG_BYTES] {
    fn write(&self, out: &mut Out) {
        out.noise.raw(self);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(input.noise.raw(TAG_BYTES)?);
        Ok(tag)
    }
}

impl Wire for AnnouncedKey {
    fn write(&self, out: &mut Out) {
        out.plain.u64(self.close_at_ms);
        out.random(&self.list);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let close_at_ms = input.plain.u64()?;
        Ok(Self { close_at_ms, list: input.random(MAX_KEY_BYTES)?.into() })
    }
}

impl Wire for Halt {
    fn write(&self, out: &mut Out) {
        out.plain.u8(self.section as u8).number(self.index).put(&self.network);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let section = section(input.plain.u8()?)?;
        Ok(Self { section, index: input.plain.number()?, network: input.plain.get()? })
    }
}

impl Wire for ClaimedRemoval {
    fn write(&self, out: &mut Out) {
        out.plain.u8(self.section as u8).number(self.index).put(&self.cause);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let section = section(input.plain.u8()?)?;
        Ok(Self { section, index: input.plain.number()?, cause: input.plain.get()? })
    }
}

impl Wire for ReorgedEntry {
    fn write(&self, out: &mut Out) {
        out.plain.number(self.index).u32(self.origin.log_index);
        out.noise.hash(&self.origin.block_hash).hash(&self.item);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let (index, log_index) = (input.plain.number()?, input.plain.u32()?);
        let (block_hash, item) = (input.hash()?, input.hash()?);
        Ok(Self { index, origin: L1Ref { block_hash, log_index }, item })
    }
}

impl Wire for OrderCommitment {
    fn write(&self, out: &mut Out) {
        out.noise.hash(&self.root);
        out.plain.len(self.kzg.len());
        self.kzg.iter().for_each(|commitment| {
            out.noise.raw(commitment.as_slice());
        });
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let (root, len) = (input.hash()?, input.plain.bounded_len(MAX_COMMITMENTS)?);
        let read = |_| input.noise.raw(KzgCommitment::len_bytes()).map(KzgCommitment::from_slice);
        Ok(Self { root, kzg: (0..len).map(read).collect::<Result<_, _>>()? })
    }
}

/// Reads a section whose items run in the slot.
fn section(found: u8) -> Result<Section, CodecError> {
    match found {
        0 => Ok(Section::L1Born),
        2 => Ok(Section::Plaintext),
        3 => Ok(Section::Opened),
        _ => Err(CodecError::Tag { what: "section that runs", found }),
    }
}
