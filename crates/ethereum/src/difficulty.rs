//! Difficulty of proof of work, by fork.

use crate::schedule::Schedule;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::U256;
use revm::primitives::hardfork::SpecId;

/// Least difficulty of a block.
const MINIMUM: u64 = 131_072;
/// A parent's difficulty is divided by this for one step.
const STEP: u64 = 2_048;
/// Blocks in which the bomb doubles.
const PERIOD: u64 = 100_000;

/// Returns the difficulty of the block at `timestamp` that follows `parent`.
pub(crate) fn difficulty(schedule: &Schedule, parent: &Header, timestamp: u64) -> U256 {
    let number = parent.number + 1;
    let spec = schedule.rules(number, timestamp, false).spec;
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    // Steps up or down (Yellow Paper; EIP-2; EIP-100).
    let steps = match spec {
        spec if spec >= SpecId::BYZANTIUM => {
            let base = if parent.ommers_hash == EMPTY_OMMER_ROOT_HASH { 1 } else { 2 };
            (base - i64::try_from(elapsed / 9).unwrap_or(i64::MAX)).max(-99)
        }
        spec if spec >= SpecId::HOMESTEAD => {
            (1 - i64::try_from(elapsed / 10).unwrap_or(i64::MAX)).max(-99)
        }
        _ => i64::from(elapsed < 13) * 2 - 1,
    };
    let step = parent.difficulty / U256::from(STEP);
    let change = step * U256::from(steps.unsigned_abs());
    let moved = if steps < 0 {
        parent.difficulty.saturating_sub(change)
    } else {
        parent.difficulty.saturating_add(change)
    };
    let least = U256::from(MINIMUM);
    moved.max(least).saturating_add(bomb(schedule, parent)).max(least)
}

/// Returns what the difficulty bomb adds.
fn bomb(schedule: &Schedule, parent: &Header) -> U256 {
    let number = match schedule.bomb_delay(parent.number + 1) {
        Some(delay) => parent.number.saturating_sub(delay - 1),
        None => parent.number + 1,
    };
    match number / PERIOD {
        period @ 2.. => U256::ONE.checked_shl((period - 2) as usize).unwrap_or(U256::MAX),
        _ => U256::ZERO,
    }
}
