//! Sealed items, step by step: epochs, key lists, deposits, the opening.

use crate::world::{
    EPOCH_SLOTS, FEE_WEI, ROLLUPS, SLOT_MS, START, World, available, config, halt, hash, key, list,
    origin, plain, position, sealed, sealing, submit,
};
use alloy_primitives::B256;
use weft_lane::{
    Effect, Input, InvalidConfig, KeyAnnouncement, Lane, LaneConfig, MAX_OPENED_BYTES, Rejection,
    SealedRejection, SealedSubmission, Sealing, SealingConfig, chain_next, chain_start,
};
use weft_types::{
    Decode, Domain, Encode, Halt, NetworkId, Position, Section, SlotNumber, halts_hash,
};

/// Time at which a slot starts in a lane that ticks.
const fn slot(number: u64) -> u64 {
    (number - 1) * SLOT_MS
}

fn tick_to(world: &mut World, number: u64) -> Vec<Effect> {
    let first = world.lane.open_slot().map_or(1, |header| header.number.get());
    let ticks = first..=number;
    ticks.flat_map(|number| world.ok(slot(number), Input::Tick)).collect()
}

/// A lane in the first slot of epoch 2, whose key is known.
fn in_epoch_two() -> World {
    let mut world = World::new(sealing());
    tick_to(&mut world, 1);
    world.ok(1, Input::Announce(key(2)));
    tick_to(&mut world, 5);
    world
}

fn seal(world: &mut World, item: u64, epoch: u64) -> Position {
    let after = slot(world.lane.open_slot().unwrap().number.get());
    match world.ok(after, Input::Seal(sealed(item, epoch)))[..] {
        [Effect::Positioned { position, .. }] => position,
        ref other => panic!("{other:?}"),
    }
}

