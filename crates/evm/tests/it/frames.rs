//! P6, P20: what a frame on another rollup sees, and what it leaves there.

use crate::{common::*, counterexamples::pair};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, Bytes, U256, address, hex, keccak256};
use alloy_signer::SignerSync;
use alloy_sol_types::SolCall;
use revm::context_interface::Block;
use weft_contracts::{Manager, proxy_address};
use weft_evm::Applied;
use weft_types::{Item, MANAGER, NetworkId};

fn nth(applied: &Applied, index: usize) -> Bytes {
    answers(&applied.legs[0].output)[index].data.clone()
}

fn env() -> Bytes {
    Probe::envCall {}.abi_encode().into()
}

fn seen(data: &[u8]) -> Env {
    Probe::envCall::abi_decode_returns(data).unwrap()
}

/// A probe on A, one on B with its proxy on A, and no proxies on B.
fn one_way() -> (World, Address, Address, Address) {
    let mut world = World::new(2);
    let a = world.deploy(A, &Probe::BYTECODE);
    world.must(Draft::new(B, account(9), Bytes::new()).key(9));
    let b = world.deploy(B, &Probe::BYTECODE);
    let proxy = world.proxy(A, B, b);
    world.turn();
    (world, a, b, proxy)
}

#[test]
fn p20_remote_frame_sees_its_own_block_and_nothing_but_proxies() {
    let (mut world, [a, b]) = pair();
    let back = run([call(proxy_address(901, a), env())]);
    let steps =
        run([call(proxy_address(902, b), env()).value(3), call(proxy_address(902, b), back)]);
    let applied = world.must(Draft::new(A, a, steps).value(3));
    let there = seen(&nth(&applied, 0));
    let block = world.realm.block_env(B).unwrap().clone();
    assert_eq!(there.sender, proxy_address(901, a));
    assert_eq!(there.origin, proxy_address(901, account(0)));
    assert_eq!((there.gasPrice, there.chainId), (U256::ZERO, U256::from(902)));
    assert_eq!((there.value, there.selfBalance), (U256::from(3), U256::from(3)));
    assert_eq!((there.coinbase, there.number), (block.beneficiary(), block.number()));
    assert_eq!(there.baseFee, U256::from(block.basefee()));
    assert_eq!(there.randao, U256::from_be_bytes(block.prevrandao().unwrap().0));
    let home = seen(&answers(&nth(&applied, 1))[0].data);
    assert_eq!(home.sender, proxy_address(902, b));
    assert_eq!((home.origin, home.chainId), (account(0), U256::from(901)));
    assert_eq!(home.gasPrice, U256::from(applied.transactions[0].1.effective_gas_price));
    check(&mut world);
}

#[test]
fn p20_origin_on_a_third_rollup_is_the_proxy_of_the_sender() {
    let mut world = World::new(3);
    let a = world.deploy(A, &Probe::BYTECODE);
    let b = world.deploy(B, &Probe::BYTECODE);
    let c = world.deploy(C, &Probe::BYTECODE);
    world.proxy(A, B, b);
    world.proxy(B, C, c);
    let through = run([call(proxy_address(903, c), env())]);
    let applied = world.must(Draft::new(A, a, run([call(proxy_address(902, b), through)])));
    let there = seen(&answers(&nth(&applied, 0))[0].data);
    assert_eq!(there.sender, proxy_address(902, b), "whoever calls");
    assert_eq!(there.origin, proxy_address(901, account(0)), "whoever began");
    check(&mut world);
}

#[test]
fn p20_proxy_is_deployed_at_the_first_crossing_that_is_not_static() {
    let (mut world, a, _, proxy) = one_way();
    let here = proxy_address(901, a);
    let looked = world.must(Draft::new(A, a, run([look(proxy, env())])));
    assert_eq!(seen(&nth(&looked, 0)).sender, here, "the caller may be codeless");
    assert_eq!(world.code_len(B, here), 0);
    assert!(on(&looked, B)[0].logs.is_empty());

    // Undone with the frame, made again by the next.
    let undone = run([call(proxy, bump(1)), fail(Bytes::new())]);
    let applied = world.must(Draft::new(A, a, run([attempt(a, undone.clone())])));
    assert_eq!(world.code_len(B, here), 0);
    assert!(on(&applied, B)[0].logs.is_empty());
    let steps = run([attempt(a, undone), call(proxy, bump(1)), call(proxy, bump(1))]);
    let applied = world.must(Draft::new(A, a, steps));
    assert_eq!(world.code_len(B, here), weft_contracts::code::PROXY.len());
    let logs = &on(&applied, B)[0].logs;
    assert_eq!(logs.iter().filter(|log| log.address == MANAGER).count(), 1);
    let of = world.call(B, MANAGER, &Manager::originalOfCall { proxy: here });
    assert_eq!((of.original, of.network), (a, 901));
    check(&mut world);
}

