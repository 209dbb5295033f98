//! What is fixed about sealed items for the life of a lane.

use crate::config::{InvalidConfig, LaneConfig};
use weft_types::{NetworkId, SlotNumber};

/// What is fixed about sealed items for the life of a lane.
///
/// Epoch number `n`, from 1, has the slots from `(n - 1) * epoch_slots + 1` to `n * epoch_slots`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingConfig {
    /// Slots of an epoch.
    pub epoch_slots: u64,
    /// Slots before the first of an epoch in which its key list comes too late.
    pub lead_slots: u64,
    /// Most items of an epoch.
    pub max_items: u32,
    /// Most bytes of its padded plaintexts together.
    pub max_bytes: u64,
    /// Most gas of its buckets together, in units (P9).
    pub max_gas: u64,
    /// A payer's items take at most one part in so many of these bounds, so that one cannot keep out all others (P9).
    pub payer_share: u32,
    /// Most closed epochs whose secrets are not known; while there are as many, no key list is taken.
    pub max_waiting: u32,
    /// Price of a byte of the size bucket, in wei.
    pub wei_per_byte: u128,
    /// Price of a unit of the gas bucket, in wei; due for items that are removed.
    pub wei_per_gas: u128,
    /// Rollup where deposits lie.
    pub home: NetworkId,
}

/// Longest epoch, in slots.
pub const MAX_EPOCH_SLOTS: u64 = 1 << 16;

impl SealingConfig {
    /// Returns generous bounds for a realm whose deposits lie on `home`.
    pub const fn new(home: NetworkId, epoch_slots: u64) -> Self {
        Self {
            epoch_slots,
            lead_slots: 1,
            max_items: 1 << 10,
            max_bytes: 8 << 20,
            max_gas: 500_000_000,
            payer_share: 4,
            max_waiting: 64,
            wei_per_byte: 1_000_000_000,
            wei_per_gas: 1_000_000,
            home,
        }
    }

    /// Returns the epoch of a slot.
    pub const fn epoch_of(&self, slot: SlotNumber) -> u64 {
        slot.get().saturating_sub(1) / self.epoch_slots + 1
    }

    /// Returns the first slot of an epoch.
    pub const fn first_slot(&self, epoch: u64) -> SlotNumber {
        SlotNumber::new(epoch.saturating_sub(1).saturating_mul(self.epoch_slots).saturating_add(1))
    }

    /// Returns the last slot of an epoch.
    pub const fn last_slot(&self, epoch: u64) -> SlotNumber {
        SlotNumber::new(epoch.saturating_mul(self.epoch_slots))
    }

    /// Returns the fees of a size bucket and of a gas bucket, in wei; no fee that overflows is ever agreed to.
    pub const fn fees_wei(&self, size_bytes: u64, gas_limit: u64) -> (u128, u128) {
        let size = self.wei_per_byte.saturating_mul(size_bytes as u128);
        (size, self.wei_per_gas.saturating_mul(gas_limit as u128))
    }

    pub(crate) fn check(&self, lane: &LaneConfig) -> Result<(), InvalidConfig> {
        let bounds = [
            ("epoch length", self.epoch_slots),
            ("bound of items per epoch", self.max_items.into()),
            ("bound of bytes per epoch", self.max_bytes),
            ("bound of gas per epoch", self.max_gas),
            ("share of a payer", self.payer_share.into()),
            ("bound of waiting epochs", self.max_waiting.into()),
        ];
        if let Some((name, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            return Err(InvalidConfig::Zero(name));
        }
        let over = |what, found, bound| Err(InvalidConfig::Over { what, found, bound });
        if self.epoch_slots > MAX_EPOCH_SLOTS {
            return over("epoch length", self.epoch_slots, MAX_EPOCH_SLOTS);
        }
        if self.lead_slots > MAX_EPOCH_SLOTS {
            return over("lead of key lists", self.lead_slots, MAX_EPOCH_SLOTS);
        }
        // An envelope that the lane forgets while its epoch takes items would be ordered, and charged, once more.
        if self.epoch_slots > lane.recent_slots {
            return over("epoch length", self.epoch_slots, lane.recent_slots);
        }
        // Parts of an epoch are cut by bytes and not by gas (ADR 0054), so one slot may have to run the gas of all of it.
        if self.max_gas > lane.max_slot_gas {
            return over("bound of gas per epoch", self.max_gas, lane.max_slot_gas);
        }
        match lane.rollups.binary_search(&self.home) {
            Ok(_) => Ok(()),
            Err(_) => Err(InvalidConfig::UnknownHome(self.home)),
        }
    }
}
