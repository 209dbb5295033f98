//! Logs, by query and by installed filter.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::{quantity, to_json, transaction_logs},
};
use crate::{filters::Topic, store::StoredBlock};
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U64;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use serde_json::json;

pub(super) const METHODS: Methods = &[
    ("eth_getLogs", get_logs),
    ("eth_newFilter", new_filter),
    ("eth_newBlockFilter", new_block_filter),
    ("eth_newPendingTransactionFilter", new_pending_filter),
    ("eth_getFilterChanges", filter_changes),
    ("eth_getFilterLogs", filter_logs),
    ("eth_uninstallFilter", uninstall_filter),
];

/// Most addresses, and most values of one topic, in a filter.
const MAX_ALTERNATIVES: usize = 1000;

/// Reads a filter, within bounds.
pub(super) fn read_filter(args: &Args, index: usize) -> RpcResult<Filter> {
    let filter: Filter = args.optional(index)?.unwrap_or_default();
    let most = filter.topics.iter().map(|topic| topic.len()).max().unwrap_or_default();
    if most > MAX_ALTERNATIVES || filter.address.len() > MAX_ALTERNATIVES {
        return Err(RpcError::params(format!("over {MAX_ALTERNATIVES} addresses or topics")));
    }
    Ok(filter)
}

/// Returns the logs of a block that match.
pub(super) fn matching(block: &StoredBlock, filter: &Filter) -> Vec<Log> {
    if !filter.matches_bloom(block.header.logs_bloom) {
        return Vec::new();
    }
    let all = (0..block.transactions.len()).flat_map(|index| transaction_logs(block, index));
    all.filter(|log| filter.matches(&log.inner)).collect()
}

/// Returns the logs that match of a block that is not any more.
pub(crate) fn removed(block: &StoredBlock, filter: &Filter) -> Vec<Log> {
    let gone = |log| Log { removed: true, ..log };
    matching(block, filter).into_iter().map(gone).collect()
}

fn get_logs(call: &mut Call<'_>, args: &Args) -> RpcResult {
    args.required::<serde_json::Value>(0)?;
    to_json(&query(call, &read_filter(args, 0)?)?)
}

fn query(call: &Call<'_>, filter: &Filter) -> RpcResult<Vec<Log>> {
    let store = &call.engine.chain(call.network).store;
    match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block = store.by_hash(&hash)?.ok_or_else(|| RpcError::refused("unknown block"))?;
            Ok(matching(&block, filter))
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let latest = BlockNumberOrTag::Latest;
            let from = call.number(from_block.unwrap_or(latest));
            let to = call.number(to_block.unwrap_or(latest));
            let named = [from_block, to_block].into_iter().flatten();
            let beyond = |tag: BlockNumberOrTag| tag.as_number() > Some(store.head_number());
            if named.into_iter().any(beyond) {
                return Err(RpcError::params("block range extends beyond current head block"));
            }
            if from > to && from_block.is_some() && to_block.is_some() {
                return Err(RpcError::params("invalid block range params"));
            }
            range(call, filter, from, to)
        }
    }
}

fn range(call: &Call<'_>, filter: &Filter, from: u64, to: u64) -> RpcResult<Vec<Log>> {
    let (store, limits) = (&call.engine.chain(call.network).store, call.engine.limits());
    let to = to.min(store.head_number());
    if to.saturating_sub(from) >= limits.max_log_blocks {
        let most = limits.max_log_blocks;
        return Err(RpcError::limit(format!("query exceeds {most} blocks: {from} to {to}")));
    }
    let mut logs = Vec::new();
    for number in store.with_logs(from, to, |bloom| filter.matches_bloom(*bloom))? {
        let Some(block) = store.by_number(number)? else { continue };
        logs.append(&mut matching(&block, filter));
        if logs.len() > limits.max_logs {
            let most = limits.max_logs;
            return Err(RpcError::limit(format!("query returned more than {most} results")));
        }
    }
    Ok(logs)
}

fn install(call: &mut Call<'_>, topic: Topic) -> RpcResult {
    let chain = call.engine.chain_mut(call.network);
    let next = chain.store.head_number() + 1;
    Ok(quantity(chain.filters.install(topic, next)?))
}

fn new_filter(call: &mut Call<'_>, args: &Args) -> RpcResult {
    args.required::<serde_json::Value>(0)?;
    let filter = read_filter(args, 0)?;
    install(call, Topic::Logs(Box::new(filter)))
}

fn new_block_filter(call: &mut Call<'_>, _: &Args) -> RpcResult {
    install(call, Topic::Blocks)
}

fn new_pending_filter(call: &mut Call<'_>, _: &Args) -> RpcResult {
    install(call, Topic::Pending(Vec::new()))
}

fn filter_changes(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let id: U64 = args.required(0)?;
    let chain = call.engine.chain_mut(call.network);
    let head = chain.store.head_number();
    let filter = chain.filters.ask(id.to())?;
    let from = std::mem::replace(&mut filter.next_block, head + 1);
    match &mut filter.topic {
        Topic::Pending(hashes) => Ok(json!(std::mem::take(hashes))),
        Topic::Blocks => {
            let new = (from..=head).filter_map(|number| chain.store.by_number(number).transpose());
            let hashes = new.map(|block| block.map(|block| block.hash));
            Ok(json!(hashes.collect::<Result<Vec<_>, _>>()?))
        }
        Topic::Logs(wanted) => {
            let wanted = wanted.clone();
            let mut all = std::mem::take(&mut filter.removed);
            let (first, last) = within(&wanted, from, head);
            match range(call, &wanted, first, last) {
                Ok(logs) => all.extend(logs),
                Err(error) => {
                    // What was not told must be asked for in smaller steps.
                    let filter = call.engine.chain_mut(call.network).filters.ask(id.to())?;
                    (filter.next_block, filter.removed) = (first, all);
                    return Err(error);
                }
            }
            to_json(&all)
        }
    }
}

/// Cuts a range of new blocks to the range that a filter names.
fn within(filter: &Filter, from: u64, to: u64) -> (u64, u64) {
    let number = |tag: &BlockNumberOrTag| tag.as_number();
    let (first, last) = filter.block_option.as_range();
    (
        from.max(first.and_then(number).unwrap_or_default()),
        to.min(last.and_then(number).unwrap_or(u64::MAX)),
    )
}

fn filter_logs(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let id: U64 = args.required(0)?;
    let filter = call.engine.chain_mut(call.network).filters.ask(id.to())?;
    let Topic::Logs(wanted) = &filter.topic else {
        return Err(RpcError::refused("filter not found: it is not about logs"));
    };
    let wanted = wanted.clone();
    to_json(&query(call, &wanted)?)
}

fn uninstall_filter(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let id: U64 = args.required(0)?;
    Ok(json!(call.engine.chain_mut(call.network).filters.uninstall(id.to())))
}
