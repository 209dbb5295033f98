//! Blocks built on request over an imported chain, which keep nothing (`testing_*`).

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::{engine::At, foreign_pool::without_blobs};
use alloy_consensus::TxEnvelope;
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip4895::Withdrawal,
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::{Value, json};
use weft_ethereum::{Attributes, Built};

pub(super) const METHODS: Methods = &[("testing_buildBlockV1", build_block)];

/// Gas limit that blocks move towards.
const GAS_LIMIT: u64 = 60_000_000;
/// Most bytes of extra data of a block (yellow paper, 4.3.4).
const MAX_EXTRA_DATA: usize = 32;
/// Most transactions of a request.
const MAX_TRANSACTIONS: usize = 4096;

/// Payload attributes of the engine API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    timestamp: U64,
    prev_randao: B256,
    suggested_fee_recipient: Address,
    #[serde(default)]
    withdrawals: Vec<Withdrawal>,
    #[serde(default)]
    parent_beacon_block_root: B256,
}

fn build_block(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let parent = args.hash(0)?;
    let wanted: Wanted = args.required(1)?;
    let raw: Option<Vec<Bytes>> = args.optional(2)?;
    if raw.as_ref().is_some_and(|raw| raw.len() > MAX_TRANSACTIONS) {
        return Err(RpcError::params(format!("over {MAX_TRANSACTIONS} transactions")));
    }
    let extra_data = match args.optional::<Value>(3)? {
        Some(_) => args.bytes(3)?,
        None => Bytes::new(),
    };
    if extra_data.len() > MAX_EXTRA_DATA {
        return Err(RpcError::params(format!("over {MAX_EXTRA_DATA} bytes of extra data")));
    }
    let decoded = raw.map(|raw| raw.iter().enumerate().map(decode).collect::<RpcResult<_>>());
    let decoded = decoded.transpose()?;
    let store = &call.engine.chain(call.network).store;
    let parent = store.by_hash(&parent)?;
    let parent = parent.ok_or_else(|| RpcError::refused("unknown parent block"))?;
    let number = parent.header.number;
    let must_run = decoded.is_some();
    let transactions = match decoded {
        Some(decoded) => decoded,
        None => call.engine.waiting_for(call.network, At::Block(number))?,
    };
    let attributes = Attributes {
        timestamp: wanted.timestamp.to(),
        prev_randao: wanted.prev_randao,
        fee_recipient: wanted.suggested_fee_recipient,
        withdrawals: wanted.withdrawals,
        parent_beacon_block_root: wanted.parent_beacon_block_root,
        extra_data,
        gas_limit: GAS_LIMIT,
    };
    let state = call.engine.whole_state(call.network, At::Block(number))?;
    let (built, _) = call.engine.build_foreign(
        call.network,
        &parent,
        state,
        attributes,
        &transactions,
        must_run,
    )?;
    Ok(envelope(&built, &transactions))
}

fn decode((index, raw): (usize, &Bytes)) -> RpcResult<TxEnvelope> {
    TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| RpcError::params(format!("transaction {index}: {error}")))
}

fn envelope(built: &Built, sent: &[TxEnvelope]) -> Value {
    let header = &built.header;
    let raw = |tx: &TxEnvelope| Bytes::from(without_blobs(tx).encoded_2718());
    let base_fee = header.base_fee_per_gas.unwrap_or_default();
    let value = built.transactions.iter().fold(U256::ZERO, |sum, tx| {
        let tip = tx.effective_gas_price.saturating_sub(u128::from(base_fee));
        sum + U256::from(tip) * U256::from(tx.gas_used)
    });
    json!({
        "executionPayload": {
            "parentHash": header.parent_hash,
            "feeRecipient": header.beneficiary,
            "stateRoot": header.state_root,
            "receiptsRoot": header.receipts_root,
            "logsBloom": header.logs_bloom,
            "prevRandao": header.mix_hash,
            "blockNumber": quantity(header.number),
            "gasLimit": quantity(header.gas_limit),
            "gasUsed": quantity(header.gas_used),
            "timestamp": quantity(header.timestamp),
            "extraData": header.extra_data,
            "baseFeePerGas": quantity(base_fee),
            "blockHash": header.hash_slow(),
            "transactions": built.transactions.iter().map(|tx| raw(&tx.tx)).collect::<Vec<_>>(),
            "withdrawals": built.withdrawals,
            "blobGasUsed": header.blob_gas_used.map(quantity),
            "excessBlobGas": header.excess_blob_gas.map(quantity),
        },
        "blockValue": value,
        "blobsBundle": bundle(built, sent),
        "executionRequests": built.requests.iter().collect::<Vec<_>>(),
        "shouldOverrideBuilder": false,
    })
}

/// Returns commitments, proofs and blobs of the transactions that came with them.
fn bundle(built: &Built, sent: &[TxEnvelope]) -> Value {
    let (mut commitments, mut proofs, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
    for tx in &built.transactions {
        let sent = sent.iter().find(|sent| sent.tx_hash() == tx.tx.tx_hash());
        let sidecar = sent.and_then(TxEnvelope::as_eip4844).and_then(|tx| tx.tx().sidecar());
        match sidecar {
            Some(BlobTransactionSidecarVariant::Eip4844(sidecar)) => {
                commitments.extend(sidecar.commitments.iter().map(|c| json!(c)));
                proofs.extend(sidecar.proofs.iter().map(|p| json!(p)));
                blobs.extend(sidecar.blobs.iter().map(|b| json!(b)));
            }
            Some(BlobTransactionSidecarVariant::Eip7594(sidecar)) => {
                commitments.extend(sidecar.commitments.iter().map(|c| json!(c)));
                proofs.extend(sidecar.cell_proofs.iter().map(|p| json!(p)));
                blobs.extend(sidecar.blobs.iter().map(|b| json!(b)));
            }
            None => {}
        }
    }
    json!({ "commitments": commitments, "proofs": proofs, "blobs": blobs })
}
