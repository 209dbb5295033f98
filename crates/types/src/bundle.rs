//! Bundles, their identity, and the markers that keep legs from being lifted out (P18).

use crate::{
    RESERVED,
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    ids::NetworkId,
    item::{Leg, SignedTx},
    parts::PartedShape,
};
use alloc::vec::Vec;
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes before the bundle id in a calldata suffix marker.
pub const MARKER_MAGIC: [u8; 8] = *b"\xefweft\x00\x01\xef";
/// Length of a calldata suffix marker, in bytes.
pub const MARKER_LEN: usize = 40;
/// Most legs in a bundle.
pub const MAX_LEGS: usize = 64;

/// Identity of a bundle.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BundleId(B256);

impl BundleId {
    /// Names the bundle with hash `id`.
    pub const fn new(id: B256) -> Self {
        Self(id)
    }

    /// Returns the hash.
    pub const fn hash(self) -> B256 {
        self.0
    }

    /// Returns the calldata suffix that marks a leg of this bundle.
    pub fn suffix(self) -> [u8; MARKER_LEN] {
        let mut out = [0; MARKER_LEN];
        out[..8].copy_from_slice(&MARKER_MAGIC);
        out[8..].copy_from_slice(self.0.as_slice());
        out
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Safety that a bundle asks for (P30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum SafetyLevel {
    /// The sequencer's word.
    #[default]
    Reputation = 0,
    /// A bond covers the declared value at risk.
    Cryptoeconomic = 1,
    /// The rollups settle in one weave.
    Cryptographic = 2,
}

/// Where a leg carries its bundle's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// At the end of the call data.
    Suffix(BundleId),
    /// As a storage key of the reserved address in the access list.
    AccessList(BundleId),
}

impl Marker {
    /// Returns the bundle that the leg belongs to.
    pub const fn bundle(self) -> BundleId {
        match self {
            Self::Suffix(id) | Self::AccessList(id) => id,
        }
    }

    /// Finds the marker of a transaction.
    ///
    /// # Errors
    ///
    /// [`InvalidBundle::Contradictory`] when it carries more than one.
    pub fn of(tx: &SignedTx) -> Result<Option<Self>, InvalidBundle> {
        let suffix = Self::suffix_of(tx.envelope().input()).map(Self::Suffix);
        let mut listed = Self::listed(tx);
        let first = suffix.or_else(|| listed.next());
        if listed.next().is_some() {
            return Err(InvalidBundle::Contradictory { tx: tx.hash() });
        }
        Ok(first)
    }

    /// Returns the id in the suffix of `data`.
    pub fn suffix_of(data: &[u8]) -> Option<BundleId> {
        let tail = &data[data.len().checked_sub(MARKER_LEN)?..];
        let (magic, id) = tail.split_at(8);
        (magic == MARKER_MAGIC).then(|| BundleId(B256::from_slice(id)))
    }

    fn listed(tx: &SignedTx) -> impl Iterator<Item = Self> {
        let entries = tx.envelope().access_list().into_iter().flat_map(|list| list.iter());
        entries
            .filter(|entry| entry.address == RESERVED)
            .flat_map(|entry| entry.storage_keys.iter())
            .map(|key| Self::AccessList(BundleId(*key)))
    }
}

/// What a bundle's identity says about a leg: all that the sender signs except nonce, gas and fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegShape {
    /// Rollup.
    pub network: NetworkId,
    /// Sender.
    pub sender: Address,
    /// Receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Call data without marker.
    pub data: Bytes,
    /// True when the leg may revert.
    pub may_revert: bool,
}

/// What a bundle's identity covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleShape {
    /// Distinguishes bundles that are otherwise the same.
    pub salt: B256,
    /// Safety asked for.
    pub level: SafetyLevel,
    /// Legs in execution order.
    pub legs: Vec<LegShape>,
}

