//! The joint machine against the shapes, counterexamples and rules of the protocol.

mod common;
mod counterexamples;
mod shapes;
mod smoke;
mod state_tests;
