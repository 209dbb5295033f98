//! The fold of transfers against raw revm, signature recovery included on both sides.

use crate::{
    report::{Figure, Unit, fastest, micros_each},
    world::{Call, World, network},
};
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use weft_evm::tx_env;
use weft_types::{Item, Leg, SignedTx};

/// Senders and receivers.
const ACCOUNTS: usize = 1_000;

/// Signed transfers between many accounts, round robin.
pub fn signed(world: &mut World, count: usize) -> Vec<Bytes> {
    let transfer = |index: usize| {
        let to = world.keys[(index * 7 + 1) % ACCOUNTS].address();
        let call = Call {
            value: U256::from(1_u64),
            gas: 21_000,
            ..Call::new(network(0), index % ACCOUNTS, to, Bytes::new())
        };
        world.sign(&call)
    };
    (0..count).map(transfer).collect()
}

/// Decodes, recovers and folds.
pub fn fold(world: &mut World, transfers: &[Bytes]) {
    for raw in transfers {
        let tx = SignedTx::decode(raw.clone()).expect("just signed");
        let item = Item::Transaction(Leg { network: network(0), tx, may_revert: false });
        let applied = world.apply(&item);
        assert!(applied.legs[0].success);
    }
}

/// Decodes, recovers and runs in stock revm over a cache.
pub fn raw(accounts: &[Address], transfers: &[Bytes]) {
    let mut db = CacheDB::new(EmptyDB::default());
    for address in accounts {
        let info = AccountInfo::from_balance(U256::from(10_u128.pow(24)));
        db.insert_account_info(*address, info);
    }
    let mut ctx = Context::mainnet().with_db(db);
    ctx.cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
    ctx.cfg.chain_id = 901;
    ctx.block.basefee = 1_000_000_000;
    ctx.block.gas_limit = 1 << 50;
    let mut evm = ctx.build_mainnet();
    for raw in transfers {
        let tx = SignedTx::decode(raw.clone()).expect("just signed");
        let result = evm.transact_commit(tx_env(&tx)).expect("valid");
        assert!(result.is_success());
    }
}

/// Measures both.
pub fn figures(scale: f64) -> Vec<Figure> {
    let count = (20_000.0 * scale).ceil() as usize;
    let make = || {
        let mut world = World::new(1, ACCOUNTS);
        let transfers = signed(&mut world, count);
        (world, transfers)
    };
    let ours = fastest(3, make, |(world, transfers)| fold(world, transfers));
    let stock = fastest(3, make, |(world, transfers)| {
        let accounts: Vec<_> = world.keys.iter().map(|key| key.address()).collect();
        raw(&accounts, transfers);
    });
    let (ours, stock) = (micros_each(ours, count), micros_each(stock, count));
    vec![
        Figure::new("transfer, recovered and folded", ours, Unit::Micros),
        Figure::new("transfer, recovered and run in stock revm", stock, Unit::Micros),
        Figure::new("fold against stock revm, speed", stock / ours, Unit::Ratio).promised(0.8),
    ]
}
