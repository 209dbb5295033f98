//! A leg before it runs: what makes it invalid, and its EVM form.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Bytes;
use revm::context::{
    TxEnv,
    either::Either,
    result::{ExecutionResult, HaltReason, InvalidTransaction},
};
use weft_types::{InvalidReason, Leg, Removal, RemovalCause, SignedTx};

/// Returns a transaction as the EVM takes it.
pub fn tx_env(tx: &SignedTx) -> TxEnv {
    let envelope = tx.envelope();
    TxEnv {
        tx_type: u8::from(envelope.tx_type()),
        caller: tx.sender(),
        gas_limit: envelope.gas_limit(),
        gas_price: envelope.max_fee_per_gas(),
        kind: envelope.kind(),
        value: envelope.value(),
        data: envelope.input().clone(),
        nonce: envelope.nonce(),
        chain_id: envelope.chain_id(),
        access_list: envelope.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: envelope.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: envelope
            .authorization_list()
            .map(|list| list.iter().cloned().map(Either::Left).collect())
            .unwrap_or_default(),
    }
}

/// Returns the removal of a leg that could not start.
pub(crate) fn invalid(leg: &Leg, index: u16, reason: InvalidReason, text: String) -> Removal {
    Removal {
        cause: RemovalCause::Invalid,
        network: leg.network,
        leg: index,
        tx_hash: Some(leg.tx.hash()),
        reason: text,
        invalid: Some(reason),
        revert_data: Bytes::new(),
    }
}

/// Returns the removal of a leg that ran and failed.
pub(crate) fn failed(leg: &Leg, index: u16, result: &ExecutionResult<HaltReason>) -> Removal {
    let (reason, revert_data) = match result {
        ExecutionResult::Revert { output, .. } => (revert_reason(output), output.clone()),
        ExecutionResult::Halt { reason, .. } => (format!("halted: {reason:?}"), Bytes::new()),
        ExecutionResult::Success { .. } => (String::from("succeeded"), Bytes::new()),
    };
    Removal {
        cause: RemovalCause::Failed,
        network: leg.network,
        leg: index,
        tx_hash: Some(leg.tx.hash()),
        reason,
        invalid: None,
        revert_data,
    }
}

/// Says why a call reverted: the text of `Error(string)`, the code of `Panic(uint256)`, else the selector.
pub fn revert_reason(data: &[u8]) -> String {
    let reason = alloy_sol_types::decode_revert_reason(data);
    if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
        return reason;
    }
    match data.get(..4) {
        Some(selector) => {
            format!("execution reverted: custom error {}", Bytes::copy_from_slice(selector))
        }
        None => "execution reverted".to_string(),
    }
}

/// Sorts the EVM's reasons for refusing a transaction.
pub(crate) fn invalid_reason(error: &InvalidTransaction) -> InvalidReason {
    match error {
        InvalidTransaction::NonceTooLow { .. } => InvalidReason::NonceTooLow,
        InvalidTransaction::NonceTooHigh { .. } => InvalidReason::NonceTooHigh,
        InvalidTransaction::LackOfFundForMaxFee { .. } => InvalidReason::InsufficientFunds,
        InvalidTransaction::GasPriceLessThanBasefee => InvalidReason::FeeTooLow,
        InvalidTransaction::CallerGasLimitMoreThanBlock => InvalidReason::BlockFull,
        InvalidTransaction::InvalidChainId | InvalidTransaction::MissingChainId => {
            InvalidReason::WrongChainId
        }
        _ => InvalidReason::Rule,
    }
}
