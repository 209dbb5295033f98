//! Blocks, transactions and receipts as stock clients expect them.

use super::{
    Call,
    errors::{RpcError, RpcResult},
};
use crate::{
    engine::{At, Engine},
    foreign_pool::Waiting,
    store::{Origin, Start, StoredBlock, starts},
};
use alloy_consensus::{
    Header, ReceiptEnvelope, Transaction as _, TxEnvelope, transaction::Recovered,
};
use alloy_eips::{BlockId, BlockNumberOrTag, RpcBlockHash, eip4895::Withdrawals};
use alloy_primitives::{Address, B256, U64, U256};
use alloy_rpc_types_eth::{
    Block, BlockTransactions, Header as RpcHeader, Log, Transaction, TransactionReceipt,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use weft_evm::BlockTx;
use weft_types::{NetworkId, Position, SafetyLevel, SignedTx};

/// Turns a value into JSON.
pub(crate) fn to_json(value: &impl Serialize) -> RpcResult {
    serde_json::to_value(value)
        .map_err(|error| RpcError::new(-32603, format!("answer cannot be written: {error}")))
}

/// Returns a quantity as Ethereum clients expect it.
pub(crate) fn quantity(number: u64) -> Value {
    json!(U64::from(number))
}

/// Returns a position for people and programs.
pub(crate) fn position(position: &Position) -> Value {
    json!({
        "slot": position.slot,
        "section": position.section,
        "index": position.index,
        "text": position.to_string(),
    })
}

/// The block that a transaction stands in.
#[derive(Debug, Clone, Copy)]
struct Home {
    number: u64,
    hash: B256,
    timestamp: u64,
}

impl Home {
    fn of(block: &StoredBlock) -> Self {
        Self { number: block.header.number, hash: block.hash, timestamp: block.header.timestamp }
    }
}

/// Returns a transaction of a closed block.
pub(crate) fn block_transaction(block: &StoredBlock, index: usize) -> Transaction {
    let tx = &block.transactions[index];
    Transaction {
        inner: Recovered::new_unchecked(TxEnvelope::clone(&tx.tx), tx.sender),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        transaction_index: Some(index as u64),
        effective_gas_price: Some(tx.effective_gas_price),
        block_timestamp: Some(block.header.timestamp),
    }
}

/// Returns a transaction that is in no closed block yet.
pub(crate) fn pending_transaction(tx: &SignedTx) -> Transaction {
    unmined(tx.envelope().clone(), tx.sender())
}

/// Returns a transaction that was sent to an imported chain, without its blobs.
pub(crate) fn waiting_transaction(waiting: &Waiting) -> Transaction {
    unmined(waiting.without_blobs(), waiting.sender)
}

fn unmined(envelope: TxEnvelope, sender: Address) -> Transaction {
    Transaction {
        effective_gas_price: Some(envelope.max_fee_per_gas()),
        inner: Recovered::new_unchecked(envelope, sender),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        block_timestamp: None,
    }
}

/// Returns a transaction of the open block.
pub(crate) fn open_transaction(tx: &BlockTx) -> Transaction {
    Transaction {
        inner: Recovered::new_unchecked(TxEnvelope::clone(&tx.tx), tx.sender),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(tx.effective_gas_price),
        block_timestamp: None,
    }
}

/// Returns the logs of a transaction of a closed block.
pub(crate) fn transaction_logs(block: &StoredBlock, index: usize) -> Vec<Log> {
    logs(&block.transactions[index], index, block.start(index), Home::of(block))
}

fn logs(tx: &BlockTx, index: usize, start: Start, home: Home) -> Vec<Log> {
    let log = |(offset, inner): (usize, &alloy_primitives::Log)| Log {
        inner: inner.clone(),
        block_hash: Some(home.hash),
        block_number: Some(home.number),
        block_timestamp: Some(home.timestamp),
        transaction_hash: Some(*tx.tx.tx_hash()),
        transaction_index: Some(index as u64),
        log_index: Some(start.logs + offset as u64),
        removed: false,
    };
    tx.logs.iter().enumerate().map(log).collect()
}

impl Engine {
    /// Returns the receipt of a transaction of a closed block.
    pub(crate) fn receipt(
        &self,
        network: NetworkId,
        block: &StoredBlock,
        index: usize,
    ) -> RpcResult {
        self.receipts(network, block).write(block, index)
    }

    /// Returns what it takes to write the receipts of a closed block.
    pub(crate) fn receipts(&self, network: NetworkId, block: &StoredBlock) -> Receipts {
        let chain = self.chain(network);
        let origins = block.origins.values();
        let chain_id = |network| (network, self.origin_chain(network));
        Receipts {
            blob_fee: chain.foreign.as_ref().map(|_| chain.blob_fee(&block.header)),
            chain_ids: origins.map(|origin| chain_id(origin.network)).collect(),
            finality: self.finality(network, block.header.number),
        }
    }

    /// Returns the receipt of a transaction of the open block: block hash zero, finality `executed` (P31).
    pub(crate) fn open_receipt(&self, network: NetworkId, index: usize) -> Option<RpcResult> {
        let open = self.realm.open_transactions(network)?;
        let env = self.realm.block_env(network)?;
        let home = Home {
            number: env.number.saturating_to(),
            hash: B256::ZERO,
            timestamp: env.timestamp.saturating_to(),
        };
        let tx = open.get(index)?;
        let start = starts(open)[index];
        let inner = tx.receipt(start.gas_used + tx.gas_used);
        let receipt = to_json(&receipt(tx, inner, index, start, home));
        Some(receipt.and_then(|receipt| self.with_origin(network, tx, receipt)))
    }

    fn finality(&self, network: NetworkId, number: u64) -> Finality {
        let standing = self.l1.standing(network);
        match number {
            _ if number <= standing.finalized => Finality::Finalized,
            _ if number <= standing.settled => Finality::Settled,
            _ if number <= standing.posted => Finality::Posted,
            _ => Finality::Executed,
        }
    }

    fn with_origin(&self, network: NetworkId, tx: &BlockTx, receipt: Value) -> RpcResult {
        let store = &self.chain(network).store;
        let origin = if tx.is_system { store.origin(tx.tx.tx_hash())? } else { None };
        let with_chain = |origin: Origin| (self.origin_chain(origin.network), origin);
        Ok(of_rollup(receipt, tx, origin.map(with_chain), Finality::Executed))
    }

    /// Returns the EIP-155 id of a network from which work came; L1 is chain 0 here.
    fn origin_chain(&self, network: NetworkId) -> u64 {
        self.chains.get(&network).map_or(0, |chain| chain.spec.chain_id)
    }

    /// Returns the block that is open, as a block.
    pub(crate) fn open_block(&self, network: NetworkId, full: bool) -> RpcResult {
        let env = self.realm.block_env(network).expect("the rollup runs here");
        let (_, parent_hash) = self.realm.head(network).expect("the rollup runs here");
        let open = self.realm.open_transactions(network).unwrap_or_default();
        let header = Header {
            parent_hash,
            beneficiary: env.beneficiary,
            number: env.number.saturating_to(),
            gas_limit: env.gas_limit,
            gas_used: open.iter().map(|tx| tx.gas_used).sum(),
            timestamp: env.timestamp.saturating_to(),
            mix_hash: env.prevrandao.unwrap_or_default(),
            base_fee_per_gas: Some(env.basefee),
            ..self.chain(network).store.head().header.clone()
        };
        let transactions = if full {
            BlockTransactions::Full(open.iter().map(open_transaction).collect())
        } else {
            BlockTransactions::Hashes(open.iter().map(|tx| *tx.tx.tx_hash()).collect())
        };
        let header =
            RpcHeader { hash: B256::ZERO, inner: header, total_difficulty: None, size: None };
        let withdrawals = self.chain(network).store.head().body.withdrawals.as_ref();
        let none = withdrawals.map(|_| Default::default());
        let mut block = block_json(header, transactions, 0, Vec::new(), none)?;
        // The same fields are null as with go-ethereum.
        for field in ["hash", "nonce", "miner"] {
            block[field] = Value::Null;
        }
        Ok(block)
    }
}

/// What it takes to write the receipts of a closed block, without the engine.
#[derive(Debug)]
pub(crate) struct Receipts {
    /// Wei per unit of blob gas, on an imported chain.
    blob_fee: Option<u128>,
    /// EIP-155 ids of the rollups that the block's system transactions work for.
    chain_ids: BTreeMap<NetworkId, u64>,
    finality: Finality,
}

impl Receipts {
    /// Writes the receipt of a transaction of the block.
    pub(crate) fn write(&self, block: &StoredBlock, index: usize) -> RpcResult {
        let tx = &block.transactions[index];
        let mut receipt =
            receipt(tx, block.receipt(index), index, block.start(index), Home::of(block));
        let Some(blob_fee) = self.blob_fee else {
            let origin = block.origins.get(tx.tx.tx_hash()).copied();
            let origin = origin.and_then(|of| Some((*self.chain_ids.get(&of.network)?, of)));
            return Ok(of_rollup(to_json(&receipt)?, tx, origin, self.finality));
        };
        if let Some(gas) = tx.tx.blob_gas_used() {
            receipt.blob_gas_used = Some(gas);
            receipt.blob_gas_price = Some(blob_fee);
        }
        to_json(&receipt)
    }
}

/// How far what was executed has come (P31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Finality {
    /// It rests on the sequencer's word.
    Executed,
    /// Its batch is on L1.
    Posted,
    /// It is settled there.
    Settled,
    /// It is settled in a final block of L1.
    Finalized,
}

