//! P24, P29, P46, P48: what L1 sends in, and what leaves for it.

use crate::common::*;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use weft_contracts::{Bridge, Weth, WrappedToken, proxy_address, wrapped_token_address};
use weft_evm::{Applied, TokenId, delivery_gas};
use weft_types::{
    BRIDGE, Deposit, Exit, HopBody, Item, L1Born, L1Event, L1Ref, NetworkId, Outcome, RemovalCause,
    Status, TokenMove,
};

fn born(event: L1Event) -> Item {
    let origin = L1Ref { block_hash: B256::repeat_byte(9), log_index: 3 };
    Item::L1Born(L1Born { origin, event })
}

fn deposit(to: Address, wei: u64, data: impl Into<Bytes>) -> Deposit {
    let (from, value) = (Address::repeat_byte(0x51), U256::from(wei));
    Deposit { network: A, from, to, value, gas: 300_000, data: data.into() }
}

fn deliver(world: &mut World, deposit: Deposit) -> Applied {
    world.apply(born(L1Event::Deposit(deposit)))
}

fn statuses(applied: &Applied) -> Vec<Status> {
    let returns = applied.hops.iter().filter_map(|hop| match &hop.body {
        HopBody::Return(ret) if hop.to == NetworkId::L1 => Some(ret.status),
        _ => None,
    });
    returns.collect()
}

fn exits(applied: &Applied) -> Vec<Bridge::BridgeEvent> {
    let logs = applied.transactions.iter().flat_map(|(_, tx)| &tx.logs);
    logs.filter_map(|log| Bridge::BridgeEvent::decode_log(log).ok()).map(|log| log.data).collect()
}

fn held(applied: &Applied) -> Bridge::DeliveryHeld {
    let logs = applied.transactions.iter().flat_map(|(_, tx)| &tx.logs);
    let held = logs.filter_map(|log| Bridge::DeliveryHeld::decode_log(log).ok());
    held.last().expect("something is held").data
}

fn retry(held: &Bridge::DeliveryHeld) -> Vec<u8> {
    let Bridge::DeliveryHeld { number, from, to, value, data } = held.clone();
    Bridge::retryCall { number, from, to, value, data }.abi_encode()
}

#[test]
fn p24_a_deposit_pays_its_receiver_and_grows_the_escrow() {
    let mut world = World::new(2);
    let (to, before) = (Address::repeat_byte(0x77), world.ether_escrow(A));
    let applied = deliver(&mut world, deposit(to, 5, Bytes::new()));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(world.balance(A, to), U256::from(5));
    assert_eq!(world.ether_escrow(A), before + U256::from(5));
    assert_eq!(thread(&applied), ["0 1>A call 5", "1 A>1 Ok"]);
    let [(network, tx)] = &applied.transactions[..] else { panic!("one transaction") };
    assert_eq!((*network, tx.is_system, tx.success), (A, true, true));
    assert!(tx.gas_used > 21_000 / 2 && tx.effective_gas_price == 0);
    check(&mut world);
}

#[test]
fn p24_the_bridges_tokens_are_minted_and_accounted() {
    let mut world = World::new(1);
    let (token, to) = (Address::repeat_byte(0xee), Address::repeat_byte(0x78));
    let call = Bridge::receiveTokenCall {
        originNetwork: 0,
        originToken: token,
        amount: U256::from(40),
        to,
        name: "L1 token".into(),
        symbol: "ONE".into(),
        decimals: 6,
    };
    let sent = Deposit { from: BRIDGE, gas: 3_000_000, ..deposit(BRIDGE, 0, call.abi_encode()) };
    let applied = deliver(&mut world, sent);
    assert_eq!(statuses(&applied), [Status::Ok]);
    let wrapped = wrapped_token_address(0, token);
    let balance = WrappedToken::balanceOfCall { account: to };
    assert_eq!(world.call(A, wrapped, &balance), U256::from(40));
    let id = TokenId { network: NetworkId::L1, token };
    assert_eq!(world.realm.escrow().balance(A, id), U256::from(40));
    // Nobody else is L1's bridge.
    let other = deliver(&mut world, deposit(BRIDGE, 0, call.abi_encode()));
    assert_eq!(statuses(&other), [Status::Reverted]);
    assert_eq!(world.realm.escrow().balance(A, id), U256::from(40));
    check(&mut world);
}

