//! Blocks of L1, and how their content is checked against their hashes.

use crate::error::Lie;
use alloy_consensus::{ReceiptEnvelope, proofs::calculate_receipt_root};
use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};
use alloy_rpc_types_eth::{Header, TransactionReceipt};

/// A block of L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct L1Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Hash of the block before.
    pub parent: B256,
    /// Its time, in seconds since the Unix epoch.
    pub unix_s: u64,
}

/// A header whose hash was computed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedHeader {
    /// The block.
    pub block: L1Block,
    /// Root over its receipts.
    pub(crate) receipts_root: B256,
    /// What its logs name.
    pub(crate) bloom: Bloom,
}

/// A log with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlacedLog {
    /// Its number in the block.
    pub(crate) index: u32,
    /// Transaction that emitted it, as the endpoint says; nothing in the block's hashes shows it.
    pub(crate) transaction: B256,
    pub(crate) log: Log,
}

impl CheckedHeader {
    /// Computes the hash of a header.
    pub(crate) fn new(header: &Header) -> Result<Self, Lie> {
        let computed = header.inner.hash_slow();
        if computed != header.hash {
            return Err(Lie::Header {
                number: header.inner.number,
                declared: header.hash,
                computed,
            });
        }
        let block = L1Block {
            number: header.inner.number,
            hash: computed,
            parent: header.inner.parent_hash,
            unix_s: header.inner.timestamp,
        };
        let (receipts_root, bloom) = (header.inner.receipts_root, header.inner.logs_bloom);
        Ok(Self { block, receipts_root, bloom })
    }

    /// Tells whether the block can hold a log of one of these addresses.
    pub(crate) fn may_name(&self, addresses: &[Address]) -> bool {
        addresses
            .iter()
            .any(|address| self.bloom.contains_input(BloomInput::Raw(address.as_slice())))
    }

    /// Returns the logs of the block's receipts, which must be all of them.
    pub(crate) fn logs(&self, receipts: Vec<TransactionReceipt>) -> Result<Vec<PlacedLog>, Lie> {
        let receipts: Vec<_> = receipts
            .into_iter()
            .map(TransactionReceipt::into_primitives_receipt)
            .map(|receipt| (receipt.transaction_hash, receipt.inner))
            .collect();
        let envelopes: Vec<&ReceiptEnvelope<Log>> = receipts.iter().map(|(_, one)| one).collect();
        let computed = calculate_receipt_root(&envelopes);
        if computed != self.receipts_root {
            let (number, declared) = (self.block.number, self.receipts_root);
            return Err(Lie::Receipts { number, declared, computed });
        }
        let logs = receipts.iter().flat_map(|(transaction, receipt)| {
            receipt.logs().iter().map(move |log| (*transaction, log.clone()))
        });
        let placed =
            |(index, (transaction, log))| PlacedLog { index: index as u32, transaction, log };
        Ok(logs.enumerate().map(placed).collect())
    }
}
