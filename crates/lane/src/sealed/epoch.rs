//! One epoch, while it takes items and after.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use alloy_primitives::{Address, B256};
use weft_types::{
    NetworkId, Position,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// A key list, as far as the lane sees it; its caller has checked every share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAnnouncement {
    /// Epoch.
    pub epoch: u64,
    /// Name of the list, which envelopes carry.
    pub list: B256,
    /// Members with a share.
    pub members: BTreeSet<u32>,
    /// When the epoch's order has to stand, in milliseconds since the Unix epoch: before anybody can have solved the
    /// puzzle (P17).
    pub close_at_ms: u64,
}

/// An item whose order stands and that nobody can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedItem {
    /// Hash of the envelope.
    pub item: B256,
    /// Where it was ordered.
    pub position: Position,
    /// Who pays.
    pub payer: Address,
    /// What is reserved of its deposit, in wei.
    pub fee_wei: u128,
    /// Size bucket, in bytes.
    pub size_bytes: u64,
    /// Gas bucket, in units.
    pub gas_limit: u64,
}

/// What items take of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// How many they are.
    pub items: u64,
    /// Bytes of their padded plaintexts.
    pub bytes: u64,
    /// Gas of their buckets, in units.
    pub gas: u64,
}

/// An epoch with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its key.
    pub key: KeyAnnouncement,
    /// Items in the order of their positions.
    pub items: Vec<SealedItem>,
    // Invariant: these follow from the items.
    load: Load,
    payers: BTreeMap<Address, Load>,
}

/// An epoch whose last slot is closed, with items that wait for its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Hash of the closing record of its last slot: what members release for.
    pub head: B256,
    /// True when that record came after [`KeyAnnouncement::close_at_ms`].
    pub is_late: bool,
    /// Members that released their secrets for this head.
    pub released: BTreeSet<u32>,
    /// Rollups of the header of its last slot. The closing head covers that header, and nobody releases a secret before
    /// the closing head stands: none of them is missing when the items run, and there is no other for them (P8).
    pub available: Vec<NetworkId>,
}

impl Load {
    /// Returns both together; saturates, which is over every bound.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            bytes: self.bytes.saturating_add(other.bytes),
            gas: self.gas.saturating_add(other.gas),
        }
    }
}

impl Epoch {
    pub(crate) const fn new(key: KeyAnnouncement) -> Self {
        let load = Load { items: 0, bytes: 0, gas: 0 };
        Self { key, items: Vec::new(), load, payers: BTreeMap::new() }
    }

    /// Returns what the items take.
    pub const fn load(&self) -> Load {
        self.load
    }

    /// Returns what a payer's items take.
    pub fn load_of(&self, payer: &Address) -> Load {
        self.payers.get(payer).copied().unwrap_or_default()
    }

    pub(crate) fn push(&mut self, item: SealedItem) {
        let more = Load { items: 1, bytes: item.size_bytes, gas: item.gas_limit };
        self.load = self.load.with(more);
        let own = self.payers.entry(item.payer).or_default();
        *own = own.with(more);
        self.items.push(item);
    }
}

impl ClosedEpoch {
    pub(crate) const fn new(
        epoch: Epoch,
        head: B256,
        is_late: bool,
        available: Vec<NetworkId>,
    ) -> Self {
        Self { epoch, head, is_late, released: BTreeSet::new(), available }
    }
}

fn put_members(out: &mut Writer, members: &BTreeSet<u32>) {
    out.len(members.len());
    members.iter().for_each(|member| {
        out.u32(*member);
    });
}

fn members(input: &mut Reader<'_>) -> Result<BTreeSet<u32>, CodecError> {
    let mut members = BTreeSet::new();
    for _ in 0..input.bounded_len(MAX_MEMBERS)? {
        let member = input.u32()?;
        if members.last().is_some_and(|last| *last >= member) {
            return Err(CodecError::NotCanonical("members out of order"));
        }
        members.insert(member);
    }
    Ok(members)
}

/// Most members of a key list.
pub(crate) const MAX_MEMBERS: usize = 256;

impl Encode for KeyAnnouncement {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.epoch).hash(&self.list).u64(self.close_at_ms);
        put_members(out, &self.members);
    }
}

impl Decode for KeyAnnouncement {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (epoch, list, close_at_ms) = (input.u64()?, input.hash()?, input.u64()?);
        Ok(Self { epoch, list, close_at_ms, members: members(input)? })
    }
}

impl Encode for SealedItem {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.item).put(&self.position).address(&self.payer);
        out.number(self.fee_wei).number(self.size_bytes).number(self.gas_limit);
    }
}

impl Decode for SealedItem {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            item: input.hash()?,
            position: input.get()?,
            payer: input.address()?,
            fee_wei: input.number()?,
            size_bytes: input.number()?,
            gas_limit: input.number()?,
        })
    }
}

impl Encode for Epoch {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.key).list(&self.items);
    }
}

impl Decode for Epoch {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut epoch = Self::new(input.get()?);
        input.list()?.into_iter().for_each(|item| epoch.push(item));
        Ok(epoch)
    }
}

impl Encode for ClosedEpoch {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.epoch).hash(&self.head).bool(self.is_late);
        put_members(out, &self.released);
        out.list(&self.available);
    }
}

impl Decode for ClosedEpoch {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: input.get()?,
            head: input.hash()?,
            is_late: input.bool()?,
            released: members(input)?,
            available: input.list()?,
        })
    }
}