#[test]
fn p24_a_delivery_that_fails_is_held_and_paid_later() {
    let mut world = World::new(1);
    let probe = world.deploy(A, &Probe::BYTECODE);
    let before = world.ether_escrow(A);
    let applied = deliver(&mut world, deposit(probe, 7, run([fail(Vec::new())])));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(statuses(&applied), [Status::Reverted, Status::Ok]);
    assert_eq!(world.ether_escrow(A), before + U256::from(7), "what came in stays in");
    assert_eq!(world.balance(A, BRIDGE), U256::from(7));
    let delivery = held(&applied);
    assert_eq!((delivery.to, delivery.value), (probe, U256::from(7)));
    // Altered, it is not what is held.
    let wrong = Bridge::DeliveryHeld { to: account(3), ..delivery.clone() };
    assert!(!world.send(Draft::new(A, BRIDGE, retry(&wrong)).key(4)).legs[0].success);
    let paid = world.must(Draft::new(A, BRIDGE, retry(&delivery)).key(4));
    assert_eq!(world.balance(A, BRIDGE), U256::ZERO);
    let on_l1 = exits(&paid);
    let there = world.balance(A, probe) == U256::from(7);
    assert!(there ^ (on_l1.len() == 1 && on_l1[0].destinationAddress == delivery.from));
    assert!(!world.send(Draft::new(A, BRIDGE, retry(&delivery)).key(4)).legs[0].success, "once");
    check(&mut world);
}

#[test]
fn p24_a_receiver_that_refuses_sends_the_ether_home() {
    let mut world = World::new(1);
    // The manager takes no ether.
    let weth = world.deploy(A, &WrappedToken::BYTECODE);
    let applied = deliver(&mut world, deposit(weth, 7, Bytes::new()));
    assert_eq!(statuses(&applied), [Status::Reverted, Status::Ok]);
    let before = world.ether_escrow(A);
    let paid = world.must(Draft::new(A, BRIDGE, retry(&held(&applied))).key(4));
    let [exit] = &exits(&paid)[..] else { panic!("one exit") };
    assert_eq!((exit.amount, exit.destinationAddress), (U256::from(7), Address::repeat_byte(0x51)));
    assert_eq!(world.ether_escrow(A), before - U256::from(7));
    assert_eq!(world.balance(A, BRIDGE), U256::ZERO);
    check(&mut world);
}

#[test]
fn p24_the_bridges_delivery_is_retried_as_it_was() {
    let mut world = World::new(1);
    let token = Address::repeat_byte(0xee);
    let receive = Bridge::receiveTokenCall {
        originNetwork: 0,
        originToken: token,
        amount: U256::from(40),
        to: account(5),
        name: "t".into(),
        symbol: "T".into(),
        decimals: 0,
    };
    // Too little to deploy the wrapped form.
    let sent = Deposit { from: BRIDGE, gas: 150_000, ..deposit(BRIDGE, 0, receive.abi_encode()) };
    let applied = deliver(&mut world, sent);
    assert_eq!(statuses(&applied), [Status::Reverted, Status::Ok]);
    let id = TokenId { network: NetworkId::L1, token };
    assert_eq!(world.realm.escrow().balance(A, id), U256::from(40));
    world.must(Draft::new(A, BRIDGE, retry(&held(&applied))).key(2));
    let balance = WrappedToken::balanceOfCall { account: account(5) };
    assert_eq!(world.call(A, wrapped_token_address(0, token), &balance), U256::from(40));
    check(&mut world);
}

