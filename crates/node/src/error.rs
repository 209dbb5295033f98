//! Why a node does not start or stop.

use std::{io, path::PathBuf};
use thiserror::Error;

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
    /// The engine thread is gone.
    #[error("engine stopped")]
    Stopped,
}
