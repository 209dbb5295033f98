//! Sealed items in the fold: verdicts, what dies, what is charged (P11, P13, T7, T8).

use crate::common::*;
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U256, hex};
use alloy_sol_types::{SolCall, SolError};
use weft_contracts::{DeadRegistry, FeeVault, Manager, fee_vault, proxy_address};
use weft_evm::{Applied, ChainSpec, GenesisAccount, genesis};
use weft_types::{
    DEAD_REGISTRY, FEE_VAULT, InvalidReason, Item, MANAGER, NetworkId, Opening, Outcome,
    RemovalCause, Sealed, Status, Terms,
};

const SIZE_FEE: u128 = 7;
const GAS_FEE: u128 = 100;
const DEPOSIT: u128 = 10_000;

/// Two rollups, the first of which has the vault, with a deposit of key 5.
pub(crate) fn home() -> (World, [Address; 2]) {
    let funded = (0..10).map(|key| GenesisAccount {
        address: account(key),
        balance: U256::from(10_000 * ETHER),
        ..GenesisAccount::default()
    });
    let vault = fee_vault();
    let vault = GenesisAccount {
        address: vault.address,
        nonce: vault.nonce,
        code: vault.code,
        ..GenesisAccount::default()
    };
    let plain: Vec<_> = funded.collect();
    let with_vault = [plain.clone(), vec![vault]].concat();
    let rollups = [(901, with_vault), (902, plain)];
    let rollups =
        rollups.map(|(id, accounts)| genesis(ChainSpec::dev(id), GENESIS_TIME, &accounts));
    let mut world = World::of(rollups.into());
    let [a, b] = [A, B].map(|network| world.deploy(network, &Probe::BYTECODE));
    let deposit = FeeVault::depositCall { payer: account(5) }.abi_encode();
    world.must(Draft::new(A, FEE_VAULT, deposit).value(DEPOSIT));
    world.turn();
    (world, [a, b])
}

pub(crate) fn sealed(opening: Opening) -> Sealed {
    let terms = Terms {
        payer: account(5),
        deposit: A,
        rollup: None,
        gas_limit: 1 << 25,
        size_fee_wei: SIZE_FEE,
        gas_fee_wei: GAS_FEE,
    };
    let listed = vec![A, B];
    Sealed { envelope: B256::repeat_byte(0xe1), terms, listed, opening }
}

fn outputs(applied: &Applied) -> Vec<Answer> {
    answers(&applied.legs[0].output)
}

fn opened(item: Item) -> Sealed {
    sealed(Opening::Opened(Box::new(item)))
}

fn single(world: &mut World, draft: &Draft) -> Item {
    Item::Transaction(world.sign(draft))
}

/// Closes the slot and returns what the payer has paid since its deposit.
pub(crate) fn paid(world: &mut World) -> u128 {
    world.turn();
    let left = world.call(A, FEE_VAULT, &FeeVault::depositOfCall { payer: account(5) });
    let earned = FeeVault::earnedCall { beneficiary: ChainSpec::dev(901).coinbase };
    let paid = DEPOSIT - left.to::<u128>();
    assert_eq!(world.call(A, FEE_VAULT, &earned), U256::from(paid), "what is charged is earned");
    paid
}

fn cause(applied: &Applied) -> RemovalCause {
    removal(applied).cause
}

#[test]
fn p11_an_opened_transaction_runs_under_the_name_of_its_envelope() {
    let (mut world, [_, b]) = home();
    let item = single(&mut world, &Draft::new(B, b, bump(1)).key(1));
    let applied = world.apply(Item::Sealed(opened(item)));
    assert_eq!(applied.outcome, Outcome::Included);
    assert!(applied.legs[0].success);
    assert_eq!(paid(&mut world), SIZE_FEE + GAS_FEE, "both buckets, beside the gas that it used");
    check(&mut world);
}

#[test]
fn p11_an_opened_bundle_over_two_rollups_is_atomic() {
    let (mut world, [a, b]) = home();
    let cross = run([call(proxy_address(902, b), bump(1))]);
    let good = [Draft::new(A, a, cross), Draft::new(B, b, bump(2)).key(1)];
    let item = world.marked_bundle(&good);
    let applied = world.apply(Item::Sealed(opened(item)));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(applied.transactions.iter().filter(|(_, tx)| !tx.is_system).count(), 2);
    let before = world.snapshot();
    let bad = [Draft::new(A, a, bump(3)), Draft::new(B, b, run([fail(hex!("aa"))])).key(1)];
    let item = world.marked_bundle(&bad);
    let applied = world.apply(Item::Sealed(opened(item.clone())));
    assert_eq!(cause(&applied), RemovalCause::Failed);
    assert_eq!(world.snapshot(), before);
    let again = world.apply(item);
    assert_eq!(removal(&again).invalid, Some(InvalidReason::Dead), "in clear it is dead as well");
    assert_eq!(paid(&mut world), 2 * (SIZE_FEE + GAS_FEE));
    check(&mut world);
}

