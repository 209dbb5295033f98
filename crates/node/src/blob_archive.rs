//! Blobs in a directory, for good.
//!
//! One file for each blob, `0x<versioned hash>.blob`: its 131,072 bytes as they are. The name says what must be inside, so
//! whoever reads a file checks it against its name, not against whoever wrote it.

use alloy_eips::eip4844::{BYTES_PER_BLOB, Blob};
use alloy_primitives::B256;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why an archive does not do what it should.
#[derive(Debug, Error)]
pub enum BlobArchiveError {
    /// A file or directory cannot be used.
    #[error("cannot keep blobs in {}: {why}", path.display())]
    Path {
        /// Path.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A blob is not there.
    #[error("blob {0} is not known")]
    Unknown(B256),
}

/// A directory of blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobArchive {
    directory: PathBuf,
}

impl BlobArchive {
    /// Opens a directory, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// [`BlobArchiveError::Path`], as everywhere here.
    pub fn open(directory: &Path) -> Result<Self, BlobArchiveError> {
        let archive = Self { directory: directory.to_owned() };
        fs::create_dir_all(directory).map_err(|why| archive.trouble(directory, why))?;
        Ok(archive)
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the file of a blob, whether it is there or not.
    pub fn path(&self, versioned_hash: &B256) -> PathBuf {
        self.directory.join(format!("{versioned_hash}.blob"))
    }

    /// Returns whether a blob is there.
    pub fn has(&self, versioned_hash: &B256) -> bool {
        self.path(versioned_hash).exists()
    }

    /// Keeps a blob. Nobody sees half a file: it gets its name when it is whole.
    ///
    /// # Errors
    ///
    /// [`BlobArchiveError::Path`].
    pub fn put(&self, versioned_hash: &B256, blob: &[u8]) -> Result<(), BlobArchiveError> {
        let path = self.path(versioned_hash);
        if path.exists() {
            return Ok(());
        }
        let half = path.with_extension("half");
        fs::write(&half, blob)
            .and_then(|()| fs::rename(&half, &path))
            .map_err(|why| self.trouble(&path, why))
    }

    /// Returns a blob as it was kept.
    ///
    /// # Errors
    ///
    /// [`BlobArchiveError::Path`].
    pub fn get(&self, versioned_hash: &B256) -> Result<Option<Blob>, BlobArchiveError> {
        let path = self.path(versioned_hash);
        match fs::read(&path) {
            Ok(bytes) if bytes.len() == BYTES_PER_BLOB => Ok(Some(Blob::from_slice(&bytes))),
            Ok(_) => Err(self.trouble(&path, io::ErrorKind::UnexpectedEof.into())),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(self.trouble(&path, why)),
        }
    }

    /// Returns these blobs, in this order.
    ///
    /// # Errors
    ///
    /// [`BlobArchiveError`].
    pub fn all(&self, versioned_hashes: &[B256]) -> Result<Vec<Blob>, BlobArchiveError> {
        let known = |hash: &B256| self.get(hash)?.ok_or(BlobArchiveError::Unknown(*hash));
        versioned_hashes.iter().map(known).collect()
    }

    fn trouble(&self, path: &Path, why: io::Error) -> BlobArchiveError {
        BlobArchiveError::Path { path: path.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_come_back_in_their_order_and_unknown_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = BlobArchive::open(&folder.path().join("blobs")).unwrap();
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        archive.put(&one, &[7; BYTES_PER_BLOB]).unwrap();
        archive.put(&other, &[8; BYTES_PER_BLOB]).unwrap();
        let read = BlobArchive::open(archive.directory()).unwrap().all(&[other, one]).unwrap();
        assert_eq!(read, [Blob::repeat_byte(8), Blob::repeat_byte(7)]);
        let unknown = B256::repeat_byte(3);
        assert!(
            matches!(archive.all(&[one, unknown]), Err(BlobArchiveError::Unknown(hash)) if hash == unknown)
        );
    }

    #[test]
    fn a_file_of_another_size_is_no_blob() {
        let folder = tempfile::tempdir().unwrap();
        let archive = BlobArchive::open(folder.path()).unwrap();
        let hash = B256::repeat_byte(1);
        fs::write(archive.path(&hash), [0; BYTES_PER_BLOB - 1]).unwrap();
        assert!(matches!(archive.get(&hash), Err(BlobArchiveError::Path { .. })));
    }
}
