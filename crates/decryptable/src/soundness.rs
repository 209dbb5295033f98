//! Tests of the circuit itself, with witnesses that no honest author has.

use crate::{
    cipher::{self, PLAIN_BYTES, elements},
    circuit::{Circuit, Statement},
    poseidon::Plain,
};
use alloy_primitives::B256;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, R1CS_PREDICATE_LABEL,
};
use crypto_bigint::{NonZero, U2048, U4096};
use weft_crypto::{SizeBucket, setup::RSA_2048};
use zeroize::Zeroizing;

fn size() -> SizeBucket {
    SizeBucket::new(0).unwrap()
}

/// Some element below half of N.
fn solution() -> U2048 {
    let seed = U2048::from_u64(0xdead_beef_0bad_f00d);
    squared(&squared(&squared(&squared(&squared(&squared(&seed))))))
}

/// Returns the element that is the square modulo N.
fn squared(value: &U2048) -> U2048 {
    let modulus = NonZero::new(RSA_2048.resize::<{ U4096::LIMBS }>()).unwrap();
    let square: U2048 = value.concatenating_square().rem_vartime(&modulus).resize();
    square.min(RSA_2048.wrapping_sub(&square))
}

fn padded(plaintext: &[u8]) -> Zeroizing<Vec<u8>> {
    cipher::pad(plaintext, size()).unwrap()
}

/// A circuit whose body is what `solution` masks `padded` to, whatever they are.
fn circuit(solution: U2048, padded: Zeroizing<Vec<u8>>) -> Circuit {
    let readable = B256::repeat_byte(3);
    let key = cipher::key(&readable, &solution);
    let masked = cipher::mask(&mut Plain, &key[..], &cipher::plain(&padded));
    let statement = Statement { readable, square: squared(&solution), masked };
    Circuit { modulus: RSA_2048, statement, solution, padded }
}

fn synthesized(circuit: Circuit) -> ConstraintSystemRef<Fr> {
    let system = ConstraintSystem::new_ref();
    circuit.generate_constraints(system.clone()).unwrap();
    system.finalize();
    system
}

fn holds(circuit: Circuit) -> bool {
    synthesized(circuit).is_satisfied().unwrap()
}

#[test]
fn an_honest_witness_holds_for_both_signs() {
    // One square in two is N - q and not q itself.
    let mut value = solution();
    for _ in 0..6 {
        assert!(holds(circuit(value, padded(b"swap"))));
        value = squared(&value.wrapping_add(&U2048::ONE));
    }
}

#[test]
fn other_numbers_for_the_same_element_are_refused() {
    // Body and tag are right for the number, as an attacker would make them.
    let honest = solution();
    let opposite = RSA_2048.wrapping_sub(&honest);
    assert_eq!(squared(&opposite), squared(&honest));
    assert!(!holds(circuit(opposite, padded(b"swap"))));
    let small = U2048::from_u64(7);
    let shifted = RSA_2048.wrapping_add(&small);
    assert_eq!(squared(&shifted), squared(&small));
    assert!(holds(circuit(small, padded(b"swap"))));
    assert!(!holds(circuit(shifted, padded(b"swap"))));
    let half = RSA_2048.shr_vartime(1);
    assert!(!holds(circuit(half, padded(b"swap"))), "half of N has the highest limbs of half of N");
    assert!(!holds(circuit(half.wrapping_add(&U2048::ONE), padded(b"swap"))));
}

#[test]
fn a_number_with_another_square_is_refused() {
    let mut wrong = circuit(solution(), padded(b"swap"));
    wrong.statement.square = squared(&wrong.statement.square);
    assert!(!holds(wrong));
    let mut wrong = circuit(solution(), padded(b"swap"));
    wrong.statement.square = RSA_2048.wrapping_sub(&wrong.statement.square);
    // The verifier never asks about a number above half of N, but both name one element.
    assert!(holds(wrong));
    let mut wrong = circuit(solution(), padded(b"swap"));
    wrong.statement.square = wrong.statement.square.wrapping_add(&U2048::ONE);
    assert!(!holds(wrong));
}

#[test]
fn every_public_input_is_bound() {
    let inputs = circuit(solution(), padded(b"swap")).statement.inputs().len();
    for at in 2 + crate::square::CHUNKS..inputs - 1 {
        let mut wrong = circuit(solution(), padded(b"swap"));
        wrong.statement.masked.body[at - 2 - crate::square::CHUNKS] += Fr::ONE;
        assert!(!holds(wrong), "input {at}");
    }
    let mut wrong = circuit(solution(), padded(b"swap"));
    wrong.statement.masked.tag += Fr::ONE;
    assert!(!holds(wrong));
    for byte in [0, 31] {
        let mut wrong = circuit(solution(), padded(b"swap"));
        wrong.statement.readable.0[byte] ^= 1;
        assert!(!holds(wrong), "byte {byte}");
    }
}

#[test]
fn wrong_padding_is_refused() {
    let fits = cipher::capacity(size()) as u32;
    let with = |length: u32, at: usize, byte: u8| {
        let mut bytes = padded(b"swap");
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes[at] = byte;
        holds(circuit(solution(), bytes))
    };
    assert!(with(4, 7, b'p'));
    assert!(with(fits, 247, 9));
    assert!(!with(4, 8, 1), "a byte behind the end");
    assert!(!with(4, 247, 1), "the last byte");
    assert!(!with(3, 7, b'p'), "a length that cuts");
    assert!(!with(fits + 1, 247, 9), "a length that does not fit");
    assert!(!with(u32::MAX, 247, 9));
}

#[test]
fn plaintext_elements_over_31_bytes_are_refused() {
    let mut wrong = circuit(solution(), padded(b"swap"));
    let key = cipher::key(&wrong.statement.readable, &wrong.solution);
    let mut plain = cipher::plain(&wrong.padded);
    plain[7] += Fr::from(2_u64).pow([248]);
    wrong.statement.masked = cipher::mask(&mut Plain, &key[..], &plain);
    assert_eq!(cipher::unmask(&key[..], &wrong.statement.masked), Some(plain.clone()));
    assert_eq!(cipher::unpad(&plain), None);
    assert!(!holds(wrong));
}

/// Whatever one private number is changed to, some constraint notices: none is free.
#[test]
fn no_private_number_is_free() {
    let system = synthesized(circuit(solution(), padded(&[7; 100])));
    let matrices = system.to_matrices().unwrap();
    let [a, b, c] = &matrices[R1CS_PREDICATE_LABEL][..] else { panic!("three matrices") };
    let mut values = system.instance_assignment().unwrap();
    let public = values.len();
    values.extend(system.witness_assignment().unwrap());
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); values.len()];
    for (at, row) in a.iter().zip(b).zip(c).enumerate() {
        let ((a, b), c) = row;
        a.iter().chain(b).chain(c).for_each(|(_, index)| rows[*index].push(at));
    }
    let at = |matrix: &[Vec<(Fr, usize)>], row: usize, values: &[Fr]| {
        matrix[row].iter().fold(Fr::ZERO, |sum, (weight, index)| sum + *weight * values[*index])
    };
    for index in public..values.len() {
        for change in [Fr::ONE, -Fr::ONE, Fr::from(2_u64).pow([40])] {
            let honest = values[index];
            values[index] += change;
            let noticed = rows[index]
                .iter()
                .any(|row| at(a, *row, &values) * at(b, *row, &values) != at(c, *row, &values));
            assert!(noticed, "private number {} of {}", index - public, values.len() - public);
            values[index] = honest;
        }
    }
    assert!(elements(size()) * PLAIN_BYTES == 248 && system.num_constraints() < 1 << 14);
}