fn refusal(world: &mut World, submission: SealedSubmission) -> SealedRejection {
    let after = slot(world.lane.open_slot().unwrap().number.get());
    match world.refused(after, Input::Seal(submission)) {
        Rejection::Sealed(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

fn head_of(effects: &[Effect], wanted: u64) -> B256 {
    let head = |effect: &Effect| match effect {
        Effect::EpochClosed { epoch, head, is_late: false, .. } if *epoch == wanted => Some(*head),
        _ => None,
    };
    effects.iter().find_map(head).expect("the epoch closed in time")
}

const fn reveal(epoch: u64, list: B256) -> Input {
    Input::Reveal { epoch, list }
}

#[test]
fn p2_sealed_items_have_a_section_of_their_own_beside_plaintext() {
    let mut world = in_epoch_two();
    let after = slot(5);
    world.ok(after, submit(plain(100)));
    assert_eq!(seal(&mut world, 0, 2), position(5, Section::Sealed, 0));
    world.ok(after, submit(plain(101)));
    assert_eq!(seal(&mut world, 1, 2), position(5, Section::Sealed, 1));
    let effects = tick_to(&mut world, 6);
    let Some(Effect::Closed { record, .. }) = effects.first() else { panic!("{effects:?}") };
    let start = chain_start(&Domain::dev(), SlotNumber::new(5), Section::Sealed);
    let chain = chain_next(&chain_next(&start, 0, &hash(0)), 1, &hash(1));
    assert_eq!((record.sealed, record.sealed_chain, record.plaintext), (2, chain, 2));
    assert_eq!(seal(&mut world, 2, 2), position(6, Section::Sealed, 0));
}

#[test]
fn p2_a_closed_epoch_runs_in_the_order_in_which_it_was_sealed() {
    let mut world = in_epoch_two();
    let ordered = [seal(&mut world, 5, 2), {
        tick_to(&mut world, 6);
        seal(&mut world, 3, 2)
    }];
    let effects = tick_to(&mut world, 9);
    head_of(&effects, 2);
    world.ok(slot(9), submit(plain(100)));
    let effects = world.ok(slot(9) + 20, reveal(2, list(2)));
    let [
        Effect::Closed { .. },
        Effect::Opened(header),
        Effect::Opening { epoch, is_late, turns, .. },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((header.number.get(), *epoch, *is_late), (10, 2, false));
    let start = chain_start(&Domain::dev(), header.number, Section::Opened);
    let chain = chain_next(&start, 0, &hash(5));
    assert_eq!(turns[0].chain, chain);
    assert_eq!(turns[1].chain, chain_next(&chain, 1, &hash(3)));
    let found: Vec<_> = turns.iter().map(|turn| (turn.item, turn.ordered, turn.position)).collect();
    let opened = |index| position(10, Section::Opened, index);
    assert_eq!(found, [(hash(5), ordered[0], opened(0)), (hash(3), ordered[1], opened(1))]);
    let next = world.ok(slot(9) + 21, submit(plain(101)));
    let [Effect::Positioned { position: after, .. }] = next[..] else { panic!("{next:?}") };
    assert!(after > turns[1].position, "plaintext of the slot comes after it");
    assert!(position(9, Section::Plaintext, 0) < turns[0].position);
    assert!(world.lane.standing().is_none(), "the slot has items");
}

#[test]
fn p2_an_empty_open_slot_takes_the_opening_itself() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    tick_to(&mut world, 9);
    let effects = world.ok(slot(9) + 1, reveal(2, list(2)));
    assert!(matches!(effects[..], [Effect::Opening { epoch: 2, .. }]), "{effects:?}");
    let again = world.refused(slot(9) + 2, reveal(2, list(2)));
    assert_eq!(again, SealedRejection::NotWaiting { epoch: 2 }.into());
}

#[test]
fn an_epoch_without_members_takes_nothing() {
    let mut world = in_epoch_two();
    tick_to(&mut world, 9);
    let no_key = SealedRejection::NoKey { epoch: 3 };
    assert_eq!(refusal(&mut world, sealed(0, 3)), no_key);
    let nobody = KeyAnnouncement { members: [].into(), ..key(4) };
    let refused = world.refused(slot(9), Input::Announce(nobody));
    assert_eq!(refused, SealedRejection::NoMembers { epoch: 4 }.into());
    tick_to(&mut world, 13);
    assert_eq!(refusal(&mut world, sealed(0, 4)), SealedRejection::NoKey { epoch: 4 });
    let mut without = World::new(config());
    let refused = without.refused(0, Input::Seal(sealed(0, 1)));
    assert_eq!(refused, SealedRejection::NoSealing.into());
    assert_eq!(without.lane.open_slot(), None);
}

#[test]
fn key_lists_have_a_deadline_and_come_once() {
    let mut world = World::new(sealing());
    tick_to(&mut world, 1);
    world.ok(0, Input::Announce(key(2)));
    let other = KeyAnnouncement { list: list(9), ..key(2) };
    let known = SealedRejection::KnownList { epoch: 2, known: list(2) };
    assert_eq!(world.refused(0, Input::Announce(other)), known.into());
    let early = SealedRejection::ListTooEarly { epoch: 4, current: 1 };
    assert_eq!(world.refused(0, Input::Announce(key(4))), early.into());
    let late = |epoch, slot, deadline| {
        let (slot, deadline) = (SlotNumber::new(slot), SlotNumber::new(deadline));
        Rejection::from(SealedRejection::ListTooLate { epoch, slot, deadline })
    };
    assert_eq!(world.refused(0, Input::Announce(key(1))), late(1, 1, 0));
    tick_to(&mut world, 7);
    world.clone().ok(slot(7), Input::Announce(key(3)));
    tick_to(&mut world, 8);
    assert_eq!(world.refused(slot(8), Input::Announce(key(3))), late(3, 8, 8));
}

#[test]
fn envelopes_for_something_else_are_refused_by_name() {
    let mut world = in_epoch_two();
    let other = |declared| SealedRejection::OtherEpoch { declared, current: 2 };
    assert_eq!(refusal(&mut world, sealed(0, 1)), other(1));
    assert_eq!(refusal(&mut world, sealed(0, 3)), other(3));
    let wrong_list = SealedSubmission { list: list(7), ..sealed(0, 2) };
    let (declared, known) = (list(7), list(2));
    let expected = SealedRejection::OtherList { epoch: 2, declared, known };
    assert_eq!(refusal(&mut world, wrong_list), expected);
    let expired = SealedSubmission { valid_until: SlotNumber::new(4), ..sealed(0, 2) };
    let (valid_until, open) = (SlotNumber::new(4), SlotNumber::new(5));
    assert_eq!(refusal(&mut world, expired), SealedRejection::Expired { valid_until, slot: open });
    let elsewhere = SealedSubmission { home: ROLLUPS[1], ..sealed(0, 2) };
    let expected = SealedRejection::OtherHome { declared: ROLLUPS[1], home: ROLLUPS[0] };
    assert_eq!(refusal(&mut world, elsewhere), expected);
    let stingy = SealedSubmission { max_fee_wei: FEE_WEI - 1, ..sealed(0, 2) };
    let expected = SealedRejection::FeeTooHigh { fee_wei: FEE_WEI, max_fee_wei: FEE_WEI - 1 };
    assert_eq!(refusal(&mut world, stingy), expected);
    seal(&mut world, 0, 2);
    let twice = world.refused(slot(5), Input::Seal(sealed(0, 2)));
    let first = position(5, Section::Sealed, 0);
    assert_eq!(twice, Rejection::Duplicate { item: hash(0), position: first });
}

#[test]
fn t8_one_deposit_covers_so_many_envelopes() {
    // P13
    let mut world = in_epoch_two();
    let poor = |item| SealedSubmission { deposit_wei: 2 * FEE_WEI + 1, ..sealed(item, 2) };
    world.ok(slot(5), Input::Seal(poor(0)));
    world.ok(slot(5), Input::Seal(poor(1)));
    let short = |reserved_wei| SealedRejection::Deposit {
        payer: origin(1),
        deposit_wei: 2 * FEE_WEI + 1,
        reserved_wei,
        fee_wei: FEE_WEI,
    };
    assert_eq!(refusal(&mut world, poor(2)), short(2 * FEE_WEI));
    let other = SealedSubmission { payer: origin(2), ..poor(3) };
    world.ok(slot(5), Input::Seal(other));
    tick_to(&mut world, 6);
    world.ok(slot(6), Input::Announce(key(3)));
    tick_to(&mut world, 9);
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), 2 * FEE_WEI, "until it is charged");
    world.ok(slot(9), reveal(2, list(2)));
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), 2 * FEE_WEI, "while it runs");
    world.ok(slot(10), Input::Tick);
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), 0);
    let rich = SealedSubmission { deposit_wei: u128::MAX, ..sealed(9, 3) };
    world.ok(slot(10), Input::Seal(rich));
}

