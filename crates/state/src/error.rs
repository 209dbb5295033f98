//! What can go wrong with a database.

use std::{io, path::PathBuf, sync::Arc};

/// Why a database cannot be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused: disk full, no permission, a failing device.
    #[error("input or output failed: {0}")]
    Io(Arc<io::Error>),
    /// The file holds something else.
    #[error("{} is not a Weft database: {why}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file was written by a version of Weft with another format.
    #[error("{} has format {found}, this version reads format {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this version.
        expected: u32,
    },
    /// Another process has the file open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// What was read cannot be what was written.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Something failed before, after which the database takes no more writes until it is opened again.
    #[error("the database stopped after an earlier failure")]
    Stopped,
    /// The state of a block that is not kept was asked for.
    #[error("the state after block {wanted} is not kept: oldest {oldest}, last {head}")]
    NotKept {
        /// The block asked for.
        wanted: u64,
        /// The oldest block whose state is kept.
        oldest: u64,
        /// The last block.
        head: u64,
    },
}

impl revm::database_interface::DBErrorMarker for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl StoreError {
    /// A value that does not decode.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}
