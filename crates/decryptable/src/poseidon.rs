//! The permutation Poseidon over the scalar field of BN254, and a duplex of it that encrypts.
//!
//! Grassi, Khovratovich, Rechberger, Roy, Schofnegger, *Poseidon: a new hash function for zero-knowledge proof systems*
//! (2021): five elements, x^5, 8 full and 60 partial rounds, constants and matrix by the authors' generator. The
//! encryption is theirs too (section 4.2 there, after Bertoni et al., *Duplexing the sponge*): capacity of one element,
//! so 127 bits.
//!
//! One text serves numbers and circuits, so that they cannot differ.

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use std::{fmt, sync::LazyLock};

/// Elements of the state; the first is the capacity.
pub const WIDTH: usize = 5;
/// Elements that a call takes and gives.
pub const RATE: usize = WIDTH - 1;
const FULL_ROUNDS: usize = 8;
const PARTIAL_ROUNDS: usize = 60;

/// What numbers and wires of a circuit have in common.
pub trait Arithmetic {
    /// A number, or a wire that carries one.
    type Number: Clone;

    /// Returns `constant` plus the weighted sum.
    fn sum(&mut self, terms: &[(Fr, &Self::Number)], constant: Fr) -> Self::Number;

    /// Returns the fifth power.
    fn fifth_power(&mut self, base: &Self::Number) -> Self::Number;
}

/// Numbers themselves.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Arithmetic for Plain {
    type Number = Fr;

    fn sum(&mut self, terms: &[(Fr, &Fr)], constant: Fr) -> Fr {
        terms.iter().fold(constant, |sum, (weight, number)| sum + *weight * *number)
    }

    fn fifth_power(&mut self, base: &Fr) -> Fr {
        base.square().square() * base
    }
}

struct Parameters {
    constants: Vec<Vec<Fr>>,
    matrix: Vec<Vec<Fr>>,
}

static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
    let bits = u64::from(Fr::MODULUS_BIT_SIZE);
    let (constants, matrix) =
        find_poseidon_ark_and_mds(bits, RATE, FULL_ROUNDS as u64, PARTIAL_ROUNDS as u64, 0);
    Parameters { constants, matrix }
});

/// Applies the permutation.
pub fn permute<A: Arithmetic>(arithmetic: &mut A, state: &mut [A::Number; WIDTH]) {
    let last_full = FULL_ROUNDS / 2 + PARTIAL_ROUNDS;
    for (round, constants) in PARAMETERS.constants.iter().enumerate() {
        let powers = if (FULL_ROUNDS / 2..last_full).contains(&round) { 1 } else { WIDTH };
        for (number, constant) in state.iter_mut().zip(constants) {
            *number = arithmetic.sum(&[(Fr::ONE, &*number)], *constant);
        }
        for number in &mut state[..powers] {
            *number = arithmetic.fifth_power(number);
        }
        let mut mixed = Vec::with_capacity(WIDTH);
        for weights in &PARAMETERS.matrix {
            let terms: Vec<(Fr, &A::Number)> = weights.iter().copied().zip(&*state).collect();
            mixed.push(arithmetic.sum(&terms, Fr::ZERO));
        }
        state.clone_from_slice(&mixed);
    }
}

/// A state that took a key, and masks or unmasks four elements a call.
pub struct Duplex<A: Arithmetic> {
    state: [A::Number; WIDTH],
}

impl<A: Arithmetic> Duplex<A> {
    /// Takes a key; `purpose` keeps uses and lengths apart.
    pub fn new(arithmetic: &mut A, purpose: Fr, key: &[A::Number]) -> Self {
        let zero = arithmetic.sum(&[], Fr::ZERO);
        let mut state: [A::Number; WIDTH] = core::array::from_fn(|_| zero.clone());
        state[0] = arithmetic.sum(&[], purpose);
        let mut duplex = Self { state };
        for block in key.chunks(RATE) {
            for (number, input) in duplex.state[1..].iter_mut().zip(block) {
                *number = arithmetic.sum(&[(Fr::ONE, &*number), (Fr::ONE, input)], Fr::ZERO);
            }
            permute(arithmetic, &mut duplex.state);
        }
        duplex
    }

    /// Masks up to four elements.
    pub fn mask(&mut self, arithmetic: &mut A, block: &[A::Number]) -> Vec<A::Number> {
        for (number, plain) in self.state[1..].iter_mut().zip(block) {
            *number = arithmetic.sum(&[(Fr::ONE, &*number), (Fr::ONE, plain)], Fr::ZERO);
        }
        let masked = self.state[1..=block.len()].to_vec();
        permute(arithmetic, &mut self.state);
        masked
    }

    /// Unmasks what [`Self::mask`] masked.
    pub fn unmask(&mut self, arithmetic: &mut A, block: &[A::Number]) -> Vec<A::Number> {
        let mut plain = Vec::with_capacity(block.len());
        for (number, masked) in self.state[1..].iter_mut().zip(block) {
            plain.push(arithmetic.sum(&[(Fr::ONE, masked), (-Fr::ONE, &*number)], Fr::ZERO));
            *number = masked.clone();
        }
        permute(arithmetic, &mut self.state);
        plain
    }

    /// Returns what binds everything that was taken.
    pub fn tag(&self) -> A::Number {
        self.state[1].clone()
    }
}

/// Shows nothing: the state came from a key.
impl<A: Arithmetic> fmt::Debug for Duplex<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Duplex(..)")
    }
}
