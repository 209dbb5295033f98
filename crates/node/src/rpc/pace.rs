//! Helpers of test frameworks that say when blocks are made, and of what.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::engine::Pace;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const METHODS: Methods = &[
    ("evm_setAutomine", set_automine),
    ("anvil_setAutomine", set_automine),
    ("evm_setIntervalMining", set_interval_ms),
    ("anvil_setIntervalMining", set_interval_s),
    ("anvil_setNextBlockBaseFeePerGas", set_base_fee),
    ("hardhat_setNextBlockBaseFeePerGas", set_base_fee),
    ("anvil_dropTransaction", drop_transaction),
    ("hardhat_dropTransaction", drop_transaction),
];

/// Helpers that only read.
pub(super) const READS: Methods = &[
    ("anvil_getAutomine", get_automine),
    ("hardhat_getAutomine", get_automine),
    ("anvil_getIntervalMining", get_interval_s),
    ("anvil_nodeInfo", node_info),
    ("hardhat_metadata", node_info),
];

/// Longest interval between two blocks: an hour.
const MAX_INTERVAL_MS: u64 = 3_600_000;

fn set_automine(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let pace = if args.required(0)? { Pace::Configured } else { Pace::Held };
    call.engine.set_pace(pace);
    Ok(json!(true))
}

fn set_interval_ms(call: &mut Call<'_>, args: &Args) -> RpcResult {
    set_interval(call, args.required_number(0)?)?;
    Ok(json!(true))
}

fn set_interval_s(call: &mut Call<'_>, args: &Args) -> RpcResult {
    set_interval(call, args.required_number(0)?.saturating_mul(1000))?;
    Ok(Value::Null)
}

fn set_interval(call: &mut Call<'_>, millis: u64) -> RpcResult<()> {
    if millis > MAX_INTERVAL_MS {
        return Err(RpcError::params(format!("an interval of {millis} ms is over an hour")));
    }
    let every = Duration::from_millis(millis);
    call.engine.set_pace(if every.is_zero() { Pace::Held } else { Pace::Every(every) });
    Ok(())
}

fn set_base_fee(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let wei = args.required_number(0)?;
    call.engine.set_base_fee(call.network, wei);
    Ok(Value::Null)
}

fn drop_transaction(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    let dropped = call.engine.pool.forget(&hash);
    Ok(dropped.map_or(Value::Null, |_| json!(hash)))
}

fn get_automine(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(call.engine.pace() == Pace::Configured))
}

fn get_interval_s(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(match call.engine.pace() {
        Pace::Every(every) => json!(every.as_secs()),
        Pace::Configured | Pace::Held => Value::Null,
    })
}

fn node_info(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let chain = call.engine.chain(call.network);
    let head = chain.store.head();
    let base_fee = call.engine.base_fee(call.network);
    Ok(json!({
        "clientVersion": format!("weft/{}", env!("CARGO_PKG_VERSION")),
        "chainId": quantity(chain.spec.chain_id),
        "currentBlockNumber": quantity(head.header.number),
        "currentBlockTimestamp": quantity(head.header.timestamp),
        "currentBlockHash": head.hash,
        "hardFork": "osaka",
        "transactionOrder": "fifo",
        "environment": {
            "baseFee": quantity(base_fee),
            "chainId": quantity(chain.spec.chain_id),
            "gasLimit": quantity(chain.spec.block_gas_limit),
        },
    }))
}
