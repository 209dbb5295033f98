//! The joint machine against the shapes, counterexamples and rules of the protocol.

mod bridge;
mod bundles;
mod closing;
mod common;
mod counterexamples;
mod frames;
mod gas;
mod l1;
mod parts;
mod rogue;
mod sealed;
mod shapes;
mod smoke;
mod state_tests;
mod statuses;
mod tampered;
