//! A simulated block as clients see it.

use crate::rpc::{
    errors::RpcResult,
    types::{quantity, to_json},
};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, Transaction as _, TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root},
    transaction::Recovered,
};
use alloy_primitives::{B256, Bloom, Log, U256};
use alloy_rpc_types_eth::{
    Block, BlockTransactions, Header as RpcHeader, Log as RpcLog, Transaction,
};
use serde_json::{Value, json};
use weft_evm::{BlockTx, block::receipts};

/// A call that was made, with its answer.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) tx: BlockTx,
    /// Logs with their number in the block.
    pub(super) logs: Vec<(u64, Log)>,
    /// Everything but the logs; `None` for work from another rollup (P29).
    pub(super) answer: Option<Value>,
}

/// Writes what transactions did into a header.
pub(super) fn seal(header: &mut Header, calls: &[Called]) {
    let all: Vec<BlockTx> = calls.iter().map(|call| call.tx.clone()).collect();
    let receipts = receipts(&all);
    let envelopes: Vec<_> = all.iter().map(|tx| &*tx.tx).collect();
    header.ommers_hash = EMPTY_OMMER_ROOT_HASH;
    header.gas_used = all.iter().map(|tx| tx.gas_used).sum();
    header.transactions_root = calculate_transaction_root(&envelopes);
    header.receipts_root = calculate_receipt_root(&receipts);
    header.logs_bloom =
        receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom());
}

/// Returns a sealed block with the answers of its calls.
pub(super) fn answer(header: Header, hash: B256, calls: Vec<Called>, full: bool) -> RpcResult {
    let envelopes = calls.iter().map(|call| TxEnvelope::clone(&call.tx.tx)).collect();
    let withdrawals = header.withdrawals_root.map(|_| Default::default());
    let size = size(&header, envelopes);
    let (number, timestamp) = (header.number, header.timestamp);
    let transactions = if full {
        let one = |(index, call): (usize, &Called)| Transaction {
            inner: Recovered::new_unchecked(TxEnvelope::clone(&call.tx.tx), call.tx.sender),
            block_hash: Some(hash),
            block_number: Some(number),
            transaction_index: Some(index as u64),
            effective_gas_price: Some(call.tx.effective_gas_price),
            block_timestamp: Some(timestamp),
        };
        BlockTransactions::Full(calls.iter().enumerate().map(one).collect())
    } else {
        BlockTransactions::Hashes(calls.iter().map(|call| *call.tx.tx.tx_hash()).collect())
    };
    let header =
        RpcHeader { hash, inner: header, total_difficulty: None, size: Some(U256::from(size)) };
    let block: Block = Block { header, uncles: Vec::new(), transactions, withdrawals };
    let mut block = to_json(&block)?;
    let (mut answers, mut inbound) = (Vec::new(), Vec::new());
    for (index, call) in calls.into_iter().enumerate() {
        let tx = *call.tx.tx.tx_hash();
        let logs = call.logs.into_iter().map(|(log_index, inner)| RpcLog {
            inner,
            block_hash: Some(hash),
            block_number: Some(number),
            block_timestamp: Some(timestamp),
            transaction_hash: Some(tx),
            transaction_index: Some(index as u64),
            log_index: Some(log_index),
            removed: false,
        });
        let logs = to_json(&logs.collect::<Vec<_>>())?;
        match call.answer {
            Some(mut answer) => {
                answer["logs"] = logs;
                answers.push(answer);
            }
            None => inbound.push(json!({ "gasUsed": quantity(call.tx.gas_used), "logs": logs })),
        }
    }
    block["calls"] = Value::Array(answers);
    if !inbound.is_empty() {
        block["weftInbound"] = Value::Array(inbound);
    }
    Ok(block)
}

fn size(header: &Header, transactions: Vec<alloy_consensus::TxEnvelope>) -> usize {
    let withdrawals = header.withdrawals_root.map(|_| Default::default());
    let body = alloy_consensus::BlockBody { transactions, ommers: Vec::new(), withdrawals };
    alloy_rlp::Encodable::length(&alloy_consensus::Block { header: header.clone(), body })
}

/// Returns the price that a transaction pays for a unit of gas.
pub(super) fn effective_price(tx: &alloy_consensus::TxEnvelope, base_fee: Option<u64>) -> u128 {
    tx.effective_gas_price(base_fee)
}

/// Returns gas as JSON.
pub(super) fn gas(gas: u64) -> Value {
    quantity(gas)
}
