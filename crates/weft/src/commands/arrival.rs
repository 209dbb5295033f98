//! What came through the inbox on L1, on its way to a rollup.

use super::{
    l1::{Found, Sender, send::explain},
    waiting::{Look, until},
};
use crate::{
    realm::Realm,
    rpc::{Receipt, Rpc},
};
use alloy_primitives::{Address, B256, Bytes, LogData, U64};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::{Log, TransactionReceipt};
use alloy_sol_types::SolEvent as _;
use eyre::{Result, bail, eyre};
use serde_json::{Value, json};
use weft_contracts::{Bridge, Inbox, addresses::BRIDGE};
use weft_promise::read_promise;
use weft_types::{Domain, ExecutionPromise, Item, L1Born, L1Event, L1Ref, Position, Statement};

/// Blocks of a rollup that are looked through for what was promised a moment ago.
const LAST_BLOCKS: u64 = 64;

/// An entry of the inbox.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) index: u64,
    /// By which rollups know it. It changes when L1 takes the block back and puts the entry into another.
    pub(super) item: B256,
    /// L1 block.
    pub(super) block: u64,
}

impl Entry {
    /// Returns the first entry that a transaction on L1 made.
    pub(super) fn of(receipt: &TransactionReceipt, found: &Found) -> Result<Self> {
        let inbox = found.contracts.inbox;
        let mut ours = receipt.logs().iter().filter(|log| log.address() == inbox);
        let entry = ours.find_map(|log| read(log, &found.realm.domain));
        let hash = receipt.transaction_hash;
        entry.ok_or_else(|| eyre!("transaction {hash} added no entry to the inbox {inbox}"))
    }
}

fn read(log: &Log, domain: &Domain) -> Option<Entry> {
    let added = Inbox::EntryAdded::decode_log(&log.inner).ok()?.data;
    let log_index = u32::try_from(log.log_index?).ok()?;
    let origin = L1Ref { block_hash: log.block_hash?, log_index };
    let item = Item::L1Born(L1Born { origin, event: L1Event::of_payload(&added.payload) });
    Some(Entry { index: added.index, item: item.hash(domain), block: log.block_number? })
}

/// A transaction on L1 whose entry somebody waits for.
#[derive(Debug)]
pub(super) struct Arriving<'a> {
    pub(super) transaction: B256,
    pub(super) found: &'a Found,
    pub(super) sender: &'a Sender,
    pub(super) realm: &'a Realm,
    pub(super) rollup: u64,
}

impl Arriving<'_> {
    /// Waits until the rollup has it in a block; returns the receipt there.
    pub(super) async fn arrive(&self) -> Result<Receipt> {
        let ExecutionPromise { position, removal, .. } = until(async || self.look().await).await?;
        if let Some(removal) = removal {
            bail!("rollup {} did not take it: {:?}", self.rollup, removal.cause);
        }
        let rollup = self.realm.rollup(self.rollup)?;
        let block = || work_at(rollup, position);
        let receipt = rollup.wait(&format!("a block with {position}"), block).await?;
        match held(&receipt) {
            None => Ok(receipt),
            Some((number, to)) => bail!(
                "it arrived, and {to} refuses it: the bridge {BRIDGE} of rollup {} holds it as \
                 delivery {number}, which anybody may try again there (retry)",
                self.rollup
            ),
        }
    }

    /// Asks what the rollup promises of its result.
    async fn look(&self) -> Result<Look<ExecutionPromise>> {
        let provider = &self.sender.provider;
        let receipt = provider.get_transaction_receipt(self.transaction).await.map_err(explain)?;
        let Some(receipt) = receipt else {
            return Ok(Look::NotYet("L1 took its block back; waiting for another".to_owned()));
        };
        let Entry { index, item, block } = Entry::of(&receipt, self.found)?;
        let told: Value = self.realm.entry().request("weft_getPromise", json!([item])).await?;
        if !told["execution"].is_null() {
            let (promise, _) = read_promise(&told["execution"].to_string())?;
            let Statement::Execution(execution) = promise.statement else {
                bail!("the node answers with another promise than that of a result");
            };
            return Ok(Look::There(execution));
        }
        let head = provider.get_block_number().await.map_err(explain)?;
        let deep = head.saturating_sub(block);
        Ok(Look::NotYet(format!(
            "entry {index} has {deep} L1 blocks behind it; rollup {} takes it once that is enough",
            self.rollup
        )))
    }
}

/// Returns the receipt of what a rollup did at a position, from one of its last blocks.
async fn work_at(rollup: &Rpc, position: Position) -> Result<Option<Receipt>> {
    let head: u64 = rollup.request::<U64>("eth_blockNumber", json!([])).await?.to();
    for number in (head.saturating_sub(LAST_BLOCKS)..=head).rev() {
        let receipts = rollup.request("eth_getBlockReceipts", json!([U64::from(number)])).await?;
        let receipts: Vec<Value> = receipts;
        let is_it = |receipt: &&Value| {
            receipt["weftOrigin"]["position"]["text"].as_str() == Some(&position.to_string())
        };
        if let Some(found) = receipts.iter().find(is_it) {
            return Ok(Some(serde_json::from_value(found.clone())?));
        }
    }
    Ok(None)
}

/// Returns the delivery that the bridge of a rollup holds because its receiver refused it.
fn held(receipt: &Receipt) -> Option<(String, Address)> {
    let mut ours = receipt.logs.iter().filter(|log| log.address == BRIDGE);
    ours.find_map(|log| {
        let data = LogData::new_unchecked(log.topics.clone(), Bytes::clone(&log.data));
        let held = Bridge::DeliveryHeld::decode_log_data(&data).ok()?;
        Some((held.number.to_string(), held.to))
    })
}
