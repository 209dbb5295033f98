//! What happened since the last batch, and the batch that it makes.

use super::{
    codec::Keep,
    moment::Moment,
    places::{self, Place},
    tables::{
        self, BATCHED, BATCHING, BLOCK_NUMBERS, BLOCKS, BLOOMS, FACTS, GENESIS, MOMENT, OUTCOMES,
        RECENT, SLOTS,
    },
};
use crate::{
    outcomes::Record,
    record::{self, Genesis},
    slots::SlotRecord,
    store::StoredBlock,
};
use alloy_primitives::B256;
use std::{collections::BTreeMap, sync::Arc};
use weft_state::{Batch, Read, Staged, StoreError};
use weft_types::{Encode, NetworkId, Position, codec::Writer};

/// Most outcomes of a row.
const OUTCOMES_IN_ROW: usize = 64;

/// What happened since the last batch.
#[derive(Debug, Default)]
pub(crate) struct News {
    blocks: Vec<(NetworkId, Arc<StoredBlock>)>,
    slots: Vec<Arc<SlotRecord>>,
    outcomes: Vec<(u64, Arc<Record>)>,
    states: Vec<Staged>,
    /// Small rows, which are bytes already.
    pub(crate) rows: Batch,
    bytes: usize,
}

impl News {
    /// Notes slots for batches, and forgets those that written batches hold.
    pub(crate) fn batched(
        &mut self,
        rows: Vec<(u64, Vec<u8>)>,
        written: impl Iterator<Item = u64>,
        standing: Vec<u8>,
    ) {
        for (slot, row) in rows {
            self.bytes += row.len();
            self.rows.put(BATCHED, slot.to_be_bytes(), row);
        }
        written.for_each(|slot| self.rows.delete(BATCHED, slot.to_be_bytes()));
        self.rows.put(FACTS, BATCHING, standing);
    }

    /// Notes what the realm is made of.
    pub(crate) fn genesis(&mut self, genesis: &Genesis) {
        self.rows.put(FACTS, GENESIS, record::Record::Genesis(genesis.clone()).encode());
    }

    pub(crate) fn block(&mut self, network: NetworkId, block: Arc<StoredBlock>) {
        self.bytes += block.bytes();
        self.blocks.push((network, block));
    }

    /// Notes a closed slot; `forgotten` are numbers of slots that need not be kept any more.
    pub(crate) fn slot(&mut self, slot: Arc<SlotRecord>, forgotten: Option<u64>) {
        self.slots.push(slot);
        if let Some(number) = forgotten {
            self.rows.delete(SLOTS, number.to_be_bytes());
        }
    }

    /// Notes the items of a closed slot, which have a position in no other recent slot.
    pub(crate) fn recent(&mut self, slot: u64, items: Vec<(Position, B256)>, recent_slots: u64) {
        if !items.is_empty() {
            self.rows.put(RECENT, slot.to_be_bytes(), items.to_bytes());
        }
        if let Some(over) = slot.checked_sub(recent_slots) {
            self.rows.delete(RECENT, over.to_be_bytes());
        }
    }

    /// Notes outcomes and returns the numbers at which their rows begin.
    pub(crate) fn outcomes<'a>(
        &mut self,
        new: impl Iterator<Item = (u64, &'a Arc<Record>)>,
    ) -> impl Iterator<Item = u64> {
        self.outcomes.extend(new.map(|(number, record)| (number, record.clone())));
        self.outcomes.chunks(OUTCOMES_IN_ROW).map(|row| row[0].0)
    }

    /// Notes that the row of outcomes which begins at a number need not be kept any more.
    pub(crate) fn forget_outcomes(&mut self, first: u64) {
        self.rows.delete(OUTCOMES, first.to_be_bytes());
    }

    /// Completes the news with the states and where the realm stands.
    pub(crate) fn complete(&mut self, states: Vec<Staged>, moment: &Moment) {
        self.states = states;
        self.rows.put(FACTS, MOMENT, moment.to_bytes());
    }

    /// Returns true when nothing happened that somebody may ask about.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.slots.is_empty() && self.outcomes.is_empty()
    }

    /// Returns about how many bytes the blocks take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the batch; `view` shows what all batches before wrote.
    ///
    /// The states are returned beside it: whoever lets go of them last pays for every write.
    pub(crate) fn into_batch(self, view: &dyn Read) -> Result<(Batch, Vec<Staged>), StoreError> {
        let places = places_in(&self.blocks);
        let mut batch = self.rows;
        for (network, places) in places {
            places::add(view, &mut batch, network, places.into_iter())?;
        }
        self.states.iter().for_each(|state| state.add_to(&mut batch));
        for (network, block) in &self.blocks {
            put_block(&mut batch, *network, block);
        }
        for slot in &self.slots {
            batch.put(SLOTS, slot.header.number.get().to_be_bytes(), slot.to_bytes());
        }
        for row in self.outcomes.chunks(OUTCOMES_IN_ROW) {
            batch.put(OUTCOMES, row[0].0.to_be_bytes(), outcomes_to_bytes(row));
        }
        Ok((batch, self.states))
    }
}

/// Returns where the transactions of blocks stand.
fn places_in(blocks: &[(NetworkId, Arc<StoredBlock>)]) -> BTreeMap<NetworkId, Vec<Place<'_>>> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for (network, block) in blocks {
        let hashes = block.transactions.iter().map(|tx| tx.tx.tx_hash()).enumerate();
        let of_block = hashes.map(|(index, hash)| (hash, block.header.number, index));
        places.entry(*network).or_default().extend(of_block);
    }
    places
}

fn outcomes_to_bytes(row: &[(u64, Arc<Record>)]) -> Vec<u8> {
    let mut out = Writer::default();
    out.len(row.len());
    for (number, record) in row {
        number.write_to(&mut out);
        record.write_to(&mut out);
    }
    out.finish()
}

fn put_block(batch: &mut Batch, network: NetworkId, block: &StoredBlock) {
    let number = block.header.number;
    let key = tables::block(network, number);
    batch.put(BLOCK_NUMBERS, tables::hashed(network, &block.hash), number.to_bytes());
    if !block.header.logs_bloom.is_zero() {
        batch.put(BLOOMS, key.clone(), block.header.logs_bloom.to_vec());
    }
    batch.put(BLOCKS, key, block.to_bytes());
}
