//! Accounts and facts about the node.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::quantity,
};
use crate::engine::At;
use alloy_eips::BlockId;
use alloy_primitives::{B256, U256, keccak256};
use revm::state::AccountInfo;
use serde_json::json;

pub(super) const METHODS: Methods = &[
    ("web3_clientVersion", client_version),
    ("web3_sha3", sha3),
    ("net_version", net_version),
    ("net_listening", net_listening),
    ("net_peerCount", net_peer_count),
    ("eth_chainId", chain_id),
    ("eth_syncing", syncing),
    ("eth_mining", syncing),
    ("eth_accounts", accounts),
    ("eth_coinbase", coinbase),
    ("eth_getBalance", balance),
    ("eth_getTransactionCount", transaction_count),
    ("eth_getCode", code),
    ("eth_getStorageAt", storage_at),
];

fn client_version(_: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(concat!("weft/v", env!("CARGO_PKG_VERSION"))))
}

fn sha3(_: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(json!(keccak256(args.bytes(0)?)))
}

fn net_version(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(call.engine.chain(call.network).spec.chain_id.to_string()))
}

fn net_listening(_: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(true))
}

fn net_peer_count(_: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(0))
}

fn chain_id(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(quantity(call.engine.chain(call.network).spec.chain_id))
}

fn syncing(_: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(false))
}

fn accounts(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let addresses = call.engine.config.accounts.iter().map(|account| account.address);
    Ok(json!(addresses.collect::<Vec<_>>()))
}

fn coinbase(call: &mut Call<'_>, _: &Args) -> RpcResult {
    Ok(json!(call.engine.chain(call.network).spec.coinbase))
}

fn account(call: &mut Call<'_>, args: &Args, block: usize) -> RpcResult<AccountInfo> {
    let address = args.address(0)?;
    let at = call.at(args.optional(block)?, BlockId::latest())?;
    Ok(call.engine.account(call.network, at, address)?.unwrap_or_default())
}

fn balance(call: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(json!(account(call, args, 1)?.balance))
}

fn transaction_count(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    if at == At::Pending {
        return Ok(quantity(call.engine.next_nonce(call.network, address)?));
    }
    Ok(quantity(account(call, args, 1)?.nonce))
}

fn code(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let code = account(call, args, 1)?.code;
    Ok(json!(code.map(|code| code.original_bytes()).unwrap_or_default()))
}

fn storage_at(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address = args.address(0)?;
    let key = slot_key(args, 1)?;
    let at = call.at(args.optional(2)?, BlockId::latest())?;
    let value = call.engine.storage(call.network, at, address, key)?;
    Ok(json!(B256::from(value)))
}

/// Reads a storage key: a quantity, or 32 bytes.
pub(super) fn slot_key(args: &Args, index: usize) -> RpcResult<U256> {
    read_key(&args.required::<String>(index)?, index)
}

pub(super) fn read_key(text: &str, index: usize) -> RpcResult<U256> {
    let invalid = || RpcError::params(format!("invalid argument {index}: storage key {text}"));
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() > 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid());
    }
    if digits.is_empty() {
        return Ok(U256::ZERO);
    }
    U256::from_str_radix(digits, 16).map_err(|_| invalid())
}
