//! Numbers that several tests use.

use crypto_bigint::{NonZero, U1024, U2048};
use std::sync::LazyLock;
use weft_crypto::{Group, Setup, setup::RSA_2048};

/// Squarings of [`setup`]: enough to be more than one digit of any proof.
pub(crate) const DELAY: u64 = 1_000;

/// Returns a setup over the RSA-2048 number with a delay that no test waits for.
pub(crate) fn setup() -> &'static Setup {
    static SETUP: LazyLock<Setup> =
        LazyLock::new(|| Setup::prepare(&RSA_2048, DELAY).expect("the modulus is usable"));
    &SETUP
}

/// Returns the group of the RSA-2048 number.
pub(crate) fn group() -> &'static Group {
    setup().group()
}

/// A prime of 1024 bits.
pub(crate) const P: U1024 = U1024::from_be_hex(concat!(
    "c31671dbc3b3cbade065ed06ea8b33dd99ac27f3b6f1f70e9c912d378d669a2d11af696f31e0ee150e93faaf848428e0",
    "cdeb22d3f3648b8bd27b2dedfa2ff6e76a0be296631e063bdfef405ea13a25e17937b24860ce695b8724c2239305fc87",
    "2394129b28599d6ebde4c63b217147cf013f6148007999827da4f6be64c43d7b",
));

/// Another prime of 1024 bits.
pub(crate) const Q: U1024 = U1024::from_be_hex(concat!(
    "c52e8269ec6cfca275c8d2e3aa069d57b3d29ff7cbacb6597a234bd2d08b6563d5c69c4724f2434d0fd08a6b8b3433cc",
    "ea33ca2174228a27f804e2e072e8951852be42075829d178a17226f1f847ff2d736c30ca7003a0a6da059ef64bf7e563",
    "b78db56eb507d3c4a7540e3b781dc0aa2ed38b44013f7ceea9cb0c5fe0bd6ed7",
));

/// Returns a group whose order this file gives away.
pub(crate) fn weak_group() -> Group {
    Group::new(&P.concatenating_mul(&Q)).unwrap()
}

/// Returns the number of units modulo `P * Q`, which is what a trusted setup must forget.
pub(crate) fn order_of_weak_group() -> NonZero<U2048> {
    let minus_one = |prime: &U1024| prime.wrapping_sub(&U1024::ONE);
    NonZero::new(minus_one(&P).concatenating_mul(&minus_one(&Q))).unwrap()
}
