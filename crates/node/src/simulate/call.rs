//! From what a client writes to a transaction of a simulated block.

use super::errors;
use crate::rpc::errors::{RpcError, RpcResult};
use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEip4844, TxEip4844Variant, TxEip7702, TxEnvelope, TxLegacy,
};
use alloy_primitives::{Address, Signature, TxKind, U256};
use alloy_rpc_types_eth::TransactionRequest;
use revm::context::{TxEnv, either::Either};

/// A call with everything filled in.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) tx: TxEnvelope,
    pub(super) env: TxEnv,
}

/// What a call takes from its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) block_gas_limit: u64,
    pub(super) block_gas_used: u64,
    /// Gas that the whole simulation may still use.
    pub(super) gas_left: u64,
    pub(super) base_fee: Option<u64>,
}

/// Fills in a call.
pub(super) fn fill(request: &TransactionRequest, around: Surroundings) -> RpcResult<Filled> {
    check(request, around.chain_id)?;
    let left = around.block_gas_limit.saturating_sub(around.block_gas_used);
    let gas = request.gas.unwrap_or(left);
    if gas > left {
        return Err(errors::block_gas_limit(around.block_gas_used, around.block_gas_limit));
    }
    let gas = gas.min(around.gas_left);
    let nonce = request.nonce.unwrap_or(around.nonce);
    let tx = typed(request, around.chain_id, nonce, gas)?;
    let env = env(request, &tx, around, gas, nonce)?;
    Ok(Filled { tx, env })
}

fn check(request: &TransactionRequest, chain_id: u64) -> RpcResult<()> {
    let has_fees = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    if request.gas_price.is_some() && has_fees {
        let why = "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified";
        return Err(RpcError::refused(why));
    }
    if let Some(id) = request.chain_id.filter(|id| *id != chain_id) {
        let why = format!("chainId does not match node's (have={id}, want={chain_id})");
        return Err(RpcError::refused(why));
    }
    if let (Some(input), Some(data)) = (&request.input.input, &request.input.data)
        && input != data
    {
        let why = "both \"data\" and \"input\" are set and not equal. Please use \"input\" to \
                   pass transaction call data";
        return Err(RpcError::refused(why));
    }
    Ok(())
}

/// Returns the most that a unit of gas may cost, and what of it goes to the coinbase.
fn fees(request: &TransactionRequest) -> (u128, u128) {
    match request.gas_price {
        Some(price) => (price, price),
        None => (
            request.max_fee_per_gas.unwrap_or_default(),
            request.max_priority_fee_per_gas.unwrap_or_default(),
        ),
    }
}

/// Returns the transaction as it stands in the block, without signature.
fn typed(
    request: &TransactionRequest,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
) -> RpcResult<TxEnvelope> {
    let to = request.to.unwrap_or(TxKind::Create);
    let value = request.value.unwrap_or_default();
    let input = request.input.clone().into_input().unwrap_or_default();
    let access_list = request.access_list.clone().unwrap_or_default();
    let (max_fee_per_gas, max_priority_fee_per_gas) = fees(request);
    let none = Signature::new(U256::ZERO, U256::ZERO, false);
    let receiver = || match to {
        TxKind::Call(to) => Ok(to),
        TxKind::Create => Err(RpcError::refused("transaction of this type must not be a create")),
    };
    Ok(match () {
        // A named gas price makes a legacy transaction, whatever else is named, as with go-ethereum.
        () if request.gas_price.is_some() => {
            let (chain_id, gas_price) = (None, max_fee_per_gas);
            TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }
                .into_signed(none)
                .into()
        }
        () if request.authorization_list.is_some() => TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: receiver()?,
            value,
            access_list,
            authorization_list: request.authorization_list.clone().unwrap_or_default(),
            input,
        }
        .into_signed(none)
        .into(),
        () if request.blob_versioned_hashes.is_some() => {
            let tx = TxEip4844 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: receiver()?,
                value,
                access_list,
                blob_versioned_hashes: request.blob_versioned_hashes.clone().unwrap_or_default(),
                max_fee_per_blob_gas: request.max_fee_per_blob_gas.unwrap_or_default(),
                input,
            };
            <TxEip4844Variant>::TxEip4844(tx).into_signed(none).into()
        }
        () => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            input,
        }
        .into_signed(none)
        .into(),
    })
}

fn env(
    request: &TransactionRequest,
    tx: &TxEnvelope,
    around: Surroundings,
    gas_limit: u64,
    nonce: u64,
) -> RpcResult<TxEnv> {
    let (fee, tip) = fees(request);
    let authorizations = request.authorization_list.clone().unwrap_or_default();
    let caller: Address = request.from.unwrap_or_default();
    // Before London nothing is a dynamic fee transaction, and without fees none is needed.
    let tx_type = match u8::from(tx.tx_type()) {
        2 if around.base_fee.is_none() => 0,
        kind => kind,
    };
    let env = TxEnv {
        tx_type,
        caller,
        gas_limit,
        gas_price: fee,
        gas_priority_fee: (tx_type >= 2).then_some(tip),
        kind: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        data: request.input.clone().into_input().unwrap_or_default(),
        nonce,
        chain_id: Some(around.chain_id),
        access_list: request.access_list.clone().unwrap_or_default(),
        blob_hashes: request.blob_versioned_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: request.max_fee_per_blob_gas.unwrap_or_default(),
        authorization_list: authorizations.into_iter().map(Either::Left).collect(),
    };
    // The EVM counts fees in 128 bits and takes for granted that they fit.
    let fees = u128::from(gas_limit).checked_mul(fee).map(U256::from);
    match fees.and_then(|fees| fees.checked_add(env.value)) {
        Some(_) => Ok(env),
        None => Err(RpcError::new(-38014, "insufficient funds for gas * price + value: overflow")),
    }
}
