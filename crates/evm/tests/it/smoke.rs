//! The smallest crossing.

use crate::common::*;
use alloy_sol_types::SolCall;
use weft_contracts::{Counter, proxy_address};
use weft_types::{HopBody, Status};

#[test]
fn a_transaction_on_one_rollup_increments_a_counter_on_another() {
    let mut world = World::new(2);
    let near = world.deploy(A, &Counter::BYTECODE);
    let far = world.deploy(B, &Counter::BYTECODE);
    let proxy = world.proxy(A, B, far);
    world.turn();
    let roots = [A, B].map(|network| world.realm.head(network).unwrap().0.state_root);

    let call = Counter::incrementViaCall { proxy };
    let applied = world.must(Draft::new(A, near, call.abi_encode()));

    assert_eq!(applied.hops.len(), 2);
    let HopBody::Call(hop) = &applied.hops[0].body else { panic!("{:?}", applied.hops) };
    assert_eq!((hop.caller, hop.target, hop.origin), (near, far, account(0)));
    let HopBody::Return(ret) = &applied.hops[1].body else { panic!("{:?}", applied.hops) };
    assert_eq!((ret.status, word(&ret.data).to::<u64>()), (Status::Ok, 1));
    assert_eq!(world.code_len(B, proxy_address(901, near)), weft_contracts::code::PROXY.len());
    assert_eq!(applied.transactions.len(), 2);
    let system = &applied.transactions[1].1;
    assert!(system.is_system && system.success && system.logs.len() == 2, "{system:#?}");
    assert_eq!(world.call(B, far, &Counter::getCall {}).to::<u64>(), 1);
    assert_eq!(world.call(A, near, &Counter::lastRemoteCall {}).to::<u64>(), 1);

    let blocks = world.close();
    assert_eq!(blocks.len(), 2);
    for (block, before) in blocks.iter().zip(roots) {
        assert_ne!(block.header.state_root, before);
        assert_eq!(block.transactions.len(), 1);
        assert_eq!(block.header.gas_used, block.transactions[0].gas_used);
    }
    world.open();
    check(&mut world);
}
