//! Proofs that a value is the result of many squarings.
//!
//! Wesolowski, *Efficient verifiable delay functions*, section 3: for the prime `l = H(N, x, y, T)` the proof of
//! `y = x^(2^T)` is `pi = x^(floor(2^T / l))`, and it holds when `pi^l * x^(2^T mod l) = y`. A false proof gives a
//! root of an element of the prover's choice, of an order that the prover does not choose (adaptive root
//! assumption), which is why x and -x are one element here.

use crate::{
    chain::{Chain, MAX_SQUARINGS, MAX_TRAIL},
    hash::{Part, Transcript},
    prime::prime,
    units::{Element, Group, InvalidElement},
};
use alloc::{vec, vec::Vec};
use crypto_bigint::{
    NonZero, Odd, U64, U256, U320, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};
use thiserror::Error;

/// Form of a residue on its way.
type Residue = FixedMontyForm<{ U2048::LIMBS }>;

/// A proof that some `y` is `x^(2^T)`; 256 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof(Element);

/// Reason for refusing a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidProof {
    /// The bytes are no element of the group.
    #[error("proof is not an element")]
    Element(#[from] InvalidElement),
    /// The equation does not hold.
    #[error("proof does not hold")]
    Wrong,
    /// No chain is that long.
    #[error("{0} squarings are over the bound")]
    Squarings(u64),
}

impl Proof {
    /// Proves the result of a complete chain. Costs about a fifth of the squarings or less.
    ///
    /// # Panics
    ///
    /// Panics when the chain is not complete.
    pub fn new(chain: &Chain<'_>) -> Self {
        let group = chain.group();
        let output = chain.result().expect("only complete chains have a result to prove");
        let total = chain.progress().total;
        let challenge = challenge(group, chain.base(), &output, total);
        let (digit_bits, per_stride) = shape(total);
        let digits = quotient(total, &challenge, digit_bits);
        let (trail, _) = chain.trail();
        Self(group.settle(&product(group, trail, &digits, digit_bits, per_stride as usize)))
    }

    /// Checks that `output` is `base^(2^squarings)`. Costs about a millisecond.
    ///
    /// # Errors
    ///
    /// [`InvalidProof::Wrong`] when it is not, as far as anybody knows, or when the proof belongs to another
    /// statement.
    pub fn verify(
        &self,
        group: &Group,
        base: &Element,
        output: &Element,
        squarings: u64,
    ) -> Result<(), InvalidProof> {
        if squarings > MAX_SQUARINGS {
            return Err(InvalidProof::Squarings(squarings));
        }
        let challenge = challenge(group, base, output, squarings);
        let rest = power_of_two(squarings, &challenge);
        let left = group.lift(&self.0).pow_vartime(&challenge);
        let right = group.lift(base).pow_vartime(&rest);
        let holds = group.settle(&left.mul(&right)) == *output;
        if holds { Ok(()) } else { Err(InvalidProof::Wrong) }
    }

    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// [`InvalidProof::Element`].
    pub fn decode(group: &Group, bytes: &[u8]) -> Result<Self, InvalidProof> {
        Ok(Self(group.decode(bytes)?))
    }

