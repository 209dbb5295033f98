//! A copy of the log that a node can start from, taken while this one runs.

use crate::{
    engine::EngineHandle,
    rpc::errors::{RpcError, RpcResult},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Folder of the data directory that holds copies.
const SNAPSHOTS: &str = "snapshots";
/// Folder of the log, in the data directory and in a copy of it.
const LOG: &str = "log";
/// Name of the first segment of a log that goes back to genesis.
const FIRST: &str = "00000000000000000001.log";
/// What is wrong with a log whose beginning was removed.
const TRIMMED: &str = "it does not go back to genesis: keep it with `node.keep_log`, \
                       or copy the directory of a stopped node";
/// Most letters of a name.
const MAX_NAME: usize = 64;

/// A copy that lacks the segments that can no longer change.
#[derive(Debug)]
struct Begun {
    record: u64,
    /// Segments before the last one.
    complete: Vec<PathBuf>,
}

/// Copies the log as it stands now into a directory of its own; `name` is `record-N` by default.
pub(super) async fn take(
    engine: &EngineHandle,
    data_dir: Option<&Path>,
    name: Option<String>,
) -> RpcResult {
    let data_dir = data_dir.ok_or_else(|| RpcError::refused("the node has no data directory"))?;
    let data_dir = data_dir.to_owned();
    name.as_deref().map_or(Ok(()), check_name)?;
    let begun_in = data_dir.clone();
    // The engine stands still meanwhile, so that nothing is added to the log's last segment.
    let begun = engine
        .call(move |engine| {
            engine.flush();
            let record = engine.log_health().map_or(0, |log| log.durable);
            let name = name.unwrap_or_else(|| format!("record-{record}"));
            begin(&begun_in, &name, record).map(|begun| (name, begun))
        })
        .await?;
    let (name, begun) = begun.map_err(|error| failed(&error))?;
    let done = tokio::task::spawn_blocking(move || complete(&data_dir, &name, &begun)).await;
    let done = done.map_err(|_| RpcError::new(-32603, "the copy was cut off"))?;
    done.map_err(|error| failed(&error))
}

fn check_name(name: &str) -> RpcResult<()> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if name.is_empty() || name.len() > MAX_NAME || !is_plain {
        let why = format!("name {name:?}: write 1 to {MAX_NAME} letters, digits, `-`, `_`");
        return Err(RpcError::params(why));
    }
    Ok(())
}

fn failed(error: &io::Error) -> RpcError {
    RpcError::refused(format!("cannot copy the log: {error}"))
}

/// Returns where a copy is made before it has its name.
fn unfinished(data_dir: &Path, name: &str) -> PathBuf {
    data_dir.join(SNAPSHOTS).join(format!("{name}.part"))
}

/// Copies the last segment, which grows.
fn begin(data_dir: &Path, name: &str, record: u64) -> io::Result<Begun> {
    if data_dir.join(SNAPSHOTS).join(name).exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{name} exists")));
    }
    let mut segments = Vec::new();
    for entry in fs::read_dir(data_dir.join(LOG))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ends| ends == "log") {
            segments.push(path);
        }
    }
    segments.sort();
    if segments.first().and_then(|path| path.file_name()).is_none_or(|first| first != FIRST) {
        return Err(io::Error::other(TRIMMED));
    }
    let target = unfinished(data_dir, name);
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(target.join(LOG))?;
    let last = segments.pop().expect("a log has a segment");
    copy(&last, &target)?;
    Ok(Begun { record, complete: segments })
}

/// Adds the segments that no longer change, and gives the copy its name.
fn complete(data_dir: &Path, name: &str, begun: &Begun) -> io::Result<Value> {
    let target = unfinished(data_dir, name);
    for segment in &begun.complete {
        let to = target.join(LOG).join(segment.file_name().expect("segments have names"));
        // One file under two names is as good as a copy, as neither name is ever written again.
        if fs::hard_link(segment, &to).is_err() {
            copy(segment, &target)?;
        }
    }
    File::open(target.join(LOG))?.sync_all()?;
    let place = data_dir.join(SNAPSHOTS).join(name);
    fs::rename(&target, &place)?;
    File::open(data_dir.join(SNAPSHOTS))?.sync_all()?;
    let path = place.display().to_string();
    tracing::info!(%path, record = begun.record, "the log was copied");
    Ok(json!({ "path": path, "lastRecord": begun.record }))
}

fn copy(segment: &Path, target: &Path) -> io::Result<()> {
    let to = target.join(LOG).join(segment.file_name().expect("segments have names"));
    fs::copy(segment, &to)?;
    File::open(&to)?.sync_all()
}
