//! Seeded histories of a realm with sealed items, a committee and a sequencer of which some break their promises.
//!
//! ```text
//!  plan: what a user seals ──► core: the real lane, keys, envelopes and fold ──► words: what the sequencer signs
//!                                   │                                               │
//!  model: what must become of it ◄──┴── check, after every event                    └──► watch: evidence, or none
//! ```
//!
//! Everything is the code that a node runs: keys, shares, puzzles, envelopes, lane, fold, vault, promises, guard and
//! evidence. Chains of squarings are short, and what members deal is remembered from history to history, since it follows
//! from their numbers. Checked are secrecy (who could read when), that every item has the one outcome that its seed says,
//! fees to the wei, that plaintext never waits, and that whoever breaks a promise is convicted, and nobody else.

mod acts;
mod cast;
mod check;
mod committee;
mod core;
mod disk;
mod epochs;
mod feature;
mod history;
mod lie;
mod members;
mod model;
mod plan;
mod sweep;
mod watch;
mod words;

pub use feature::Sight;
pub use sweep::{Bug, SealedConfig, SealedFailure, SealedReport, run};
