//! `debug_trace*`: what transactions did, step by step, over all rollups.

use super::{
    Args, Call, Heavy, Work,
    errors::{RpcError, RpcResult},
    overrides,
};
use crate::{
    engine::{ForeignMoment, Replay, Scratch},
    store::StoredBlock,
    trace::{LegTrace, Options, Recorder, Subject, Traces, answer},
};
use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{BlockOverrides, TransactionInfo, TransactionRequest};
use alloy_rpc_types_trace::geth::{GethDebugTracingCallOptions, GethDebugTracingOptions};
use revm::context::{
    TxEnv,
    result::{ExecutionResult, HaltReason},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use weft_evm::{BlockTx, SimulateMode};
use weft_types::{NetworkId, Position, Section};

pub(super) const HEAVY: Heavy = &[
    ("debug_traceTransaction", trace_transaction),
    ("debug_traceBlockByNumber", trace_block_by_number),
    ("debug_traceBlockByHash", trace_block_by_hash),
    ("debug_traceCall", trace_call),
];

/// EIP-155 ids by network.
pub(super) type ChainIds = BTreeMap<NetworkId, u64>;

fn trace_transaction(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let hash = args.hash(0)?;
    let options = Options::new(args.optional(1)?.unwrap_or_default())?;
    let traced = Traced::find(call, &hash)?;
    let chain_ids = call.chain_ids();
    Ok(Box::new(move || {
        let kind = options.kind.clone();
        traced.run(&options, |subject, leg| answer(&kind, subject, leg, &|id| chain_ids[&id]))
    }))
}

fn trace_block_by_number(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let number: BlockNumberOrTag = args.required(0)?;
    let options: GethDebugTracingOptions = args.optional(1)?.unwrap_or_default();
    let block = call.block(number)?;
    let wanted = call.number(number);
    trace_block(call, block, options, || format!("block #{wanted} not found"))
}

fn trace_block_by_hash(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let hash = args.hash(0)?;
    let options: GethDebugTracingOptions = args.optional(1)?.unwrap_or_default();
    let block = call.engine.chain(call.network).store.by_hash(&hash)?;
    trace_block(call, block, options, || format!("block {hash} not found"))
}

fn trace_block(
    call: &Call<'_>,
    block: Option<Arc<StoredBlock>>,
    options: GethDebugTracingOptions,
    missing: impl FnOnce() -> String,
) -> RpcResult<Work> {
    let options = Options::new(options)?;
    let block = block.ok_or_else(|| RpcError::refused(missing()))?;
    if block.header.number == 0 {
        return Err(RpcError::refused("genesis is not traceable"));
    }
    if block.transactions.is_empty() {
        return Ok(Box::new(|| Ok(json!([]))));
    }
    let replay = call.engine.replay(call.network, &block)?;
    let (network, chain_ids) = (call.network, call.chain_ids());
    let is_foreign = call.is_foreign();
    Ok(Box::new(move || {
        let all: Vec<usize> = (0..block.transactions.len()).collect();
        let traces = replay.run(&options, network, &block, &all)?;
        check(&traces)?;
        let legs = by_leg(&traces);
        let one = |index: usize| {
            let tx = &block.transactions[index];
            let Some(leg) = legs.get(&key(&block, index, is_foreign)) else {
                let error = untraced(tx);
                let hash = tx.tx.tx_hash();
                return is_from_l1(tx)
                    .then(|| json!({ "txHash": hash, "error": error.message }))
                    .ok_or(error);
            };
            let subject = subject(network, &block, index);
            let result = answer(&options.kind, &subject, leg, &|id| chain_ids[&id])?;
            Ok(json!({ "txHash": tx.tx.tx_hash(), "result": result }))
        };
        Ok(Value::Array((0..block.transactions.len()).map(one).collect::<RpcResult<_>>()?))
    }))
}

fn trace_call(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let request: TransactionRequest = args.required(0)?;
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let given: GethDebugTracingCallOptions = args.optional(2)?.unwrap_or_default();
    if given.tx_index.is_some() {
        return Err(RpcError::params("txIndex is not supported: name the block before"));
    }
    let options = Options::new(given.tracing_options)?;
    let gas = call.call_gas(&request);
    let tx = call.tx_env(&request, at, gas)?;
    let network = call.network;
    let overrides = given.state_overrides.unwrap_or_default();
    let place = match call.is_foreign() {
        true => {
            let moment = call.engine.foreign_moment(network, at)?;
            Place::Foreign(Box::new(moment.overridden(&overrides)?))
        }
        false => Place::Rollups(Box::new(call.engine.apart(network, at, overrides)?)),
    };
    let chain_ids = call.chain_ids();
    Ok(Box::new(move || {
        let (recorder, traces) = Recorder::new(&options, network);
        let result = place.run(network, tx, recorder, given.block_overrides.as_ref())?;
        let traces = traces.take();
        check(&traces)?;
        let leg = traces.legs.first().ok_or_else(unrecorded)?;
        let subject = Subject {
            network,
            system_input: None,
            gas_limit: gas,
            gas_used: result.tx_gas_used(),
            output: result.into_output().unwrap_or_default(),
            info: TransactionInfo::default(),
        };
        answer(&options.kind, &subject, leg, &|id| chain_ids[&id])
    }))
}

/// Where a call is traced.
enum Place {
    Rollups(Box<Scratch>),
    Foreign(Box<ForeignMoment>),
}

impl Place {
    fn run(
        self,
        network: NetworkId,
        tx: TxEnv,
        recorder: Recorder,
        overrides: Option<&BlockOverrides>,
    ) -> RpcResult<ExecutionResult<HaltReason>> {
        match self {
            Self::Foreign(mut moment) => {
                if let Some(overrides) = overrides {
                    overrides::override_env(&mut moment.block, overrides)?;
                }
                moment.trace(recorder, tx)
            }
            Self::Rollups(scratch) => {
                let mut realm = scratch.open()?;
                if let Some(overrides) = overrides {
                    overrides::apply(&mut realm, network, overrides)?;
                }
                realm.set_tracer(Some(Box::new(recorder)));
                let simulated =
                    realm.simulate(network, tx, SimulateMode::Call).map_err(|error| {
                        RpcError::new(-32603, format!("call could not run: {error}"))
                    })?;
                simulated.result.map_err(RpcError::refused)
            }
        }
    }
}

/// A transaction of a closed block whose slot can be executed again.
pub(super) struct Traced {
    network: NetworkId,
    block: Arc<StoredBlock>,
    index: usize,
    replay: Replay,
    is_foreign: bool,
}

impl Traced {
    /// Finds a transaction.
    pub(super) fn find(call: &Call<'_>, hash: &B256) -> RpcResult<Self> {
        let found = call.engine.chain(call.network).store.transaction(hash)?;
        let (block, index) = found.ok_or_else(|| RpcError::refused("transaction not found"))?;
        let network = call.network;
        let replay = call.engine.replay(network, &block)?;
        Ok(Self { network, block, index, replay, is_foreign: call.is_foreign() })
    }

    /// Executes it again and tells what happened.
    pub(super) fn run(
        self,
        options: &Options,
        tell: impl FnOnce(&Subject, &LegTrace) -> RpcResult,
    ) -> RpcResult {
        let traces = self.replay.run(options, self.network, &self.block, &[self.index])?;
        check(&traces)?;
        let legs = by_leg(&traces);
        let key = key(&self.block, self.index, self.is_foreign);
        let leg = legs.get(&key).ok_or_else(|| untraced(&self.block.transactions[self.index]))?;
        tell(&subject(self.network, &self.block, self.index), leg)
    }
}

fn check(traces: &Traces) -> RpcResult<()> {
    if let Some(failure) = traces.failure {
        return Err(failure.into());
    }
    if traces.legs.iter().any(|leg| leg.is_cut) {
        return Err(RpcError::limit("trace too large"));
    }
    Ok(())
}

fn by_leg(traces: &Traces) -> BTreeMap<(Position, u16), &LegTrace> {
    traces.legs.iter().map(|leg| ((leg.position, leg.leg), leg)).collect()
}

/// Returns how the trace of a transaction is found: by position and leg, or by index on an imported chain.
fn key(block: &StoredBlock, index: usize, is_foreign: bool) -> (Position, u16) {
    let tx = &block.transactions[index];
    if is_foreign { (tx.position, index as u16) } else { (tx.position, tx.leg) }
}

/// Returns true for work that L1 sent, which recorders do not see.
fn is_from_l1(tx: &BlockTx) -> bool {
    tx.is_system && tx.position.section == Section::L1Born
}

fn untraced(tx: &BlockTx) -> RpcError {
    if is_from_l1(tx) {
        return RpcError::refused("work that came from L1 cannot be traced");
    }
    unrecorded()
}

fn unrecorded() -> RpcError {
    RpcError::new(-32603, "nothing was recorded")
}

fn subject(network: NetworkId, block: &StoredBlock, index: usize) -> Subject {
    let tx = &block.transactions[index];
    Subject {
        network,
        system_input: tx.is_system.then(|| tx.tx.input().clone()),
        gas_limit: tx.tx.gas_limit(),
        gas_used: tx.gas_used,
        output: tx.output.clone(),
        info: TransactionInfo {
            hash: Some(*tx.tx.tx_hash()),
            index: Some(index as u64),
            block_hash: Some(block.hash),
            block_number: Some(block.header.number),
            ..TransactionInfo::default()
        },
    }
}

impl Call<'_> {
    pub(super) fn chain_ids(&self) -> ChainIds {
        let rollups = self.engine.chains.iter();
        let ids = rollups.map(|(network, chain)| (*network, chain.spec.chain_id));
        // L1 is chain 0 here.
        ids.chain([(NetworkId::L1, 0)]).collect()
    }
}
