//! A proof, before the order is fixed, that an envelope's puzzle is one: its author knows r with `u = g^r`, and the
//! solution is the one element whose square is published, `q = h^(2 r)`.
//!
//! It does not prove that the envelope opens to anything: that takes a circuit over the body. What it stops is taking
//! somebody else's puzzle, as it is or multiplied, into an envelope of one's own. Its hash covers the whole envelope,
//! setup and realm included; its mask is 128 bits longer than exponent and challenge together, and some.

use crate::{
    envelope::Envelope,
    hash::{Part, Transcript},
    schemes::PuzzleScheme,
    seal::{DelayScheme, FalseClaim, Foreign},
    setup::{EXPONENT_BYTES, Setup},
    share::{CHALLENGE_BYTES, array, first_bytes, masks, response},
    units::{ELEMENT_BYTES, Element, InvalidElement},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use crypto_bigint::U128;
use thiserror::Error;
use weft_types::{CodecError, Domain, Reader, Writer};

/// Bytes of an encoded proof.
pub const RELATION_BYTES: usize = ELEMENT_BYTES + CHALLENGE_BYTES + EXPONENT_BYTES;

/// Proof of a puzzle: q, the challenge c, and the response `a - c r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PuzzleProof {
    square: Element,
    challenge: [u8; CHALLENGE_BYTES],
    response: [u8; EXPONENT_BYTES],
}

/// Reason for refusing a proof of a puzzle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRelation {
    /// The bytes have no such form.
    #[error("proof of the puzzle is malformed")]
    Codec(#[from] CodecError),
    /// The puzzle or its square is no element, or hides nothing.
    #[error("puzzle is no element")]
    Element(#[from] InvalidElement),
    /// The envelope is sealed by another scheme or setup, so its puzzle is another one.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The equations do not hold for this envelope.
    #[error("proof of the puzzle does not hold")]
    Wrong,
}

impl PuzzleProof {
    /// Proves the puzzle of an envelope to whose author `seed` belongs. `entropy` is 32 bytes that nobody else knows.
    ///
    /// # Errors
    ///
    /// [`FalseClaim`] when the seed is not that of the envelope.
    pub fn new(
        scheme: &PuzzleScheme<'_>,
        envelope: &Envelope,
        seed: &B256,
        entropy: &B256,
    ) -> Result<Self, FalseClaim> {
        let coins = scheme.coins_of(envelope, seed)?;
        let about = About::envelope(scheme, envelope);
        Ok(about.prove(coins.as_bytes(), entropy, seed))
    }

    /// Proves the puzzle `g^exponent` for a statement of another scheme, which `statement` is the hash of: realm, setup
    /// and statement are in the challenge. `entropy` is 32 bytes that nobody else knows.
    pub fn bound(
        setup: &Setup,
        domain: &Domain,
        statement: &B256,
        exponent: &[u8; 32],
        entropy: &B256,
    ) -> Self {
        About::statement(setup, domain, *statement).prove(exponent, entropy, &B256::new(*exponent))
    }

    /// Checks the proof for an envelope. Costs about a millisecond.
    ///
    /// # Errors
    ///
    /// [`InvalidRelation`].
    pub fn verify(
        &self,
        scheme: &PuzzleScheme<'_>,
        envelope: &Envelope,
    ) -> Result<(), InvalidRelation> {
        scheme.own(envelope)?;
        self.holds(&About::envelope(scheme, envelope), &scheme.puzzle(envelope)?)
    }

    /// Checks a proof that [`Self::bound`] made, for its statement and puzzle.
    ///
    /// # Errors
    ///
    /// [`InvalidRelation::Element`] or [`InvalidRelation::Wrong`].
    pub fn verify_bound(
        &self,
        setup: &Setup,
        domain: &Domain,
        statement: &B256,
        puzzle: &Element,
    ) -> Result<(), InvalidRelation> {
        self.holds(&About::statement(setup, domain, *statement), puzzle)
    }

    fn holds(&self, about: &About<'_>, puzzle: &Element) -> Result<(), InvalidRelation> {
        if puzzle.is_identity() || self.square.is_identity() {
            return Err(InvalidElement::Identity.into());
        }
        let setup = about.setup;
        let group = setup.group();
        let power = U128::from_be_slice(&self.challenge);
        let commitment =
            |left: &Element, right| group.multiply(left, &group.power_vartime(right, &power));
        let delayed = double(setup, &setup.delayed_power_vartime(&self.response));
        let commitments = [
            commitment(&setup.base_power_vartime(&self.response), puzzle),
            commitment(&delayed, &self.square),
        ];
        let computed = challenge(about.transcript(about.challenge), &self.square, &commitments);
        if computed == self.challenge { Ok(()) } else { Err(InvalidRelation::Wrong) }
    }

    /// Returns the square of the solution.
    pub const fn square(&self) -> &Element {
        &self.square
    }

    /// Returns the encoding, [`RELATION_BYTES`] long.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(RELATION_BYTES);
        out.raw(&self.square.to_vec()).raw(&self.challenge).raw(&self.response);
        out.finish()
    }

    /// Reads a proof; [`Self::verify`] checks it.
    ///
    /// # Errors
    ///
    /// Any [`InvalidRelation`] but `Wrong`.
    pub fn decode(setup: &Setup, bytes: &[u8]) -> Result<Self, InvalidRelation> {
        let mut input = Reader::new(bytes);
        let square = setup.group().decode(input.raw(ELEMENT_BYTES)?)?;
        let (challenge, response) = (array(&mut input)?, array(&mut input)?);
        input.finish()?;
        Ok(Self { square, challenge, response })
    }
}