#[test]
fn t7_a_removed_sealed_transaction_is_dead_in_clear() {
    // P5: sealed ones are removed even where others are kept.
    let (mut world, [a, _]) = home();
    let leg = world.sign(&Draft::new(A, a, run([fail(hex!("aa"))])));
    let before = world.snapshot();
    let applied = world.apply(Item::Sealed(opened(Item::Transaction(leg.clone()))));
    assert_eq!(
        (cause(&applied), removal(&applied).tx_hash),
        (RemovalCause::Failed, Some(leg.tx.hash()))
    );
    assert_eq!(world.snapshot(), before);
    let again = world.apply(Item::Transaction(leg.clone()));
    assert_eq!(removal(&again).invalid, Some(InvalidReason::Dead), "in the same slot");
    assert_eq!(paid(&mut world), SIZE_FEE + GAS_FEE);
    assert!(world.call(A, DEAD_REGISTRY, &DeadRegistry::isDeadCall { hash: leg.tx.hash() }));
    let later = world.apply(Item::Transaction(leg));
    assert_eq!(removal(&later).invalid, Some(InvalidReason::Dead), "and later");
    check(&mut world);
}

#[test]
fn t13_a_sealed_transaction_that_could_not_start_stays_usable() {
    let (mut world, [a, _]) = home();
    let nonce = world.sign(&Draft::new(A, a, bump(1))).tx.envelope().nonce();
    let ahead = world.sign_at(&Draft::new(A, a, bump(2)), nonce + 1);
    let applied = world.apply(Item::Sealed(opened(Item::Transaction(ahead.clone()))));
    assert_eq!(removal(&applied).invalid, Some(InvalidReason::NonceTooHigh));
    world.must(Draft::new(A, a, bump(1)));
    let applied = world.apply(Item::Transaction(ahead));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(paid(&mut world), SIZE_FEE + GAS_FEE, "the place was taken all the same");
}

#[test]
fn p13_what_breaks_the_terms_is_malformed_and_does_not_run() {
    let (mut world, [a, b]) = home();
    let item = single(&mut world, &Draft::new(A, a, bump(1)).gas(100_000));
    let mut tight = opened(item.clone());
    tight.terms.gas_limit = 99_999;
    let applied = world.apply(Item::Sealed(tight));
    assert_eq!((cause(&applied), applied.legs.len()), (RemovalCause::Malformed, 0));
    let mut elsewhere = opened(item.clone());
    elsewhere.terms.rollup = Some(B);
    assert_eq!(cause(&world.apply(Item::Sealed(elsewhere))), RemovalCause::Malformed);
    let nested = opened(Item::Sealed(sealed(Opening::Undecryptable)));
    assert_eq!(cause(&world.apply(Item::Sealed(nested))), RemovalCause::Malformed);
    let mut fits = opened(item);
    (fits.terms.gas_limit, fits.terms.rollup) = (100_000, Some(A));
    assert_eq!(world.apply(Item::Sealed(fits)).outcome, Outcome::Included);
    let legs = [Draft::new(A, a, bump(1)).gas(60_000), Draft::new(B, b, bump(1)).gas(60_000)];
    let mut together = opened(world.bundle(&legs));
    together.terms.gas_limit = 119_999;
    assert_eq!(cause(&world.apply(Item::Sealed(together))), RemovalCause::Malformed);
    assert_eq!(paid(&mut world), 5 * (SIZE_FEE + GAS_FEE));
    check(&mut world);
}

#[test]
fn p13_every_verdict_has_its_price() {
    let (mut world, [_, b]) = home();
    for (opening, expected) in [
        (Opening::Malformed, RemovalCause::Malformed),
        (Opening::Undecryptable, RemovalCause::Undecryptable),
        (Opening::Late, RemovalCause::Late),
    ] {
        assert_eq!(cause(&world.apply(Item::Sealed(sealed(opening)))), expected);
    }
    assert_eq!(paid(&mut world), 2 * (SIZE_FEE + GAS_FEE), "late ones cost nothing");
    let item = single(&mut world, &Draft::new(B, b, bump(1)).key(1));
    let away = Sealed { listed: vec![A], ..opened(item) };
    assert_eq!(cause(&world.apply(Item::Sealed(away.clone()))), RemovalCause::Invalid);
    world.close();
    world.open_with(vec![A]);
    assert_eq!(cause(&world.apply(Item::Sealed(away))), RemovalCause::Invalid, "it is the same");
    assert_eq!(paid(&mut world), 4 * (SIZE_FEE + GAS_FEE), "everybody knew that it was away");
    check(&mut world);
}