#[test]
fn p20_deployment_without_gas_for_it_fails_and_leaves_nothing() {
    let (mut world, a, b, proxy) = one_way();
    let applied = world.must(Draft::new(A, a, run([attempt(proxy, bump(1)).gas(40_000)])));
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A OutOfGas"]);
    assert_eq!((world.code_len(B, proxy_address(901, a)), world.slot(B, b, 1)), (0, U256::ZERO));
    check(&mut world);
}

#[test]
fn p25_static_context_crosses_chains() {
    let (mut world, [a, b]) = pair();
    let proxy = proxy_address(902, b);
    let back = run([call(proxy_address(901, a), bump(1))]);
    let steps = run([
        by(Kind::TryStatic, proxy, bump(1)).gas(300_000),
        by(Kind::TryStatic, proxy, back).gas(1_000_000),
        look(proxy, get(1)),
    ]);
    let applied = world.must(Draft::new(A, a, steps));
    let results = answers(&applied.legs[0].output);
    assert!(!results[0].ok && !results[1].ok && results[2].ok);
    assert!(applied.hops.iter().all(|hop| !hop.advances()));
    assert_eq!((world.slot(A, a, 1), world.slot(B, b, 1)), (U256::ZERO, U256::ZERO));
    check(&mut world);
}

#[test]
fn p6_transient_storage_and_warm_accounts_live_per_leg_and_chain() {
    let (mut world, [a, b]) = pair();
    let proxy = proxy_address(902, b);
    let tset: Bytes =
        Probe::tsetCall { slot: U256::from(1), value: U256::from(5) }.abi_encode().into();
    let tget: Bytes = Probe::tgetCall { slot: U256::from(1) }.abi_encode().into();
    let cold = address!("00000000000000000000000000000000000c01d0");
    let touch: Bytes = Probe::touchCostCall { account: cold }.abi_encode().into();
    let first = run([
        call(proxy, tset),
        call(proxy, tget.clone()),
        call(a, tget.clone()),
        call(proxy, touch.clone()),
        call(proxy, touch.clone()),
        call(a, touch.clone()),
    ]);
    let second = run([call(proxy, tget), call(proxy, touch)]);
    let numbers = |applied: &Applied, leg: usize| -> Vec<u64> {
        let results = answers(&applied.legs[leg].output);
        let answered = results.iter().filter(|answer| !answer.data.is_empty());
        answered.map(|answer| word(&answer.data).to::<u64>()).collect()
    };
    let bundle = world.bundle(&[Draft::new(A, a, first), Draft::new(A, a, second).key(1)]);
    let applied = world.apply(bundle);
    let [here, there, cold, warm, home] = numbers(&applied, 0)[..] else { panic!("five answers") };
    assert_eq!((here, there), (5, 0), "the scope of B lasts for the leg, A has its own");
    assert!(cold >= 2_600 && warm < 200 && home >= 2_600, "{cold} {warm} {home}");
    let next = numbers(&applied, 1);
    assert!(next[0] == 0 && next[1] >= 2_600, "the next leg starts cold: {next:?}");
    check(&mut world);
}

fn delegate(key: usize, chain_id: u64, to: Address, nonce: u64) -> SignedAuthorization {
    let authorization = Authorization { chain_id: U256::from(chain_id), address: to, nonce };
    let signature = signer(key).sign_hash_sync(&authorization.signature_hash()).unwrap();
    authorization.into_signed(signature)
}

fn with_authorizations(draft: Draft, authorizations: Vec<SignedAuthorization>) -> Draft {
    Draft { authorizations, ..draft.form(Form::Eip7702) }
}

