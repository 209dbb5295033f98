//! How slots close: empty blocks when they are due (P9), the same roots on any number of threads (P6).

use crate::common::*;
use alloy_primitives::Address;
use weft_types::NetworkId;

fn made(world: &mut World) -> Vec<(NetworkId, u64)> {
    let blocks = world.turn();
    blocks.iter().map(|block| (block.network, block.header.timestamp - GENESIS_TIME)).collect()
}

/// Slots are a second apart here, and a rollup of the usual rules is silent for less than twelve.
#[test]
fn p9_an_empty_block_is_made_when_the_last_one_is_old_enough_and_not_before() {
    let mut world = World::new(2);
    for second in 1..12 {
        assert_eq!(made(&mut world), [], "at {second} s");
    }
    assert_eq!(made(&mut world), [(A, 12), (B, 12)]);
    // Each rollup counts from its own last block.
    world.must(Draft::new(A, account(1), []));
    assert_eq!(made(&mut world), [(A, 13)]);
    for second in 14..24 {
        assert_eq!(made(&mut world), [], "at {second} s");
    }
    assert_eq!(made(&mut world), [(B, 24)]);
    assert_eq!(made(&mut world), [(A, 25)]);
    check(&mut world);
}

#[test]
fn p9_without_an_interval_there_is_no_empty_block() {
    let mut world = World::with(1, |spec| spec.max_block_interval = 0);
    for _ in 0..40 {
        assert_eq!(made(&mut world), []);
    }
}

/// Two blocks of 150 payments each, a small one, and a rollup without any.
fn busy() -> World {
    let mut world = World::new(4);
    for (network, payments) in [(A, 150), (B, 150), (C, 3)] {
        for payment in 0..payments {
            let to = Address::left_padding_from(&[0xaa, payment]);
            world.must(Draft::new(network, to, []).key(usize::from(payment % 3)).value(7));
        }
    }
    world
}

#[test]
fn p6_blocks_do_not_depend_on_the_threads_that_compute_roots() {
    let alone = busy().realm.close_slot().unwrap();
    assert_eq!(alone.len(), 3);
    for threads in [0, 1, 2, 3, 16] {
        assert_eq!(busy().realm.close_slot_on(threads).unwrap(), alone, "{threads} threads");
    }
}
