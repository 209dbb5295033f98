//! A member's share of an epoch key: a point, the same secret inside a time-lock puzzle, and the proof that it is the
//! same (P10).
//!
//! With N, g, `h = g^(2^T)` of the setup and two more bases k, f of unknown relation, for a secret s and a random r:
//!
//! ```text
//! S = s G          the share of the key, on secp256k1
//! u = g^r          the puzzle
//! v = h^(r N) (1 + N)^s  mod N^2     what the puzzle hides
//! b = k^r f^s      binds s as a whole number
//! ```
//!
//! Puzzles multiply: the product of all u and of all v hides the sum of all s behind one chain of squarings (Malavolta
//! and Thyagarajan, *Homomorphic time-lock puzzles and applications*, section 4.1). The argument for soundness, and why
//! `b` is there, are in `docs/reference/sealing.md`.

use crate::{
    curve::{InvalidPoint, POINT_BYTES, Point, Secret, reduce},
    hash::{Part, Transcript, expand},
    setup::{EXPONENT_BYTES, Setup},
    units::{ELEMENT_BYTES, Element, InvalidElement, WIDE_BYTES, WideElement},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use crypto_bigint::{U128, U256, U576};
use k256::ProjectivePoint;
use thiserror::Error;
use weft_types::{CodecError, Domain, Reader, Writer};
use zeroize::Zeroizing;

/// Bytes of a challenge.
pub(crate) const CHALLENGE_BYTES: usize = 16;
/// Bytes of an encoded share.
pub const SHARE_BYTES: usize =
    POINT_BYTES + 2 * ELEMENT_BYTES + WIDE_BYTES + CHALLENGE_BYTES + 2 * EXPONENT_BYTES;

/// Number of a member in the committee.
pub type MemberId = u32;

/// What a share is for. All of it is in the challenge, so a share is worth nothing elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareContext {
    /// Realm.
    pub domain: Domain,
    /// Epoch.
    pub epoch: u64,
    /// Member that deals.
    pub member: MemberId,
}

/// What a member publishes before the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// `S = s G`.
    pub(crate) point: Point,
    /// `u = g^r`.
    pub(crate) puzzle: Element,
    /// `v = h^(r N) (1 + N)^s`.
    pub(crate) hidden: WideElement,
    /// `b = k^r f^s`.
    binding: Element,
    proof: ShareProof,
}

/// Challenge c and responses `a - c r` and `b - c s`, where the masks a and b have 520 bits: 128 more than the secret
/// and the challenge together, and some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ShareProof {
    challenge: [u8; CHALLENGE_BYTES],
    random: [u8; EXPONENT_BYTES],
    secret: [u8; EXPONENT_BYTES],
}

