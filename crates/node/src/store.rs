//! Blocks of one rollup with their transactions, receipts and logs.

use crate::keep::Shelf;
use alloy_consensus::{Eip658Value, Header, ReceiptEnvelope, TxEnvelope};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{
    B256, Bloom,
    map::{B256Map, HashMap},
};
use alloy_rlp::Encodable;
use std::{collections::VecDeque, sync::Arc};
use weft_evm::{BlockTx, ClosedBlock};
use weft_state::StoreError;
use weft_types::NetworkId;

/// What a transaction takes in memory beside its bytes and its logs.
const TX_BYTES: usize = 512;
/// What a log takes beside its data.
const LOG_BYTES: usize = 192;
/// Blocks that stay in memory though they are on disk; a slot can be traced from here.
const RECENT_BLOCKS: usize = 64;
/// Bytes of blocks that stay in memory though they are on disk.
const RECENT_BYTES: usize = 64 << 20;

/// A closed block.
#[derive(Debug)]
pub(crate) struct StoredBlock {
    pub(crate) header: Header,
    pub(crate) hash: B256,
    pub(crate) slot: u64,
    pub(crate) transactions: Vec<BlockTx>,
    /// Length of the RLP encoding, in bytes.
    pub(crate) size: usize,
    /// What there is to a foreign block beside transactions.
    pub(crate) body: Body,
    /// Legs that the system transactions work for (P29).
    pub(crate) origins: B256Map<Origin>,
    starts: Vec<Start>,
}

/// What a block holds beside transactions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(crate) ommers: Vec<Header>,
    /// `None` before Shanghai.
    pub(crate) withdrawals: Option<Withdrawals>,
    /// State root after each transaction, before Byzantium.
    pub(crate) post_states: Vec<B256>,
}

/// What a block holds before a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) gas_used: u64,
    pub(crate) logs: u64,
}

/// Leg that a system transaction works for (P29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) network: NetworkId,
    pub(crate) tx_hash: B256,
}

impl StoredBlock {
    pub(crate) fn new(header: Header, hash: B256, slot: u64, transactions: Vec<BlockTx>) -> Self {
        let body = Body { withdrawals: Some(Withdrawals::default()), ..Body::default() };
        Self::with_body(header, hash, slot, transactions, body)
    }

    /// The same block, with the legs that its system transactions work for.
    pub(crate) fn with_origins(self, origins: B256Map<Origin>) -> Self {
        Self { origins, ..self }
    }

    /// A block of an imported chain, whose slot is its number.
    pub(crate) fn imported(
        header: Header,
        hash: B256,
        transactions: Vec<BlockTx>,
        body: Body,
    ) -> Self {
        let slot = header.number;
        Self::with_body(header, hash, slot, transactions, body)
    }

    fn with_body(
        header: Header,
        hash: B256,
        slot: u64,
        transactions: Vec<BlockTx>,
        body: Body,
    ) -> Self {
        let starts = starts(&transactions);
        let size = size(&header, &transactions, &body);
        let origins = B256Map::default();
        Self { header, hash, slot, transactions, size, body, origins, starts }
    }

    /// Returns the block as Ethereum encodes it.
    pub(crate) fn ethereum(&self) -> alloy_consensus::Block<TxEnvelope> {
        let body = alloy_consensus::BlockBody {
            transactions: self.transactions.iter().map(|tx| TxEnvelope::clone(&tx.tx)).collect(),
            ommers: self.body.ommers.clone(),
            withdrawals: self.body.withdrawals.clone(),
        };
        alloy_consensus::Block { header: self.header.clone(), body }
    }

    /// Returns the receipt of a transaction as it enters the receipts root.
    pub(crate) fn receipt(&self, index: usize) -> ReceiptEnvelope {
        let tx = &self.transactions[index];
        let mut receipt = tx.receipt(self.starts[index].gas_used + tx.gas_used);
        if let (ReceiptEnvelope::Legacy(receipt), Some(root)) =
            (&mut receipt, self.body.post_states.get(index))
        {
            receipt.receipt.status = Eip658Value::PostState(*root);
        }
        receipt
    }

    /// Returns when the block's slot began, in milliseconds since the Unix epoch (P9).
    pub(crate) fn unix_ms(&self) -> u64 {
        match self.header.extra_data.first_chunk() {
            Some(unix_ms) => u64::from_be_bytes(*unix_ms),
            None => self.header.timestamp.saturating_mul(1000),
        }
    }

    /// Returns about how many bytes the block takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let tx = |tx: &BlockTx| {
            let logs: usize = tx.logs.iter().map(|log| LOG_BYTES + log.data.data.len()).sum();
            TX_BYTES + tx.output.len() + logs
        };
        self.size + self.transactions.iter().map(tx).sum::<usize>()
    }

    pub(crate) fn start(&self, index: usize) -> Start {
        self.starts[index]
    }
}

