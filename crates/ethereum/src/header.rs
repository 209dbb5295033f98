//! What a header must say after its parent.

use crate::{
    difficulty::difficulty,
    error::{InvalidBlock, expect, present, within},
    schedule::{Rules, Schedule},
};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::eip1559::{BaseFeeParams, INITIAL_BASE_FEE};
use alloy_primitives::{B64, B256, U256};
use revm::primitives::hardfork::SpecId;

/// Most bytes of extra data.
const MAX_EXTRA_DATA: usize = 32;
/// Least gas limit of a block.
const MIN_GAS_LIMIT: u64 = 5_000;
/// A gas limit may differ from its parent's by less than this part.
const GAS_LIMIT_DIVISOR: u64 = 1_024;
/// Factor of the gas limit at London.
const ELASTICITY: u64 = 2;

/// Checks everything about a header that needs no body and no state.
pub(crate) fn check_header(
    schedule: &Schedule,
    parent: &Header,
    parent_hash: B256,
    is_merged: bool,
    header: &Header,
) -> Result<Rules, InvalidBlock> {
    expect("parent hash", header.parent_hash, parent_hash)?;
    expect("number", header.number, parent.number.saturating_add(1))?;
    within("timestamp", header.timestamp, header.timestamp > parent.timestamp, || {
        format!("the parent's is {}", parent.timestamp)
    })?;
    let extra = header.extra_data.len();
    within("length of the extra data", extra, extra <= MAX_EXTRA_DATA, || {
        format!("at most {MAX_EXTRA_DATA}")
    })?;
    let rules = schedule.rules(header.number, header.timestamp, is_merged);
    check_seal(schedule, parent, &rules, header)?;
    check_gas(parent, &rules, header)?;
    check_blobs(parent, &rules, header)?;
    check_presence(&rules, header)?;
    Ok(rules)
}

fn check_seal(
    schedule: &Schedule,
    parent: &Header,
    rules: &Rules,
    header: &Header,
) -> Result<(), InvalidBlock> {
    if !rules.is_merged {
        let computed = difficulty(schedule, parent, header.timestamp);
        return expect("difficulty", header.difficulty, computed);
    }
    expect("difficulty", header.difficulty, U256::ZERO)?;
    expect("nonce", header.nonce, B64::ZERO)?;
    expect("ommers hash", header.ommers_hash, EMPTY_OMMER_ROOT_HASH)
}

fn check_gas(parent: &Header, rules: &Rules, header: &Header) -> Result<(), InvalidBlock> {
    within("gas used", header.gas_used, header.gas_used <= header.gas_limit, || {
        format!("the gas limit is {}", header.gas_limit)
    })?;
    let is_first = rules.has(SpecId::LONDON) && parent.base_fee_per_gas.is_none();
    let before = parent.gas_limit.saturating_mul(if is_first { ELASTICITY } else { 1 });
    let moved = header.gas_limit.abs_diff(before);
    let holds = moved < before / GAS_LIMIT_DIVISOR && header.gas_limit >= MIN_GAS_LIMIT;
    within("gas limit", header.gas_limit, holds, || format!("the parent's is {before}"))?;
    // EIP-1985, and what the EVM can count.
    within("gas limit", header.gas_limit, header.gas_limit <= i64::MAX as u64, || {
        format!("at most {}", i64::MAX)
    })?;
    expect("base fee", header.base_fee_per_gas, base_fee(parent, rules))
}

/// Returns the base fee of the block after `parent` (EIP-1559).
fn base_fee(parent: &Header, rules: &Rules) -> Option<u64> {
    let next = || parent.next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or(INITIAL_BASE_FEE);
    rules.has(SpecId::LONDON).then(next)
}

/// Returns the excess blob gas of the block after `parent` (EIP-4844, EIP-7918).
fn excess_blob_gas(parent: &Header, rules: &Rules) -> Option<u64> {
    let params = rules.blob?;
    Some(parent.next_block_excess_blob_gas(params).unwrap_or_default())
}

fn check_blobs(parent: &Header, rules: &Rules, header: &Header) -> Result<(), InvalidBlock> {
    expect("excess blob gas", header.excess_blob_gas, excess_blob_gas(parent, rules))?;
    present("blob gas used", header.blob_gas_used.as_ref(), rules.blob.is_some())?;
    let (Some(params), Some(used)) = (rules.blob, header.blob_gas_used) else { return Ok(()) };
    let most = params.max_blob_gas_per_block();
    within("blob gas used", used, used <= most, || format!("at most {most}"))
}

fn check_presence(rules: &Rules, header: &Header) -> Result<(), InvalidBlock> {
    let (cancun, prague) = (rules.has(SpecId::CANCUN), rules.has(SpecId::PRAGUE));
    present("withdrawals root", header.withdrawals_root.as_ref(), rules.has(SpecId::SHANGHAI))?;
    present("parent beacon block root", header.parent_beacon_block_root.as_ref(), cancun)?;
    present("requests hash", header.requests_hash.as_ref(), prague)?;
    present("block access list hash", header.block_access_list_hash.as_ref(), false)?;
    present("slot number", header.slot_number.as_ref(), false)
}

/// Returns the fields of the header after `parent` that follow from it alone, at `timestamp`.
///
/// The block is taken to be after proof of work when its parent is, or when `is_merged` says so.
pub fn next_header(
    schedule: &Schedule,
    parent: &Header,
    parent_hash: B256,
    timestamp: u64,
) -> (Rules, Header) {
    let is_merged = schedule.rules_of(parent).is_merged;
    let rules = schedule.rules(parent.number + 1, timestamp, is_merged);
    let header = Header {
        parent_hash,
        number: parent.number + 1,
        timestamp,
        gas_limit: parent.gas_limit,
        base_fee_per_gas: base_fee(parent, &rules),
        excess_blob_gas: excess_blob_gas(parent, &rules),
        blob_gas_used: rules.blob.map(|_| 0),
        difficulty: if is_merged { U256::ZERO } else { difficulty(schedule, parent, timestamp) },
        ..Header::default()
    };
    (rules, header)
}
