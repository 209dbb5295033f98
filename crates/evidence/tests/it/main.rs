//! Tests of evidence: what convicts, what does not, golden vectors, and honest histories that nothing convicts.

mod acquittals;
mod cases;
mod faults;
mod golden;
mod honest;
mod parts;
mod refusals;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
mod world;
