//! The database: ordered tables, consistent views, atomic batches.

use crate::{
    batch::Batch, error::StoreError, file::FileStore, medium::Medium, memory::MemoryStore,
    read::Read,
};
use std::{fmt::Debug, path::Path, sync::Arc};

/// Memory for pages of the file, unless told otherwise.
const CACHE_BYTES: usize = 256 << 20;

/// How to open a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most memory for pages of the file, in bytes.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES }
    }
}

/// What a commit outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is safe on the medium when the commit returns.
    #[default]
    Safe,
    /// It is safe once a later [`Self::Safe`] commit returned; until then a crash takes it back, whole.
    Later,
}

/// One of the two places where tables live.
pub(crate) trait Store: Debug + Send + Sync {
    fn view(&self) -> Result<Arc<dyn Read>, StoreError>;
    fn commit(&self, batch: &Batch, durability: Durability) -> Result<(), StoreError>;
}

/// Ordered tables of bytes. Copies are handles of the same tables.
#[derive(Debug, Clone)]
pub struct Database {
    store: Arc<dyn Store>,
}

impl Database {
    /// Opens a file, or creates it when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotADatabase`], [`StoreError::Format`] and [`StoreError::InUse`] for files that cannot be used,
    /// [`StoreError::Io`] and [`StoreError::Corrupt`] for those that cannot be read.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        Ok(Self { store: Arc::new(FileStore::open(path, options)?) })
    }

    /// Opens the file that a medium holds, or makes one on an empty medium.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], without a path.
    pub fn open_on(medium: Arc<dyn Medium>, options: &Options) -> Result<Self, StoreError> {
        Ok(Self { store: Arc::new(FileStore::open_on(medium, options)?) })
    }

    /// Creates tables in memory.
    pub fn memory() -> Self {
        Self { store: Arc::new(MemoryStore::default()) }
    }

    /// Returns the tables as the last commit left them; later commits do not change what it shows.
    ///
    /// A view of a file keeps the pages it shows from being used again, so one that is held for long lets the file
    /// grow.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn view(&self) -> Result<Arc<dyn Read>, StoreError> {
        self.store.view()
    }

    /// Writes a batch: all of it or nothing.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]; then the tables are what they were.
    pub fn commit(&self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        self.store.commit(batch, durability)
    }
}
