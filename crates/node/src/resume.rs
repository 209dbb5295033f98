//! A data directory made from what L1 holds, in the place of the one that was there.
//!
//! ```text
//!  DIR/resumed: log, state ──┐ complete?
//!  DIR: log, state ─► DIR/void-1      then  DIR/resumed/* ─► DIR
//! ```
//!
//! Both directories, that of the data and that of the batches, are made beside the old ones, and take their places when both are
//! whole. Killed at any point the next start ends in one of the two.

use crate::{
    batches::BatchDir,
    config::DevConfig,
    data_dir,
    engine::{OnL1, PostedBatch, adopt, renew_seed},
    error::NodeError,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use weft_batch::RealmConfig;

/// Where what comes is made.
const RESUMED: &str = "resumed";
/// File that says that it is whole; it holds the name of the directory for what was there.
const COMPLETE: &str = "complete";
/// File that says that what was there is out of the way.
const MOVING: &str = "moving";
/// Beginning of the name of a directory for what was there.
const VOID: &str = "void-";

/// Makes the data directory of a configuration, and its directory of batches, from what L1 holds of the realm. What was there goes to
/// a directory `void-N` in each.
///
/// # Errors
///
/// [`NodeError`] when the configuration makes another realm, names no data directory or no batches, a node uses them, or what L1
/// holds does not lead where it says.
pub fn resume(config: &DevConfig, realm: &RealmConfig, on_l1: OnL1) -> Result<(), NodeError> {
    let wrong = |why: &str| NodeError::Config(why.to_owned());
    let data =
        config.data_dir.clone().ok_or_else(|| wrong("a realm goes on in a data directory"))?;
    let batches = config.batches.clone().ok_or_else(|| wrong("a realm goes on with batches"))?;
    let failed = failed_at(&data);
    let _lock = data_dir::lock(&data).map_err(&failed)?;
    let _lock = _lock.ok_or_else(|| NodeError::InUse { path: data.clone() })?;
    let (new_data, new_batches) = (data.join(RESUMED), batches.dir.join(RESUMED));
    for stale in [&new_data, &new_batches] {
        if stale.exists() {
            fs::remove_dir_all(stale).map_err(&failed)?;
        }
    }
    keep(&new_batches, realm, &on_l1)?;
    let mut staged = config.clone();
    staged.data_dir = Some(new_data.clone());
    staged.genesis_unix_s = realm.rollups.first().map(|rollup| rollup.timestamp);
    staged.batches.iter_mut().for_each(|batches| batches.dir.clone_from(&new_batches));
    adopt(staged, on_l1)?;
    renew_seed(&data)?;
    let old = free_name(&[&data, &batches.dir]);
    write(&new_data.join(COMPLETE), old.as_bytes()).map_err(&failed)?;
    put_in_place(&data, &batches.dir).map_err(failed)
}

/// Ends what [`resume`] began, when the process was killed on the way.
pub(crate) fn finish(config: &DevConfig) -> Result<(), NodeError> {
    let (Some(data), Some(batches)) = (&config.data_dir, &config.batches) else { return Ok(()) };
    if !data.join(RESUMED).join(COMPLETE).exists() {
        return Ok(());
    }
    let failed = failed_at(data);
    let lock = data_dir::lock(data).map_err(&failed)?;
    let _lock = lock.ok_or_else(|| NodeError::InUse { path: data.clone() })?;
    put_in_place(data, &batches.dir).map_err(failed)
}

fn failed_at(path: &Path) -> impl Fn(io::Error) -> NodeError + use<> {
    let path = path.to_owned();
    move |source| NodeError::DataDir { path: path.clone(), source }
}

/// Writes the batches that L1 holds.
fn keep(to: &Path, realm: &RealmConfig, on_l1: &OnL1) -> Result<(), NodeError> {
    let failed = failed_at(to);
    let wrong = |error| NodeError::Config(format!("batches: {error}"));
    let dir = BatchDir::create(to).map_err(wrong)?;
    dir.realm_written(realm).map_err(&failed)?;
    for posted in &on_l1.batches {
        match posted {
            PostedBatch::Signed(signed, payload) => dir.keep_payload(signed.batch.number, payload),
            PostedBatch::Forced(forced) => dir.keep_forced(forced),
        }
        .map_err(&failed)?;
    }
    Ok(())
}

/// Returns a name for what was there that no directory has yet.
fn free_name(dirs: &[&Path]) -> String {
    let mut names = (1_u32..).map(|number| format!("{VOID}{number}"));
    let is_free = |name: &String| dirs.iter().all(|dir| !dir.join(name).exists());
    names.find(is_free).expect("a directory has fewer entries than there are numbers")
}

/// Both directories get what is made for them; that of the data last, which says that there is something to do.
fn put_in_place(data: &Path, batches: &Path) -> io::Result<()> {
    let old = fs::read_to_string(data.join(RESUMED).join(COMPLETE))?;
    let is_void = old.strip_prefix(VOID).is_some_and(|number| number.parse::<u32>().is_ok());
    if !is_void {
        return Err(io::Error::other("the name of a directory is none"));
    }
    let is_batches =
        |name: &str| name.starts_with("batch-") || ["realm.weft", "l1.txt"].contains(&name);
    replace(batches, &old, &is_batches)?;
    replace(data, &old, &|name| ["log", "state"].contains(&name))
}

fn replace(dir: &Path, old: &str, is_ours: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let new = dir.join(RESUMED);
    if !new.exists() {
        return Ok(());
    }
    if !new.join(MOVING).exists() {
        let old = dir.join(old);
        fs::create_dir_all(&old)?;
        rename_all(dir, &old, is_ours)?;
        write(&new.join(MOVING), b"")?;
    }
    rename_all(&new, dir, is_ours)?;
    fs::remove_dir_all(&new)?;
    sync(dir)
}

fn rename_all(from: &Path, to: &Path, is_ours: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let names: Vec<PathBuf> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    for path in names {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if is_ours(name) {
            fs::rename(&path, to.join(name))?;
        }
    }
    sync(to)?;
    sync(from)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, bytes)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), sync)
}

