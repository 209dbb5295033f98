//! A small world of rollups with funded keys, for tests that drive a realm.

mod check;
mod script;
mod world;

pub(crate) use check::*;
pub(crate) use script::*;
pub(crate) use world::*;
