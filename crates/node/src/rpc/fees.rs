//! What gas costs.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::store::StoredBlock;
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{U128, U256};
use serde_json::{Value, json};

pub(super) const METHODS: Methods = &[
    ("eth_gasPrice", gas_price),
    ("eth_maxPriorityFeePerGas", priority_fee),
    ("eth_blobBaseFee", blob_base_fee),
    ("eth_feeHistory", fee_history),
];

/// Tip that the node suggests where all base fees are equal, in wei.
const TIP: u64 = 1_000_000_000;
/// Most blocks of a fee history.
const MAX_HISTORY: u64 = 1024;
/// Most percentiles of a fee history.
const MAX_PERCENTILES: usize = 100;

impl Call<'_> {
    fn base_fee(&self) -> u64 {
        self.engine.realm.block_env(self.network).map_or(0, |env| env.basefee)
    }

    /// Returns a tip with which calls into every rollup are paid for: what crosses into a rollup with a higher base
    /// fee must pay at least that (P29).
    pub(super) fn suggested_tip(&self) -> u64 {
        let networks = self.engine.chains.keys();
        let fees = networks.filter_map(|network| self.engine.realm.block_env(*network));
        let highest = fees.map(|env| env.basefee).max().unwrap_or_default();
        TIP + highest.saturating_sub(self.base_fee())
    }

    /// Returns the price of blob gas in the next block, zero before there were blobs.
    fn next_blob_fee(&self) -> u128 {
        let env = self.engine.realm.block_env(self.network);
        env.and_then(|env| env.blob_excess_gas_and_price).map_or(0, |blob| blob.blob_gasprice)
    }

    /// Returns a gas price that is good for some blocks.
    pub(super) fn suggested_price(&self) -> u64 {
        self.base_fee().saturating_add(self.suggested_tip())
    }
}

fn gas_price(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.suggested_price()))
}

fn priority_fee(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.suggested_tip()))
}

fn blob_base_fee(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(U128::from(call.next_blob_fee())))
}

fn fee_history(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let count = args.required_number(0)?;
    let newest: BlockNumberOrTag = args.required(1)?;
    let percentiles: Option<Vec<f64>> = args.optional(2)?;
    check_percentiles(percentiles.as_deref().unwrap_or_default())?;
    let newest = call.number(newest);
    let store = &call.engine.chain(call.network).store;
    if newest > store.head_number() {
        return Err(RpcError::refused(format!(
            "request beyond head block: requested {newest}, head {}",
            store.head_number()
        )));
    }
    let count = count.min(MAX_HISTORY).min(newest + 1);
    if count == 0 {
        return Ok(json!({ "oldestBlock": quantity(0), "gasUsedRatio": [] }));
    }
    let oldest = newest + 1 - count;
    let blocks = (oldest..=newest).filter_map(|number| store.by_number(number).transpose());
    let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
    let next = store.by_number(newest + 1)?;
    let mut base_fees: Vec<u64> =
        blocks.iter().map(|block| block.header.base_fee_per_gas.unwrap_or_default()).collect();
    base_fees.push(match &next {
        Some(next) => next.header.base_fee_per_gas.unwrap_or_default(),
        None => call.base_fee(),
    });
    let ratio =
        |block: &StoredBlock| block.header.gas_used as f64 / block.header.gas_limit.max(1) as f64;
    let chain = call.engine.chain(call.network);
    let mut blob_fees: Vec<Value> =
        blocks.iter().map(|block| json!(U128::from(chain.blob_fee(&block.header)))).collect();
    blob_fees.push(json!(U128::from(match &next {
        Some(next) => chain.blob_fee(&next.header),
        None => call.next_blob_fee(),
    })));
    let blob_ratio = |block: &StoredBlock| {
        let (used, most) = (block.header.blob_gas_used, chain.max_blob_gas(&block.header));
        used.unwrap_or_default() as f64 / most.max(1) as f64
    };
    let mut history = json!({
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": base_fees.iter().map(|fee| quantity(*fee)).collect::<Vec<_>>(),
        "gasUsedRatio": blocks.iter().map(|block| ratio(block)).collect::<Vec<_>>(),
        "baseFeePerBlobGas": blob_fees,
        "blobGasUsedRatio": blocks.iter().map(|block| blob_ratio(block)).collect::<Vec<_>>(),
    });
    if let Some(percentiles) = percentiles {
        let rewards = blocks.iter().map(|block| rewards(block, &percentiles));
        history["reward"] = rewards.collect::<Vec<_>>().into();
    }
    Ok(history)
}

fn check_percentiles(percentiles: &[f64]) -> RpcResult<()> {
    let in_order = percentiles.windows(2).all(|pair| pair[0] <= pair[1]);
    let in_range = percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile));
    if !in_order || !in_range || percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::params("invalid reward percentile"));
    }
    Ok(())
}

/// Returns the tips at gas percentiles of a block; system transactions pay none and do not count.
fn rewards(block: &StoredBlock, percentiles: &[f64]) -> Value {
    let base_fee = u128::from(block.header.base_fee_per_gas.unwrap_or_default());
    let own = block.transactions.iter().filter(|tx| !tx.is_system);
    let mut tips: Vec<(u128, u64)> =
        own.map(|tx| (tx.effective_gas_price.saturating_sub(base_fee), tx.gas_used)).collect();
    tips.sort_unstable();
    let total: u64 = tips.iter().map(|(_, gas)| gas).sum();
    let reward = |percentile: &f64| {
        let threshold = U256::from((total as f64 * percentile / 100.0) as u64);
        let mut sum = U256::ZERO;
        let at = tips.iter().find(|(_, gas)| {
            sum += U256::from(*gas);
            sum >= threshold
        });
        json!(U128::from(at.map_or(0, |(tip, _)| *tip)))
    };
    percentiles.iter().map(reward).collect()
}
