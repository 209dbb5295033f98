//! What is fixed for the life of a lane.

use crate::sealed::SealingConfig;
use alloc::vec::Vec;
use thiserror::Error;
use weft_types::NetworkId;

/// What is fixed for the life of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneConfig {
    /// Length of a slot, in milliseconds.
    pub slot_ms: u64,
    /// Most items with a position in one slot, over all sections.
    pub max_items_per_slot: u32,
    /// Most declared gas in one slot, over all sections and rollups of the realm, in units (P9).
    pub max_slot_gas: u64,
    /// Most declared gas of one visible origin in one slot, in units (P9).
    pub max_origin_gas: u64,
    /// Number of slots, the current one included, in which an item hash gets at most one position, unless it is released.
    pub recent_slots: u64,
    /// Rollups of the realm, in increasing order; more may join ([`crate::Input::Join`]).
    pub rollups: Vec<NetworkId>,
    /// How sealed items are taken; none are when there is nothing here.
    pub sealing: Option<SealingConfig>,
}

/// Reason for refusing a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidConfig {
    /// A bound is zero, so that nothing could ever get a position.
    #[error("{0} is zero")]
    Zero(&'static str),
    /// The realm has no rollups.
    #[error("realm has no rollups")]
    NoRollups,
    /// L1 is not a rollup.
    #[error("network 0 is L1, not a rollup")]
    L1,
    /// A number is over its bound.
    #[error("{what} is {found}, over {bound}")]
    Over {
        /// What it is.
        what: &'static str,
        /// The number.
        found: u64,
        /// Its bound.
        bound: u64,
    },
    /// Deposits lie on no rollup of the realm.
    #[error("deposits lie on network {0}, which is not in the realm")]
    UnknownHome(NetworkId),
    /// The rollups are not in increasing order.
    #[error("rollup {second} stands after rollup {first}")]
    NotIncreasing {
        /// The rollup that stands first.
        first: NetworkId,
        /// The rollup that stands second.
        second: NetworkId,
    },
}

impl LaneConfig {
    /// Returns the configuration of a development realm: generous bounds, no bound per origin.
    pub const fn new(slot_ms: u64, rollups: Vec<NetworkId>) -> Self {
        Self {
            slot_ms,
            max_items_per_slot: 1 << 16,
            max_slot_gas: 4_000_000_000,
            max_origin_gas: u64::MAX,
            recent_slots: 1 << 10,
            rollups,
            sealing: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        let bounds = [
            ("slot length", self.slot_ms),
            ("bound of items per slot", self.max_items_per_slot.into()),
            ("bound of gas per slot", self.max_slot_gas),
            ("bound of gas per origin", self.max_origin_gas),
            ("number of recent slots", self.recent_slots),
        ];
        if let Some((name, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            return Err(InvalidConfig::Zero(name));
        }
        match self.rollups.first() {
            None => return Err(InvalidConfig::NoRollups),
            Some(&NetworkId::L1) => return Err(InvalidConfig::L1),
            Some(_) => {}
        }
        if let Some(pair) = self.rollups.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(InvalidConfig::NotIncreasing { first: pair[0], second: pair[1] });
        }
        let sealing = self.sealing.as_ref();
        sealing.map_or(Ok(()), |sealing| sealing.check(self))
    }
}
