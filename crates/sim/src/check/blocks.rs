//! Closed blocks: atomicity, order, headers, roots (P3, P4, P9, P29).

use super::{Verdict, agree, require};
use crate::history::{Parts, SlotLog};
use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _, TxReceipt,
    TxType,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{B256, Bloom};
use alloy_trie::{TrieAccount, root};
use std::collections::{BTreeMap, BTreeSet};
use weft_evm::{BlockTx, ClosedBlock, MemoryState, block::follows};
use weft_types::{HopBody, MANAGER, NetworkId, Outcome, SYSTEM_SENDER};

const ATOMICITY: &str = "atomicity";
const ORDER: &str = "order";
const HEADER: &str = "header";
const ROOT: &str = "state root";

/// Checks that a bundle is in all its blocks or in none, and that blocks hold what the fold included, in order.
pub(crate) fn slot(log: &SlotLog) -> Verdict {
    for block in &log.blocks {
        let expected: Vec<&BlockTx> = log
            .items
            .iter()
            .flat_map(|item| &item.applied.transactions)
            .filter(|(network, _)| *network == block.network)
            .map(|(_, tx)| tx)
            .collect();
        let order = || format!("transactions of {} {}", block.network, block.header.number);
        let found: Vec<&BlockTx> = block.transactions.iter().collect();
        require(found == expected, ORDER, order)?;
        let sorted = found.is_sorted_by_key(|tx| (tx.position, tx.leg));
        require(sorted, ORDER, || format!("{} are not in lane order", order()))?;
        monotone_legs(block)?;
    }
    let included = hashes(&log.blocks);
    for item in &log.items {
        let stands = item.applied.outcome == Outcome::Included;
        for leg in item.planned.item.legs() {
            let place = (leg.network, item.position, leg.tx.hash());
            require(included.contains(&place) == stands, ATOMICITY, || {
                format!("leg {place:?} of an item that is {:?}", item.applied.outcome)
            })?;
        }
        system_transactions(item)?;
    }
    Ok(())
}

type Placed = (NetworkId, weft_types::Position, B256);

fn hashes(blocks: &[ClosedBlock]) -> BTreeSet<Placed> {
    let own = blocks.iter().flat_map(|block| {
        let signed = block.transactions.iter().filter(|tx| !tx.is_system);
        signed.map(|tx| (block.network, tx.position, *tx.tx.tx_hash()))
    });
    own.collect()
}

fn monotone_legs(block: &ClosedBlock) -> Verdict {
    let once = block
        .transactions
        .windows(2)
        .all(|pair| (pair[0].position, pair[0].leg) < (pair[1].position, pair[1].leg));
    require(once, ORDER, || format!("a leg is twice in block {}", block.header.number))
}

/// Every leg leaves one system transaction on each other rollup that it called, and no other (P29).
fn system_transactions(item: &crate::history::ItemLog) -> Verdict {
    if item.applied.outcome != Outcome::Included {
        return require(item.applied.transactions.is_empty(), ATOMICITY, || {
            format!("removed item {} left transactions", item.position)
        });
    }
    let legs = item.planned.item.legs();
    let called = item.applied.hops.iter().filter(|hop| matches!(hop.body, HopBody::Call(_)));
    let away = called
        .filter(|hop| legs.get(usize::from(hop.place.leg)).is_none_or(|leg| leg.network != hop.to))
        .filter(|hop| hop.to != NetworkId::L1);
    let expected: BTreeSet<_> = away.map(|hop| (hop.place.leg, hop.to)).collect();
    let system = item.applied.transactions.iter().filter(|(_, tx)| tx.is_system);
    let found: Vec<_> = system.map(|(network, tx)| (tx.leg, *network)).collect();
    let once: BTreeSet<_> = found.iter().copied().collect();
    require(once.len() == found.len(), ATOMICITY, || "two system transactions of a leg".into())?;
    agree(ATOMICITY, || format!("system transactions of {}", item.position), &once, &expected)
}

/// Follows the headers of all rollups.
#[derive(Debug)]
pub(crate) struct Headers {
    heads: BTreeMap<NetworkId, (Header, B256)>,
    /// System transactions so far.
    inbound: BTreeMap<NetworkId, u64>,
}

