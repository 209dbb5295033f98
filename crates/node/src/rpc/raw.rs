//! Blocks, headers, receipts and transactions as Ethereum encodes them.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
};
use crate::store::StoredBlock;
use alloy_eips::{BlockId, eip2718::Encodable2718};
use alloy_primitives::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const METHODS: Methods = &[
    ("debug_getRawBlock", raw_block),
    ("debug_getRawHeader", raw_header),
    ("debug_getRawReceipts", raw_receipts),
    ("debug_getRawTransaction", raw_transaction),
    ("eth_getRawTransactionByHash", raw_transaction),
    ("eth_getRawTransactionByBlockNumberAndIndex", raw_at_index),
    ("eth_getRawTransactionByBlockHashAndIndex", raw_at_index),
];

fn named(call: &Call<'_>, args: &Args) -> RpcResult<Option<Arc<StoredBlock>>> {
    call.block_of(args.required::<BlockId>(0)?)
}

fn existing(call: &Call<'_>, args: &Args) -> RpcResult<Arc<StoredBlock>> {
    named(call, args)?.ok_or_else(|| RpcError::not_found("block not found"))
}

fn hex(bytes: impl Into<Bytes>) -> Value {
    json!(bytes.into())
}

fn raw_block(call: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(hex(alloy_rlp::encode(existing(call, args)?.ethereum())))
}

fn raw_header(call: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(hex(alloy_rlp::encode(&existing(call, args)?.header)))
}

fn raw_receipts(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let block = existing(call, args)?;
    let all = 0..block.transactions.len();
    Ok(all.map(|index| hex(block.receipt(index).encoded_2718())).collect())
}

/// Returns a transaction with its blobs while it waits, without them once it is in a block.
fn raw_transaction(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    let chain = call.engine.chain(call.network);
    if let Some((block, index)) = chain.store.transaction(&hash)? {
        return Ok(hex(block.transactions[index].tx.encoded_2718()));
    }
    let foreign = chain.foreign.as_ref().and_then(|foreign| foreign.pool.get(&hash));
    if let Some(waiting) = foreign {
        return Ok(hex(waiting.tx.encoded_2718()));
    }
    let open = call.engine.realm.open_transactions(call.network).unwrap_or_default();
    if let Some(tx) = open.iter().find(|tx| *tx.tx.tx_hash() == hash) {
        return Ok(hex(tx.tx.encoded_2718()));
    }
    let waiting = call.engine.pool.find(&hash).filter(|(network, _)| *network == call.network);
    Ok(waiting.map_or(Value::Null, |(_, tx)| json!(tx.raw())))
}

fn raw_at_index(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let block = named(call, args)?;
    let index = args.required_number(1)?;
    let tx = |block: Arc<StoredBlock>| {
        let tx = block.transactions.get(usize::try_from(index).ok()?)?;
        Some(hex(tx.tx.encoded_2718()))
    };
    Ok(block.and_then(tx).unwrap_or_default())
}
