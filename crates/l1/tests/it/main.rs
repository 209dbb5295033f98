//! Tests over endpoints that a script drives, and over anvil where it is.

mod anvil;
mod beacon;
mod endpoints;
mod fake;
