//! Blocks of a rollup in files: out of a data directory, and back in.
//!
//! Blocks are written as Ethereum encodes them, one behind the other. They hold what the rollup did and not all that it
//! was given: what other rollups sent it, and the slots. That is in a second file, with which one rollup is executed
//! again alone and every block compared byte by byte (P27).

mod recording;
mod verify;

pub(crate) use recording::Recording;
pub use verify::{Verified, VerifyError, verify};

use crate::{
    batches::{BatchLimits, BatchSink, Recorder},
    config::DevConfig,
    data_dir::DataDir,
    engine::{Engine, Recordings, archive},
    error::NodeError,
    metrics::Metrics,
};
use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use weft_promise::Signer;
use weft_state::StoreError;
use weft_types::{Domain, NetworkId};

/// Hears how much of a log was repeated: bytes so far, and bytes in all.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(u64, u64) + Send + Sync>);

impl Progress {
    /// Takes what shows the progress.
    pub fn new(show: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    pub(crate) fn tell(&self, done: u64, all: u64) {
        (self.0)(done.min(all), all);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress(..)")
    }
}

/// A data directory, and the realm that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataOf {
    /// Data directory.
    pub dir: PathBuf,
    /// The realm; a directory of another one is refused.
    pub domain: Domain,
}

/// A directory of a realm without L1.
impl From<&Path> for DataOf {
    fn from(dir: &Path) -> Self {
        Self { dir: dir.into(), domain: Domain::dev() }
    }
}

/// Returns the configuration of an engine that repeats what a directory holds.
fn config_of(data: DataOf, progress: Option<Progress>) -> Result<DevConfig, NodeError> {
    let DataOf { dir, domain } = data;
    let failed = |source| NodeError::DataDir { path: dir.clone(), source };
    // A directory that does not exist would be made, and a realm in it.
    if !DataDir::has_log(&dir).map_err(failed)? {
        let why = io::Error::new(io::ErrorKind::NotFound, "it holds no log");
        return Err(failed(why));
    }
    Ok(DevConfig {
        data_dir: Some(dir),
        domain,
        promise_key: None,
        progress,
        adopts_genesis: true,
        ..DevConfig::default()
    })
}

/// Repeats the log of a data directory that no node uses, and writes the batches of all closed slots; returns how many
/// there are.
///
/// # Errors
///
/// [`NodeError`] when the directory is of no use, or a batch cannot be signed or kept.
pub fn export_batches(
    data: impl Into<DataOf>,
    sink: Box<dyn BatchSink>,
    signer: Box<dyn Signer>,
    limits: BatchLimits,
    progress: Option<Progress>,
) -> Result<u64, NodeError> {
    let batches = Some(Recorder::new(sink, signer, limits));
    let recordings = Recordings { batches, ..Recordings::default() };
    let mut engine = archive(config_of(data.into(), progress)?, Metrics::new(), recordings)?;
    let is_open = engine.realm.slot().is_some();
    let written = engine.batches.take().map_or(Ok(0), |batches| batches.finish(is_open));
    written.map_err(NodeError::Export)
}

/// A realm as its data directory says it is: nothing listens, and no slot opens.
#[derive(Debug)]
pub struct Archive {
    engine: Engine,
    network: NetworkId,
}

impl Archive {
    /// Repeats the log of a data directory that no node uses, and writes to `replay` what the rollup alone needs to
    /// repeat it, when that is asked for.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the directory is of no use, has no such rollup, or `replay` cannot be written.
    pub fn open(
        data: impl Into<DataOf>,
        chain_id: u32,
        replay: Option<Box<dyn Write + Send>>,
        progress: Option<Progress>,
    ) -> Result<Self, NodeError> {
        let network = NetworkId::new(chain_id);
        let rollup = replay.map(|out| Recording::new(network, out));
        let recordings = Recordings { rollup, ..Recordings::default() };
        let mut engine = archive(config_of(data.into(), progress)?, Metrics::new(), recordings)?;
        if !engine.chains.contains_key(&network) {
            let known: Vec<_> = engine.chains.keys().map(ToString::to_string).collect();
            let known = known.join(", ");
            return Err(NodeError::Config(format!("no rollup {chain_id}; there are {known}")));
        }
        let written = engine.recording.take().map_or(Ok(()), Recording::finish);
        written.map_err(NodeError::Export)?;
        Ok(Self { engine, network })
    }

    /// Returns the number of the last block.
    pub fn head(&self) -> u64 {
        self.engine.chain(self.network).store.head_number()
    }

    /// Returns every block from genesis on, in RLP, with its number.
    ///
    /// # Errors
    ///
    /// [`NodeError::Store`] with a block that cannot be read.
    pub fn blocks(&self) -> impl Iterator<Item = Result<(u64, Vec<u8>), NodeError>> + '_ {
        let store = &self.engine.chain(self.network).store;
        (0..=self.head()).map(move |number| {
            let missing = || StoreError::Corrupt(format!("block {number} is missing"));
            let block = store.by_number(number)?.ok_or_else(missing)?;
            Ok((number, alloy_rlp::encode(block.ethereum())))
        })
    }
}
