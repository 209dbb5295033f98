//! Threshold sealing: one verdict each, whoever opens; and what must not open.
#![allow(missing_docs, reason = "tests")]

mod agreement;
mod attacks;
mod ceremony;
mod committee;
mod golden;
mod histories;
#[path = "../../../crates/types/tests/it/vectors.rs"]
mod vectors;