impl BundleShape {
    /// Returns `H(domain, salt, level, legs)` (P18).
    pub fn id(&self, domain: &Domain) -> BundleId {
        let mut out = Writer::default();
        out.hash(&self.salt).put(&self.level).list(&self.legs);
        BundleId(domain.hash(Tag::Bundle, out.as_slice()))
    }
}

/// Legs that are included together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    salt: B256,
    level: SafetyLevel,
    legs: Vec<Leg>,
    id: BundleId,
    marked: bool,
    /// What its id is made of beside the legs, when they were sealed apart.
    blinded: Option<Blinded>,
}

/// What the legs of a bundle were hidden with until the last was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blinded {
    /// Epoch in which all parts were sealed.
    pub(crate) epoch: u64,
    /// By leg.
    pub(crate) blindings: Vec<B256>,
}

/// Reason for refusing a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidBundle {
    /// It has no legs.
    #[error("bundle has no legs")]
    Empty,
    /// It has too many legs.
    #[error("bundle has {legs} legs, over the limit of {limit}")]
    TooManyLegs {
        /// Legs found.
        legs: usize,
        /// Largest accepted number.
        limit: usize,
    },
    /// The same transaction stands in it twice.
    #[error("bundle holds transaction {tx} twice")]
    DuplicateLeg {
        /// The transaction.
        tx: B256,
    },
    /// A leg carries several markers.
    #[error("transaction {tx} carries more than one bundle marker")]
    Contradictory {
        /// The transaction.
        tx: B256,
    },
    /// Some legs are marked and some are not.
    #[error("leg {leg} carries no marker while others do")]
    PartlyMarked {
        /// First unmarked leg.
        leg: usize,
    },
    /// A leg is marked for another bundle.
    #[error("leg {leg} is marked for bundle {declared}, this is bundle {computed}")]
    OtherBundle {
        /// The leg.
        leg: usize,
        /// Bundle named by the marker.
        declared: BundleId,
        /// Bundle made of these legs.
        computed: BundleId,
    },
}

impl Bundle {
    /// Checks the legs against each other and against their markers.
    ///
    /// # Errors
    ///
    /// Any [`InvalidBundle`].
    pub fn new(
        domain: &Domain,
        salt: B256,
        level: SafetyLevel,
        legs: Vec<Leg>,
    ) -> Result<Self, InvalidBundle> {
        check_count(&legs)?;
        let markers = legs
            .iter()
            .map(|leg| Marker::of(&leg.tx))
            .collect::<Result<Vec<_>, InvalidBundle>>()?;
        let shape = BundleShape { salt, level, legs: legs.iter().map(LegShape::of).collect() };
        let id = shape.id(domain);
        let marked = markers.iter().any(Option::is_some);
        if marked {
            check_markers(&markers, id)?;
        }
        Ok(Self { salt, level, legs, id, marked, blinded: None })
    }

    /// Puts legs together that were sealed apart; each signs `id`.
    pub(crate) const fn joined(
        salt: B256,
        level: SafetyLevel,
        legs: Vec<Leg>,
        id: BundleId,
        blinded: Blinded,
    ) -> Self {
        Self { salt, level, legs, id, marked: true, blinded: Some(blinded) }
    }

    pub(crate) const fn blinded(&self) -> Option<&Blinded> {
        self.blinded.as_ref()
    }

    /// Returns the identity.
    pub const fn id(&self) -> BundleId {
        self.id
    }

    /// Returns the salt.
    pub const fn salt(&self) -> B256 {
        self.salt
    }

    /// Returns the safety asked for.
    pub const fn level(&self) -> SafetyLevel {
        self.level
    }

    /// Returns the legs in execution order.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// Returns true when no leg can be lifted out of the bundle; false is shown as `unprotected` (P18).
    pub const fn is_marked(&self) -> bool {
        self.marked
    }
}

