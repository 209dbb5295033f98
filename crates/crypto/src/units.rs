//! The group of units modulo an odd M, where x and -x are one element: Z_M^*/{+-1}.
//!
//! In Z_N^* itself -1 has order two and everybody knows it, so a proof about squares or powers cannot tell x from
//! -x. Here the one element of small order that is public is the identity. Every element has one encoding: the
//! representative in 1 ..= (M-1)/2, big-endian, as long as the modulus.

use alloc::vec::Vec;
use core::fmt;
use crypto_bigint::{
    CtAssign, CtGt, Odd, U2048, U4096, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};
use thiserror::Error;
use zeroize::Zeroize;

/// The group in which squarings take time: 2048-bit N.
pub type Group = Units<{ U2048::LIMBS }>;
/// An element of [`Group`].
pub type Element = Unit<{ U2048::LIMBS }>;

/// Bytes of an encoded [`Element`].
pub const ELEMENT_BYTES: usize = 256;

/// The group modulo N^2, in which puzzles hide numbers.
pub type WideGroup = Units<{ U4096::LIMBS }>;
/// An element of [`WideGroup`].
pub type WideElement = Unit<{ U4096::LIMBS }>;

/// Bytes of an encoded [`WideElement`].
pub const WIDE_BYTES: usize = 512;

/// Reason for refusing a modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidModulus {
    /// It is even.
    #[error("modulus is even")]
    Even,
    /// It is shorter than its type.
    #[error("modulus has {found} bits, expected {expected}")]
    Bits {
        /// Bits found.
        found: u32,
        /// Bits wanted.
        expected: u32,
    },
}

/// Reason for refusing bytes as an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidElement {
    /// The encoding has another length than the modulus.
    #[error("element has {found} bytes, expected {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes wanted.
        expected: usize,
    },
    /// It is zero, which has no inverse.
    #[error("element is zero")]
    Zero,
    /// It is the modulus or more.
    #[error("element is not below the modulus")]
    OutOfRange,
    /// It is the larger of x and -x.
    #[error("element is in the upper half of its range")]
    NotCanonical,
    /// It shares a factor with the modulus.
    #[error("element is not coprime to the modulus")]
    NotCoprime,
    /// It is one, where a value that hides something is needed.
    #[error("element is the identity")]
    Identity,
}

/// A group Z_M^*/{+-1}.
#[derive(Clone, PartialEq, Eq)]
pub struct Units<const L: usize> {
    params: FixedMontyParams<L>,
    half: Uint<L>,
}

/// An element of a [`Units`]: the smaller of x and -x, coprime to the modulus.
///
/// Elements do not name their group; using one with another group's operations gives nonsense, not an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit<const L: usize>(Uint<L>);

impl<const L: usize> Units<L> {
    /// Makes the group modulo `modulus`.
    ///
    /// What makes the group useful, that nobody knows the factors, cannot be checked.
    ///
    /// # Errors
    ///
    /// [`InvalidModulus`] when `modulus` is even or its highest bit is zero.
    pub fn new(modulus: &Uint<L>) -> Result<Self, InvalidModulus> {
        let found = modulus.bits_vartime();
        if found != Uint::<L>::BITS {
            return Err(InvalidModulus::Bits { found, expected: Uint::<L>::BITS });
        }
        Odd::new(*modulus).into_option().map(Self::of_odd).ok_or(InvalidModulus::Even)
    }

    fn of_odd(modulus: Odd<Uint<L>>) -> Self {
        let half = modulus.as_ref().shr_vartime(1);
        Self { params: FixedMontyParams::new_vartime(modulus), half }
    }

    /// Returns the modulus.
    pub const fn modulus(&self) -> &Uint<L> {
        self.params.modulus().as_ref()
    }

    /// Returns the element that stands for `value`.
    ///
    /// # Errors
    ///
    /// [`InvalidElement::Zero`] or [`InvalidElement::NotCoprime`]; the other representative is taken as it is.
    pub fn element(&self, value: &Uint<L>) -> Result<Unit<L>, InvalidElement> {
        if value.is_zero_vartime() {
            return Err(InvalidElement::Zero);
        }
        if value >= self.modulus() {
            return Err(InvalidElement::OutOfRange);
        }
        // For an odd modulus the greatest common divisor is found about as fast as a handful of products.
        if self.modulus().gcd_vartime(value) != Uint::ONE {
            return Err(InvalidElement::NotCoprime);
        }
        Ok(self.canonical(*value))
    }

    /// Reads an element.
    ///
    /// # Errors
    ///
    /// Any [`InvalidElement`] but `Identity`.
    pub fn decode(&self, bytes: &[u8]) -> Result<Unit<L>, InvalidElement> {
        let expected = Uint::<L>::BITS as usize / 8;
        if bytes.len() != expected {
            return Err(InvalidElement::Length { found: bytes.len(), expected });
        }
        let value = Uint::from_be_slice(bytes);
        let element = self.element(&value)?;
        if element.0 == value { Ok(element) } else { Err(InvalidElement::NotCanonical) }
    }

