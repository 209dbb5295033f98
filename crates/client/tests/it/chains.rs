//! Every rollup through alloy as through any chain, and what crosses.

use crate::world::{A, B, World, address, signer};
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Bytes, U256, address};
use alloy_provider::{Provider as _, ProviderBuilder, WsConnect};
use alloy_rpc_types_eth::{
    Filter, TransactionRequest,
    simulate::{SimBlock, SimulatePayload},
};
use alloy_sol_types::{SolCall, SolEvent as _, sol};
use std::collections::BTreeMap;
use weft_client::{ClientError, NotSent, Realm};
use weft_contracts::Counter;

sol! {
    /// The part of Multicall3 that is asked here.
    interface Multicall {
        struct Call { address target; bool allowFailure; bytes callData; }
        struct Answer { bool success; bytes returnData; }
        function aggregate3(Call[] calls) payable returns (Answer[]);
    }
}

fn call(to: alloy_primitives::Address, call: &impl SolCall) -> TransactionRequest {
    let input: Bytes = call.abi_encode().into();
    TransactionRequest::default().to(to).input(input.into())
}

#[tokio::test]
async fn alloy_deploys_calls_and_finds_logs_on_every_rollup() {
    let world = World::start().await;
    for rollup in world.realm.rollups() {
        let provider = rollup.provider();
        assert_eq!(provider.get_chain_id().await.unwrap(), rollup.chain_id());
        let counter = world.counter(rollup.chain_id(), 0).await;
        let increment = call(counter, &Counter::incrementCall {});
        let receipt = rollup.send_sync(&signer(0), increment).await.unwrap();
        assert!(receipt.status());
        let seen = world.view(rollup.chain_id(), counter, Counter::getCall {}).await;
        assert_eq!(seen, U256::from(1));
        // The receipt came before its block closed; alloy finds it again once it has.
        let hash = receipt.transaction_hash;
        let closed = loop {
            if let Some(receipt) = provider.get_transaction_receipt(hash).await.unwrap() {
                break receipt;
            }
            tokio::task::yield_now().await;
        };
        let filter = Filter::new().address(counter).from_block(BlockNumberOrTag::Earliest);
        let logs = provider.get_logs(&filter).await.unwrap();
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0].block_hash, closed.block_hash);
        let event = Counter::Incremented::decode_log(&logs[0].inner).unwrap();
        assert_eq!(event.caller, address(0));
        let block = provider.get_block_by_hash(closed.block_hash.unwrap()).full().await.unwrap();
        assert!(block.unwrap().transactions.hashes().any(|found| found == hash));
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn alloy_hears_about_heads_logs_and_transactions_of_every_rollup() {
    let world = World::start().await;
    for rollup in world.realm.rollups() {
        let counter = world.counter(rollup.chain_id(), 0).await;
        let connect = WsConnect::new(rollup.ws_url());
        let socket = ProviderBuilder::new().connect_pubsub_with(connect).await.unwrap();
        let mut heads = socket.subscribe_blocks().await.unwrap();
        let mut logs = socket.subscribe_logs(&Filter::new().address(counter)).await.unwrap();
        let mut pending = socket.subscribe_pending_transactions().await.unwrap();
        let increment = call(counter, &Counter::incrementCall {});
        let receipt = rollup.send_sync(&signer(0), increment).await.unwrap();
        while pending.recv().await.unwrap() != receipt.transaction_hash {}
        let log = logs.recv().await.unwrap();
        assert_eq!(log.transaction_hash, Some(receipt.transaction_hash));
        while heads.recv().await.unwrap().number < log.block_number.unwrap() {}
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn many_calls_are_one_on_every_rollup() {
    let world = World::start().await;
    for rollup in world.realm.rollups() {
        let counter = world.counter(rollup.chain_id(), 0).await;
        let one = |call: Vec<u8>| Multicall::Call {
            target: counter,
            allowFailure: true,
            callData: call.into(),
        };
        let calls = Multicall::aggregate3Call {
            calls: vec![
                one(Counter::incrementCall {}.abi_encode()),
                one(Counter::incrementAndRevertCall {}.abi_encode()),
                one(Counter::getCall {}.abi_encode()),
            ],
        };
        let multicall = address!("cA11bde05977b3631167028862bE2a173976CA11");
        let answers = world.view(rollup.chain_id(), multicall, calls).await;
        let successes: Vec<bool> = answers.iter().map(|answer| answer.success).collect();
        assert_eq!(successes, [true, false, true]);
        assert_eq!(U256::from_be_slice(&answers[2].returnData), U256::from(1));
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_proxy_is_where_it_was_computed_and_calls_cross_it() {
    let world = World::start().await;
    let realm = &world.realm;
    let there = world.counter(B, 0).await;
    let computed = realm.proxy_address(there, B).unwrap();
    assert!(!realm.rollup(A).unwrap().has_code(computed).await.unwrap());
    let proxy = realm.create_proxy(A, there, B, &signer(1)).await.unwrap();
    assert_eq!(proxy, computed);
    // A second time there is nothing to do.
    let nonce = async || {
        let provider = realm.rollup(A).unwrap().provider();
        provider.get_transaction_count(address(1)).pending().await.unwrap()
    };
    let before = nonce().await;
    assert_eq!(realm.create_proxy(A, there, B, &signer(1)).await.unwrap(), proxy);
    assert_eq!(nonce().await, before);
    let increment = call(proxy, &Counter::incrementCall {});
    let receipt = realm.rollup(A).unwrap().send_sync(&signer(2), increment).await.unwrap();
    assert!(receipt.status());
    assert_eq!(world.view(B, there, Counter::getCall {}).await, U256::from(1));
    let outcome = realm.wait_for(receipt.transaction_hash, Default::default()).await.unwrap();
    let system = outcome.executed().unwrap().system;
    assert_eq!(system.iter().map(|tx| tx.chain_id).collect::<Vec<_>>(), [B]);
    let error = realm.create_proxy(B, there, B, &signer(1)).await.unwrap_err();
    assert!(matches!(error, NotSent::Other(ClientError::SameChain(B))), "{error}");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn sync_sends_say_why_there_is_no_receipt() {
    let world = World::start().await;
    let rollup = world.realm.rollup(A).unwrap();
    let counter = world.counter(A, 0).await;
    // A transaction alone that reverts is in no block either.
    let revert = call(counter, &Counter::incrementAndRevertCall {});
    match rollup.send_sync(&signer(1), revert).await {
        Ok(receipt) => assert!(!receipt.status()),
        Err(NotSent::Removed(removed)) => {
            assert!(removed.error::<Counter::Refused>().is_some());
        }
        Err(error) => panic!("{error}"),
    }
    let early = TransactionRequest::default().to(address(5)).nonce(99);
    let error = rollup.send_sync(&signer(2), early).await.unwrap_err();
    assert!(matches!(error, NotSent::NonceTooHigh(0)), "{error:?}");
    let error = rollup.send_raw_sync(&[2, 1]).await.unwrap_err();
    let NotSent::Other(error) = error else { panic!("{error}") };
    assert_eq!(error.code(), Some(-32602));
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn several_rollups_are_simulated_at_once() {
    let world = World::start().await;
    let realm = &world.realm;
    let there = world.counter(B, 0).await;
    let proxy = realm.create_proxy(A, there, B, &signer(0)).await.unwrap();
    let block = |request: TransactionRequest| SimBlock::default().call(request);
    let crossing = call(proxy, &Counter::incrementCall {}).from(address(1));
    let after = call(there, &Counter::getCall {}).from(address(1));
    let payload = |request| SimulatePayload::default().extend(block(request));
    let blocks = BTreeMap::from([(A, payload(crossing)), (B, payload(after))]);
    let simulated = realm.simulate(&blocks).await.unwrap();
    assert_eq!(simulated.keys().copied().collect::<Vec<_>>(), [A, B]);
    let seen = &simulated[&B][0].calls[0];
    assert!(seen.status);
    assert_eq!(U256::from_be_slice(&seen.return_data), U256::from(1));
    assert_eq!(world.view(B, there, Counter::getCall {}).await, U256::ZERO);
    let error = realm.simulate(&BTreeMap::new()).await.unwrap_err();
    assert_eq!(error.code(), Some(-32602));
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_realm_is_refused() {
    for url in ["", "nonsense", "http://"] {
        let error = Realm::connect(url).await.unwrap_err();
        assert!(matches!(error, ClientError::Url { .. }), "{url}: {error:?}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(Realm::connect(&url).await.unwrap_err(), ClientError::Rpc(_)));
}
