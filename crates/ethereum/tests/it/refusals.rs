//! A block that differs in anything is refused, and the chain goes on from where it was.

use crate::{blocks, chain_rlp, fresh, genesis_json};
use alloy_consensus::{Block, Header, TxEnvelope};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use alloy_rlp::{Decodable, Encodable};
use weft_ethereum::{BlockReader, ForeignChain, ImportError, genesis};

/// Imports the blocks before `number` and returns the chain with block `number`, decoded.
fn before(number: usize) -> (ForeignChain, Block<TxEnvelope>, Vec<u8>) {
    let blocks = blocks();
    let mut chain = fresh();
    for raw in &blocks[..number - 1] {
        chain.import(raw).unwrap();
    }
    let raw = blocks[number - 1].clone();
    (chain, Block::decode(&mut &raw[..]).unwrap(), raw)
}

fn encoded(block: &Block<TxEnvelope>) -> Vec<u8> {
    let mut out = Vec::new();
    block.encode(&mut out);
    out
}

/// Alters block `number`, expects a refusal that names it and says `why`, and then takes the block as it was.
fn refused(number: usize, why: &str, alter: impl FnOnce(&mut Block<TxEnvelope>)) {
    let (mut chain, mut block, raw) = before(number);
    alter(&mut block);
    let error = chain.import(&encoded(&block)).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("block {number} (")), "{error}");
    assert!(error.contains(why), "{error}");
    chain.import(&raw).unwrap();
}

fn refused_header(number: usize, why: &str, alter: impl FnOnce(&mut Header)) {
    refused(number, why, |block| alter(&mut block.header));
}

#[test]
fn every_header_field_is_checked() {
    refused_header(54, "parent hash", |h| h.parent_hash = B256::ZERO);
    refused_header(54, "number", |h| h.number += 1);
    refused_header(54, "timestamp", |h| h.timestamp = 0);
    refused_header(54, "extra data", |h| h.extra_data = Bytes::from(vec![0; 33]));
    refused_header(54, "difficulty", |h| h.difficulty = U256::ONE);
    refused_header(54, "nonce", |h| h.nonce = B64::with_last_byte(1));
    refused_header(54, "ommers hash", |h| h.ommers_hash = B256::ZERO);
    refused_header(54, "gas limit", |h| h.gas_limit *= 2);
    refused_header(54, "gas used", |h| h.gas_used = h.gas_limit + 1);
    refused_header(54, "gas used", |h| h.gas_used -= 1);
    refused_header(54, "base fee", |h| h.base_fee_per_gas = Some(1));
    refused_header(54, "state root", |h| h.state_root = B256::ZERO);
    refused_header(54, "transactions root", |h| h.transactions_root = B256::ZERO);
    refused_header(54, "receipts root", |h| h.receipts_root = B256::ZERO);
    refused_header(54, "logs bloom", |h| h.logs_bloom = Bloom::ZERO);
    refused_header(54, "withdrawals root", |h| h.withdrawals_root = Some(B256::ZERO));
    refused_header(54, "excess blob gas", |h| h.excess_blob_gas = Some(1));
    refused_header(54, "blob gas used", |h| h.blob_gas_used = Some(131_072));
    refused_header(54, "blob gas used", |h| h.blob_gas_used = Some(u64::MAX));
    refused_header(54, "requests hash", |h| h.requests_hash = Some(B256::ZERO));
    // These two change what the system contracts store.
    refused_header(54, "state root", |h| h.parent_beacon_block_root = Some(B256::ZERO));
    refused_header(54, "", |h| h.beneficiary = Address::repeat_byte(1));
}

#[test]
fn proof_of_work_blocks_are_checked() {
    refused_header(1, "difficulty", |h| h.difficulty += U256::ONE);
    refused_header(20, "difficulty", |h| h.timestamp += 9);
    refused_header(2, "receipts root", |h| h.receipts_root = B256::ZERO);
    // Before Byzantium a receipt names the state that its transaction left, and fees are part of that.
    refused_header(2, "receipts root", |h| h.beneficiary = Address::repeat_byte(1));
    refused_header(27, "gas limit", |h| h.gas_limit /= 2);
    refused_header(27, "base fee", |h| h.base_fee_per_gas = None);
    refused_header(26, "base fee", |h| h.base_fee_per_gas = Some(1_000_000_000));
}

