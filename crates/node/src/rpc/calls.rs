//! Calls that leave nothing behind, and gas estimates.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::engine::{At, Overrides};
use alloy_eips::{BlockId, eip7825::MAX_TX_GAS_LIMIT_OSAKA};
use alloy_primitives::{TxKind, U256};
use alloy_rpc_types_eth::TransactionRequest;
use revm::context::{
    TxEnv,
    either::Either,
    result::{ExecutionResult, HaltReason},
};
use serde_json::json;

pub(super) const METHODS: Methods = &[
    ("eth_call", eth_call),
    ("eth_estimateGas", estimate_gas),
    ("eth_createAccessList", create_access_list),
];

/// Gas of the cheapest transaction.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that a CALL with value adds for its callee.
const CALL_STIPEND: u64 = 2_300;
/// Most runs until an access list has settled.
const MAX_ROUNDS: usize = 16;

fn eth_call(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: TransactionRequest = args.required(0)?;
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let overrides = Overrides { state: args.optional(2)?, block: args.optional(3)? };
    let gas = call.call_gas(&request);
    let tx = call.tx_env(&request, at, gas)?;
    match run(call, at, tx, overrides)? {
        ExecutionResult::Success { output, .. } => Ok(json!(output.data())),
        ExecutionResult::Revert { output, .. } => Err(RpcError::reverted(&output)),
        ExecutionResult::Halt { reason, .. } => Err(halted(&reason, gas)),
    }
}

fn estimate_gas(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: TransactionRequest = args.required(0)?;
    let at = call.at(args.optional(1)?, BlockId::pending())?;
    let overrides = Overrides { state: args.optional(2)?, block: args.optional(3)? };
    estimate(call, &request, at, overrides).map(quantity)
}

/// Returns a gas limit with which a transaction succeeds.
pub(super) fn estimate(
    call: &mut Call<'_>,
    request: &TransactionRequest,
    at: At,
    overrides: Overrides,
) -> RpcResult<u64> {
    if overrides.state.is_none() {
        check_funds(call, request, at)?;
    }
    let cap = call.call_gas(request).min(MAX_TX_GAS_LIMIT_OSAKA);
    let tx = call.tx_env(request, at, cap)?;
    let mut succeeds = |gas_limit: u64| -> RpcResult<ExecutionResult<HaltReason>> {
        run(call, at, TxEnv { gas_limit, ..tx.clone() }, overrides.clone())
    };
    let used = match succeeds(cap)? {
        ExecutionResult::Success { gas, .. } => gas.tx_gas_used(),
        ExecutionResult::Revert { output, .. } => return Err(RpcError::reverted(&output)),
        ExecutionResult::Halt { reason, .. } => return Err(halted(&reason, cap)),
    };
    let is_plain = tx.data.is_empty() && matches!(tx.kind, TxKind::Call(_));
    if is_plain && used <= TRANSFER_GAS && succeeds(TRANSFER_GAS).is_ok_and(|r| r.is_success()) {
        return Ok(TRANSFER_GAS);
    }
    // The search of go-ethereum: a good first guess, then halves, until it is within 1.5 %.
    let (mut low, mut high) = (used.saturating_sub(1), cap);
    let mut guess = used.saturating_add(CALL_STIPEND).saturating_mul(64) / 63;
    while low + 1 < high && (high - low) * 1000 > high * 15 {
        let gas = guess.clamp(low + 1, high - 1);
        match succeeds(gas) {
            Ok(result) if result.is_success() => high = gas,
            _ => low = gas,
        }
        guess = low + (high - low) / 2;
    }
    Ok(high)
}

fn create_access_list(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: TransactionRequest = args.required(0)?;
    let at = call.at(args.optional(1)?, BlockId::pending())?;
    let gas = call.call_gas(&request);
    let tx = call.tx_env(&request, at, gas)?;
    settled_access_list(call, at, tx)
}

/// Adds what a call touches to its access list until nothing new is touched: a list changes what things cost.
fn settled_access_list(call: &mut Call<'_>, at: At, mut tx: TxEnv) -> RpcResult {
    for _ in 0..MAX_ROUNDS {
        let (list, result) = call.engine.touched(call.network, at, tx.clone())?;
        if list != tx.access_list {
            tx.access_list = list;
            tx.tx_type = tx.tx_type.max(1);
            continue;
        }
        let mut answer = json!({ "accessList": list, "gasUsed": quantity(result.tx_gas_used()) });
        match result {
            ExecutionResult::Success { .. } => {}
            ExecutionResult::Revert { .. } => answer["error"] = json!("execution reverted"),
            ExecutionResult::Halt { reason, .. } => {
                answer["error"] = json!(halted(&reason, tx.gas_limit).message);
            }
        }
        return Ok(answer);
    }
    Err(RpcError::refused("the access list does not settle"))
}

