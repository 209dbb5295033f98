//! Items as they travel: transactions as bytes, nobody's signature looked at.

use crate::streams::{In, Out, Wire};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use weft_types::{
    Bundle, Decode as _, Item, Leg, NetworkId, SafetyLevel,
    bundle::MAX_LEGS,
    codec::{CodecError, Reader, Writer},
    item::MAX_TX_BYTES,
};

/// A transaction for one rollup, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireLeg {
    /// Rollup.
    pub network: NetworkId,
    /// True when the bundle stands even if this leg reverts (P3).
    pub may_revert: bool,
    /// EIP-2718 bytes.
    pub raw: Bytes,
}

/// Legs that are included together or not at all, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireBundle {
    /// Distinguishes bundles that are otherwise the same.
    pub salt: B256,
    /// Safety asked for.
    pub level: SafetyLevel,
    /// Legs in execution order.
    pub legs: Vec<WireLeg>,
}

/// A plaintext item, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireItem {
    /// One transaction.
    Transaction(WireLeg),
    /// Several, together or not at all.
    Bundle(WireBundle),
}

impl WireItem {
    /// Returns the form in which an item travels; nothing for one that is no plaintext item.
    pub fn of(item: &Item) -> Option<Self> {
        match item {
            Item::Transaction(leg) => Some(Self::Transaction(WireLeg::of(leg))),
            Item::Bundle(bundle) => Some(Self::Bundle(WireBundle::of(bundle))),
            _ => None,
        }
    }

    /// Returns the legs.
    pub fn legs(&self) -> &[WireLeg] {
        match self {
            Self::Transaction(leg) => core::slice::from_ref(leg),
            Self::Bundle(bundle) => &bundle.legs,
        }
    }
}

impl WireLeg {
    /// Returns the form in which a leg travels.
    pub fn of(leg: &Leg) -> Self {
        let (network, may_revert) = (leg.network, leg.may_revert);
        Self { network, may_revert, raw: leg.tx.raw().clone() }
    }

    /// Returns the plaintext that an envelope with this transaction alone holds: what [`Item::from_plaintext`] reads.
    pub fn plaintext(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(weft_types::codec::ENCODING_VERSION).u8(0);
        out.put(&self.network).bool(self.may_revert).bytes(&self.raw);
        out.finish()
    }

    /// Returns the leg of a plaintext, when it has the form of one transaction.
    pub fn of_plaintext(plaintext: &[u8]) -> Option<Self> {
        let mut input = Reader::new(plaintext);
        let starts = [input.u8().ok()?, input.u8().ok()?];
        if starts != [weft_types::codec::ENCODING_VERSION, 0] {
            return None;
        }
        let network = NetworkId::decode_from(&mut input).ok()?;
        let (may_revert, raw) = (input.bool().ok()?, input.bytes().ok()?);
        input.finish().ok()?;
        (raw.len() <= MAX_TX_BYTES).then_some(Self { network, may_revert, raw })
    }
}

impl WireBundle {
    /// Returns the form in which a bundle travels.
    pub fn of(bundle: &Bundle) -> Self {
        let legs = bundle.legs().iter().map(WireLeg::of).collect();
        Self { salt: bundle.salt(), level: bundle.level(), legs }
    }
}

/// The leg stands even if it reverts.
const MAY_REVERT: u8 = 1;
/// The transaction does not end in `r` and `s` of 32 bytes each, so that nothing is taken out of it.
const WHOLE: u8 = 2;
/// What stands in front of a string of 32 bytes in RLP.
const STRING_32: u8 = 0xa0;
/// Bytes of `r` and `s` with what stands in front of each.
const SIGNATURE_BYTES: usize = 66;

/// Takes `r` and `s` off the end of a transaction: what is before them, and both.
fn cut(raw: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (before, end) = raw.split_at(raw.len().checked_sub(SIGNATURE_BYTES)?);
    let (r, s) = end.split_at(33);
    (r[0] == STRING_32 && s[0] == STRING_32).then(|| (before, &r[1..], &s[1..]))
}

impl Wire for WireLeg {
    fn write(&self, out: &mut Out) {
        let flags = if self.may_revert { MAY_REVERT } else { 0 };
        match cut(&self.raw) {
            Some((before, r, s)) => {
                out.plain.u8(flags).put(&self.network).bytes(before);
                out.noise.raw(r).raw(s);
            }
            None => {
                out.plain.u8(flags | WHOLE).put(&self.network).bytes(&self.raw);
            }
        }
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let flags = input.plain.u8()?;
        if flags & !(MAY_REVERT | WHOLE) != 0 {
            return Err(CodecError::Tag { what: "flags of a leg", found: flags });
        }
        let network = input.plain.get()?;
        let len = input.plain.bounded_len(MAX_TX_BYTES)?;
        let mut raw = input.plain.raw(len)?.to_vec();
        if flags & WHOLE == 0 {
            for _ in 0..2 {
                raw.push(STRING_32);
                raw.extend_from_slice(input.noise.raw(32)?);
            }
        } else if cut(&raw).is_some() {
            return Err(CodecError::NotCanonical("a signature among what compresses"));
        }
        if raw.len() > MAX_TX_BYTES {
            return Err(CodecError::Length { found: raw.len(), bound: MAX_TX_BYTES });
        }
        Ok(Self { network, may_revert: flags & MAY_REVERT != 0, raw: raw.into() })
    }
}

impl Wire for WireItem {
    fn write(&self, out: &mut Out) {
        match self {
            Self::Transaction(leg) => {
                out.plain.u8(0);
                leg.write(out);
            }
            Self::Bundle(bundle) => {
                out.plain.u8(1).put(&bundle.level);
                out.noise.hash(&bundle.salt);
                out.list(&bundle.legs);
            }
        }
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        match input.plain.u8()? {
            0 => Ok(Self::Transaction(WireLeg::read(input)?)),
            1 => Ok(Self::Bundle(WireBundle {
                level: input.plain.get()?,
                salt: input.hash()?,
                legs: input.some(MAX_LEGS)?,
            })),
            found => Err(CodecError::Tag { what: "kind of a plaintext item", found }),
        }
    }
}
