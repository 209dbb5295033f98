//! Random runs against slow models.

use crate::world::{
    ROLLUPS, SLOT_MS, START, Slot, World, config, hash, key, list, origin, sealed, sealing, slots,
};
use alloy_primitives::B256;
use proptest::{collection::vec, option, prelude::*};
use std::collections::{BTreeMap, BTreeSet};
use weft_lane::{
    Effect, Input, Lane, Rejection, SealedSubmission, Sealing, Standing, Submission, chain_next,
    chain_start,
};
use weft_types::{Decode, Domain, Encode, NetworkId, Section, SlotNumber};

type Step = (u64, Input);

/// Returns runs whose clock mostly goes on, sometimes sleeps and sometimes goes back.
fn run() -> impl Strategy<Value = Vec<Step>> {
    let submission = (0..60_u64, 0..3_u8, 0..400_u64, option::of(1..4_u8)).prop_map(
        |(item, section, declared_gas, number)| {
            let sections = [Section::L1Born, Section::Opened, Section::Plaintext];
            Input::Submit(Submission {
                item: hash(item),
                section: sections[usize::from(section)],
                declared_gas,
                origin: number.map(origin),
            })
        },
    );
    let input = prop_oneof![
        12 => submission,
        3 => Just(Input::Tick),
        1 => Just(Input::Close),
        2 => (0..60_u64).prop_map(|item| Input::Release { item: hash(item) }),
        1 => (900..905_u32, any::<bool>()).prop_map(|(network, available)| {
            Input::SetAvailable { network: NetworkId::new(network), available }
        }),
        4 => (0..60_u64, 0..8_u64, 0..3_u64).prop_map(|(item, epoch, gas)| {
            Input::Seal(SealedSubmission { gas_limit: gas * 200, max_fee_wei: u128::MAX, ..sealed(item, epoch) })
        }),
        3 => (1..9_u64).prop_map(|epoch| Input::Announce(key(epoch))),
        2 => (1..9_u64).prop_map(|epoch| Input::Reveal { epoch, list: list(epoch) }),
    ];
    let jump = prop_oneof![20 => 0..50_i64, 2 => 200..3_000_i64, 1 => -500..0_i64];
    vec((jump, input), 0..120).prop_map(|steps| {
        let mut now = 1_000_i64;
        let advance = |(jump, input): (i64, Input)| {
            now = (now + jump).max(0);
            (now.unsigned_abs(), input)
        };
        steps.into_iter().map(advance).collect()
    })
}

fn play(steps: &[Step]) -> (World, Vec<Result<(), Rejection>>) {
    let mut world = World::new(sealing());
    let results = steps.iter().map(|(after, input)| world.at(*after, input.clone()).0).collect();
    (world, results)
}

/// Recomputes a section's chain from its items.
fn chain(slot: SlotNumber, section: Section, items: &[B256]) -> B256 {
    let start = chain_start(&Domain::dev(), slot, section);
    (0..).zip(items).fold(start, |prev, (index, item)| chain_next(&prev, index, item))
}

fn items(slot: &Slot, section: Section) -> Vec<B256> {
    let of_section = slot.positioned.iter().filter(|(position, ..)| position.section == section);
    of_section.map(|(_, item, ..)| *item).collect()
}

