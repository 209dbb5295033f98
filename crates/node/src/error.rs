//! Why a node does not start or stop.

use std::{io, path::PathBuf};
use thiserror::Error;
use weft_journal::OpenError;

/// Reason for a node not starting, or not stopping cleanly.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The configuration cannot work.
    #[error("invalid configuration: {0}")]
    Config(String),
    /// A port cannot be listened on, most often because another process does.
    #[error("cannot listen on {address}")]
    Listen {
        /// Host and port.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A state file cannot be read or written.
    #[error("cannot use state file {}", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A state file does not describe this realm.
    #[error("state file {}: {why}", path.display())]
    InvalidState {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The state cannot be opened.
    #[error("state: {0}")]
    Store(#[from] weft_state::StoreError),
    /// The data directory cannot be used.
    #[error("cannot use data directory {}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file with the token of the admin port cannot be used.
    #[error("cannot use admin token file {}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Another node uses the data directory.
    #[error("data directory {} is in use by another node; stop that one first", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory belongs to a realm that was made differently.
    #[error(
        "data directory was made with {what} {made}, not {asked}; start with the same, or use another directory"
    )]
    OtherConfig {
        /// What differs.
        what: &'static str,
        /// What the directory was made with.
        made: String,
        /// What was asked for.
        asked: String,
    },
    /// The log goes on from a state that is not there.
    #[error(
        "the log begins behind its first record and there is no state to go on from; restore the file `state` of the \
         data directory from a copy"
    )]
    NoState,
    /// The log is not whole.
    #[error("cannot use the log of the data directory")]
    Log(#[source] OpenError),
    /// The log does not lead where it led before.
    #[error("cannot recover from record {sequence} of the log: {why}")]
    Recovery {
        /// The record.
        sequence: u64,
        /// What does not fit.
        why: String,
    },
    /// A file of an export cannot be written.
    #[error("cannot write the export")]
    Export(#[source] io::Error),
    /// The engine thread is gone.
    #[error("engine stopped")]
    Stopped,
}
