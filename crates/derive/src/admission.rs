//! What the lane is told about items: the same for who orders them and for who derives.

use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use weft_crypto::Carriage;
use weft_lane::{SealingConfig, Submission};
use weft_types::{InvalidReason, Item, Removal, Section, Terms};

/// Returns what the lane is told about a plaintext item, or one that was born on L1.
pub fn submission(item: &Item, hash: B256) -> Submission {
    let is_born = matches!(item, Item::L1Born(_));
    // No entry can ask for so much gas that it and everything behind it waits for ever; blocks have bounds of their own.
    let legs = if is_born { &[] } else { item.legs() };
    let gas = legs.iter().map(|leg| leg.tx.envelope().gas_limit());
    let origin = item.legs().first().map(|leg| leg.tx.sender());
    Submission {
        item: hash,
        section: if is_born { Section::L1Born } else { Section::Plaintext },
        declared_gas: gas.fold(0, u64::saturating_add),
        origin: origin.filter(|_| !is_born),
    }
}

/// Returns true when what was removed never runs again (P4): it failed, and no leg of it can run outside. `is_whole` is
/// false for a bundle without markers.
pub fn is_dead(removal: &Removal, is_whole: bool) -> bool {
    is_whole && (removal.is_failed() || removal.invalid == Some(InvalidReason::Dead))
}

/// Returns what everybody knows of a sealed item before it is opened (P13).
pub fn terms(config: &SealingConfig, carriage: &Carriage) -> Terms {
    let (size, gas_limit) = (carriage.size.bytes() as u64, carriage.gas.gas_limit());
    let (size_fee_wei, gas_fee_wei) = config.fees_wei(size, gas_limit);
    Terms {
        payer: carriage.payer,
        deposit: carriage.deposit,
        rollup: carriage.rollup,
        gas_limit,
        size_fee_wei,
        gas_fee_wei,
    }
}
