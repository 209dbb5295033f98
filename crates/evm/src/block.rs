//! Blocks of one rollup: the one that is open during a slot, and the closed one (P4, P9).

use crate::{
    chain::ChainSpec,
    roots::{Roots, RunningRoots},
    working::StateChange,
};
use alloc::{sync::Arc, vec::Vec};
use alloy_consensus::{
    BlockHeader, EMPTY_OMMER_ROOT_HASH, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom,
    SignableTransaction, TxEnvelope, TxLegacy, TxReceipt, TxType,
};
use alloy_eips::{eip1559::BaseFeeParams, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{Address, B256, Bytes, Log, Signature, TxKind, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use revm::{context::BlockEnv, context_interface::block::BlobExcessGasAndPrice};
use weft_types::{
    Domain, MANAGER, NetworkId, Position, SYSTEM_SENDER, SlotHeader, Tag, Writer,
    codec::ENCODING_VERSION,
};

/// A transaction of a block with its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTx {
    /// The transaction; inbound work is a legacy transaction without signature (P29).
    pub tx: Arc<TxEnvelope>,
    /// Who pays for it or, for inbound work, the reserved sender.
    pub sender: Address,
    /// Position of the item that it belongs to.
    pub position: Position,
    /// Leg of the item.
    pub leg: u16,
    /// True for inbound work of a leg of another rollup.
    pub is_system: bool,
    /// True when it succeeded.
    pub success: bool,
    /// Gas used, in units.
    pub gas_used: u64,
    /// Wei per unit that the sender paid.
    pub effective_gas_price: u128,
    /// Logs that survived.
    pub logs: Vec<Log>,
    /// Return or revert data.
    pub output: Bytes,
    /// Contract that it created.
    pub contract_address: Option<Address>,
}

impl BlockTx {
    /// Returns the receipt as it enters the receipts root.
    pub fn receipt(&self, cumulative_gas_used: u64) -> ReceiptEnvelope {
        let receipt =
            Receipt { status: self.success.into(), cumulative_gas_used, logs: self.logs.clone() };
        let receipt = ReceiptWithBloom { logs_bloom: receipt.bloom(), receipt };
        match self.tx.tx_type() {
            TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
            TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
            TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
            TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
            TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
        }
    }
}

/// A block of a rollup after removals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedBlock {
    /// Rollup.
    pub network: NetworkId,
    /// Ethereum header.
    pub header: Header,
    /// Hash of the header.
    pub hash: B256,
    /// Slot.
    pub slot: u64,
    /// Transactions in order.
    pub transactions: Vec<BlockTx>,
    /// Hashes that died in this block (P4).
    pub dead: Vec<B256>,
    /// What the block changed in the state.
    pub changes: StateChange,
}

/// Block of one rollup while its slot is open.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenBlock {
    pub(crate) transactions: Vec<BlockTx>,
    pub(crate) dead: Vec<B256>,
    /// What payers of sealed items owe, in wei, in lane order (P13).
    pub(crate) charges: Vec<(Address, u128)>,
    pub(crate) gas_used: u64,
    pub(crate) roots: RunningRoots,
}

impl OpenBlock {
    /// Begins the block after this one, with room for as many transactions, and returns this one.
    pub(crate) fn take(&mut self) -> Self {
        let next = Vec::with_capacity(self.transactions.len());
        let mut taken = core::mem::replace(self, Self { transactions: next, ..Self::default() });
        if taken.transactions.capacity() / 2 > taken.transactions.len() {
            taken.transactions.shrink_to_fit();
        }
        taken
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.transactions.is_empty() && self.dead.is_empty() && self.charges.is_empty()
    }
}

/// Returns the environment of the block that follows `parent` in a slot (P9).
pub(crate) fn block_env(
    domain: &Domain,
    spec: &ChainSpec,
    parent: &Header,
    slot: &SlotHeader,
) -> BlockEnv {
    let randao = domain.hash(Tag::Randao, slot.hash(domain).as_slice());
    BlockEnv {
        number: U256::from(parent.number + 1),
        beneficiary: spec.coinbase,
        timestamp: U256::from(slot.timestamp().max(parent.timestamp)),
        gas_limit: spec.block_gas_limit,
        basefee: parent.next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(randao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, 5_007_716)),
        ..BlockEnv::default()
    }
}

/// Returns the header of a closed block.
pub(crate) fn header(
    env: &BlockEnv,
    parent_hash: B256,
    slot: &SlotHeader,
    slot_hash: B256,
    state_root: B256,
    roots: Roots,
    gas_used: u64,
) -> Header {
    Header {
        parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: env.beneficiary,
        state_root,
        transactions_root: roots.transactions,
        receipts_root: roots.receipts,
        logs_bloom: roots.bloom,
        number: env.number.to(),
        gas_limit: env.gas_limit,
        gas_used,
        timestamp: env.timestamp.to(),
        extra_data: Bytes::copy_from_slice(&slot.unix_ms.to_be_bytes()),
        mix_hash: env.prevrandao.unwrap_or_default(),
        base_fee_per_gas: Some(env.basefee),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(slot_hash),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// Returns the receipts of a block's transactions.
pub fn receipts(transactions: &[BlockTx]) -> Vec<ReceiptEnvelope> {
    let mut cumulative = 0;
    let receipt = |tx: &BlockTx| {
        cumulative += tx.gas_used;
        tx.receipt(cumulative)
    };
    transactions.iter().map(receipt).collect()
}

/// Builds the system transaction that stands for the hops of one leg into a rollup (P29, ADR 0007). Its input names
/// the hops by their hashes, which commit to everything that crossed.
pub(crate) fn system_tx(
    chain_id: u64,
    nonce: u64,
    gas_used: u64,
    position: Position,
    leg: u16,
    inbound: &[B256],
) -> TxEnvelope {
    let mut input = Writer::with_capacity(32 + 32 * inbound.len());
    input.u8(ENCODING_VERSION).put(&position).number(leg).len(inbound.len());
    inbound.iter().for_each(|hop| {
        input.hash(hop);
    });
    let tx = TxLegacy {
        chain_id: Some(chain_id),
        nonce,
        gas_price: 0,
        gas_limit: gas_used,
        to: TxKind::Call(MANAGER),
        value: U256::ZERO,
        input: input.finish().into(),
    };
    // Its hash is computed when somebody asks for it: the input grows with every crossing.
    TxEnvelope::Legacy(tx.into_signed(Signature::new(U256::ZERO, U256::ZERO, false)))
}

/// Returns the sender of system transactions.
pub(crate) const fn system_sender() -> Address {
    SYSTEM_SENDER
}

/// Returns the fields of `header` that a stock client would check against its parent.
pub fn follows(parent: &Header, parent_hash: B256, header: &Header) -> bool {
    header.parent_hash == parent_hash
        && header.number == parent.number() + 1
        && header.timestamp >= parent.timestamp()
        && header.base_fee_per_gas == parent.next_block_base_fee(BaseFeeParams::ethereum())
}
