//! A lane with everything that came out of it.

use alloy_primitives::{Address, B256, U256};
use weft_lane::{Effect, Input, Lane, LaneConfig, Rejection, Submission};
use weft_types::{Domain, NetworkId, Position, Section, SlotHeader, SlotNumber, SlotRecord};

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

/// Returns the submission as an input.
pub(crate) const fn submit(submission: Submission) -> Input {
    Input::Submit(submission)
}

pub(crate) const fn available(network: NetworkId, available: bool) -> Input {
    Input::SetAvailable { network, available }
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
    pub(crate) closed: Option<(SlotRecord, B256)>,
}

/// Groups effects by slot; panics where they do not nest.
pub(crate) fn slots(effects: &[Effect]) -> Vec<Slot> {
    let mut slots = Vec::<Slot>::new();
    for effect in effects {
        match effect.clone() {
            Effect::Opened(header) => {
                assert!(slots.last().is_none_or(|slot| slot.closed.is_some()), "two slots open");
                slots.push(Slot { header, positioned: vec![], closed: None });
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
        }
    }
    slots
}