/// Adds to a receipt of a rollup what Ethereum's has not.
fn of_rollup(
    mut receipt: Value,
    tx: &BlockTx,
    origin: Option<(u64, Origin)>,
    finality: Finality,
) -> Value {
    receipt["weftFinality"] = json!(finality);
    // P30: no other level is built.
    receipt["weftSafety"] = json!(SafetyLevel::Reputation);
    if let Some((_, origin)) = origin.filter(|(chain_id, _)| *chain_id == 0) {
        receipt["weftOrigin"] = json!({
            "chainId": quantity(0_u64),
            "l1BlockHash": origin.tx_hash,
            "position": position(&tx.position),
            "leg": tx.leg,
        });
    } else if let Some((chain_id, origin)) = origin.filter(|_| tx.is_system) {
        receipt["weftOrigin"] = json!({
            "chainId": quantity(chain_id),
            "txHash": origin.tx_hash,
            "position": position(&tx.position),
            "leg": tx.leg,
        });
    }
    receipt
}

fn receipt(
    tx: &BlockTx,
    inner: ReceiptEnvelope,
    index: usize,
    start: Start,
    home: Home,
) -> TransactionReceipt<ReceiptEnvelope<Log>> {
    let mut logs = logs(tx, index, start, home).into_iter();
    let inner = inner.map_logs(|_| logs.next().expect("receipts hold the transaction's logs"));
    let is_create = tx.tx.to().is_none();
    TransactionReceipt {
        inner,
        transaction_hash: *tx.tx.tx_hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(home.hash),
        block_number: Some(home.number),
        gas_used: tx.gas_used,
        effective_gas_price: tx.effective_gas_price,
        blob_gas_used: None,
        blob_gas_price: None,
        from: tx.sender,
        to: tx.tx.to(),
        contract_address: tx
            .contract_address
            .or_else(|| (is_create && !tx.is_system).then(|| tx.sender.create(tx.tx.nonce()))),
    }
}