impl Headers {
    pub(crate) fn new(parts: &Parts) -> Self {
        let head = |rollup: &weft_evm::Rollup<MemoryState>| {
            (rollup.spec.network, (rollup.head.clone(), rollup.head_hash))
        };
        Self { heads: parts.rollups.iter().map(head).collect(), inbound: BTreeMap::new() }
    }

    /// Takes one closed block in.
    pub(crate) fn block(&mut self, block: &ClosedBlock) -> Verdict {
        let header = &block.header;
        let at = || format!("block {} of {}", header.number, block.network);
        let (parent, parent_hash) = &self.heads[&block.network];
        require(follows(parent, *parent_hash, header), HEADER, || {
            format!("{} does not follow its parent", at())
        })?;
        agree(HEADER, at, &block.hash, &header.hash_slow())?;
        require(header.gas_used <= header.gas_limit, HEADER, || {
            format!("{}: gas used {} over limit {}", at(), header.gas_used, header.gas_limit)
        })?;
        let (receipts, gas_used) = receipts(&block.transactions);
        agree(HEADER, || format!("gas used by {}", at()), &header.gas_used, &gas_used)?;
        let computed = calculate_receipt_root(&receipts);
        agree(HEADER, || format!("receipts root of {}", at()), &header.receipts_root, &computed)?;
        let txs: Vec<_> = block.transactions.iter().map(|tx| &*tx.tx).collect();
        let computed = calculate_transaction_root(&txs);
        let root = &header.transactions_root;
        agree(HEADER, || format!("transactions root of {}", at()), root, &computed)?;
        let bloom =
            receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom());
        agree(HEADER, || format!("bloom of {}", at()), &header.logs_bloom, &bloom)?;
        self.inbound(block)?;
        self.heads.insert(block.network, (header.clone(), block.hash));
        Ok(())
    }

    /// System transactions have the form that clients expect, with nonces in a row.
    fn inbound(&mut self, block: &ClosedBlock) -> Verdict {
        for tx in block.transactions.iter().filter(|tx| tx.is_system) {
            let nonce = self.inbound.entry(block.network).or_default();
            let form = tx.tx.tx_type() == TxType::Legacy
                && tx.sender == SYSTEM_SENDER
                && tx.tx.to() == Some(MANAGER)
                && tx.tx.value().is_zero()
                && tx.tx.gas_limit() == tx.gas_used
                && tx.tx.gas_price() == Some(0)
                && tx.tx.nonce() == *nonce
                && tx.success;
            *nonce += 1;
            require(form, HEADER, || format!("system transaction {:?}", tx.tx))?;
        }
        Ok(())
    }

    /// Returns the last header and its hash.
    pub(crate) fn head(&self, network: NetworkId) -> Option<&(Header, B256)> {
        self.heads.get(&network)
    }
}

fn receipts(transactions: &[BlockTx]) -> (Vec<ReceiptEnvelope>, u64) {
    let mut total = 0;
    let receipt = |tx: &BlockTx| {
        total += tx.gas_used;
        let status = Eip658Value::Eip658(tx.success);
        let receipt = Receipt { status, cumulative_gas_used: total, logs: tx.logs.clone() };
        let receipt = ReceiptWithBloom { logs_bloom: receipt.bloom(), receipt };
        ReceiptEnvelope::from_typed(tx.tx.tx_type(), receipt)
    };
    (transactions.iter().map(receipt).collect(), total)
}

/// Computes a state root from every account anew.
pub(crate) fn state_root(state: &MemoryState) -> B256 {
    let accounts = state.accounts().map(|(address, account)| {
        let storage = account.storage.iter().map(|(key, value)| (B256::from(*key), *value));
        let trie = TrieAccount {
            nonce: account.info.nonce,
            balance: account.info.balance,
            storage_root: root::storage_root_unhashed(storage),
            code_hash: account.info.code_hash,
        };
        (*address, trie)
    });
    root::state_root_unhashed(accounts)
}

/// Compares the header's root with the state itself.
pub(crate) fn root(network: NetworkId, header: &Header, state: &MemoryState) -> Verdict {
    let at = || format!("block {} of {network}", header.number);
    agree(ROOT, at, &header.state_root, &state_root(state))
}
