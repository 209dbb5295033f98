//! What a file of tables lies on, so that tests can put something under it that fails.

use redb::StorageBackend;
use std::{fmt::Debug, io, sync::Arc};

/// Bytes that last, at offsets.
pub trait Medium: Debug + Send + Sync {
    /// Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn size(&self) -> io::Result<u64>;

    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says; bytes behind the end are an error.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Cuts or fills up with zeros.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says; part of the bytes may be written then.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything written lasts.
    ///
    /// # Errors
    ///
    /// What the operating system says. Nothing is known about what was written since the last success then.
    fn sync(&self) -> io::Result<()>;
}

/// A medium as redb sees it.
#[derive(Debug)]
pub(crate) struct Backend(pub(crate) Arc<dyn Medium>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
