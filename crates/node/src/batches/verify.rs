//! From batches to every block: one thread reads and recovers senders ahead of the one that derives.

use super::files::{BatchDir, BatchFileError};
use rayon::prelude::*;
use std::{sync::mpsc, thread};
use thiserror::Error;
use weft_batch::{RealmConfig, SignedBatch};
use weft_derive::{Derivation, Derived, InboxEntry, InvalidRealm, Lie, Recovered};
use weft_evm::ClosedBlock;
use weft_types::SignedTx;

/// Batches that are recovered ahead.
const AHEAD: usize = 2;

/// Why batches do not lead to a realm.
#[derive(Debug, Error)]
pub enum VerifyBatchesError {
    /// A file is of no use.
    #[error(transparent)]
    File(#[from] BatchFileError),
    /// What is said of the realm makes none.
    #[error(transparent)]
    Realm(#[from] InvalidRealm),
    /// A batch says something that is not so.
    #[error(transparent)]
    Lie(#[from] Lie),
    /// Where batches come from fails.
    #[error("{0}")]
    Source(String),
}

/// What was derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifiedBatches {
    /// Batches.
    pub batches: u64,
    /// Everything about them together.
    pub derived: Derived,
}

impl VerifiedBatches {
    /// Takes what one more batch led to.
    pub fn add(&mut self, derived: Derived) {
        self.batches += 1;
        self.derived = sum(std::mem::take(&mut self.derived), derived);
    }
}

/// Derives batch after batch.
#[derive(Debug)]
pub struct Verifier {
    derivation: Derivation,
    inbox: Vec<InboxEntry>,
    done: VerifiedBatches,
}

/// Recovers the senders of a batch, on all threads.
pub fn recover(batch: &SignedBatch) -> Recovered {
    let legs: Vec<_> = batch.batch.legs().collect();
    Recovered::new(legs.par_iter().map(|leg| SignedTx::decode(leg.raw.clone())).collect())
}

impl Verifier {
    /// Begins before the first batch of a realm.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`].
    pub fn new(config: RealmConfig) -> Result<Self, InvalidRealm> {
        let derivation = Derivation::new(config)?;
        Ok(Self { derivation, inbox: Vec::new(), done: VerifiedBatches::default() })
    }

    /// Takes entries of the inbox that follow those taken before.
    pub fn take_inbox(&mut self, entries: impl IntoIterator<Item = InboxEntry>) {
        self.inbox.extend(entries);
    }

    /// Derives the next batch.
    ///
    /// # Errors
    ///
    /// The first [`Lie`].
    pub fn apply(
        &mut self,
        batch: &SignedBatch,
        mut legs: Recovered,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<(), Lie> {
        let derived = self.derivation.apply(batch, &self.inbox, &mut legs, out)?;
        self.done.add(derived);
        Ok(())
    }

    /// Returns what was derived so far.
    pub const fn done(&self) -> &VerifiedBatches {
        &self.done
    }

    /// Returns the realm as it stands.
    pub const fn derivation(&self) -> &Derivation {
        &self.derivation
    }

    /// Derives all batches of a directory that follow; `passed` hears of each of them, `out` of every block.
    ///
    /// # Errors
    ///
    /// [`VerifyBatchesError`], with the first lie.
    pub fn apply_all(
        &mut self,
        dir: &BatchDir,
        passed: &mut dyn FnMut(u64),
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<(), VerifyBatchesError> {
        let first = self.done.batches + 1;
        thread::scope(|scope| {
            let (sender, batches) = mpsc::sync_channel(AHEAD);
            scope.spawn(move || {
                for number in first.. {
                    let read = dir.batch(number).transpose();
                    let Some(read) = read else { return };
                    let read = read.map(|batch| (recover(&batch), batch));
                    // Whoever derives found a lie and listens no more.
                    if sender.send(read).is_err() {
                        return;
                    }
                }
            });
            for read in batches {
                let (legs, batch) = read?;
                self.apply(&batch, legs, out)?;
                passed(self.done.batches);
            }
            Ok(())
        })
    }
}

fn sum(mut all: Derived, one: Derived) -> Derived {
    all.batch = one.batch;
    all.slots += one.slots;
    all.items += one.items;
    all.removed += one.removed;
    all.transactions += one.transactions;
    all.blocks += one.blocks;
    all.heads.extend(one.heads);
    all
}
