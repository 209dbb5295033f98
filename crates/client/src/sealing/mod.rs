//! Sealed items: the order first, the content later (P10-P14).
//!
//! ```text
//!  key of the open epoch ─► seal ─► send ─► promise of a position, checked here
//!   every share checked      payer signs       key, realm, item, place
//! ```

mod key;
mod parts;
mod send;
mod together;

pub use key::{Committee, SealingKey};
pub use parts::HiddenLeg;
pub use send::{Promised, SealedItem, SealingTerms, Seed};
