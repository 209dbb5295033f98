//! Tests of keys, guards, groups and files.

mod bundles;
mod files;
mod guard;
mod keys;
mod lane;
mod programs;
