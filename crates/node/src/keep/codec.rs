//! Blocks, outcomes, slots and the rest as bytes.

use crate::{
    outcomes::{Fate, LegRef, Record},
    slots::{ItemRecord, SlotRecord},
    store::{Origin, StoredBlock},
};
use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{B256, Log, LogData, map::B256Map};
use alloy_rlp::Decodable;
use std::sync::Arc;
use weft_evm::{BlockTx, Escrow, LegResult, TokenId};
use weft_state::StoreError;
use weft_types::{
    BundleId, Decode, InvalidReason, NetworkId, Removal,
    codec::{CodecError, Reader, Writer},
};

/// Most elements of any list.
const MAX_LIST: usize = 1 << 24;
/// Most topics of a log.
const MAX_TOPICS: usize = 4;
/// Reasons why legs were not valid, at their numbers.
const REASONS: [InvalidReason; 10] = [
    InvalidReason::NonceTooLow,
    InvalidReason::NonceTooHigh,
    InvalidReason::InsufficientFunds,
    InvalidReason::FeeTooLow,
    InvalidReason::BlockFull,
    InvalidReason::Dead,
    InvalidReason::WrongChainId,
    InvalidReason::UnknownRollup,
    InvalidReason::Unbundled,
    InvalidReason::Rule,
];

/// Something that the node keeps in a table.
pub(crate) trait Keep: Sized {
    /// Appends the value.
    fn write_to(&self, out: &mut Writer);

    /// Reads a value.
    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// Returns at least how many bytes to expect of a large value: memory that grows is touched twice.
    fn expected_bytes(&self) -> usize {
        0
    }

    /// Returns the value as bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.expected_bytes());
        self.write_to(&mut out);
        out.finish()
    }

    /// Reads a value and nothing behind it.
    fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes);
        let value = Self::read_from(&mut input).and_then(|value| input.finish().map(|()| value));
        value.map_err(|why| StoreError::Corrupt(why.to_string()))
    }
}

/// What has a canonical encoding is kept in it.
pub(crate) fn decoded<T: Decode>(bytes: &[u8]) -> Result<T, StoreError> {
    T::decode(bytes).map_err(|why| StoreError::Corrupt(why.to_string()))
}

impl<T: Keep> Keep for Vec<T> {
    fn write_to(&self, out: &mut Writer) {
        out.len(self.len());
        self.iter().for_each(|value| value.write_to(out));
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = input.bounded_len(MAX_LIST)?;
        (0..count).map(|_| T::read_from(input)).collect()
    }
}

impl<T: Keep> Keep for Option<T> {
    fn write_to(&self, out: &mut Writer) {
        out.bool(self.is_some());
        self.iter().for_each(|value| value.write_to(out));
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(if input.bool()? { Some(T::read_from(input)?) } else { None })
    }
}

impl<A: Keep, B: Keep> Keep for (A, B) {
    fn write_to(&self, out: &mut Writer) {
        self.0.write_to(out);
        self.1.write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok((A::read_from(input)?, B::read_from(input)?))
    }
}

/// Keeps a type in its canonical encoding.
macro_rules! canonical {
    ($($type:ty),*) => {$(
        impl Keep for $type {
            fn write_to(&self, out: &mut Writer) {
                out.put(self);
            }

            fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
                input.get()
            }
        }
    )*};
}

canonical!(
    NetworkId,
    weft_types::Position,
    weft_types::Item,
    weft_types::Hop,
    weft_types::SlotHeader,
    weft_types::Leg,
    weft_lane::Standing,
    crate::rollup::RollupConfig
);

impl Keep for B256 {
    fn write_to(&self, out: &mut Writer) {
        out.hash(self);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.hash()
    }
}

impl Keep for u64 {
    fn write_to(&self, out: &mut Writer) {
        out.u64(*self);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.u64()
    }
}

impl Keep for String {
    fn write_to(&self, out: &mut Writer) {
        out.bytes(self.as_bytes());
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let text = Self::from_utf8(input.bytes()?.into());
        text.map_err(|_| CodecError::NotCanonical("text"))
    }
}

