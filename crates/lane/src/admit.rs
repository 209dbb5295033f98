//! The stage that gives or refuses a position.

use crate::{config::LaneConfig, recent::Recent, sealed::SealedRejection, slot::OpenSlot};
use alloy_primitives::{Address, B256};
use thiserror::Error;
use weft_types::{NetworkId, Position, Section};

/// An item that asks for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission {
    /// Hash of the item.
    pub item: B256,
    /// Section that it belongs to.
    pub section: Section,
    /// Gas that it declares: the sum of its legs' limits, or its gas bucket, in units (P9).
    pub declared_gas: u64,
    /// Who sends it or pays for it, where that is visible (P9).
    pub origin: Option<Address>,
}

/// Reason for refusing an input. Nothing of the input stays; time has passed nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The item already has a position in a recent slot and was not released. The first position stands.
    #[error("item {item} already has position {position}")]
    Duplicate {
        /// Hash of the item.
        item: B256,
        /// Position that it has.
        position: Position,
    },
    /// The item declares more gas than fits into an empty slot. Submitting it again is of no use.
    #[error("item declares {declared} gas, over the slot's limit of {limit}")]
    Oversized {
        /// Gas that the item declares.
        declared: u64,
        /// Most gas that any slot would take from it.
        limit: u64,
    },
    /// The slot is in a later section already. The item fits into the next slot.
    #[error("section {declared} of slot is over: section {current} has begun")]
    SectionOver {
        /// Number of the section asked for.
        declared: u8,
        /// Number of the section that the slot is in.
        current: u8,
    },
    /// The slot holds as many items as it may. The item fits into the next slot.
    #[error("slot is full: it holds {limit} items")]
    SlotFull {
        /// Most items of a slot.
        limit: u32,
    },
    /// The slot's gas is spoken for. The item fits into the next slot.
    #[error("slot is out of gas: item declares {declared}, {left} are left")]
    SlotOutOfGas {
        /// Gas that the item declares.
        declared: u64,
        /// Gas that is left in the slot.
        left: u64,
    },
    /// The origin's share of the slot's gas is spoken for. The item fits into the next slot.
    #[error("origin {origin} is out of gas: item declares {declared}, {left} are left")]
    OriginOutOfGas {
        /// The origin.
        origin: Address,
        /// Gas that the item declares.
        declared: u64,
        /// Gas that is left to the origin in the slot.
        left: u64,
    },
    /// The rollup is not in the realm.
    #[error("rollup {network} is not in the realm")]
    UnknownRollup {
        /// The rollup.
        network: NetworkId,
    },
    /// The rollup is in the realm already.
    #[error("rollup {network} is in the realm already")]
    KnownRollup {
        /// The rollup.
        network: NetworkId,
    },
    /// L1 is not a rollup.
    #[error("network 0 is L1, not a rollup")]
    L1,
    /// Sealed items come as envelopes, and nobody submits opened ones.
    #[error("section {0} takes no such items")]
    NotHere(u8),
    /// It is about sealed items.
    #[error(transparent)]
    Sealed(#[from] SealedRejection),
}

/// Checks that need no slot.
pub(crate) fn check_item(
    submission: &Submission,
    config: &LaneConfig,
    recent: &Recent,
) -> Result<(), Rejection> {
    if matches!(submission.section, Section::Sealed | Section::Opened) {
        return Err(Rejection::NotHere(submission.section as u8));
    }
    if let Some(position) = recent.position(&submission.item) {
        return Err(Rejection::Duplicate { item: submission.item, position });
    }
    let limit = match submission.origin {
        Some(_) => config.max_slot_gas.min(config.max_origin_gas),
        None => config.max_slot_gas,
    };
    let declared = submission.declared_gas;
    if declared > limit { Err(Rejection::Oversized { declared, limit }) } else { Ok(()) }
}

/// Checks against what the open slot already holds. P9: excess gets no position.
pub(crate) fn check_room(
    submission: &Submission,
    config: &LaneConfig,
    slot: &OpenSlot,
) -> Result<(), Rejection> {
    if submission.section < slot.section() {
        return Err(Rejection::SectionOver {
            declared: submission.section as u8,
            current: slot.section() as u8,
        });
    }
    if slot.items() >= config.max_items_per_slot {
        return Err(Rejection::SlotFull { limit: config.max_items_per_slot });
    }
    let declared = submission.declared_gas;
    let left = config.max_slot_gas.saturating_sub(slot.gas());
    if declared > left {
        return Err(Rejection::SlotOutOfGas { declared, left });
    }
    let Some(origin) = submission.origin else { return Ok(()) };
    let left = config.max_origin_gas - slot.gas_of(&origin);
    if declared > left {
        return Err(Rejection::OriginOutOfGas { origin, declared, left });
    }
    Ok(())
}