/// Reason for refusing a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidShare {
    /// The bytes have no such form.
    #[error("share is malformed")]
    Codec(#[from] CodecError),
    /// A value is no element of its group.
    #[error("share holds no element of the group")]
    Element(#[from] InvalidElement),
    /// The point is none.
    #[error("share holds no point")]
    Point(#[from] InvalidPoint),
    /// The proof does not hold for these values, this member and this epoch.
    #[error("proof of the share does not hold")]
    Proof,
}

/// Makes a member's secret and its share from 32 bytes that nobody else knows and that are used once.
pub fn deal(setup: &Setup, context: &ShareContext, entropy: &B256) -> (Secret, Share) {
    let derive = |part| statement(setup, context, part).put(entropy.as_slice()).finish();
    let secret = Secret::from_hash(&derive(Part::ShareSecret));
    let random = Zeroizing::new(derive(Part::ShareRandom).0);
    let share = prove(setup, context, &secret, &random, &derive(Part::ShareMasks));
    (secret, share)
}

fn prove(
    setup: &Setup,
    context: &ShareContext,
    secret: &Secret,
    random: &[u8; 32],
    seed: &B256,
) -> Share {
    let scalar = Zeroizing::new(secret.to_bytes());
    let values = Values {
        point: secret.public(),
        puzzle: setup.base_power(random),
        hidden: setup.hide(random, &scalar[..]),
        binding: setup.bind(random, &scalar[..]),
    };
    let [random_mask, secret_mask] = masks(seed);
    let commitments = Values {
        point: Point::new(ProjectivePoint::mul_by_generator(&reduce(&secret_mask[..])))
            .expect("a random mask is no multiple of the order"),
        puzzle: setup.base_power(&random_mask[..]),
        hidden: setup.hide(&random_mask[..], &secret_mask[..]),
        binding: setup.bind(&random_mask[..], &secret_mask[..]),
    };
    let challenge = challenge(setup, context, &values, &commitments);
    let proof = ShareProof {
        challenge,
        random: response(&random_mask, &challenge, random),
        secret: response(&secret_mask, &challenge, &scalar),
    };
    let Values { point, puzzle, hidden, binding } = values;
    Share { point, puzzle, hidden, binding, proof }
}

impl Share {
    /// Checks the share for a member and an epoch. Costs a few milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidShare::Proof`], or [`InvalidShare::Element`] for a puzzle that hides nothing.
    pub fn verify(&self, setup: &Setup, context: &ShareContext) -> Result<(), InvalidShare> {
        if self.puzzle.is_identity() {
            return Err(InvalidElement::Identity.into());
        }
        let values = Values {
            point: self.point,
            puzzle: self.puzzle,
            hidden: self.hidden,
            binding: self.binding,
        };
        let commitments = self.commitments(setup).ok_or(InvalidShare::Proof)?;
        let computed = challenge(setup, context, &values, &commitments);
        if computed == self.proof.challenge { Ok(()) } else { Err(InvalidShare::Proof) }
    }

    /// Returns the commitments that make the responses right.
    fn commitments(&self, setup: &Setup) -> Option<Values> {
        let ShareProof { challenge, random, secret } = &self.proof;
        let power = U128::from_be_slice(challenge);
        let group = setup.group();
        let point = ProjectivePoint::mul_by_generator(&reduce(secret))
            + self.point.times_vartime(&reduce(challenge));
        let binding = setup.bind_vartime(random, secret);
        let hidden = setup.hide_vartime(random, secret);
        let wide = setup.wide();
        Some(Values {
            point: Point::new(point)?,
            puzzle: group.multiply(
                &setup.base_power_vartime(random),
                &group.power_vartime(&self.puzzle, &power),
            ),
            hidden: wide.multiply(&hidden, &wide.power_vartime(&self.hidden, &power)),
            binding: group.multiply(&binding, &group.power_vartime(&self.binding, &power)),
        })
    }

    /// Returns what the member of `context` signs when it announces this share.
    pub fn announcement_digest(&self, setup: &Setup, context: &ShareContext) -> B256 {
        let ShareContext { domain, epoch, member } = context;
        announcement_digest(domain, &setup.id(), *epoch, *member, &self.encode())
    }

    /// Returns the share of the key.
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// Reads a share; [`Self::verify`] checks it.
    ///
    /// # Errors
    ///
    /// Any [`InvalidShare`] but `Proof`.
    pub fn decode(setup: &Setup, bytes: &[u8]) -> Result<Self, InvalidShare> {
        let mut input = Reader::new(bytes);
        let share = Self {
            point: Point::decode(input.raw(POINT_BYTES)?)?,
            puzzle: setup.group().decode(input.raw(ELEMENT_BYTES)?)?,
            hidden: setup.wide().decode(input.raw(WIDE_BYTES)?)?,
            binding: setup.group().decode(input.raw(ELEMENT_BYTES)?)?,
            proof: ShareProof {
                challenge: array(&mut input)?,
                random: array(&mut input)?,
                secret: array(&mut input)?,
            },
        };
        input.finish()?;
        Ok(share)
    }

    /// Returns the encoding: S, u, v, b, c and the two responses, [`SHARE_BYTES`] in all.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(SHARE_BYTES);
        out.raw(&self.point.to_bytes()).raw(&self.puzzle.to_vec()).raw(&self.hidden.to_vec());
        out.raw(&self.binding.to_vec()).raw(&self.proof.challenge);
        out.raw(&self.proof.random).raw(&self.proof.secret);
        out.finish()
    }
}

/// The four values of a share, or the four commitments of its proof.
struct Values {
    point: Point,
    puzzle: Element,
    hidden: WideElement,
    binding: Element,
}

impl Values {
    fn put(&self, transcript: Transcript) -> Transcript {
        transcript
            .put(&self.point.to_bytes())
            .put(&self.puzzle.to_vec())
            .put(&self.hidden.to_vec())
            .put(&self.binding.to_vec())
    }
}

/// Returns what a member signs when it announces an encoded share, for who has the setup's name alone.
pub fn announcement_digest(
    domain: &Domain,
    setup: &B256,
    epoch: u64,
    member: MemberId,
    share: &[u8],
) -> B256 {
    Transcript::of_realm(domain, Part::Announcement)
        .put(setup.as_slice())
        .number(epoch)
        .number(member.into())
        .put(share)
        .finish()
}

fn statement(setup: &Setup, context: &ShareContext, part: Part) -> Transcript {
    Transcript::of_realm(&context.domain, part)
        .put(setup.id().as_slice())
        .number(context.epoch)
        .number(context.member.into())
}

fn challenge(
    setup: &Setup,
    context: &ShareContext,
    values: &Values,
    commitments: &Values,
) -> [u8; CHALLENGE_BYTES] {
    let transcript = values.put(statement(setup, context, Part::ShareChallenge));
    first_bytes(&commitments.put(transcript).finish())
}

/// Returns the part of a hash that is a challenge.
pub(crate) fn first_bytes(hash: &B256) -> [u8; CHALLENGE_BYTES] {
    hash[..CHALLENGE_BYTES].try_into().expect("a hash is longer than a challenge")
}

/// Returns `N` masks between 2^519 and 2^520: the highest bit is set, so that no response is negative.
pub(crate) fn masks<const N: usize>(seed: &B256) -> [Zeroizing<[u8; EXPONENT_BYTES]>; N] {
    core::array::from_fn(|index| {
        let seed = Transcript::of_numbers(Part::Mask).put(seed.as_slice()).number(index as u64);
        let mut mask = Zeroizing::new([0; EXPONENT_BYTES]);
        expand(&seed.finish(), &mut mask[..]);
        mask[0] |= 0x80;
        mask
    })
}

/// Returns `mask - challenge * secret` over the whole numbers.
pub(crate) fn response(
    mask: &[u8; EXPONENT_BYTES],
    challenge: &[u8; CHALLENGE_BYTES],
    secret: &[u8; 32],
) -> [u8; EXPONENT_BYTES] {
    const HEAD: usize = U576::BYTES - EXPONENT_BYTES;
    let mut padded = Zeroizing::new([0; U576::BYTES]);
    padded[HEAD..].copy_from_slice(mask);
    let product = Zeroizing::new(
        U128::from_be_slice(challenge)
            .resize::<{ U576::LIMBS }>()
            .wrapping_mul(&U256::from_be_slice(secret)),
    );
    let response = U576::from_be_slice(&padded[..]).wrapping_sub(&product);
    let mut out = [0; EXPONENT_BYTES];
    out.copy_from_slice(&response.to_be_bytes().as_ref()[HEAD..]);
    out
}

/// Takes an array.
pub(crate) fn array<const N: usize>(input: &mut Reader<'_>) -> Result<[u8; N], CodecError> {
    let mut out = [0; N];
    out.copy_from_slice(input.raw(N)?);
    Ok(out)
}
