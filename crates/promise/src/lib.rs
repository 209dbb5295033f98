//! Promises on the way out: keys and who holds them, protection against signing twice, groups, promise files.
//!
//! ```text
//!  statements ─► Guard: never twice ─► flushed ─► Signer: one signature for the group ─► SignedPromise, each alone
//! ```
//!
//! What is promised, byte for byte, is `weft_types::promise`; why the guard is as it is,
//! `docs/decisions/0010-one-signature-per-position.md`.

pub mod file;
pub mod guard;
pub mod issuer;
pub mod keystore;
pub mod program;
pub mod signer;

pub use file::{NotAPromise, promise_json, read_promise};
pub use guard::{Guard, GuardError, Start, Verdict, Word};
pub use issuer::{BundleError, IssueError, Issuer};
pub use keystore::{KeystoreError, Passphrase};
pub use program::ProgramSigner;
pub use signer::{LocalSigner, SignError, Signer};
