//! What the shield keeps: every item from before it is sent until it is decided, and evidence for ever.

use crate::commands::sealing::replace;
use alloy_primitives::{Address, B256, Bytes};
use eyre::{Result, WrapErr, bail, eyre};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use weft_types::Position;

/// Most items that wait at the same time.
pub(super) const MAX_ITEMS: usize = 10_000;
/// Decided items that are kept, for whoever wants to see their promises.
const MAX_DONE: usize = 10_000;
/// Most bytes of an item's file.
const MAX_FILE: u64 = 2 << 20;

/// A directory.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    _lock: File,
}

/// An item with everything that is needed to hold somebody to its promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) item: B256,
    pub(super) tx_hash: B256,
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) raw: Bytes,
    pub(super) envelope: Bytes,
    pub(super) signature: Bytes,
    /// What opens the envelope for everybody, and so refutes a false verdict.
    #[serde(default)]
    pub(super) seed: Option<B256>,
    /// The sequencer's word about the key that it is sealed to, checked; nothing while it is not known.
    #[serde(default)]
    pub(super) notice: Option<Bytes>,
    pub(super) close_at: u64,
    /// Encoded promise; nothing while there was no answer.
    pub(super) promise: Option<Bytes>,
    /// Key that signed it.
    #[serde(default)]
    pub(super) sequencer: Option<Address>,
    pub(super) position: Option<Position>,
    /// The node said that it does not take it: another may have the same nonce.
    #[serde(default)]
    pub(super) refused: bool,
    /// What became of it.
    pub(super) outcome: Option<String>,
}

impl Disk {
    /// Opens a directory, or makes it; one shield at a time.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        for folder in ["items", "done"] {
            let path = dir.join(folder);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .wrap_err_with(|| format!("cannot make {}", path.display()))?;
        }
        let path = dir.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.wrap_err_with(|| format!("cannot open {}", path.display()))?;
        lock.try_lock().map_err(|_| eyre!("{} is used by another shield", dir.display()))?;
        let disk = Self { dir: dir.to_owned(), _lock: lock };
        disk.prune()?;
        Ok(disk)
    }

    /// Returns the items that are not decided.
    pub(super) fn items(&self) -> Result<Vec<Kept>> {
        let mut items = Vec::new();
        for path in files(&self.dir.join("items"), "json")? {
            let name = path.display().to_string();
            let size = fs::metadata(&path).wrap_err_with(|| format!("cannot read {name}"))?.len();
            if size > MAX_FILE || items.len() >= MAX_ITEMS {
                bail!("{name} is too large, or there are too many");
            }
            let text = fs::read_to_string(&path).wrap_err_with(|| format!("cannot read {name}"))?;
            let kept =
                serde_json::from_str(&text).wrap_err_with(|| format!("{name} is altered"))?;
            items.push(kept);
        }
        Ok(items)
    }

    /// Keeps an item; it is on disk when this returns.
    pub(super) fn keep(&self, kept: &Kept) -> Result<()> {
        let path = self.item(&kept.item);
        let text = serde_json::to_vec_pretty(kept)?;
        replace(&path, &text)?;
        // The name has to last as long as the content.
        File::open(self.dir.join("items"))
            .and_then(|folder| folder.sync_all())
            .wrap_err("cannot flush the directory of items")
    }

    /// Lays an item aside that is decided.
    pub(super) fn done(&self, kept: &Kept) -> Result<()> {
        self.keep(kept)?;
        let aside = self.dir.join("done").join(format!("{}.json", kept.item));
        fs::rename(self.item(&kept.item), aside).wrap_err("cannot lay an item aside")
    }

    /// Returns the folder of evidence.
    pub(super) fn evidence(&self) -> PathBuf {
        self.dir.join("evidence")
    }

    fn item(&self, item: &B256) -> PathBuf {
        self.dir.join("items").join(format!("{item}.json"))
    }

    /// Removes the oldest of what is decided.
    fn prune(&self) -> Result<()> {
        let mut done = files(&self.dir.join("done"), "json")?;
        let age = |path: &PathBuf| fs::metadata(path).and_then(|found| found.modified()).ok();
        done.sort_by_cached_key(age);
        let over = done.len().saturating_sub(MAX_DONE);
        for path in done.into_iter().take(over) {
            fs::remove_file(&path).wrap_err_with(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).wrap_err_with(failed)? {
        let path = entry.wrap_err_with(failed)?.path();
        // Files on their way have another ending.
        if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(byte: u8) -> Kept {
        Kept {
            item: B256::repeat_byte(byte),
            tx_hash: B256::repeat_byte(2),
            sender: Address::repeat_byte(3),
            nonce: 4,
            raw: Bytes::from([5]),
            envelope: Bytes::from([6]),
            signature: Bytes::from([7]),
            seed: Some(B256::repeat_byte(4)),
            notice: None,
            close_at: 8,
            promise: None,
            sequencer: None,
            position: None,
            refused: false,
            outcome: None,
        }
    }

    #[test]
    fn what_was_kept_is_there_after_a_crash_until_it_is_decided() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path()).unwrap();
        assert!(Disk::open(dir.path()).is_err(), "one shield at a time");
        let promised = Kept { promise: Some(Bytes::from([9])), ..kept(1) };
        disk.keep(&kept(1)).unwrap();
        disk.keep(&promised).unwrap();
        disk.keep(&kept(2)).unwrap();
        // What a crash left half written is not read.
        fs::write(dir.path().join("items/torn.json.new"), "{").unwrap();
        drop(disk);
        let disk = Disk::open(dir.path()).unwrap();
        assert_eq!(disk.items().unwrap(), [promised.clone(), kept(2)]);
        disk.done(&promised).unwrap();
        disk.done(&kept(2)).unwrap();
        assert_eq!(disk.items().unwrap(), []);
        fs::write(dir.path().join("items/x.json"), "{}").unwrap();
        assert!(disk.items().is_err(), "altered");
    }
}
