//! The number that a puzzle hides, once it is solved.

use crate::{
    curve::reduce,
    setup::Setup,
    units::{Element, WideElement},
};
use crypto_bigint::{NonZero, U2048, U4096, modular::FixedMontyForm};
use k256::Scalar;

/// Returns the number in 0 .. N that `hidden` hides, given `h^r` of its `g^r`: `v / (h^r)^N` is 1 + s N, or its
/// opposite, which is minus one modulo N.
pub(super) fn uncover(setup: &Setup, hidden: &WideElement, solution: &Element) -> Option<U2048> {
    let (group, wide) = (setup.group(), setup.wide());
    let lifted = FixedMontyForm::new(&solution.value().resize(), wide.params());
    let mask = lifted.pow_vartime(group.modulus()).invert_vartime().into_option()?;
    let opened = wide.lift(hidden).mul(&mask).retrieve();
    let modulus = NonZero::new(group.modulus().resize::<{ U4096::LIMBS }>()).into_option()?;
    [opened, wide.modulus().wrapping_sub(&opened)].iter().find_map(|value| {
        let (number, rest) = value.div_rem_vartime(&modulus);
        (rest == U4096::ONE).then(|| number.resize())
    })
}

/// Reads a number in 0 .. N as one in -N/2 .. N/2, modulo the order of the curve. A member may have shared a number
/// below zero: its proof bounds it, not its sign.
pub(super) fn signed(setup: &Setup, number: &U2048) -> Scalar {
    let modulus = setup.group().modulus();
    if *number <= modulus.shr_vartime(1) {
        return reduce(number.to_be_bytes().as_ref());
    }
    -reduce(modulus.wrapping_sub(number).to_be_bytes().as_ref())
}
