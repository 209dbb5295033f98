//! Tests over endpoints that a script drives, and over anvil where it is.

mod endpoints;
mod fake;