/// Returns a closed block.
pub(crate) fn closed_block(block: &StoredBlock, full: bool) -> RpcResult {
    let transactions = if full {
        let all = 0..block.transactions.len();
        BlockTransactions::Full(all.map(|index| block_transaction(block, index)).collect())
    } else {
        let hashes = block.transactions.iter().map(|tx| *tx.tx.tx_hash());
        BlockTransactions::Hashes(hashes.collect())
    };
    let ommers = block.body.ommers.iter().map(Header::hash_slow).collect();
    let withdrawals = block.body.withdrawals.clone();
    block_json(header(block), transactions, block.size, ommers, withdrawals)
}

/// Returns the header of a closed block.
pub(crate) fn header(block: &StoredBlock) -> RpcHeader {
    RpcHeader {
        hash: block.hash,
        inner: block.header.clone(),
        total_difficulty: None,
        size: Some(U256::from(block.size)),
    }
}

fn block_json(
    header: RpcHeader,
    transactions: BlockTransactions<Transaction>,
    size: usize,
    uncles: Vec<B256>,
    withdrawals: Option<Withdrawals>,
) -> RpcResult {
    let header = RpcHeader { size: Some(U256::from(size)), ..header };
    to_json(&Block { header, uncles, transactions, withdrawals })
}

/// Returns an ommer as a block without transactions.
pub(crate) fn ommer(header: &Header) -> RpcResult {
    let size =
        alloy_rlp::Encodable::length(&alloy_consensus::Block::<TxEnvelope>::uncle(header.clone()));
    let header = RpcHeader {
        hash: header.hash_slow(),
        inner: header.clone(),
        total_difficulty: None,
        size: None,
    };
    block_json(header, BlockTransactions::Uncle, size, Vec::new(), None)
}