proptest! {
    #[test]
    fn p2_chains_verify_from_the_record(steps in run()) {
        let (world, _) = play(&steps);
        for slot in slots(&world.effects) {
            let number = slot.header.number;
            let sections = [Section::L1Born, Section::Sealed, Section::Plaintext];
            let [l1_born, sealed, plaintext] = sections.map(|section| items(&slot, section));
            let mut links = BTreeMap::new();
            for (position, item, prev, next) in &slot.positioned {
                if position.section == Section::L1Born {
                    prop_assert!(prev.is_zero() && next.is_zero());
                    continue;
                }
                let start = chain_start(&Domain::dev(), number, position.section);
                let last = links.insert(position.section, *next).unwrap_or(start);
                prop_assert_eq!(*prev, last);
                prop_assert_eq!(*next, chain_next(prev, position.index, item));
            }
            let Some((record, hash)) = slot.closed else { continue };
            prop_assert_eq!(record.header, slot.header.hash(&Domain::dev()));
            prop_assert_eq!(record.l1_born as usize, l1_born.len());
            prop_assert_eq!(record.sealed as usize, sealed.len());
            prop_assert_eq!(record.plaintext as usize, plaintext.len());
            prop_assert_eq!(record.sealed_chain, chain(number, Section::Sealed, &sealed));
            prop_assert_eq!(record.plaintext_chain, chain(number, Section::Plaintext, &plaintext));
            prop_assert_eq!(hash, record.hash(&Domain::dev()));
        }
    }

    #[test]
    fn p2_positions_are_dense_and_in_lane_order(steps in run()) {
        let (world, _) = play(&steps);
        let slots = slots(&world.effects);
        let positioned = slots.iter().flat_map(|slot| &slot.positioned);
        let positions: Vec<_> = positioned.map(|(position, ..)| *position).collect();
        let mut next = BTreeMap::new();
        for position in positions {
            let index: &mut u32 = next.entry((position.slot, position.section)).or_default();
            prop_assert_eq!(position.index, *index);
            *index += 1;
        }
    }

    #[test]
    fn p2_slots_are_chained_numbered_and_timed(steps in run()) {
        let (world, _) = play(&steps);
        let slots = slots(&world.effects);
        let mut cursor = 0;
        for (slot, number) in slots.iter().zip(1..) {
            prop_assert_eq!(slot.header.number, SlotNumber::new(number));
            prop_assert_eq!(slot.header.inbox_cursor, cursor);
            cursor += items(slot, Section::L1Born).len() as u64;
            let now = steps.iter().map(|(after, _)| START + after).max().unwrap();
            // A slot starts ahead of the clock only by the slots that were closed early.
            prop_assert!(slot.header.unix_ms <= now + steps.len() as u64);
        }
        for pair in slots.windows(2) {
            let (record, hash) = pair[0].closed.as_ref().unwrap();
            prop_assert_eq!(&record.hash(&Domain::dev()), hash);
            prop_assert_eq!(pair[1].header.parent, *hash);
            prop_assert!(pair[0].header.unix_ms < pair[1].header.unix_ms);
            prop_assert!(pair[0].header.epoch <= pair[1].header.epoch);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_effects(steps in run(), cut: prop::sample::Index) {
        let (world, results) = play(&steps);
        let (again, same) = play(&steps);
        prop_assert_eq!(&world.effects, &again.effects);
        prop_assert_eq!(&results, &same);
        let cut = cut.index(steps.len() + 1);
        let (paused, mut both) = play(&steps[..cut]);
        let mut resumed = paused.clone();
        let rest = steps[cut..].iter();
        both.extend(rest.map(|(after, input)| resumed.at(*after, input.clone()).0));
        prop_assert_eq!(&world.effects, &resumed.effects, "a clone goes on like the original");
        prop_assert!(resumed.effects.starts_with(&paused.effects));
        prop_assert_eq!(results, both);
    }

    #[test]
    fn p9_declared_gas_and_items_are_bounded(steps in run()) {
        let config = sealing();
        let mut world = World::new(config.clone());
        let (mut gas, mut by_origin, mut count) = (0, BTreeMap::<_, u64>::new(), 0);
        for (after, input) in steps {
            for effect in world.at(after, input.clone()).1 {
                match effect {
                    Effect::Opened(_) => (gas, by_origin, count) = (0, BTreeMap::new(), 0),
                    Effect::Positioned { item, .. } => {
                        count += 1;
                        let Input::Submit(submission) = &input else { continue };
                        prop_assert_eq!(item, submission.item);
                        gas += submission.declared_gas;
                        if let Some(origin) = submission.origin {
                            *by_origin.entry(origin).or_default() += submission.declared_gas;
                        }
                    }
                    Effect::Closed { .. } | Effect::EpochClosed { .. } => {}
                    Effect::Opening { .. } => {}
                }
            }
            prop_assert!(gas <= config.max_slot_gas && count <= config.max_items_per_slot);
            prop_assert!(by_origin.values().all(|gas| *gas <= config.max_origin_gas));
        }
    }

    #[test]
    fn every_submission_gets_one_position_or_one_refusal(steps in run()) {
        let mut world = World::new(config());
        for (after, input) in steps {
            let (result, effects) = world.at(after, input.clone());
            let positioned =
                effects.iter().filter(|effect| matches!(effect, Effect::Positioned { .. })).count();
            let submitted = matches!(input, Input::Submit(_) | Input::Seal(_));
            prop_assert_eq!(positioned, usize::from(submitted && result.is_ok()));
        }
    }

    #[test]
    fn no_item_repeats_within_the_recent_slots_unless_released(steps in run()) {
        let mut world = World::new(config());
        let mut last = BTreeMap::<B256, SlotNumber>::new();
        for (after, input) in steps {
            if let Input::Release { item } = &input {
                last.remove(item);
            }
            for effect in world.at(after, input).1 {
                let Effect::Positioned { position, item, .. } = effect else { continue };
                if let Some(before) = last.insert(item, position.slot) {
                    prop_assert!(position.slot.get() - before.get() >= config().recent_slots);
                }
            }
        }
    }

    #[test]
    fn a_release_leaves_the_slots_as_they_are(steps in run()) {
        let mut world = World::new(config());
        for (after, input) in steps {
            let mut without = world.clone();
            let is_release = matches!(input, Input::Release { .. });
            let (result, effects) = world.at(after, input);
            if is_release {
                prop_assert_eq!(result, Ok(()));
                let closed = |effect: &Effect| matches!(effect, Effect::Closed { .. });
                prop_assert!(effects.iter().all(closed));
                // Any input lets the same slot expire.
                let _ = without.at(after, Input::Reveal { epoch: 0, list: hash(0) });
                prop_assert_eq!(world.lane.open_slot(), without.lane.open_slot());
                prop_assert_eq!(world.lane.parent(), without.lane.parent());
            }
        }
    }

    #[test]
    fn p8_headers_list_what_was_available_when_they_opened(steps in run()) {
        let mut world = World::new(config());
        let mut available: BTreeSet<NetworkId> = ROLLUPS.into();
        for (after, input) in steps {
            let (_, effects) = world.at(after, input.clone());
            for effect in &effects {
                if let Effect::Opened(header) = effect {
                    let expected: Vec<_> = available.iter().copied().collect();
                    prop_assert_eq!(&header.available, &expected);
                }
            }
            if let Input::SetAvailable { network, available: yes } = input {
                prop_assert!(effects.iter().all(|effect| !matches!(effect, Effect::Opened(_))));
                available.retain(|other| *other != network);
                if yes && ROLLUPS.contains(&network) {
                    available.insert(network);
                }
            }
        }
    }

    #[test]
    fn p9_no_slot_outlives_its_cell(steps in run()) {
        let mut world = World::new(config());
        let mut latest = 0;
        for (after, input) in steps {
            let _ = world.at(after, input);
            latest = latest.max(START + after);
            if let Some(header) = world.lane.open_slot() {
                let end = (header.unix_ms / SLOT_MS + 1) * SLOT_MS;
                prop_assert_eq!(world.lane.closes_at_ms(), Some(end));
                prop_assert!(latest < end);
            }
        }
    }
}

proptest! {
    /// A lane that is set up again from what was kept of it goes on as if nothing had happened.
    #[test]
    fn lanes_go_on_from_their_standing(steps in run()) {
        let (mut world, mut other) = (World::new(sealing()), World::new(sealing()));
        for (after, input) in steps {
            let expected = world.at(after, input.clone());
            prop_assert_eq!(other.at(after, input), expected);
            let Some(standing) = other.lane.standing() else { continue };
            let kept = Standing::decode(&standing.encode()).unwrap();
            prop_assert_eq!(&kept, &standing);
            let last = standing.last.map_or(0, |last| last.number.get());
            let recent: Vec<_> =
                (0..=last).flat_map(|slot| other.lane.recent_in(SlotNumber::new(slot))).collect();
            let epochs = Sealing::decode(&other.lane.sealing().encode()).unwrap();
            let lane = Lane::resume(Domain::dev(), sealing(), kept, recent).unwrap();
            other.lane = lane.with_sealing(epochs);
        }
    }
}
