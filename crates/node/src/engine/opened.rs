//! Where the transactions of the open blocks stand, by hash.

use alloy_primitives::{B256, map::B256Map};
use std::collections::BTreeMap;
use weft_evm::BlockTx;
use weft_types::NetworkId;

/// Index of each transaction of the open blocks, inbound work left out: its hash is made when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Opened(BTreeMap<NetworkId, B256Map<usize>>);

impl Opened {
    /// Begins a slot.
    pub(super) fn clear(&mut self) {
        self.0.values_mut().for_each(B256Map::clear);
    }

    /// Notes the transactions that an item appended to the open block of `network`, which has `len` of them now.
    pub(super) fn append<'a>(
        &mut self,
        network: NetworkId,
        appended: impl DoubleEndedIterator<Item = &'a BlockTx>,
        len: usize,
    ) {
        let index = self.0.entry(network).or_default();
        for (at, tx) in (0..len).rev().zip(appended.rev()) {
            if !tx.is_system {
                index.insert(*tx.tx.tx_hash(), at);
            }
        }
    }

    pub(super) fn index(&self, network: NetworkId, hash: &B256) -> Option<usize> {
        self.0.get(&network)?.get(hash).copied()
    }
}
