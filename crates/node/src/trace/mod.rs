//! Tracing: what to record, how it is recorded over all rollups, and how it is told.
//!
//! One [`Recorder`] sees the frames of every rollup in the order in which they run (the joint machine is one call
//! stack), so the call tree of a leg holds the frames of other rollups where they belong. A tracer's answer is for
//! one transaction on one rollup; frames elsewhere are marked with their chain id.

mod config;
mod frames;
mod output;
mod recorder;

pub(crate) use config::{Kind, Options};
pub(crate) use frames::View as Frames;
pub(crate) use output::{Subject, answer, view};
pub(crate) use recorder::{LegTrace, Recorder, Traces};
