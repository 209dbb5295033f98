//! Tests of the thread: golden vectors, a slow model of its hashes, and the bijection check.

mod golden;
mod heads;
mod history;
mod hops;
mod tampering;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
