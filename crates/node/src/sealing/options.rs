//! What a realm with sealed items is made with.

use crate::error::NodeError;
use alloy_primitives::{Address, Bytes};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use weft_crypto::MemberId;
use weft_lane::{MAX_OPENED_BYTES, SealingConfig};
use weft_types::{
    NetworkId,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Longest delay, in squarings: minutes on any processor. What leaves the vault waits a day.
const MAX_DELAY: u64 = 1 << 30;
/// Most members of a committee in process.
const MAX_MEMBERS: u32 = 16;

/// Fewest slots of an epoch whose members are elsewhere: shares come over a network, and not all in one slot.
const LEAST_SLOTS_APART: u64 = 4;

/// Bytes of the largest size bucket: a part that has no room for the next envelope is at most so much smaller.
const LARGEST_BUCKET: u64 = 256 << 9;

/// Most items of an epoch; a state that is kept has room for so many.
const MAX_ITEMS: u32 = 1 << 16;

/// What a realm with sealed items is made with. All up to the number of items is part of the realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingOptions {
    /// Slots of an epoch.
    pub epoch_slots: u64,
    /// Slots before an epoch in which its key list comes too late.
    pub lead_slots: u64,
    /// Members of the committee in process; zero when [`Self::roster`] names those that are elsewhere.
    pub members: u32,
    /// Squarings that open an epoch when a member does not release its secret.
    pub delay_squarings: u64,
    /// Price of a byte of a size bucket, in wei.
    pub wei_per_byte: u128,
    /// Price of a unit of a gas bucket, in wei.
    pub wei_per_gas: u128,
    /// EIP-155 id of the rollup where deposits lie; the first one when there is none.
    pub home: Option<u32>,
    /// Time that an epoch may last longer than its slots, in milliseconds; what closes later is late.
    pub close_margin_ms: u64,
    /// Most items of an epoch.
    pub max_items: u32,
    /// Members that never release their secrets, so that epochs open the slow way.
    pub silent: u32,
    /// How long members may take to release before the squarings begin.
    pub patience: Duration,
    /// Members in processes of their own, and the keys that sign what they say. They are part of the realm: without their
    /// signatures nobody could check that an epoch was opened for the order that stands.
    pub roster: BTreeMap<MemberId, Address>,
    /// Whether the node squares when a member is silent; else somebody else has to (`weft_openEpoch`).
    pub solves: bool,
    /// Setup of this delay, as `weft committee setup` makes it; without it every start does the squarings once.
    pub setup: Option<Bytes>,
}

impl Default for SealingOptions {
    fn default() -> Self {
        Self {
            epoch_slots: 5,
            lead_slots: 1,
            members: 3,
            delay_squarings: 1 << 18,
            wei_per_byte: 1_000_000_000,
            wei_per_gas: 1_000_000,
            home: None,
            close_margin_ms: 10_000,
            max_items: 1 << 10,
            silent: 0,
            patience: Duration::from_millis(500),
            roster: BTreeMap::new(),
            solves: true,
            setup: None,
        }
    }
}

impl SealingOptions {
    pub(crate) fn check(&self) -> Result<(), NodeError> {
        let wrong = |why: String| Err(NodeError::Config(format!("sealing: {why}")));
        if self.is_apart() {
            self.check_roster()?;
        } else if !(1..=MAX_MEMBERS).contains(&self.members) {
            return wrong(format!("{} members, expected 1 to {MAX_MEMBERS}", self.members));
        }
        if !(1..=MAX_DELAY).contains(&self.delay_squarings) {
            let delay = self.delay_squarings;
            return wrong(format!("{delay} squarings, expected 1 to {MAX_DELAY}"));
        }
        if !(1..=MAX_ITEMS).contains(&self.max_items) {
            let items = self.max_items;
            return wrong(format!("{items} items in an epoch, expected 1 to {MAX_ITEMS}"));
        }
        if !(1..=weft_lane::sealed::MAX_EPOCH_SLOTS).contains(&self.epoch_slots) {
            return wrong(format!("epochs of {} slots", self.epoch_slots));
        }
        Ok(())
    }

