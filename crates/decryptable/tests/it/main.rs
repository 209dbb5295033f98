//! Tests of proven puzzles.

mod permutation;
mod proven;
mod refused;
mod setting;
