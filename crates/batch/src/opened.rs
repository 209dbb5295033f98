//! Sealed items: their order, and later what they held (P2, P40).

use crate::{
    item::WireLeg,
    slot::increasing,
    streams::{In, Out, Wire},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, FixedBytes, eip191_hash_message};
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, SchemeId, TooLong, epoch::MAX_MEMBERS,
    units::ELEMENT_BYTES,
};
use weft_types::{
    Signature,
    codec::{CodecError, MAX_LIST},
};

/// Longest padded plaintext, in bytes.
const MAX_PADDED: usize = 128 * 1024;
/// Bytes of the head of an envelope that is sealed to an epoch's key.
const HEAD_BYTES: usize = 33;

/// An envelope that got its order in a slot. Everybody may read so much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Hash of the envelope.
    pub envelope: B256,
    /// Who pays, and what for.
    pub carriage: Carriage,
    /// The payer's signature over the envelope's hash, as it is or as wallets sign 32 bytes (EIP-191).
    pub signature: Signature,
}

impl Ordered {
    /// Tells whether the payer signed for its carriage (P13): nobody else may order an envelope at its cost.
    pub fn is_signed(&self) -> bool {
        is_signed(&self.envelope, self.carriage.payer, &self.signature)
    }
}

/// Tells whether a payer signed an envelope's hash, as it is or as wallets sign 32 bytes (EIP-191).
pub fn is_signed(envelope: &B256, payer: Address, signature: &Signature) -> bool {
    let digests = [*envelope, eip191_hash_message(envelope)];
    digests.into_iter().any(|digest| signature.signer(digest) == Some(payer))
}

/// A closed epoch in its turn, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochOpening {
    /// The epoch.
    pub epoch: u64,
    /// Its secret, which fits its key.
    pub secret: B256,
    /// How the secret came to light; with the first part.
    pub revealed: Revealed,
    /// What its envelopes hold, in their order.
    pub items: Vec<Opened>,
}

/// How the secret of an epoch came to light after its order stood (P17, T12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revealed {
    /// Members that released their secrets for the closing head, by number.
    pub releases: Vec<SignedRelease>,
    /// What opened the puzzle where a member of the key list released nothing.
    pub squared: Option<Squared>,
}

/// A member let its secret out for one closing head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRelease {
    /// Number of the member.
    pub member: u32,
    /// Its signature over key list, number and closing head.
    pub signature: Signature,
}

/// The end of a chain of squarings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Squared {
    /// The puzzle of the key list, squared as often as the delay says.
    pub value: FixedBytes<ELEMENT_BYTES>,
    /// Proof of the squarings.
    pub proof: FixedBytes<ELEMENT_BYTES>,
}

/// What an envelope holds: enough to make all of it again, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// One transaction.
    Transaction {
        /// What proves it.
        seed: B256,
        /// The transaction.
        leg: WireLeg,
    },
    /// Another plaintext: a bundle, or no item at all.
    Other {
        /// What proves it.
        seed: B256,
        /// The plaintext.
        plaintext: Bytes,
    },
    /// Bytes that are not padded as they must be.
    Malformed {
        /// What proves it.
        seed: B256,
        /// All of them.
        padded: Bytes,
    },
    /// A ciphertext of nothing, itself.
    Undecryptable {
        /// Head of the envelope.
        head: FixedBytes<HEAD_BYTES>,
        /// Its masked seed.
        masked_seed: B256,
        /// Its body.
        body: Bytes,
    },
}

impl Opened {
    /// Returns the form in which a plaintext travels.
    pub fn of_plaintext(seed: B256, plaintext: Bytes) -> Self {
        match WireLeg::of_plaintext(&plaintext) {
            Some(leg) => Self::Transaction { seed, leg },
            None => Self::Other { seed, plaintext },
        }
    }

    /// Makes the envelope again that held this, byte for byte if it did: whoever asks compares its hash with the one that
    /// was ordered (P11).
    ///
    /// # Errors
    ///
    /// [`TooLong`] for a plaintext that its envelope has no room for, and for a body that is not as long as its envelope says.
    pub fn envelope(
        &self,
        scheme: &EpochKeyScheme,
        carriage: &Carriage,
    ) -> Result<Envelope, TooLong> {
        match self {
            Self::Transaction { seed, leg } => {
                scheme.rebuild_plaintext(carriage, &leg.plaintext(), seed)
            }
            Self::Other { seed, plaintext } => scheme.rebuild_plaintext(carriage, plaintext, seed),
            Self::Malformed { seed, padded } => {
                fits(carriage, padded.len())?;
                Ok(scheme.rebuild(carriage, padded, seed))
            }
            Self::Undecryptable { head, masked_seed, body } => {
                fits(carriage, body.len())?;
                Ok(Envelope {
                    scheme: SchemeId::EpochKey,
                    key: scheme.key_id(),
                    carriage: *carriage,
                    head: head.to_vec(),
                    masked_seed: *masked_seed,
                    body: body.to_vec(),
                })
            }
        }
    }
}