impl Call<'_> {
    /// Returns the moment that a block parameter names; `default` when there is none.
    pub(crate) fn at(&self, block: Option<BlockId>, default: BlockId) -> RpcResult<At> {
        match block.unwrap_or(default) {
            BlockId::Hash(RpcBlockHash { block_hash, .. }) => {
                let block = self.engine.chain(self.network).store.by_hash(&block_hash)?;
                let block =
                    block.ok_or_else(|| RpcError::not_found("header for hash not found"))?;
                Ok(At::Block(block.header.number))
            }
            BlockId::Number(BlockNumberOrTag::Pending) => Ok(At::Pending),
            BlockId::Number(number) => {
                let number = self.number(number);
                if number > self.engine.chain(self.network).store.head_number() {
                    return Err(RpcError::refused("header not found"));
                }
                Ok(At::Block(number))
            }
        }
    }

    /// Returns the number that a tag stands for; pending counts as the last block here.
    pub(crate) fn number(&self, number: BlockNumberOrTag) -> u64 {
        match number {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => {
                self.engine.chain(self.network).store.head_number()
            }
            BlockNumberOrTag::Earliest => 0,
            // P31: without L1 nothing but genesis is safe or finalized; an imported chain is over, and one that the node
            // adds blocks to is taken back by its owner alone.
            BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized => {
                let chain = self.engine.chain(self.network);
                let standing = self.engine.l1.standing(self.network);
                let is_safe = number == BlockNumberOrTag::Safe;
                let on_l1 = match is_safe {
                    true => standing.safe(self.engine.config.safe_is_settled),
                    false => standing.finalized,
                };
                chain.sure(is_safe).unwrap_or(on_l1)
            }
        }
    }

    /// Returns a closed block by number, tag or hash.
    pub(crate) fn block_of(&self, id: BlockId) -> RpcResult<Option<Arc<StoredBlock>>> {
        match id {
            BlockId::Number(number) => self.block(number),
            BlockId::Hash(hash) => {
                Ok(self.engine.chain(self.network).store.by_hash(&hash.block_hash)?)
            }
        }
    }

    /// Returns a closed block by number or tag.
    pub(crate) fn block(&self, number: BlockNumberOrTag) -> RpcResult<Option<Arc<StoredBlock>>> {
        Ok(self.engine.chain(self.network).store.by_number(self.number(number))?)
    }
}
