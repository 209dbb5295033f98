//! Errors of simulations with go-ethereum's codes and words.

use crate::rpc::errors::RpcError;
use alloy_primitives::{Address, U256};
use revm::context::{
    TxEnv,
    result::{HaltReason, InvalidTransaction},
};
use serde_json::{Value, json};

/// Block numbers are not in order.
pub(super) fn block_number(number: U256, before: U256) -> RpcError {
    RpcError::new(-38020, format!("block numbers must be in order: {number} <= {before}"))
}

/// Block times are not in order.
pub(super) fn block_timestamp(time: u64, before: u64) -> RpcError {
    RpcError::new(-38021, format!("block timestamps must be in order: {time} <= {before}"))
}

/// More blocks than a simulation makes.
pub(super) fn too_many_blocks() -> RpcError {
    RpcError::new(-38026, "too many blocks")
}

/// A call wants more gas than its block has left.
pub(super) fn block_gas_limit(used: u64, limit: u64) -> RpcError {
    RpcError::new(-38015, format!("block gas limit reached: {used} >= {limit}"))
}

/// Says why a call could not start.
pub(super) fn invalid(error: &InvalidTransaction, tx: &TxEnv, base_fee: u64) -> RpcError {
    use InvalidTransaction as I;
    let from = tx.caller;
    let (code, text) = match error {
        I::NonceTooLow { tx, state } => {
            (-38010, format!("nonce too low: address {from}, tx: {tx} state: {state}"))
        }
        I::NonceTooHigh { tx, state } => {
            (-38011, format!("nonce too high: address {from}, tx: {tx} state: {state}"))
        }
        I::NonceOverflowInTransaction => {
            (-32603, format!("nonce has max value: address {from}, nonce: {}", tx.nonce))
        }
        I::PriorityFeeGreaterThanMaxFee => {
            let (fee, tip) = (tx.gas_price, tx.gas_priority_fee.unwrap_or_default());
            let why = "max priority fee per gas higher than max fee per gas";
            (
                -32602,
                format!("{why}: address {from}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"),
            )
        }
        I::GasPriceLessThanBasefee => (-38012, fee_too_low(tx, base_fee)),
        I::CallGasCostMoreThanGasLimit { initial_gas: want, gas_limit }
        | I::GasFloorMoreThanGasLimit { gas_floor: want, gas_limit } => {
            (-38013, format!("intrinsic gas too low: have {gas_limit}, want {want}"))
        }
        I::LackOfFundForMaxFee { fee, balance } => (-38014, no_funds(from, balance, fee)),
        I::OverflowPaymentInTransaction => (-38014, no_funds(from, &U256::ZERO, &U256::MAX)),
        I::RejectCallerWithCode => (-38024, format!("sender not an eoa: address {from}")),
        I::CreateInitCodeSizeLimit => {
            (-38025, format!("max initcode size exceeded: code size {}", tx.data.len()))
        }
        other => (-32603, other.to_string()),
    };
    RpcError::new(code, format!("err: {text} (supplied gas {})", tx.gas_limit))
}

fn fee_too_low(tx: &TxEnv, base_fee: u64) -> String {
    let (from, fee) = (tx.caller, tx.gas_price);
    format!(
        "max fee per gas less than block base fee: address {from}, maxFeePerGas: {fee}, \
         baseFee: {base_fee}"
    )
}

fn no_funds(from: Address, have: &U256, want: &U256) -> String {
    format!("insufficient funds for gas * price + value: address {from} have {have} want {want}")
}

/// Returns the `error` of a call that reverted.
pub(super) fn reverted(output: &alloy_primitives::Bytes) -> Value {
    let RpcError { code, message, data } = RpcError::reverted(output);
    json!({ "code": code, "message": message, "data": data })
}

/// Returns the `error` of a call that halted.
pub(super) fn halted(reason: &HaltReason) -> Value {
    let message = match reason {
        HaltReason::OutOfGas(_) => "out of gas".to_owned(),
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode".to_owned(),
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID".to_owned(),
        HaltReason::InvalidJump => "invalid jump destination".to_owned(),
        HaltReason::StackUnderflow => "stack underflow".to_owned(),
        HaltReason::StackOverflow => "stack limit reached 1024 (1023)".to_owned(),
        HaltReason::OutOfOffset => "return data out of bounds".to_owned(),
        HaltReason::CreateCollision => "contract address collision".to_owned(),
        HaltReason::NonceOverflow => "nonce uint64 overflow".to_owned(),
        HaltReason::CreateContractSizeLimit => "max code size exceeded".to_owned(),
        HaltReason::CreateContractStartingWithEF => {
            "invalid code: must not begin with 0xef".to_owned()
        }
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        HaltReason::PrecompileErrorWithContext(why) => why.clone(),
        other => format!("{other:?}"),
    };
    json!({ "code": -32015, "message": message })
}
