//! Blocks, transactions and receipts.

use super::{
    Args, Call, Heavy, Methods, Work,
    errors::RpcResult,
    types::{
        block_transaction, closed_block, open_transaction, pending_transaction, quantity, to_json,
        waiting_transaction,
    },
};
use crate::store::StoredBlock;
use alloy_eips::BlockNumberOrTag;
use serde_json::Value;
use std::sync::Arc;

pub(super) const METHODS: Methods = &[
    ("eth_blockNumber", block_number),
    ("eth_getBlockTransactionCountByNumber", count_by_number),
    ("eth_getBlockTransactionCountByHash", count_by_hash),
    ("eth_getTransactionByBlockNumberAndIndex", by_number_and_index),
    ("eth_getTransactionByBlockHashAndIndex", by_hash_and_index),
    ("eth_getTransactionByHash", transaction_by_hash),
    ("eth_getTransactionReceipt", receipt),
];

/// What is written apart from the engine: a large block takes as long as hundreds of transactions.
pub(super) const WRITTEN_APART: Heavy = &[
    ("eth_getBlockByNumber", block_by_number),
    ("eth_getBlockByHash", block_by_hash),
    ("eth_getBlockReceipts", block_receipts),
];

fn block_number(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.engine.chain(call.network).store.head_number()))
}

fn block_by_number(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let number: BlockNumberOrTag = args.required(0)?;
    let full = args.optional(1)?.unwrap_or(false);
    if number.is_pending() {
        let open = call.engine.open_block(call.network, full)?;
        return Ok(Box::new(move || Ok(open)));
    }
    let block = call.block(number)?;
    Ok(Box::new(move || block.map_or(Ok(Value::Null), |block| closed_block(&block, full))))
}

fn block_by_hash(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let full = args.optional(1)?.unwrap_or(false);
    let block = by_hash(call, args)?;
    Ok(Box::new(move || block.map_or(Ok(Value::Null), |block| closed_block(&block, full))))
}

fn by_hash(call: &Call<'_>, args: &Args) -> RpcResult<Option<Arc<StoredBlock>>> {
    let hash = args.hash(0)?;
    Ok(call.engine.chain(call.network).store.by_hash(&hash)?)
}

fn block_receipts(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let block = call.block_of(args.required(0)?)?;
    let Some(block) = block else { return Ok(Box::new(|| Ok(Value::Null))) };
    let receipts = call.engine.receipts(call.network, &block);
    Ok(Box::new(move || {
        let all = (0..block.transactions.len()).map(|index| receipts.write(&block, index));
        Ok(Value::Array(all.collect::<RpcResult<_>>()?))
    }))
}

fn count_by_number(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let number: BlockNumberOrTag = args.required(0)?;
    if number.is_pending() {
        let open = call.engine.realm.open_transactions(call.network).unwrap_or_default();
        return Ok(quantity(open.len() as u64));
    }
    Ok(count(call.block(number)?))
}

fn count_by_hash(call: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(count(by_hash(call, args)?))
}

fn count(block: Option<Arc<StoredBlock>>) -> Value {
    block.map_or(Value::Null, |block| quantity(block.transactions.len() as u64))
}

fn by_number_and_index(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let number: BlockNumberOrTag = args.required(0)?;
    if number.is_pending() {
        let index = index(args)?;
        let open = call.engine.realm.open_transactions(call.network).unwrap_or_default();
        return open.get(index).map_or(Ok(Value::Null), |tx| to_json(&open_transaction(tx)));
    }
    at_index(call.block(number)?, args)
}

fn by_hash_and_index(call: &mut Call<'_>, args: &Args) -> RpcResult {
    at_index(by_hash(call, args)?, args)
}

fn index(args: &Args) -> RpcResult<usize> {
    let index = args.required_number(1)?;
    Ok(usize::try_from(index).unwrap_or(usize::MAX))
}

fn at_index(block: Option<Arc<StoredBlock>>, args: &Args) -> RpcResult {
    let index = index(args)?;
    match block.filter(|block| index < block.transactions.len()) {
        Some(block) => to_json(&block_transaction(&block, index)),
        None => Ok(Value::Null),
    }
}

fn transaction_by_hash(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    let (engine, network) = (&call.engine, call.network);
    if let Some((block, index)) = engine.chain(network).store.transaction(&hash)? {
        return to_json(&block_transaction(&block, index));
    }
    if let Some(index) = engine.open_transaction(network, &hash) {
        let open = engine.realm.open_transactions(network).unwrap_or_default();
        return to_json(&open_transaction(&open[index]));
    }
    let foreign = engine.chain(network).foreign.as_ref();
    if let Some(waiting) = foreign.and_then(|foreign| foreign.pool.get(&hash)) {
        return to_json(&waiting_transaction(waiting));
    }
    let waiting = engine.pool.find(&hash).filter(|(on, _)| *on == network).map(|(_, tx)| tx);
    let held = || {
        let mut held = engine.bundles.held();
        held.find(|(_, on, tx)| *on == network && tx.hash() == hash).map(|(_, _, tx)| tx)
    };
    waiting.or_else(held).map_or(Ok(Value::Null), |tx| to_json(&pending_transaction(tx)))
}

fn receipt(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    match call.engine.chain(call.network).store.transaction(&hash)? {
        Some((block, index)) => call.engine.receipt(call.network, &block, index),
        None => Ok(Value::Null),
    }
}