#[test]
fn delegated_accounts_call_and_are_called_across_chains() {
    let (mut world, [a, b]) = pair();
    let (caller, callee) = (account(6), account(5));
    let draft = Draft::new(B, account(1), Bytes::new()).key(7);
    world.must(with_authorizations(draft, vec![delegate(5, 902, b, 0)]));
    world.proxy(A, B, callee);
    // An authorization acts on the transaction's own chain, whatever chains it is valid for.
    let steps =
        run([call(proxy_address(902, callee), bump(1)), call(proxy_address(902, callee), env())]);
    let draft = Draft::new(A, caller, steps).key(7);
    let applied = world.must(with_authorizations(draft, vec![delegate(6, 0, a, 0)]));
    assert_eq!(world.slot(B, callee, 1), U256::from(1));
    assert_eq!(seen(&nth(&applied, 1)).sender, proxy_address(901, caller));
    assert_eq!((world.code_len(A, caller), world.code_len(B, caller)), (23, 0));
    check(&mut world);
}

#[test]
fn account_delegated_to_the_manager_or_the_reserved_address_crosses_nothing() {
    let (mut world, [a, b]) = pair();
    for (key, to) in [(5, MANAGER), (6, weft_types::RESERVED)] {
        let draft = Draft::new(A, account(1), Bytes::new()).key(7);
        world.must(with_authorizations(draft, vec![delegate(key, 901, to, 0)]));
        let steps = run([attempt(account(key), try_call(902, b, bump(1)))]);
        let applied = world.must(Draft::new(A, a, steps));
        assert!(applied.hops.is_empty(), "{:?}", thread(&applied));
    }
    assert_eq!(world.slot(B, b, 1), U256::ZERO);
    check(&mut world);
}

#[test]
fn constructor_may_cross() {
    let (mut world, _, b, proxy) = one_way();
    let applied = world.must(Draft::creation(A, init_that_calls(proxy, &env())));
    let created = applied.transactions[0].1.contract_address.unwrap();
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok"]);
    let weft_types::HopBody::Call(hop) = &applied.hops[0].body else { panic!("a call") };
    assert_eq!((hop.caller, hop.target), (created, b));
    check(&mut world);
}

/// Init code that calls `target` with four bytes and leaves a contract without code.
fn init_that_calls(target: Address, data: &[u8]) -> Bytes {
    let mut code = hex!("63").to_vec();
    code.extend_from_slice(&data[..4]);
    // PUSH1 e0 SHL PUSH0 MSTORE; CALL(gas, target, 0, 0, 4, 0, 0); STOP
    code.extend_from_slice(&hex!("60e01b5f525f5f60045f5f73"));
    code.extend_from_slice(target.as_slice());
    code.extend_from_slice(&hex!("5af100"));
    code.into()
}

#[test]
fn precompiles_are_remote_targets() {
    let (mut world, [a, _]) = pair();
    let sha256 = world.proxy(A, B, Address::with_last_byte(2));
    let blake2f = world.proxy(A, B, Address::with_last_byte(9));
    let steps = run([call(sha256, b"weft".as_slice().to_vec()), attempt(blake2f, hex!("00"))]);
    let applied = world.must(Draft::new(A, a, steps).gas(16_000_000));
    assert_eq!(thread(&applied), ["0 A>B call", "1 B>A Ok", "2 A>B call", "3 B>A OutOfGas"]);
    assert_eq!(nth(&applied, 0), sha256_of(b"weft"));
    check(&mut world);
}

/// Returns what the precompile answers on the chain itself.
fn sha256_of(data: &[u8]) -> Bytes {
    let mut world = World::new(1);
    let probe = world.deploy(A, &Probe::BYTECODE);
    let steps = run([call(Address::with_last_byte(2), data.to_vec())]);
    nth(&world.must(Draft::new(A, probe, steps)), 0)
}

#[test]
fn thirty_crossings_deep() {
    let (mut world, [a, b]) = pair();
    let mut script = bump(7);
    for depth in (0..30).rev() {
        let to: Address =
            if depth % 2 == 0 { proxy_address(902, b) } else { proxy_address(901, a) };
        script = run([call(to, script), write(depth + 100, depth)]);
    }
    let applied = world.must(Draft::new(A, a, script).gas(16_000_000));
    assert_eq!(applied.hops.len(), 60);
    assert_eq!(world.slot(A, a, 7), U256::from(1), "the thirtieth crossing ends where it began");
    assert_eq!((world.slot(A, a, 128), world.slot(B, b, 129)), (U256::from(28), U256::from(29)));
    check(&mut world);
}

