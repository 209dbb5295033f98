//! The statement that the pairing checks: whoever made this proof knows a root of q, and under it the body opens to
//! something padded as it must be.

use crate::{
    board::{Board, Wire},
    cipher::{self, LENGTH_BYTES, Masked, PLAIN_BYTES, elements},
    poseidon::Arithmetic,
    square::{CHUNKS, chunks, root},
};
use alloy_primitives::B256;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, Result as Synthesized};
use crypto_bigint::U2048;
use weft_crypto::SizeBucket;
use zeroize::Zeroizing;

/// Bits of a byte.
const BYTE_BITS: usize = 8;

/// What everybody knows.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// Hash of what is readable.
    pub(crate) readable: B256,
    /// q, the square of the solution.
    pub(crate) square: U2048,
    /// Body and tag.
    pub(crate) masked: Masked<Fr>,
}

/// The statement and what only its author knows.
pub(crate) struct Circuit {
    pub(crate) modulus: U2048,
    pub(crate) statement: Statement,
    pub(crate) solution: U2048,
    pub(crate) padded: Zeroizing<Vec<u8>>,
}

impl Statement {
    /// Returns the public inputs, in the circuit's order.
    pub(crate) fn inputs(&self) -> Vec<Fr> {
        let mut inputs = cipher::context(&self.readable).to_vec();
        inputs.extend(chunks(&self.square));
        inputs.extend(&self.masked.body);
        inputs.push(self.masked.tag);
        inputs
    }
}

impl Circuit {
    /// Returns a circuit of the right shape and no meaning, to make keys of.
    pub(crate) fn shape(modulus: &U2048, size: SizeBucket) -> Self {
        let count = elements(size);
        let masked = Masked { body: vec![Fr::ZERO; count], tag: Fr::ZERO };
        let statement = Statement { readable: B256::ZERO, square: U2048::ONE, masked };
        let padded = Zeroizing::new(vec![0; PLAIN_BYTES * count]);
        Self { modulus: *modulus, statement, solution: U2048::ONE, padded }
    }
}

impl Drop for Circuit {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.solution);
    }
}

impl ConstraintSynthesizer<Fr> for Circuit {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Synthesized<()> {
        let board = &mut Board::new(system);
        let inputs: Vec<Wire> =
            self.statement.inputs().into_iter().map(|input| board.input(input)).collect();
        let (context, rest) = inputs.split_at(2);
        let (square, masked) = rest.split_at(CHUNKS);
        let solution = root(board, &self.modulus, &self.statement.square, square, &self.solution);
        let key = [context, &solution].concat();
        let plain = plaintext(board, &self.padded);
        let found = cipher::mask(board, &key, &plain);
        for (found, declared) in found.body.iter().chain([&found.tag]).zip(masked) {
            board.equal(found, declared);
        }
        board.result()
    }
}

/// Adds a padded plaintext and returns its numbers.
fn plaintext(board: &mut Board, padded: &[u8]) -> Vec<Wire> {
    let bits: Vec<Vec<Wire>> = padded.iter().map(|byte| board.bits(&[*byte], BYTE_BITS)).collect();
    let bytes: Vec<Wire> = bits.iter().map(|bits| board.number(bits)).collect();
    well_padded(board, &bytes, padded);
    let weights: Vec<Fr> =
        crate::board::powers(Fr::from(1_u64 << BYTE_BITS)).take(PLAIN_BYTES).collect();
    bytes
        .chunks(PLAIN_BYTES)
        .map(|chunk| {
            let terms: Vec<(Fr, &Wire)> = weights.iter().copied().zip(chunk.iter().rev()).collect();
            board.sum(&terms, Fr::ZERO)
        })
        .collect()
}

/// Demands a length that fits, and zeros behind it: marks of the bytes in use never rise again, there are as many as the
/// length says, and a byte without a mark is zero.
fn well_padded(board: &mut Board, bytes: &[Wire], padded: &[u8]) {
    let (length, rest) = bytes.split_at(LENGTH_BYTES);
    let declared =
        padded[..LENGTH_BYTES].iter().fold(0, |sum, byte| (sum << 8) + usize::from(*byte));
    let marks: Vec<Wire> = (0..rest.len()).map(|at| board.bit(at < declared)).collect();
    let mut before = Board::constant(Fr::ONE);
    for (mark, byte) in marks.iter().zip(rest) {
        board.product(mark, &before, mark);
        board.product(mark, byte, byte);
        before = mark.clone();
    }
    let terms: Vec<(Fr, &Wire)> = marks.iter().map(|mark| (Fr::ONE, mark)).collect();
    let count = board.sum(&terms, Fr::ZERO);
    let reversed: Vec<(Fr, &Wire)> =
        crate::board::powers(Fr::from(1_u64 << BYTE_BITS)).zip(length.iter().rev()).collect();
    let length = board.sum(&reversed, Fr::ZERO);
    board.equal(&count, &length);
}
