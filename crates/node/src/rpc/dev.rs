//! Development helpers. Snapshots, dumps and slots are those of all rollups at once.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    impersonate, pace,
    state::slot_key,
    types::{quantity, to_json},
};
use crate::engine::Dump;
use serde_json::{Value, json};

/// Helpers that only read; they close a slot first.
pub(super) const DUMPS: Methods =
    &[("weft_dumpState", dump_state), ("anvil_dumpState", dump_state)];

/// Helpers that change state, time or who sends, which is in no log.
pub(super) const CHEATS: &[Methods] = &[STATE_AND_TIME, impersonate::METHODS, pace::METHODS];

/// Helpers that are there with them and only read.
pub(super) const READS: &[Methods] = &[pace::READS];

const STATE_AND_TIME: Methods = &[
    ("evm_snapshot", snapshot),
    ("anvil_snapshot", snapshot),
    ("evm_revert", revert),
    ("anvil_revert", revert),
    ("evm_mine", evm_mine),
    ("anvil_mine", mine),
    ("hardhat_mine", mine),
    ("evm_increaseTime", increase_time),
    ("anvil_increaseTime", increase_time),
    ("evm_setNextBlockTimestamp", next_timestamp),
    ("anvil_setNextBlockTimestamp", next_timestamp),
    ("anvil_setBalance", set_balance),
    ("hardhat_setBalance", set_balance),
    ("anvil_setCode", set_code),
    ("hardhat_setCode", set_code),
    ("anvil_setNonce", set_nonce),
    ("hardhat_setNonce", set_nonce),
    ("anvil_setStorageAt", set_storage),
    ("hardhat_setStorageAt", set_storage),
    ("weft_loadState", load_state),
    ("anvil_loadState", load_state),
];

/// Most seconds that blocks mined by one call span: a century.
const MAX_SPAN: u64 = 100 * 365 * 86_400;

fn snapshot(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.engine.snapshot()?))
}

fn revert(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let id = args.required_number(0)?;
    Ok(json!(call.engine.revert(id)))
}

fn evm_mine(call: &mut Call<'_>, args: &Args) -> RpcResult {
    // Ganache takes an object here; only the block counts then.
    if !matches!(args.optional::<Value>(0)?, None | Some(Value::Object(_))) {
        next_timestamp(call, args)?;
    }
    call.engine.mine(call.network, 1, 0);
    Ok(json!("0x0"))
}

fn mine(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (blocks, seconds) = check_span(call, args)?;
    call.engine.mine(call.network, blocks, seconds);
    Ok(Value::Null)
}

/// Returns how many blocks are asked for, and so many seconds apart.
pub(super) fn check_span(call: &Call<'_>, args: &Args) -> RpcResult<(u64, u64)> {
    let blocks = args.number(0)?.unwrap_or(1);
    let most = call.engine.limits().max_mine;
    if blocks > most {
        return Err(RpcError::limit(format!("{blocks} blocks, over the limit of {most}")));
    }
    let seconds = args.number(1)?.unwrap_or_default();
    let span = blocks.saturating_mul(seconds);
    if span > MAX_SPAN {
        return Err(RpcError::params(format!("{span} seconds is too far in the future")));
    }
    Ok((blocks, seconds))
}

fn increase_time(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let seconds = args.required_number(0)?;
    call.engine.increase_time(seconds)?;
    Ok(json!(seconds))
}

fn next_timestamp(call: &mut Call<'_>, args: &Args) -> RpcResult {
    call.engine.set_time(args.required_number(0)?)?;
    Ok(Value::Null)
}

fn set_balance(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (address, balance) = (args.address(0)?, args.required(1)?);
    call.engine.set_balance(call.network, address, balance)?;
    Ok(json!(true))
}

fn set_code(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (address, code) = (args.address(0)?, args.bytes(1)?);
    call.engine.set_code(call.network, address, code)?;
    Ok(json!(true))
}

fn set_nonce(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let nonce = args.required_number(1)?;
    call.engine.set_nonce(call.network, address, nonce)?;
    Ok(json!(true))
}

fn set_storage(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let (key, value) = (slot_key(args, 1)?, slot_key(args, 2)?);
    call.engine.set_storage(call.network, address, key, value)?;
    Ok(json!(true))
}

fn dump_state(call: &mut Call<'_>, _: &Args) -> RpcResult {
    call.engine.promises()?;
    to_json(&call.engine.dump()?)
}

fn load_state(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let dump: Dump = args.required(0)?;
    call.engine.load(&dump).map_err(|why| RpcError::params(format!("invalid state: {why}")))?;
    Ok(json!(true))
}
