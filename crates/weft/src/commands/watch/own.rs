//! Promises and transactions of whoever runs the watchtower.

use crate::victim;
use alloy_primitives::{Address, B256, Bytes};
use std::{
    collections::BTreeMap,
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

    /// Returns the item of this hash, where it is here.
    pub(super) fn item(&self, domain: &Domain, hash: B256) -> Option<Item> {
        self.items(domain).remove(&hash)
    }

    /// Returns everything that is in the directory as a signed transaction, or as the encoding of a transaction or bundle.
    pub(super) fn items(&self, domain: &Domain) -> BTreeMap<B256, Item> {
        let read = |path: PathBuf| {
            let bytes = text(&path)?.trim().parse::<Bytes>().ok()?;
            let item = victim::of_raw(bytes.clone()).ok();
            item.or_else(|| Item::from_plaintext(&bytes).ok())
        };
        let items = self.files("raw").into_iter().filter_map(read);
        items.map(|item| (item.hash(domain), item)).collect()
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
