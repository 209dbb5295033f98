//! Steering a chain that the node adds blocks to, by the names that anvil gave these methods.

use super::{
    Args, Call, Methods,
    dev::check_span,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::engine::unkept;
use alloy_consensus::Transaction as _;
use alloy_eips::eip4844::Blob;
use alloy_primitives::B256;
use serde_json::{Value, json};

pub(super) const METHODS: Methods = &[
    ("evm_mine", evm_mine),
    ("anvil_mine", mine),
    ("hardhat_mine", mine),
    ("anvil_reorg", reorg),
    ("evm_snapshot", snapshot),
    ("anvil_snapshot", snapshot),
    ("evm_revert", revert),
    ("anvil_revert", revert),
    ("evm_increaseTime", increase_time),
    ("anvil_increaseTime", increase_time),
    ("anvil_setBalance", set_balance),
    ("hardhat_setBalance", set_balance),
    ("anvil_getBlobByHash", blob),
    ("anvil_getBlobsByTransactionHash", blobs_of_transaction),
];

fn evm_mine(call: &mut Call<'_>, args: &Args) -> RpcResult {
    // Ganache takes an object here; only the block counts then.
    let seconds = match args.optional::<Value>(0)? {
        None | Some(Value::Object(_)) => 0,
        Some(_) => until(call, args.required_number(0)?)?,
    };
    call.engine.produce(call.network, 1, seconds)?;
    Ok(json!("0x0"))
}

/// Returns the seconds from the last block to a time, a century at most.
fn until(call: &Call<'_>, timestamp: u64) -> RpcResult<u64> {
    let head = call.engine.chain(call.network).store.head().header.timestamp;
    let seconds = timestamp.checked_sub(head);
    let seconds = seconds.filter(|seconds| *seconds <= 100 * 365 * 86_400);
    seconds.ok_or_else(|| {
        RpcError::params(format!("timestamp {timestamp} is in the past, or too far"))
    })
}

fn mine(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (blocks, seconds) = check_span(call, args)?;
    call.engine.produce(call.network, blocks, seconds)?;
    Ok(Value::Null)
}

fn reorg(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let depth = args.required_number(0)?;
    let transactions: Option<Vec<Value>> = args.optional(1)?;
    if transactions.is_some_and(|transactions| !transactions.is_empty()) {
        return Err(RpcError::params("blocks of a reorg are empty here: no transactions"));
    }
    call.engine.reorg(call.network, depth)?;
    Ok(Value::Null)
}

fn snapshot(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.engine.snapshot_foreign(call.network)?))
}

fn revert(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let id = args.required_number(0)?;
    Ok(json!(call.engine.revert_foreign(call.network, id)?))
}

fn increase_time(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let seconds = args.required_number(0)?;
    call.engine.increase_time(seconds)?;
    Ok(json!(seconds))
}

fn set_balance(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (address, balance) = (args.address(0)?, args.required(1)?);
    call.engine.set_foreign_balance(call.network, address, balance)?;
    Ok(json!(true))
}

fn blob(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    Ok(kept(call, &hash)?.map_or(Value::Null, |blob| json!(blob)))
}

fn blobs_of_transaction(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    let found = call.engine.chain(call.network).store.transaction(&hash)?;
    let Some((block, index)) = found else { return Ok(Value::Null) };
    let hashes = block.transactions[index].tx.blob_versioned_hashes().unwrap_or_default();
    let blobs: Option<Vec<Blob>> =
        hashes.iter().map(|hash| kept(call, hash)).collect::<RpcResult<_>>()?;
    Ok(blobs.map_or(Value::Null, |blobs| json!(blobs)))
}

fn kept(call: &Call<'_>, hash: &B256) -> RpcResult<Option<Blob>> {
    let archive = call.engine.blobs(call.network);
    archive.map_or(Ok(None), |archive| archive.get(hash)).map_err(unkept)
}
