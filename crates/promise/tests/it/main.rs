//! Tests of keys, guards, groups and files.

mod files;
mod guard;
mod keys;
mod lane;
mod programs;
