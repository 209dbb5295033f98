//! The file of one rollup.

use super::{
    file::{self, Placed, Problem, Read},
    keys::{ALLOCATIONS, ROLLUP_KEYS},
    value::Value,
};
use crate::{address::address, amount::parse_wei};
use alloy_primitives::{Address, U256};
use std::path::Path;
use weft_node::RollupConfig;

/// Reads the file of a rollup.
///
/// # Errors
///
/// All problems.
pub(crate) fn read_rollup(path: &Path) -> Result<RollupConfig, Vec<String>> {
    let read = file::read(path, ROLLUP_KEYS, Some(ALLOCATIONS));
    let mut problems: Vec<_> = read.problems.iter().map(Problem::to_string).collect();
    let rollup = rollup(path, &read, &mut problems);
    match rollup.filter(|_| problems.is_empty()) {
        Some(rollup) => Ok(rollup),
        None => Err(problems),
    }
}

fn rollup(path: &Path, read: &Read, problems: &mut Vec<String>) -> Option<RollupConfig> {
    let mut allocations = Vec::new();
    for (name, (text, line)) in &read.named {
        match allocation(name, text) {
            Ok(allocation) => allocations.push(allocation),
            Err(why) => problems.push(Problem::new(path, *line, why).to_string()),
        }
    }
    let number = |key: &str| match read.values.get(key) {
        Some(Placed { value: Value::Number(number), .. }) => Some(*number),
        _ => None,
    };
    let Some(chain_id) = number("chain_id").and_then(|id| u32::try_from(id).ok()) else {
        if problems.is_empty() {
            problems.push(Problem::new(path, 0, "`chain_id` is missing".to_owned()).to_string());
        }
        return None;
    };
    let usual = RollupConfig::new(chain_id);
    let rollup = RollupConfig {
        chain_id,
        name: match read.values.get("name").map(|placed| &placed.value) {
            Some(Value::Text(name)) => name.clone(),
            _ => usual.name,
        },
        port: number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(usual.port),
        gas_limit: number("gas_limit").unwrap_or(usual.gas_limit),
        base_fee: match read.values.get("base_fee").map(|placed| &placed.value) {
            // More than that is refused by the check below.
            Some(Value::Wei(wei)) => wei.saturating_to(),
            _ => usual.base_fee,
        },
        removes_failed: matches!(
            read.values.get("failed").map(|placed| &placed.value),
            Some(Value::Text(policy)) if policy == "remove"
        ),
        allocations,
    };
    if let Err(error) = rollup.check() {
        problems.push(Problem::new(path, 0, error.to_string()).to_string());
    }
    Some(rollup)
}

fn allocation(name: &str, text: &str) -> Result<(Address, U256), String> {
    let address = address(name).map_err(|why| format!("`{name}` {why}"))?;
    let wei = parse_wei(text).map_err(|error| format!("`{name}`: {error}"))?;
    Ok((address, wei))
}
