//! Receipts of a story on its rollups, and the slot that they share.

use super::{report::Report, report::short, stage::Stage};
use crate::{amount::thousands, rpc::Receipt, style::chain};
use alloy_primitives::{Address, B256, U64};
use eyre::{Result, bail, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use weft_contracts::addresses::SYSTEM_SENDER;

/// Block, as far as it is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: U64,
    /// Hash of the slot header (P9): equal on all rollups.
    parent_beacon_block_root: B256,
    transactions: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    hash: B256,
    from: Address,
}

/// Finds the receipt of the inbound work that the transaction with receipt `origin` on the first rollup made on
/// rollup `id` (P29).
pub(super) async fn inbound(stage: &Stage, origin: &Receipt, id: u64) -> Result<Receipt> {
    let slot = block(stage, stage.a, json!(origin.block_number)).await?.parent_beacon_block_root;
    let rpc = stage.rpc(id)?;
    let mut found = block(stage, id, json!("latest")).await?;
    while found.parent_beacon_block_root != slot {
        let number = found.number.to::<u64>();
        let Some(earlier) = number.checked_sub(1) else {
            bail!("{id} has no block in slot {slot}");
        };
        found = block(stage, id, json!(U64::from(earlier))).await?;
    }
    let hash = origin.transaction_hash.to_string();
    for tx in found.transactions.iter().filter(|tx| tx.from == SYSTEM_SENDER) {
        let receipt: Value = rpc.request("eth_getTransactionReceipt", json!([tx.hash])).await?;
        if receipt["weftOrigin"].to_string().contains(&hash) {
            return Ok(serde_json::from_value(receipt)?);
        }
    }
    Err(eyre!("no transaction of block {} of {id} comes from {hash}", found.number))
}

/// Prints receipts, one per rollup, and checks that they are of one slot.
pub(super) async fn print(
    stage: &Stage,
    report: &mut Report,
    receipts: [(u64, &Receipt, &str); 2],
) -> Result<()> {
    report.heading("Receipts", "");
    let mut slots = Vec::new();
    for (id, receipt, what) in receipts {
        let number = receipt.block_number.to::<u64>();
        let (status, gas) = (receipt.status.to::<u64>(), receipt.gas_used.to::<u64>());
        report.line(format_args!(
            "  {}  block {number:<4} status {status} {:>11} gas  {}  {what}",
            chain(id),
            thousands(&gas.to_string()),
            short(receipt.transaction_hash),
        ));
        report.expect(&format!("status on {id}"), &status.to_string(), "1");
        report.push(
            "receipts",
            json!({
                "chainId": id,
                "what": what,
                "transactionHash": receipt.transaction_hash,
                "blockNumber": number,
                "blockHash": receipt.block_hash,
                "status": status,
                "gasUsed": gas,
            }),
        );
        slots.push(block(stage, id, json!(receipt.block_number)).await?.parent_beacon_block_root);
    }
    report.check_same_slot(slots[0], slots[1]);
    Ok(())
}

async fn block(stage: &Stage, id: u64, number: Value) -> Result<Block> {
    stage
        .rpc(id)?
        .request::<Option<Block>>("eth_getBlockByNumber", json!([number, true]))
        .await?
        .ok_or_else(|| eyre!("{id} has no block {number}"))
}
