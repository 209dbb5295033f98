//! Sealed items in their turn: the envelope by its hash, what carries it, and what it opened to (P11, P13).
//!
//! Envelopes themselves are `weft-crypto`'s. The lane orders their hashes; by the time that a [`Sealed`] is made, its
//! epoch is closed and everybody can compute the same one.

use crate::{
    bundle::{Blinded, Bundle, MAX_LEGS, Marker, check_count, check_markers},
    codec::{CodecError, Decode, Encode, Reader, Writer},
    ids::{NetworkId, is_increasing},
    item::{Item, Leg},
    outcome::RemovalCause,
    parts::{MIN_PARTS, Part},
};
use alloc::{boxed::Box, vec::Vec};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256};
use thiserror::Error;

/// A sealed item in its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Hash of the envelope: the item's identity in the lane, fixed before anybody could read it.
    pub envelope: B256,
    /// What everybody knew of it before.
    pub terms: Terms,
    /// Rollups that the last header of its epoch listed, in increasing order: those that there are for it (P8).
    pub listed: Vec<NetworkId>,
    /// What it turned out to be.
    pub opening: Opening,
}

/// Who pays for a sealed item, and what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Account that pays.
    pub payer: Address,
    /// Rollup where its deposit lies.
    pub deposit: NetworkId,
    /// The only rollup of its legs, when the user left it in clear.
    pub rollup: Option<NetworkId>,
    /// Gas that its legs may declare together: the gas bucket, in units.
    pub gas_limit: u64,
    /// Fee for the size bucket, in wei.
    pub size_fee_wei: u128,
    /// Fee for the gas bucket, in wei: for the room that it takes in its epoch, used or not.
    pub gas_fee_wei: u128,
}

/// What a sealed item turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// A transaction or a bundle: executed, or removed like any other. Or a part of a bundle others of which are still to
    /// come: it does nothing.
    Opened(Box<Item>),
    /// A right ciphertext of something that is neither.
    Malformed,
    /// No ciphertext of anything.
    Undecryptable,
    /// Its epoch was not closed in time, so that somebody may have read it before its order was fixed (P17).
    Late,
    /// The last part of a bundle, with all the others. Next: executed, or removed like any other bundle.
    Joined(Box<Joined>),
    /// A part whose place in its bundle another one has.
    Repeated(Box<Part>),
}

/// A bundle whose last part has its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    own: u16,
    bundle: Item,
}

impl Joined {
    pub(crate) const fn new(own: u16, bundle: Bundle) -> Self {
        Self { own, bundle: Item::Bundle(bundle) }
    }

    /// Returns the bundle, as an item.
    pub const fn item(&self) -> &Item {
        &self.bundle
    }

    /// Returns the leg that the envelope itself held.
    pub fn own_leg(&self) -> &Leg {
        &self.bundle.legs()[usize::from(self.own)]
    }

    /// Returns how the envelope's own leg breaks what its carriage declares; each other one is held against its own.
    pub fn breach(&self, gas_limit: u64, rollup: Option<NetworkId>) -> Option<Breach> {
        breach(core::slice::from_ref(self.own_leg()), gas_limit, rollup)
    }
}

/// Why an item is not what its envelope's carriage declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Breach {
    /// The legs declare more gas than the bucket: limits count, not what is used.
    #[error("legs declare {declared} gas, the envelope {bound}")]
    Gas {
        /// Gas of all legs together, in units.
        declared: u64,
        /// Gas of the bucket, in units.
        bound: u64,
    },
    /// A leg is for another rollup than the one in clear.
    #[error("a leg is for rollup {found}, the envelope says {named}")]
    Rollup {
        /// Rollup of the leg.
        found: NetworkId,
        /// Rollup in clear.
        named: NetworkId,
    },
}

impl Item {
    /// Returns how the item of an envelope breaks what the carriage declares, if it does (P13).
    pub fn breach(&self, gas_limit: u64, rollup: Option<NetworkId>) -> Option<Breach> {
        breach(self.legs(), gas_limit, rollup)
    }
}

fn breach(legs: &[Leg], gas_limit: u64, rollup: Option<NetworkId>) -> Option<Breach> {
    let limits = legs.iter().map(|leg| leg.tx.envelope().gas_limit());
    let declared = limits.fold(0_u64, u64::saturating_add);
    if declared > gas_limit {
        return Some(Breach::Gas { declared, bound: gas_limit });
    }
    let named = rollup?;
    let other = legs.iter().find(|leg| leg.network != named)?;
    Some(Breach::Rollup { found: other.network, named })
}

impl Sealed {
    /// Returns the item inside, when there is one.
    pub fn opened(&self) -> Option<&Item> {
        match &self.opening {
            Opening::Opened(item) => Some(item),
            Opening::Joined(joined) => Some(joined.item()),
            Opening::Malformed | Opening::Undecryptable | Opening::Late | Opening::Repeated(_) => {
                None
            }
        }
    }