impl Keep for Header {
    fn write_to(&self, out: &mut Writer) {
        out.bytes(&alloy_rlp::encode(self));
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let bytes = input.bytes()?;
        Self::decode(&mut bytes.as_ref()).map_err(|_| CodecError::NotCanonical("header"))
    }
}

impl Keep for Log {
    fn write_to(&self, out: &mut Writer) {
        out.address(&self.address).len(self.data.topics().len());
        self.data.topics().iter().for_each(|topic| topic.write_to(out));
        out.bytes(&self.data.data);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let address = input.address()?;
        let count = input.bounded_len(MAX_TOPICS)?;
        let topics = (0..count).map(|_| input.hash()).collect::<Result<_, _>>()?;
        let data = LogData::new_unchecked(topics, input.bytes()?);
        Ok(Self { address, data })
    }
}

impl Keep for Origin {
    fn write_to(&self, out: &mut Writer) {
        out.put(&self.network).hash(&self.tx_hash);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { network: input.get()?, tx_hash: input.hash()? })
    }
}

impl Keep for BlockTx {
    fn write_to(&self, out: &mut Writer) {
        out.bytes(&self.tx.encoded_2718()).address(&self.sender).put(&self.position);
        out.u16(self.leg).bool(self.is_system).bool(self.success).number(self.gas_used);
        out.number(self.effective_gas_price).bytes(&self.output);
        out.bool(self.contract_address.is_some());
        self.contract_address.iter().for_each(|address| {
            out.address(address);
        });
        self.logs.write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let raw = input.bytes()?;
        let tx = TxEnvelope::decode_2718_exact(&raw);
        Ok(Self {
            tx: Arc::new(tx.map_err(|_| CodecError::NotCanonical("transaction"))?),
            sender: input.address()?,
            position: input.get()?,
            leg: input.u16()?,
            is_system: input.bool()?,
            success: input.bool()?,
            gas_used: input.number()?,
            effective_gas_price: input.number()?,
            output: input.bytes()?,
            contract_address: if input.bool()? { Some(input.address()?) } else { None },
            logs: Vec::read_from(input)?,
        })
    }
}

impl Keep for StoredBlock {
    fn expected_bytes(&self) -> usize {
        self.bytes()
    }

    fn write_to(&self, out: &mut Writer) {
        self.hash.write_to(out);
        self.slot.write_to(out);
        self.header.write_to(out);
        self.transactions.write_to(out);
        let origins: Vec<_> = self.origins.iter().map(|(hash, origin)| (*hash, *origin)).collect();
        origins.write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (hash, slot, header) = (input.hash()?, input.u64()?, Header::read_from(input)?);
        let block = Self::new(header, hash, slot, Vec::read_from(input)?);
        let origins: B256Map<Origin> = Vec::read_from(input)?.into_iter().collect();
        Ok(block.with_origins(origins))
    }
}

impl Keep for Removal {
    fn write_to(&self, out: &mut Writer) {
        out.put(&self.cause).put(&self.network).u16(self.leg);
        self.tx_hash.write_to(out);
        self.reason.write_to(out);
        out.bool(self.invalid.is_some());
        self.invalid.iter().for_each(|reason| {
            out.u8(number_of(&REASONS, *reason));
        });
        out.bytes(&self.revert_data);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            cause: input.get()?,
            network: input.get()?,
            leg: input.u16()?,
            tx_hash: Option::read_from(input)?,
            reason: String::read_from(input)?,
            invalid: if input.bool()? { Some(numbered(&REASONS, "reason", input)?) } else { None },
            revert_data: input.bytes()?,
        })
    }
}

fn number_of<T: PartialEq>(all: &[T], value: T) -> u8 {
    let number = all.iter().position(|known| *known == value);
    number.expect("every value has a number") as u8
}

fn numbered<T: Copy>(
    all: &[T],
    what: &'static str,
    input: &mut Reader<'_>,
) -> Result<T, CodecError> {
    let found = input.u8()?;
    all.get(usize::from(found)).copied().ok_or(CodecError::Tag { what, found })
}

