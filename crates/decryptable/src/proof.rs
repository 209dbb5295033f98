//! The proof: that the author knows the puzzle, and that under its solution the body opens.

use crate::{
    circuit::{Circuit, Statement},
    keys::{ProvingKey, VerifyingKey},
};
use ark_bn254::Bn254;
use ark_groth16::{Groth16, Proof as PairingProof};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use thiserror::Error;
use weft_crypto::{InvalidElement, InvalidRelation, PuzzleProof, Setup, relation::RELATION_BYTES};

/// Bytes of the circuit's part.
const PAIRING_BYTES: usize = 128;
/// Bytes of an encoded proof.
pub const PROOF_BYTES: usize = PAIRING_BYTES + RELATION_BYTES;

/// Proof that an envelope opens; [`PROOF_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The circuit's part. It is kept as it came: the puzzle's part is bound to these bytes.
    pub(crate) pairing: [u8; PAIRING_BYTES],
    pub(crate) puzzle: PuzzleProof,
}

/// Reason for refusing a proof or an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// The bytes have another length.
    #[error("proof of {0} bytes has another length than all proofs")]
    Length(usize),
    /// The envelope is sealed by another scheme or to another setup.
    #[error("envelope is not sealed to puzzles of this setup")]
    Foreign,
    /// The key is for bodies of another size.
    #[error("verifying key is for bodies of another size")]
    Size,
    /// The body or the tag is no element of the field.
    #[error("body or tag is no element of the field")]
    Body,
    /// The head is no puzzle.
    #[error("head is no puzzle")]
    Head(#[from] InvalidElement),
    /// The puzzle's part does not hold for this envelope and the rest of the proof.
    #[error("proof of the puzzle does not hold")]
    Puzzle(#[from] InvalidRelation),
    /// The circuit's part is no proof, or holds for something else.
    #[error("proof of the content does not hold")]
    Content,
    /// The exponent is that of another head.
    #[error("exponent does not give this head")]
    Exponent,
}

impl Proof {
    /// Returns the encoding: the circuit's part, then the puzzle's.
    pub fn encode(&self) -> Vec<u8> {
        [self.pairing.as_slice(), &self.puzzle.encode()].concat()
    }

    /// Reads a proof; [`crate::ProvenScheme::verify`] checks it.
    ///
    /// # Errors
    ///
    /// [`Refused::Length`] or [`Refused::Puzzle`].
    pub fn decode(setup: &Setup, bytes: &[u8]) -> Result<Self, Refused> {
        let Some((pairing, puzzle)) = bytes.split_first_chunk::<PAIRING_BYTES>() else {
            return Err(Refused::Length(bytes.len()));
        };
        if bytes.len() != PROOF_BYTES {
            return Err(Refused::Length(bytes.len()));
        }
        Ok(Self { pairing: *pairing, puzzle: PuzzleProof::decode(setup, puzzle)? })
    }
}

/// Proves the circuit. What hides the secrets comes from `seed`.
pub(crate) fn pairing(key: &ProvingKey, circuit: Circuit, seed: &[u8; 32]) -> [u8; PAIRING_BYTES] {
    let rng = &mut ChaCha20Rng::from_seed(*seed);
    let proof = Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key.pairing, rng)
        .expect("the circuit has the key's shape");
    let mut bytes = [0; PAIRING_BYTES];
    proof.serialize_compressed(&mut bytes[..]).expect("two points and a longer one");
    bytes
}

/// Checks the circuit's part.
pub(crate) fn check(
    key: &VerifyingKey,
    statement: &Statement,
    bytes: &[u8; PAIRING_BYTES],
) -> Result<(), Refused> {
    let proof = PairingProof::deserialize_compressed(&bytes[..]).map_err(|_| Refused::Content)?;
    let inputs = statement.inputs();
    // The library pairs inputs with key parts as far as both go.
    assert_eq!(inputs.len() + 1, key.prepared.vk.gamma_abc_g1.len(), "keys are for their size");
    match Groth16::<Bn254>::verify_proof(&key.prepared, &proof, &inputs) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Refused::Content),
    }
}
