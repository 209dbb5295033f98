//! P24: tokens count in escrow when the bridge moves them.

use crate::common::*;
use alloy_primitives::{Address, U256, bytes};
use alloy_sol_types::SolCall;
use weft_contracts::{Bridge, Weth, WrappedToken, wrapped_token_address};
use weft_evm::TokenId;
use weft_types::{BRIDGE, HopBody, TokenMove};

fn bridge(network: u64, token: Address, to: Address, amount: u64) -> Vec<u8> {
    Bridge::bridgeTokenCall { network, token, to, amount: U256::from(amount) }.abi_encode()
}

#[test]
fn p24_token_goes_over_two_rollups_and_home() {
    let mut world = World::new(3);
    let weth = world.deploy(A, &Weth::BYTECODE);
    let all = U256::from(1_000);
    world.must(Draft::new(A, weth, Weth::depositCall {}.abi_encode()).value(1_000));
    let approve = Weth::approveCall { spender: BRIDGE, amount: all }.abi_encode();
    world.must(Draft::new(A, weth, approve));
    let wrapped = wrapped_token_address(901, weth);
    let id = TokenId { network: A, token: weth };
    let escrow =
        |world: &World| [A, B, C].map(|on| world.realm.escrow().balance(on, id).to::<u64>());

    let applied = world.must(Draft::new(A, BRIDGE, bridge(902, weth, account(1), 600)));
    let HopBody::Call(hop) = &applied.hops[0].body else { panic!("a call") };
    assert_eq!((hop.caller, hop.target), (BRIDGE, BRIDGE));
    let amount = U256::from(600);
    assert_eq!(hop.token, Some(TokenMove { network: A, token: weth, amount }));
    let held = WrappedToken::balanceOfCall { account: account(1) };
    assert_eq!(world.call(B, wrapped, &held), amount);
    assert_eq!(escrow(&world), [0, 600, 0]);

    world.must(Draft::new(B, BRIDGE, bridge(903, wrapped, account(1), 250)).key(1));
    assert_eq!(escrow(&world), [0, 350, 250]);
    assert_eq!(world.call(C, wrapped, &held), U256::from(250));

    world.must(Draft::new(C, BRIDGE, bridge(901, wrapped, account(2), 250)).key(1));
    assert_eq!(escrow(&world), [0, 350, 0]);
    let held = Weth::balanceOfCall { account: account(2) };
    assert_eq!(world.call(A, weth, &held), U256::from(250));
    check(&mut world);
}

#[test]
fn p24_removed_and_reverted_moves_leave_token_escrow_alone() {
    let mut world = World::new(2);
    let weth = world.deploy(A, &Weth::BYTECODE);
    world.must(Draft::new(A, weth, Weth::depositCall {}.abi_encode()).value(9));
    let approve = Weth::approveCall { spender: BRIDGE, amount: U256::from(9) }.abi_encode();
    world.must(Draft::new(A, weth, approve));
    let probe = world.deploy(B, &Probe::BYTECODE);
    let before = world.snapshot();
    let legs = [
        Draft::new(A, BRIDGE, bridge(902, weth, account(1), 9)),
        Draft::new(B, probe, run([fail(Vec::new())])).key(1),
    ];
    let bundle = world.bundle(&legs);
    removal(&world.apply(bundle));
    assert_eq!(world.snapshot(), before);
    check(&mut world);
}

/// What a batch is bounded by rests on this: L1 books every token that moves, so that moving one must not be cheap.
#[test]
fn p44_moving_one_more_token_costs_no_less_than_this() {
    let mut world = World::new(2);
    let probe = world.deploy(A, &Probe::BYTECODE);
    // Keeps nothing: it has 1 after a transfer and 0 before, as the bridge asks for no more.
    let cheap =
        bytes!("601c600a5f39601c5ff336602410600f575f5c5f5260205ff35b60015f5d60015f5260205ff3");
    let tokens: Vec<_> = (0..9).map(|_| world.deploy(A, &cheap)).collect();
    let mut used = |tokens: &[Address]| {
        let steps: Vec<_> =
            tokens.iter().map(|token| call(BRIDGE, bridge(902, *token, account(1), 1))).collect();
        let applied = world.must(Draft::new(A, probe, run(steps)).gas(16_000_000));
        let calls = applied.hops.iter().filter(|hop| matches!(hop.body, HopBody::Call(_)));
        assert_eq!(calls.count(), tokens.len());
        applied.legs[0].gas_used
    };
    // Their wrapped forms are deployed once.
    used(&tokens);
    let (some, more) = (used(&tokens[..8]), used(&tokens));
    println!("one more token costs {} gas", more - some);
    assert!(more - some >= 40_000, "{}", more - some);
}
