//! The hashes of sealing, written a second time from their description.

use alloy_primitives::{B256, keccak256};
use crypto_bigint::{
    JacobiSymbol, NonZero, Odd, U2048, U4096,
    modular::{FixedMontyForm, FixedMontyParams},
};
use weft_types::{Domain, domain::Tag};

/// A residue modulo N.
pub(crate) type Residue = FixedMontyForm<{ U2048::LIMBS }>;
/// A residue modulo N^2.
pub(crate) type WideResidue = FixedMontyForm<{ U4096::LIMBS }>;

/// Hashes fields about numbers.
pub(crate) fn of_numbers(part: u8, fields: &[&[u8]]) -> B256 {
    framed([b"weft numbers".to_vec(), vec![part]].concat(), fields)
}

/// Hashes fields of a realm.
pub(crate) fn of_realm(domain: &Domain, part: u8, fields: &[&[u8]]) -> B256 {
    let head = [
        b"weft".to_vec(),
        vec![Tag::Sealing as u8],
        domain.version.to_be_bytes().to_vec(),
        domain.l1_chain_id.to_be_bytes().to_vec(),
        domain.settlement.to_vec(),
        domain.realm.to_be_bytes().to_vec(),
        vec![part],
    ];
    framed(head.concat(), fields)
}

fn framed(mut head: Vec<u8>, fields: &[&[u8]]) -> B256 {
    for field in fields {
        head.extend((field.len() as u32).to_be_bytes());
        head.extend(*field);
    }
    keccak256(head)
}

/// Returns `len` bytes of the stream of a seed.
pub(crate) fn stream(seed: &B256, len: usize) -> Vec<u8> {
    let block = |counter: u32| keccak256([&seed[..], &counter.to_be_bytes()].concat()).to_vec();
    let mut bytes: Vec<u8> = (0..).take(len.div_ceil(32)).flat_map(block).collect();
    bytes.truncate(len);
    bytes
}

/// Returns the parameters of arithmetic modulo an odd number.
pub(crate) fn modulo<const L: usize>(modulus: &crypto_bigint::Uint<L>) -> FixedMontyParams<L> {
    FixedMontyParams::new_vartime(Odd::new(*modulus).unwrap())
}

/// Returns base number `index` modulo `modulus`.
pub(crate) fn base(modulus: &U2048, index: u64) -> U2048 {
    let params = modulo(modulus);
    let canonical = |value: U2048| value.min(modulus.wrapping_sub(&value));
    (0_u64..)
        .map(|counter| {
            let bytes = modulus.to_be_bytes();
            let (index, counter) = (index.to_be_bytes(), counter.to_be_bytes());
            let seed = of_numbers(1, &[bytes.as_ref(), &index, &counter]);
            let wide = U4096::from_be_slice(&stream(&seed, 512));
            canonical(wide.rem_vartime(&NonZero::new(*modulus).unwrap()))
        })
        .find(|value| FixedMontyForm::new(value, &params).jacobi_symbol() == JacobiSymbol::One)
        .unwrap()
}
