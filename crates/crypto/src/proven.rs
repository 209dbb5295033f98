//! Hashes of puzzles whose content is proven (scheme 4); the crate `weft-decryptable` holds the rest, because it needs
//! a pairing and much more besides.

use crate::{
    envelope::Envelope,
    hash::{Part, Transcript},
};
use alloy_primitives::B256;
use weft_types::Domain;
use zeroize::Zeroizing;

/// Returns the exponent of a puzzle from 32 bytes that nobody else knows, what is readable, and what is sealed: bytes used
/// twice do not make one key for two contents.
pub fn exponent(
    domain: &Domain,
    readable: &B256,
    padded: &[u8],
    entropy: &B256,
) -> Zeroizing<[u8; 32]> {
    let hash = Transcript::of_realm(domain, Part::ProvenExponent)
        .put(entropy.as_slice())
        .put(readable.as_slice())
        .put(padded)
        .finish();
    Zeroizing::new(hash.0)
}

/// Returns the seed of what hides the secrets in a circuit's proof.
pub fn blinding(
    domain: &Domain,
    envelope: &Envelope,
    exponent: &[u8; 32],
    entropy: &B256,
) -> Zeroizing<[u8; 32]> {
    let hash = Transcript::of_realm(domain, Part::ProvenBlinding)
        .put(envelope.id(domain).as_slice())
        .put(exponent)
        .put(entropy.as_slice())
        .finish();
    Zeroizing::new(hash.0)
}

/// Returns what the proof of the puzzle is bound to: the whole envelope, the key that the circuit is verified with, and
/// the circuit's proof, which others could else bring into another form.
pub fn statement(domain: &Domain, envelope: &Envelope, key: &B256, circuit_proof: &[u8]) -> B256 {
    Transcript::of_realm(domain, Part::ProvenStatement)
        .put(envelope.id(domain).as_slice())
        .put(key.as_slice())
        .put(circuit_proof)
        .finish()
}
