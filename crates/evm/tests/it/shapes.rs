//! The rollup-only call shapes: per-chain final state, the exact thread, heads, one history.
//!
//! [`check`] recomputes thread and heads from the hops and replays each chain alone.

use crate::common::*;
use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::SolCall;
use weft_contracts::{Counter, proxy_address};
use weft_types::{HopBody, NetworkId};

/// A probe on each of three rollups, each with proxies of the two others.
struct Trio {
    world: World,
    probe: [Address; 3],
}

const CHAINS: [NetworkId; 3] = [A, B, C];

impl Trio {
    fn new() -> Self {
        let mut world = World::new(3);
        let probe = CHAINS.map(|network| {
            // Deployed at different nonces, so that no two chains have it at one address.
            for _ in 0..network.get() - 901 {
                world.must(Draft::new(network, account(9), Bytes::new()).key(9));
            }
            world.deploy(network, &Probe::BYTECODE)
        });
        for here in CHAINS {
            for (there, probe) in CHAINS.into_iter().zip(probe).filter(|(there, _)| *there != here)
            {
                world.proxy(here, there, probe);
            }
        }
        world.turn();
        Self { world, probe }
    }

    /// Address that stands for the probe of chain `of` on the others.
    fn proxy(&self, of: usize) -> Address {
        proxy_address(901 + of as u32, self.probe[of])
    }

    /// Runs a script on the probe of A.
    fn run(&mut self, steps: impl Into<Vec<Step>>) -> weft_evm::Applied {
        self.world.must(Draft::new(A, self.probe[0], run(steps)))
    }

    fn slot(&mut self, chain: usize, slot: u64) -> u64 {
        self.world.slot(CHAINS[chain], self.probe[chain], slot).to()
    }
}

#[test]
fn call_from_a_to_b() {
    let mut trio = Trio::new();
    let applied = trio.run([call(trio.proxy(1), bump(1)), write(1, 7)]);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok"]);
    assert_eq!((trio.slot(0, 1), trio.slot(1, 1)), (7, 1));
    assert_eq!(applied.transactions.len(), 2);
    check(&mut trio.world);
}

#[test]
fn reentrant_call_reads_half_done_state() {
    let mut trio = Trio::new();
    let inner = run([look(trio.proxy(0), get(1)), call(trio.proxy(0), bump(2))]);
    let steps = [write(1, 5), call(trio.proxy(1), inner), write(1, 6)];
    let applied = trio.run(steps);
    let expected = ["0 A>B call", "1 B>A look", "2 A>B Ok", "3 B>A call", "4 A>B Ok", "5 B>A Ok"];
    assert_eq!(thread(&applied), expected);
    let outer = answers(&applied.legs[0].output);
    assert_eq!(word(&answers(&outer[1].data)[0].data).to::<u64>(), 5, "half-done state");
    assert_eq!((trio.slot(0, 1), trio.slot(0, 2)), (6, 1));
    assert_eq!(on(&applied, A).len(), 1, "own-chain re-entry belongs to the leg's transaction");
    assert_eq!(on(&applied, A)[0].logs.len(), 1);
    assert!(on(&applied, B)[0].logs.is_empty());
    check(&mut trio.world);
}

#[test]
fn chain_of_calls_of_depth_eight_over_three_rollups() {
    let mut world = World::new(3);
    let counters = CHAINS.map(|network| world.deploy(network, &Counter::BYTECODE));
    let proxies: Vec<_> = (0..8)
        .map(|depth: usize| {
            let (from, to) = (depth % 3, (depth + 1) % 3);
            world.proxy(CHAINS[from], CHAINS[to], counters[to])
        })
        .collect();
    world.turn();
    let call = Counter::incrementAlongCall { proxies };
    let applied = world.must(Draft::new(A, counters[0], call.abi_encode()).gas(16_000_000));
    let names = ["A", "B", "C"];
    let down = (0..8).map(|k| format!("{k} {}>{} call", names[k % 3], names[(k + 1) % 3]));
    let up = (0..8).map(|k| format!("{} {}>{} Ok", 8 + k, names[(8 - k) % 3], names[(7 - k) % 3]));
    assert_eq!(thread(&applied), down.chain(up).collect::<Vec<_>>());
    let values = Counter::incrementAlongCall::abi_decode_returns(&applied.legs[0].output).unwrap();
    assert_eq!(values, [1, 1, 1, 2, 2, 2, 3, 3, 3].map(U256::from));
    assert_eq!(applied.transactions.len(), 3, "one transaction on each rollup");
    check(&mut world);
}

