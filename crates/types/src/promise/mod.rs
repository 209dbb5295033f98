//! Promises: what the sequencer signs about items, and how it is checked (P14, P16).
//!
//! ```text
//!  OrderPromise ─────┐
//!  ExecutionPromise ─┼─► Statement ─► leaf ─┐
//!  BundlePromise ────┤                      ├─► root of a group ─► signature
//!  Checkpoint ───────┘   other statements ──┘
//! ```
//!
//! One signature covers a group of statements; a [`SignedPromise`] is one of them with its path to the signed root, so
//! that it stands alone. Two that cannot both be true are an [`Equivocation`]. Byte formats are in
//! `docs/reference/promises.md`.

mod bundle;
mod checkpoint;
mod equivocation;
mod execution;
mod group;
mod order;
mod signature;
mod signed;
mod statement;

pub use bundle::{BundlePromise, PromisedPlace};
pub use checkpoint::Checkpoint;
pub use equivocation::{Contradiction, Equivocation, NoEvidence};
pub use execution::{ExecutionPromise, PromisedLeg, PromisedRemoval, logs_hash};
pub use group::{Group, MAX_GROUP, Path};
pub use order::OrderPromise;
pub use signature::Signature;
pub use signed::{PromiseError, SignedGroup, SignedPromise};
pub use statement::{Claim, Statement};
