//! Promises and transactions of whoever runs the watchtower.

use crate::victim;
use alloy_primitives::{Address, B256, Bytes};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_promise::read_promise;
use weft_types::{Domain, Item, SignedPromise};

/// Most files that are looked at.
const MAX_FILES: usize = 10_000;
/// Most bytes of a file.
const MAX_FILE: u64 = 1 << 20;

/// A directory, or none.
#[derive(Debug, Clone)]
pub(super) struct Own(Option<PathBuf>);

impl Own {
    pub(super) const fn new(dir: Option<PathBuf>) -> Self {
        Self(dir)
    }

    /// Returns the promises of this key about this realm, with the names of their files. Others are none of ours.
    pub(super) fn promises(&self, key: Address, domain: &Domain) -> Vec<(String, SignedPromise)> {
        let read = |path: PathBuf| {
            let (promise, signer) = read_promise(&text(&path)?).ok()?;
            let is_ours = signer == key && promise.domain == *domain;
            is_ours.then(|| (path.display().to_string(), promise))
        };
        self.files("json").into_iter().filter_map(read).collect()
    }

    /// Returns the item of this hash, where its transaction is here.
    pub(super) fn item(&self, domain: &Domain, hash: B256) -> Option<Item> {
        let read = |path: PathBuf| victim::of_raw(text(&path)?.trim().parse::<Bytes>().ok()?).ok();
        self.files("raw").into_iter().filter_map(read).find(|item| item.hash(domain) == hash)
    }

    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let Some(dir) = &self.0 else { return Vec::new() };
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == ending))
            .take(MAX_FILES)
            .collect()
    }
}

fn text(path: &Path) -> Option<String> {
    if fs::metadata(path).ok()?.len() > MAX_FILE {
        return None;
    }
    fs::read_to_string(path).ok()
}
