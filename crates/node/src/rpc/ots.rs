//! Blocks and searches for Otterscan, level 8 (`ots_*`). What transactions did inside is told by the tracing methods.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::{block_transaction, closed_block, quantity, to_json},
};
use crate::store::{Found, StoredBlock};
use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use std::sync::Arc;
use weft_evm::BlockTx;

pub(super) const METHODS: Methods = &[
    ("ots_getApiLevel", api_level),
    ("ots_hasCode", has_code),
    ("ots_getBlockDetails", details),
    ("ots_getBlockDetailsByHash", details),
    ("ots_getBlockTransactions", transactions),
    ("ots_searchTransactionsBefore", search_before),
    ("ots_searchTransactionsAfter", search_after),
    ("ots_getTransactionBySenderAndNonce", by_sender_and_nonce),
    ("ots_getContractCreator", contract_creator),
];

/// Level of the interface that Otterscan asks for.
const API_LEVEL: u64 = 8;
/// Most transactions of a page.
const MAX_PAGE: usize = 1_000;
/// Digits of a transaction's input that a page shows: prefix and selector.
const SHOWN_INPUT: usize = 10;

fn api_level(_: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(API_LEVEL))
}

fn has_code(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let account = call.engine.account(call.network, at, address)?;
    Ok(json!(account.is_some_and(|account| !account.is_empty_code_hash())))
}

fn details(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let Some(block) = call.block_of(args.required(0)?)? else { return Ok(Value::Null) };
    let mut shown = closed_block(&block, false)?;
    shown["transactionCount"] = quantity(block.transactions.len() as u64);
    shown["logsBloom"] = Value::Null;
    if let Some(members) = shown.as_object_mut() {
        members.remove("transactions");
    }
    let fees = block.transactions.iter().fold(U256::ZERO, |sum, tx| {
        sum + U256::from(tx.effective_gas_price) * U256::from(tx.gas_used)
    });
    Ok(json!({ "block": shown, "issuance": issuance(call, &block), "totalFees": fees }))
}

fn issuance(call: &Call<'_>, block: &StoredBlock) -> Value {
    let foreign = call.engine.chain(call.network).foreign.as_ref();
    let rules = foreign.map(|foreign| foreign.schedule.rules_of(&block.header));
    let rewarded = rules.filter(|_| block.header.number > 0);
    let (own, ommers) = rewarded.map_or_else(Default::default, |rules| {
        rules.rewards(block.header.number, &block.body.ommers)
    });
    json!({ "blockReward": own, "uncleReward": ommers, "issuance": own + ommers })
}

fn page_size(args: &Args, index: usize) -> RpcResult<usize> {
    let size = usize::try_from(args.required_number(index)?).unwrap_or(usize::MAX);
    if (1..=MAX_PAGE).contains(&size) {
        return Ok(size);
    }
    Err(RpcError::params(format!("invalid argument {index}: a page holds 1 to {MAX_PAGE}")))
}

/// Answers with a page of a block; page 0 ends with the last transaction.
fn transactions(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let number: BlockNumberOrTag = args.required(0)?;
    let page = args.required_number(1)?;
    let size = page_size(args, 2)?;
    let Some(block) = call.block(number)? else { return Ok(Value::Null) };
    let skipped = usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(size);
    let end = block.transactions.len().saturating_sub(skipped);
    let shown = end.saturating_sub(size)..end;
    let mut full = closed_block(&block, false)?;
    let (mut list, mut receipts) = (Vec::new(), Vec::new());
    for index in shown {
        let mut tx = to_json(&block_transaction(&block, index))?;
        if let Some(input) = tx["input"].as_str() {
            tx["input"] = json!(input.chars().take(SHOWN_INPUT).collect::<String>());
        }
        list.push(tx);
        let mut receipt = call.engine.receipt(call.network, &block, index)?;
        receipt["logs"] = Value::Null;
        receipt["logsBloom"] = Value::Null;
        receipts.push(receipt);
    }
    full["transactions"] = list.into();
    full["transactionCount"] = quantity(block.transactions.len() as u64);
    Ok(json!({ "fullblock": full, "receipts": receipts }))
}

/// Returns true when a transaction names an address: as sender, receiver, new contract or source of a log.
fn names(tx: &BlockTx, address: Address) -> bool {
    tx.sender == address
        || tx.tx.to() == Some(address)
        || tx.contract_address == Some(address)
        || tx.logs.iter().any(|log| log.address == address)
}

