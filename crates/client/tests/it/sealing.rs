//! Sealed items from a Rust program: seal, send, promise and outcome; and what is refused.

use crate::world::{A, B, address, signer};
use alloy_network::TxSignerSync as _;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::SolCall as _;
use std::time::Duration;
use weft_client::{ClientError, Committee, Outcome, Patience, Realm, SealingTerms};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};
use weft_node::{DevConfig, Node, NodeHandle, SealingOptions};
use weft_types::{Section, Statement};

/// Account that pays for carriage.
const PAYER: usize = 3;

async fn start() -> (NodeHandle, Realm) {
    let sealing = SealingOptions {
        epoch_slots: 20,
        members: 2,
        delay_squarings: 1 << 10,
        close_margin_ms: 60_000,
        ..SealingOptions::default()
    };
    let config = DevConfig { port: 0, slot_ms: 50, sealing: Some(sealing), ..DevConfig::default() };
    let node = Node::start(config).await.unwrap();
    let realm = Realm::connect(&node.rollups()[0].url).await.unwrap();
    (node, realm)
}

/// Puts an ether into the vault for the payer, and waits until it counts.
async fn deposit(realm: &Realm) {
    let home = realm.rollup(A).unwrap();
    let call = FeeVault::depositCall { payer: address(PAYER) }.abi_encode();
    let value = U256::from(1_000_000_000_000_000_000_u128);
    let request =
        TransactionRequest::default().to(FEE_VAULT).value(value).input(Bytes::from(call).into());
    let sent = home.send_sync(&signer(8), request).await.unwrap();
    let hash = sent.transaction_hash;
    loop {
        let receipt = home.provider().get_transaction_receipt(hash).await.unwrap();
        if receipt.is_some_and(|receipt| receipt.block_hash.is_some_and(|hash| !hash.is_zero())) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn transfer(nonce: u64) -> Bytes {
    use alloy_consensus::{SignableTransaction as _, TxEip1559};
    use alloy_eips::eip2718::Encodable2718 as _;
    let mut tx = TxEip1559 {
        chain_id: B,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0x77)),
        value: U256::from(5),
        ..TxEip1559::default()
    };
    let signature = signer(1).sign_transaction_sync(&mut tx).unwrap();
    let signed = tx.into_signed(signature);
    alloy_consensus::TxEnvelope::from(signed).encoded_2718().into()
}

#[tokio::test]
async fn p14_seal_and_send_returns_with_a_checked_promise() {
    let (node, realm) = start().await;
    deposit(&realm).await;
    let item = realm.item_of(transfer(0)).unwrap();
    let payer = signer(PAYER);
    let promised = realm.seal_and_send(&item, &payer, &SealingTerms::default()).await.unwrap();
    assert_eq!(promised.position.section, Section::Sealed);
    assert_eq!(promised.sealed.payer(), address(PAYER));
    let Statement::Order(order) = promised.promise.statement() else { panic!("{promised:?}") };
    assert_eq!((order.item, order.position), (promised.sealed.id, promised.position));
    let outcome = realm.wait_for(promised.sealed.id, Patience::default()).await.unwrap();
    assert!(matches!(outcome, Outcome::Executed(_)), "{outcome:?}");
    let balance = realm.rollup(B).unwrap().balance(Address::repeat_byte(0x77)).await.unwrap();
    assert_eq!(balance, U256::from(5));
    // The very same envelope again is no new item.
    let again = realm.send_sealed(promised.sealed, None).await.unwrap_err();
    assert!(matches!(&again, ClientError::Refused(refused) if refused.code == -38020), "{again}");
    node.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_to_be_trusted_or_paid_is_refused_before_it_is_sent() {
    let (node, realm) = start().await;
    let item = realm.item_of(transfer(0)).unwrap();
    let payer = signer(PAYER);
    let poor = realm.seal_and_send(&item, &payer, &SealingTerms::default()).await.unwrap_err();
    assert!(matches!(&poor, ClientError::Refused(refused) if refused.name == "Deposit"), "{poor}");
    deposit(&realm).await;
    let cheap = SealingTerms { max_fee_wei: 1, ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &cheap).await.unwrap_err();
    assert!(matches!(&error, ClientError::Sealing(why) if why.contains("may cost")), "{error}");
    // Its members are in the node's own process and sign nothing.
    let members = (1..=2).map(|member| (member, address(member as usize))).collect();
    let committee = Some(Committee { members, least: 2, least_delay: 0 });
    let strict = SealingTerms { committee, ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &strict).await.unwrap_err();
    assert!(matches!(&error, ClientError::Sealing(why) if why.contains("not signed")), "{error}");
    let other = SealingTerms { promise_key: Some(address(9)), ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &other).await.unwrap_err();
    assert!(matches!(error, ClientError::NoPromise { .. }), "{error}");
    assert!(realm.item_of(Bytes::from([1, 2, 3])).is_err());
    node.stop().await.unwrap();
}
