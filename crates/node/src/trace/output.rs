//! What was recorded, as tracing methods tell it.

use super::{
    config::Kind,
    frames::{BRIDGE_PC, View},
    recorder::{LegTrace, Touched},
};
use crate::rpc::{errors::RpcResult, types::to_json};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::TransactionInfo;
use alloy_rpc_types_trace::geth::{
    CallConfig, FlatCallConfig, FourByteFrame, GethDefaultTracingOptions, PreStateConfig,
};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    context::result::{HaltReason, ResultAndState},
    state::AccountInfo,
};
use revm_inspectors::tracing::{GethTraceBuilder, ParityTraceBuilder};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use weft_types::NetworkId;

/// One transaction on one rollup, of which a trace is told.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) network: NetworkId,
    /// Input of the system transaction, when it is one (P29).
    pub(crate) system_input: Option<Bytes>,
    pub(crate) gas_limit: u64,
    pub(crate) gas_used: u64,
    pub(crate) output: Bytes,
    pub(crate) info: TransactionInfo,
}

/// Answers for one transaction; `chain_id` names rollups.
pub(crate) fn answer(
    kind: &Kind,
    subject: &Subject,
    leg: &LegTrace,
    chain_id: &dyn Fn(NetworkId) -> u64,
) -> RpcResult {
    match kind {
        Kind::Struct(options) => struct_logs(*options, subject, leg),
        Kind::Call(config) => calls(*config, subject, leg, chain_id),
        Kind::FlatCall(config) => flat_calls(config, subject, leg),
        Kind::Prestate(config) => prestate(config, subject, leg),
        Kind::FourByte => {
            let selectors = leg.selectors.get(&subject.network);
            to_json(&selectors.map(FourByteFrame::from).unwrap_or_default())
        }
        Kind::Noop => Ok(json!({})),
        Kind::Mux(kinds) => {
            let one = |(name, kind): &(String, Kind)| {
                Ok((name.clone(), answer(kind, subject, leg, chain_id)?))
            };
            Ok(Value::Object(kinds.iter().map(one).collect::<RpcResult<Map<_, _>>>()?))
        }
    }
}

/// Returns the frames that the subject's transaction stands for.
pub(crate) fn view(subject: &Subject, leg: &LegTrace) -> View {
    let mut view = match &subject.system_input {
        None => View::own(leg),
        Some(input) => View::inbound(leg, subject.network, input.clone(), subject.gas_used),
    };
    if let Some(root) = view.nodes.first_mut() {
        root.trace.gas_limit = subject.gas_limit;
        root.trace.gas_used = subject.gas_used;
    }
    view
}

fn struct_logs(options: GethDefaultTracingOptions, subject: &Subject, leg: &LegTrace) -> RpcResult {
    let mut view = view(subject, leg);
    view.bridge();
    // The limit counts what the client sees.
    let limit = options.limit.filter(|limit| *limit != 0).map(|limit| limit as usize);
    let options = GethDefaultTracingOptions { limit: None, ..options };
    let mut frame = GethTraceBuilder::new(view.nodes).geth_traces(
        subject.gas_used,
        subject.output.clone(),
        options,
    );
    frame.struct_logs.retain(|log| log.pc != BRIDGE_PC as u64);
    frame.struct_logs.truncate(limit.unwrap_or(usize::MAX));
    for log in &mut frame.struct_logs {
        // go-ethereum leaves out what is empty.
        log.refund_counter = log.refund_counter.filter(|refund| *refund != 0);
        log.memory = log.memory.take().filter(|memory| !memory.is_empty());
        log.return_data = log.return_data.take().filter(|data| !data.is_empty());
    }
    to_json(&frame)
}

fn calls(
    config: CallConfig,
    subject: &Subject,
    leg: &LegTrace,
    chain_id: &dyn Fn(NetworkId) -> u64,
) -> RpcResult {
    let view = view(subject, leg);
    let frame =
        GethTraceBuilder::new_borrowed(&view.nodes).geth_call_traces(config, subject.gas_used);
    let mut frame = to_json(&frame)?;
    mark(&mut frame, 0, &view, subject.network, chain_id);
    Ok(frame)
}

/// Marks the frames of other rollups with their chain.
fn mark(
    frame: &mut Value,
    index: usize,
    view: &View,
    home: NetworkId,
    chain_id: &dyn Fn(NetworkId) -> u64,
) {
    let network = view.networks[index];
    if network != home {
        frame["chainId"] = json!(U64::from(chain_id(network)));
    }
    let Some(Value::Array(calls)) = frame.get_mut("calls") else { return };
    // A frame of a self-destruct may follow; it has no node of its own.
    for (call, child) in calls.iter_mut().zip(&view.nodes[index].children) {
        mark(call, *child, view, home, chain_id);
    }
}

fn flat_calls(config: &FlatCallConfig, subject: &Subject, leg: &LegTrace) -> RpcResult {
    let recording = Kind::FlatCall(*config).recording();
    let builder = ParityTraceBuilder::new(view(subject, leg).nodes, None, recording);
    to_json(&builder.into_localized_transaction_traces(subject.info))
}

fn prestate(config: &PreStateConfig, subject: &Subject, leg: &LegTrace) -> RpcResult {
    let none = Touched::default();
    let touched = leg.touched.get(&subject.network).unwrap_or(&none);
    let result: ResultAndState<HaltReason> =
        ResultAndState::new(leg.result.clone(), touched.after.clone());
    let Ok(frame) =
        GethTraceBuilder::new(Vec::new()).geth_prestate_traces(&result, config, Before(touched));
    to_json(&frame)
}

/// Accounts before a leg.
#[derive(Debug, Clone, Copy)]
struct Before<'a>(&'a Touched);

impl DatabaseRef for Before<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.0.before.get(&address).cloned())
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let codes = self.0.before.values().filter(|info| info.code_hash == code_hash);
        Ok(codes.filter_map(|info| info.code.clone()).next().unwrap_or_default())
    }

    fn storage_ref(&self, _: Address, _: U256) -> Result<U256, Infallible> {
        Ok(U256::ZERO)
    }

    fn block_hash_ref(&self, _: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}
