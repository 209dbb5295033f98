//! P25: what a failed crossing tells its caller.

use crate::{common::*, counterexamples::pair};
use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolError};
use weft_contracts::{Manager, proxy_address};
use weft_evm::Applied;
use weft_types::{InvalidReason, MANAGER, RemovalCause, Status};

fn outputs(applied: &Applied) -> Vec<Answer> {
    answers(&applied.legs[0].output)
}

#[test]
fn p25_callee_that_returns_reverts_or_burns_is_told_apart() {
    let (mut world, [a, b]) = pair();
    let burn = Probe::burnCall {}.abi_encode();
    let steps = run([
        call(MANAGER, try_call(902, b, bump(1))),
        call(MANAGER, try_call(902, b, run([fail(hex!("c0de"))]))),
        call(MANAGER, try_call_with_gas(902, b, 100_000, burn)),
        call(MANAGER, try_call_with_gas(902, b, 500, bump(1))),
        look(MANAGER, try_look(902, b, get(1))),
        look(MANAGER, try_look(902, b, run([fail(hex!("beef"))]))),
        look(MANAGER, try_look(902, b, bump(1))).gas(200_000),
    ]);
    let applied = world.must(Draft::new(A, a, steps));
    let answers = outputs(&applied);
    let statuses: Vec<_> = answers.iter().map(|answer| status(&answer.data)).collect();
    use Status::{Ok, OutOfGas, Reverted};
    assert_eq!(statuses, [Ok, Reverted, OutOfGas, OutOfGas, Ok, Reverted, OutOfGas]);
    assert_eq!(word(&tried(&answers[0].data)).to::<u64>(), 1);
    assert_eq!(tried(&answers[1].data)[..], hex!("c0de"));
    assert!(tried(&answers[2].data).is_empty() && tried(&answers[3].data).is_empty());
    assert_eq!(word(&tried(&answers[4].data)).to::<u64>(), 1);
    assert_eq!(tried(&answers[5].data)[..], hex!("beef"));
    check(&mut world);
}

#[test]
fn p25_value_of_a_failed_try_call_comes_back() {
    let (mut world, [a, b]) = pair();
    let steps = run([call(MANAGER, try_call(902, b, run([fail(Bytes::new())]))).value(9)]);
    let applied = world.must(Draft::new(A, a, steps).value(9));
    assert_eq!(status(&outputs(&applied)[0].data), Status::Reverted);
    assert_eq!((world.balance(A, a), world.balance(B, b)), (U256::from(9), U256::ZERO));
    assert_eq!(world.balance(A, MANAGER), U256::ZERO);
    check(&mut world);
}

#[test]
fn p25_networks_that_nobody_provisioned() {
    let (mut world, [a, _]) = pair();
    let stranger = Address::repeat_byte(0x44);
    for network in [0_u64, 999, u64::from(u32::MAX) + 902] {
        let create = Manager::createCrossChainProxyCall { original: stranger, network };
        let applied = world.must(Draft::new(A, MANAGER, create.abi_encode()));
        let proxy = Address::from_slice(&applied.legs[0].output[12..]);
        let steps =
            run([call(MANAGER, try_call(network, stranger, bump(1))), attempt(proxy, bump(1))]);
        let applied = world.must(Draft::new(A, a, steps));
        let answers = outputs(&applied);
        assert_eq!(status(&answers[0].data), Status::NotProvisioned);
        assert_eq!(answers[1].data, Manager::NotProvisioned { network }.abi_encode());
        assert!(applied.hops.is_empty(), "a refusal that the caller's chain knows makes no hop");
    }
    let steps = run([attempt(MANAGER, try_call(901, stranger, bump(1)))]);
    let applied = world.must(Draft::new(A, a, steps));
    let error = Manager::SameNetwork { network: 901 };
    assert_eq!(outputs(&applied)[0].data, error.abi_encode());
    check(&mut world);
}

#[test]
fn p25_rollup_that_is_not_available() {
    let (mut world, [a, b]) = pair();
    world.close();
    world.open_with(vec![A]);
    let proxy = proxy_address(902, b);
    let steps = run([
        call(MANAGER, try_call(902, b, bump(1))),
        attempt(proxy, bump(1)),
        look(MANAGER, try_look(902, b, get(1))),
    ]);
    let applied = world.must(Draft::new(A, a, steps.clone()));
    let answers = outputs(&applied);
    assert_eq!(status(&answers[0].data), Status::Unavailable);
    assert_eq!(answers[1].data, Manager::Unavailable { network: 902 }.abi_encode());
    assert_eq!(status(&answers[2].data), Status::Unavailable);
    assert!(applied.hops.is_empty());
    let own = world.send(Draft::new(B, b, bump(1)));
    assert_eq!((removal(&own).cause, removal(&own).network), (RemovalCause::Unavailable, B));
    world.close();
    world.open();
    let applied = world.must(Draft::new(A, a, steps));
    assert_eq!(status(&outputs(&applied)[0].data), Status::Ok, "listed again");
    check(&mut world);
}

#[test]
fn p29_block_without_room_is_full() {
    let (mut world, [a, b]) = pair();
    let burn = Probe::burnCall {}.abi_encode();
    let fill = |key| Draft::new(B, b, burn.clone()).key(key).gas(16_000_000);
    for key in [4, 5, 6] {
        assert!(!world.send(fill(key)).legs[0].success);
    }
    assert_eq!(world.realm.gas_left(B), Some(12_000_000));
    let refused = world.send(fill(7));
    assert_eq!(removal(&refused).invalid, Some(InvalidReason::BlockFull));

    let proxy = proxy_address(902, b);
    let steps = run([
        call(MANAGER, try_call(902, b, bump(1))),
        attempt(proxy, bump(1)),
        call(proxy, bump(1)).gas(1_000_000),
    ]);
    let applied = world.must(Draft::new(A, a, steps).gas(16_000_000));
    let answers = outputs(&applied);
    assert_eq!(status(&answers[0].data), Status::Full);
    assert_eq!(answers[1].data, Manager::Full { network: 902 }.abi_encode());
    let expected =
        ["0 A>B call", "1 B>A Full", "2 A>B call", "3 B>A Full", "4 A>B call", "5 B>A Ok"];
    assert_eq!(thread(&applied), expected);
    let left = 12_000_000 - on(&applied, B)[0].gas_used;
    assert_eq!(world.realm.gas_left(B), Some(left));
    // Legs of one bundle share what is left.
    let leg = |key, gas| {
        let burn = Probe::burnCall {}.abi_encode();
        let steps = run([attempt(proxy, burn).gas(gas)]);
        Draft::new(A, a, steps).key(key).gas(9_000_000)
    };
    let bundle = world.bundle(&[leg(1, 7_000_000), leg(2, 7_000_000)]);
    let applied = world.apply(bundle);
    let ends: Vec<_> = thread(&applied).into_iter().filter(|line| line.contains("B>A")).collect();
    assert_eq!(ends, ["1 B>A OutOfGas", "1.1 B>A Full"]);
    check(&mut world);
}
