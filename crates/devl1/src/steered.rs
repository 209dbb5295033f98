//! A chain that is steered by the methods that anvil has for it.

use crate::{DevL1Error, Head, MAX_REORG, rpc::Rpc};
use alloy_eips::eip4844::Blob;
use alloy_primitives::{B256, Bytes, U64};
use serde::Deserialize;
use serde_json::{Value, json};
use weft_node::{BlobArchive, BlobArchiveError};

/// Where a chain answers, and where its blobs are.
#[derive(Debug, Clone)]
pub(crate) struct Steered {
    pub(crate) rpc: Rpc,
    pub(crate) archive: BlobArchive,
}

/// What is read of a block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Block {
    pub(crate) number: U64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    pub(crate) transactions: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transaction {
    block_hash: Option<B256>,
    #[serde(default)]
    pub(crate) blob_versioned_hashes: Vec<B256>,
}

impl Steered {
    async fn head(&self) -> Result<Head, DevL1Error> {
        let block = self.block("eth_getBlockByNumber", json!("latest")).await?;
        block
            .map(|block| Head { number: block.number.to(), hash: block.hash })
            .ok_or_else(|| DevL1Error::refused("eth_getBlockByNumber", "no block"))
    }

    pub(crate) async fn block(
        &self,
        method: &'static str,
        at: Value,
    ) -> Result<Option<Block>, DevL1Error> {
        self.rpc.call(method, json!([at, true])).await
    }

    pub(crate) async fn mine(&self, blocks: u64) -> Result<Head, DevL1Error> {
        self.rpc.call::<Value>("anvil_mine", json!([U64::from(blocks)])).await?;
        self.head().await
    }

    pub(crate) async fn reorg(&self, depth: u64) -> Result<Head, DevL1Error> {
        let most = MAX_REORG.min(self.head().await?.number);
        if depth > most {
            return Err(DevL1Error::TooDeep { depth, most });
        }
        self.rpc.call::<Value>("anvil_reorg", json!([depth, []])).await?;
        self.head().await
    }

    pub(crate) async fn blobs(&self, transaction: B256) -> Result<Vec<Blob>, DevL1Error> {
        let found: Option<Transaction> =
            self.rpc.call("eth_getTransactionByHash", json!([transaction])).await?;
        let mined = found.filter(|found| found.block_hash.is_some());
        let mined = mined.ok_or(DevL1Error::NotMined(transaction))?;
        self.keep(&mined.blob_versioned_hashes).await?;
        Ok(self.archive.all(&mined.blob_versioned_hashes)?)
    }

    /// Keeps blobs while the chain has them.
    pub(crate) async fn keep(&self, hashes: &[B256]) -> Result<(), DevL1Error> {
        for hash in hashes {
            if !self.archive.has(hash) {
                let blob: Option<Bytes> =
                    self.rpc.call("anvil_getBlobByHash", json!([hash])).await?;
                self.archive.put(hash, &blob.ok_or(BlobArchiveError::Unknown(*hash))?)?;
            }
        }
        Ok(())
    }
}
