//! What an item is, for who has only its hash in a promise.

use crate::{
    error::NotEvidence,
    notice::{EpochNotice, Signed},
};
use alloc::{boxed::Box, vec::Vec};
use alloy_primitives::{Address, B256};
use weft_crypto::{
    DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, FalseClaim, Secret, Verdict,
};
use weft_types::{CodecError, Decode, Domain, Encode, Item, Leg, Part, Reader, SignedTx, Writer};

/// The item behind a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A transaction or a bundle in clear.
    Clear(Box<Item>),
    /// A sealed item, opened.
    Sealed(Box<SealedContent>),
    /// A part of a bundle, opened, and what stands in its result for another leg.
    Part(Box<OtherLeg>),
}

/// A part of a bundle beside a transaction that its result names for another one's leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherLeg {
    /// The part that the result is about.
    pub sealed: SealedContent,
    /// The transaction.
    pub tx: SignedTx,
    /// The other part: its leg, number and all that the bundle's id binds to are shown by what hid them. Without it only the
    /// transaction's marker is looked at.
    pub part: Option<Part>,
}

/// An envelope, the word about the key that it is sealed to, and the seed that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedContent {
    /// Envelope.
    pub envelope: Envelope,
    /// The sequencer's word about the key: without it anybody could seal to a key of its own.
    pub notice: Signed<EpochNotice>,
    /// Seed.
    pub seed: B256,
}

/// An envelope that no seed opens, the word about the key that it is sealed to, and the key's secret, which is public once
/// the epoch is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopenable {
    /// Envelope.
    pub envelope: Envelope,
    /// The sequencer's word about the key.
    pub notice: Signed<EpochNotice>,
    /// Secret of the key.
    pub secret: [u8; 32],
}

/// Legs of an item, as far as they can be read.
pub(crate) enum Legs {
    /// One transaction, with its mark whether it may stand alone.
    Single(Leg),
    /// Those of a bundle.
    Bundle(Vec<Leg>),
    /// One of those of a bundle in parts.
    Part(Box<Part>),
    /// A sealed item that holds neither.
    None,
}

impl Content {
    /// Returns the item's identity in the lane: the hash of what is in clear, the id of an envelope.
    pub fn id(&self, domain: &Domain) -> B256 {
        match self {
            Self::Clear(item) => item.hash(domain),
            Self::Sealed(sealed) => sealed.envelope.id(domain),
            Self::Part(other) => other.sealed.envelope.id(domain),
        }
    }

    /// Returns the legs. `sequencer` is the accused, who must have named the key of a sealed item.
    pub(crate) fn legs(&self, domain: &Domain, sequencer: Address) -> Result<Legs, NotEvidence> {
        match self {
            Self::Clear(item) => {
                readable(item).ok_or(NotEvidence::Unrelated("neither transaction nor bundle"))
            }
            Self::Sealed(sealed) => sealed.legs(domain, sequencer),
            Self::Part(other) => match other.sealed.legs(domain, sequencer)? {
                Legs::Part(part) => Ok(Legs::Part(part)),
                _ => Err(NotEvidence::Unrelated("the envelope holds no part of a bundle")),
            },
        }
    }
}

impl SealedContent {
    fn legs(&self, domain: &Domain, sequencer: Address) -> Result<Legs, NotEvidence> {
        let Verdict::Opened { plaintext, .. } = self.verdict(domain, sequencer)? else {
            return Ok(Legs::None);
        };
        let carriage = &self.envelope.carriage;
        let (gas, rollup) = (carriage.gas.gas_limit(), carriage.rollup);
        Ok(match Item::decode(&plaintext) {
            // One that breaks its carriage does not run, so no result of it has legs.
            Ok(item @ Item::Part(_)) if item.breach(gas, rollup).is_some() => Legs::None,
            Ok(Item::Part(part)) if self.is_own(&part, domain) => Legs::Part(Box::new(part)),
            Ok(item) => readable(&item).unwrap_or(Legs::None),
            Err(_) => Legs::None,
        })
    }

    /// Tells whether a part is one of a bundle that can run in the epoch of the envelope.
    fn is_own(&self, part: &Part, domain: &Domain) -> bool {
        part.epoch() == self.envelope.carriage.epoch && part.recheck(domain)
    }

