//! Storage in bulk, and Merkle proofs of accounts and slots (EIP-1186).

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    state::read_key,
};
use crate::engine::At;
use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_state::SlotProof;

pub(super) const METHODS: Methods =
    &[("eth_getProof", proof), ("eth_getStorageValues", storage_values)];

/// Slots that one request may ask for, as in go-ethereum.
const MAX_KEYS: usize = 1024;
/// Code of execution-apis for a request over a limit of the client.
const OVER_LIMIT: i32 = -38026;
/// Blocks before the last one that can be proven: the tries of each are made from those of the last.
const MAX_DISTANCE: u64 = 128;

fn storage_values(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let wanted: BTreeMap<Address, Vec<B256>> = args.required(0)?;
    let slots: usize = wanted.values().map(Vec::len).sum();
    if slots > MAX_KEYS {
        return Err(RpcError::new(OVER_LIMIT, format!("too many slots (max {MAX_KEYS})")));
    }
    if slots == 0 {
        return Err(RpcError::params("empty request"));
    }
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let mut values: BTreeMap<Address, Vec<B256>> = BTreeMap::new();
    for (address, keys) in wanted {
        for key in keys {
            let value = call.engine.storage(call.network, at, address, key.into())?;
            values.entry(address).or_default().push(value.into());
        }
    }
    Ok(json!(values))
}

fn proof(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let names: Vec<String> = args.required(1)?;
    if names.len() > MAX_KEYS {
        return Err(RpcError::params(format!("too many slots (max {MAX_KEYS})")));
    }
    let keys: Vec<U256> = names.iter().map(|name| read_key(name, 1)).collect::<RpcResult<_>>()?;
    let number = closed_block(call, args.optional(2)?)?;
    let state = call.engine.realm.state(call.network).expect("the rollup runs here");
    let proof = state.proof_at(number, address, &keys)?;
    let slots = names.iter().zip(&proof.slots).map(|(name, slot)| slot_json(name, slot));
    Ok(json!({
        "address": proof.address,
        "accountProof": proof.nodes,
        "balance": proof.balance,
        "codeHash": proof.code_hash,
        "nonce": U256::from(proof.nonce),
        "storageHash": proof.storage_root,
        "storageProof": slots.collect::<Vec<_>>(),
    }))
}

/// Returns the block to prove at. The open slot has no root before it closes.
fn closed_block(call: &Call<'_>, block: Option<BlockId>) -> RpcResult<u64> {
    let At::Block(number) = call.at(block, BlockId::latest())? else {
        return Err(RpcError::refused("the pending block has no state root yet"));
    };
    let head = call.engine.chain(call.network).store.head_number();
    if head - number > MAX_DISTANCE {
        return Err(RpcError::refused(format!(
            "historical state unavailable: block {number} is too far from block {head}"
        )));
    }
    Ok(number)
}

/// Names the slot the way it was asked for: as 32 bytes or as a number.
fn slot_json(name: &str, slot: &SlotProof) -> Value {
    let is_word = name.strip_prefix("0x").unwrap_or(name).len() == 64;
    let key = if is_word { json!(B256::from(slot.key)) } else { json!(slot.key) };
    json!({ "key": key, "value": slot.value, "proof": slot.nodes })
}
