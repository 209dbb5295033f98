//! Evidence: a few bytes that convict somebody of a broken promise, wherever they are checked (P47).
//!
//! ```text
//!  promises, commitments, notices,        Evidence::new        Evidence::check
//!  envelopes, seeds, releases      ──────► (a proof of a  ───► (against the keys and  ───► Conviction: who, of what,
//!                                          domain)             facts of a Registry)       about what; or NotEvidence
//! ```
//!
//! [`Evidence`] is where to begin. It holds signatures and what contradicts them, nothing that somebody merely says. Who
//! keeps the rules cannot be convicted, whatever the others sign: that is what each check is written for, and what the
//! tests try to break. What nobody can show in this way (an answer that never came, a clock that was wrong) is no evidence.
//!
//! Everything here is a value. The crate reads no clock and does no I/O; what only a clock or L1 can know comes in as a
//! fact of the [`Registry`]. Formats: `docs/reference/evidence.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod check;
pub mod content;
pub mod conviction;
pub mod error;
pub mod evidence;
pub mod notice;
pub mod order;
pub mod registry;

pub use content::{Content, OtherLeg, SealedContent, Unopenable};
pub use conviction::{Convicted, Conviction, Fault, Subject};
pub use error::NotEvidence;
pub use evidence::{Evidence, Proof};
pub use notice::{EpochNotice, Release, ShareNotice, Signed};
pub use order::{ClosedSlot, Ending, OpenedAt, Shown, Stretch};
pub use registry::Registry;
