//! What any wallet and tool expects of a chain.

use crate::support::{ETHER, KEYS, account, chain, client, settings};
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, U256, address};
use alloy_provider::{Provider as _, ProviderBuilder, WsConnect};
use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, TransactionRequest};
use alloy_sol_types::SolCall as _;
use std::time::Duration;
use weft_contracts::Weth;
use weft_devl1::{Backend, DevL1Error};

const SOMEBODY: Address = address!("0x00000000000000000000000000000000000a11ce");

pub(crate) async fn accounts_have_ether_and_transfers_are_mined(backend: Backend) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    assert_eq!(client.get_chain_id().await.unwrap(), 900);
    for key in &KEYS {
        assert_eq!(client.get_balance(account(key)).await.unwrap(), ETHER);
    }
    let sent = TransactionRequest::default().with_to(SOMEBODY).with_value(U256::from(7));
    let sent = client.send_transaction(sent).await.unwrap();
    let hash = *sent.tx_hash();
    assert!(client.get_transaction_receipt(hash).await.unwrap().is_none(), "nobody mined it");
    let head = chain.mine(2).await.unwrap();
    let receipt = client.get_transaction_receipt(hash).await.unwrap().unwrap();
    assert!(receipt.status() && receipt.block_number == Some(head.number - 1));
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(7));
    let block = client.get_block_by_number(BlockNumberOrTag::Latest).await.unwrap().unwrap();
    assert_eq!((block.header.number, block.header.hash), (head.number, head.hash));
    // The header is an ordinary one: its hash is that of its fields.
    assert_eq!(block.header.inner.hash_slow(), head.hash);
    // anvil learns of a block's fees a little after the block.
    let mut base_fees = 0;
    for _ in 0..100 {
        let fees = client.get_fee_history(2, BlockNumberOrTag::Latest, &[50.0]).await.unwrap();
        base_fees = fees.base_fee_per_gas.len();
        if base_fees == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(base_fees, 3);
    let proof = client.get_proof(SOMEBODY, vec![B256::ZERO]).await.unwrap();
    assert!(proof.balance == U256::from(7) && !proof.account_proof.is_empty());
}

pub(crate) async fn contracts_are_deployed_and_their_logs_are_found(backend: Backend) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    let mut mined = Vec::new();
    let creation = TransactionRequest::default().with_deploy_code(Weth::BYTECODE.clone());
    let hash = *client.send_transaction(creation).await.unwrap().tx_hash();
    chain.mine(1).await.unwrap();
    let receipt = client.get_transaction_receipt(hash).await.unwrap().unwrap();
    let weth = receipt.contract_address.unwrap();
    let watched = client.new_filter(&Filter::new().address(weth)).await.unwrap();
    for wei in [3, 4] {
        let deposit = Weth::depositCall {}.abi_encode();
        let deposit = TransactionRequest::default().with_to(weth).with_input(deposit);
        let deposit = client.send_transaction(deposit.with_value(U256::from(wei))).await.unwrap();
        mined.push(*deposit.tx_hash());
    }
    let head = chain.mine(1).await.unwrap();
    let logs = client.get_logs(&Filter::new().address(weth).from_block(head.number)).await.unwrap();
    // A deposit logs itself and the tokens that it makes.
    let from: Vec<B256> = logs.iter().map(|log| log.transaction_hash.unwrap()).collect();
    assert_eq!(from, [mined[0], mined[0], mined[1], mined[1]]);
    assert!(logs.iter().all(|log| log.block_hash == Some(head.hash)));
    let told = client.get_filter_changes::<alloy_rpc_types_eth::Log>(watched).await.unwrap();
    assert_eq!(told, logs);
    let balance = Weth::balanceOfCall { account: account(&KEYS[1]) }.abi_encode();
    let balance = TransactionRequest::default().with_to(weth).with_input(balance);
    let balance = client.call(balance).await.unwrap();
    assert_eq!(U256::from_be_slice(&balance), U256::from(7));
}

pub(crate) async fn heads_are_told_over_websocket(backend: Backend) {
    let chain = chain(backend).await;
    let connect = WsConnect::new(chain.url().replacen("http", "ws", 1));
    let client = ProviderBuilder::new().connect_pubsub_with(connect).await.unwrap();
    let mut heads = client.subscribe_blocks().await.unwrap();
    let head = chain.mine(1).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(10), heads.recv()).await.unwrap().unwrap();
    assert_eq!((told.number, told.hash), (head.number, head.hash));
    assert_eq!(client.get_block_number().await.unwrap(), head.number);
}

pub(crate) async fn a_transaction_is_mined_at_once_when_it_is_eager(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(backend, &folder);
    settings.eager = true;
    let l1 = weft_devl1::start(settings).await.unwrap();
    let sent = TransactionRequest::default().with_to(SOMEBODY).with_value(U256::from(1));
    let sent = client(&*l1).send_transaction(sent).await.unwrap();
    let receipt = sent.with_timeout(Some(Duration::from_secs(20))).get_receipt().await.unwrap();
    assert!(receipt.status());
}

pub(crate) async fn a_taken_port_is_refused(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(backend, &folder);
    settings.port = taken.local_addr().unwrap().port();
    let refused = weft_devl1::start(settings).await.unwrap_err();
    assert!(matches!(refused, DevL1Error::Port { .. }), "{refused}");
}

pub(crate) async fn it_ends_when_it_is_stopped(backend: Backend) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    client.get_chain_id().await.unwrap();
    chain.l1.stop().await.unwrap();
    let asked = tokio::time::timeout(Duration::from_secs(10), client.get_block_number()).await;
    assert!(asked.unwrap().is_err(), "it still answers");
}

pub(crate) async fn it_ends_when_it_is_dropped(backend: Backend) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    client.get_chain_id().await.unwrap();
    drop(chain);
    let ended = async { while client.get_block_number().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
}

pub(crate) async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(Backend::Anvil("/nowhere/anvil".into()), &folder);
    let refused = weft_devl1::start(settings).await.unwrap_err().to_string();
    assert!(refused.contains("/nowhere/anvil") && refused.contains("127"), "{refused}");
}
