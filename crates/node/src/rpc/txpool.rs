//! What waits, and what is executed and not in a block yet.

use super::{
    Args, Call, Methods,
    errors::RpcResult,
    types::{open_transaction, pending_transaction, quantity, to_json, waiting_transaction},
};
use crate::engine::At;
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use alloy_rpc_types_eth::Transaction;
use serde_json::{Map, Value, json};

pub(super) const METHODS: Methods = &[
    ("txpool_status", status),
    ("txpool_content", content),
    ("txpool_contentFrom", content_from),
    ("txpool_inspect", inspect),
];

/// Transactions by the words of go-ethereum.
#[derive(Default)]
struct Contents {
    /// Executed, or next in line for a block.
    pending: Vec<Transaction>,
    /// Behind a gap of nonces.
    queued: Vec<Transaction>,
}

fn contents(call: &mut Call<'_>) -> RpcResult<Contents> {
    if call.engine.chain(call.network).foreign.is_some() {
        return foreign(call);
    }
    let open = call.engine.realm.open_transactions(call.network).unwrap_or_default();
    let own = open.iter().filter(|tx| !tx.is_system);
    let mut contents =
        Contents { pending: own.map(open_transaction).collect(), queued: Vec::new() };
    let waiting = call.engine.pool.on(call.network);
    let waiting: Vec<(Address, Vec<_>)> =
        waiting.map(|(sender, txs)| (sender, txs.map(pending_transaction).collect())).collect();
    for (sender, txs) in waiting {
        let next = call.engine.next_nonce(call.network, sender)?;
        let is_ready = |tx: &Transaction| tx.nonce() < next;
        let (ready, queued): (Vec<_>, Vec<_>) = txs.into_iter().partition(is_ready);
        contents.pending.extend(ready);
        contents.queued.extend(queued);
    }
    Ok(contents)
}

fn foreign(call: &mut Call<'_>) -> RpcResult<Contents> {
    let mut contents = Contents::default();
    let pool = |call: &Call<'_>| {
        let foreign = call.engine.chain(call.network).foreign.as_ref();
        foreign.map(|foreign| foreign.pool.senders())
    };
    for sender in pool(call).unwrap_or_default() {
        let account = call.engine.account(call.network, At::Pending, sender)?;
        let nonce = account.map_or(0, |account| account.nonce);
        let Some(foreign) = &call.engine.chain(call.network).foreign else { continue };
        let next = foreign.pool.next_nonce(sender, nonce);
        for waiting in foreign.pool.of(sender) {
            let tx = waiting_transaction(waiting);
            let is_ready = (nonce..next).contains(&waiting.tx.nonce());
            if is_ready { &mut contents.pending } else { &mut contents.queued }.push(tx);
        }
    }
    Ok(contents)
}

fn status(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let Contents { pending, queued } = contents(call)?;
    let count = |all: Vec<_>| quantity(all.len() as u64);
    Ok(json!({ "pending": count(pending), "queued": count(queued) }))
}

fn content(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let Contents { pending, queued } = contents(call)?;
    let pending = by_sender(&pending, to_json)?;
    Ok(json!({ "pending": pending, "queued": by_sender(&queued, to_json)? }))
}

fn content_from(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let sender = args.address(0)?;
    let Contents { pending, queued } = contents(call)?;
    let of = |all: Vec<Transaction>| {
        let own = all.into_iter().filter(|tx| tx.inner.signer() == sender);
        own.map(|tx| Ok((tx.nonce().to_string(), to_json(&tx)?))).collect::<RpcResult<Map<_, _>>>()
    };
    Ok(json!({ "pending": of(pending)?, "queued": of(queued)? }))
}

fn inspect(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let Contents { pending, queued } = contents(call)?;
    let line = |tx: &Transaction| {
        let to = tx.to().map_or_else(|| "contract creation".to_owned(), |to| to.to_string());
        let (value, gas, price) = (tx.value(), tx.gas_limit(), tx.max_fee_per_gas());
        Ok(json!(format!("{to}: {value} wei + {gas} gas × {price} wei")))
    };
    Ok(json!({ "pending": by_sender(&pending, line)?, "queued": by_sender(&queued, line)? }))
}

fn by_sender(all: &[Transaction], shown: impl Fn(&Transaction) -> RpcResult) -> RpcResult {
    let mut senders = json!({});
    for tx in all {
        senders[tx.inner.signer().to_string()][tx.nonce().to_string()] = shown(tx)?;
    }
    Ok::<Value, _>(senders)
}