#[test]
fn p9_an_epoch_holds_so_much() {
    let full = |what, asked, bound| SealedRejection::EpochFull { epoch: 2, what, asked, bound };
    let mut world = in_epoch_two();
    for item in 0..4 {
        seal(&mut world, item, 2);
    }
    assert_eq!(refusal(&mut world, sealed(4, 2)), full("items", 5, 4));
    let paid = |size_bytes, gas_limit| SealedSubmission {
        size_bytes,
        gas_limit,
        max_fee_wei: u128::MAX,
        deposit_wei: u128::MAX,
        ..sealed(4, 2)
    };
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    assert_eq!(refusal(&mut world, paid(2_048, 0)), full("bytes", 2_304, 2_048));
    assert_eq!(refusal(&mut world, paid(0, 801)), full("gas", 901, 900));
    assert_eq!(refusal(&mut world, paid(u64::MAX, 0)), full("bytes", u64::MAX, 2_048));
    world.ok(slot(5), Input::Seal(paid(1_792, 800)));
}

#[test]
fn p9_one_payer_does_not_fill_an_epoch() {
    let mut config = sealing();
    config.sealing.as_mut().unwrap().payer_share = 2;
    let mut world = World::new(config);
    tick_to(&mut world, 1);
    world.ok(1, Input::Announce(key(2)));
    tick_to(&mut world, 5);
    seal(&mut world, 0, 2);
    let full = |what, asked, bound| SealedRejection::PayerFull {
        epoch: 2,
        payer: origin(1),
        what,
        asked,
        bound,
    };
    let paid = |size_bytes, gas_limit| SealedSubmission {
        size_bytes,
        gas_limit,
        max_fee_wei: u128::MAX,
        deposit_wei: u128::MAX,
        ..sealed(1, 2)
    };
    assert_eq!(refusal(&mut world, paid(1_024, 0)), full("bytes", 1_280, 1_024));
    assert_eq!(refusal(&mut world, paid(0, 351)), full("gas", 451, 450));
    seal(&mut world, 1, 2);
    assert_eq!(refusal(&mut world, sealed(2, 2)), full("items", 3, 2));
    let other = SealedSubmission { payer: origin(2), ..sealed(2, 2) };
    world.ok(slot(5), Input::Seal(other));
    let bytes = world.lane.sealing().encode();
    let kept = Sealing::decode(&bytes).unwrap();
    assert_eq!(kept.open(2).map(|epoch| epoch.load_of(&origin(1)).items), Some(2), "it is kept");
}

#[test]
fn p9_opened_gas_counts_in_the_slot_in_which_it_runs() {
    let mut world = in_epoch_two();
    let large = SealedSubmission {
        gas_limit: 900,
        max_fee_wei: u128::MAX,
        deposit_wei: u128::MAX,
        ..sealed(0, 2)
    };
    world.ok(slot(5), Input::Seal(large));
    let costs = |item, gas| submit(weft_lane::Submission { declared_gas: gas, ..plain(item) });
    world.ok(slot(5), costs(100, 1_000));
    tick_to(&mut world, 9);
    world.ok(slot(9), reveal(2, list(2)));
    let error = Rejection::SlotOutOfGas { declared: 101, left: 100 };
    assert_eq!(world.refused(slot(9), costs(101, 101)), error);
    world.ok(slot(9), costs(101, 100));
}

#[test]
fn p17_nothing_comes_to_light_before_the_last_slot_is_closed() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    let early = Rejection::from(SealedRejection::NotClosed { epoch: 2 });
    let release = |member, head| Input::MemberReleased { epoch: 2, member, head };
    assert_eq!(world.refused(slot(5), reveal(2, list(2))), early);
    assert_eq!(world.refused(slot(5), release(1, hash(0))), early);
    let effects = tick_to(&mut world, 9);
    let head = head_of(&effects, 2);
    assert_eq!(Some(head), world.lane.open_slot().map(|header| header.parent));
    let declared = list(3);
    let other = SealedRejection::OtherList { epoch: 2, declared, known: list(2) };
    assert_eq!(world.refused(slot(9), reveal(2, list(3))), other.into());
    assert_eq!(world.ok(slot(9), release(2, head)), []);
    let known: Vec<u32> =
        world.lane.sealing().closed(2).unwrap().released.iter().copied().collect();
    assert_eq!(known, [2]);
    let refused = |world: &mut World, input| world.refused(slot(9), input);
    let twice = SealedRejection::Released { epoch: 2, member: 2 };
    assert_eq!(refused(&mut world, release(2, head)), twice.into());
    let stranger = SealedRejection::UnknownMember { epoch: 2, member: 3 };
    assert_eq!(refused(&mut world, release(3, head)), stranger.into());
}

