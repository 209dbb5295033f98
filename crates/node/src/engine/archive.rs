//! An engine that repeats a log and does nothing else.

use super::{Engine, recover};
use crate::{
    batches::{Recorder, realm_config},
    config::DevConfig,
    data_dir::DataDir,
    error::NodeError,
    export::Recording,
    metrics::Metrics,
    record::Joined,
    rollup::RollupConfig,
};
use alloy_primitives::B256;
use weft_types::NetworkId;

/// Who wants to know what happens while a log is repeated from genesis on.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    pub(crate) rollup: Option<Recording>,
    pub(crate) batches: Option<Recorder>,
}

impl Recordings {
    const fn is_some(&self) -> bool {
        self.rollup.is_some() || self.batches.is_some()
    }
}

/// Repeats the log of a data directory; no slot opens behind it.
pub(crate) fn archive(
    config: DevConfig,
    metrics: Metrics,
    recordings: Recordings,
) -> Result<Engine, NodeError> {
    let mut dir = DataDir::take(&config)?.expect("an archive has a data directory");
    if recordings.is_some() {
        // What is to be told begins at genesis, so all of the log is repeated.
        dir.database = None;
    }
    recover::start(config, Vec::new(), metrics, dir, recordings)
}

impl Engine {
    /// Begins to tell what happens, at genesis of the realm.
    pub(super) fn begin_recordings(
        &mut self,
        recordings: Recordings,
        timestamp: u64,
    ) -> Result<(), NodeError> {
        if let Some(mut batches) = recordings.batches {
            batches.begin(realm_config(&self.config, timestamp, batches.sequencer())?);
            self.batches = Some(batches);
        }
        recordings.rollup.map_or(Ok(()), |rollup| self.record_genesis(rollup, timestamp))
    }

    /// Begins to record what happens to a rollup, at genesis of the realm.
    fn record_genesis(&mut self, recording: Recording, timestamp: u64) -> Result<(), NodeError> {
        if self.sealing.is_some() {
            // The genesis of its home has a vault that an archive does not name yet.
            let why = "a realm with sealed items cannot be exported";
            return Err(NodeError::Config(why.to_owned()));
        }
        let network = recording.network();
        self.recording = Some(recording);
        let rollups = self.config.all_rollups()?;
        if let Some(rollup) = rollups.iter().find(|rollup| rollup.network() == network) {
            let head = self.chain(network).store.head().hash;
            self.record_joined(rollup, timestamp, head);
        }
        Ok(())
    }

    /// Records that a rollup is in the realm from now on.
    pub(super) fn record_joined(&mut self, rollup: &RollupConfig, timestamp: u64, head: B256) {
        let Some(recording) = &mut self.recording else { return };
        let own = rollup.network();
        let others = self.chains.keys().copied().filter(|network| *network != own);
        let others: Vec<NetworkId> = others.collect();
        let joined = Joined { rollup: rollup.clone(), timestamp, head };
        recording.joined(&self.domain, &joined, &others);
    }
}
