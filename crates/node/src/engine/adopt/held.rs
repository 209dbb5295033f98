//! What envelopes hold that are ordered in some batch and opened in a later slot, or never.

use super::PostedBatch;
use std::collections::{BTreeMap, VecDeque};
use weft_batch::{Opened, Slot};

/// What all envelopes hold, in the order in which they were ordered; nothing of those that were not opened on L1.
#[derive(Debug, Default)]
pub(in super::super) struct Held<'a>(VecDeque<Option<&'a Opened>>);

impl<'a> Held<'a> {
    /// Looks ahead through all batches. `is_exit` are the numbers of exits: a batch that burns some begins by giving up what is
    /// not opened, as does one that nobody signed (ADR 0061).
    pub(super) fn of(batches: &'a [PostedBatch], is_exit: &[u64]) -> Self {
        let (mut all, mut waiting, mut cursor) = (Self::default(), BTreeMap::new(), 0);
        for posted in batches {
            let burns = is_exit.iter().any(|exit| (cursor..posted.inbox_cursor()).contains(exit));
            cursor = posted.inbox_cursor();
            let PostedBatch::Signed(signed, _) = posted else {
                waiting.clear();
                continue;
            };
            if burns {
                waiting.clear();
            }
            signed.batch.slots.iter().for_each(|slot| all.slot(slot, &mut waiting));
        }
        all
    }

    fn slot(&mut self, slot: &'a Slot, waiting: &mut BTreeMap<u64, VecDeque<usize>>) {
        if let Some(opening) = &slot.opening {
            let ordered = waiting.entry(opening.epoch).or_default();
            for opened in &opening.items {
                // Derivation counted them.
                let Some(index) = ordered.pop_front() else { return };
                self.0[index] = Some(opened);
            }
        }
        for ordered in &slot.sealed {
            waiting.entry(ordered.carriage.epoch).or_default().push_back(self.0.len());
            self.0.push_back(None);
        }
    }

    /// Takes what the next envelope holds.
    pub(super) fn next(&mut self) -> Option<&'a Opened> {
        self.0.pop_front().flatten()
    }
}
