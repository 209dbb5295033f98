//! Roots over a block's transactions and receipts, which grow with the block (P9): most of the hashing is done before
//! the slot closes.

use crate::block::BlockTx;
use alloc::vec::Vec;
use alloy_eips::Encodable2718;
use alloy_primitives::{B256, Bloom};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles};

/// Index whose key comes after that of index 0: RLP writes 0 as `0x80`, and 1 to 127 as themselves.
const BEFORE_FIRST: usize = 0x7f;

/// What a header says about transactions and receipts.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) transactions: B256,
    pub(crate) receipts: B256,
    pub(crate) bloom: Bloom,
}

/// Roots over the first transactions of a block.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningRoots {
    transactions: List,
    receipts: List,
    bloom: Bloom,
    gas_used: u64,
    buffer: Vec<u8>,
}

impl RunningRoots {
    /// Returns how many transactions were taken.
    pub(crate) const fn len(&self) -> usize {
        self.transactions.len
    }

    /// Takes those of a block's transactions that came since the last call.
    pub(crate) fn advance(&mut self, transactions: &[BlockTx]) {
        transactions[self.len()..].iter().for_each(|tx| self.push(tx));
    }

    fn push(&mut self, tx: &BlockTx) {
        self.gas_used += tx.gas_used;
        let receipt = tx.receipt(self.gas_used);
        self.bloom |= *receipt.logs_bloom();
        self.buffer.clear();
        tx.tx.encode_2718(&mut self.buffer);
        self.transactions.push(&self.buffer);
        self.buffer.clear();
        receipt.encode_2718(&mut self.buffer);
        self.receipts.push(&self.buffer);
    }

    /// Returns the roots over all transactions of the block.
    pub(crate) fn finish(mut self, transactions: &[BlockTx]) -> Roots {
        self.advance(transactions);
        let (transactions, receipts) = (self.transactions.root(), self.receipts.root());
        Roots { transactions, receipts, bloom: self.bloom }
    }
}

/// The trie of a list, its keys being the RLP of the indices, which come in another order than the indices.
#[derive(Debug, Clone, Default)]
struct List {
    trie: HashBuilder,
    first: Vec<u8>,
    len: usize,
}

impl List {
    fn push(&mut self, value: &[u8]) {
        match self.len {
            0 => self.first.extend_from_slice(value),
            index => self.add(index, value),
        }
        if self.len == BEFORE_FIRST {
            self.add_first();
        }
        self.len += 1;
    }

    fn add(&mut self, index: usize, value: &[u8]) {
        self.trie.add_leaf(Nibbles::unpack(alloy_rlp::encode_fixed_size(&index)), value);
    }

    fn add_first(&mut self) {
        let first = core::mem::take(&mut self.first);
        self.add(0, &first);
    }

    fn root(mut self) -> B256 {
        if self.len == 0 {
            return EMPTY_ROOT_HASH;
        }
        if self.len <= BEFORE_FIRST {
            self.add_first();
        }
        self.trie.root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{sync::Arc, vec};
    use alloy_consensus::{
        SignableTransaction, TxEnvelope, TxLegacy,
        proofs::{calculate_receipt_root, calculate_transaction_root},
    };
    use alloy_primitives::{Address, Bytes, Log, Signature, U256};
    use weft_types::{Position, Section, SlotNumber};

    fn transaction(nonce: u64) -> BlockTx {
        let input = vec![nonce as u8; (nonce * 37 % 200) as usize].into();
        let tx = TxLegacy { nonce, input, ..TxLegacy::default() };
        let signature = Signature::new(U256::from(1), U256::from(nonce), false);
        let logs = (0..nonce % 3).map(|_| {
            Log::new_unchecked(Address::with_last_byte(nonce as u8), vec![], Bytes::new())
        });
        BlockTx {
            tx: Arc::new(TxEnvelope::Legacy(tx.into_signed(signature))),
            sender: Address::ZERO,
            position: Position {
                slot: SlotNumber::new(1),
                section: Section::Plaintext,
                index: nonce as u32,
            },
            leg: 0,
            is_system: false,
            success: !nonce.is_multiple_of(5),
            gas_used: 21_000 + nonce,
            effective_gas_price: 0,
            logs: logs.collect(),
            output: Bytes::new(),
            contract_address: None,
        }
    }

    /// Every length whose keys are ordered in a way of its own, taken in pieces of every kind of size.
    #[test]
    fn p9_running_roots_are_those_of_the_whole_block() {
        let all: Vec<BlockTx> = (0..300).map(transaction).collect();
        for length in (0..=140).chain([255, 256, 257, 300]) {
            let block = &all[..length];
            let receipts = crate::block::receipts(block);
            let envelopes: Vec<&TxEnvelope> = block.iter().map(|tx| &*tx.tx).collect();
            for step in [1, 7, 127, 128, 300] {
                let mut running = RunningRoots::default();
                (0..length).step_by(step).for_each(|end| running.advance(&block[..end]));
                let roots = running.finish(block);
                assert_eq!(roots.transactions, calculate_transaction_root(&envelopes), "{length}");
                assert_eq!(roots.receipts, calculate_receipt_root(&receipts), "{length}");
                let bloom = receipts.iter().fold(Bloom::ZERO, |all, one| all | *one.logs_bloom());
                assert_eq!(roots.bloom, bloom, "{length}");
            }
        }
    }
}
