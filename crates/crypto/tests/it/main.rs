//! Tests of sealing: golden vectors, properties, and attacks that must fail.

mod golden;
mod group;
mod known;
mod squaring;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
