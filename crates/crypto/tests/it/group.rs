//! The group: one encoding per element, and nothing else accepted.

use crate::known::{P, Q, group, weak_group};
use crypto_bigint::{Limb, NonZero, U256, U2048};
use proptest::prelude::*;
use weft_crypto::{Group, InvalidElement, InvalidModulus, setup::RSA_2048};

fn bytes(value: &U2048) -> Vec<u8> {
    value.to_be_bytes().as_ref().to_vec()
}

fn decimal(mut value: U2048) -> String {
    let ten = NonZero::new(Limb::from(10_u32)).unwrap();
    let mut digits = Vec::new();
    while value != U2048::ZERO {
        let (rest, digit) = value.div_rem_limb(ten);
        digits.push(char::from(b'0' + digit.0 as u8));
        value = rest;
    }
    digits.into_iter().rev().collect()
}

fn residues() -> impl Strategy<Value = U2048> {
    prop::collection::vec(any::<u8>(), 255).prop_map(|low| {
        let mut bytes = vec![0];
        bytes.extend(low);
        U2048::from_be_slice(&bytes).wrapping_add(&U2048::ONE)
    })
}

#[test]
fn p10_the_default_modulus_is_the_published_one() {
    // Decimal digits and their sum as RSA Laboratories published them.
    let decimal = decimal(RSA_2048);
    assert_eq!(decimal.len(), 617);
    assert!(decimal.starts_with("25195908475657893494027183240048398571429282126204"));
    assert!(decimal.ends_with("97122822120720357"));
    assert_eq!(decimal.bytes().map(|digit| u32::from(digit - b'0')).sum::<u32>(), 2_738);
}

#[test]
fn zero_is_refused() {
    assert_eq!(group().decode(&[0; 256]), Err(InvalidElement::Zero));
}

#[test]
fn values_from_the_modulus_on_are_refused() {
    for value in [RSA_2048, RSA_2048.wrapping_add(&U2048::ONE), U2048::MAX] {
        assert_eq!(group().decode(&bytes(&value)), Err(InvalidElement::OutOfRange));
    }
}

#[test]
fn minus_one_and_the_upper_half_are_refused() {
    let half = RSA_2048.shr_vartime(1);
    for value in [RSA_2048.wrapping_sub(&U2048::ONE), half.wrapping_add(&U2048::ONE)] {
        assert_eq!(group().decode(&bytes(&value)), Err(InvalidElement::NotCanonical));
    }
    assert_eq!(group().decode(&bytes(&half)).unwrap().value(), &half);
}

#[test]
fn multiples_of_a_factor_are_refused() {
    let group = weak_group();
    for factor in [P, Q] {
        let multiple = factor.resize::<{ U2048::LIMBS }>().wrapping_mul(&U2048::from_u8(12));
        assert_eq!(group.decode(&bytes(&multiple)), Err(InvalidElement::NotCoprime));
    }
}

#[test]
fn other_lengths_are_refused() {
    for found in [0, 1, 255, 257, 512] {
        let refused = Err(InvalidElement::Length { found, expected: 256 });
        assert_eq!(group().decode(&vec![1; found]), refused);
    }
}

#[test]
fn short_and_even_moduli_are_refused() {
    let short = RSA_2048.shr_vartime(1);
    assert_eq!(Group::new(&short), Err(InvalidModulus::Bits { found: 2_047, expected: 2_048 }));
    assert_eq!(Group::new(&RSA_2048.wrapping_sub(&U2048::ONE)), Err(InvalidModulus::Even));
    assert!(Group::new(&U2048::ONE).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn encodings_round_trip(value in residues()) {
        let element = group().element(&value).unwrap();
        prop_assert_eq!(group().decode(&element.to_vec()), Ok(element));
    }

    #[test]
    fn exactly_one_of_x_and_minus_x_is_an_encoding(value in residues()) {
        let opposite = RSA_2048.wrapping_sub(&value);
        let accepted = [value, opposite].iter().filter(|x| group().decode(&bytes(x)).is_ok()).count();
        prop_assert_eq!(accepted, 1);
        prop_assert_eq!(group().element(&value), group().element(&opposite));
    }

    #[test]
    fn signs_do_not_change_products(left in residues(), right in residues()) {
        let element = |x: &U2048| group().element(x).unwrap();
        let opposite = RSA_2048.wrapping_sub(&left);
        let product = group().multiply(&element(&left), &element(&right));
        prop_assert_eq!(group().multiply(&element(&opposite), &element(&right)), product);
    }

    #[test]
    fn powers_add_their_exponents(value in residues(), a in any::<u64>(), b in any::<u64>()) {
        let base = group().element(&value).unwrap();
        let power = |exponent: u128| group().power(&base, &U256::from_u128(exponent));
        let product = group().multiply(&power(a.into()), &power(b.into()));
        prop_assert_eq!(product, power(u128::from(a) + u128::from(b)));
        let inverse = group().invert_vartime(&power(a.into()));
        prop_assert_eq!(group().multiply(&product, &inverse), power(b.into()));
    }

    #[test]
    fn decoding_never_panics(input in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(element) = group().decode(&input) {
            prop_assert_eq!(element.to_vec(), input);
        }
    }
}
