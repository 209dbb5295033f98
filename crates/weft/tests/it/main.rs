//! The `weft` binary as its users see it.

mod bundle;
mod demo;
mod dev;
mod support;
mod usage;