#[test]
fn t12_a_release_for_another_order_is_refused() {
    // Two lanes that differ in one position of the epoch: what is released for one opens nothing in the other.
    let (mut one, mut other) = (in_epoch_two(), in_epoch_two());
    seal(&mut one, 0, 2);
    seal(&mut other, 1, 2);
    let released = head_of(&tick_to(&mut one, 9), 2);
    let closed = head_of(&tick_to(&mut other, 9), 2);
    assert_ne!(released, closed);
    let input = Input::MemberReleased { epoch: 2, member: 1, head: released };
    one.ok(slot(9), input.clone());
    let error = SealedRejection::OtherHead { epoch: 2, declared: released, closed };
    assert_eq!(other.refused(slot(9), input), error.into());
    assert!(other.lane.sealing().closed(2).unwrap().released.is_empty());
}

#[test]
fn p17_what_is_not_closed_in_time_is_late() {
    let mut world = in_epoch_two();
    let ordered = seal(&mut world, 0, 2);
    // The lane sleeps in the last slot of the epoch, until after the time to close it.
    tick_to(&mut world, 8);
    let effects = world.ok(key(2).close_at_ms + 1 - crate::world::START + SLOT_MS, Input::Tick);
    let [
        Effect::Closed { .. },
        Effect::EpochClosed { epoch: 2, items: 1, is_late: true, .. },
        Effect::Opened(header),
        Effect::Opening { epoch: 2, is_late: true, turns, .. },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(turns[0].ordered, ordered);
    assert_eq!(
        turns[0].position,
        Position { slot: header.number, section: Section::Opened, index: 0 }
    );
    let after = 10_000;
    let refused = world.refused(after, reveal(2, list(2)));
    assert_eq!(refused, SealedRejection::NotWaiting { epoch: 2 }.into());
    world.ok(after, Input::Close);
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), 0);
}

#[test]
fn p17_nothing_is_taken_after_the_time_to_close() {
    let mut world = World::new(sealing());
    tick_to(&mut world, 1);
    let soon = KeyAnnouncement { close_at_ms: crate::world::START + slot(6), ..key(2) };
    world.ok(0, Input::Announce(soon.clone()));
    tick_to(&mut world, 6);
    seal(&mut world, 0, 2);
    tick_to(&mut world, 7);
    let now_ms = crate::world::START + slot(7);
    let expected = SealedRejection::TooLate { epoch: 2, close_at_ms: soon.close_at_ms, now_ms };
    assert_eq!(refusal(&mut world, sealed(1, 2)), expected);
}

#[test]
fn an_epoch_without_items_waits_for_nobody() {
    let mut world = in_epoch_two();
    let effects = tick_to(&mut world, 9);
    let closed = |effect: &&Effect| matches!(effect, Effect::EpochClosed { items: 0, .. });
    assert_eq!(effects.iter().filter(closed).count(), 1);
    let refused = world.refused(slot(9), reveal(2, list(2)));
    assert_eq!(refused, SealedRejection::NotWaiting { epoch: 2 }.into());
}

#[test]
fn epochs_open_in_the_order_in_which_their_secrets_are_known() {
    // One that waits for its slow path holds up nobody.
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    world.ok(slot(5), Input::Announce(key(3)));
    tick_to(&mut world, 9);
    seal(&mut world, 1, 3);
    world.ok(slot(9), submit(plain(100)));
    world.ok(slot(9), Input::Announce(key(4)));
    tick_to(&mut world, 13);
    let waiting: Vec<u64> = world.lane.sealing().waiting().map(|(epoch, _)| epoch).collect();
    assert_eq!(waiting, [2, 3]);
    let error = SealedRejection::TooManyWaiting { waiting: 2 };
    assert_eq!(world.refused(slot(13), Input::Announce(key(5))), error.into());
    world.ok(slot(13), reveal(3, list(3)));
    let effects = world.ok(slot(13) + 1, reveal(2, list(2)));
    assert!(
        matches!(
            effects[..],
            [Effect::Closed { .. }, Effect::Opened(_), Effect::Opening { epoch: 2, .. }]
        ),
        "one epoch a slot: {effects:?}"
    );
}

