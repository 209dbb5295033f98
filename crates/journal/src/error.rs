//! Why a log does not open, and why it stops.

use std::{io, sync::Arc};
use thiserror::Error;

/// The log stopped at an error of the disk; nothing that it did not confirm before may be promised.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Poisoned(pub(crate) Arc<str>);

/// Reason for not opening a log. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The disk said no.
    #[error("cannot {doing} {name} of the log")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// File.
        name: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is not a segment of a log, or its header is damaged.
    #[error("{name} is no segment of a log: {why}; restore it from a copy")]
    NotASegment {
        /// File.
        name: String,
        /// What does not fit.
        why: &'static str,
    },
    /// A segment has another format.
    #[error(
        "{name} has format {found}, this program reads format {expected}; use the program that wrote it"
    )]
    Version {
        /// File.
        name: String,
        /// Format of the file.
        found: u16,
        /// Format of this program.
        expected: u16,
    },
    /// The log belongs to another realm (P1).
    #[error("{name} belongs to another realm; use the data directory of this one")]
    OtherRealm {
        /// File.
        name: String,
    },
    /// Bytes that were safe on disk are not what was written.
    #[error(
        "{name} is damaged at byte {offset}, in record {sequence} ({why}); the disk or another program changed it: \
         restore the file from a copy"
    )]
    Damaged {
        /// File.
        name: String,
        /// Where the damage begins.
        offset: usize,
        /// First record that cannot be trusted.
        sequence: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// A record stands where another is expected.
    #[error(
        "{name} has record {found} at byte {offset}, expected record {expected}; restore the file from a copy"
    )]
    WrongSequence {
        /// File.
        name: String,
        /// Where the record begins.
        offset: usize,
        /// Number found.
        found: u64,
        /// Number expected.
        expected: u64,
    },
    /// A segment is missing.
    #[error("the segment with record {expected} is missing; restore the file {}", crate::format::segment_name(*expected))]
    MissingSegment {
        /// First record of the missing segment.
        expected: u64,
    },
    /// The log ends before the state that it belongs to.
    #[error(
        "the log ends with record {last}, the state already holds record {needed}; restore the log's last files"
    )]
    TooShort {
        /// Last record of the log.
        last: u64,
        /// Last record of the state.
        needed: u64,
    },
}

impl OpenError {
    pub(crate) fn disk<'a>(
        doing: &'static str,
        name: &'a str,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Disk { doing, name: name.to_owned(), source }
    }
}
