//! Sealing to an epoch's threshold signature (P10, scheme 3).
//!
//! ```text
//!  once                     members: the library's key generation ──► Sharing, a Share each
//!  in an epoch              users: ThresholdScheme::encrypt ──► Envelope ──► (order fixed by the lane)
//!  after it is closed       members: sign ──► PartialSignature ──► any t of them: collect ──► Opener
//!  then                     everybody: ThresholdScheme::open ──► Verdict, the same for all
//! ```
//!
//! The head is a ciphertext of commonware's timelock encryption (Boneh-Franklin over BLS12-381); what it hides is the
//! shared value of `weft-crypto`, which does the rest: same envelope, same buckets, same verdicts, same evidence.
//!
//! **Below t members nothing opens, ever**: there is no puzzle. That is the difference from scheme 1. Everything here is a
//! value: no clock, no I/O. Formats and assumptions: `docs/reference/sealing.md`.

pub mod insecure;
mod opener;
mod scheme;

pub use commonware_cryptography::bls12381::primitives::{
    group::Share,
    sharing::Sharing,
    variant::{MinPk, PartialSignature},
};
pub use opener::{Collected, Opener, Refused, Signature};
pub use scheme::{HEAD_BYTES, InvalidKey, KEY_BYTES, PublicKey, ThresholdScheme};
