//! Blocks of one rollup with their transactions, receipts and logs.

use alloy_consensus::{Eip658Value, Header, ReceiptEnvelope, TxEnvelope};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{B256, map::HashMap};
use alloy_rlp::Encodable;
use std::sync::Arc;
use weft_evm::{BlockTx, ClosedBlock};
use weft_types::NetworkId;

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
        Self { header, hash, slot, transactions, size, body, starts }
    }

    /// Returns the block as Ethereum encodes it.
    pub(crate) fn ethereum(&self) -> alloy_consensus::Block<TxEnvelope> {
        let body = alloy_consensus::BlockBody {
            transactions: self.transactions.iter().map(|tx| tx.tx.clone()).collect(),
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

/// Blocks of one rollup, from genesis on.
// Invariant: block `n` stands at index `n` of `blocks`, and the indexes name exactly what stands there.
#[derive(Debug)]
pub(crate) struct BlockStore {
    blocks: Vec<Arc<StoredBlock>>,
    by_hash: HashMap<B256, u64>,
    by_tx: HashMap<B256, (u64, usize)>,
    origins: HashMap<B256, Origin>,
}

impl BlockStore {
    pub(crate) fn new(genesis: Header, hash: B256) -> Self {
        Self::starting_with(StoredBlock::new(genesis, hash, 0, Vec::new()))
    }

    pub(crate) fn starting_with(genesis: StoredBlock) -> Self {
        let mut store = Self {
            blocks: Vec::new(),
            by_hash: HashMap::default(),
            by_tx: HashMap::default(),
            origins: HashMap::default(),
        };
        store.push(genesis);
        store
    }

    pub(crate) fn push_closed(&mut self, block: ClosedBlock) -> Arc<StoredBlock> {
        self.push(StoredBlock::new(block.header, block.hash, block.slot, block.transactions))
    }

    pub(crate) fn push(&mut self, block: StoredBlock) -> Arc<StoredBlock> {
        let number = self.blocks.len() as u64;
        assert_eq!(block.header.number, number, "blocks are stored without gaps");
        self.by_hash.insert(block.hash, number);
        for (index, tx) in block.transactions.iter().enumerate() {
            self.by_tx.insert(*tx.tx.tx_hash(), (number, index));
        }
        let block = Arc::new(block);
        self.blocks.push(block.clone());
        block
    }

    /// Forgets every block after `head`.
    pub(crate) fn truncate(&mut self, head: u64) {
        while self.head_number() > head {
            let block = self.blocks.pop().expect("genesis is never forgotten");
            self.by_hash.remove(&block.hash);
            for tx in &block.transactions {
                self.by_tx.remove(tx.tx.tx_hash());
                self.origins.remove(tx.tx.tx_hash());
            }
        }
    }

    pub(crate) fn head(&self) -> &Arc<StoredBlock> {
        self.blocks.last().expect("genesis is never forgotten")
    }

    pub(crate) const fn head_number(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = &Arc<StoredBlock>> + DoubleEndedIterator {
        self.blocks.iter()
    }

    pub(crate) fn by_number(&self, number: u64) -> Option<&Arc<StoredBlock>> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn by_hash(&self, hash: &B256) -> Option<&Arc<StoredBlock>> {
        self.by_number(*self.by_hash.get(hash)?)
    }

    /// Returns the last block of a slot that began not after `unix_ms`.
    pub(crate) fn at_time(&self, unix_ms: u64) -> &Arc<StoredBlock> {
        let after = self.blocks.partition_point(|block| block.unix_ms() <= unix_ms);
        &self.blocks[after.max(1) - 1]
    }

    /// Returns a transaction's block and its index there.
    pub(crate) fn transaction(&self, hash: &B256) -> Option<(&Arc<StoredBlock>, usize)> {
        let (number, index) = *self.by_tx.get(hash)?;
        Some((self.by_number(number)?, index))
    }

    pub(crate) fn set_origin(&mut self, system_tx: B256, origin: Origin) {
        self.origins.insert(system_tx, origin);
    }

    pub(crate) fn origin(&self, system_tx: &B256) -> Option<Origin> {
        self.origins.get(system_tx).copied()
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
            tx: DEV_ACCOUNTS[0].sign(tx.into()).unwrap(),
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