#[test]
fn p8_no_rollup_leaves_after_it_could_be_read() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    let [a, b, c] = ROLLUPS;
    world.ok(slot(5), available(c, false));
    tick_to(&mut world, 9);
    assert_eq!(world.lane.open_slot().unwrap().available, [a, b], "it left while all was sealed");
    world.ok(slot(9), available(b, false));
    tick_to(&mut world, 10);
    assert_eq!(world.lane.open_slot().unwrap().available, [a, b], "too late for that");
    world.ok(slot(10), submit(plain(100)));
    world.ok(slot(10) + 1, reveal(2, list(2)));
    assert_eq!(world.lane.open_slot().unwrap().available, [a, b]);
    tick_to(&mut world, 13);
    assert_eq!(world.lane.open_slot().unwrap().available, [a]);
}

#[test]
fn p8_t1_nobody_leaves_between_a_close_and_the_next_header() {
    // Slots that end on demand leave none open: the closing head is known, members release for it, and only then does
    // the next header name its rollups.
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    tick_to(&mut world, 8);
    let head = head_of(&world.ok(slot(8), Input::Close), 2);
    assert_eq!(world.lane.open_slot(), None);
    for member in [1, 2] {
        world.ok(slot(8), Input::MemberReleased { epoch: 2, member, head });
    }
    let [a, b, c] = ROLLUPS;
    world.ok(slot(8), available(b, false));
    world.ok(slot(8), reveal(2, list(2)));
    assert_eq!(world.lane.open_slot().unwrap().available, [a, b, c], "what it read binds it");
}

#[test]
fn t1_nobody_halts_from_the_close_to_the_end_of_what_was_read() {
    let [a, b, c] = ROLLUPS;
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    world.ok(slot(5), halt(c));
    tick_to(&mut world, 8);
    world.ok(slot(8), halt(b));
    tick_to(&mut world, 9);
    let readable = |network| Rejection::from(SealedRejection::Readable { network, epoch: 2 });
    for network in [a, b] {
        assert_eq!(world.refused(slot(9), halt(network)), readable(network));
    }
    world.ok(slot(9), available(c, true));
    tick_to(&mut world, 10);
    world.ok(slot(10), halt(c));
    world.ok(slot(10), available(c, true));
    tick_to(&mut world, 11);
    world.ok(slot(11), reveal(2, list(2)));
    // In the slot in which it runs not even of a rollup that came back behind its close.
    for network in ROLLUPS {
        assert_eq!(world.refused(slot(11), halt(network)), readable(network));
    }
    tick_to(&mut world, 12);
    assert_eq!(world.lane.open_slot().unwrap().available, [a, c]);
    world.ok(slot(12), halt(a));
    tick_to(&mut world, 13);
    assert_eq!(world.lane.open_slot().unwrap().available, [c]);
}

#[test]
fn p8_a_halt_beside_a_late_epoch_is_a_halt() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    tick_to(&mut world, 8);
    world.ok(slot(9) + SLOT_MS, Input::Tick);
    let effects = world.ok(slot(10), halt(ROLLUPS[1]));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Opening { is_late: false, .. })));
}

#[test]
fn an_envelope_is_ordered_once_in_the_longest_epoch() {
    let mut world = in_epoch_two();
    let first = seal(&mut world, 0, 2);
    tick_to(&mut world, 8);
    let again = world.refused(slot(8), Input::Seal(sealed(0, 2)));
    assert_eq!(again, Rejection::Duplicate { item: hash(0), position: first });
}

#[test]
fn headers_name_the_epoch_of_their_slot() {
    let mut world = World::new(sealing());
    tick_to(&mut world, 9);
    let epochs: Vec<u64> =
        crate::world::slots(&world.effects).iter().map(|slot| slot.header.epoch).collect();
    assert_eq!(epochs, [1, 1, 1, 1, 2, 2, 2, 2, 3]);
    let config = SealingConfig::new(ROLLUPS[0], EPOCH_SLOTS);
    for (number, epoch) in (1..).zip(epochs) {
        assert_eq!(config.epoch_of(SlotNumber::new(number)), epoch);
        let (first, last) = (config.first_slot(epoch).get(), config.last_slot(epoch).get());
        assert!((first..=last).contains(&number) && last - first + 1 == EPOCH_SLOTS);
    }
}

#[test]
fn a_lane_goes_on_with_its_epochs() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    world.ok(slot(5), Input::Announce(key(3)));
    tick_to(&mut world, 9);
    let bytes = world.lane.sealing().encode();
    let kept = Sealing::decode(&bytes).unwrap();
    assert_eq!(kept, *world.lane.sealing());
    let standing = world.lane.standing().unwrap();
    let recent: Vec<_> = (1..9)
        .flat_map(|slot| world.lane.recent_in(SlotNumber::new(slot)).collect::<Vec<_>>())
        .collect();
    let lane = Lane::resume(Domain::dev(), sealing(), standing, recent).unwrap().with_sealing(kept);
    let mut again = World { lane, effects: Vec::new() };
    let next = |world: &mut World| {
        seal(world, 7, 3);
        [world.ok(slot(10), reveal(2, list(2))), tick_to(world, 14)]
    };
    assert_eq!(next(&mut again), next(&mut world));
    for end in 0..bytes.len() {
        assert!(Sealing::decode(&bytes[..end]).is_err());
    }
}

