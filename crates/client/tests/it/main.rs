//! The client against a node in the same process.

mod accounts;
mod bundles;
mod chains;
mod promises;
mod published;
mod sealing;
mod world;