#[test]
fn two_siblings() {
    let mut trio = Trio::new();
    let applied = trio.run([call(trio.proxy(1), bump(1)), call(trio.proxy(2), bump(1))]);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>C call", "3 C>A Ok"]);
    assert_eq!((trio.slot(1, 1), trio.slot(2, 1)), (1, 1));
    check(&mut trio.world);
}

#[test]
fn remote_success_whose_local_frame_reverts_and_is_caught() {
    let mut trio = Trio::new();
    let through = run([call(trio.proxy(2), bump(1)), write(2, 2)]);
    let undone = run([
        call(trio.proxy(1), through),
        call(trio.proxy(1), bump(1)),
        write(1, 1),
        fail(hex!("c0ffee")),
    ]);
    let this = trio.probe[0];
    let applied = trio.run([attempt(this, undone), call(trio.proxy(1), bump(3))]);
    let expected = [
        "0 A>B call",
        "1 B>C call",
        "2 C>B Ok",
        "3 B>A Ok",
        "4 A>B call",
        "5 B>A Ok",
        "6 A>B rollback to 0",
        "7 A>C rollback to 1",
        "8 A>B call",
        "9 B>A Ok",
    ];
    assert_eq!(thread(&applied), expected);
    let outer = answers(&applied.legs[0].output);
    assert_eq!((outer[0].ok, &outer[0].data[..]), (false, &hex!("c0ffee")[..]));
    assert_eq!((trio.slot(0, 1), trio.slot(1, 1), trio.slot(1, 2), trio.slot(2, 1)), (0, 0, 0, 0));
    assert_eq!(trio.slot(1, 3), 1);
    assert_eq!(applied.hops[8].thread, applied.hops[0].thread, "as if it had not happened");
    assert!(on(&applied, C)[0].logs.is_empty(), "present even if all its hops rolled back");
    check(&mut trio.world);
}

#[test]
fn remote_success_whose_local_frame_reverts_and_is_not_caught() {
    let mut trio = Trio::new();
    let steps = [call(trio.proxy(1), bump(1)), fail(hex!("dead"))];
    let applied = trio.world.send(Draft::new(A, trio.probe[0], run(steps)));
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B rollback to 0"]);
    assert!(!applied.legs[0].success && applied.legs[0].output[..] == hex!("dead"));
    assert_eq!(trio.slot(1, 1), 0);
    let system = on(&applied, B)[0];
    assert!(system.success && system.logs.is_empty() && system.gas_used > 0);
    check(&mut trio.world);
}

#[test]
fn same_call_twice_with_different_results() {
    let mut trio = Trio::new();
    let applied = trio.run([call(trio.proxy(1), bump(1)), call(trio.proxy(1), bump(1))]);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B call", "3 B>A Ok"]);
    let results = answers(&applied.legs[0].output);
    assert_eq!(word(&results[0].data).to::<u64>(), 1);
    assert_eq!(word(&results[1].data).to::<u64>(), 2);
    assert_ne!(applied.hops[0].hash(), applied.hops[2].hash());
    check(&mut trio.world);
}

#[test]
fn static_read_then_local_write_then_the_same_static_read() {
    let mut trio = Trio::new();
    let read = run([look(trio.proxy(0), get(1))]);
    let steps = [look(trio.proxy(1), read.clone()), write(1, 9), look(trio.proxy(1), read)];
    let applied = trio.run(steps);
    let one = |k: u32| {
        let ends = ["A>B look", "B>A look", "A>B Ok", "B>A Ok"];
        ends.iter().zip(k..).map(|(end, k)| format!("{k} {end}")).collect::<Vec<_>>()
    };
    assert_eq!(thread(&applied), [one(0), one(4)].concat());
    let results = answers(&applied.legs[0].output);
    let seen = |index: usize| word(&answers(&results[index].data)[0].data).to::<u64>();
    assert_eq!((seen(0), seen(2)), (0, 9));
    let threads = applied.hops.iter().map(|hop| hop.thread);
    assert!(threads.clone().all(|thread| thread == applied.hops[0].thread), "never advanced");
    check(&mut trio.world);
}

