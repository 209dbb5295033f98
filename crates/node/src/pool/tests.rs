//! Bounds, replacement and order of the pool.

use super::*;
use crate::DEV_ACCOUNTS;
use alloy_consensus::{TxEip1559, TxLegacy, TypedTransaction};
use alloy_eips::eip2718::Encodable2718;

const A: NetworkId = NetworkId::new(901);
const LIMITS: PoolLimits = PoolLimits {
    max: 4,
    max_bytes: 4_500,
    max_gapped: 2,
    max_per_sender: 3,
    max_sender_bytes: 2_048,
    ttl: Duration::from_secs(60),
};

fn sign(account: usize, tx: TypedTransaction) -> SignedTx {
    let signed = DEV_ACCOUNTS[account].sign(tx).unwrap();
    SignedTx::decode(signed.encoded_2718().into()).unwrap()
}

fn tx(account: usize, nonce: u64, fee: u128, tip: u128) -> SignedTx {
    let tx = TxEip1559 {
        chain_id: 901,
        nonce,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: tip,
        ..TxEip1559::default()
    };
    sign(account, tx.into())
}

fn legacy(nonce: u64, gas_price: u128) -> SignedTx {
    sign(0, TxLegacy { chain_id: Some(901), nonce, gas_price, ..TxLegacy::default() }.into())
}

#[test]
fn a_replacement_pays_a_tenth_more_by_both_fees() {
    let table = [
        ((1_000, 100), (1_099, 200), false),
        ((1_000, 100), (2_000, 109), false),
        ((1_000, 100), (1_100, 110), true),
        ((1_000, 0), (1_100, 0), false),
        ((1_000, 0), (1_100, 1), true),
        ((5, 5), (6, 6), true),
        ((u128::MAX - 1, u128::MAX - 1), (u128::MAX, u128::MAX), false),
    ];
    for ((fee, tip), (new_fee, new_tip), expected) in table {
        let (old, new) = (tx(0, 0, fee, tip), tx(0, 0, new_fee, new_tip));
        assert_eq!(outbids(&new, &old), expected, "{fee}/{tip} by {new_fee}/{new_tip}");
    }
    assert!(outbids(&legacy(0, 110), &tx(0, 0, 100, 100)), "one price counts as both fees");
    assert!(!outbids(&tx(0, 0, 110, 100), &legacy(0, 100)));
}

#[test]
fn a_replacement_takes_the_place_and_the_room_of_the_first() {
    let mut pool = Pool::new(LIMITS);
    let (old, new) = (tx(0, 7, 100, 10), tx(0, 7, 110, 11));
    assert_eq!(pool.queue(A, old.clone(), true), Ok(None));
    assert_eq!(pool.queue(A, old.clone(), true), Err(NoRoom::Underpriced));
    assert_eq!(pool.queue(A, new.clone(), true).unwrap().unwrap().hash(), old.hash());
    assert_eq!((pool.len(), pool.gapped), (1, 1));
    assert!(pool.find(&old.hash()).is_none() && pool.find(&new.hash()).is_some());
    assert_eq!(pool.bytes, cost(&new));
    pool.forget(&new.hash());
    assert_eq!((pool.len(), pool.gapped, pool.bytes), (0, 0, 0));
    assert!(pool.queues.is_empty() && pool.by_hash.is_empty());
}

#[test]
fn every_bound_holds() {
    let mut pool = Pool::new(LIMITS);
    for nonce in 5..7 {
        pool.queue(A, tx(0, nonce, 1, 1), true).unwrap();
    }
    assert_eq!(pool.queue(A, tx(1, 5, 1, 1), true), Err(NoRoom::Pool), "gapped");
    pool.queue(A, tx(0, 0, 1, 1), false).unwrap();
    assert_eq!(pool.queue(A, tx(0, 1, 1, 1), false), Err(NoRoom::Sender), "count");
    pool.queue(A, tx(1, 0, 1, 1), false).unwrap();
    assert_eq!(pool.queue(A, tx(2, 0, 1, 1), false), Err(NoRoom::Pool), "count");
    let big = |account, nonce, bytes: usize| {
        let (fee, input) = (1_000, vec![1; bytes].into());
        let tx =
            TxEip1559 { chain_id: 901, nonce, max_fee_per_gas: fee, input, ..TxEip1559::default() };
        sign(account, tx.into())
    };
    let mut pool = Pool::new(LIMITS);
    assert_eq!(pool.queue(A, big(0, 0, 2_000), false), Err(NoRoom::Sender), "bytes");
    for account in 0..3 {
        pool.queue(A, big(account, 0, 600), false).unwrap();
    }
    assert_eq!(pool.queue(A, big(3, 0, 600), false), Err(NoRoom::Pool), "bytes");
    pool.queue(A, tx(3, 0, 1, 1), false).unwrap();
}

#[test]
fn the_lowest_nonce_is_ready_and_the_oldest_expires() {
    let mut pool = Pool::new(LIMITS);
    let txs = [tx(0, 6, 1, 1), tx(0, 5, 1, 1), tx(1, 0, 1, 1)];
    for tx in &txs {
        pool.queue(A, tx.clone(), false).unwrap();
    }
    let lane = (A, txs[0].sender());
    assert!(pool.ready(&lane, 4).is_none());
    assert_eq!(pool.ready(&lane, 5).unwrap().item.legs()[0].tx, txs[1]);
    assert!(pool.expire(Instant::now()).is_empty());
    let later = Instant::now() + LIMITS.ttl;
    let expired: Vec<_> = pool.expire(later).iter().map(|item| item.legs()[0].tx.hash()).collect();
    assert_eq!(expired, txs.map(|tx| tx.hash()));
    assert_eq!((pool.len(), pool.bytes, pool.gapped), (0, 0, 0));
}
