//! The log on a disk that fails.

mod examples;
mod properties;
