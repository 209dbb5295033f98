//! Block overrides: another environment for a call.

use super::errors::{RpcError, RpcResult};
use alloy_primitives::U256;
use alloy_rpc_types_eth::BlockOverrides;
use revm::context::BlockEnv;
use weft_evm::{Realm, State};
use weft_types::NetworkId;

/// Puts overrides into the open block of a rollup.
pub(crate) fn apply<D: State>(
    realm: &mut Realm<D>,
    network: NetworkId,
    overrides: &BlockOverrides,
) -> RpcResult<()> {
    let mut env = realm.block_env(network).cloned().unwrap_or_default();
    override_env(&mut env, overrides)?;
    realm.set_block_env(network, env);
    Ok(())
}

/// Writes overrides into an environment.
pub(crate) fn override_env(env: &mut BlockEnv, overrides: &BlockOverrides) -> RpcResult<()> {
    if overrides.block_hash.is_some() {
        return Err(RpcError::params("blockHash overrides are not supported"));
    }
    env.number = overrides.number.unwrap_or(env.number);
    env.timestamp = overrides.time.map_or(env.timestamp, U256::from);
    env.gas_limit = overrides.gas_limit.unwrap_or(env.gas_limit);
    env.beneficiary = overrides.coinbase.unwrap_or(env.beneficiary);
    env.prevrandao = overrides.random.or(env.prevrandao);
    env.difficulty = overrides.difficulty.unwrap_or(env.difficulty);
    if let Some(fee) = overrides.base_fee {
        env.basefee = u64::try_from(fee)
            .map_err(|_| RpcError::params("invalid blockOverrides: baseFeePerGas is too large"))?;
    }
    Ok(())
}