#[test]
fn value_goes_both_ways() {
    let mut trio = Trio::new();
    let back = run([call(trio.proxy(0), bump(2)).value(30)]);
    let steps = run([call(trio.proxy(1), back).value(100)]);
    let applied = trio.world.must(Draft::new(A, trio.probe[0], steps).value(150));
    assert_eq!(thread(&applied), ["0 A>B call 100", "1 B>A call 30", "2 A>B Ok", "3 B>A Ok"],);
    let [a, b, _] = trio.probe;
    assert_eq!(trio.world.balance(A, a), U256::from(80));
    assert_eq!(trio.world.balance(B, b), U256::from(70));
    for proxy in [trio.proxy(0), trio.proxy(1)] {
        for network in [A, B] {
            assert_eq!(trio.world.balance(network, proxy), U256::ZERO, "proxies hold nothing");
        }
    }
    let start = U256::from(100_000 * ETHER);
    let (left, right) = (trio.world.ether_escrow(A), trio.world.ether_escrow(B));
    assert_eq!((left, right), (start - U256::from(70), start + U256::from(70)));
    check(&mut trio.world);
}

#[test]
fn value_of_a_call_that_fails_stays_at_home() {
    let mut trio = Trio::new();
    let inner = run([call(trio.proxy(0), bump(2)).value(30), fail(hex!("aa"))]);
    let steps = run([attempt(trio.proxy(1), inner).value(100)]);
    let applied = trio.world.must(Draft::new(A, trio.probe[0], steps).value(150));
    let expected =
        ["0 A>B call 100", "1 B>A call 30", "2 A>B Ok", "3 B>A rollback to 1", "4 B>A Reverted"];
    assert_eq!(thread(&applied), expected);
    let [a, b, _] = trio.probe;
    assert_eq!(trio.world.balance(A, a), U256::from(150));
    assert_eq!(trio.world.balance(B, b), U256::ZERO);
    assert_eq!(trio.world.ether_escrow(A), U256::from(100_000 * ETHER));
    assert_eq!(trio.slot(0, 2), 0);
    check(&mut trio.world);
}

#[test]
fn call_to_an_address_without_code() {
    let mut trio = Trio::new();
    let nobody = Address::repeat_byte(0x77);
    let proxy = trio.world.proxy(A, B, nobody);
    let steps = run([call(proxy, hex!("01020304")), call(proxy, Bytes::new()).value(5)]);
    let applied = trio.world.must(Draft::new(A, trio.probe[0], steps).value(5));
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B call 5", "3 B>A Ok"]);
    let results = answers(&applied.legs[0].output);
    assert!(results.iter().all(|answer| answer.ok && answer.data.is_empty()));
    assert_eq!(trio.world.balance(B, nobody), U256::from(5));
    check(&mut trio.world);
}

#[test]
fn callee_runs_out_of_gas() {
    let mut trio = Trio::new();
    let burn = Probe::burnCall {}.abi_encode();
    let invalid = Probe::invalidCall {}.abi_encode();
    let steps = [
        attempt(trio.proxy(1), burn).gas(200_000),
        attempt(trio.proxy(1), invalid).gas(200_000),
        call(trio.proxy(1), bump(1)),
    ];
    let applied = trio.run(steps);
    let one = |k, status| [format!("{k} A>B call"), format!("{} B>A {status}", k + 1)];
    let expected = [one(0, "OutOfGas"), one(2, "OutOfGas"), one(4, "Ok")].concat();
    assert_eq!(thread(&applied), expected);
    for (call, ret) in [(0, 1), (2, 3)] {
        let HopBody::Call(call) = &applied.hops[call].body else { panic!("a call") };
        let HopBody::Return(ret) = &applied.hops[ret].body else { panic!("a return") };
        assert_eq!(ret.gas_used, call.gas, "all gas that crossed is gone");
        assert!(ret.data.is_empty());
    }
    let results = answers(&applied.legs[0].output);
    assert!(!results[0].ok && results[0].data.is_empty() && results[2].ok);
    assert_eq!(trio.slot(1, 1), 1);
    check(&mut trio.world);
}