impl Keep for Fate {
    fn write_to(&self, out: &mut Writer) {
        match self {
            Self::Included => {
                out.u8(0);
            }
            Self::Removed(removal) => {
                out.u8(1);
                removal.write_to(out);
            }
            Self::Dropped(why) => {
                out.u8(2);
                why.write_to(out);
            }
            Self::Part(leg, legs) => {
                out.u8(3).u16(*leg).u16(*legs);
            }
        }
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8()? {
            0 => Ok(Self::Included),
            1 => Removal::read_from(input).map(Self::Removed),
            2 => String::read_from(input).map(Self::Dropped),
            3 => Ok(Self::Part(input.u16()?, input.u16()?)),
            found => Err(CodecError::Tag { what: "fate", found }),
        }
    }
}

impl Keep for LegRef {
    fn write_to(&self, out: &mut Writer) {
        out.put(&self.network).hash(&self.tx_hash).bytes(&self.raw).bool(self.may_revert);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            network: input.get()?,
            tx_hash: input.hash()?,
            raw: input.bytes()?,
            may_revert: input.bool()?,
        })
    }
}

impl Keep for LegResult {
    fn write_to(&self, out: &mut Writer) {
        out.u16(self.leg).bool(self.success).number(self.gas_used).bytes(&self.output);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (leg, success) = (input.u16()?, input.bool()?);
        Ok(Self { leg, success, gas_used: input.number()?, output: input.bytes()? })
    }
}

impl Keep for Record {
    fn write_to(&self, out: &mut Writer) {
        self.bundle.map(BundleId::hash).write_to(out);
        // The second bit says that it was sealed.
        out.u8(u8::from(self.protected) | u8::from(self.envelope.is_some()) << 1);
        self.position.write_to(out);
        self.fate.write_to(out);
        self.legs.write_to(out);
        self.results.write_to(out);
        self.hops.write_to(out);
        self.system.write_to(out);
        self.envelope.iter().for_each(|envelope| {
            out.hash(envelope);
        });
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let bundle = Option::read_from(input)?.map(BundleId::new);
        let (protected, is_sealed) = match input.u8()? {
            bits @ 0..4 => (bits & 1 != 0, bits & 2 != 0),
            found => return Err(CodecError::Tag { what: "outcome", found }),
        };
        Ok(Self {
            bundle,
            protected,
            position: Option::read_from(input)?,
            fate: Fate::read_from(input)?,
            legs: Vec::read_from(input)?,
            results: Vec::read_from(input)?,
            hops: Vec::read_from(input)?,
            system: Vec::read_from(input)?,
            envelope: if is_sealed { Some(input.hash()?) } else { None },
        })
    }
}

impl Keep for Escrow {
    fn write_to(&self, out: &mut Writer) {
        out.len(self.iter().count());
        for (holder, token, wei) in self.iter() {
            out.put(&holder).put(&token.network).address(&token.token).u256(wei);
        }
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut escrow = Self::default();
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let holder = input.get()?;
            let token = TokenId { network: input.get()?, token: input.address()? };
            escrow.set(holder, token, input.u256()?);
        }
        Ok(escrow)
    }
}

impl Keep for ItemRecord {
    fn write_to(&self, out: &mut Writer) {
        out.put(&self.position).put(&self.item);
        self.removal.write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (position, item) = (input.get()?, input.get()?);
        Ok(Self { position, item, removal: Option::read_from(input)? })
    }
}

impl Keep for SlotRecord {
    fn expected_bytes(&self) -> usize {
        self.bytes
    }

    fn write_to(&self, out: &mut Writer) {
        self.header.write_to(out);
        let before: Vec<_> = self.before.iter().map(|(network, head)| (*network, *head)).collect();
        before.write_to(out);
        self.escrow.write_to(out);
        self.items.write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let header = input.get()?;
        let before = Vec::read_from(input)?.into_iter().collect();
        Ok(Self::new(header, before, Escrow::read_from(input)?, Vec::read_from(input)?))
    }
}
