//! What is on disk of one rollup, or of all of them, as the last commit left it.

use super::{
    codec::Keep,
    places,
    tables::{self, BLOCK_NUMBERS, BLOCKS, BLOOMS, SLOTS},
};
use crate::{slots::SlotRecord, store::StoredBlock};
use alloy_primitives::{B256, Bloom};
use quick_cache::{Weighter, sync::Cache};
use std::{fmt, ops::Bound, sync::Arc};
use weft_state::{Read, StoreError};
use weft_types::NetworkId;

/// Bytes of old blocks that stay in memory, of one rollup.
const CACHE_BYTES: u64 = 16 << 20;
/// Blocks that are expected to fit.
const CACHED_BLOCKS: usize = 1024;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<u64, Arc<StoredBlock>> for Bytes {
    fn weight(&self, _: &u64, block: &Arc<StoredBlock>) -> u64 {
        block.bytes() as u64
    }
}

/// What is on disk of one rollup. Views of later commits share the cache, as blocks never change.
#[derive(Clone)]
pub(crate) struct Shelf {
    network: NetworkId,
    view: Arc<dyn Read>,
    blocks: Arc<Cache<u64, Arc<StoredBlock>, Bytes>>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Shelf {
    pub(crate) fn new(network: NetworkId, view: Arc<dyn Read>) -> Self {
        let blocks = Arc::new(Cache::with_weighter(CACHED_BLOCKS, CACHE_BYTES, Bytes));
        Self { network, view, blocks }
    }

    /// Returns the same shelf as a later commit left it.
    pub(crate) fn later(&self, view: Arc<dyn Read>) -> Self {
        Self { view, ..self.clone() }
    }

    pub(crate) fn block(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, StoreError> {
        if let Some(block) = self.blocks.get(&number) {
            return Ok(Some(block));
        }
        let key = tables::block(self.network, number);
        let Some(bytes) = self.view.get(BLOCKS, &key)? else { return Ok(None) };
        let block = Arc::new(StoredBlock::from_bytes(&bytes)?);
        self.blocks.insert(number, block.clone());
        Ok(Some(block))
    }

    /// Returns the number of the block with this hash.
    pub(crate) fn number(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        let bytes = self.view.get(BLOCK_NUMBERS, &tables::hashed(self.network, hash))?;
        bytes.map(|bytes| u64::from_bytes(&bytes)).transpose()
    }

    /// Returns block and index of a transaction.
    pub(crate) fn place(&self, hash: &B256) -> Result<Option<(u64, usize)>, StoreError> {
        for (number, index) in places::find(&*self.view, self.network, hash)? {
            let block = self.block(number)?;
            let tx = block.as_ref().and_then(|block| block.transactions.get(index));
            if tx.is_some_and(|tx| tx.tx.tx_hash() == hash) {
                return Ok(Some((number, index)));
            }
        }
        Ok(None)
    }

    /// Adds the numbers of blocks in a range whose bloom may be that of a log which is looked for.
    pub(crate) fn with_logs(
        &self,
        from: u64,
        to: u64,
        may_have: &dyn Fn(&Bloom) -> bool,
        numbers: &mut Vec<u64>,
    ) -> Result<(), StoreError> {
        let (from, to) = (tables::block(self.network, from), tables::block(self.network, to));
        if from > to {
            return Ok(());
        }
        let span = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        for pair in self.view.range(BLOOMS, span)? {
            let (key, bloom) = pair?;
            let bloom = Bloom::try_from(bloom.as_slice());
            if may_have(&bloom.map_err(|_| StoreError::Corrupt("a bloom".to_owned()))?) {
                numbers.push(u64::from_bytes(key.get(4..).unwrap_or_default())?);
            }
        }
        Ok(())
    }

    /// Returns a closed slot that had items.
    pub(crate) fn slot(&self, number: u64) -> Result<Option<Arc<SlotRecord>>, StoreError> {
        let bytes = self.view.get(SLOTS, &number.to_be_bytes())?;
        Ok(bytes.map(|bytes| SlotRecord::from_bytes(&bytes)).transpose()?.map(Arc::new))
    }
}
