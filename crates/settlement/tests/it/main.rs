//! Tests of the settlement rules: AggLayer's vectors, and properties of trees and indices.

mod agglayer;
mod golden;
mod trees;
#[allow(dead_code)] // Others read vectors as well.
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;
