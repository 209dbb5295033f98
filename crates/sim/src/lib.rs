//! Seeded histories of many rollups, with every checker over them.
//!
//! [`run`] draws histories from seeds: worlds of two to five rollups, slots of transactions, bundles, random call trees
//! over all rollups, and everything that must be refused. Each history is checked by means that share no code with
//! what is checked: threads and heads recomputed with a stack, conservation of ether to the wei, blocks and roots
//! recomputed, each rollup replayed alone from encoded bytes, a slow model that copies the state for every item, and
//! the same contracts on one chain of stock revm. A failure prints the line that replays it.
//!
//! The crate reads no clock and draws no randomness but from seeds.

mod check;
mod draft;
mod feature;
mod generator;
mod history;
mod observe;
mod rng;
mod scenario;
mod script;
pub mod sealed;
mod shape;
mod sweep;
mod tree;
mod workers;
mod world;

pub use feature::{Coverage, Feature, Features};
pub use sweep::{Failure, Report, SimConfig, run};
