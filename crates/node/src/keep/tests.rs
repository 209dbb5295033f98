//! What is kept comes back, and nothing else is taken for it.

use super::codec::Keep;
use crate::{
    DEV_ACCOUNTS,
    outcomes::{Fate, LegRef, Record},
    store::{Origin, StoredBlock},
};
use alloy_consensus::{Header, TxEip1559, TypedTransaction};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, map::B256Map};
use std::fmt::Debug;
use weft_evm::{BlockTx, LegResult};
use weft_types::{BundleId, InvalidReason, NetworkId, Position, Removal, RemovalCause};

fn removal() -> Removal {
    Removal {
        cause: RemovalCause::Reorged,
        network: NetworkId::new(901),
        leg: 3,
        tx_hash: Some(B256::repeat_byte(1)),
        reason: "why".to_owned(),
        invalid: Some(InvalidReason::Rule),
        revert_data: Bytes::from_static(&[1, 2]),
    }
}

fn record(fate: Fate) -> Record {
    Record {
        envelope: Some(B256::repeat_byte(6)),
        bundle: Some(BundleId::new(B256::repeat_byte(7))),
        protected: true,
        position: Some(Position::default()),
        fate,
        legs: vec![LegRef {
            network: NetworkId::new(902),
            tx_hash: B256::repeat_byte(2),
            raw: Bytes::from_static(&[9]),
            may_revert: true,
        }],
        results: vec![LegResult { leg: 0, success: true, gas_used: 5, output: Bytes::new() }],
        hops: Vec::new(),
        system: vec![(NetworkId::new(903), B256::repeat_byte(3))],
    }
}

fn block() -> StoredBlock {
    let tx = TxEip1559 { chain_id: 901, gas_limit: 21_000, ..TxEip1559::default() };
    let tx = DEV_ACCOUNTS[0].sign(TypedTransaction::Eip1559(tx)).unwrap();
    let hash = *tx.tx_hash();
    let log = Log::new_unchecked(Address::ZERO, vec![B256::ZERO; 2], Bytes::from_static(&[4]));
    let tx = BlockTx {
        tx: std::sync::Arc::new(tx),
        sender: DEV_ACCOUNTS[0].address,
        position: Position::default(),
        leg: 1,
        is_system: false,
        success: true,
        gas_used: 21_000,
        effective_gas_price: u128::MAX,
        logs: vec![log],
        output: Bytes::new(),
        contract_address: Some(Address::repeat_byte(5)),
    };
    let header = Header { number: 7, logs_bloom: Bloom::repeat_byte(1), ..Header::default() };
    let origin = Origin { network: NetworkId::new(902), tx_hash: B256::repeat_byte(4) };
    let origins = B256Map::from_iter([(hash, origin)]);
    StoredBlock::new(header, B256::repeat_byte(6), 9, vec![tx]).with_origins(origins)
}

/// Shows a value without the hashes that it remembers once somebody asked.
fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let mut parts = text.split("OnceLock(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once(')').map_or("", |(_, rest)| rest))
}

fn check<T: Keep + Debug>(value: &T) {
    let bytes = value.to_bytes();
    let again = T::from_bytes(&bytes).unwrap();
    assert_eq!(shown(&again), shown(value));
    assert_eq!(again.to_bytes(), bytes);
    for end in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    assert!(T::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn outcomes_come_back_and_no_part_of_one_does() {
    check(&record(Fate::Included));
    check(&record(Fate::Part(1, 2)));
    check(&record(Fate::Removed(removal())));
    check(&record(Fate::Dropped("late".to_owned())));
}

#[test]
fn blocks_come_back_and_no_part_of_one_does() {
    check(&block());
}

#[test]
fn altered_blocks_are_errors_or_differ() {
    let bytes = block().to_bytes();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        if let Ok(found) = StoredBlock::from_bytes(&altered) {
            assert_ne!(found.to_bytes(), bytes, "byte {at}");
        }
    }
}
