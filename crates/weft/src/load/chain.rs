//! What became of transactions: in which blocks they are, and with which receipts.

use super::http::Connection;
use alloy_primitives::{B256, U64, map::B256Set};
use eyre::{Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};

/// Time between two looks.
const POLL: Duration = Duration::from_millis(10);

/// Blocks of a chain from a moment on.
#[derive(Debug)]
pub(crate) struct Watch {
    connection: Connection,
    first: u64,
    next: u64,
    transactions: usize,
}

/// Receipt, as far as it is checked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: B256,
    status: U64,
}

impl Watch {
    /// Begins with the next block.
    pub(crate) async fn start(url: &str) -> Result<Self> {
        let mut connection = Connection::open(url).await?;
        let next = head(&mut connection).await? + 1;
        Ok(Self { connection, first: next, next, transactions: 0 })
    }

    /// Waits until `count` transactions are in blocks; returns when the last of them was seen there.
    pub(crate) async fn wait(&mut self, count: usize, patience: Duration) -> Result<Instant> {
        let begun = Instant::now();
        loop {
            let head = head(&mut self.connection).await?;
            while self.next <= head {
                self.transactions += self.count(self.next).await?;
                self.next += 1;
            }
            if self.transactions >= count {
                return Ok(Instant::now());
            }
            if begun.elapsed() > patience {
                let seconds = patience.as_secs();
                bail!(
                    "{} of {count} transactions are in blocks after {seconds} s",
                    self.transactions
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn count(&mut self, number: u64) -> Result<usize> {
        let params = json!([U64::from(number)]);
        let count = self.connection.call("eth_getBlockTransactionCountByNumber", params).await?;
        Ok(serde_json::from_value::<U64>(count)?.to())
    }

    /// Returns the number of blocks that were seen.
    pub(crate) const fn blocks(&self) -> u64 {
        self.next - self.first
    }

    /// Checks that every one of `hashes`, and nothing else, is in the blocks that were seen, with status 1.
    pub(crate) async fn check(&mut self, hashes: impl Iterator<Item = B256>) -> Result<()> {
        let mut missing: B256Set = hashes.collect();
        for number in self.first..self.next {
            let params = json!([U64::from(number)]);
            let receipts = self.connection.call("eth_getBlockReceipts", params).await?;
            for receipt in serde_json::from_value::<Vec<Receipt>>(receipts)? {
                let hash = receipt.transaction_hash;
                ensure!(receipt.status == U64::from(1), "{hash} failed in block {number}");
                ensure!(
                    missing.remove(&hash),
                    "{hash} in block {number} is not ours, or is there twice"
                );
            }
        }
        ensure!(missing.is_empty(), "{} transactions are in no block", missing.len());
        Ok(())
    }
}

async fn head(connection: &mut Connection) -> Result<u64> {
    let head: U64 = serde_json::from_value(connection.call("eth_blockNumber", json!([])).await?)?;
    Ok(head.to())
}
