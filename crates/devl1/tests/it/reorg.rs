//! Reorgs: what was is gone, what was below stays, and the chain goes on.

use crate::support::{Chain, chain, client};
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, U256, address};
use alloy_provider::Provider;
use alloy_rpc_types_eth::{BlockNumberOrTag, TransactionRequest};
use weft_devl1::{Backend, DevL1Error, MAX_REORG};

const SOMEBODY: Address = address!("0x00000000000000000000000000000000000b0b00");

pub(crate) async fn the_last_block_is_replaced(backend: Backend) {
    replaced(backend, 1).await;
}

pub(crate) async fn seven_blocks_are_replaced(backend: Backend) {
    replaced(backend, 7).await;
}

pub(crate) async fn sixty_four_blocks_are_replaced(backend: Backend) {
    replaced(backend, 64).await;
}

pub(crate) async fn deeper_ones_are_refused(backend: Backend) {
    let chain = chain(backend).await;
    let head = chain.mine(3).await.unwrap();
    let refused = chain.reorg(head.number + 1).await.unwrap_err();
    assert!(
        matches!(refused, DevL1Error::TooDeep { most, .. } if most == head.number),
        "{refused}"
    );
    let head = chain.mine(MAX_REORG + 1).await.unwrap();
    let refused = chain.reorg(MAX_REORG + 1).await.unwrap_err();
    assert!(matches!(refused, DevL1Error::TooDeep { most: MAX_REORG, .. }), "{refused}");
    // Nothing has changed.
    let client = client(&*chain);
    assert_eq!(hash_at(&client, head.number).await, head.hash);
}

async fn replaced(backend: Backend, depth: u64) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    let kept = pay(&chain, &client).await;
    let below = chain.mine(1).await.unwrap();
    let gone = pay(&chain, &client).await;
    let before = chain.mine(depth - 1).await.unwrap();
    assert_eq!(before.number, below.number + depth);
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(2));
    let after = chain.reorg(depth).await.unwrap();
    assert_eq!(after.number, before.number);
    assert_eq!(client.get_block_number().await.unwrap(), after.number);
    // What was below stays, everything above is another block, and they are a chain.
    assert_eq!(hash_at(&client, below.number).await, below.hash);
    let mut parent = below.hash;
    for number in below.number + 1..=after.number {
        let block = client.get_block_by_number(number.into()).await.unwrap().unwrap();
        assert_eq!((block.header.parent_hash, block.transactions.len()), (parent, 0));
        parent = block.header.hash;
    }
    assert!(parent == after.hash && after.hash != before.hash);
    // So is its state, and what clients are told of transactions.
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(1));
    assert!(client.get_transaction_receipt(kept).await.unwrap().is_some());
    assert!(client.get_transaction_receipt(gone).await.unwrap().is_none());
    let sender = crate::support::account(&crate::support::KEYS[1]);
    assert_eq!(client.get_transaction_count(sender).await.unwrap(), 1);
    // It goes on, and what was lost can be sent again.
    let again = pay_nonce(&chain, &client, 1).await;
    assert!(client.get_transaction_receipt(again).await.unwrap().unwrap().status());
    assert_eq!(client.get_balance(SOMEBODY).await.unwrap(), U256::from(2));
    let latest = client.get_block_by_number(BlockNumberOrTag::Latest).await.unwrap().unwrap();
    assert_eq!(latest.header.parent_hash, after.hash);
}

/// Pays a wei in a block of its own.
async fn pay(chain: &Chain, client: &impl Provider) -> B256 {
    let sender = crate::support::account(&crate::support::KEYS[1]);
    let nonce = client.get_transaction_count(sender).await.unwrap();
    pay_nonce(chain, client, nonce).await
}

async fn pay_nonce(chain: &Chain, client: &impl Provider, nonce: u64) -> B256 {
    let request = TransactionRequest::default().with_to(SOMEBODY).with_value(U256::from(1));
    let request = request.with_nonce(nonce);
    let hash = *client.send_transaction(request).await.unwrap().tx_hash();
    chain.mine(1).await.unwrap();
    hash
}

async fn hash_at(client: &impl Provider, number: u64) -> B256 {
    client.get_block_by_number(number.into()).await.unwrap().unwrap().header.hash
}