/// Checks that a body fills its bucket, as that of every envelope does.
fn fits(carriage: &Carriage, found: usize) -> Result<(), TooLong> {
    let bound = carriage.size.bytes();
    if found == bound { Ok(()) } else { Err(TooLong { found, bound }) }
}

impl Wire for Ordered {
    fn write(&self, out: &mut Out) {
        out.noise.hash(&self.envelope);
        out.plain.put(&self.carriage);
        out.noise.put(&self.signature);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let (envelope, carriage) = (input.hash()?, input.plain.get()?);
        Ok(Self { envelope, carriage, signature: input.noise.get()? })
    }
}

impl Wire for EpochOpening {
    fn write(&self, out: &mut Out) {
        out.plain.number(self.epoch);
        out.noise.hash(&self.secret);
        self.revealed.write(out);
        out.list(&self.items);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: input.plain.number()?,
            secret: input.hash()?,
            revealed: Revealed::read(input)?,
            items: input.some(MAX_LIST)?,
        })
    }
}

impl Wire for Revealed {
    fn write(&self, out: &mut Out) {
        out.list(&self.releases);
        out.plain.bool(self.squared.is_some());
        self.squared.iter().for_each(|squared| {
            out.noise.raw(squared.value.as_slice()).raw(squared.proof.as_slice());
        });
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        let releases: Vec<SignedRelease> = input.list(MAX_MEMBERS)?;
        let members = releases.iter().map(|release| release.member);
        increasing(members, "releases are not in the order of their members")?;
        let squared = if input.plain.bool()? {
            let value = FixedBytes::from_slice(input.noise.raw(ELEMENT_BYTES)?);
            let proof = FixedBytes::from_slice(input.noise.raw(ELEMENT_BYTES)?);
            Some(Squared { value, proof })
        } else {
            None
        };
        Ok(Self { releases, squared })
    }
}

impl Wire for SignedRelease {
    fn write(&self, out: &mut Out) {
        out.plain.number(self.member);
        out.noise.put(&self.signature);
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        Ok(Self { member: input.plain.number()?, signature: input.noise.get()? })
    }
}

impl Wire for Opened {
    fn write(&self, out: &mut Out) {
        match self {
            Self::Transaction { seed, leg } => {
                out.plain.u8(0);
                out.noise.hash(seed);
                leg.write(out);
            }
            Self::Other { seed, plaintext } => {
                out.plain.u8(1).bytes(plaintext);
                out.noise.hash(seed);
            }
            Self::Malformed { seed, padded } => {
                out.plain.u8(2).bytes(padded);
                out.noise.hash(seed);
            }
            Self::Undecryptable { head, masked_seed, body } => {
                out.plain.u8(3);
                out.noise.raw(head.as_slice()).hash(masked_seed);
                out.random(body);
            }
        }
    }

    fn read(input: &mut In<'_>) -> Result<Self, CodecError> {
        Ok(match input.plain.u8()? {
            0 => Self::Transaction { seed: input.hash()?, leg: WireLeg::read(input)? },
            1 => {
                let (plaintext, seed) = (bounded(input)?, input.hash()?);
                if WireLeg::of_plaintext(&plaintext).is_some() {
                    return Err(CodecError::NotCanonical("a transaction that is not called one"));
                }
                Self::Other { seed, plaintext }
            }
            2 => Self::Malformed { padded: bounded(input)?, seed: input.hash()? },
            3 => Self::Undecryptable {
                head: FixedBytes::from_slice(input.noise.raw(HEAD_BYTES)?),
                masked_seed: input.hash()?,
                body: input.random(MAX_PADDED)?.into(),
            },
            found => return Err(CodecError::Tag { what: "kind of an opening", found }),
        })
    }
}

fn bounded(input: &mut In<'_>) -> Result<Bytes, CodecError> {
    let len = input.plain.bounded_len(MAX_PADDED)?;
    input.plain.raw(len).map(Bytes::copy_from_slice)
}
