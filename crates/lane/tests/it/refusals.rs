//! What the lane refuses, by name, and that a refusal leaves nothing behind.

use crate::world::{
    ROLLUPS, SLOT_MS, World, available, config, hash, origin, plain, position, submit,
};
use weft_lane::{
    Effect, Input, InvalidConfig, InvalidStanding, Lane, LaneConfig, Rejection, Standing,
    Submission,
};
use weft_types::{Domain, NetworkId, Section, SlotNumber};

fn costs(item: u64, declared_gas: u64) -> Input {
    submit(Submission { declared_gas, ..plain(item) })
}

fn costs_origin(item: u64, declared_gas: u64, number: u8) -> Input {
    submit(Submission { declared_gas, origin: Some(origin(number)), ..plain(item) })
}

#[test]
fn an_item_has_one_position_among_recent_slots() {
    let mut world = World::new(config());
    world.ok(0, submit(plain(0)));
    let duplicate =
        Rejection::Duplicate { item: hash(0), position: position(1, Section::Plaintext, 0) };
    assert_eq!(world.refused(0, submit(plain(0))), duplicate, "in the same slot");
    let elsewhere = Submission { section: Section::L1Born, declared_gas: 5, ..plain(0) };
    assert_eq!(world.refused(0, submit(elsewhere)), duplicate, "whatever else is said of it");
    for slot in 1..3 {
        world.ok(slot * SLOT_MS, Input::Tick);
        assert_eq!(world.refused(slot * SLOT_MS, submit(plain(0))), duplicate);
    }
    world.ok(3 * SLOT_MS, Input::Tick);
    world.ok(3 * SLOT_MS, submit(plain(0)));
    assert_eq!(world.lane.position_of(&hash(0)), Some(position(4, Section::Plaintext, 0)));
}

#[test]
fn p4_a_released_item_may_have_another_position() {
    let mut world = World::new(config());
    let release = |item| Input::Release { item: hash(item) };
    world.ok(0, submit(plain(0)));
    let Effect::Positioned { chain, .. } = world.ok(0, submit(plain(1)))[0] else { panic!() };
    assert_eq!(world.ok(0, release(0)), [], "the running chain keeps it");
    assert_eq!(world.lane.position_of(&hash(0)), None);
    assert_eq!(world.ok(0, release(7)), [], "an unknown item is ignored");
    let effects = world.ok(0, submit(plain(0)));
    let [Effect::Positioned { position: again, prev_chain, .. }] = effects[..] else { panic!() };
    assert_eq!((again, prev_chain), (position(1, Section::Plaintext, 2), chain));
    assert!(matches!(world.refused(0, submit(plain(0))), Rejection::Duplicate { .. }));
    assert!(matches!(world.refused(0, submit(plain(1))), Rejection::Duplicate { .. }));
    for slot in 1..4 {
        world.ok(slot * SLOT_MS, Input::Tick);
    }
    world.ok(3 * SLOT_MS, release(0));
    world.ok(3 * SLOT_MS, submit(plain(0)));
}

#[test]
fn a_refused_item_may_come_again() {
    let mut world = World::new(config());
    world.ok(0, costs(0, 1_000));
    assert!(matches!(world.refused(0, costs(1, 1)), Rejection::SlotOutOfGas { .. }));
    assert_eq!(world.lane.position_of(&hash(1)), None);
    world.ok(SLOT_MS, costs(1, 1));
}

#[test]
fn p9_excess_gas_gets_no_position() {
    let mut world = World::new(config());
    world.ok(0, costs(0, 990));
    let error = Rejection::SlotOutOfGas { declared: 11, left: 10 };
    assert_eq!(world.refused(0, costs(1, 11)), error);
    world.ok(0, costs(2, 10));
    assert_eq!(world.refused(0, costs(3, 1)), Rejection::SlotOutOfGas { declared: 1, left: 0 });
    world.ok(0, costs(4, 0));
    world.ok(SLOT_MS, costs(1, 11));
}

#[test]
fn p9_a_visible_origin_has_a_share() {
    let mut world = World::new(config());
    world.ok(0, costs_origin(0, 500, 1));
    let error = Rejection::OriginOutOfGas { origin: origin(1), declared: 101, left: 100 };
    assert_eq!(world.refused(0, costs_origin(1, 101, 1)), error);
    world.ok(0, costs_origin(2, 101, 2));
    world.ok(0, costs(3, 101));
    world.ok(0, costs_origin(4, 100, 1));
    world.ok(SLOT_MS, costs_origin(1, 101, 1));
}

#[test]
fn p9_what_fits_into_no_slot_opens_none() {
    let mut world = World::new(config());
    let oversized = |declared, limit| (Err(Rejection::Oversized { declared, limit }), vec![]);
    assert_eq!(world.at(0, costs(0, 1_001)), oversized(1_001, 1_000));
    assert_eq!(world.at(0, costs_origin(0, 601, 1)), oversized(601, 600));
    assert_eq!(world.at(0, costs(0, u64::MAX)), oversized(u64::MAX, 1_000));
    assert_eq!(world.lane.open_slot(), None);
    world.ok(0, costs(0, 1_000));
}

