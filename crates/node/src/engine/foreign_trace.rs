//! Executing the transactions of an imported block again, by its own rules, with somebody watching.

use super::{
    Engine,
    imported::{ForeignMoment, IMPORTED, invalid},
};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    store::StoredBlock,
    trace::{Options, Recorder, Traces},
    view::View,
};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_primitives::{Address, Bytes};
use revm::{
    Database, ExecuteEvm, InspectEvm, MainBuilder, MainnetEvm, SystemCallEvm,
    context::{
        JournalTr, TxEnv,
        result::{ExecutionResult, HaltReason},
    },
    primitives::hardfork::SpecId,
    state::EvmState,
};
use std::sync::Arc;
use weft_ethereum::{Context, tx_env};
use weft_evm::trace::{LegEnd, TracedChain, Tracer};
use weft_types::{NetworkId, Position};

/// An imported block that can be executed again, apart from the engine.
#[derive(Debug)]
pub(crate) struct ForeignReplay {
    moment: ForeignMoment,
    block: Arc<StoredBlock>,
}

impl Engine {
    /// Returns a block of an imported chain, ready to be executed again from the state after its parent.
    pub(super) fn foreign_replay(
        &self,
        network: NetworkId,
        block: &Arc<StoredBlock>,
    ) -> RpcResult<ForeignReplay> {
        let moment = self.foreign_parent(network, block.header.number)?;
        Ok(ForeignReplay { moment, block: block.clone() })
    }
}

type Watched = MainnetEvm<Context<View>, Recorder>;

impl ForeignReplay {
    /// Executes the block up to the last transaction that is `wanted`, recording those that are; a transaction's
    /// index stands for its leg.
    pub(super) fn run(self, options: &Options, wanted: &[usize]) -> RpcResult<Traces> {
        let Some(last) = wanted.iter().copied().max() else { return Ok(Traces::default()) };
        let rules = self.moment.rules;
        let (recorder, traces) = Recorder::new(options, IMPORTED);
        let mut evm = self.moment.block_context().build_mainnet_with_inspector(recorder);
        let header = &self.block.header;
        if let Some(root) = header.parent_beacon_block_root {
            open(&mut evm, BEACON_ROOTS_ADDRESS, root.0.into())?;
        }
        if rules.has(SpecId::PRAGUE) {
            open(&mut evm, HISTORY_STORAGE_ADDRESS, header.parent_hash.0.into())?;
        }
        for (index, tx) in self.block.transactions.iter().enumerate().take(last + 1) {
            let env = tx_env(&tx.tx, tx.sender);
            let changes = match wanted.contains(&index) {
                true => watch(&mut evm, index as u16, env)?,
                false => evm.transact(env).map_err(failed)?.state,
            };
            commit(&mut evm, changes, rules.has(SpecId::SPURIOUS_DRAGON))?;
            if let Some(failure) = traces.borrow().failure {
                return Err(failure.into());
            }
        }
        Ok(traces.take())
    }
}

impl ForeignMoment {
    /// Runs a call with a recorder; returns its result.
    pub(crate) fn trace(
        self,
        recorder: Recorder,
        tx: TxEnv,
    ) -> RpcResult<ExecutionResult<HaltReason>> {
        let mut evm = self.call_context(&tx).build_mainnet_with_inspector(recorder);
        let (context, inspector) = (&mut evm.ctx, &mut evm.inspector);
        begin(context, inspector, 0);
        let result = evm.inspect_one_tx(tx).map_err(|error| RpcError::refused(invalid(error)))?;
        end(&mut evm, 0, &result);
        Ok(result)
    }
}

fn watch(evm: &mut Watched, index: u16, env: TxEnv) -> RpcResult<EvmState> {
    begin(&mut evm.ctx, &mut evm.inspector, index);
    let result = evm.inspect_one_tx(env).map_err(failed)?;
    end(evm, index, &result);
    Ok(evm.ctx.journaled_state.finalize())
}

fn begin(context: &mut Context<View>, recorder: &mut Recorder, leg: u16) {
    let mut chains = std::iter::once(TracedChain { network: IMPORTED, context });
    recorder.begin_leg(Position::default(), leg, IMPORTED, &mut chains);
}

fn end(evm: &mut Watched, leg: u16, result: &ExecutionResult<HaltReason>) {
    let (context, recorder) = (&mut evm.ctx, &mut evm.inspector);
    let end = LegEnd { position: Position::default(), leg, home: IMPORTED, result };
    let mut chains = std::iter::once(TracedChain { network: IMPORTED, context });
    recorder.end_leg(&end, &mut chains);
}

/// Makes a call that opens a block, where the contract exists.
fn open(evm: &mut Watched, contract: Address, input: Bytes) -> RpcResult<()> {
    let account = evm.ctx.journaled_state.db_mut().basic(contract)?;
    if account.is_none_or(|info| info.is_empty_code_hash()) {
        return Ok(());
    }
    let done = evm.system_call(contract, input).map_err(failed)?;
    commit(evm, done.state, true)
}

fn commit(evm: &mut Watched, changes: EvmState, clears_empty: bool) -> RpcResult<()> {
    let working = evm.ctx.journaled_state.db_mut();
    match clears_empty {
        true => working.commit(changes),
        false => working.commit_keeping_empty(changes),
    }?;
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> RpcError {
    RpcError::new(-32603, format!("block could not be executed again: {error}"))
}