#[test]
fn configurations_that_seal_nothing_are_refused() {
    let new = |change: &dyn Fn(&mut SealingConfig)| {
        let mut config = sealing();
        config.sealing.as_mut().iter_mut().for_each(|sealing| change(sealing));
        Lane::new(Domain::dev(), config).map(|_| ())
    };
    assert_eq!(new(&|_| {}), Ok(()));
    assert_eq!(new(&|it| it.epoch_slots = 0), Err(InvalidConfig::Zero("epoch length")));
    assert_eq!(new(&|it| it.max_items = 0), Err(InvalidConfig::Zero("bound of items per epoch")));
    let stranger = NetworkId::new(7);
    assert_eq!(new(&|it| it.home = stranger), Err(InvalidConfig::UnknownHome(stranger)));
    assert!(matches!(new(&|it| it.max_gas = 1_001), Err(InvalidConfig::Over { .. })));
    assert!(matches!(new(&|it| it.epoch_slots = 1 << 17), Err(InvalidConfig::Over { .. })));
    let forgets = InvalidConfig::Over { what: "epoch length", found: 5, bound: EPOCH_SLOTS };
    assert_eq!(new(&|it| it.epoch_slots = 5), Err(forgets), "an envelope would be taken twice");
    let absurd = LaneConfig {
        sealing: Some(SealingConfig { wei_per_byte: u128::MAX, ..sealing().sealing.unwrap() }),
        ..sealing()
    };
    let fees = absurd.sealing.unwrap().fees_wei(u64::MAX, u64::MAX);
    assert_eq!(fees.0, u128::MAX, "no fee that overflows is small");
}

/// A rollup that was away at the close is away for every part, whenever it comes back (T1): the sequencer has read them by then.
#[test]
fn t1_who_came_back_behind_the_close_is_there_for_no_part() {
    let [a, b, c] = ROLLUPS;
    let mut world = large_without(Some(c), 4, MAX_OPENED_BYTES / 2);
    world.ok(slot(9), available(c, true));
    tick_to(&mut world, 10);
    assert_eq!(world.lane.open_slot().unwrap().available, ROLLUPS, "plaintext finds it");
    let first = world.ok(slot(10), reveal(2, list(2)));
    assert_eq!(listed(&first), [a, b]);
    assert_eq!(world.lane.sealing().opening(), Some(2), "there is a second part");
    world.ok(slot(10) + 2, Input::Close);
    let second = world.ok(slot(10) + 2, Input::Tick);
    assert_eq!(listed(&second), [a, b]);
    assert_eq!(world.lane.open_slot().unwrap().available, ROLLUPS);
}

#[test]
fn t1_who_joined_behind_the_close_is_not_there_either() {
    let mut world = in_epoch_two();
    seal(&mut world, 0, 2);
    tick_to(&mut world, 8);
    world.ok(slot(8), Input::Close);
    world.ok(slot(8), Input::Join { network: NetworkId::new(77) });
    let effects = world.ok(slot(8), reveal(2, list(2)));
    assert_eq!(listed(&effects), ROLLUPS);
    assert!(world.lane.open_slot().unwrap().is_available(NetworkId::new(77)));
}

#[test]
fn t1_a_closing_record_names_who_stopped_in_its_slot() {
    let mut honest = in_epoch_two();
    seal(&mut honest, 0, 2);
    tick_to(&mut honest, 8);
    let mut vetoing = honest.clone();
    vetoing.ok(slot(8), halt(ROLLUPS[1]));
    let heads = [&mut honest, &mut vetoing].map(|world| {
        let effects = world.ok(slot(9), Input::Tick);
        let Effect::Closed { record, .. } = &effects[0] else { panic!("{effects:?}") };
        (record.halts, head_of(&effects, 2))
    });
    let [(none, released), (one, other)] = heads;
    let stopped = Halt { section: Section::Plaintext, index: 0, network: ROLLUPS[1] };
    assert_eq!((none, one), (B256::ZERO, halts_hash(&Domain::dev(), [stopped].iter())));
    // Who writes it when members have released for the first head has another one.
    let refused =
        vetoing.refused(slot(9), Input::MemberReleased { epoch: 2, member: 1, head: released });
    let wrong = SealedRejection::OtherHead { epoch: 2, declared: released, closed: other };
    assert_eq!(refused, wrong.into());
}

