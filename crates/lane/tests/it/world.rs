//! A lane with everything that came out of it.

use alloy_primitives::{Address, B256, U256};
use weft_lane::{
    Effect, Input, KeyAnnouncement, Lane, LaneConfig, Rejection, SealedSubmission, SealingConfig,
    Submission, Turn,
};
use weft_types::{Domain, Halt, NetworkId, Position, Section, SlotHeader, SlotNumber, SlotRecord};

/// Length of the tests' slots, in milliseconds.
pub(crate) const SLOT_MS: u64 = 200;
/// A time at which a slot starts.
pub(crate) const START: u64 = 1_763_000_000_000;
/// The rollups of the tests' realm.
pub(crate) const ROLLUPS: [NetworkId; 3] =
    [NetworkId::new(901), NetworkId::new(902), NetworkId::new(903)];

/// Returns bounds that a test can reach.
pub(crate) fn config() -> LaneConfig {
    LaneConfig {
        max_items_per_slot: 8,
        max_slot_gas: 1_000,
        max_origin_gas: 600,
        recent_slots: 3,
        ..LaneConfig::new(SLOT_MS, ROLLUPS.into())
    }
}

/// A lane with everything that came out of it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) lane: Lane,
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn new(config: LaneConfig) -> Self {
        Self { lane: Lane::new(Domain::dev(), config).unwrap(), effects: Vec::new() }
    }

    /// Takes an input `after` milliseconds after [`START`] and returns what came out.
    pub(crate) fn at(&mut self, after: u64, input: Input) -> (Result<(), Rejection>, Vec<Effect>) {
        let mut effects = Vec::new();
        let result = self.lane.step(START + after, input, &mut effects);
        self.effects.extend(effects.iter().cloned());
        (result, effects)
    }

    /// Takes an input that is not refused.
    pub(crate) fn ok(&mut self, after: u64, input: Input) -> Vec<Effect> {
        let (result, effects) = self.at(after, input);
        assert_eq!(result, Ok(()));
        effects
    }

    /// Takes an input that is refused.
    pub(crate) fn refused(&mut self, after: u64, input: Input) -> Rejection {
        self.at(after, input).0.unwrap_err()
    }
}

/// Returns the hash of item number `item`.
pub(crate) fn hash(item: u64) -> B256 {
    B256::from(U256::from(item + 1))
}

/// Returns a plaintext item that costs 1 gas and hides its origin.
pub(crate) fn plain(item: u64) -> Submission {
    Submission { item: hash(item), section: Section::Plaintext, declared_gas: 1, origin: None }
}

/// Slots of the tests' epochs.
pub(crate) const EPOCH_SLOTS: u64 = 4;
/// What a sealed item of [`sealed`] costs, in wei.
pub(crate) const FEE_WEI: u128 = 256 * 2 + 100 * 3;

/// Returns bounds that a test can reach, with sealed items.
pub(crate) fn sealing() -> LaneConfig {
    let sealing = SealingConfig {
        lead_slots: 1,
        max_items: 4,
        max_bytes: 2_048,
        max_gas: 900,
        payer_share: 1,
        max_waiting: 2,
        wei_per_byte: 2,
        wei_per_gas: 3,
        ..SealingConfig::new(ROLLUPS[0], EPOCH_SLOTS)
    };
    LaneConfig { recent_slots: EPOCH_SLOTS, sealing: Some(sealing), ..config() }
}

/// Returns the name of an epoch's key list.
pub(crate) fn list(epoch: u64) -> B256 {
    B256::from(U256::from(1_000 + epoch))
}

/// Returns the key of an epoch, of members 1 and 2, whose order has to stand half a slot after its end.
pub(crate) fn key(epoch: u64) -> KeyAnnouncement {
    KeyAnnouncement {
        epoch,
        list: list(epoch),
        members: [1, 2].into(),
        close_at_ms: START + epoch * EPOCH_SLOTS * SLOT_MS + SLOT_MS / 2,
    }
}

/// Returns an envelope for an epoch, of a payer with room for ten.
pub(crate) fn sealed(item: u64, epoch: u64) -> SealedSubmission {
    SealedSubmission {
        item: hash(item),
        epoch,
        list: list(epoch),
        valid_until: SlotNumber::new(u64::MAX),
        payer: origin(1),
        home: ROLLUPS[0],
        size_bytes: 256,
        gas_limit: 100,
        max_fee_wei: FEE_WEI,
        deposit_wei: 10 * FEE_WEI,
    }
}

/// Returns the submission as an input.
pub(crate) const fn submit(submission: Submission) -> Input {
    Input::Submit(submission)
}

pub(crate) const fn available(network: NetworkId, available: bool) -> Input {
    Input::SetAvailable { network, available }
}

/// Stops a rollup before the first plaintext item.
pub(crate) const fn halt(network: NetworkId) -> Input {
    Input::Halt(Halt { section: Section::Plaintext, index: 0, network })
}

pub(crate) const fn origin(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub(crate) const fn position(slot: u64, section: Section, index: u32) -> Position {
    Position { slot: SlotNumber::new(slot), section, index }
}

/// The effects of a run, slot by slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) header: SlotHeader,
    /// Position, item, running hash before and after.
    pub(crate) positioned: Vec<(Position, B256, B256, B256)>,
    /// Sealed items that ran.
    pub(crate) turns: Vec<Turn>,
    pub(crate) closed: Option<(SlotRecord, B256)>,
}

/// Groups effects by slot; panics where they do not nest.
pub(crate) fn slots(effects: &[Effect]) -> Vec<Slot> {
    let mut slots = Vec::<Slot>::new();
    for effect in effects {
        match effect.clone() {
            Effect::Opened(header) => {
                assert!(slots.last().is_none_or(|slot| slot.closed.is_some()), "two slots open");
                slots.push(Slot { header, positioned: vec![], turns: vec![], closed: None });
            }
            Effect::Positioned { position, item, prev_chain, chain } => {
                let slot = slots.last_mut().expect("a position without a slot");
                assert!(slot.closed.is_none(), "a position in a closed slot");
                slot.positioned.push((position, item, prev_chain, chain));
            }
            Effect::Closed { record, hash } => {
                let slot = slots.last_mut().expect("a record without a slot");
                assert!(slot.closed.replace((record, hash)).is_none(), "a slot closed twice");
            }
            Effect::EpochClosed { head, .. } => {
                let closed = slots.last().and_then(|slot| slot.closed.as_ref());
                assert_eq!(closed.map(|(_, hash)| *hash), Some(head), "behind its slot's record");
            }
            Effect::Opening { turns, .. } => {
                let slot = slots.last_mut().expect("an opening without a slot");
                assert!(slot.closed.is_none() && slot.positioned.is_empty(), "before all others");
                slot.turns.extend(turns);
            }
        }
    }
    slots
}