#[test]
fn the_body_is_what_the_header_commits_to() {
    refused(54, "transactions root", |block| {
        block.body.transactions.pop();
    });
    refused(54, "withdrawals root", |block| {
        let withdrawal = Withdrawal { amount: 1, ..Withdrawal::default() };
        block.body.withdrawals.as_mut().unwrap().push(withdrawal);
    });
    refused(54, "list of withdrawals", |block| block.body.withdrawals = None);
    refused(3, "ommers hash", |block| block.body.ommers.clear());
}

#[test]
fn an_ommer_is_rewarded_once_and_by_a_near_block_only() {
    let ommer = before(3).1.body.ommers[0].clone();
    let with = |ommers: Vec<Header>| {
        move |block: &mut Block<TxEnvelope>| {
            block.body.ommers = ommers;
            block.header.ommers_hash = block.body.calculate_ommers_root();
        }
    };
    refused(4, "rewarded before", with(vec![ommer.clone()]));
    refused(3, "rewarded before", with(vec![ommer.clone(), ommer.clone()]));
    refused(3, "number of ommers", with(vec![ommer.clone(); 3]));
    refused(4, "ancestry", with(vec![before(2).1.header]));
    refused(3, "parent", with(vec![Header { parent_hash: B256::ZERO, ..ommer.clone() }]));
    refused(3, "difficulty", with(vec![Header { difficulty: U256::ONE, ..ommer }]));
}

#[test]
fn a_block_of_another_parent_is_refused() {
    let blocks = blocks();
    let error = fresh().import(&blocks[1]).unwrap_err();
    assert!(matches!(error, ImportError::Invalid { number: 1, .. }), "{error}");
    assert!(error.to_string().contains("unexpected parent hash"), "{error}");
}

#[test]
fn bytes_that_are_no_block_are_refused() {
    let raw = blocks()[0].clone();
    for bad in [&raw[..raw.len() - 1], &[][..], &[0xc0], &[0x80], &[&raw[..], &[0]].concat()] {
        let error = fresh().import(bad).unwrap_err();
        assert!(matches!(error, ImportError::Unreadable { number: 1, .. }), "{error}");
    }
}

#[test]
fn flipped_bits_change_nothing_that_is_computed() {
    let (chain, block, raw) = before(45);
    for at in (0..raw.len()).step_by(7) {
        let mut bad = raw.clone();
        bad[at] ^= 1 << (at % 8);
        let Ok(passed) = chain.clone().import(&bad) else { continue };
        // What a block producer may choose, when no transaction looks at it.
        let Header { mix_hash, timestamp, extra_data, .. } = block.header.clone();
        let chosen = Header { mix_hash, timestamp, extra_data, ..passed.header };
        assert_eq!(chosen, block.header, "bit of byte {at}");
    }
}

#[test]
fn a_truncated_file_is_noticed() {
    let file = chain_rlp();
    let whole = blocks().len();
    for cut in [1, 2, 500] {
        let read: Vec<_> = BlockReader::new(&file[..file.len() - cut]).collect();
        assert_eq!(read.len(), whole);
        assert!(read[whole - 1].as_ref().unwrap_err().to_string().contains("ends"));
    }
    let noise = BlockReader::new(&[0x01, 0x02][..]).next().unwrap().unwrap_err();
    assert!(noise.to_string().contains("begins no list"));
    let huge = BlockReader::new(&[0xff; 20][..]).next().unwrap().unwrap_err();
    assert!(huge.to_string().contains("bytes are over"));
}

#[test]
fn a_genesis_that_cannot_be_followed_is_refused() {
    let json: serde_json::Value = serde_json::from_slice(&genesis_json()).unwrap();
    let refused = |path: &str, value: serde_json::Value, why: &str| {
        let mut json = json.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
        let error = genesis(json.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused("/config/amsterdamTime", 600.into(), "not implemented");
    refused("/config/clique", serde_json::json!({"period": 1, "epoch": 2}), "only proof of work");
    refused("/number", "0x5".into(), "number 0");
    refused("/gasLimit", "0xffffffffffffffff".into(), "gas limit");
    refused("/config/chainId", "many".into(), "genesis");
    assert!(genesis(b"{").is_err());
}