#[test]
fn p8_halts_are_named_in_the_order_of_their_places() {
    let [a, b, _] = ROLLUPS;
    let stop = |network, index| Halt { section: Section::Plaintext, index, network };
    let halts = |inputs: [Halt; 2]| {
        let mut world = in_epoch_two();
        for halt in inputs {
            world.ok(slot(5), Input::Halt(halt));
        }
        assert!(world.lane.standing().is_none(), "what is kept of a lane names no halts");
        let effects = world.ok(slot(6), Input::Tick);
        let [Effect::Closed { record, .. }, ..] = &effects[..] else { panic!("{effects:?}") };
        record.halts
    };
    assert_eq!(halts([stop(a, 0), stop(b, 0)]), halts([stop(b, 0), stop(a, 0)]));
    assert_ne!(halts([stop(a, 0), stop(b, 0)]), halts([stop(a, 0), stop(b, 1)]));
}

/// Returns the rollups that there are for what is opened.
fn listed(effects: &[Effect]) -> Vec<NetworkId> {
    let opening = effects.iter().find_map(|effect| match effect {
        Effect::Opening { listed, .. } => Some(listed.clone()),
        _ => None,
    });
    opening.expect("an epoch is opened")
}

/// A lane with a closed epoch 2 of `items`, each of so many bytes, in slot 9.
fn large(items: u64, size_bytes: u64) -> World {
    large_without(None, items, size_bytes)
}

/// The same, with a rollup that the last header of the epoch does not list.
fn large_without(away: Option<NetworkId>, items: u64, size_bytes: u64) -> World {
    let mut config = sealing();
    let bounds = config.sealing.as_mut().unwrap();
    (bounds.max_items, bounds.max_bytes) = (64, u64::MAX);
    let mut world = World::new(config);
    tick_to(&mut world, 1);
    world.ok(1, Input::Announce(key(2)));
    tick_to(&mut world, 5);
    for item in 0..items {
        let large = SealedSubmission {
            size_bytes,
            gas_limit: 1,
            deposit_wei: u128::MAX,
            max_fee_wei: u128::MAX,
            ..sealed(item, 2)
        };
        world.ok(slot(5), Input::Seal(large));
    }
    if let Some(network) = away {
        world.ok(slot(5), available(network, false));
    }
    tick_to(&mut world, 9);
    world
}

