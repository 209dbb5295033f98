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
    seal::{DelayScheme, FalseClaim},
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
        let setup = scheme.setup();
        let statement = |part| statement(setup, scheme.domain(), envelope, part);
        let nonce = statement(Part::RelationMask).put(entropy.as_slice()).put(seed.as_slice());
        let [mask] = masks(&nonce.finish());
        let square = double(setup, &setup.delayed_power(coins.as_bytes()));
        let commitments =
            [setup.base_power(&mask[..]), double(setup, &setup.delayed_power(&mask[..]))];
        let challenge = challenge(statement(Part::RelationChallenge), &square, &commitments);
        let response = response(&mask, &challenge, coins.as_bytes());
        Ok(Self { square, challenge, response })
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
        let puzzle = scheme.puzzle(envelope)?;
        if self.square.is_identity() {
            return Err(InvalidElement::Identity.into());
        }
        let setup = scheme.setup();
        let group = setup.group();
        let power = U128::from_be_slice(&self.challenge);
        let commitment =
            |left: &Element, right| group.multiply(left, &group.power_vartime(right, &power));
        let delayed = double(setup, &setup.delayed_power_vartime(&self.response));
        let commitments = [
            commitment(&setup.base_power_vartime(&self.response), &puzzle),
            commitment(&delayed, &self.square),
        ];
        let statement = statement(setup, scheme.domain(), envelope, Part::RelationChallenge);
        let holds = challenge(statement, &self.square, &commitments) == self.challenge;
        if holds { Ok(()) } else { Err(InvalidRelation::Wrong) }
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

/// Everything that the proof is about: setup (N, T, g, h), and the whole envelope with its realm.
fn statement(setup: &Setup, domain: &Domain, envelope: &Envelope, part: Part) -> Transcript {
    Transcript::of_realm(domain, part)
        .put(setup.id().as_slice())
        .put(envelope.id(domain).as_slice())
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
