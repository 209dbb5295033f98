//! Open blocks in pieces, in the shape of Flashblocks: for clients that know that feed.

use super::Engine;
use crate::{promises::Message, rpc::errors::RpcResult};
use alloy_consensus::proofs::calculate_withdrawals_root;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bloom, Bytes, U64, hex, keccak256, logs_bloom};
use serde_json::{Map, Value, json, value::to_raw_value};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::broadcast;
use weft_evm::BlockTx;
use weft_types::NetworkId;

/// Pieces that a subscriber may be behind before it is dropped.
const BACKLOG: usize = 256;

/// Feeds of all rollups.
#[derive(Debug, Default)]
pub(crate) struct Flashblocks(BTreeMap<NetworkId, Feed>);

#[derive(Debug)]
struct Feed {
    messages: broadcast::Sender<Message>,
    /// Parent of the block that is told.
    parent: B256,
    /// Number of the next piece.
    index: u64,
    /// Transactions that were told.
    told: usize,
}

impl Flashblocks {
    /// Begins to listen to a rollup; the first piece is that of the next block or the next transactions.
    pub(crate) fn subscribe(
        &mut self,
        network: NetworkId,
    ) -> RpcResult<broadcast::Receiver<Message>> {
        let feed = self.0.entry(network).or_insert_with(|| Feed {
            messages: broadcast::channel(BACKLOG).0,
            parent: B256::ZERO,
            index: 0,
            told: 0,
        });
        Ok(feed.messages.subscribe())
    }
}

impl Engine {
    /// Tells what is new in the open blocks that somebody listens to.
    pub(super) fn tell_flashblocks(&mut self) {
        let mut feeds = std::mem::take(&mut self.flashblocks);
        feeds.0.retain(|_, feed| feed.messages.receiver_count() > 0);
        for (network, feed) in &mut feeds.0 {
            if let Some(piece) = self.next_piece(*network, feed)
                && let Ok(message) = to_raw_value(&piece)
            {
                let (to, message) = (feed.messages.clone(), Arc::from(message));
                // Nobody listening is no error.
                self.when_durable(move || drop(to.send(message)));
            }
        }
        self.flashblocks = feeds;
    }

    fn next_piece(&self, network: NetworkId, feed: &mut Feed) -> Option<Value> {
        let (_, parent) = self.realm.head(network)?;
        let open = self.realm.open_transactions(network)?;
        if feed.parent != parent {
            (feed.parent, feed.index, feed.told) = (parent, 0, 0);
        }
        // Blocks are not built for empty slots (P9), so there is no piece before the first transaction.
        if open.len() <= feed.told {
            return None;
        }
        let mut piece = json!({
            "payload_id": hex::encode_prefixed(&keccak256(parent)[..8]),
            "index": feed.index,
            "diff": diff(open, feed.told),
            "metadata": self.metadata(network, open, feed.told)?,
        });
        if feed.index == 0 {
            piece["base"] = self.flash_base(network, parent)?;
        }
        (feed.index, feed.told) = (feed.index + 1, open.len());
        Some(piece)
    }

    fn flash_base(&self, network: NetworkId, parent: B256) -> Option<Value> {
        let env = self.realm.block_env(network)?;
        let slot = self.realm.slot()?.hash(&self.domain);
        Some(json!({
            "parent_beacon_block_root": slot,
            "parent_hash": parent,
            "fee_recipient": env.beneficiary,
            "prev_randao": env.prevrandao.unwrap_or_default(),
            "block_number": U64::from(env.number.saturating_to::<u64>()),
            "gas_limit": U64::from(env.gas_limit),
            "timestamp": U64::from(env.timestamp.saturating_to::<u64>()),
            "extra_data": Bytes::new(),
            "base_fee_per_gas": U64::from(env.basefee),
        }))
    }

    fn metadata(&self, network: NetworkId, open: &[BlockTx], from: usize) -> Option<Value> {
        let mut receipts = Map::new();
        for (index, tx) in open.iter().enumerate().skip(from) {
            let receipt = self.open_receipt(network, index)?.ok()?;
            receipts.insert(tx.tx.tx_hash().to_string(), receipt);
        }
        let number: u64 = self.realm.block_env(network)?.number.saturating_to();
        Some(json!({ "block_number": number, "receipts": receipts, "new_account_balances": {} }))
    }
}

/// Returns what is new; roots and hash of a block are known when it closes, so they are zero here.
fn diff(open: &[BlockTx], from: usize) -> Value {
    let gas_used: u64 = open.iter().map(|tx| tx.gas_used).sum();
    let bloom: Bloom = logs_bloom(open.iter().flat_map(|tx| &tx.logs));
    let raw = open[from..].iter().map(|tx| Bytes::from(tx.tx.encoded_2718()));
    json!({
        "state_root": B256::ZERO,
        "receipts_root": B256::ZERO,
        "logs_bloom": bloom,
        "gas_used": U64::from(gas_used),
        "block_hash": B256::ZERO,
        "transactions": raw.collect::<Vec<_>>(),
        "withdrawals": [],
        "withdrawals_root": calculate_withdrawals_root(&[]),
    })
}
