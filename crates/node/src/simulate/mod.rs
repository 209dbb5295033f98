//! `eth_simulateV1` and `weft_simulate`: blocks that nobody made, over all rollups.
//!
//! A [`Sandbox`] stands where the rollups stood at a moment. It makes blocks on some of them, the same number in step;
//! calls may cross into all. What a block holds follows go-ethereum: fields that nobody overrides come from the parent
//! or are zero, gaps are filled with empty blocks, and the state root is that of the simulated state.

mod block;
mod call;
mod errors;
mod logs;
mod overrides;
mod rules;
mod sandbox;
mod schedule;
mod state;

pub(crate) use rules::{NextBlock, RollupRules, Rules};
pub(crate) use sandbox::{Sandbox, Target};
pub(crate) use state::Sand;
