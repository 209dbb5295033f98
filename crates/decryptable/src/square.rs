//! In the circuit: a number below half of N whose square is a given element of Z_N^*/{+-1}.
//!
//! `w^2 = t N + s` over the whole numbers, where s is q or N - q: the element q does not say which. The numbers lie in
//! limbs of 32 bits. The coefficients of `w(X)^2` are private numbers that must agree with it at 127 places, so they are
//! the coefficients; they stay below 2^70. `t(X) N(X)` is linear, because N is a constant. Coefficients are compared six
//! at a time, 192 bits, with a carry of at most 41 bits from one group to the next; both sides stay below 2^234, so
//! nothing wraps around the field.

use crate::{
    board::{Board, Wire, powers},
    poseidon::Arithmetic,
};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use crypto_bigint::{NonZero, U2048, U4096};

/// Limbs of a number.
const LIMBS: usize = 64;
/// Bits of a limb.
const LIMB_BITS: usize = 32;
/// Limbs in a chunk, in which numbers are made public and compared.
const CHUNK: usize = 6;
/// Chunks of an element.
pub(crate) const CHUNKS: usize = LIMBS.div_ceil(CHUNK);
/// Coefficients of a product.
const COEFFICIENTS: usize = 2 * LIMBS - 1;
/// Carries lie between minus and plus two to this.
const CARRY_BITS: usize = 40;
/// Limbs that decide whether a number is below half of N.
const HEAD: usize = 7;

/// Returns the chunks of a number, lowest first, each below 2^192.
pub(crate) fn chunks(number: &U2048) -> [Fr; CHUNKS] {
    let limbs = limbs(number);
    core::array::from_fn(|at| {
        let end = LIMBS.min((at + 1) * CHUNK);
        weighted(&limbs[at * CHUNK..end])
    })
}

/// Demands that the private number returned in chunks is below half of `modulus`, and that the element with these
/// chunks is its square.
pub(crate) fn root(
    board: &mut Board,
    modulus: &U2048,
    square: &U2048,
    square_chunks: &[Wire],
    root: &U2048,
) -> Vec<Wire> {
    let Division { quotient, opposite } = divide(modulus, square, root);
    let root_limbs = private_limbs(board, root);
    below_half(board, modulus, &root_limbs);
    let coefficients = squared(board, root, &root_limbs);
    let quotient_limbs = private_limbs(board, &quotient);
    let rest = rest(board, modulus, square_chunks, opposite);
    compare(board, &coefficients, &multiples(&quotient_limbs, modulus), &rest);
    root_limbs.chunks(CHUNK).map(|chunk| joined(board, chunk)).collect()
}

struct Division {
    quotient: U2048,
    /// The rest is N - q.
    opposite: bool,
}

/// Divides the root's square; numbers that do not fit give values that the circuit refuses.
fn divide(modulus: &U2048, square: &U2048, root: &U2048) -> Division {
    let wide = NonZero::new(modulus.resize::<{ U4096::LIMBS }>()).expect("moduli are odd");
    let (quotient, rest) = root.concatenating_square().div_rem_vartime(&wide);
    Division { quotient: quotient.resize(), opposite: rest.resize::<{ U2048::LIMBS }>() != *square }
}

fn limbs(number: &U2048) -> [u32; LIMBS] {
    let bytes = number.to_be_bytes();
    let mut limbs = [0; LIMBS];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.as_ref().rchunks(LIMB_BITS / 8)) {
        *limb = u32::from_be_bytes(chunk.try_into().expect("four bytes"));
    }
    limbs
}

fn base() -> Fr {
    Fr::from(1_u64 << LIMB_BITS)
}

fn weighted(limbs: &[u32]) -> Fr {
    powers(base()).zip(limbs).fold(Fr::ZERO, |sum, (weight, limb)| sum + weight * Fr::from(*limb))
}

fn joined(board: &mut Board, limbs: &[Wire]) -> Wire {
    let terms: Vec<(Fr, &Wire)> = powers(base()).zip(limbs).collect();
    board.sum(&terms, Fr::ZERO)
}

fn private_limbs(board: &mut Board, number: &U2048) -> Vec<Wire> {
    limbs(number)
        .iter()
        .map(|limb| {
            let bits = board.bits(&limb.to_be_bytes(), LIMB_BITS);
            let sum = board.number(&bits);
            board.shorten(&sum)
        })
        .collect()
}

