//! A circuit under construction: wires that know their value.

use crate::poseidon::Arithmetic;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSystemRef, LinearCombination, Result as Synthesized, SynthesisError, Variable,
};

/// A weighted sum of variables, and its value. While keys are made values mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    terms: LinearCombination<Fr>,
    pub(crate) value: Fr,
}

/// The circuit. The first failure stays until [`Board::result`] tells it.
#[derive(Debug)]
pub(crate) struct Board {
    system: ConstraintSystemRef<Fr>,
    failed: Option<SynthesisError>,
}

impl Board {
    pub(crate) const fn new(system: ConstraintSystemRef<Fr>) -> Self {
        Self { system, failed: None }
    }

    /// Returns the first failure.
    pub(crate) fn result(&mut self) -> Synthesized<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn wire(&mut self, variable: Synthesized<Variable>, value: Fr) -> Wire {
        let variable = variable.unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            Variable::Zero
        });
        Wire { terms: LinearCombination(vec![(Fr::ONE, variable)]), value }
    }

    /// Adds a public input.
    pub(crate) fn input(&mut self, value: Fr) -> Wire {
        let variable = self.system.new_input_variable(|| Ok(value));
        self.wire(variable, value)
    }

    /// Adds a private number.
    pub(crate) fn private(&mut self, value: Fr) -> Wire {
        let variable = self.system.new_witness_variable(|| Ok(value));
        self.wire(variable, value)
    }

    /// Returns a wire that carries a constant.
    pub(crate) fn constant(value: Fr) -> Wire {
        Wire { terms: LinearCombination(vec![(value, Variable::One)]), value }
    }

    /// Demands `left * right = product`.
    pub(crate) fn product(&mut self, left: &Wire, right: &Wire, product: &Wire) {
        let demanded = self.system.enforce_r1cs_constraint(
            || left.terms.clone(),
            || right.terms.clone(),
            || product.terms.clone(),
        );
        if let Err(error) = demanded {
            self.failed.get_or_insert(error);
        }
    }

    /// Demands that two wires carry the same.
    pub(crate) fn equal(&mut self, left: &Wire, right: &Wire) {
        self.product(left, &Self::constant(Fr::ONE), right);
    }

    /// Multiplies.
    pub(crate) fn multiply(&mut self, left: &Wire, right: &Wire) -> Wire {
        let product = self.private(left.value * right.value);
        self.product(left, right, &product);
        product
    }

    /// Adds a private bit.
    pub(crate) fn bit(&mut self, value: bool) -> Wire {
        let bit = self.private(Fr::from(value));
        self.product(&bit, &bit, &bit);
        bit
    }

    /// Adds the bits of a number, lowest first; higher ones than `count` are dropped.
    pub(crate) fn bits(&mut self, bytes_be: &[u8], count: usize) -> Vec<Wire> {
        (0..count)
            .map(|at| {
                let byte = bytes_be.iter().rev().nth(at / 8).copied().unwrap_or(0);
                self.bit(byte >> (at % 8) & 1 == 1)
            })
            .collect()
    }

    /// Returns the number that bits make, lowest first.
    pub(crate) fn number(&mut self, bits: &[Wire]) -> Wire {
        let terms: Vec<(Fr, &Wire)> = powers(Fr::from(2_u64)).zip(bits).collect();
        self.sum(&terms, Fr::ZERO)
    }

    /// Returns a variable of its own for a long sum.
    pub(crate) fn shorten(&mut self, sum: &Wire) -> Wire {
        let short = self.private(sum.value);
        self.equal(sum, &short);
        short
    }
}

impl Arithmetic for Board {
    type Number = Wire;

    fn sum(&mut self, terms: &[(Fr, &Wire)], constant: Fr) -> Wire {
        let mut all = vec![(constant, Variable::One)];
        for (weight, wire) in terms {
            all.extend(wire.terms.iter().map(|(inner, variable)| (*weight * inner, *variable)));
        }
        let value = terms.iter().fold(constant, |sum, (weight, wire)| sum + *weight * wire.value);
        Wire { terms: LinearCombination::from_sum_coeff_vars(&all), value }
    }

    fn fifth_power(&mut self, base: &Wire) -> Wire {
        let square = self.multiply(base, base);
        let fourth = self.multiply(&square, &square);
        self.multiply(&fourth, base)
    }
}

/// Returns 1, base, base^2, ..
pub(crate) fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    core::iter::successors(Some(Fr::ONE), move |power| Some(*power * base))
}