#[test]
fn callee_self_destructs() {
    let mut trio = Trio::new();
    let heir = Address::repeat_byte(0x66);
    let destroy = Probe::destroyCall { heir }.abi_encode();
    // An account that existed before only gives its ether away (EIP-6780).
    let steps = run([call(trio.proxy(1), destroy.clone()).value(3)]);
    let applied = trio.world.must(Draft::new(A, trio.probe[0], steps).value(3));
    assert_eq!(thread(&applied), ["0 A>B call 3", "1 B>A Ok"]);
    assert_eq!(trio.world.balance(B, heir), U256::from(3));
    let b = trio.probe[1];
    assert!(trio.world.code_len(B, b) > 0);

    // One that was created in the same leg on that chain is gone after the leg.
    let nonce = trio.world.nonce(B, b);
    let child = b.create(nonce);
    let create = Probe::createCall { init: Probe::BYTECODE.clone() }.abi_encode();
    let through = run([call(child, destroy)]);
    let steps = [call(trio.proxy(1), create), call(trio.proxy(1), through)];
    let applied = trio.run(steps);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B call", "3 B>A Ok"]);
    assert_eq!((trio.world.code_len(B, child), trio.world.nonce(B, child)), (0, 0));
    check(&mut trio.world);
}

#[test]
fn callee_creates_contracts() {
    let mut trio = Trio::new();
    let b = trio.probe[1];
    // Returns one byte of code: STOP.
    let init = Bytes::from(hex!("5f5f5360015ff3"));
    let create = Probe::createCall { init: init.clone() }.abi_encode();
    let create2 = Probe::create2Call { init: init.clone(), salt: U256::from(5) }.abi_encode();
    let nonce = trio.world.nonce(B, b);
    let steps = [call(trio.proxy(1), create.clone()), call(trio.proxy(1), create2)];
    let applied = trio.run(steps);
    let results = answers(&applied.legs[0].output);
    let first = b.create(nonce);
    let second = b.create2(U256::from(5).to_be_bytes::<32>(), alloy_primitives::keccak256(&init));
    assert_eq!(word(&results[0].data), U256::from_be_slice(first.as_slice()));
    assert_eq!(word(&results[1].data), U256::from_be_slice(second.as_slice()));
    assert_eq!((trio.world.code_len(B, first), trio.world.code_len(B, second)), (1, 1));
    // A creation in a frame that reverts is undone with its nonce.
    let this = trio.probe[0];
    let undone = run([call(trio.proxy(1), create), fail(Bytes::new())]);
    let applied = trio.run([attempt(this, undone)]);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B rollback to 0"]);
    assert_eq!(trio.world.nonce(B, b), nonce + 2);
    assert_eq!(trio.world.code_len(B, b.create(nonce + 2)), 0);
    check(&mut trio.world);
}

#[test]
fn return_data_of_64_kilobytes() {
    let mut trio = Trio::new();
    let size = 64 * 1024;
    let big = Probe::bigCall { size: U256::from(size) }.abi_encode();
    let steps = run([call(trio.proxy(1), big)]);
    let draft = Draft::new(A, trio.probe[0], steps).gas(16_000_000);
    let applied = trio.world.must(draft);
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok"]);
    let HopBody::Return(ret) = &applied.hops[1].body else { panic!("a return") };
    let data = Probe::bigCall::abi_decode_returns(&ret.data).unwrap();
    assert!(data.len() == size && data.iter().enumerate().all(|(at, byte)| *byte == at as u8));
    assert_eq!(answers(&applied.legs[0].output)[0].data, ret.data);
    check(&mut trio.world);
}
