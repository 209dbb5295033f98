//! Files as the log sees them, so that tests can put a disk under it that fails.

use std::{
    fmt::Debug,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
};

/// A directory of files.
pub trait Disk: Debug + Send + Sync {
    /// Returns the names of all files.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Returns what is in a file.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Makes a new file; its name lasts after [`Self::sync_names`].
    ///
    /// # Errors
    ///
    /// What the operating system says; a file that exists already is an error.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file to write to.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Removes a file; it stays gone after [`Self::sync_names`].
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes created and removed names last.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that is open for writing.
pub trait DiskFile: Debug + Send {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// What the operating system says; part of the bytes may be written then.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Returns once everything written is on disk.
    ///
    /// # Errors
    ///
    /// What the operating system says. Nothing is known about what was written since the last success then.
    fn sync(&mut self) -> io::Result<()>;
}

/// A directory of the operating system.
#[derive(Debug, Clone)]
pub struct DirDisk {
    path: PathBuf,
}

impl DirDisk {
    /// Uses a directory that exists.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Disk for DirDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is no text is none of the log's.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path.join(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.path.join(name))?;
        Ok(Box::new(OsFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        Ok(Box::new(OsFile(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
