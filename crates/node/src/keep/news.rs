//! What happened since the last batch, and the batch that it makes.

use super::{
    codec::Keep,
    moment::Moment,
    tables::{
        self, BLOCK_NUMBERS, BLOCKS, BLOOMS, FACTS, GENESIS, MOMENT, OUTCOMES, RECENT, SLOTS,
        TRANSACTIONS,
    },
};
use crate::{
    outcomes::Record,
    record::{self, Genesis},
    slots::SlotRecord,
    store::StoredBlock,
};
use alloy_primitives::B256;
use std::{ops::Range, sync::Arc};
use weft_state::{Batch, Staged};
use weft_types::{Encode, NetworkId, Position};

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

    /// Notes outcomes; those numbered in `forgotten` need not be kept any more.
    pub(crate) fn outcomes<'a>(
        &mut self,
        new: impl Iterator<Item = (u64, &'a Arc<Record>)>,
        forgotten: Range<u64>,
    ) {
        self.outcomes.extend(new.map(|(number, record)| (number, record.clone())));
        forgotten.for_each(|number| self.rows.delete(OUTCOMES, number.to_be_bytes()));
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

    /// Returns the batch.
    pub(crate) fn into_batch(self) -> Batch {
        let mut batch = self.rows;
        self.states.iter().for_each(|state| state.add_to(&mut batch));
        for (network, block) in &self.blocks {
            put_block(&mut batch, *network, block);
        }
        for slot in &self.slots {
            batch.put(SLOTS, slot.header.number.get().to_be_bytes(), slot.to_bytes());
        }
        for (number, record) in &self.outcomes {
            batch.put(OUTCOMES, number.to_be_bytes(), record.to_bytes());
        }
        batch
    }
}

fn put_block(batch: &mut Batch, network: NetworkId, block: &StoredBlock) {
    let number = block.header.number;
    let key = tables::block(network, number);
    batch.put(BLOCK_NUMBERS, tables::hashed(network, &block.hash), number.to_bytes());
    for (index, tx) in block.transactions.iter().enumerate() {
        let place = (number, index as u64).to_bytes();
        batch.put(TRANSACTIONS, tables::hashed(network, tx.tx.tx_hash()), place);
    }
    if !block.header.logs_bloom.is_zero() {
        batch.put(BLOOMS, key.clone(), block.header.logs_bloom.to_vec());
    }
    batch.put(BLOCKS, key, block.to_bytes());
}
