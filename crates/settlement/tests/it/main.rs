//! Tests of the settlement rules: AggLayer's vectors, and properties of trees and indices.

mod agglayer;
mod trees;
