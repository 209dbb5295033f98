//! Keys of the circuit, one pair for each modulus and size.
//!
//! Whoever knows what a pair was drawn from proves anything. So production takes a verifying key by its digest, which a
//! ceremony's participants can stand for, and refuses the development keys, which come from a public seed, by what they
//! are and not by what they are called.

use crate::circuit::Circuit;
use alloy_primitives::{B256, keccak256};
use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::UniformRand;
use ark_groth16::{Groth16, PreparedVerifyingKey, ProvingKey as PairingKey, prepare_verifying_key};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use core::fmt;
use crypto_bigint::U2048;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use thiserror::Error;
use weft_crypto::SizeBucket;

/// The largest bucket that has a circuit: 1 KiB.
const MAX_SIZE: u8 = 2;
/// What development keys are drawn from.
const DEVELOPMENT_SEED: &[u8] = b"weft decryptable: development keys, insecure, known to everybody";

/// Reason for refusing a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidKey {
    /// The bytes are no key.
    #[error("verifying key is malformed")]
    Malformed,
    /// It is for another number of public inputs.
    #[error("verifying key is for {found} inputs, expected {expected}")]
    Inputs {
        /// Inputs found.
        found: usize,
        /// Inputs wanted.
        expected: usize,
    },
    /// It is not the key that the configuration names.
    #[error("verifying key has digest {found}, expected {expected}")]
    Digest {
        /// Digest found.
        found: B256,
        /// Digest wanted.
        expected: B256,
    },
    /// Everybody can make false proofs for it.
    #[error("verifying key is a development key, for which anybody proves anything")]
    Development,
    /// There is no circuit of this size.
    #[error("no circuit for bodies of {0} bytes")]
    Size(usize),
}

/// What proofs are made with; some megabytes.
pub struct ProvingKey {
    pub(crate) pairing: PairingKey<Bn254>,
    pub(crate) verifying: VerifyingKey,
    modulus: U2048,
}

/// What proofs are checked with.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(crate) prepared: PreparedVerifyingKey<Bn254>,
    pub(crate) size: SizeBucket,
    digest: B256,
}

impl ProvingKey {
    /// Makes the development keys, the same for everybody. **Insecure: anybody proves anything with them**, and
    /// [`VerifyingKey::production`] refuses them. Costs a second or two.
    ///
    /// # Errors
    ///
    /// [`InvalidKey::Size`].
    pub fn insecure_development(modulus: &U2048, size: SizeBucket) -> Result<Self, InvalidKey> {
        check_size(size)?;
        let circuit = Circuit::shape(modulus, size);
        let pairing = Groth16::<Bn254>::generate_random_parameters_with_reduction(
            circuit,
            &mut development_rng(),
        )
        .expect("the circuit has this shape for every modulus");
        let verifying = VerifyingKey::of(pairing.vk.clone(), size)?;
        Ok(Self { pairing, verifying, modulus: *modulus })
    }

    /// Returns the constraints of the circuit; a proof takes time in proportion.
    pub fn constraints(&self) -> usize {
        let system = ark_relations::gr1cs::ConstraintSystem::new_ref();
        system.set_mode(ark_relations::gr1cs::SynthesisMode::Setup);
        let circuit = Circuit::shape(&self.modulus, self.verifying.size);
        ark_relations::gr1cs::ConstraintSynthesizer::generate_constraints(circuit, system.clone())
            .expect("the circuit has this shape for every modulus");
        system.num_constraints()
    }

    /// Returns the key that checks what this one proves.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }
}

impl VerifyingKey {
    fn of(key: ark_groth16::VerifyingKey<Bn254>, size: SizeBucket) -> Result<Self, InvalidKey> {
        check_size(size)?;
        let expected = Circuit::shape(&U2048::ONE, size).statement.inputs().len();
        let found = key.gamma_abc_g1.len().saturating_sub(1);
        if found != expected {
            return Err(InvalidKey::Inputs { found, expected });
        }
        let digest = keccak256([encoded(&key).as_slice(), &[size.index()]].concat());
        Ok(Self { prepared: prepare_verifying_key(&key), size, digest })
    }

    /// Reads a key for production: the one that the configuration names.
    ///
    /// # Errors
    ///
    /// Any [`InvalidKey`].
    pub fn production(bytes: &[u8], size: SizeBucket, expected: B256) -> Result<Self, InvalidKey> {
        let key = Self::read(bytes, size)?;
        if key.is_development() {
            return Err(InvalidKey::Development);
        }
        let found = key.digest;
        if found == expected { Ok(key) } else { Err(InvalidKey::Digest { found, expected }) }
    }

    /// Reads any key, for development and tests.
    ///
    /// # Errors
    ///
    /// Any [`InvalidKey`] but `Digest` and `Development`.
    pub fn insecure_read(bytes: &[u8], size: SizeBucket) -> Result<Self, InvalidKey> {
        Self::read(bytes, size)
    }

    fn read(bytes: &[u8], size: SizeBucket) -> Result<Self, InvalidKey> {
        let mut rest = bytes;
        let key = ark_groth16::VerifyingKey::deserialize_compressed(&mut rest)
            .map_err(|_| InvalidKey::Malformed)?;
        if !rest.is_empty() || encoded(&key) != bytes {
            return Err(InvalidKey::Malformed);
        }
        Self::of(key, size)
    }

    /// Returns the encoding.
    pub fn encode(&self) -> Vec<u8> {
        encoded(&self.prepared.vk)
    }

    /// Returns the key's name, which the configuration and every proof hold.
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    /// Returns the bucket whose bodies it is for.
    pub const fn size(&self) -> SizeBucket {
        self.size
    }

    /// Tells whether any part of it comes from the public seed. It does not depend on the circuit, so a development key of
    /// whatever modulus is found.
    pub fn is_development(&self) -> bool {
        let rng = &mut development_rng();
        // In the order in which keys are drawn.
        let [alpha, beta, gamma, delta] = core::array::from_fn(|_| Fr::rand(rng));
        let (first, second) = (G1Projective::rand(rng), G2Projective::rand(rng));
        let key = &self.prepared.vk;
        key.alpha_g1 == (first * alpha).into_affine()
            || key.beta_g2 == (second * beta).into_affine()
            || key.gamma_g2 == (second * gamma).into_affine()
            || key.delta_g2 == (second * delta).into_affine()
    }
}

const fn check_size(size: SizeBucket) -> Result<(), InvalidKey> {
    if size.index() <= MAX_SIZE { Ok(()) } else { Err(InvalidKey::Size(size.bytes())) }
}

fn development_rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed(keccak256(DEVELOPMENT_SEED).0)
}

fn encoded(key: &ark_groth16::VerifyingKey<Bn254>) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.serialize_compressed(&mut bytes).expect("writing to memory does not fail");
    bytes
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvingKey({})", self.verifying.digest)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.digest)
    }
}