/// Demands that the seven highest limbs are below those of half of N. Of the numbers below half of N this leaves out one
/// in 2^223, and no other number passes.
fn below_half(board: &mut Board, modulus: &U2048, root_limbs: &[Wire]) {
    let half = weighted(&limbs(&modulus.shr_vartime(1))[LIMBS - HEAD..]);
    let head = joined(board, &root_limbs[LIMBS - HEAD..]);
    let distance = board.sum(&[(-Fr::ONE, &head)], half - Fr::ONE);
    let bits = board.bits(&distance.value.into_bigint().to_bytes_be(), HEAD * LIMB_BITS);
    let number = board.number(&bits);
    board.equal(&number, &distance);
}

/// Returns the coefficients of the square.
fn squared(board: &mut Board, root: &U2048, root_limbs: &[Wire]) -> Vec<Wire> {
    let limbs = limbs(root);
    let mut sums = [0_u128; COEFFICIENTS];
    for (left, a) in limbs.iter().enumerate() {
        for (right, b) in limbs.iter().enumerate() {
            sums[left + right] += u128::from(*a) * u128::from(*b);
        }
    }
    let coefficients: Vec<Wire> = sums.iter().map(|sum| board.private(Fr::from(*sum))).collect();
    for place in 0..COEFFICIENTS as u64 {
        let at = |board: &mut Board, wires: &[Wire]| {
            let terms: Vec<(Fr, &Wire)> = powers(Fr::from(place)).zip(wires).collect();
            board.sum(&terms, Fr::ZERO)
        };
        let value = at(board, root_limbs);
        let square = at(board, &coefficients);
        board.product(&value, &value, &square);
    }
    coefficients
}

/// Returns, for each coefficient of `t(X) N(X)`, the limbs of t that are in it with their weights.
fn multiples<'w>(quotient: &'w [Wire], modulus: &U2048) -> Vec<Vec<(Fr, &'w Wire)>> {
    let modulus = limbs(modulus);
    (0..COEFFICIENTS)
        .map(|at| {
            let low = at.saturating_sub(LIMBS - 1);
            (low..=at.min(LIMBS - 1))
                .map(|index| (-Fr::from(modulus[at - index]), &quotient[index]))
                .collect()
        })
        .collect()
}

/// Returns the chunks of q or N - q.
fn rest(board: &mut Board, modulus: &U2048, square: &[Wire], opposite: bool) -> Vec<Wire> {
    let choice = board.bit(opposite);
    let pairs = square.iter().zip(chunks(modulus));
    pairs
        .map(|(chunk, whole)| {
            let change = board.sum(&[(-Fr::from(2_u64), chunk)], whole);
            let chosen = board.multiply(&choice, &change);
            board.sum(&[(Fr::ONE, chunk), (Fr::ONE, &chosen)], Fr::ZERO)
        })
        .collect()
}

/// Demands `w^2 - t N - s = 0`, a chunk at a time.
fn compare(
    board: &mut Board,
    coefficients: &[Wire],
    multiples: &[Vec<(Fr, &Wire)>],
    rest: &[Wire],
) {
    let chunk_base = powers(base()).nth(CHUNK).expect("powers do not end");
    let shift = chunk_base.inverse().expect("a power of two is not zero");
    let groups = COEFFICIENTS.div_ceil(CHUNK);
    let mut carry = Board::constant(Fr::ZERO);
    for group in 0..groups {
        let mut terms: Vec<(Fr, &Wire)> = vec![(Fr::ONE, &carry)];
        for (at, weight) in (group * CHUNK..COEFFICIENTS).zip(powers(base())).take(CHUNK) {
            terms.push((weight, &coefficients[at]));
            terms.extend(multiples[at].iter().map(|(inner, limb)| (weight * inner, *limb)));
        }
        terms.extend(rest.get(group).map(|chunk| (-Fr::ONE, chunk)));
        let difference = board.sum(&terms, Fr::ZERO);
        if group + 1 == groups {
            board.equal(&difference, &Board::constant(Fr::ZERO));
        } else {
            carry = carried(board, &difference, shift);
        }
    }
}

/// Returns the difference divided by 2^192, which must lie between minus and plus 2^40.
fn carried(board: &mut Board, difference: &Wire, shift: Fr) -> Wire {
    let offset = Fr::from(1_u64 << CARRY_BITS);
    let shifted = board.sum(&[(shift, difference)], offset);
    let bits = board.bits(&shifted.value.into_bigint().to_bytes_be(), CARRY_BITS + 1);
    let number = board.number(&bits);
    board.equal(&number, &shifted);
    board.sum(&[(Fr::ONE, &number)], -offset)
}