    /// Returns the encoding.
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

fn challenge(group: &Group, base: &Element, output: &Element, squarings: u64) -> U256 {
    let statement = Transcript::of_numbers(Part::Prime)
        .put(group.modulus().to_be_bytes().as_ref())
        .put(&base.to_vec())
        .put(&output.to_vec())
        .number(squarings);
    prime(&statement)
}

/// Returns `2^exponent` modulo the odd `modulus`.
fn power_of_two(exponent: u64, modulus: &U256) -> U256 {
    let odd = Odd::new(*modulus).expect("challenges are odd");
    let two = FixedMontyForm::new(&U256::from_u8(2), &FixedMontyParams::new_vartime(odd));
    two.pow_vartime(&U64::from_u64(exponent)).retrieve()
}

/// Chooses how the exponent is cut: bits in a digit, and digits between two kept values, so that the products of
/// `T / bits + digits * 2^(bits + 1)` are few and the kept values at most [`MAX_TRAIL`].
pub(crate) fn shape(total: u64) -> (u32, u64) {
    let group = |bits: u32| total.div_ceil(u64::from(bits) * (MAX_TRAIL as u64 - 1)).max(1);
    let cost = |bits: u32| total / u64::from(bits) + (group(bits) << (bits + 1));
    let bits = (1..=16).min_by_key(|bits| cost(*bits)).expect("the range is not empty");
    (bits, group(bits))
}

/// Returns the digits of `floor(2^total / divisor)` in base `2^bits`, least first.
fn quotient(total: u64, divisor: &U256, bits: u32) -> Vec<u16> {
    let divisor = NonZero::new(*divisor).expect("challenges are primes");
    let count = total / u64::from(bits);
    // The remainder starts at 2^(total mod bits), which is below the divisor, so higher digits are zero.
    let mut rest = U256::ONE.shl_vartime((total % u64::from(bits)) as u32);
    let mut digits = vec![0; usize::try_from(count).expect("bounded chains fit memory")];
    for digit in digits.iter_mut().rev() {
        let (quotient, remainder) =
            rest.resize::<{ U320::LIMBS }>().shl_vartime(bits).div_rem_vartime(&divisor);
        *digit = quotient.as_words()[0] as u16;
        rest = remainder;
    }
    digits
}

/// Returns `x^(sum of digits[i] * 2^(bits * i))`, where `trail[j] = x^(2^(bits * per_stride * j))` (section 4.1 of
/// the paper).
fn product(
    group: &Group,
    trail: &[Element],
    digits: &[u16],
    bits: u32,
    per_stride: usize,
) -> Residue {
    let trail: Vec<Residue> = trail.iter().map(|value| group.lift(value)).collect();
    let mut result = FixedMontyForm::one(group.params());
    for offset in (0..per_stride).rev() {
        result = result.square_repeat_vartime(bits);
        let column = digits.iter().skip(offset).step_by(per_stride).zip(&trail);
        result = result.mul(&weighted(group, column, bits));
    }
    result
}

/// Returns the product of `value^digit`: values of the same digit are multiplied first, then each product is used as
/// often as its digit says, by running products from the highest digit down.
fn weighted<'a>(
    group: &Group,
    column: impl Iterator<Item = (&'a u16, &'a Residue)>,
    bits: u32,
) -> Residue {
    let one = FixedMontyForm::one(group.params());
    let mut buckets: Vec<Option<Residue>> = vec![None; 1 << bits];
    for (digit, value) in column {
        let bucket = &mut buckets[usize::from(*digit)];
        *bucket = Some(bucket.map_or(*value, |product| product.mul(value)));
    }
    let (mut running, mut total) = (one, one);
    for bucket in buckets.iter().skip(1).rev() {
        if let Some(product) = bucket {
            running = running.mul(product);
        }
        total = total.mul(&running);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_the_quotient() {
        let divisor = U256::from_u64(1_000_003);
        for (total, bits) in [(0, 3), (5, 3), (7, 7), (40, 3), (61, 4), (63, 16)] {
            let digits = quotient(total, &divisor, bits);
            let sum =
                digits.iter().rev().fold(0_u64, |sum, digit| (sum << bits) + u64::from(*digit));
            assert_eq!(sum, (1_u64 << total) / 1_000_003, "2^{total} in digits of {bits} bits");
        }
    }

    #[test]
    fn shapes_keep_few_values() {
        for total in [0, 1, 100, 1 << 18, (1 << 21) + 17, 100_000_000, MAX_SQUARINGS] {
            let (bits, group) = shape(total);
            assert!((1..=16).contains(&bits) && group >= 1);
            assert!(total / (u64::from(bits) * group) < MAX_TRAIL as u64);
        }
    }
}
