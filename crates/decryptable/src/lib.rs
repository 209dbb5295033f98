//! Puzzles whose content is proven before their order is fixed (P10).
//!
//! ```text
//!  user:   ProvenScheme::seal -> Sealed -> prove -> Proof ──┐
//!  lane:   ProvenScheme::verify(envelope, proof) ◄──────────┘   the envelope *will* open, nobody has read it
//!  later:  PuzzleScheme::solve -> ProvenScheme::open -> Opening::Opened
//! ```
//!
//! An envelope of scheme 4 has the puzzle of scheme 2 (`u = g^r`, solution `w = h^r` in Z_N^*/{+-1}) and masks that a
//! small circuit can compute: Poseidon over the scalar field of BN254. A proof has two parts. The **sigma part** of
//! `weft-crypto` shows that the solution is the element whose square is q. The **circuit**, a Groth16 proof, shows that
//! its author knows the smaller root of q, and that under it body and tag are those of something rightly padded. Two
//! different roots of q in the group would give an element of order two, so both parts speak of one element. The
//! argument is in `docs/decisions/0024-*`, formats in `docs/reference/sealing.md`.
//!
//! Groth16 needs a key pair from a ceremony. There is none: [`ProvingKey::insecure_development`] is for tests, and
//! [`VerifyingKey::production`] refuses it.

mod board;
mod cipher;
mod circuit;
#[cfg(test)]
mod dishonest;
mod keys;
pub mod poseidon;
mod proof;
mod scheme;
#[cfg(test)]
mod soundness;
mod square;

pub use cipher::capacity;
pub use keys::{InvalidKey, ProvingKey, VerifyingKey};
pub use proof::{PROOF_BYTES, Proof, Refused};
pub use scheme::{Opening, ProvenScheme, Sealed, Unprovable};