/// Returns the length of a block's RLP encoding: a list of header, transactions, ommers and withdrawals.
fn size(header: &Header, transactions: &[BlockTx], body: &Body) -> usize {
    let list = |payload: usize| alloy_rlp::length_of_length(payload) + payload;
    let transactions = transactions.iter().map(|tx| tx.tx.length()).sum();
    let withdrawals = body.withdrawals.as_ref().map_or(0, Encodable::length);
    list(header.length() + list(transactions) + body.ommers.length() + withdrawals)
}

/// Returns what stands before each of `transactions`.
pub(crate) fn starts(transactions: &[BlockTx]) -> Vec<Start> {
    let mut next = Start::default();
    let start = |tx: &BlockTx| {
        let start = next;
        next.gas_used += tx.gas_used;
        next.logs += tx.logs.len() as u64;
        start
    };
    transactions.iter().map(start).collect()
}

/// Blocks of one rollup, from genesis on: the last ones in memory, and all that are committed on disk when there is one.
// Invariant: `recent` has no gaps and is never empty, the indexes name exactly what stands there, and whatever is not
// there is on the shelf.
#[derive(Debug)]
pub(crate) struct BlockStore {
    recent: VecDeque<Arc<StoredBlock>>,
    recent_bytes: usize,
    by_hash: HashMap<B256, u64>,
    by_tx: HashMap<B256, (u64, usize)>,
    /// Legs that the system transactions of the open block work for.
    origins: B256Map<Origin>,
    shelf: Option<Shelf>,
}

/// A transaction's block and its index there.
pub(crate) type Found = (Arc<StoredBlock>, usize);

impl BlockStore {
    pub(crate) fn new(genesis: Header, hash: B256) -> Self {
        Self::starting_with(StoredBlock::new(genesis, hash, 0, Vec::new()))
    }

    pub(crate) fn starting_with(first: StoredBlock) -> Self {
        Self::beginning(Arc::new(first), None)
    }

    fn beginning(first: Arc<StoredBlock>, shelf: Option<Shelf>) -> Self {
        let mut store = Self {
            recent: VecDeque::new(),
            recent_bytes: 0,
            by_hash: HashMap::default(),
            by_tx: HashMap::default(),
            origins: B256Map::default(),
            shelf,
        };
        store.add(first);
        store
    }

    /// Goes on after the last block of a shelf.
    pub(crate) fn resume(shelf: Shelf, head: u64) -> Result<Self, StoreError> {
        let head = shelf.block(head)?;
        let head = head.ok_or_else(|| StoreError::Corrupt("the last block is missing".into()))?;
        Ok(Self::beginning(head, Some(shelf)))
    }

    pub(crate) fn push_closed(&mut self, block: ClosedBlock) -> Arc<StoredBlock> {
        let mut block = StoredBlock::new(block.header, block.hash, block.slot, block.transactions);
        // What is not in the block was removed from it.
        let known = std::mem::take(&mut self.origins);
        let own = block.transactions.iter().map(|tx| *tx.tx.tx_hash());
        block.origins = own.filter_map(|hash| Some((hash, *known.get(&hash)?))).collect();
        self.push(block)
    }

    pub(crate) fn push(&mut self, block: StoredBlock) -> Arc<StoredBlock> {
        let number = self.head_number() + 1;
        assert_eq!(block.header.number, number, "blocks are stored without gaps");
        self.add(Arc::new(block))
    }

    fn add(&mut self, block: Arc<StoredBlock>) -> Arc<StoredBlock> {
        let number = block.header.number;
        self.by_hash.insert(block.hash, number);
        for (index, tx) in block.transactions.iter().enumerate() {
            self.by_tx.insert(*tx.tx.tx_hash(), (number, index));
        }
        self.recent_bytes += block.bytes();
        self.recent.push_back(block.clone());
        block
    }

    fn unlink(&mut self, block: &StoredBlock) {
        self.recent_bytes -= block.bytes();
        self.by_hash.remove(&block.hash);
        for tx in &block.transactions {
            self.by_tx.remove(tx.tx.tx_hash());
        }
    }

    /// Forgets every block after `head`, which is in memory.
    pub(crate) fn truncate(&mut self, head: u64) {
        while self.head_number() > head {
            let block = self.recent.pop_back().expect("genesis is never forgotten");
            self.unlink(&block);
        }
        self.origins.clear();
    }

    /// Takes a shelf that holds every block up to `last`, and forgets those that need not be in memory any more.
    pub(crate) fn shelve(&mut self, shelf: Shelf, last: u64) {
        self.shelf = Some(shelf);
        while self.recent.len() > 1
            && (self.recent.len() > RECENT_BLOCKS || self.recent_bytes > RECENT_BYTES)
            && let Some(block) = self.recent.pop_front_if(|block| block.header.number <= last)
        {
            self.unlink(&block);
        }
    }

    pub(crate) fn head(&self) -> &Arc<StoredBlock> {
        self.recent.back().expect("genesis is never forgotten")
    }

    pub(crate) fn head_number(&self) -> u64 {
        self.head().header.number
    }

    /// Returns the number of the first block that is in memory.
    fn first(&self) -> u64 {
        self.recent.front().expect("genesis is never forgotten").header.number
    }

