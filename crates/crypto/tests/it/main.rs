//! Tests of sealing: golden vectors, properties, and attacks that must fail.

mod attacks;
mod borrowed;
mod both;
mod epoch;
mod golden;
mod group;
mod halves;
mod known;
mod model;
mod published;
mod sealed;
mod squaring;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
