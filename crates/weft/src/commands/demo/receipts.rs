//! Receipts of a story on its rollups, and the slot that they share.

use super::{report::Report, stage::Stage};
use crate::{
    amount::thousands,
    rpc::Receipt,
    style::{chain, short},
};
use alloy_primitives::B256;
use eyre::{Result, WrapErr, eyre};
use serde::Deserialize;
use serde_json::{Value, json};

/// Block, as far as it is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    /// Hash of the slot header (P9): equal on all rollups.
    parent_beacon_block_root: B256,
}

/// A transaction of one rollup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct System {
    chain_id: u64,
    tx_hash: B256,
}

/// Returns the receipt of the inbound work that transaction `origin` made on rollup `id` (P29).
pub(super) async fn inbound(stage: &Stage, origin: B256, id: u64) -> Result<Receipt> {
    let mut outcome = stage.realm.wait_outcome(origin).await?;
    let system: Vec<System> = serde_json::from_value(outcome["system"].take())
        .wrap_err("unexpected answer to weft_getOutcome")?;
    match system.iter().find(|system| system.chain_id == id) {
        Some(System { tx_hash, .. }) => stage.rpc(id)?.wait_receipt(*tx_hash).await,
        None => Err(eyre!("{origin} made no inbound work on {id}")),
    }
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
    let outcome = stage.realm.wait_outcome(receipts[0].1.transaction_hash).await?;
    let number = outcome["slot"].as_u64().ok_or_else(|| eyre!("no slot in {outcome}"))?;
    report.check_same_slot(number, slots[0], slots[1]);
    Ok(())
}

async fn block(stage: &Stage, id: u64, number: Value) -> Result<Block> {
    stage
        .rpc(id)?
        .request::<Option<Block>>("eth_getBlockByNumber", json!([number, false]))
        .await?
        .ok_or_else(|| eyre!("{id} has no block {number}"))
}
