//! The client against a node in the same process.

mod bundles;
mod chains;
mod promises;
mod sealing;
mod world;