    /// Multiplies.
    pub fn multiply(&self, left: &Unit<L>, right: &Unit<L>) -> Unit<L> {
        self.settle(&self.lift(left).mul(&self.lift(right)))
    }

    /// Squares.
    pub fn square(&self, base: &Unit<L>) -> Unit<L> {
        self.settle(&self.lift(base).square())
    }

    /// Raises to a power; time depends on the length of `exponent`, not on its value.
    pub fn power<const E: usize>(&self, base: &Unit<L>, exponent: &Uint<E>) -> Unit<L> {
        self.settle(&self.lift(base).pow(exponent))
    }

    /// Raises to a public power.
    pub fn power_vartime<const E: usize>(&self, base: &Unit<L>, exponent: &Uint<E>) -> Unit<L> {
        self.settle(&self.lift(base).pow_vartime(exponent))
    }

    /// Inverts a public element.
    pub fn invert_vartime(&self, base: &Unit<L>) -> Unit<L> {
        let inverse = self.lift(base).invert_vartime();
        self.settle(&inverse.into_option().expect("elements are coprime to the modulus"))
    }

    /// Returns the identity.
    pub const fn identity(&self) -> Unit<L> {
        Unit(Uint::ONE)
    }

    pub(crate) const fn params(&self) -> &FixedMontyParams<L> {
        &self.params
    }

    /// Returns a representative ready for multiplication.
    pub(crate) const fn lift(&self, element: &Unit<L>) -> FixedMontyForm<L> {
        FixedMontyForm::new(&element.0, &self.params)
    }

    /// Returns the element of a representative that was made from elements.
    pub(crate) fn settle(&self, value: &FixedMontyForm<L>) -> Unit<L> {
        self.canonical(value.retrieve())
    }

    /// Chooses between x and -x without a branch: the value may be a key.
    fn canonical(&self, value: Uint<L>) -> Unit<L> {
        let mut chosen = value;
        chosen.ct_assign(&self.modulus().wrapping_sub(&value), value.ct_gt(&self.half));
        Unit(chosen)
    }
}

impl Group {
    /// Returns the group modulo the square of this one's modulus.
    pub(crate) fn squared(&self) -> WideGroup {
        let square = self.modulus().concatenating_square();
        Units::of_odd(Odd::new(square).expect("the square of an odd number is odd"))
    }
}

impl<const L: usize> Unit<L> {
    /// Returns the representative in 1 ..= (M-1)/2.
    pub const fn value(&self) -> &Uint<L> {
        &self.0
    }

    /// Tells whether this is one.
    pub fn is_identity(&self) -> bool {
        self.0 == Uint::ONE
    }

    /// Returns the encoding: big-endian, as long as the modulus.
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_be_bytes().as_ref().to_vec()
    }
}

impl<const L: usize> Zeroize for Unit<L> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const L: usize> fmt::Debug for Units<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Units(0x{:x})", self.modulus())
    }
}

/// Names the type only: an element may be a key.
impl<const L: usize> fmt::Debug for Unit<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unit(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::U64;

    /// 2^63 + 29 is prime, so the group is small enough to check by hand.
    fn small() -> Units<{ U64::LIMBS }> {
        Units::new(&U64::from_u64((1 << 63) + 29)).unwrap()
    }

    #[test]
    fn opposite_representatives_are_one_element() {
        let group = small();
        let x = U64::from_u64(12_345);
        let opposite = group.modulus().wrapping_sub(&x);
        assert_eq!(group.element(&x), group.element(&opposite));
        assert_eq!(group.element(&opposite).unwrap().value(), &x);
    }

    #[test]
    fn the_middle_of_the_range_is_split_between_x_and_its_opposite() {
        let group = small();
        let half = group.modulus().shr_vartime(1);
        let above = half.wrapping_add(&U64::ONE);
        assert_eq!(group.decode(&half.to_be_bytes()).unwrap().value(), &half);
        assert_eq!(group.decode(&above.to_be_bytes()), Err(InvalidElement::NotCanonical));
    }

    #[test]
    fn powers_agree_with_plain_arithmetic() {
        let group = small();
        let modulus = u128::from((1_u64 << 63) + 29);
        let base = 0x1234_5678_9abc_u128;
        let mut expected = 1_u128;
        for exponent in 0..50_u64 {
            let element = group.element(&U64::from_u64(base as u64)).unwrap();
            let power = group.power(&element, &U64::from_u64(exponent));
            let canonical = expected.min(modulus - expected);
            assert_eq!(power.value(), &U64::from_u64(canonical as u64));
            assert_eq!(power, group.power_vartime(&element, &U64::from_u64(exponent)));
            expected = expected * base % modulus;
        }
    }

    #[test]
    fn moduli_that_are_even_or_short_are_refused() {
        assert_eq!(Units::new(&U64::from_u64(1 << 63)), Err(InvalidModulus::Even));
        let short = Units::new(&U64::from_u64((1 << 62) + 1));
        assert_eq!(short, Err(InvalidModulus::Bits { found: 63, expected: 64 }));
    }
}
