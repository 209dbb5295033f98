//! Sealing and opening, the same for every scheme (P10, P11).
//!
//! The transformation of Fujisaki and Okamoto (*Secure integration of asymmetric and symmetric encryption schemes*,
//! 2013): all randomness of a ciphertext comes from a seed that the ciphertext hides, together with the plaintext and
//! everything readable.
//!
//! ```text
//! seed    = H(entropy, readable, padded)          32 bytes
//! coins   = H(readable, seed, padded)
//! head    = the scheme's, from the coins          hides `shared`
//! masked  = seed  xor H(readable, head, shared)
//! body    = padded xor stream(H(readable, seed))
//! ```
//!
//! Whoever has the seed computes the whole ciphertext again. So every ciphertext has one verdict, whether `shared` comes
//! from a released key or from a solved puzzle, and a false verdict is refuted by 32 bytes.

use crate::{
    envelope::{Carriage, Envelope, SchemeId, TooLong, pad, readable, unpad},
    hash::{Part, Transcript, expand},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use core::fmt;
use thiserror::Error;
use weft_types::Domain;
use zeroize::Zeroizing;

/// All randomness of one ciphertext. Erased when dropped.
pub struct Coins(Zeroizing<[u8; 32]>);

/// What a head hides, as the scheme encodes it. Erased when dropped.
pub struct Shared(Zeroizing<Vec<u8>>);

impl Coins {
    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Shared {
    /// Takes the scheme's encoding.
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Returns the scheme's encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Coins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coins(..)")
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(..)")
    }
}

/// What an opened envelope turned out to be. Every envelope has exactly one verdict under its key.
#[derive(Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds this.
    Opened {
        /// The plaintext, without padding.
        plaintext: Bytes,
        /// What proves it to everybody.
        seed: B256,
    },
    /// It is a right ciphertext of something that is not padded as it must be.
    Malformed {
        /// What proves it to everybody.
        seed: B256,
    },
    /// No seed gives this ciphertext.
    Undecryptable,
}

/// Tells the kind only: plaintexts do not belong into logs.
impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opened { .. } => "Opened(..)",
            Self::Malformed { .. } => "Malformed(..)",
            Self::Undecryptable => "Undecryptable",
        })
    }
}

/// The envelope is sealed to another key or by another scheme, so nothing can be said about it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("envelope is sealed to {found:?} key {key}, not to this one")]
pub struct Foreign {
    /// Scheme found.
    pub found: SchemeId,
    /// Key found.
    pub key: B256,
}

/// Reason for refusing a claim about an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FalseClaim {
    /// The envelope is not for this key.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The seed gives another ciphertext.
    #[error("seed does not give this ciphertext")]
    Seed,
    /// The verdict is another one.
    #[error("verdict is another one")]
    Verdict,
}

/// A way to hide a value from everybody until a time or an event (P10).
///
/// Implementors give the three functions about heads; what is built on them is the same for all.
pub trait DelayScheme {
    /// What opens envelopes: a key's secret, or the solution of one puzzle.
    type Opener;

    /// Returns the scheme.
    fn scheme(&self) -> SchemeId;

    /// Returns the name of the key.
    fn key_id(&self) -> B256;

    /// Returns the realm.
    fn domain(&self) -> &Domain;

    /// Returns the head that hides [`Self::shared`], [`SchemeId::head_bytes`] long. Takes the same time for all coins.
    fn head(&self, coins: &Coins) -> Vec<u8>;

    /// Returns what the head of these coins hides.
    fn shared(&self, coins: &Coins) -> Shared;

    /// Returns what a head hides, or nothing for bytes that are no head. Must give [`Self::shared`] for the head of
    /// the same coins.
    ///
    /// # Panics
    ///
    /// Panics when the opener belongs to another key or envelope, which its owner knows.
    fn uncover(&self, head: &[u8], opener: &Self::Opener) -> Option<Shared>;

