//! Tables of steps: what goes in, what comes out.

use crate::world::{
    ROLLUPS, START, World, available, config, hash, plain, position, slots, submit,
};
use alloy_primitives::{B256, b256};
use weft_lane::{Effect, Input, Rejection, Submission, chain_next, chain_start};
use weft_types::{Domain, NetworkId, Section, SlotHeader, SlotNumber};

fn opened(number: u64, after: u64, parent: B256) -> Effect {
    Effect::Opened(SlotHeader {
        number: SlotNumber::new(number),
        unix_ms: START + after,
        parent,
        available: ROLLUPS.into(),
        inbox_cursor: 0,
        epoch: 0,
    })
}

/// Returns the times of the slots that opened, after [`START`].
fn times(world: &World) -> Vec<u64> {
    slots(&world.effects).iter().map(|slot| slot.header.unix_ms - START).collect()
}

#[test]
fn p2_a_first_slot_from_tick_to_tick() {
    let mut world = World::new(config());
    assert_eq!(world.ok(30, Input::Tick), [opened(1, 0, B256::ZERO)]);
    assert_eq!(world.ok(60, Input::Tick), []);

    let start = chain_start(&Domain::dev(), SlotNumber::new(1), Section::Plaintext);
    let first = chain_next(&start, 0, &hash(0));
    let second = chain_next(&first, 1, &hash(1));
    let positioned = |index, prev_chain, chain| Effect::Positioned {
        position: position(1, Section::Plaintext, index),
        item: hash(index.into()),
        prev_chain,
        chain,
    };
    assert_eq!(world.ok(70, submit(plain(0))), [positioned(0, start, first)]);
    assert_eq!(world.ok(199, submit(plain(1))), [positioned(1, first, second)]);

    let effects = world.ok(200, Input::Tick);
    let [Effect::Closed { record, hash }, header] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*header, opened(2, 200, *hash));
    assert_eq!((record.l1_born, record.sealed, record.plaintext), (0, 0, 2));
    assert_eq!(record.plaintext_chain, second);
    let sealed = chain_start(&Domain::dev(), SlotNumber::new(1), Section::Sealed);
    assert_eq!(record.sealed_chain, sealed, "an empty section ends where it starts");
    assert_eq!(world.lane.parent(), *hash);
}

#[test]
fn p14_chains_are_those_of_bytes_written_out() {
    let start = chain_start(&Domain::dev(), SlotNumber::new(5), Section::Sealed);
    let preimage = [&b"weft"[..], &[5], &[0, 1], &[0; 36], &5_u64.to_be_bytes(), &[1]].concat();
    assert_eq!(start, alloy_primitives::keccak256(preimage));
    let preimage = [start.as_slice(), &7_u32.to_be_bytes(), hash(0).as_slice()].concat();
    assert_eq!(chain_next(&start, 7, &hash(0)), alloy_primitives::keccak256(preimage));
    let pinned = b256!("0x03b18dd721251ca78367497b3e26c1dd647ab6b7eaa458dd1eb8a67076d1f48f");
    assert_eq!(chain_next(&start, 7, &hash(0)), pinned, "changing this breaks every order promise");
}

#[test]
fn p9_slots_follow_the_clock() {
    let mut world = World::new(config());
    for after in [0, 199, 200, 399, 400, 1_999, 2_000, 60_123] {
        world.ok(after, Input::Tick);
    }
    assert_eq!(times(&world), [0, 200, 400, 1_800, 2_000, 60_000], "a late lane does not rush");
    let numbers: Vec<u64> =
        slots(&world.effects).iter().map(|slot| slot.header.number.get()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6], "numbers are dense");
    assert_eq!(world.lane.closes_at_ms(), Some(START + 60_200));
}

#[test]
fn p9_a_clock_that_goes_back_stands_still() {
    let mut world = World::new(config());
    world.ok(1_000, Input::Tick);
    assert_eq!(world.ok(0, Input::Tick), []);
    world.ok(500, Input::Close);
    world.ok(500, submit(plain(0)));
    assert_eq!(times(&world), [1_000, 1_001]);
}

#[test]
fn close_ends_the_slot_at_once_and_the_next_input_opens_another() {
    let mut world = World::new(config());
    world.ok(150, submit(plain(0)));
    world.ok(150, Input::Close);
    assert_eq!(world.lane.open_slot(), None);
    assert_eq!(world.lane.closes_at_ms(), None);
    world.ok(151, submit(plain(1)));
    world.ok(151, Input::Close);
    assert_eq!(times(&world), [0, 1], "slots of one cell have different times");
    world.ok(5_000, submit(plain(2)));
    assert_eq!(times(&world), [0, 1, 5_000], "no slot opened meanwhile");
}

#[test]
fn close_without_an_open_slot_makes_an_empty_one() {
    let mut world = World::new(config());
    assert!(matches!(world.ok(0, Input::Close)[..], [Effect::Opened(_), Effect::Closed { .. }]));
}

#[test]
fn close_ends_an_expired_slot_and_no_other() {
    // Whoever runs what follows from a slot does so while it is open.
    let mut world = World::new(config());
    world.ok(10, Input::Tick);
    assert!(matches!(world.ok(900, Input::Close)[..], [Effect::Closed { .. }]));
    assert!(matches!(world.ok(900, Input::Close)[..], [Effect::Opened(_), Effect::Closed { .. }]));
}

