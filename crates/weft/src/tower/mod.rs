//! What watches a sequencer's words: whoever does, the shield for its own wallet or a watchtower for everybody.
//!
//! ```text
//!  promises ──► Claims  ─┐
//!  notices ───► Notices ─┴─► Proof ──► Bench::convict ──► Found: who, of what, in which file
//!  settlements ► Docket ─────► WrongResult: a result that was promised, and something else was settled
//! ```

mod bench;
mod claims;
mod notices;
mod place;
mod results;

pub(crate) use bench::{Bench, Found};
pub(crate) use claims::Claims;
pub(crate) use notices::Notices;
pub(crate) use place::{Place, place};
pub(crate) use results::{Docket, WrongResult, clear_items};