    /// Tells whether `head`, which [`Self::uncover`] took `uncovered` out of, is the head of these coins. A scheme that
    /// learns enough by uncovering can say so without making the head again; the answer must be the same.
    fn is_head(&self, head: &[u8], uncovered: &Shared, coins: &Coins) -> bool {
        let _ = uncovered;
        self.head(coins) == head
    }

    /// Seals a plaintext. `entropy` is 32 bytes that nobody else knows.
    ///
    /// The seed depends on entropy, plaintext and carriage, so using entropy twice does not reveal anything but
    /// whether all three are the same.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the size bucket is too small.
    fn encrypt(
        &self,
        carriage: &Carriage,
        plaintext: &[u8],
        entropy: &B256,
    ) -> Result<Envelope, TooLong> {
        self.encrypt_with_seed(carriage, plaintext, entropy).map(|(envelope, _)| envelope)
    }

    /// Seals a plaintext; returns the seed as well, which opens the envelope for everybody who sees it.
    ///
    /// # Errors
    ///
    /// As [`Self::encrypt`].
    fn encrypt_with_seed(
        &self,
        carriage: &Carriage,
        plaintext: &[u8],
        entropy: &B256,
    ) -> Result<(Envelope, Zeroizing<[u8; 32]>), TooLong> {
        let padded = Zeroizing::new(pad(plaintext, carriage.size)?);
        let readable = readable(self.domain(), self.scheme(), &self.key_id(), carriage);
        let seed = Zeroizing::new(
            Transcript::of_realm(self.domain(), Part::Seed)
                .put(entropy.as_slice())
                .put(readable.as_slice())
                .put(&padded)
                .finish()
                .0,
        );
        let envelope = self.sealed_with(carriage, &padded, &seed);
        Ok((envelope, seed))
    }

    /// Makes the envelope of a seed and of bytes that may or may not be padded: what an opening proves, so that it can
    /// travel in the place of the ciphertext (P40).
    fn rebuild(&self, carriage: &Carriage, padded: &[u8], seed: &B256) -> Envelope {
        self.sealed_with(carriage, padded, &seed.0)
    }

    /// Makes the envelope of an opening whose plaintext is known without its padding.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the size bucket is too small, so that this is no opening of any envelope.
    fn rebuild_plaintext(
        &self,
        carriage: &Carriage,
        plaintext: &[u8],
        seed: &B256,
    ) -> Result<Envelope, TooLong> {
        let padded = Zeroizing::new(pad(plaintext, carriage.size)?);
        Ok(self.rebuild(carriage, &padded, seed))
    }

    #[doc(hidden)]
    fn sealed_with(&self, carriage: &Carriage, padded: &[u8], seed: &[u8; 32]) -> Envelope {
        let readable = readable(self.domain(), self.scheme(), &self.key_id(), carriage);
        let coins = coins(self.domain(), &readable, seed, padded);
        let head = self.head(&coins);
        let masked_seed = mask(self.domain(), &readable, &head, &self.shared(&coins), seed);
        let body = stream(self.domain(), &readable, seed, padded);
        Envelope {
            scheme: self.scheme(),
            key: self.key_id(),
            carriage: *carriage,
            head,
            masked_seed,
            body,
        }
    }

    /// Opens an envelope.
    ///
    /// # Errors
    ///
    /// [`Foreign`] when it is not sealed to this key.
    ///
    /// # Panics
    ///
    /// As [`Self::uncover`].
    fn open(&self, envelope: &Envelope, opener: &Self::Opener) -> Result<Verdict, Foreign> {
        self.own(envelope)?;
        let domain = self.domain();
        let readable = envelope.readable(domain);
        let Some(shared) = self.uncover(&envelope.head, opener) else {
            return Ok(Verdict::Undecryptable);
        };
        let seed = mask(domain, &readable, &envelope.head, &shared, &envelope.masked_seed.0);
        let padded = stream(domain, &readable, &seed.0, &envelope.body);
        let coins = coins(domain, &readable, &seed.0, &padded);
        // The head is the only part left to compare: seed and body were taken out of the rest.
        let same = self.is_head(&envelope.head, &shared, &coins);
        Ok(if same { judged(&padded, seed) } else { Verdict::Undecryptable })
    }