fn double(setup: &Setup, element: &Element) -> Element {
    setup.group().square(element)
}

/// Everything that a proof is about: realm, setup (N, T, g, h), and the hash of the whole envelope or statement.
struct About<'a> {
    setup: &'a Setup,
    domain: &'a Domain,
    hash: B256,
    mask: Part,
    challenge: Part,
}

impl<'a> About<'a> {
    fn envelope(scheme: &'a PuzzleScheme<'_>, envelope: &Envelope) -> Self {
        let (setup, domain) = (scheme.setup(), scheme.domain());
        let hash = envelope.id(domain);
        Self { setup, domain, hash, mask: Part::RelationMask, challenge: Part::RelationChallenge }
    }

    const fn statement(setup: &'a Setup, domain: &'a Domain, hash: B256) -> Self {
        Self { setup, domain, hash, mask: Part::BoundMask, challenge: Part::BoundChallenge }
    }

    fn transcript(&self, part: Part) -> Transcript {
        Transcript::of_realm(self.domain, part)
            .put(self.setup.id().as_slice())
            .put(self.hash.as_slice())
    }

    fn prove(&self, exponent: &[u8; 32], entropy: &B256, secret: &B256) -> PuzzleProof {
        let setup = self.setup;
        let nonce = self.transcript(self.mask).put(entropy.as_slice()).put(secret.as_slice());
        let [mask] = masks(&nonce.finish());
        let square = double(setup, &setup.delayed_power(exponent));
        let commitments =
            [setup.base_power(&mask[..]), double(setup, &setup.delayed_power(&mask[..]))];
        let challenge = challenge(self.transcript(self.challenge), &square, &commitments);
        let response = response(&mask, &challenge, exponent);
        PuzzleProof { square, challenge, response }
    }
}

fn challenge(
    statement: Transcript,
    square: &Element,
    commitments: &[Element; 2],
) -> [u8; CHALLENGE_BYTES] {
    let transcript = commitments
        .iter()
        .fold(statement.put(&square.to_vec()), |hash, value| hash.put(&value.to_vec()));
    first_bytes(&transcript.finish())
}
