//! An engine that repeats a log and does nothing else.

use super::{Engine, recover};
use crate::{
    config::DevConfig, data_dir::DataDir, error::NodeError, export::Recording, metrics::Metrics,
    record::Joined, rollup::RollupConfig,
};
use alloy_primitives::B256;
use weft_types::NetworkId;

/// Repeats the log of a data directory; no slot opens behind it.
pub(crate) fn archive(
    config: DevConfig,
    metrics: Metrics,
    recording: Option<Recording>,
) -> Result<Engine, NodeError> {
    let mut dir = DataDir::take(&config)?.expect("an archive has a data directory");
    if recording.is_some() {
        // What is to be told begins at genesis, so all of the log is repeated.
        dir.database = None;
    }
    recover::start(config, Vec::new(), metrics, dir, recording)
}

impl Engine {
    /// Begins to record what happens to a rollup, at genesis of the realm.
    pub(super) fn record_genesis(
        &mut self,
        recording: Recording,
        timestamp: u64,
    ) -> Result<(), NodeError> {
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