#[test]
fn t1_a_call_finds_no_rollup_that_was_away_when_the_epoch_closed() {
    let (mut world, [a, b]) = home();
    let proxy = Manager::createCrossChainProxyCall { original: b, network: 902 };
    world.must(Draft::new(A, MANAGER, proxy.abi_encode()));
    let steps = run([
        call(MANAGER, try_call(902, b, bump(1))),
        attempt(proxy_address(902, b), bump(1)),
        call(MANAGER, try_call(77, b, bump(1))),
    ]);
    let item = single(&mut world, &Draft::new(A, a, steps.clone()));
    let away = Sealed { listed: vec![A], ..opened(item) };
    let applied = world.apply(Item::Sealed(away));
    assert_eq!(applied.outcome, Outcome::Included);
    let answers = outputs(&applied);
    assert_eq!(status(&answers[0].data), Status::Unavailable);
    assert_eq!(answers[1].data, Manager::Unavailable { network: 902 }.abi_encode());
    assert_eq!(status(&answers[2].data), Status::Unavailable, "whether it joins after that or not");
    assert!(applied.hops.is_empty());
    // What comes next is no sealed item.
    let applied = world.must(Draft::new(A, a, steps));
    assert_eq!(status(&outputs(&applied)[0].data), Status::Ok);
    assert_eq!(status(&outputs(&applied)[2].data), Status::NotProvisioned);
    check(&mut world);
}

#[test]
fn t1_a_bundle_with_a_leg_that_was_away_when_the_epoch_closed_runs_nothing() {
    let (mut world, [a, b]) = home();
    let legs = [Draft::new(A, a, bump(1)), Draft::new(B, b, bump(1)).key(1)];
    let bundle = world.bundle(&legs);
    let away = Sealed { listed: vec![A], ..opened(bundle.clone()) };
    let applied = world.apply(Item::Sealed(away));
    assert_eq!((cause(&applied), removal(&applied).network), (RemovalCause::Invalid, B));
    assert_eq!(world.apply(Item::Sealed(opened(bundle))).outcome, Outcome::Included);
    check(&mut world);
}

#[test]
fn t8_ether_that_leaves_is_charged() {
    let (mut world, _) = home();
    let leave = FeeVault::beginWithdrawalCall { amount: U256::from(DEPOSIT) }.abi_encode();
    world.must(Draft::new(A, FEE_VAULT, leave).key(5));
    let junk = sealed(Opening::Undecryptable);
    world.apply(Item::Sealed(junk));
    world.turn();
    let leaving = world.call(A, FEE_VAULT, &FeeVault::leavingOfCall { payer: account(5) });
    assert_eq!(leaving.amount, U256::from(DEPOSIT - SIZE_FEE - GAS_FEE));
    let withdraw = FeeVault::withdrawCall { to: account(5) }.abi_encode();
    let early = world.send(Draft::new(A, FEE_VAULT, withdraw).key(5));
    assert!(!early.legs[0].success, "it has not left yet");
    check(&mut world);
}

#[test]
fn p13_more_charges_than_one_system_call_takes_are_all_made() {
    let (mut world, _) = home();
    for number in 0..1_100_u64 {
        let mut junk = sealed(Opening::Undecryptable);
        junk.envelope = B256::from(U256::from(number + 1));
        (junk.terms.size_fee_wei, junk.terms.gas_fee_wei) = (1, 0);
        world.apply(Item::Sealed(junk));
    }
    assert_eq!(paid(&mut world), 1_100);
}

#[test]
fn p13_a_charge_makes_a_block_and_nothing_else_does() {
    let (mut world, _) = home();
    world.apply(Item::Sealed(sealed(Opening::Late)));
    assert_eq!(world.turn().len(), 0);
    world.apply(Item::Sealed(sealed(Opening::Malformed)));
    let blocks = world.turn();
    let networks: Vec<NetworkId> = blocks.iter().map(|block| block.network).collect();
    assert_eq!(networks, [A]);
    assert!(blocks[0].transactions.is_empty());
}