#[test]
fn many_early_closes_run_ahead_by_a_millisecond_each() {
    let mut world = World::new(config());
    for _ in 0..500 {
        world.ok(10, Input::Close);
    }
    assert_eq!(times(&world), (0..500).collect::<Vec<_>>());
    world.ok(10, Input::Tick);
    assert_eq!(world.lane.closes_at_ms(), Some(START + 600), "the slot that started at 500");
}

#[test]
fn p9_the_end_of_time_stops_nothing() {
    let mut world = World::new(config());
    for _ in 0..3 {
        world.ok(u64::MAX - START, Input::Close);
    }
    world.ok(u64::MAX - START, submit(plain(0)));
    let slots = slots(&world.effects);
    assert_eq!(slots.len(), 4);
    assert!(slots.windows(2).all(|pair| pair[0].header.unix_ms <= pair[1].header.unix_ms));
}

#[test]
fn p8_availability_is_that_of_the_next_header() {
    let mut world = World::new(config());
    let [a, b, c] = ROLLUPS;
    world.ok(0, Input::Tick);
    assert_eq!(world.ok(10, available(b, false)), []);
    assert!(world.lane.open_slot().unwrap().is_available(b), "this slot's header stands");
    world.ok(200, Input::Tick);
    assert_eq!(world.lane.open_slot().unwrap().available, [a, c]);
    world.ok(210, available(b, false));
    world.ok(220, available(c, false));
    world.ok(230, available(b, true));
    world.ok(400, Input::Tick);
    assert_eq!(world.lane.open_slot().unwrap().available, [a, b]);
}

#[test]
fn p8_a_change_after_the_slot_expired_is_in_the_very_next_header() {
    let mut world = World::new(config());
    world.ok(0, Input::Tick);
    let effects = world.ok(200, available(ROLLUPS[0], false));
    assert!(matches!(effects[..], [Effect::Closed { .. }]), "no header before the change");
    world.ok(200, Input::Tick);
    assert_eq!(world.lane.open_slot().unwrap().available, ROLLUPS[1..]);
}

#[test]
fn p8_a_realm_may_have_no_rollup_available() {
    let mut world = World::new(config());
    ROLLUPS.into_iter().for_each(|network| {
        world.ok(0, available(network, false));
    });
    world.ok(0, submit(plain(0)));
    assert_eq!(world.lane.open_slot().unwrap().available, [] as [NetworkId; 0]);
}

#[test]
fn p2_sections_follow_each_other_and_only_two_have_chains() {
    let mut world = World::new(config());
    let of = |section, item| submit(Submission { section, ..plain(item) });
    for (item, section) in
        [Section::L1Born, Section::L1Born, Section::Plaintext, Section::Plaintext]
            .into_iter()
            .enumerate()
    {
        world.ok(1, of(section, item as u64));
    }
    world.ok(200, Input::Tick);
    let slots = slots(&world.effects);
    let found: Vec<_> = slots[0].positioned.iter().map(|(position, ..)| *position).collect();
    let expected = [
        position(1, Section::L1Born, 0),
        position(1, Section::L1Born, 1),
        position(1, Section::Plaintext, 0),
        position(1, Section::Plaintext, 1),
    ];
    assert_eq!(found, expected);
    for (position, _, prev, chain) in &slots[0].positioned {
        let has_chain = position.section != Section::L1Born;
        assert_eq!((prev.is_zero(), chain.is_zero()), (!has_chain, !has_chain));
    }
    let (record, _) = slots[0].closed.as_ref().unwrap();
    assert_eq!((record.l1_born, record.sealed, record.plaintext), (2, 0, 2));
    assert_eq!(slots[1].header.inbox_cursor, 2, "the inbox moved by two entries");
}

#[test]
fn a_clone_is_a_snapshot() {
    let mut world = World::new(config());
    world.ok(0, submit(plain(0)));
    let snapshot = world.clone();
    world.ok(50, submit(plain(1)));
    world.ok(900, Input::Close);
    let mut again = snapshot;
    again.ok(50, submit(plain(1)));
    again.ok(900, Input::Close);
    assert_eq!(again.effects, world.effects);
    assert_eq!(again.lane.position_of(&hash(1)), Some(position(1, Section::Plaintext, 1)));
}

#[test]
fn a_rollup_joins_from_the_next_header_on() {
    // P8
    let mut world = World::new(config());
    world.ok(0, Input::Tick);
    let network = NetworkId::new(900);
    assert_eq!(world.ok(1, Input::Join { network }), []);
    let effects = world.ok(2, Input::Close);
    assert!(matches!(effects[..], [Effect::Closed { .. }]), "{effects:?}");
    let [Effect::Opened(header)] = &world.ok(3, Input::Tick)[..] else { panic!("no slot opened") };
    assert_eq!(header.available, [&[network], &ROLLUPS[..]].concat());
    assert_eq!(world.lane.config().rollups, header.available);
    world.ok(4, available(network, false));
    assert_eq!(world.refused(5, Input::Join { network }), Rejection::KnownRollup { network });
    assert_eq!(world.refused(5, Input::Join { network: NetworkId::L1 }), Rejection::L1);
}