    /// Opens an envelope with its seed alone, for who cannot or will not uncover the head.
    ///
    /// # Errors
    ///
    /// [`FalseClaim::Seed`] when the seed gives another ciphertext, [`FalseClaim::Foreign`].
    fn verify_opening(&self, envelope: &Envelope, seed: &B256) -> Result<Verdict, FalseClaim> {
        let (_, padded) = self.reseal(envelope, seed)?;
        Ok(judged(&padded, *seed))
    }

    /// Computes the ciphertext of a seed again, and returns its coins and padded plaintext.
    #[doc(hidden)]
    fn reseal(
        &self,
        envelope: &Envelope,
        seed: &B256,
    ) -> Result<(Coins, Zeroizing<Vec<u8>>), FalseClaim> {
        self.own(envelope)?;
        let domain = self.domain();
        let readable = envelope.readable(domain);
        let padded = Zeroizing::new(stream(domain, &readable, &seed.0, &envelope.body));
        let coins = coins(domain, &readable, &seed.0, &padded);
        let head = self.head(&coins);
        let masked = mask(domain, &readable, &head, &self.shared(&coins), &seed.0);
        let same = head == envelope.head && masked == envelope.masked_seed;
        if same { Ok((coins, padded)) } else { Err(FalseClaim::Seed) }
    }

    /// Checks a claimed verdict. One with a seed needs no opener; `Undecryptable` does.
    ///
    /// # Errors
    ///
    /// [`FalseClaim`].
    fn verdict(
        &self,
        envelope: &Envelope,
        claimed: &Verdict,
        opener: &Self::Opener,
    ) -> Result<(), FalseClaim> {
        let found = match claimed {
            Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => {
                self.verify_opening(envelope, seed)?
            }
            Verdict::Undecryptable => self.open(envelope, opener)?,
        };
        if found == *claimed { Ok(()) } else { Err(FalseClaim::Verdict) }
    }

    /// Checks that an envelope is sealed to this key.
    ///
    /// # Errors
    ///
    /// [`Foreign`].
    fn own(&self, envelope: &Envelope) -> Result<(), Foreign> {
        let own = envelope.scheme == self.scheme() && envelope.key == self.key_id();
        if own { Ok(()) } else { Err(Foreign { found: envelope.scheme, key: envelope.key }) }
    }
}

fn judged(padded: &[u8], seed: B256) -> Verdict {
    match unpad(padded) {
        Some(plaintext) => Verdict::Opened { plaintext: Bytes::copy_from_slice(plaintext), seed },
        None => Verdict::Malformed { seed },
    }
}

fn coins(domain: &Domain, readable: &B256, seed: &[u8; 32], padded: &[u8]) -> Coins {
    let hash = Transcript::of_realm(domain, Part::Coins)
        .put(readable.as_slice())
        .put(seed)
        .put(padded)
        .finish();
    Coins(Zeroizing::new(hash.0))
}

/// Puts the seed under what the head hides, or takes it out again.
fn mask(domain: &Domain, readable: &B256, head: &[u8], shared: &Shared, seed: &[u8; 32]) -> B256 {
    let mask = Transcript::of_realm(domain, Part::SeedMask)
        .put(readable.as_slice())
        .put(head)
        .put(&shared.0)
        .finish();
    mask ^ B256::new(*seed)
}

/// Puts the padded plaintext under the stream of the seed, or takes it out again.
fn stream(domain: &Domain, readable: &B256, seed: &[u8; 32], body: &[u8]) -> Vec<u8> {
    let key =
        Transcript::of_realm(domain, Part::Stream).put(readable.as_slice()).put(seed).finish();
    let mut out = alloc::vec![0; body.len()];
    expand(&key, &mut out);
    out.iter_mut().zip(body).for_each(|(stream, byte)| *stream ^= byte);
    out
}
