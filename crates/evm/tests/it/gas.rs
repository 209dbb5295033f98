//! P29: gas is one meter over all chains.

use crate::{common::*, counterexamples::pair};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use weft_contracts::proxy_address;
use weft_evm::Applied;
use weft_types::{HopBody, HopCall, HopReturn};

fn call_hop(applied: &Applied, index: usize) -> &HopCall {
    match &applied.hops[index].body {
        HopBody::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

fn return_hop(applied: &Applied, index: usize) -> &HopReturn {
    match &applied.hops[index].body {
        HopBody::Return(ret) => ret,
        other => panic!("{other:?}"),
    }
}

#[test]
fn p29_sender_pays_remote_units_and_both_blocks_count_them() {
    let (mut world, [a, b]) = pair();
    let before = world.balance(A, account(0));
    let steps = run([call(proxy_address(902, b), bump(1)), call(proxy_address(902, b), bump(1))]);
    let applied = world.must(Draft::new(A, a, steps));
    let (home, away) = (on(&applied, A)[0], on(&applied, B)[0]);
    let spent = return_hop(&applied, 1).gas_used + return_hop(&applied, 3).gas_used;
    assert_eq!(away.gas_used, spent);
    assert!(home.gas_used > spent + 21_000);
    let paid = U256::from(home.gas_used) * U256::from(home.effective_gas_price);
    assert_eq!(before - world.balance(A, account(0)), paid);
    let used = [home.gas_used, away.gas_used];
    let blocks = world.turn();
    assert_eq!([blocks[0].header.gas_used, blocks[1].header.gas_used], used);
    check(&mut world);
}

#[test]
fn p29_refund_of_the_callee_reaches_the_sender() {
    let (mut world, [a, b]) = pair();
    let proxy = proxy_address(902, b);
    world.must(Draft::new(B, b, set(1, 5)));
    world.must(Draft::new(B, b, set(2, 5)));
    let clear = world.must(Draft::new(A, a, run([call(proxy, set(1, 0))])));
    assert_eq!(return_hop(&clear, 1).refund, 4_800);
    // Setting 5 to 6 costs what setting 5 to 0 costs, without the refund.
    let change = world.must(Draft::new(A, a, run([call(proxy, set(2, 6))])));
    let (clear, change) = (on(&clear, A)[0].gas_used, on(&change, A)[0].gas_used);
    // A zero byte of call data is 12 units cheaper than another, three scripts deep in one transaction.
    assert!((4_700..5_000).contains(&(change - clear)), "{change} {clear}");
    // In a frame that reverts there is no refund.
    world.must(Draft::new(B, b, set(1, 5)));
    let undone = run([call(proxy, set(1, 0)), fail(Vec::new())]);
    let applied = world.must(Draft::new(A, a, run([attempt(a, undone)])));
    assert_eq!(return_hop(&applied, 1).refund, 4_800);
    assert!(on(&applied, A)[0].gas_used > clear + 4_000);
    check(&mut world);
}

#[test]
fn each_local_frame_on_the_way_keeps_a_sixty_fourth() {
    let (mut world, [a, b]) = pair();
    let proxy = proxy_address(902, b);
    let burn = Probe::burnCall {}.abi_encode();
    let here = Probe::gasHereCall {}.abi_encode();
    let steps = run([call(proxy, here).gas(640_000), attempt(proxy, burn)]);
    let applied = world.must(Draft::new(A, a, steps).gas(4_000_000));
    let crossed = call_hop(&applied, 0).gas;
    let bound = 640_000 * 63 / 64;
    assert!(crossed < bound && crossed > bound - 20_000, "{crossed} of {bound}");
    let seen = word(&answers(&applied.legs[0].output)[0].data).to::<u64>();
    assert!(seen < crossed && seen > crossed - 10_000, "{seen} of {crossed}");
    let all = call_hop(&applied, 2).gas;
    assert_eq!(return_hop(&applied, 3).gas_used, all, "the callee burned what crossed");
    let home = on(&applied, A)[0].gas_used;
    assert!(home < 4_000_000 && home > all, "what the frames kept is still there");
    check(&mut world);
}

/// A callee that succeeds but leaves no gas to carry its answer home fails, and what it did on a third chain is
/// undone there as well.
#[test]
fn callee_that_cannot_pay_for_its_answer_leaves_nothing_anywhere() {
    let mut world = World::new(3);
    let a = world.deploy(A, &Probe::BYTECODE);
    let b = world.deploy(B, &Probe::BYTECODE);
    let c = world.deploy(C, &Probe::BYTECODE);
    for (here, there, of) in [(A, B, b), (B, C, c), (B, A, a), (C, B, b)] {
        world.proxy(here, there, of);
    }
    let inner = run([call(proxy_address(903, c), bump(1))]);
    let attempt_with = |world: &mut World, gas: u64| {
        let before = world.slot(C, c, 1);
        let steps = run([attempt(proxy_address(902, b), inner.clone()).gas(gas)]);
        let applied = world.must(Draft::new(A, a, steps).gas(1_000_000));
        let ok = answers(&applied.legs[0].output)[0].ok;
        assert_eq!(world.slot(C, c, 1) - before, U256::from(u64::from(ok)), "at {gas}");
        (ok, applied)
    };
    let (mut low, mut high) = (10_000, 400_000);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match attempt_with(&mut world, middle).0 {
            true => high = middle,
            false => low = middle,
        }
    }
    let mut rolled_back = 0;
    for gas in high - 120..high {
        let (ok, applied) = attempt_with(&mut world, gas);
        assert!(!ok);
        let lines = thread(&applied);
        rolled_back += usize::from(lines.contains(&"4 B>A OutOfGas".to_string()));
    }
    assert!(rolled_back > 10, "the answer was the last straw {rolled_back} times");
    check(&mut world);
}

#[test]
fn p29_crossing_back_into_a_chain_is_not_counted_twice() {
    let mut world = World::new(3);
    let a = world.deploy(A, &Probe::BYTECODE);
    let b = world.deploy(B, &Probe::BYTECODE);
    let c = world.deploy(C, &Probe::BYTECODE);
    for (here, there, of) in [(A, B, b), (B, C, c), (C, B, b)] {
        world.proxy(here, there, of);
    }
    let at = |chain: u32, of: Address| proxy_address(900 + chain, of);
    let burn = Probe::burnCall {}.abi_encode();
    let innermost = run([attempt(at(2, b), burn).gas(8_000_000)]);
    let steps = run([call(at(2, b), run([call(at(3, c), innermost)]))]);
    let applied = world.must(Draft::new(A, a, steps).gas(16_000_000));
    let expected =
        ["0 A>B call", "1 B>C call", "2 C>B call", "3 B>C OutOfGas", "4 C>B Ok", "5 B>A Ok"];
    assert_eq!(thread(&applied), expected);
    assert_eq!(on(&applied, B)[0].gas_used, return_hop(&applied, 5).gas_used);
    assert_eq!(on(&applied, C)[0].gas_used, return_hop(&applied, 4).gas_used);
    assert!(on(&applied, A)[0].gas_used > on(&applied, B)[0].gas_used);
    check(&mut world);
}
