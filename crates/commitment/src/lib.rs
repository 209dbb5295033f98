//! What a slot's order is committed to: the vector of its running hashes, twice (P15).
//!
//! ```text
//!  items ──► running hashes ──► elements (low 248 bits) ──┬─► keccak Merkle root ─┐
//!            (P14, of the lane)                           │                       ├─► SlotCommitment ──► signature
//!                                                         └─► KZG, 4,096 each ────┘
//! ```
//!
//! [`SlotVector`] is where to begin. Elements are *running* hashes, so an opening of one position binds everything
//! before it: it shows omission, reordering and insertion before the holder of a promise. A Merkle opening is cheaper to
//! check, a KZG opening has one size and costs one call of L1's point evaluation precompile; [`kzg`] makes them.
//!
//! Everything here is a value. The crate reads no clock, does no I/O and draws no randomness. Formats and costs:
//! `docs/reference/commitments.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod element;
pub mod evaluation;
#[cfg(feature = "kzg")]
pub mod kzg;
pub mod merkle;
pub mod slot;
pub mod vector;

pub use element::Element;
pub use evaluation::{Evaluation, KzgCommitment, KzgProof, point};
#[cfg(feature = "kzg")]
pub use kzg::{commit, open};
pub use merkle::Tree;
pub use slot::{Opening, SignedCommitment, SlotCommitment};
pub use vector::{Counts, MAX_ITEMS, SlotVector, TooManyItems};
