//! Making a block as a block producer would.

use crate::{
    chain::{bloom, receipts},
    error::InvalidBlock,
    execute::{Executor, sender},
    header::next_header,
    schedule::Schedule,
};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::{eip4895::Withdrawal, eip7685::Requests};
use alloy_primitives::{Address, B256, Bytes};
use revm::{DatabaseRef, primitives::hardfork::SpecId};
use weft_evm::{BlockTx, StateChange};

/// What a block producer is told about its block.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Randomness of the beacon chain.
    pub prev_randao: B256,
    /// Receiver of priority fees.
    pub fee_recipient: Address,
    /// Withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// Root of the beacon block before.
    pub parent_beacon_block_root: B256,
    /// Extra data of the header.
    pub extra_data: Bytes,
    /// Gas limit to move towards.
    pub gas_limit: u64,
}

/// A block that was made.
#[derive(Debug, Clone)]
pub struct Built {
    /// Header.
    pub header: Header,
    /// Transactions with what they did.
    pub transactions: Vec<BlockTx>,
    /// Withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// Requests (EIP-7685).
    pub requests: Requests,
}

/// Makes the block after `parent`, over the state after it. Transactions that cannot run make it fail when
/// `must_run`; else they are left out.
///
/// # Errors
///
/// [`InvalidBlock`] for a block that would break a rule.
pub fn build<D: DatabaseRef>(
    schedule: &Schedule,
    (parent, parent_hash): (&Header, B256),
    state: D,
    root_after: impl FnOnce(&StateChange) -> B256,
    attributes: Attributes,
    transactions: &[TxEnvelope],
    must_run: bool,
) -> Result<Built, InvalidBlock> {
    crate::error::within(
        "timestamp",
        attributes.timestamp,
        attributes.timestamp > parent.timestamp,
        || format!("the parent's is {}", parent.timestamp),
    )?;
    let (rules, next) = next_header(schedule, parent, parent_hash, attributes.timestamp);
    let mut header = Header {
        beneficiary: attributes.fee_recipient,
        mix_hash: attributes.prev_randao,
        gas_limit: towards(parent.gas_limit, attributes.gas_limit),
        extra_data: attributes.extra_data,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        parent_beacon_block_root: rules.blob.map(|_| attributes.parent_beacon_block_root),
        ..next
    };
    let mut executor = Executor::open(state, schedule, rules, &header)?;
    for (index, tx) in transactions.iter().enumerate() {
        let ran = sender(&rules, tx).and_then(|sender| executor.execute(tx, sender).map(|_| ()));
        match ran {
            Err(why) if must_run => return Err(InvalidBlock::Transaction { index, why }),
            _ => {}
        }
    }
    let requests = executor.close(schedule, &[], &attributes.withdrawals)?;
    let changes = executor.changes()?;
    let is_shanghai = rules.has(SpecId::SHANGHAI);
    header.withdrawals_root =
        is_shanghai.then(|| calculate_withdrawals_root(&attributes.withdrawals));
    header.requests_hash = rules.has(SpecId::PRAGUE).then(|| requests.requests_hash());
    header.blob_gas_used = rules.blob.map(|_| executor.blob_gas_used());
    header.gas_used = executor.gas_used();
    header.state_root = root_after(&changes);
    let transactions = executor.into_transactions();
    let envelopes: Vec<&TxEnvelope> = transactions.iter().map(|tx| &*tx.tx).collect();
    header.transactions_root = calculate_transaction_root(&envelopes);
    let receipts = receipts(&transactions, &[]);
    header.receipts_root = calculate_receipt_root(&receipts);
    header.logs_bloom = bloom(&receipts);
    Ok(Built { header, transactions, withdrawals: attributes.withdrawals, requests })
}

/// Returns the gas limit after `parent` that is nearest to `wanted`.
fn towards(parent: u64, wanted: u64) -> u64 {
    let step = (parent / 1024).saturating_sub(1);
    wanted.clamp(parent.saturating_sub(step), parent.saturating_add(step)).max(5_000)
}
