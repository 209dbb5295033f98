//! The simulator as a test: a short sweep, and planted bugs.

mod planted;
mod sealed;
mod sweep;