    /// Returns what the payer owes, in wei, for an item that was removed for `cause`, or included without one (P13).
    ///
    /// Both buckets are paid for, whatever became of the item: they took room that others could not have. What it used
    /// it pays on its rollups beside that. Late and unavailable ones owe nothing: neither is the user's doing, as what
    /// goes to a rollup that was away before is `Invalid`.
    pub const fn charge_wei(&self, cause: Option<RemovalCause>) -> u128 {
        let Terms { size_fee_wei, gas_fee_wei, .. } = self.terms;
        match cause {
            Some(RemovalCause::Late | RemovalCause::Unavailable) => 0,
            None | Some(_) => size_fee_wei.saturating_add(gas_fee_wei),
        }
    }
}

impl Encode for Sealed {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.envelope).put(&self.terms).list(&self.listed);
        match &self.opening {
            Opening::Opened(item) => out.u8(0).put(&**item),
            Opening::Malformed => out.u8(1),
            Opening::Undecryptable => out.u8(2),
            Opening::Late => out.u8(3),
            Opening::Joined(joined) => out.u8(4).put(&**joined),
            Opening::Repeated(part) => out.u8(5).put(&**part),
        };
    }
}

impl Decode for Sealed {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (envelope, terms, listed) = (input.hash()?, input.get()?, input.list()?);
        if !is_increasing(&listed) {
            return Err(CodecError::NotCanonical("listed rollups are not in increasing order"));
        }
        let opening = match input.u8()? {
            0 => Opening::Opened(Box::new(input.get::<Plaintext>()?.0)),
            1 => Opening::Malformed,
            2 => Opening::Undecryptable,
            3 => Opening::Late,
            4 => Opening::Joined(Box::new(input.get()?)),
            5 => Opening::Repeated(Box::new(input.get()?)),
            found => return Err(CodecError::Tag { what: "opening", found }),
        };
        Ok(Self { envelope, terms, listed, opening })
    }
}

/// What an envelope may hold. The kind comes first, so nothing is nested deeper than once.
struct Plaintext(Item);

impl Decode for Plaintext {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(match input.u8()? {
            0 => Item::Transaction(input.get()?),
            1 => Item::Bundle(input.get()?),
            5 => Item::Part(input.get()?),
            found => return Err(CodecError::Tag { what: "kind of a sealed item", found }),
        }))
    }
}

impl Item {
    /// Reads the plaintext of an envelope: the encoding of a transaction, of a bundle, or of a part of one.
    ///
    /// # Errors
    ///
    /// [`CodecError`] for anything else; the envelope is malformed.
    pub fn from_plaintext(bytes: &[u8]) -> Result<Self, CodecError> {
        Plaintext::decode(bytes).map(|Plaintext(item)| item)
    }
}

impl Encode for Joined {
    fn encode_to(&self, out: &mut Writer) {
        let Item::Bundle(bundle) = &self.bundle else { unreachable!("it is one") };
        let blinded = bundle.blinded().expect("made of parts");
        out.number(self.own).hash(&bundle.salt()).put(&bundle.level()).number(blinded.epoch);
        out.len(bundle.legs().len());
        for (blinding, leg) in blinded.blindings.iter().zip(bundle.legs()) {
            out.hash(blinding).put(leg);
        }
    }
}

impl Decode for Joined {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (own, salt, level) = (input.number()?, input.hash()?, input.get()?);
        let epoch = input.number()?;
        let count = input.bounded_len(MAX_LEGS)?;
        let (mut blindings, mut legs) = (Vec::new(), Vec::new());
        for _ in 0..count {
            blindings.push(input.hash()?);
            legs.push(input.get::<Leg>()?);
        }
        if count < MIN_PARTS || usize::from(own) >= count {
            return Err(CodecError::NotCanonical("number of parts"));
        }
        check_count(&legs).map_err(|_| CodecError::NotCanonical("bundle legs"))?;
        let markers = legs.iter().map(|leg| Marker::of(&leg.tx)).collect::<Result<Vec<_>, _>>();
        let markers = markers.map_err(|_| CodecError::NotCanonical("bundle markers"))?;
        let first = markers[0].ok_or(CodecError::NotCanonical("part without marker"))?.bundle();
        check_markers(&markers, first).map_err(|_| CodecError::NotCanonical("bundle markers"))?;
        let bundle = Bundle::joined(salt, level, legs, first, Blinded { epoch, blindings });
        Ok(Self::new(own, bundle))
    }
}

impl Encode for Terms {
    fn encode_to(&self, out: &mut Writer) {
        out.address(&self.payer).put(&self.deposit).bool(self.rollup.is_some());
        self.rollup.iter().for_each(|rollup| rollup.encode_to(out));
        out.number(self.gas_limit).number(self.size_fee_wei).number(self.gas_fee_wei);
    }
}

impl Decode for Terms {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            payer: input.address()?,
            deposit: input.get()?,
            rollup: if input.bool()? { Some(input.get()?) } else { None },
            gas_limit: input.number()?,
            size_fee_wei: input.number()?,
            gas_fee_wei: input.number()?,
        })
    }
}