    /// Returns the envelope's one verdict, which the seed shows.
    pub(crate) fn verdict(
        &self,
        domain: &Domain,
        sequencer: Address,
    ) -> Result<Verdict, NotEvidence> {
        let scheme = named_key(domain, &self.envelope, &self.notice, sequencer)?;
        scheme.verify_opening(&self.envelope, &self.seed).map_err(|error| match error {
            FalseClaim::Foreign(_) => FOREIGN,
            error => error.into(),
        })
    }

    /// Tells whether the envelope holds an item that keeps what the carriage declares: an honest fold runs it, or finds
    /// something else wrong than its form.
    pub(crate) fn is_well_formed(
        &self,
        domain: &Domain,
        sequencer: Address,
    ) -> Result<bool, NotEvidence> {
        let Verdict::Opened { plaintext, .. } = self.verdict(domain, sequencer)? else {
            return Ok(false);
        };
        let Ok(item) = Item::from_plaintext(&plaintext) else { return Ok(false) };
        let carriage = &self.envelope.carriage;
        let is_own = match &item {
            Item::Part(part) => self.is_own(part, domain),
            item => item.bundle().is_none_or(|bundle| bundle.recheck(domain)),
        };
        Ok(is_own && item.breach(carriage.gas.gas_limit(), carriage.rollup).is_none())
    }
}

impl Unopenable {
    /// Returns the envelope's one verdict, by the key's secret.
    pub(crate) fn verdict(
        &self,
        domain: &Domain,
        sequencer: Address,
    ) -> Result<Verdict, NotEvidence> {
        let scheme = named_key(domain, &self.envelope, &self.notice, sequencer)?;
        let EpochNotice { list, key, .. } = self.notice.notice;
        let secret = Secret::from_bytes(&self.secret);
        let secret = secret.and_then(|secret| EpochSecret::of_key(&secret, &key, list));
        let secret = secret.ok_or(NotEvidence::NotShown("that the secret is the key's"))?;
        scheme.open(&self.envelope, &secret).map_err(|_| FOREIGN)
    }
}

const FOREIGN: NotEvidence = NotEvidence::Unrelated("the envelope is sealed to another key");

/// Returns the key that the accused named for the envelope's epoch.
fn named_key(
    domain: &Domain,
    envelope: &Envelope,
    notice: &Signed<EpochNotice>,
    sequencer: Address,
) -> Result<EpochKeyScheme, NotEvidence> {
    let EpochNotice { epoch, list, key } = notice.notice;
    match notice.signer(domain).ok_or(NotEvidence::Signature)? {
        signer if signer == sequencer => {}
        signer => return Err(NotEvidence::Keys(sequencer, signer)),
    }
    if envelope.carriage.epoch != epoch {
        return Err(NotEvidence::Unrelated("envelope and key are of two epochs"));
    }
    Ok(EpochKeyScheme::of_key(*domain, key, list))
}

/// Returns the legs of what an envelope may hold, and a promise in clear be about.
fn readable(item: &Item) -> Option<Legs> {
    match item {
        Item::Transaction(leg) => Some(Legs::Single(leg.clone())),
        Item::Bundle(bundle) => Some(Legs::Bundle(bundle.legs().to_vec())),
        _ => None,
    }
}

impl Encode for Content {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Clear(item) => out.u8(0).put(&**item),
            Self::Sealed(sealed) => out.u8(1).put(&**sealed),
            Self::Part(other) => {
                out.u8(if other.part.is_some() { 3 } else { 2 });
                out.put(&other.sealed).bytes(other.tx.raw());
                other.part.iter().for_each(|part| part.encode_to(out));
                out
            }
        };
    }
}

impl Decode for Content {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Clear(Box::new(input.get()?)),
            1 => Self::Sealed(Box::new(input.get()?)),
            kind @ (2 | 3) => {
                let (sealed, raw) = (input.get()?, input.bytes()?);
                let tx = SignedTx::decode(raw)
                    .map_err(|_| CodecError::NotCanonical("not a valid signed transaction"))?;
                let part = if kind == 3 { Some(input.get()?) } else { None };
                Self::Part(Box::new(OtherLeg { sealed, tx, part }))
            }
            found => return Err(CodecError::Tag { what: "content", found }),
        })
    }
}

impl Encode for SealedContent {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.envelope).put(&self.notice).hash(&self.seed);
    }
}

impl Encode for Unopenable {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.envelope).put(&self.notice).raw(&self.secret);
    }
}

impl Decode for Unopenable {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { envelope: input.get()?, notice: input.get()?, secret: input.hash()?.0 })
    }
}

impl Decode for SealedContent {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { envelope: input.get()?, notice: input.get()?, seed: input.hash()? })
    }
}
