//! Blocks built on request over an imported chain, which keep nothing (`testing_*`).

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::{
    engine::At,
    foreign_pool::{Waiting, without_blobs},
};
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip4895::Withdrawal,
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_ethereum::{Attributes, Built, build};
use weft_evm::State as _;

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
        None => best(call, number)?,
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
    let mut state = call.engine.whole_state(call.network, At::Block(number))?;
    let before = state.clone();
    let mut unread = None;
    let built = build(
        call.engine.chain(call.network).schedule(),
        (&parent.header, parent.hash),
        &before,
        |changes| {
            let root = state.apply(changes).and_then(|()| state.root());
            root.unwrap_or_else(|error| {
                unread = Some(error);
                B256::ZERO
            })
        },
        attributes,
        &transactions,
        must_run,
    );
    if let Some(error) = unread {
        return Err(error.into());
    }
    let built = built.map_err(|why| RpcError::refused(why.to_string()))?;
    Ok(envelope(&built, &transactions))
}

fn decode((index, raw): (usize, &Bytes)) -> RpcResult<TxEnvelope> {
    TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| RpcError::params(format!("transaction {index}: {error}")))
}

/// Returns what waits for a block: the best tip first, each sender's transactions in order.
fn best(call: &mut Call<'_>, number: u64) -> RpcResult<Vec<TxEnvelope>> {
    let foreign = call.engine.chain(call.network).foreign.as_ref();
    let senders: Vec<Address> =
        foreign.map(|f| f.pool.queues().map(|(sender, _)| sender).collect()).unwrap_or_default();
    let base_fee = call.engine.realm.block_env(call.network).map_or(0, |env| env.basefee);
    let mut queues: BTreeMap<Address, Vec<Waiting>> = BTreeMap::new();
    for sender in senders {
        let account = call.engine.account(call.network, At::Block(number), sender)?;
        let nonce = account.map_or(0, |account| account.nonce);
        let Some(foreign) = &call.engine.chain(call.network).foreign else { continue };
        let next = foreign.pool.next_nonce(sender, nonce);
        let ready = foreign.pool.of(sender).filter(|w| (nonce..next).contains(&w.tx.nonce()));
        // The last one is taken first.
        let mut ready: Vec<Waiting> = ready.cloned().collect();
        ready.reverse();
        queues.insert(sender, ready);
    }
    let mut order = Vec::new();
    loop {
        let tip = |queue: &[Waiting]| queue.last()?.tx.effective_tip_per_gas(base_fee);
        let richest = queues.iter().filter_map(|(s, q)| Some((tip(q)?, *s))).max();
        let Some((_, sender)) = richest else { return Ok(order) };
        order.extend(queues.get_mut(&sender).and_then(Vec::pop).map(|waiting| waiting.tx));
    }
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