    pub(crate) fn by_number(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, StoreError> {
        match (number.checked_sub(self.first()), &self.shelf) {
            (Some(index), _) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                Ok(self.recent.get(index).cloned())
            }
            (None, Some(shelf)) => shelf.block(number),
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn by_hash(&self, hash: &B256) -> Result<Option<Arc<StoredBlock>>, StoreError> {
        match (self.by_hash.get(hash), &self.shelf) {
            (Some(number), _) => self.by_number(*number),
            (None, Some(shelf)) => match shelf.number(hash)? {
                Some(number) => self.by_number(number),
                None => Ok(None),
            },
            (None, None) => Ok(None),
        }
    }

    /// Returns the last block of a slot that began not after `unix_ms`; the first one, when all began later.
    pub(crate) fn at_time(&self, unix_ms: u64) -> Result<Arc<StoredBlock>, StoreError> {
        let missing = || StoreError::Corrupt("a block is missing".into());
        let get = |number| self.by_number(number)?.ok_or_else(missing);
        let (mut low, mut high) = (0, self.head_number());
        // Invariant: the block asked for stands in low..=high.
        while low < high {
            let middle = high - (high - low) / 2;
            if get(middle)?.unix_ms() <= unix_ms {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        get(low)
    }

    fn place(&self, hash: &B256) -> Result<Option<(u64, usize)>, StoreError> {
        match (self.by_tx.get(hash), &self.shelf) {
            (Some(place), _) => Ok(Some(*place)),
            (None, Some(shelf)) => shelf.place(hash),
            (None, None) => Ok(None),
        }
    }

    /// Returns true when a transaction is in a block.
    pub(crate) fn has_transaction(&self, hash: &B256) -> Result<bool, StoreError> {
        Ok(self.place(hash)?.is_some())
    }

    /// Returns a transaction's block and its index there.
    pub(crate) fn transaction(&self, hash: &B256) -> Result<Option<Found>, StoreError> {
        let Some((number, index)) = self.place(hash)? else { return Ok(None) };
        Ok(self.by_number(number)?.map(|block| (block, index)))
    }

    /// Returns the numbers of the blocks in a range, in order, whose bloom may be that of a log which is looked for.
    pub(crate) fn with_logs(
        &self,
        from: u64,
        to: u64,
        may_have: impl Fn(&Bloom) -> bool,
    ) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        let first = self.first();
        if let (Some(shelf), true) = (&self.shelf, from < first) {
            shelf.with_logs(from, to.min(first - 1), &may_have, &mut numbers)?;
        }
        let recent = self.recent.iter().map(|block| &block.header);
        let within = recent.filter(|header| (from..=to).contains(&header.number));
        numbers.extend(
            within
                .filter(|header| !header.logs_bloom.is_zero() && may_have(&header.logs_bloom))
                .map(|header| header.number),
        );
        Ok(numbers)
    }

    pub(crate) fn set_origin(&mut self, system_tx: B256, origin: Origin) {
        self.origins.insert(system_tx, origin);
    }

    /// Returns the leg that a system transaction works for.
    pub(crate) fn origin(&self, system_tx: &B256) -> Result<Option<Origin>, StoreError> {
        if let Some(origin) = self.origins.get(system_tx) {
            return Ok(Some(*origin));
        }
        let found = self.transaction(system_tx)?;
        Ok(found.and_then(|(block, _)| block.origins.get(system_tx).copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNTS;
    use alloy_consensus::{TxEip1559, TxLegacy, TypedTransaction};
    use alloy_primitives::{Address, Bytes};
    use weft_types::{Position, Section, SlotNumber};

    fn block_tx(tx: impl Into<TypedTransaction>) -> BlockTx {
        let slot = SlotNumber::new(1);
        BlockTx {
            tx: Arc::new(DEV_ACCOUNTS[0].sign(tx.into()).unwrap()),
            sender: Address::ZERO,
            position: Position { slot, section: Section::Plaintext, index: 0 },
            leg: 0,
            is_system: false,
            success: true,
            gas_used: 0,
            effective_gas_price: 0,
            logs: Vec::new(),
            output: Bytes::new(),
            contract_address: None,
        }
    }

    #[test]
    fn the_size_is_that_of_the_encoded_block() {
        let legacy = block_tx(TxLegacy::default());
        let typed = block_tx(TxEip1559 { input: vec![1; 300].into(), ..TxEip1559::default() });
        let ommers = vec![Header::default(); 2];
        let bodies = [
            Body::default(),
            Body { withdrawals: Some(Withdrawals::default()), ommers, ..Body::default() },
        ];
        for body in bodies {
            for transactions in [vec![], vec![legacy.clone()], vec![typed.clone(), legacy.clone()]]
            {
                let block = StoredBlock::imported(
                    Header::default(),
                    B256::ZERO,
                    transactions,
                    body.clone(),
                );
                assert_eq!(block.size, alloy_rlp::encode(block.ethereum()).len());
            }
        }
    }
}
