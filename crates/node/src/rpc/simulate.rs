//! `eth_simulateV1`, and `weft_simulate` over several rollups.

use super::{
    Args, Call, Heavy, Work,
    args::number,
    errors::{RpcError, RpcResult},
};
use alloy_eips::BlockId;
use alloy_rpc_types_eth::simulate::SimulatePayload;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use weft_types::NetworkId;

pub(super) const HEAVY: Heavy = &[("eth_simulateV1", simulate_one)];

pub(super) const OF_ROLLUPS: Heavy = &[("weft_simulate", simulate_many)];

fn simulate_one(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let payload: SimulatePayload = args.required(0)?;
    check(&payload)?;
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let network = call.network;
    let sandbox = call.engine.sandbox(network, at)?;
    Ok(Box::new(move || {
        let mut blocks = sandbox.run(BTreeMap::from([(network, payload)]))?;
        Ok(json!(blocks.remove(&network)))
    }))
}

fn simulate_many(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let given: Map<String, Value> = args.required(0)?;
    if given.is_empty() {
        return Err(RpcError::params("empty input"));
    }
    let mut payloads = BTreeMap::new();
    for (key, payload) in given {
        let wrong = |why: String| RpcError::params(format!("invalid argument 0: {key}: {why}"));
        let id = number(&json!(key)).ok_or_else(|| wrong("not a chain id".to_owned()))?;
        let network = call.engine.network_of(id)?;
        let payload: SimulatePayload =
            serde_json::from_value(payload).map_err(|error| wrong(error.to_string()))?;
        check(&payload)?;
        if payloads.insert(network, payload).is_some() {
            return Err(wrong("named twice".to_owned()));
        }
    }
    let networks: Vec<NetworkId> = payloads.keys().copied().collect();
    let sandbox = call.engine.open_sandbox(&networks)?;
    let chain_ids = call.chain_ids();
    Ok(Box::new(move || {
        let blocks = sandbox.run(payloads)?;
        let named = blocks
            .into_iter()
            .map(|(network, blocks)| (format!("{:#x}", chain_ids[&network]), Value::Array(blocks)));
        Ok(Value::Object(named.collect()))
    }))
}

fn check(payload: &SimulatePayload) -> RpcResult<()> {
    match payload.block_state_calls.len() {
        0 => Err(RpcError::params("empty input")),
        blocks if blocks > 256 => Err(RpcError::new(-38026, "too many blocks")),
        _ => Ok(()),
    }
}