#[test]
fn a_slot_holds_so_many_items() {
    let mut world = World::new(config());
    (0..8).for_each(|item| {
        world.ok(0, submit(plain(item)));
    });
    assert_eq!(world.refused(0, submit(plain(8))), Rejection::SlotFull { limit: 8 });
    world.ok(SLOT_MS, submit(plain(8)));
}

#[test]
fn p2_a_section_does_not_begin_again() {
    let mut world = World::new(config());
    let of = |section, item| submit(Submission { section, ..plain(item) });
    let over = |declared, current| Rejection::SectionOver { declared, current };
    world.ok(0, of(Section::L1Born, 0));
    world.ok(0, of(Section::Plaintext, 2));
    assert_eq!(world.refused(0, of(Section::L1Born, 1)), over(0, 2));
    world.ok(SLOT_MS, of(Section::L1Born, 1));
    for section in [Section::Sealed, Section::Opened] {
        assert_eq!(world.refused(SLOT_MS, of(section, 3)), Rejection::NotHere(section as u8));
    }
}

#[test]
fn a_refused_input_does_not_keep_time_from_passing() {
    let mut world = World::new(config());
    world.ok(0, submit(plain(0)));
    let (result, effects) = world.at(SLOT_MS, submit(plain(0)));
    assert!(matches!(result, Err(Rejection::Duplicate { .. })));
    assert!(matches!(effects[..], [Effect::Closed { .. }]), "closed, and none opened for it");
}

#[test]
fn p8_only_rollups_of_the_realm_are_available() {
    let mut world = World::new(config());
    for network in [NetworkId::L1, NetworkId::new(904)] {
        let error = Rejection::UnknownRollup { network };
        assert_eq!(world.refused(0, available(network, true)), error);
        assert_eq!(world.refused(0, available(network, false)), error);
    }
    world.ok(0, Input::Tick);
    assert_eq!(world.lane.open_slot().unwrap().available, ROLLUPS);
}

#[test]
fn configurations_that_admit_nothing_are_refused() {
    let new = |config| Lane::new(Domain::dev(), config).map(|_| ());
    let rollups = |ids: &[u32]| LaneConfig {
        rollups: ids.iter().copied().map(NetworkId::new).collect(),
        ..config()
    };
    let zero = |name| Err(InvalidConfig::Zero(name));
    let unsorted = |first, second| {
        let (first, second) = (NetworkId::new(first), NetworkId::new(second));
        Err(InvalidConfig::NotIncreasing { first, second })
    };
    for (config, expected) in [
        (config(), Ok(())),
        (LaneConfig { slot_ms: 0, ..config() }, zero("slot length")),
        (LaneConfig { max_items_per_slot: 0, ..config() }, zero("bound of items per slot")),
        (LaneConfig { max_slot_gas: 0, ..config() }, zero("bound of gas per slot")),
        (LaneConfig { max_origin_gas: 0, ..config() }, zero("bound of gas per origin")),
        (LaneConfig { recent_slots: 0, ..config() }, zero("number of recent slots")),
        (rollups(&[]), Err(InvalidConfig::NoRollups)),
        (rollups(&[0, 1]), Err(InvalidConfig::L1)),
        (rollups(&[2, 1]), unsorted(2, 1)),
        (rollups(&[1, 1]), unsorted(1, 1)),
    ] {
        assert_eq!(new(config), expected);
    }
}

#[test]
fn messages_hold_the_numbers() {
    let error = Rejection::SectionOver { declared: 1, current: 2 };
    assert_eq!(error.to_string(), "section 1 of slot is over: section 2 has begun");
    let error = Rejection::SlotOutOfGas { declared: 11, left: 10 };
    assert_eq!(error.to_string(), "slot is out of gas: item declares 11, 10 are left");
    assert_eq!(InvalidConfig::Zero("slot length").to_string(), "slot length is zero");
}

#[test]
fn standings_that_no_lane_has_are_refused() {
    let mut world = World::new(config());
    world.ok(0, submit(plain(1)));
    assert_eq!(world.lane.standing(), None);
    world.ok(SLOT_MS, Input::Tick);
    let standing = world.lane.standing().unwrap();
    let recent: Vec<_> = world.lane.recent_in(SlotNumber::new(1)).collect();
    assert_eq!(recent, [(position(1, Section::Plaintext, 0), hash(1))]);
    let resume = |change: &dyn Fn(&mut Standing), recent: Vec<_>| {
        let mut standing = standing.clone();
        change(&mut standing);
        Lane::resume(Domain::dev(), config(), standing, recent).map(|_| ())
    };
    assert_eq!(resume(&|_| {}, recent.clone()), Ok(()));
    let wrong: [&dyn Fn(&mut Standing); 5] = [
        &|standing| standing.available.push(NetworkId::new(7)),
        &|standing| standing.available.reverse(),
        &|standing| standing.open.as_mut().unwrap().number = SlotNumber::new(3),
        &|standing| standing.open.as_mut().unwrap().parent = hash(9),
        &|standing| standing.last = None,
    ];
    for change in wrong {
        assert!(resume(change, Vec::new()).is_err());
    }
    let twice = [recent.clone(), recent].concat();
    let ahead = vec![(position(2, Section::Plaintext, 0), hash(1))];
    for recent in [twice, ahead] {
        let refused = resume(&|_| {}, recent);
        assert!(matches!(refused, Err(InvalidStanding::Position { .. })), "{refused:?}");
    }
}
