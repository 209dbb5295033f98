//! What L1 took back, by what a log says about it: known before any of the log is repeated (P48).

use super::{L1, placed::Rewind};
use crate::{batches::BatchDir, config::DevConfig, error::NodeError, keep, record::Record};
use alloy_primitives::B256;
use std::collections::BTreeSet;
use weft_journal::{Disk, Journal, Options};
use weft_state::Database;
use weft_types::Domain;

/// What L1 took back by the end of a log.
#[derive(Debug, Default)]
pub(super) struct TakenBack {
    /// Blocks that L1 had and does not have any more.
    gone: BTreeSet<B256>,
    /// What was folded again.
    again: Vec<Again>,
    /// Records that are void, and the one that says so behind them.
    void: Vec<(u64, u64)>,
}

/// Positions that were folded again.
#[derive(Debug, Clone, Copy)]
struct Again {
    from: Rewind,
    /// Record because of which.
    because: u64,
}

impl TakenBack {
    /// Finds out what L1 took back, and takes batches and database back to before that, unless that was done already.
    pub(super) fn go_back(
        disk: &dyn Disk,
        options: &Options,
        database: Option<&Database>,
        config: &DevConfig,
    ) -> Result<Self, NodeError> {
        loop {
            let stands = database.map(keep::stands).transpose()?;
            let (after, l1, rewound) = stands.unwrap_or_default();
            let found = Self::read(disk, options, (after, l1), &config.domain)?;
            let news = found.again.iter().filter(|again| again.because > rewound);
            let Some(because) = news.clone().map(|again| again.because).max() else {
                return Ok(found);
            };
            // What a batch says that is gone must never reach L1, so batches go first.
            let slot = news.clone().map(|again| again.from.slot).min().unwrap_or_default();
            if let Some(batches) = &config.batches {
                let dir = BatchDir::open(&batches.dir);
                dir.forget_from(slot)
                    .map_err(|why| NodeError::Config(format!("batches: {why}")))?;
            }
            let first = news.map(|again| again.from.sequence).min().unwrap_or_default();
            let Some(database) = database else { return Ok(found) };
            keep::unwind(database, first, because)?;
        }
    }

    fn read(
        disk: &dyn Disk,
        options: &Options,
        (after, mut l1): (u64, L1),
        domain: &Domain,
    ) -> Result<Self, NodeError> {
        let gone = l1.placed().gone();
        let mut found = Self { gone, again: Vec::new(), void: Vec::new() };
        Journal::read(disk, options, after, |sequence, body| {
            if !Record::is_of_l1(body) {
                return Ok(());
            }
            let record = Record::read(body, domain)
                .map_err(|why| NodeError::Recovery { sequence, why: why.to_string() })?;
            found.take(&mut l1, sequence, record);
            Ok::<_, NodeError>(())
        })?;
        Ok(found)
    }

    fn take(&mut self, l1: &mut L1, sequence: u64, record: Record) {
        let from = match record {
            Record::L1Forward { block, entries } => {
                self.gone.remove(&block.hash);
                l1.forward(block, entries)
            }
            Record::L1Back { to } => {
                let from = l1.back(to);
                self.gone.extend(l1.placed().gone());
                from
            }
            Record::L1Item { slot, .. } => {
                l1.take(slot, sequence);
                None
            }
            Record::ExitsFirst { reach } => {
                l1.exits_first(reach);
                None
            }
            Record::Void { from } => {
                self.void.push((from, sequence));
                // Nobody who follows has batches of its own.
                Some(Rewind { sequence: from, slot: u64::MAX })
            }
            _ => None,
        };
        self.again.extend(from.map(|from| Again { from, because: sequence }));
    }

    /// Returns true when L1 does not have a block any more.
    pub(super) fn is_gone(&self, block: &B256) -> bool {
        self.gone.contains(block)
    }

    /// Returns true when a record was taken back: it is not repeated.
    pub(super) fn is_void(&self, sequence: u64) -> bool {
        self.void.iter().any(|(from, because)| (*from..*because).contains(&sequence))
    }

    /// Returns true when a record was noted before something was taken back on which it may rest. The record that took it back is
    /// one of them: what the one before it led to is checked there.
    pub(super) fn is_unsure(&self, sequence: u64) -> bool {
        let holds = |again: &Again| (again.from.sequence..=again.because).contains(&sequence);
        self.again.iter().any(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last slot before L1 went back may close with a block that it did not have; the next record is that of L1.
    #[test]
    fn p48_the_last_slot_before_l1_went_back_may_close_otherwise() {
        let again = Again { from: Rewind { sequence: 5, slot: 1 }, because: 9 };
        let back = TakenBack { again: vec![again], ..TakenBack::default() };
        assert!((5..=9).all(|sequence| back.is_unsure(sequence)));
        assert!(!back.is_unsure(4) && !back.is_unsure(10));
    }
}
