//! Transactions on a chain, with words for what goes wrong.

use alloy_network::{EthereumWallet, TransactionBuilder as _};
use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{Revert, SolCall, SolError as _};
use alloy_transport::{RpcError, TransportErrorKind};
use eyre::{Result, WrapErr, bail, eyre};
use std::time::Duration;
use tokio::time::timeout;

/// How long a transaction may take to be in a block.
const PATIENCE: Duration = Duration::from_secs(600);

/// An account on a chain.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) address: Address,
    pub(crate) provider: DynProvider,
}

impl Sender {
    /// Signs with `key` what goes to `url`.
    pub(crate) fn new(url: &str, key: &PrivateKeySigner) -> Result<Self> {
        let parsed = url.parse().map_err(|error| eyre!("`{url}` is no endpoint: {error}"))?;
        let wallet = EthereumWallet::from(key.clone());
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(parsed);
        Ok(Self { address: key.address(), provider: provider.erased() })
    }

    /// Calls a view function.
    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        let answer = self.provider.call(request).await.map_err(explain)?;
        C::abi_decode_returns(&answer)
            .wrap_err_with(|| format!("{to} does not answer {} as it should", C::SIGNATURE))
    }

    /// Sends a call, after it was tried, and waits for its block.
    pub(crate) async fn call<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        value: U256,
    ) -> Result<TransactionReceipt> {
        let request = TransactionRequest::default()
            .with_from(self.address)
            .with_to(to)
            .with_input(call.abi_encode())
            .with_value(value);
        self.provider.call(request.clone()).await.map_err(explain)?;
        let pending = self.provider.send_transaction(request).await.map_err(explain)?;
        let hash = *pending.tx_hash();
        let receipt = timeout(PATIENCE, pending.get_receipt()).await;
        let receipt = receipt.map_err(|_| eyre!("{hash} is in no block after {PATIENCE:?}"))?;
        let receipt = receipt.wrap_err_with(|| format!("cannot see what became of {hash}"))?;
        if !receipt.status() {
            bail!("transaction {hash} failed, though it was tried before");
        }
        Ok(receipt)
    }
}

/// Says what a refusal means: the name of the contract's error where it has one.
pub(crate) fn explain(error: RpcError<TransportErrorKind>) -> eyre::Report {
    let Some(said) = error.as_error_resp() else { return eyre!("no answer: {error}") };
    match said.as_revert_data() {
        Some(data) => eyre!("the contract refuses: {}", reason(&data)),
        None => eyre!("refused: {}", said.message),
    }
}

/// Returns what a revert says.
fn reason(data: &Bytes) -> String {
    if let Ok(revert) = Revert::abi_decode(data) {
        return revert.reason;
    }
    let named = weft_contracts::l1::error_name(data).or_else(|| crate::explain::revert(data));
    named.unwrap_or_else(|| match data.is_empty() {
        true => "without a reason".to_owned(),
        false => hex::encode_prefixed(data),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_contracts::{Hub, Manager};

    #[test]
    fn errors_of_l1_and_of_rollups_have_names() {
        let refused = Hub::NotSilent { from: U256::from(77) }.abi_encode();
        assert_eq!(reason(&refused.into()), "NotSilent { from: 77 }");
        let refused = Manager::InsufficientEscrow { network: 901 }.abi_encode();
        assert_eq!(reason(&refused.into()), "InsufficientEscrow { network: 901 }");
        assert_eq!(reason(&Bytes::new()), "without a reason");
    }
}
