//! Tests of the words: golden vectors, a slow model of the hashes, properties, bundle markers and a short fuzz run.

mod bundles;
mod codec;
mod draft;
mod golden;
mod mini_fuzz;
mod model;
mod parts;
mod promise_golden;
mod promises;
mod properties;
mod samples;
mod strategies;
mod vectors;
