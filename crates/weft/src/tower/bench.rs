//! Where proofs are judged before anybody hears of them, and kept.

use super::results::WrongResult;
use crate::commands::sealing::replace;
use alloy_primitives::{B256, hex};
use eyre::{Result, WrapErr};
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};
use weft_evidence::{Conviction, Evidence, Proof, Registry};
use weft_promise::{promise_json, read_promise};
use weft_types::{Decode as _, Encode as _, SignedPromise};

/// Most bytes of a file with evidence, which is hex.
const MAX_FILE: u64 = 1 << 25;

/// Keys that may be accused, and a folder of what convicts them: a file for each conviction.
#[derive(Debug)]
pub(crate) struct Bench {
    registry: Registry,
    folder: PathBuf,
}

/// A conviction, and the file that shows it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) conviction: Conviction,
    pub(crate) id: B256,
    pub(crate) evidence: Evidence,
    /// Where it is kept; why it could not be kept otherwise.
    pub(crate) file: Result<PathBuf>,
    /// Whether nobody found it before.
    pub(crate) is_new: bool,
}

impl Bench {
    /// Keeps evidence in a folder, which is made.
    pub(crate) fn open(registry: Registry, folder: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .wrap_err_with(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { registry, folder: folder.to_owned() })
    }

    /// Checks a proof and keeps it; nothing when it convicts nobody. The same conviction is kept once.
    pub(crate) fn convict(&self, proof: Proof) -> Option<Found> {
        let evidence = Evidence::new(self.registry.domain, proof);
        let conviction = evidence.check(&self.registry).ok()?;
        let id = conviction.id(evidence.domain());
        let path = self.path(&id);
        let is_new = !path.exists();
        let text = hex::encode_prefixed(evidence.encode()) + "\n";
        let written = if is_new { replace(&path, text.as_bytes()) } else { Ok(()) };
        Some(Found { conviction, id, evidence, file: written.map(|()| path), is_new })
    }

    /// Returns what was kept, such as before a restart. Files that convict nobody are left out.
    pub(crate) fn kept(&self) -> Result<Vec<Found>> {
        let failed = || format!("cannot read {}", self.folder.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).wrap_err_with(failed)? {
            let path = entry.wrap_err_with(failed)?.path();
            if path.extension().is_some_and(|end| end == "hex")
                && let Some(evidence) = read(&path)
                && let Ok(conviction) = evidence.check(&self.registry)
            {
                let id = conviction.id(evidence.domain());
                found.push(Found { conviction, id, evidence, file: Ok(path), is_new: false });
            }
        }
        found.sort_by_key(|found| found.id);
        Ok(found)
    }

    /// Keeps a promised result that is not what was settled; returns its file, and whether nobody found it before.
    pub(crate) fn keep_result(&self, wrong: &WrongResult) -> (Result<PathBuf>, bool) {
        let path = self.folder.join(format!("{}.json", wrong.id()));
        let is_new = !path.exists();
        let text = promise_json(&wrong.promise, wrong.key).to_string() + "\n";
        let written = if is_new { replace(&path, text.as_bytes()) } else { Ok(()) };
        (written.map(|()| path), is_new)
    }

    /// Returns the results that were kept, such as before a restart: they are held against settlements again.
    pub(crate) fn kept_results(&self) -> Vec<SignedPromise> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let read = |path: PathBuf| {
            let is_small = fs::metadata(&path).ok()?.len() <= MAX_FILE;
            let text = is_small.then(|| fs::read_to_string(&path).ok())??;
            let (promise, key) = read_promise(&text).ok()?;
            let is_ours = self.registry.sequencers.contains(&key);
            (is_ours && promise.domain == self.registry.domain).then_some(promise)
        };
        files.filter_map(read).collect()
    }

    fn path(&self, id: &B256) -> PathBuf {
        self.folder.join(format!("{id}.hex"))
    }
}

fn read(path: &Path) -> Option<Evidence> {
    if fs::metadata(path).ok()?.len() > MAX_FILE {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    Evidence::decode(&hex::decode(text.trim()).ok()?).ok()
}