#[test]
fn p2_nothing_comes_between_the_parts_of_what_can_be_read() {
    let mut world = large(5, MAX_OPENED_BYTES / 2);
    let listed = world.lane.open_slot().unwrap().available.clone();
    let reserved = world.lane.sealing().reserved_wei(&origin(1));
    let effects = world.ok(slot(9) + 1, reveal(2, list(2)));
    let [Effect::Opening { epoch: 2, is_late: false, turns, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(turns.len(), 2);
    assert_eq!(world.lane.sealing().opening(), Some(2));
    let opening = Rejection::from(SealedRejection::Opening { epoch: 2 });
    assert_eq!(world.refused(slot(9) + 2, submit(plain(100))), opening);
    assert_eq!(world.refused(slot(9) + 2, reveal(2, list(2))), opening);
    let sealed = world.refused(slot(9) + 2, Input::Seal(sealed(100, 3)));
    assert_eq!(sealed, opening);
    // Who leaves meanwhile stays listed, and the fees of what has to run stay reserved.
    for network in ROLLUPS {
        world.ok(slot(9) + 3, available(network, false));
    }
    let mut parts = vec![turns.len()];
    while world.lane.sealing().opening().is_some() {
        world.ok(slot(9) + 4, Input::Close);
        assert!(world.lane.standing().is_none(), "the rest is nowhere else");
        let effects = world.ok(slot(9) + 4, Input::Tick);
        let [Effect::Opened(header), Effect::Opening { epoch: 2, is_late: false, turns, .. }] =
            &effects[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!(header.available, listed);
        assert_eq!(turns[0].position, position(header.number.get(), Section::Opened, 0));
        let start = chain_start(&Domain::dev(), header.number, Section::Opened);
        assert_eq!(turns[0].chain, chain_next(&start, 0, &turns[0].item));
        parts.push(turns.len());
    }
    assert_eq!(parts, [2, 2, 1]);
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), reserved / 5, "the last one's");
    let items = world.effects.iter().filter_map(|effect| match effect {
        Effect::Opening { turns, .. } => Some(turns.iter().map(|turn| turn.item)),
        _ => None,
    });
    assert!(items.flatten().eq((0..5).map(hash)), "in the order in which they were sealed");
    for network in ROLLUPS {
        world.ok(slot(9) + 5, available(network, true));
    }
    let next = world.ok(slot(9) + 5, submit(plain(100)));
    assert!(matches!(next[..], [Effect::Positioned { .. }]), "{next:?}");
    world.ok(slot(30), Input::Tick);
    assert_eq!(world.lane.sealing().reserved_wei(&origin(1)), 0);
}

/// A lane with a closed epoch 2 of large items in slot 11, and one item in epoch 3.
fn before_a_late_epoch() -> World {
    let mut config = sealing();
    config.sealing.as_mut().unwrap().max_bytes = u64::MAX;
    let mut world = World::new(config);
    tick_to(&mut world, 1);
    world.ok(1, Input::Announce(key(2)));
    let in_its_last_slot = START + slot(12) + 100;
    world.ok(1, Input::Announce(KeyAnnouncement { close_at_ms: in_its_last_slot, ..key(3) }));
    tick_to(&mut world, 5);
    for item in 0..3 {
        let large = SealedSubmission {
            payer: origin(2),
            size_bytes: MAX_OPENED_BYTES,
            deposit_wei: u128::MAX,
            max_fee_wei: u128::MAX,
            ..sealed(item, 2)
        };
        world.ok(slot(5), Input::Seal(large));
    }
    tick_to(&mut world, 9);
    seal(&mut world, 10, 3);
    tick_to(&mut world, 11);
    world
}

/// What a slot lets run: epoch, and whether it is late.
fn ran(effects: &[Effect]) -> Vec<(u64, bool)> {
    let ran = |effect: &Effect| match effect {
        Effect::Opening { epoch, is_late, .. } => Some((*epoch, *is_late)),
        _ => None,
    };
    effects.iter().filter_map(ran).collect()
}

#[test]
fn what_becomes_late_between_two_parts_runs_behind_the_last() {
    let mut world = before_a_late_epoch();
    assert_eq!(ran(&world.ok(slot(11), reveal(2, list(2)))), [(2, false)]);
    world.ok(slot(11) + 1, Input::Close);
    assert_eq!(ran(&world.ok(slot(11) + 2, Input::Tick)), [(2, false)]);
    // Slot 12 is the last one of epoch 3, and closes too late for it.
    let closed = world.ok(slot(16), Input::Tick);
    assert!(closed.iter().any(|it| matches!(it, Effect::EpochClosed { is_late: true, .. })));
    assert_eq!(ran(&closed), [(2, false)]);
    assert_eq!(world.lane.sealing().opening(), None);
    world.ok(slot(16) + 1, Input::Close);
    assert_eq!(ran(&world.ok(slot(16) + 1, Input::Tick)), [(3, true)]);
}

#[test]
fn an_epoch_is_opened_behind_what_became_late_with_the_slot_before() {
    let mut world = before_a_late_epoch();
    tick_to(&mut world, 12);
    world.ok(slot(12), submit(plain(100)));
    let effects = world.ok(slot(12) + 150, reveal(2, list(2)));
    assert_eq!(ran(&effects), [(3, true), (2, false)]);
    let slots = effects.iter().filter(|effect| matches!(effect, Effect::Opened(_))).count();
    assert_eq!(slots, 2, "{effects:?}");
}

#[test]
fn an_item_that_is_too_large_runs_alone_and_what_is_late_runs_at_once() {
    let mut world = large(2, MAX_OPENED_BYTES + 1);
    let effects = world.ok(slot(9) + 1, reveal(2, list(2)));
    let [Effect::Opening { turns, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((turns.len(), world.lane.sealing().opening()), (1, Some(2)));
    // An expired slot goes on as well as one that is closed.
    let effects = world.ok(slot(12), submit(plain(100)));
    let [_, _, Effect::Opening { epoch: 2, .. }, Effect::Positioned { .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(world.lane.sealing().opening(), None);

    let mut config = sealing();
    let bounds = config.sealing.as_mut().unwrap();
    bounds.max_bytes = u64::MAX;
    let mut world = World::new(config);
    tick_to(&mut world, 1);
    world.ok(1, Input::Announce(key(2)));
    tick_to(&mut world, 5);
    for item in 0..3 {
        let large = SealedSubmission {
            size_bytes: MAX_OPENED_BYTES,
            deposit_wei: u128::MAX,
            max_fee_wei: u128::MAX,
            ..sealed(item, 2)
        };
        world.ok(slot(5), Input::Seal(large));
    }
    tick_to(&mut world, 8);
    let effects = world.ok(slot(12), Input::Tick);
    let late = effects.iter().find_map(|effect| match effect {
        Effect::Opening { is_late: true, turns, .. } => Some(turns.len()),
        _ => None,
    });
    assert_eq!((late, world.lane.sealing().opening()), (Some(3), None));
}

#[test]
fn p46_what_is_given_up_frees_what_it_reserved_and_has_no_turn() {
    let mut world = in_epoch_two();
    seal(&mut world, 1, 2);
    let payer = sealed(1, 2).payer;
    assert!(world.lane.sealing().reserved_wei(&payer) > 0);
    assert_eq!(world.ok(slot(5), Input::GiveUp), []);
    assert_eq!(world.lane.sealing().reserved_wei(&payer), 0);
    // The same envelope may be ordered again, in the epoch that goes on; closed, it is over.
    seal(&mut world, 1, 2);
    tick_to(&mut world, 9);
    let waiting = |world: &World| world.lane.sealing().waiting().count();
    assert_eq!(waiting(&world), 1);
    assert_eq!(world.ok(slot(9), Input::GiveUp), []);
    assert_eq!((waiting(&world), world.lane.sealing().reserved_wei(&payer)), (0, 0));
}