pub(crate) fn check_count(legs: &[Leg]) -> Result<(), InvalidBundle> {
    match legs.len() {
        0 => return Err(InvalidBundle::Empty),
        n if n > MAX_LEGS => {
            return Err(InvalidBundle::TooManyLegs { legs: n, limit: MAX_LEGS });
        }
        _ => {}
    }
    let mut hashes: Vec<B256> = legs.iter().map(|leg| leg.tx.hash()).collect();
    hashes.sort_unstable();
    match hashes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(InvalidBundle::DuplicateLeg { tx: pair[0] }),
        None => Ok(()),
    }
}

pub(crate) fn check_markers(
    markers: &[Option<Marker>],
    computed: BundleId,
) -> Result<(), InvalidBundle> {
    for (leg, marker) in markers.iter().enumerate() {
        let declared = marker.ok_or(InvalidBundle::PartlyMarked { leg })?.bundle();
        if declared != computed {
            return Err(InvalidBundle::OtherBundle { leg, declared, computed });
        }
    }
    Ok(())
}

impl LegShape {
    /// Returns what a bundle's identity says about `leg`.
    pub fn of(leg: &Leg) -> Self {
        let tx = leg.tx.envelope();
        let input = tx.input();
        let data = match Marker::suffix_of(input) {
            Some(_) => input.slice(..input.len() - MARKER_LEN),
            None => input.clone(),
        };
        Self {
            network: leg.network,
            sender: leg.tx.sender(),
            to: tx.to(),
            value: tx.value(),
            data,
            may_revert: leg.may_revert,
        }
    }
}

impl Encode for LegShape {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).address(&self.sender).bool(self.to.is_some());
        if let Some(to) = &self.to {
            out.address(to);
        }
        out.u256(self.value).bytes(&self.data).bool(self.may_revert);
    }
}

impl Encode for SafetyLevel {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(*self as u8);
    }
}

impl Decode for SafetyLevel {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8()? {
            0 => Ok(Self::Reputation),
            1 => Ok(Self::Cryptoeconomic),
            2 => Ok(Self::Cryptographic),
            found => Err(CodecError::Tag { what: "safety level", found }),
        }
    }
}

// The id is part of the encoding because computing it needs the domain; `Bundle::new` is the only other way in,
// and whoever decodes bundles from outside checks `recheck`.
impl Encode for Bundle {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.salt).put(&self.level).hash(&self.id.hash()).list(&self.legs);
    }
}

impl Decode for Bundle {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (salt, level, id) = (input.hash()?, input.get()?, BundleId(input.hash()?));
        let legs: Vec<Leg> = input.bounded_list(MAX_LEGS)?;
        check_count(&legs).map_err(|_| CodecError::NotCanonical("bundle legs"))?;
        let markers = legs.iter().map(|leg| Marker::of(&leg.tx)).collect::<Result<Vec<_>, _>>();
        let markers = markers.map_err(|_| CodecError::NotCanonical("bundle markers"))?;
        let marked = markers.iter().any(Option::is_some);
        if marked {
            check_markers(&markers, id).map_err(|_| CodecError::NotCanonical("bundle markers"))?;
        }
        Ok(Self { salt, level, legs, id, marked, blinded: None })
    }
}

impl Bundle {
    /// Returns true when the identity is that of the legs in `domain`. Decoded bundles need this check.
    pub fn recheck(&self, domain: &Domain) -> bool {
        let (salt, level) = (self.salt, self.level);
        let legs = self.legs.iter().map(LegShape::of);
        let computed = match &self.blinded {
            None => BundleShape { salt, level, legs: legs.collect() }.id(domain),
            Some(Blinded { epoch, blindings }) => {
                let commit = |(leg, blinding): (LegShape, _)| leg.commitment(domain, blinding);
                let commitments = legs.zip(blindings).map(commit).collect();
                PartedShape { salt, level, epoch: *epoch, commitments }.id(domain)
            }
        };
        computed == self.id
    }
}
