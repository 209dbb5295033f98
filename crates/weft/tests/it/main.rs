//! The `weft` binary as its users see it.

mod bench;
mod bundle;
mod crash;
mod demo;
mod dev;
mod import;
mod node;
mod promise;
mod sim;
mod support;
mod usage;
