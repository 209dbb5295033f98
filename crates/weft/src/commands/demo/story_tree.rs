//! The call tree of the flash loan: the calls that cross come from the thread, what happens within a rollup from the
//! logs of its receipt.

use super::{
    market::{Market, TUSDC_DECIMALS},
    stage::Stage,
    thread::{CrossCall, Thread},
    tree::Step,
};
use crate::{
    amount::{grouped, thousands},
    rpc::{Log, Receipt},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolEvent;
use eyre::{Result, bail};
use serde_json::json;
use std::collections::BTreeMap;
use weft_contracts::{
    CrossChainToken::{self, Transfer},
    FlashArb, Pool, RemoteTrader,
};
use weft_types::Status;

/// Names of contracts and accounts.
type Names = BTreeMap<(u64, Address), &'static str>;

/// Builds the tree of a transaction on the first rollup that calls once into the second one, which calls back once.
pub(super) fn build(
    stage: &Stage,
    market: &Market,
    thread: &Thread,
    on_a: &Receipt,
    on_b: &Receipt,
) -> Result<Step> {
    let names = market.names(stage);
    let [out] = &thread.calls[..] else {
        bail!("the thread has {} calls from {}, not 1", thread.calls.len(), stage.a);
    };
    let [home] = &out.calls[..] else {
        bail!("the call into {} makes {} calls, not 1", stage.b, out.calls.len());
    };
    let (before, inside, after) = around_receipt(stage, market, &on_a.logs);
    let mut on_b_steps = steps(stage, market, stage.b, &on_b.logs);
    on_b_steps.push(crossing(&names, home, inside));
    let mut all = before;
    all.push(crossing(&names, out, on_b_steps));
    all.extend(after);
    let gas = format!("{} gas", thousands(&on_a.gas_used.to::<u64>().to_string()));
    Ok(Step::new(stage.a, "trader calls FlashArb.run", gas).with(all))
}

/// Splits what happened on the first rollup at the tokens that came home.
fn around_receipt(
    stage: &Stage,
    market: &Market,
    logs: &[Log],
) -> (Vec<Step>, Vec<Step>, Vec<Step>) {
    let home = logs.iter().position(|log| decode::<CrossChainToken::Received>(log).is_some());
    let part = |logs| steps(stage, market, stage.a, logs);
    let Some(home) = home else { return (part(logs), Vec::new(), Vec::new()) };
    (part(&logs[..home]), part(&logs[home..=home]), part(&logs[home + 1..]))
}

/// Returns the step of a call that crosses.
fn crossing(names: &Names, call: &CrossCall, mut inside: Vec<Step>) -> Step {
    let target = names.get(&(call.to, call.target)).copied().unwrap_or("contract");
    let text = format!("{target}.{}", function(&call.data));
    let value = match call.value.is_zero() {
        true => String::new(),
        false => format!("{} ETH", grouped(call.value, 18)),
    };
    let gas = format!("{} gas", thousands(&call.gas_used.to::<u64>().to_string()));
    inside.push(Step::new(call.to, format!("returns {}", name(call.status)), gas));
    Step::crossing(call.to, text, value, inside)
}

/// Returns how JSON-RPC calls a status.
fn name(status: Status) -> String {
    json!(status).as_str().unwrap_or_default().to_owned()
}

/// Returns the name of the function that `data` calls.
fn function(data: &[u8]) -> &'static str {
    let Some(selector) = data.first_chunk::<4>() else { return "receive" };
    RemoteTrader::RemoteTraderCalls::name_by_selector(*selector)
        .or_else(|| CrossChainToken::CrossChainTokenCalls::name_by_selector(*selector))
        .unwrap_or("call")
}

/// Returns what the logs say, in order.
fn steps(stage: &Stage, market: &Market, id: u64, logs: &[Log]) -> Vec<Step> {
    logs.iter().filter_map(|log| step(stage, market, id, log)).collect()
}

fn step(stage: &Stage, market: &Market, id: u64, log: &Log) -> Option<Step> {
    let tusdc = |amount: U256| format!("{} TUSDC", grouped(amount, TUSDC_DECIMALS));
    let ether = |amount: U256| format!("{} WETH", grouped(amount, 18));
    if let Some(Pool::Swapped { tokenIn, amountOut, .. }) = decode(log) {
        let sells_ether = [market.a.weth, market.b.weth].contains(&tokenIn);
        return Some(match sells_ether {
            true => Step::new(id, "Pool buys WETH, pays", tusdc(amountOut)),
            false => Step::new(id, "Pool takes TUSDC, sells", ether(amountOut)),
        });
    }
    if let Some(CrossChainToken::Sent { amount, .. }) = decode(log) {
        return Some(Step::new(id, "TUSDC burns", tusdc(amount)));
    }
    if let Some(CrossChainToken::Received { amount, .. }) = decode(log) {
        return Some(Step::new(id, "TUSDC mints", tusdc(amount)));
    }
    if let Some(FlashArb::Profit { profit, .. }) = decode(log) {
        return Some(Step::new(id, "trader gets", tusdc(profit)));
    }
    // Contracts of the two rollups may have the same address.
    let is_lent = id == stage.a && log.address == market.a.token;
    let Transfer { from, to, amount } = decode(log).filter(|_| is_lent)?;
    match (from == market.lender, to == market.lender) {
        (true, false) => Some(Step::new(id, "FlashLender lends", tusdc(amount))),
        (false, true) => Some(Step::new(id, "FlashLender is paid back", tusdc(amount))),
        _ => None,
    }
}

fn decode<E: SolEvent>(log: &Log) -> Option<E> {
    E::decode_raw_log(log.topics.iter().copied(), &log.data).ok()
}