#[test]
fn a_full_block_holds_what_it_cannot_run() {
    let mut world = World::with(1, |spec| spec.block_gas_limit = 1_000_000);
    let big = Deposit { gas: 2_000_000, ..deposit(account(3), 3, Bytes::new()) };
    let applied = deliver(&mut world, big.clone());
    assert_eq!(statuses(&applied), [Status::Full, Status::Ok]);
    let block = world.turn().remove(0);
    assert!(block.header.gas_used <= block.header.gas_limit && delivery_gas(&big) > 2_000_000);
    check(&mut world);
}

#[test]
fn p24_a_withdrawal_is_an_exit_and_leaves_the_escrow() {
    let mut world = World::new(2);
    let before = world.ether_escrow(A);
    let call = |wei: u64, token| Bridge::bridgeAssetCall {
        destinationNetwork: 0,
        destinationAddress: account(6),
        amount: U256::from(wei),
        token,
        forceUpdateGlobalExitRoot: true,
        permitData: Bytes::new(),
    };
    let ether = call(9, Address::ZERO).abi_encode();
    let applied = world.must(Draft::new(A, BRIDGE, ether.clone()).value(9));
    assert_eq!(thread(&applied), ["0 A>1 call 9", "1 1>A Ok"]);
    assert_eq!(world.ether_escrow(A), before - U256::from(9));
    assert_eq!((world.balance(A, BRIDGE), exits(&applied)[0].depositCount), (U256::ZERO, 0));
    let leaf = Bridge::getLeafValueCall {
        leafType: 0,
        originNetwork: 0,
        originAddress: Address::ZERO,
        destinationNetwork: 0,
        destinationAddress: account(6),
        amount: U256::from(9),
        metadataHash: keccak256([]),
    };
    let leaf = world.call(A, BRIDGE, &leaf);
    let root = |world: &mut World| world.call(A, BRIDGE, &Bridge::getRootCall {});
    let mut expected = leaf;
    let mut zero = B256::ZERO;
    for _ in 0..32 {
        expected = keccak256([expected, zero].concat());
        zero = keccak256([zero, zero].concat());
    }
    assert_eq!(root(&mut world), expected, "AggLayer's tree");
    // Slot 1 of the bridge is what settlements read.
    assert_eq!(world.slot(A, BRIDGE, 1), U256::from_be_bytes(expected.0));
    // Native tokens are locked, and the wrong value is refused.
    assert!(!world.send(Draft::new(A, BRIDGE, ether).value(8)).legs[0].success);
    let weth = world.deploy(A, &Weth::BYTECODE);
    world.must(Draft::new(A, weth, Weth::depositCall {}.abi_encode()).value(50));
    let approve = Weth::approveCall { spender: BRIDGE, amount: U256::from(50) }.abi_encode();
    world.must(Draft::new(A, weth, approve));
    let applied = world.must(Draft::new(A, BRIDGE, call(30, weth).abi_encode()));
    let HopBody::Call(hop) = &applied.hops[0].body else { panic!("a call") };
    let amount = U256::from(30);
    assert_eq!(hop.token, Some(TokenMove { network: A, token: weth, amount }));
    assert_eq!((exits(&applied)[0].originNetwork, exits(&applied)[0].depositCount), (901, 1));
    // Somewhere else than L1 nobody claims.
    let other = Bridge::bridgeAssetCall { destinationNetwork: 902, ..call(1, weth) };
    assert!(!world.send(Draft::new(A, BRIDGE, other.abi_encode())).legs[0].success);
    check(&mut world);
}

#[test]
fn p23_a_withdrawal_that_reverts_leaves_everything_as_it_was() {
    let mut world = World::new(2);
    let probe = world.deploy(A, &Probe::BYTECODE);
    let leave = Bridge::bridgeEtherCall { network: 0, to: account(6) }.abi_encode();
    let before = world.ether_escrow(A);
    // A frame sends to L1 and reverts; the transaction goes on.
    let inner = run([call(BRIDGE, leave).value(5), fail(Vec::new())]);
    let outer = run([attempt(probe, inner).value(5)]);
    let applied = world.must(Draft::new(A, probe, outer).value(5));
    assert_eq!(world.ether_escrow(A), before);
    assert_eq!(thread(&applied), ["0 A>1 call 5", "1 1>A Ok", "2 A>1 rollback to 0"]);
    check(&mut world);
}