fn sync(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What is in a directory, by path.
    fn all(dir: &Path, under: &str, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{under}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                all(&path, &format!("{name}/"), into);
            } else {
                into.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn put(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Two directories with something in them, and what takes its place.
    fn begun(home: &Path) -> (PathBuf, PathBuf) {
        let (data, batches) = (home.join("data"), home.join("batches"));
        put(&data, &[("log/1", "old"), ("state", "old"), ("lock", ""), ("guard", "kept")]);
        put(&data, &[("resumed/log/1", "new"), ("resumed/state", "new"), ("resumed/lock", "")]);
        put(&data, &[("resumed/complete", "void-1")]);
        put(&batches, &[("batch-00000001.weft", "old"), ("batch-00000002.weft", "old")]);
        put(&batches, &[("realm.weft", "old"), ("l1.txt", "old")]);
        put(&batches, &[("resumed/batch-00000001.weft", "new"), ("resumed/realm.weft", "new")]);
        (data, batches)
    }

    fn config(data: &Path, batches: &Path) -> DevConfig {
        let limits = crate::BatchLimits::default();
        let dir = batches.to_owned();
        let batches = crate::BatchOptions { dir, limits, is_volatile: false };
        DevConfig {
            data_dir: Some(data.to_owned()),
            batches: Some(batches),
            ..DevConfig::default()
        }
    }

    /// Moves as [`rename_all`] does, at most `left` files: a process that is killed.
    fn moved(from: &Path, to: &Path, ours: &[&str], left: &mut usize) {
        for name in ours {
            if *left > 0 && from.join(name).exists() {
                fs::rename(from.join(name), to.join(name)).unwrap();
                *left -= 1;
            }
        }
    }

    #[test]
    fn a_start_after_a_kill_at_any_point_ends_in_the_new_directories() {
        let expected = {
            let home = tempfile::tempdir().unwrap();
            let (data, batches) = begun(home.path());
            finish(&config(&data, &batches)).unwrap();
            let mut found = BTreeMap::new();
            all(home.path(), "", &mut found);
            found
        };
        let text = |name: &str| expected[name].as_str();
        assert_eq!((text("data/state"), text("data/void-1/state")), ("new", "old"));
        assert_eq!((text("data/log/1"), text("data/guard")), ("new", "kept"));
        assert_eq!(text("batches/batch-00000001.weft"), "new");
        assert_eq!(text("batches/void-1/batch-00000002.weft"), "old");
        assert!(!expected.contains_key("batches/batch-00000002.weft"), "{expected:?}");
        assert!(expected.keys().all(|name| !name.contains("resumed")), "{expected:?}");
        let names = ["batch-00000001.weft", "batch-00000002.weft", "realm.weft", "l1.txt"];
        // Each of these is a point at which the process may be gone.
        for point in 0..=10 {
            let home = tempfile::tempdir().unwrap();
            let (data, batches) = begun(home.path());
            let mut left = point;
            fs::create_dir_all(batches.join("void-1")).unwrap();
            moved(&batches, &batches.join("void-1"), &names, &mut left);
            if left > 0 {
                put(&batches, &[("resumed/moving", "")]);
                moved(&batches.join("resumed"), &batches, &names, &mut left);
            }
            if left > 0 {
                fs::remove_dir_all(batches.join("resumed")).unwrap();
                fs::create_dir_all(data.join("void-1")).unwrap();
                moved(&data, &data.join("void-1"), &["log", "state"], &mut left);
            }
            if left > 0 {
                put(&data, &[("resumed/moving", "")]);
                moved(&data.join("resumed"), &data, &["log", "state"], &mut left);
            }
            finish(&config(&data, &batches)).unwrap();
            let mut found = BTreeMap::new();
            all(home.path(), "", &mut found);
            assert_eq!(found, expected, "{point}");
        }
    }

    #[test]
    fn what_is_not_whole_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let (data, batches) = begun(home.path());
        fs::remove_file(data.join("resumed/complete")).unwrap();
        let mut before = BTreeMap::new();
        all(home.path(), "", &mut before);
        finish(&config(&data, &batches)).unwrap();
        let mut after = BTreeMap::new();
        all(home.path(), "", &mut after);
        assert_eq!(after, before);
        put(&data, &[("resumed/complete", "../void-1")]);
        assert!(finish(&config(&data, &batches)).is_err());
    }
}
