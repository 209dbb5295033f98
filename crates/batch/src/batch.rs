//! A batch, and a batch with its signature.

use crate::{
    MAX_BATCH_BYTES,
    item::WireLeg,
    opened::Opened,
    slot::{Slot, increasing},
    streams::{In, Out, Wire},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use weft_types::{
    Domain, NetworkId, Signature, SlotNumber, Tag,
    codec::{CodecError, Decode as _, ENCODING_VERSION, Encode as _, MAX_LIST, Reader, Writer},
};

/// Slots of one realm, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Number, from 1.
    pub number: u64,
    /// Hash of the batch before; zero for the first.
    pub parent: B256,
    /// Hash of the realm's configuration.
    pub config: B256,
    /// Number of the first slot.
    pub first: SlotNumber,
    /// The slots.
    pub slots: Vec<Slot>,
    /// Inbox entries that are in the lane after the last slot.
    pub inbox_cursor: u64,
    /// Hash of the closing record of the last slot.
    pub end: B256,
    /// Last block of every rollup that has a new one, by rollup.
    pub heads: Vec<ClaimedHead>,
}

/// The last block of a rollup, as the sequencer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedHead {
    /// Rollup.
    pub network: NetworkId,
    /// Number of the block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// A batch as its sequencer signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBatch {
    /// The batch.
    pub batch: Batch,
    /// Signature over [`Batch::hash`].
    pub signature: Signature,
}

impl Batch {
    /// Returns the hash that names the batch in its realm, and that its sequencer signs.
    pub fn hash(&self, domain: &Domain) -> B256 {
        domain.hash(Tag::Batch, &join(self.streams()))
    }

    /// Returns the number of the last slot.
    pub fn last(&self) -> SlotNumber {
        SlotNumber::new(self.first.get() + (self.slots.len() as u64).saturating_sub(1))
    }

    /// Returns every transaction, in the order in which derivation asks for them.
    pub fn legs(&self) -> impl Iterator<Item = &WireLeg> {
        self.slots.iter().flat_map(|slot| {
            let opened = slot.opening.iter().flat_map(|opening| &opening.items);
            let opened = opened.filter_map(|opened| match opened {
                Opened::Transaction { leg, .. } => Some(leg),
                _ => None,
            });
            opened.chain(slot.plaintext.iter().flat_map(|item| item.legs()))
        })
    }

    /// Returns the encoding without a signature: what is kept of a batch that nobody signed yet.
    pub fn encode(&self) -> Vec<u8> {
        join(self.streams())
    }

    /// Reads what [`Self::encode`] made.
    ///
    /// # Errors
    ///
    /// Any [`CodecError`].
    pub fn decode(encoding: &[u8]) -> Result<Self, CodecError> {
        let (plain, noise) = split(encoding)?;
        let mut input = In { plain: Reader::new(plain), noise: Reader::new(noise) };
        let batch = Self::read(&mut input)?;
        input.plain.finish()?;
        input.noise.finish()?;
        Ok(batch)
    }

    fn streams(&self) -> Out {
        let mut out = Out::default();
        out.plain.number(self.number).number(self.first.get()).number(self.inbox_cursor);
        out.noise.hash(&self.parent).hash(&self.config).hash(&self.end);
        out.list(&self.heads);
        out.plain.len(self.slots.len());
        let mut before_ms = 0;
        for slot in &self.slots {
            slot.write(before_ms, &mut out);
            before_ms = slot.unix_ms;
        }
        out
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let (number, first) = (input.plain.number()?, SlotNumber::new(input.plain.number()?));
        let inbox_cursor = input.plain.number()?;
        let (parent, config, end) = (input.hash()?, input.hash()?, input.hash()?);
        let heads: Vec<ClaimedHead> = input.list(MAX_LIST)?;
        increasing(heads.iter().map(|head| head.network), "heads are not in order")?;
        let slots = slots(input)?;
        // Numbers of slots do not run out.
        first
            .get()
            .checked_add(slots.len() as u64)
            .ok_or(CodecError::NotCanonical("slot number"))?;
        Ok(Self { number, parent, config, first, slots, inbox_cursor, end, heads })
    }
}

fn slots(input: &mut In<'_>) -> Result<Vec<Slot>, CodecError> {
    let count = input.plain.bounded_len(MAX_LIST)?;
    if count == 0 {
        return Err(CodecError::NotCanonical("a batch without slots"));
    }
    let (mut slots, mut before_ms) = (Vec::new(), 0);
    for _ in 0..count {
        let slot = Slot::read(before_ms, input)?;
        before_ms = slot.unix_ms;
        slots.push(slot);
    }
    Ok(slots)
}

/// Version, length of what compresses, that, and the rest.
fn join(out: Out) -> Vec<u8> {
    let (plain, noise) = (out.plain.finish(), out.noise.finish());
    let mut joined = Writer::with_capacity(plain.len() + noise.len() + 8);
    joined.u8(ENCODING_VERSION).bytes(&plain).raw(&noise);
    joined.finish()
}

/// Takes an encoding apart into its two streams.
pub(crate) fn split(encoding: &[u8]) -> Result<(&[u8], &[u8]), CodecError> {
    if encoding.len() > MAX_BATCH_BYTES {
        return Err(CodecError::Length { found: encoding.len(), bound: MAX_BATCH_BYTES });
    }
    let mut input = Reader::new(encoding);
    match input.u8()? {
        ENCODING_VERSION => {}
        found => return Err(CodecError::Tag { what: "encoding version", found }),
    }
    let len = input.bounded_len(MAX_BATCH_BYTES)?;
    let plain = input.raw(len)?;
    Ok((plain, &encoding[encoding.len() - left(input)..]))
}

/// Returns the number of bytes that a reader has left.
fn left(input: Reader<'_>) -> usize {
    match input.finish() {
        Err(CodecError::Trailing { left }) => left,
        _ => 0,
    }
}

impl SignedBatch {
    /// Returns who signed the batch; nothing when nobody can have.
    pub fn signer(&self, domain: &Domain) -> Option<Address> {
        self.signature.signer(self.batch.hash(domain))
    }

    /// Returns the encoding: that of the batch, then the signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.batch.streams();
        self.signature.encode_to(&mut out.noise);
        join(out)
    }

    /// Reads a whole encoding.
    ///
    /// # Errors
    ///
    /// Any [`CodecError`]; a caller cannot repair the input.
    pub fn decode(encoding: &[u8]) -> Result<Self, CodecError> {
        let (plain, noise) = split(encoding)?;
        let mut input = In { plain: Reader::new(plain), noise: Reader::new(noise) };
        let batch = Batch::read(&mut input)?;
        let signature = Signature::decode_from(&mut input.noise)?;
        input.plain.finish()?;
        input.noise.finish()?;
        Ok(Self { batch, signature })
    }
}

impl Wire for ClaimedHead {
    fn write(&self, out: &mut Out) {
        out.plain.put(&self.network).number(self.number);
        out.noise.hash(&self.hash);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        Ok(Self { network: input.plain.get()?, number: input.plain.number()?, hash: input.hash()? })
    }
}
