//! Tests of the lane: tables of steps, and properties of random runs against slow models.

mod examples;
mod properties;
mod refusals;
mod sealed;
mod world;