fn run(
    call: &mut Call<'_>,
    at: At,
    tx: TxEnv,
    overrides: Overrides,
) -> RpcResult<ExecutionResult<HaltReason>> {
    let simulated = call.engine.look(call.network, at, tx, overrides)?;
    simulated.result.map_err(RpcError::refused)
}

pub(super) fn halted(reason: &HaltReason, gas: u64) -> RpcError {
    match reason {
        HaltReason::OutOfGas(_) => {
            RpcError::refused(format!("gas required exceeds allowance ({gas}): out of gas"))
        }
        reason => RpcError::refused(format!("execution halted: {reason:?}")),
    }
}

/// Refuses what the sender could never pay for.
fn check_funds(call: &mut Call<'_>, request: &TransactionRequest, at: At) -> RpcResult<()> {
    let from = request.from.unwrap_or_default();
    let value = request.value.unwrap_or_default();
    let balance = call.engine.account(call.network, at, from)?.unwrap_or_default().balance;
    if value > balance {
        return Err(RpcError::refused(format!(
            "insufficient funds for gas * price + value: address {from} have {balance} want {value}"
        )));
    }
    Ok(())
}

impl Call<'_> {
    /// Returns true for an imported chain.
    pub(super) fn is_foreign(&self) -> bool {
        self.engine.chain(self.network).foreign.is_some()
    }

    /// Returns the gas that a call may use.
    pub(super) fn call_gas(&self, request: &TransactionRequest) -> u64 {
        let most = self.engine.limits().call_gas;
        request.gas.unwrap_or(most).min(most)
    }

    /// Returns a call in the form of the EVM.
    pub(super) fn tx_env(
        &mut self,
        request: &TransactionRequest,
        at: At,
        gas: u64,
    ) -> RpcResult<TxEnv> {
        let names_blobs =
            request.blob_versioned_hashes.is_some() || request.max_fee_per_blob_gas.is_some();
        if names_blobs && !self.is_foreign() {
            return Err(RpcError::refused("transaction type not supported: blob transaction"));
        }
        if request.gas_price.is_some() && request.max_fee_per_gas.is_some() {
            return Err(RpcError::refused(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            ));
        }
        let input = &request.input;
        if let (Some(input), Some(data)) = (&input.input, &input.data)
            && input != data
        {
            return Err(RpcError::params(
                "both \"data\" and \"input\" are set and not equal; use \"input\"",
            ));
        }
        let chain_id = self.engine.chain(self.network).spec.chain_id;
        if let Some(id) = request.chain_id.filter(|id| *id != chain_id) {
            return Err(RpcError::refused(format!(
                "chainId does not match node's (have={id}, want={chain_id})"
            )));
        }
        let caller = request.from.unwrap_or_default();
        let nonce = match request.nonce {
            Some(nonce) => nonce,
            None => {
                let account = self.engine.account(self.network, at, caller)?;
                account.map_or(0, |account| account.nonce)
            }
        };
        let fee = request.max_fee_per_gas.or(request.gas_price).unwrap_or_default();
        let authorizations = request.authorization_list.clone().unwrap_or_default();
        let mut env = TxEnv {
            caller,
            gas_limit: gas,
            gas_price: fee,
            gas_priority_fee: request.max_priority_fee_per_gas.map(|tip| tip.min(fee)),
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or(U256::ZERO),
            data: input.clone().into_input().unwrap_or_default(),
            nonce,
            chain_id: Some(chain_id),
            access_list: request.access_list.clone().unwrap_or_default(),
            authorization_list: authorizations.into_iter().map(Either::Left).collect(),
            ..TxEnv::default()
        };
        // The EVM counts fees in 128 bits and takes for granted that they fit.
        let fees = u128::from(gas).checked_mul(fee).map(U256::from);
        if fees.and_then(|fees| fees.checked_add(env.value)).is_none() {
            return Err(RpcError::refused("insufficient funds for gas * price + value"));
        }
        env.blob_hashes = request.blob_versioned_hashes.clone().unwrap_or_default();
        env.max_fee_per_blob_gas = request.max_fee_per_blob_gas.unwrap_or_default();
        env.tx_type = match () {
            () if names_blobs => 3,
            () if !env.authorization_list.is_empty() => 4,
            () if env.gas_priority_fee.is_some() => 2,
            () if !env.access_list.is_empty() => 1,
            () => 0,
        };
        if env.tx_type == 4 && env.kind.is_create() {
            return Err(RpcError::refused("set code transaction must not be a create"));
        }
        Ok(env)
    }
}
