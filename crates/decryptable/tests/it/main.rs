//! Tests of proven puzzles.

mod golden;
mod permutation;
mod proven;
mod refused;
mod setting;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