/// What a search found, newest first.
#[derive(Debug, Default)]
struct Page {
    txs: Vec<Value>,
    receipts: Vec<Value>,
}

impl Page {
    /// Adds the transactions of a block that name `address`, newest first.
    fn add(&mut self, call: &Call<'_>, block: &StoredBlock, address: Address) -> RpcResult<()> {
        for index in (0..block.transactions.len()).rev() {
            if names(&block.transactions[index], address) {
                self.txs.push(to_json(&block_transaction(block, index))?);
                let mut receipt = call.engine.receipt(call.network, block, index)?;
                receipt["timestamp"] = quantity(block.header.timestamp);
                self.receipts.push(receipt);
            }
        }
        Ok(())
    }

    fn page(self, first: bool, last: bool) -> Value {
        let Self { txs, receipts } = self;
        json!({ "txs": txs, "receipts": receipts, "firstPage": first, "lastPage": last })
    }
}

/// Searches from the block before the one named, or from the last one for 0, until a page is full. Blocks are not
/// split.
fn search_before(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let before = args.required_number(1)?;
    let size = page_size(args, 2)?;
    let head = call.engine.chain(call.network).store.head_number();
    let first = before == 0 || before > head;
    let start = if first { head + 1 } else { before };
    let mut found = Page::default();
    let mut next = start;
    while next > 0 && found.txs.len() < size {
        next -= 1;
        let block = searched(call, start.abs_diff(next), next)?;
        found.add(call, &block, address)?;
    }
    Ok(found.page(first, next == 0))
}

/// Searches from the block after the one named, or from the first one for 0, until a page is full.
fn search_after(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let after = args.required_number(1)?;
    let size = page_size(args, 2)?;
    let head = call.engine.chain(call.network).store.head_number();
    let start = if after == 0 { 0 } else { after.saturating_add(1) };
    let mut pages = Vec::new();
    let (mut next, mut count) = (start, 0);
    while next <= head && count < size {
        let mut found = Page::default();
        let block = searched(call, next - start, next)?;
        found.add(call, &block, address)?;
        count += found.txs.len();
        pages.push(found);
        next += 1;
    }
    let mut all = Page::default();
    for page in pages.into_iter().rev() {
        all.txs.extend(page.txs);
        all.receipts.extend(page.receipts);
    }
    Ok(all.page(next > head, after == 0))
}

fn searched(call: &Call<'_>, looked_at: u64, number: u64) -> RpcResult<Arc<StoredBlock>> {
    let most = call.engine.limits().max_log_blocks;
    if looked_at >= most {
        return Err(RpcError::limit(format!("search exceeds {most} blocks")));
    }
    let block = call.engine.chain(call.network).store.by_number(number)?;
    block.ok_or_else(|| RpcError::refused("header not found"))
}

fn by_sender_and_nonce(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let sender = args.address(0)?;
    let nonce = args.required_number(1)?;
    let is_it = |tx: &BlockTx| !tx.is_system && tx.sender == sender && tx.tx.nonce() == nonce;
    let found = newest(call, is_it)?;
    Ok(found.map_or(Value::Null, |(block, index)| json!(block.transactions[index].tx.tx_hash())))
}

/// Answers for contracts that a transaction created itself; those that contracts created are not found.
fn contract_creator(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let contract = args.address(0)?;
    let is_it = |tx: &BlockTx| tx.success && tx.contract_address == Some(contract);
    let found = newest(call, is_it)?;
    Ok(found.map_or(Value::Null, |(block, index)| {
        let tx = &block.transactions[index];
        json!({ "hash": tx.tx.tx_hash(), "creator": tx.sender })
    }))
}

/// Returns the newest transaction that is looked for, within bounds.
fn newest(call: &Call<'_>, is_it: impl Fn(&BlockTx) -> bool) -> RpcResult<Option<Found>> {
    let store = &call.engine.chain(call.network).store;
    let (most, head) = (call.engine.limits().max_log_blocks, store.head_number());
    for number in (0..=head).rev() {
        if head - number >= most {
            return Err(RpcError::limit(format!("search exceeds {most} blocks")));
        }
        let Some(block) = store.by_number(number)? else { continue };
        if let Some(index) = block.transactions.iter().position(&is_it) {
            return Ok(Some((block, index)));
        }
    }
    Ok(None)
}
