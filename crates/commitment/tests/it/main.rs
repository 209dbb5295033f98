//! Tests of slot commitments: golden vectors, and properties against a slow model.

mod golden;
mod kzg;
mod merkle;
mod model;
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
