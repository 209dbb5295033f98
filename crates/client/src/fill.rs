//! Nonces, gas and fees: what a wallet would choose.

use crate::{error::ClientError, realm::Rollup};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::Address;
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::TransactionRequest;
use std::collections::BTreeMap;

/// Gas of a leg that cannot be estimated, because it needs what an earlier leg does.
pub(crate) const GAS_UNKNOWN: u64 = 3_000_000;
/// Gas of a transfer, which no other leg can change.
const GAS_TRANSFER: u64 = 21_000;

/// Hands out consecutive nonces.
#[derive(Debug, Default)]
pub(crate) struct Nonces(BTreeMap<(u64, Address), u64>);

impl Nonces {
    pub(crate) async fn take(
        &mut self,
        rollup: &Rollup,
        account: Address,
    ) -> Result<u64, ClientError> {
        let key = (rollup.chain_id(), account);
        let nonce = match self.0.get(&key) {
            Some(next) => *next,
            None => rollup.provider().get_transaction_count(account).pending().await?,
        };
        self.0.insert(key, nonce.saturating_add(1));
        Ok(nonce)
    }
}

/// Returns fees that hold for some slots; the node's tip covers the dearest rollup of the realm (P29).
pub(crate) async fn fees(rollup: &Rollup) -> Result<(u128, u128), ClientError> {
    let provider = rollup.provider();
    let tip = provider.get_max_priority_fee_per_gas().await?;
    let block = provider.get_block_by_number(BlockNumberOrTag::Pending).await?;
    let base = block.and_then(|block| block.header.base_fee_per_gas).unwrap_or_default();
    Ok((u128::from(base).saturating_mul(2).saturating_add(tip), tip))
}

/// Returns a gas limit with room for what earlier legs change.
///
/// A revert may be mended by an earlier leg, so it gives a large limit instead of an error; when nothing mends it, the
/// bundle is removed and says why.
pub(crate) async fn gas(rollup: &Rollup, request: &TransactionRequest) -> Result<u64, ClientError> {
    let estimate = rollup.provider().estimate_gas(request.clone()).block(BlockId::pending()).await;
    match estimate {
        Ok(GAS_TRANSFER) => Ok(GAS_TRANSFER),
        Ok(gas) => Ok(gas.saturating_add(gas / 2)),
        Err(error) if error.as_error_resp().is_some_and(|error| is_mendable(&error.message)) => {
            Ok(GAS_UNKNOWN)
        }
        Err(error) => Err(error.into()),
    }
}

/// Missing ether is hardly ever mended by an earlier leg, and the node says it clearly.
fn is_mendable(message: &str) -> bool {
    !message.contains("insufficient funds")
}
