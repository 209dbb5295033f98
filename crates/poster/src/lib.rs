//! From signed batches to L1, and from there to settlement (P40, P44, P52).
//!
//! ```text
//!  batches ──► Poster ──► journal ──► dry run ──► blob transaction ──► Hub.postBatch
//!                │                                                         │
//!                └── fees, nonces, reorgs, others who post too             ▼
//!  Attester: derives, compares with what L1 says ──► Attestation ──► Settler ──► Hub.settle
//! ```
//!
//! [`Poster::turn`] looks at L1 and takes the next step; whoever runs it decides how often. Whatever it does it notes on
//! disk first, so it may end at any point. The hub takes every number once, so that posters beside it harm nobody.
mod attest;
mod error;
mod fees;
mod journal;
mod l1;
mod poster;
mod settle;
mod sidecar;
mod witness;

pub use attest::{Attestation, Attester};
pub use error::PostError;
pub use fees::{Fees, Limits};
pub use journal::{Attempt, InFlight, Journal};
pub use l1::{Head, L1, OnL1, PostedHead};
pub use poster::{Poster, Rests, Source, Step, Turn};
pub use settle::Settler;
pub use sidecar::{Form, Sidecar};
pub use witness::{BatchWitness, MAX_WITNESS_BYTES};
