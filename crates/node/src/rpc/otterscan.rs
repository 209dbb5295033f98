//! `ots_*` that tell what a transaction did, for Otterscan.

use super::{
    Args, Call, Heavy, Methods, Work,
    errors::{RpcError, RpcResult},
    trace::Traced,
};
use crate::trace::{Frames, Kind, LegTrace, Options, Subject, view};
use alloy_primitives::{Address, Bytes, U256};
use alloy_rpc_types_trace::geth::CallConfig;
use revm_inspectors::tracing::types::{CallKind, CallTraceNode};
use serde_json::{Value, json};

pub(super) const METHODS: Methods = &[("ots_getTransactionError", transaction_error)];

pub(super) const HEAVY: Heavy = &[
    ("ots_traceTransaction", trace_transaction),
    ("ots_getInternalOperations", internal_operations),
];

fn transaction_error(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let hash = args.hash(0)?;
    let found = call.engine.chain(call.network).store.transaction(&hash)?;
    let (block, index) = found.ok_or_else(|| RpcError::refused("transaction not found"))?;
    let tx = &block.transactions[index];
    Ok(json!(if tx.success { Bytes::new() } else { tx.output.clone() }))
}

fn trace_transaction(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    with_frames(call, args, |subject, frames| {
        let here = own_frames(subject, frames);
        Value::Array(here.map(|(_, node)| entry(node)).collect())
    })
}

fn internal_operations(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    with_frames(call, args, |subject, frames| {
        let here = own_frames(subject, frames);
        Value::Array(here.flat_map(|(index, node)| operations(index, node)).collect())
    })
}

fn with_frames(
    call: &mut Call<'_>,
    args: &Args,
    tell: fn(&Subject, &Frames) -> Value,
) -> RpcResult<Work> {
    let hash = args.hash(0)?;
    let traced = Traced::find(call, &hash)?;
    let options = Options::plain(Kind::Call(CallConfig::default()));
    let told = move |subject: &Subject, leg: &LegTrace| Ok(tell(subject, &view(subject, leg)));
    Ok(Box::new(move || traced.run(&options, told)))
}

/// Returns the frames on the transaction's own rollup.
fn own_frames<'a>(
    subject: &Subject,
    frames: &'a Frames,
) -> impl Iterator<Item = (usize, &'a CallTraceNode)> {
    let network = subject.network;
    let all = frames.nodes.iter().zip(&frames.networks).enumerate();
    all.filter(move |(_, (_, on))| **on == network).map(|(index, (node, _))| (index, node))
}

fn entry(node: &CallTraceNode) -> Value {
    let trace = &node.trace;
    let has_value = !matches!(trace.kind, CallKind::StaticCall | CallKind::DelegateCall);
    json!({
        "type": trace.kind.to_string(),
        "depth": trace.depth,
        "from": trace.caller,
        "to": trace.address,
        "value": has_value.then_some(trace.value),
        "input": trace.data,
        "output": trace.output,
    })
}

/// Returns the ether transfers, creations and self-destructs of a frame. The outermost call is the transaction itself.
fn operations(index: usize, node: &CallTraceNode) -> Vec<Value> {
    let trace = &node.trace;
    let mut all = Vec::new();
    if index > 0 {
        let kind = match trace.kind {
            CallKind::Call if !trace.value.is_zero() => Some(0),
            CallKind::Create => Some(2),
            CallKind::Create2 => Some(3),
            _ => None,
        };
        all.extend(kind.map(|kind| operation(kind, trace.caller, trace.address, trace.value)));
    }
    if let (Some(from), Some(to)) = (trace.selfdestruct_address, trace.selfdestruct_refund_target) {
        let value = trace.selfdestruct_transferred_value.unwrap_or_default();
        all.push(operation(1, from, to, value));
    }
    all
}

fn operation(kind: u8, from: Address, to: Address, value: U256) -> Value {
    json!({ "type": kind, "from": from, "to": to, "value": value })
}
