//! What watches a sequencer's words: whoever does, the shield for its own wallet or a watchtower for everybody.
//!
//! ```text
//!  promises ──► Claims  ─┐
//!  notices ───► Notices ─┴─► Proof ──► Bench::convict ──► Found: who, of what, in which file
//! ```

mod bench;
mod claims;
mod notices;
mod place;

pub(crate) use bench::{Bench, Found};
pub(crate) use claims::Claims;
pub(crate) use notices::Notices;
pub(crate) use place::{Place, place};