#[test]
fn p46_an_exit_burns_what_is_there_and_no_more() {
    let mut world = World::new(1);
    let (rich, before) = (account(7), world.ether_escrow(A));
    let balance = world.balance(A, rich);
    let exit = |account, amount| {
        let (origin_network, token) = (NetworkId::L1, Address::ZERO);
        born(L1Event::Exit(Exit { network: A, account, origin_network, token, amount }))
    };
    let applied = world.apply(exit(rich, balance - U256::from(1)));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(world.balance(A, rich), U256::from(1));
    assert_eq!(world.ether_escrow(A), before - balance + U256::from(1));
    let applied = world.apply(exit(rich, U256::from(10)));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(world.balance(A, rich), U256::ZERO);
    let logs = applied.transactions.iter().flat_map(|(_, tx)| &tx.logs);
    let burned: Vec<_> = logs.filter_map(|log| Bridge::Exited::decode_log(log).ok()).collect();
    assert_eq!(burned[0].amount, U256::from(1));
    // A wrapped token that nobody ever brought.
    let (network, account) = (A, account(1));
    let (origin_network, token) = (NetworkId::L1, Address::repeat_byte(0xee));
    let amount = U256::from(5);
    let exit = Exit { network, account, origin_network, token, amount };
    assert_eq!(world.apply(born(L1Event::Exit(exit))).outcome, Outcome::Included);
    check(&mut world);
}

#[test]
fn p48_what_cannot_be_delivered_is_removed_and_leaves_nothing() {
    let mut world = World::new(2);
    world.close();
    world.open_with(vec![B]);
    let before = world.snapshot();
    let cause = |applied: &Applied| removal(applied).cause;
    let gone = deliver(&mut world, deposit(account(1), 1, Bytes::new()));
    assert_eq!(cause(&gone), RemovalCause::Unavailable);
    let nowhere = Deposit { network: NetworkId::new(999), ..deposit(account(1), 1, Bytes::new()) };
    assert_eq!(cause(&deliver(&mut world, nowhere)), RemovalCause::Invalid);
    let junk = born(L1Event::of_payload(b"junk"));
    assert_eq!(cause(&world.apply(junk)), RemovalCause::Malformed);
    let reorged = born(L1Event::Reorged(B256::repeat_byte(1)));
    assert_eq!(reorged.hash(&weft_types::Domain::dev()), B256::repeat_byte(1));
    assert_eq!(cause(&world.apply(reorged)), RemovalCause::Reorged);
    assert_eq!(world.snapshot(), before);
    check(&mut world);
}

#[test]
fn p29_a_delivery_crosses_on_and_brings_its_ether_home() {
    let mut world = World::new(2);
    let (near, far) = (world.deploy(A, &Probe::BYTECODE), world.deploy(B, &Probe::BYTECODE));
    let there = world.proxy(A, B, far);
    let data = run([call(there, run([])).value(2)]);
    let sent = Deposit { gas: 3_000_000, ..deposit(near, 5, data) };
    let applied = deliver(&mut world, sent);
    assert_eq!(statuses(&applied), [Status::Ok], "{:?}", thread(&applied));
    assert_eq!(world.balance(B, far), U256::from(2));
    assert_eq!(applied.transactions.len(), 2, "one system transaction on each rollup");
    // Ether that the callee gives back to its caller goes to the sender on L1.
    let sender = proxy_address(0, Address::repeat_byte(0x51));
    let back = run([call(sender, Vec::new()).value(4)]);
    let applied = deliver(&mut world, Deposit { gas: 3_000_000, ..deposit(near, 4, back) });
    if statuses(&applied).len() == 2 && exits(&applied).len() == 1 {
        assert_eq!(exits(&applied)[0].amount, U256::from(4));
    }
    check(&mut world);
}