#[test]
fn thirty_crossings_deep_taken_back_from_the_top() {
    let (mut world, [a, b]) = pair();
    let mut script = bump(7);
    for depth in (0..30).rev() {
        let to: Address =
            if depth % 2 == 0 { proxy_address(902, b) } else { proxy_address(901, a) };
        script = run([call(to, script), write(depth + 100, depth)]);
    }
    let undone = [call(a, script), fail(hex!("aa"))];
    let applied = world.must(Draft::new(A, a, run([attempt(a, run(undone))])).gas(16_000_000));
    assert_eq!(thread(&applied).last().unwrap(), "60 A>B rollback to 0");
    assert_eq!((world.slot(A, a, 7), world.slot(B, b, 129)), (U256::ZERO, U256::ZERO));
    check(&mut world);
}

#[test]
fn create2_of_a_destroyed_contract_in_a_later_leg_is_a_new_contract() {
    let (mut world, [a, _]) = pair();
    let init = Probe::BYTECODE.clone();
    let child = a.create2(U256::from(1).to_be_bytes::<32>(), keccak256(&init));
    let create = Probe::create2Call { init, salt: U256::from(1) }.abi_encode();
    let destroy = Probe::destroyCall { heir: account(1) }.abi_encode();
    let leg = |steps: Vec<Step>, key| Draft::new(A, a, run(steps)).key(key);
    let bundle = world.bundle(&[
        leg(vec![call(a, create.clone()), call(child, set(1, 5)), call(child, destroy)], 1),
        leg(vec![call(a, create), call(child, set(2, 6)), call(child, get(1))], 2),
    ]);
    let applied = world.apply(bundle);
    assert!(applied.legs.iter().all(|leg| leg.success), "{:?}", applied.outcome);
    assert_eq!(word(&answers(&applied.legs[1].output)[2].data), U256::ZERO);
    assert_eq!((world.slot(A, child, 1), world.slot(A, child, 2)), (U256::ZERO, U256::from(6)));
    assert!(world.code_len(A, child) > 0);
    check(&mut world);
}

#[test]
fn ether_sent_to_an_account_that_an_earlier_leg_destroyed_stays() {
    let (mut world, [a, _]) = pair();
    let nonce = world.nonce(A, a);
    let child = a.create(nonce);
    let create = Probe::createCall { init: Probe::BYTECODE.clone() }.abi_encode();
    let destroy = Probe::destroyCall { heir: account(1) }.abi_encode();
    let steps = run([call(a, create), call(child, destroy)]);
    let pay = Draft::new(A, child, Bytes::new()).key(2).value(5);
    let bundle = world.bundle(&[Draft::new(A, a, steps).key(1), pay]);
    world.apply(bundle);
    assert_eq!((world.balance(A, child), world.code_len(A, child)), (U256::from(5), 0));
    check(&mut world);
}

/// Slots that a leg wrote and a later leg of the bundle only read were once lost.
#[test]
fn what_a_leg_wrote_survives_a_later_leg_that_reads_it() {
    let (mut world, [a, b]) = pair();
    let legs = [
        Draft::new(A, a, run([write(1, 5), call(proxy_address(902, b), set(1, 6))])).key(1),
        Draft::new(A, a, run([look(a, get(1)), look(proxy_address(902, b), get(1))])).key(2),
        Draft::new(B, b, run([look(b, get(1)), look(proxy_address(901, a), get(1))])).key(3),
    ];
    let bundle = world.bundle(&legs);
    let applied = world.apply(bundle);
    for leg in 1..3 {
        let results = answers(&applied.legs[leg].output);
        let sum: U256 = results.iter().map(|answer| word(&answer.data)).sum();
        assert_eq!(sum, U256::from(11), "both slots are seen by leg {leg}");
    }
    world.turn();
    let closed = |network: NetworkId, at| closed_slot(&world, network, at, U256::from(1));
    assert_eq!((closed(A, a), closed(B, b)), (U256::from(5), U256::from(6)));
    check(&mut world);
}

#[test]
fn transactions_of_every_type_cross() {
    let (mut world, [a, b]) = pair();
    let steps = run([call(proxy_address(902, b), bump(1))]);
    for (index, form) in
        [Form::Legacy, Form::Eip2930, Form::Eip1559, Form::Eip7702].into_iter().enumerate()
    {
        let draft = Draft::new(A, a, steps.clone()).form(form);
        let leg = world
            .sign(&Draft { authorizations: vec![delegate(4, 901, a, index as u64 + 50)], ..draft });
        let applied = world.apply(Item::Transaction(leg));
        assert!(applied.legs[0].success);
        assert_eq!(
            applied.transactions[0].1.tx.tx_type() as u8,
            index as u8 + u8::from(index == 3)
        );
    }
    assert_eq!(world.slot(B, b, 1), U256::from(4));
    check(&mut world);
}
