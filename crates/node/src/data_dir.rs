//! The directory that a durable node keeps everything in.

use crate::{config::DevConfig, error::NodeError};
use alloy_primitives::B256;
use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::Arc,
};
use weft_journal::{DirDisk, Disk};
use weft_state::{Database, Options};
use weft_types::{Domain, Tag};

/// Name of the file that one node at a time holds.
const LOCK: &str = "lock";
/// Name of the log's directory.
const LOG: &str = "log";

/// Name of the database.
const STATE: &str = "state";

/// A data directory that no other node uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// Where the log's segments are.
    pub(crate) disk: Arc<dyn Disk>,
    /// States, blocks and the rest as they were not long ago.
    pub(crate) database: Option<Database>,
    /// Held as long as the file is open.
    pub(crate) lock: Option<File>,
    /// Bytes of the log.
    pub(crate) bytes: u64,
}

impl DataDir {
    /// Takes the configured data directory, making it first when there is none; `None` without one.
    pub(crate) fn take(config: &DevConfig) -> Result<Option<Self>, NodeError> {
        let on_medium = config.state_medium.clone();
        let on_medium = on_medium.map(|medium| Database::open_on(medium, &Options::default()));
        if let Some(disk) = &config.log_disk {
            let (disk, database) = (Arc::clone(disk), on_medium.transpose()?);
            return Ok(Some(Self { disk, database, lock: None, bytes: 0 }));
        }
        let Some(path) = &config.data_dir else { return Ok(None) };
        let failed = |source| NodeError::DataDir { path: path.clone(), source };
        let lock = lock(path).map_err(failed)?;
        let lock = lock.ok_or_else(|| NodeError::InUse { path: path.clone() })?;
        let log = path.join(LOG);
        if !log.exists() {
            fs::create_dir(&log).map_err(failed)?;
            sync_dir(path).map_err(failed)?;
        }
        let bytes = size(&log).map_err(failed)?;
        let file = path.join(STATE);
        let is_new = !file.exists();
        let database = match on_medium {
            Some(database) => database?,
            None => Database::open(&file, &Options::default())?,
        };
        if is_new {
            sync_dir(path).map_err(failed)?;
        }
        let disk = Arc::new(DirDisk::new(log));
        Ok(Some(Self { disk, database: Some(database), lock: Some(lock), bytes }))
    }

    /// Returns the directory that a node has and goes on with.
    pub(crate) fn again(
        config: &DevConfig,
        database: Option<Database>,
        lock: Option<File>,
    ) -> Self {
        let log = || -> Arc<dyn Disk> {
            let path = config.data_dir.as_ref().expect("a log is in memory or in a directory");
            Arc::new(DirDisk::new(path.join(LOG)))
        };
        let disk = config.log_disk.as_ref().map_or_else(log, Arc::clone);
        Self { disk, database, lock, bytes: 0 }
    }

    /// Returns true when a directory holds a log.
    pub(crate) fn has_log(path: &Path) -> io::Result<bool> {
        let log = path.join(LOG);
        Ok(log.exists() && size(&log)? > 0)
    }
}

/// Locks a directory; `None` when somebody else has.
pub(crate) fn lock(path: &Path) -> io::Result<Option<File>> {
    if !path.exists() {
        fs::create_dir_all(path)?;
        path.parent().filter(|parent| parent.is_dir()).map_or(Ok(()), sync_dir)?;
    }
    let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns the bytes of all files in a directory.
fn size(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Makes the names in a directory last.
fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns what tells the log of one realm from those of others (P1).
pub(crate) fn log_realm(domain: &Domain) -> B256 {
    domain.hash(Tag::Log, &[])
}
