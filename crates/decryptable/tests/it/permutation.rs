//! The permutation against the vectors that its authors publish.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, MontFp, PrimeField};
use proptest::prelude::*;
use weft_decryptable::poseidon::{Duplex, Plain, RATE, WIDTH, permute};

/// `test_vectors.txt` of the reference implementation (IAIK, hadeshash), `poseidonperm_x5_254_5`.
const REFERENCE: [&str; WIDTH] = [
    "299c867db6c1fdd79dcefa40e4510b9837e60ebb1ce0663dbaa525df65250465",
    "1148aaef609aa338b27dafd89bb98862d8bb2b429aceac47d86206154ffe053d",
    "24febb87fed7462e23f6665ff9a0111f4044c38ee1672c1ac6b0637d34f24907",
    "0eb08f6d809668a981c186beaf6110060707059576406b248e5d9cf6e78b3d3e",
    "07748bc6877c9b82c8b98666ee9d0626ec7f5be4205f79ee8528ef1c4a376fc7",
];

fn hex(text: &str) -> Fr {
    Fr::from_be_bytes_mod_order(&alloy_primitives::hex::decode(text).unwrap())
}

#[test]
fn the_permutation_is_the_published_one() {
    let mut state = core::array::from_fn(|at| Fr::from(at as u64));
    permute(&mut Plain, &mut state);
    assert_eq!(state, REFERENCE.map(hex));
}

#[test]
fn a_duplex_unmasks_what_it_masked_and_tells_others_by_the_tag() {
    let key = [MontFp!("7"), MontFp!("8"), MontFp!("9"), MontFp!("10"), MontFp!("11")];
    let plain: Vec<Fr> = (0..8_u64).map(Fr::from).collect();
    let run = |purpose: u64, key: &[Fr]| {
        let mut duplex = Duplex::new(&mut Plain, Fr::from(purpose), key);
        let masked: Vec<Fr> =
            plain.chunks(RATE).flat_map(|block| duplex.mask(&mut Plain, block)).collect();
        (masked, duplex.tag())
    };
    let (masked, tag) = run(1, &key);
    let mut duplex = Duplex::new(&mut Plain, Fr::from(1_u64), &key);
    let found: Vec<Fr> =
        masked.chunks(RATE).flat_map(|block| duplex.unmask(&mut Plain, block)).collect();
    assert_eq!((found, duplex.tag()), (plain.clone(), tag));
    assert_ne!(run(2, &key).0, masked, "another purpose");
    assert_ne!(run(1, &key[1..]).0, masked, "another key");
}

proptest! {
    #[test]
    fn a_changed_element_changes_the_tag(at in 0..8_usize, change in 1..u64::MAX) {
        let plain = [Fr::ZERO; 8];
        let mut changed = plain;
        changed[at] += Fr::from(change);
        let tag = |plain: &[Fr]| {
            let mut duplex = Duplex::new(&mut Plain, Fr::ZERO, &plain[..1]);
            for block in plain.chunks(RATE) {
                duplex.mask(&mut Plain, block);
            }
            duplex.tag()
        };
        prop_assert_ne!(tag(&plain), tag(&changed));
    }
}