    /// Returns true when the members are in processes of their own.
    pub fn is_apart(&self) -> bool {
        !self.roster.is_empty()
    }

    fn check_roster(&self) -> Result<(), NodeError> {
        let wrong = |why: String| Err(NodeError::Config(format!("sealing: {why}")));
        let (inside, outside) = (self.members, self.roster.len());
        if inside != 0 || self.silent != 0 {
            return wrong("members in process beside a committee elsewhere".to_owned());
        }
        if outside > MAX_MEMBERS as usize {
            return wrong(format!("a committee of {outside}, expected at most {MAX_MEMBERS}"));
        }
        let keys: BTreeSet<_> = self.roster.values().collect();
        if keys.len() != outside {
            return wrong("two members of the committee have the same key".to_owned());
        }
        let slots = self.epoch_slots;
        if slots < LEAST_SLOTS_APART.max(self.lead_slots + 2) {
            return wrong(format!("epochs of {slots} slots are too short for members elsewhere"));
        }
        Ok(())
    }

    /// Returns what the lane is told; deposits lie on `home`.
    pub(crate) fn lane(&self, home: NetworkId) -> SealingConfig {
        SealingConfig {
            lead_slots: self.lead_slots,
            wei_per_byte: self.wei_per_byte,
            wei_per_gas: self.wei_per_gas,
            max_items: self.max_items,
            max_bytes: self.max_bytes(),
            ..SealingConfig::new(home, self.epoch_slots)
        }
    }

    /// Returns the bound on what an epoch opens: the slots of its parts are taken from the epochs behind it, and members refuse
    /// epochs that pass twice as fast as their slots.
    fn max_bytes(&self) -> u64 {
        let parts = (self.epoch_slots / 2).max(1);
        let most = SealingConfig::new(NetworkId::L1, self.epoch_slots).max_bytes;
        most.min(parts.saturating_mul(MAX_OPENED_BYTES - LARGEST_BUCKET))
    }

    /// Returns what the log says about it, for comparison.
    pub(crate) fn words(options: Option<&Self>) -> String {
        let Some(options) = options else { return "none".to_owned() };
        let members = match options.members {
            0 => format!("members {:?} elsewhere", options.roster),
            members => format!("{members} members"),
        };
        format!(
            "epochs of {} slots, lead {}, {members}, {} squarings, {} wei a byte, {} wei a unit of gas, home {}, margin {} ms, {} items",
            options.epoch_slots,
            options.lead_slots,
            options.delay_squarings,
            options.wei_per_byte,
            options.wei_per_gas,
            options.home.map_or_else(|| "the lowest".to_owned(), |home| home.to_string()),
            options.close_margin_ms,
            options.max_items,
        )
    }
}

impl Encode for SealingOptions {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.epoch_slots).u64(self.lead_slots).u32(self.members);
        out.u64(self.delay_squarings).number(self.wei_per_byte).number(self.wei_per_gas);
        out.u32(self.home.unwrap_or_default()).u64(self.close_margin_ms).u32(self.max_items);
        out.len(self.roster.len());
        for (member, key) in &self.roster {
            out.u32(*member).address(key);
        }
    }
}

impl Decode for SealingOptions {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch_slots: input.u64()?,
            lead_slots: input.u64()?,
            members: input.u32()?,
            delay_squarings: input.u64()?,
            wei_per_byte: input.number()?,
            wei_per_gas: input.number()?,
            home: Some(input.u32()?).filter(|home| *home != 0),
            close_margin_ms: input.u64()?,
            max_items: input.u32()?,
            roster: roster(input)?,
            ..Self::default()
        })
    }
}

fn roster(input: &mut Reader<'_>) -> Result<BTreeMap<MemberId, Address>, CodecError> {
    let mut roster = BTreeMap::new();
    for _ in 0..input.bounded_len(MAX_MEMBERS as usize)? {
        let (member, key) = (input.u32()?, input.address()?);
        if roster.last_key_value().is_some_and(|(last, _)| *last >= member) {
            return Err(CodecError::NotCanonical("members out of order"));
        }
        roster.insert(member, key);
    }
    Ok(roster)
}
