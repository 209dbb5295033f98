//! Closed slots for whoever follows before L1 holds them (P31): as they go into batches, with a signed checkpoint behind them.

use super::Engine;
use crate::{
    batches::{BatchDir, BatchFileError, Recorder, SlotBytes, slot_of},
    promises::Promises,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::B256;
use std::path::PathBuf;
use weft_batch::{Batch, Slot};
use weft_types::{SignedPromise, SlotNumber};

/// Most slots in one answer.
pub(crate) const MAX_SLOTS: usize = 1 << 12;
/// Bytes of slots from which on no other one is put behind them: with one that is as large as can be, an answer stays within what
/// nodes send.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Batches that are looked through for a slot: what is older is on L1, or soon will be.
const MAX_BATCHES: u64 = 64;

/// Slots that somebody asked for, and where they are.
#[derive(Debug)]
pub(crate) struct Asked {
    from: u64,
    most: usize,
    /// The number of the first of these.
    first: u64,
    rows: Vec<SlotBytes>,
    /// Where the slots before are, and the last batch there.
    dir: Option<PathBuf>,
    last_batch: u64,
    promises: Promises,
}

/// Closed slots under one signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) from: u64,
    pub(crate) slots: Vec<Slot>,
    /// A checkpoint of the slot behind them, which names the last one's closing record.
    pub(crate) checkpoint: SignedPromise,
}

impl Engine {
    /// Takes along what is needed to answer with closed slots from one on; nothing when that one is still to come.
    pub(crate) fn unposted(&self, from: u64, most: usize) -> RpcResult<Option<Asked>> {
        let batches = self.batches.as_ref();
        let batches = batches.ok_or_else(|| RpcError::refused("this node writes no batches"))?;
        let promises = self.outbox.promises().cloned();
        let promises =
            promises.ok_or_else(|| RpcError::refused("this node has no key for promises"))?;
        if from >= batches.next_slot() {
            return Ok(None);
        }
        let most = most.clamp(1, MAX_SLOTS);
        let (first, rows) = batches.closed_from(from, most);
        let dir = self.config.batches.as_ref().map(|batches| batches.dir.clone());
        let last_batch = Recorder::last_batch(batches);
        Ok(Some(Asked { from, most, first, rows, dir, last_batch, promises }))
    }
}

impl Asked {
    /// Puts the slots together; nothing while no signature covers them.
    pub(crate) fn answer(self) -> RpcResult<Option<Closed>> {
        let mut slots = self.in_batches()?;
        let follows = self.from + slots.len() as u64 == self.first;
        let room = if follows { self.most.saturating_sub(slots.len()) } else { 0 };
        let rows = self.rows.iter().take(room);
        let rows = rows.map(|row| slot_of(row)).collect::<Result<Vec<_>, _>>();
        slots.extend(rows.map_err(|error| RpcError::new(-32603, error.to_string()))?);
        let from = self.from;
        slots.truncate(fitting(&slots));
        let behind = |count: usize| SlotNumber::new(from.saturating_add(count as u64));
        if slots.is_empty() {
            return Ok(None);
        }
        let signed = self.promises.checkpoint(behind(1)..=behind(slots.len()));
        Ok(signed.map(|(slot, checkpoint)| {
            slots.truncate(usize::try_from(slot.get() - from).unwrap_or(usize::MAX));
            Closed { from, slots, checkpoint }
        }))
    }

    /// Returns slots that are in batches alone, as many as an answer takes.
    fn in_batches(&self) -> RpcResult<Vec<Slot>> {
        if self.from >= self.first && !self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let dir = self.dir.as_ref().map(|dir| BatchDir::open(dir)).ok_or_else(|| self.pruned())?;
        let mut slots = Vec::new();
        for number in self.batch_of(&dir)?..=self.last_batch {
            // The last ones may not be written yet.
            let Some(batch) = self.read(&dir, number)? else { break };
            slots.extend(self.cut(batch));
            if slots.len() >= self.most || fitting(&slots) < slots.len() {
                break;
            }
        }
        slots.truncate(self.most);
        Ok(slots)
    }

    /// Finds the batch that holds the first slot; few of them are read for that.
    fn batch_of(&self, dir: &BatchDir) -> RpcResult<u64> {
        let lowest = self.last_batch.saturating_sub(MAX_BATCHES - 1).max(1);
        let (mut low, mut high) = (lowest, self.last_batch + 1);
        while low < high {
            let middle = low.midpoint(high);
            match self.read(dir, middle)? {
                Some(batch) if batch.first.get() <= self.from => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        if low > lowest { Ok(low - 1) } else { Err(self.pruned()) }
    }

    fn read(&self, dir: &BatchDir, number: u64) -> RpcResult<Option<Batch>> {
        match dir.batch(number) {
            Ok(signed) => Ok(signed.map(|signed| signed.batch)),
            Err(BatchFileError::Forced(_)) => Err(self.pruned()),
            Err(error) => Err(RpcError::new(-32603, error.to_string())),
        }
    }

    /// Takes what was asked for out of a batch.
    fn cut(&self, batch: Batch) -> impl Iterator<Item = Slot> + '_ {
        let numbered = (batch.first.get()..).zip(batch.slots);
        let asked = numbered.skip_while(|(number, _)| *number < self.from);
        let asked = asked.take_while(|(number, _)| self.rows.is_empty() || *number < self.first);
        // Whether a batch has it or not yet, a slot is the same.
        asked.map(|(_, slot)| Slot { order: None, ..slot })
    }

    fn pruned(&self) -> RpcError {
        let from = self.from;
        RpcError::not_found(format!("slot {from} is in an old batch: L1 holds it"))
    }
}

/// Returns how many of these slots an answer takes.
fn fitting(slots: &[Slot]) -> usize {
    let mut bytes = 0;
    let fits = |slot: &&Slot| {
        let has_room = bytes < MAX_BYTES;
        bytes += encoded(1, std::slice::from_ref(*slot)).len();
        has_room
    };
    slots.iter().take_while(fits).count()
}

/// Returns the encoding of slots alone: a batch that says nothing else.
pub(crate) fn encoded(first: u64, slots: &[Slot]) -> Vec<u8> {
    let batch = Batch {
        number: 0,
        parent: B256::ZERO,
        config: B256::ZERO,
        first: SlotNumber::new(first),
        slots: slots.to_vec(),
        inbox_cursor: 0,
        end: B256::ZERO,
        heads: Vec::new(),
    };
    batch.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_batch::{WireItem, WireLeg};
    use weft_types::NetworkId;

    fn slot(bytes: usize) -> Slot {
        let leg =
            WireLeg { network: NetworkId::new(1), raw: vec![1; bytes].into(), may_revert: false };
        Slot { unix_ms: 1, plaintext: vec![WireItem::Transaction(leg)], ..Slot::default() }
    }

    #[test]
    fn an_answer_holds_slots_until_they_are_large_and_at_least_one() {
        assert_eq!(fitting(&[]), 0);
        assert_eq!(fitting(&[slot(MAX_BYTES), slot(1)]), 1);
        assert_eq!(fitting(&[slot(1), slot(MAX_BYTES), slot(1)]), 2);
    }
}
