//! Powers of bases that never change, from tables.

use alloc::vec::Vec;
use crypto_bigint::{
    CtAssign, CtEq, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};

/// Entries of a window: the exponent is taken four bits at a time. Wider windows save products but cost more in the
/// selection, which reads every entry so that time says nothing about the exponent.
const WINDOW: usize = 16;

/// Powers `base^(j * 16^i)` for every place i of an exponent and every digit j.
#[derive(Clone)]
pub(crate) struct Table<const L: usize> {
    params: FixedMontyParams<L>,
    windows: Vec<[Uint<L>; WINDOW]>,
}

impl<const L: usize> Table<L> {
    /// Makes the table for exponents of at most `bytes` bytes.
    pub(crate) fn new(base: &FixedMontyForm<L>, bytes: usize) -> Self {
        let params = *base.params();
        let mut place = *base;
        let windows = (0..2 * bytes).map(|_| {
            let (window, next) = window(&place);
            place = next;
            window
        });
        Self { params, windows: windows.collect() }
    }

    /// Raises the base to a secret power; the time depends on the length of `exponent` alone.
    ///
    /// # Panics
    ///
    /// Panics when the exponent is longer than the table.
    pub(crate) fn power(&self, exponent: &[u8]) -> FixedMontyForm<L> {
        self.product(exponent, |window, digit| Some(select(window, digit)))
    }

    /// Raises the base to a public power.
    ///
    /// # Panics
    ///
    /// As [`Self::power`].
    pub(crate) fn power_vartime(&self, exponent: &[u8]) -> FixedMontyForm<L> {
        self.product(exponent, |window, digit| (digit != 0).then(|| window[usize::from(digit)]))
    }

    fn product(
        &self,
        exponent: &[u8],
        factor: impl Fn(&[Uint<L>; WINDOW], u8) -> Option<Uint<L>>,
    ) -> FixedMontyForm<L> {
        assert!(2 * exponent.len() <= self.windows.len(), "the exponent fits the table");
        let digits = exponent.iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
        let mut product = FixedMontyForm::one(&self.params);
        for (window, digit) in self.windows.iter().zip(digits) {
            if let Some(factor) = factor(window, digit) {
                product = product.mul(&FixedMontyForm::from_montgomery(factor, &self.params));
            }
        }
        product
    }
}

/// Returns the powers 0 to 15 of `place` and its sixteenth power.
fn window<const L: usize>(place: &FixedMontyForm<L>) -> ([Uint<L>; WINDOW], FixedMontyForm<L>) {
    let mut power = FixedMontyForm::one(place.params());
    let window = core::array::from_fn(|_| {
        let entry = power.to_montgomery();
        power = power.mul(place);
        entry
    });
    (window, power)
}

/// Reads every entry and keeps the one at `digit`.
fn select<const L: usize>(window: &[Uint<L>; WINDOW], digit: u8) -> Uint<L> {
    let mut chosen = window[0];
    for (entry, index) in window.iter().zip(0_u8..) {
        chosen.ct_assign(entry, index.ct_eq(&digit));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Units;
    use crypto_bigint::U64;

    #[test]
    fn tables_agree_with_plain_powers() {
        let group = Units::new(&U64::from_u64((1 << 63) + 29)).unwrap();
        let base = group.element(&U64::from_u64(987_654_321)).unwrap();
        let table = Table::new(&group.lift(&base), 8);
        for exponent in [0, 1, 15, 16, 17, 0xff, 0x8000, 0xdead_beef_0bad_f00d, u64::MAX] {
            let expected = group.power(&base, &U64::from_u64(exponent));
            assert_eq!(group.settle(&table.power(&exponent.to_be_bytes())), expected);
            assert_eq!(group.settle(&table.power_vartime(&exponent.to_be_bytes())), expected);
        }
    }

    #[test]
    fn short_exponents_use_the_low_places() {
        let group = Units::new(&U64::from_u64((1 << 63) + 29)).unwrap();
        let base = group.element(&U64::from_u64(3)).unwrap();
        let table = Table::new(&group.lift(&base), 8);
        let expected = group.power(&base, &U64::from_u64(0x1234));
        assert_eq!(group.settle(&table.power(&[0x12, 0x34])), expected);
    }
}
