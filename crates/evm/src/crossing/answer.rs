//! What the reserved address answers: to the manager a status byte and data, to a proxy what it passes on (P21, P25).

use super::{Outbound, request::Route};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolError;
use revm::{
    handler::FrameResult,
    interpreter::{CallInputs, CallOutcome, Gas, InstructionResult, InterpreterResult},
};
use weft_contracts::Manager::{
    DelegateCallToProxy, FeeTooLow, Full, InsufficientEscrow, NotProvisioned, Unavailable,
};
use weft_types::{HopReturn, Status};

/// A request that is no crossing: what it costs and the data it reverts with.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) cost: u64,
    pub(super) output: Bytes,
}

impl Refused {
    /// Code of a proxy ran as `context`, which is none.
    pub(super) fn delegated(context: Address, cost: u64) -> Self {
        Self { cost, output: DelegateCallToProxy { context }.abi_encode().into() }
    }
}

/// Returns the revert data that tell `route` of a failure on the way to, or on, `network`.
pub(super) fn failure(route: Route, network: u64, status: Status, data: &Bytes) -> Bytes {
    match (route, status) {
        (Route::Manager, _) => with_status(status, data),
        (Route::Proxy, Status::Ok | Status::OutOfGas) => Bytes::new(),
        (Route::Proxy, Status::Reverted) => data.clone(),
        (Route::Proxy, Status::Unavailable) => Unavailable { network }.abi_encode().into(),
        (Route::Proxy, Status::NotProvisioned) => NotProvisioned { network }.abi_encode().into(),
        (Route::Proxy, Status::FeeTooLow) => FeeTooLow { network }.abi_encode().into(),
        (Route::Proxy, Status::Full) => Full { network }.abi_encode().into(),
        (Route::Proxy, Status::InsufficientEscrow) => {
            InsufficientEscrow { network }.abi_encode().into()
        }
    }
}

fn with_status(status: Status, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 1);
    out.push(status.byte());
    out.extend_from_slice(data);
    out.into()
}

/// Builds the result of a crossing that did not happen, at the price of `cost`.
pub(super) fn refusal(
    inputs: &CallInputs,
    cost: u64,
    output: Bytes,
    result: InstructionResult,
) -> FrameResult {
    let mut gas = Gas::new(inputs.gas_limit);
    let paid = gas.record_regular_cost(cost.min(inputs.gas_limit));
    debug_assert!(paid, "the cost is capped");
    let result = InterpreterResult { result, output, gas };
    FrameResult::Call(CallOutcome::new(result, inputs.return_memory_offset.clone()))
}

/// Builds what the calling frame sees of a return from `network`.
pub(super) fn outcome(
    side: &Outbound,
    network: u64,
    ret: &HopReturn,
    loses_refund: bool,
) -> CallOutcome {
    let mut gas = Gas::new(side.gas_limit);
    let paid = gas.record_regular_cost(side.tariff.saturating_add(ret.gas_used));
    assert!(paid, "a callee cannot use more gas than crossed");
    let (result, output) = match ret.status {
        Status::Ok => {
            gas.record_refund(if loses_refund { 0 } else { ret.refund });
            (InstructionResult::Return, ret.data.clone())
        }
        status => (InstructionResult::Revert, failure(side.route, network, status, &ret.data)),
    };
    let result = InterpreterResult { result, output, gas };
    CallOutcome::new(result, side.return_memory.clone())
}
