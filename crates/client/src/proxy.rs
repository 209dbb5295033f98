//! Cross-chain proxies: contracts that stand on one rollup for an address of another (P20).

use crate::{TxSigner, error::ClientError, realm::Realm, sync_send::NotSent};
use alloy_primitives::Address;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::SolCall as _;
use weft_contracts::{Manager, addresses::MANAGER, proxy_address};

impl Realm {
    /// Computes the address that stands for `original` of the rollup `of` on every other rollup. Asks nobody; the proxy
    /// need not exist.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnknownChain`].
    pub fn proxy_address(&self, original: Address, of: u64) -> Result<Address, ClientError> {
        Ok(proxy_address(self.rollup(of)?.network().get(), original))
    }

    /// Makes sure that the proxy of `original` of the rollup `of` exists on the rollup `on`, and returns its address.
    ///
    /// # Errors
    ///
    /// [`ClientError::SameChain`], [`ClientError::UnknownChain`], and everything that [`crate::Rollup::send_sync`] says.
    pub async fn create_proxy(
        &self,
        on: u64,
        original: Address,
        of: u64,
        signer: &TxSigner,
    ) -> Result<Address, NotSent> {
        let proxy = self.proxy_address(original, of)?;
        let rollup = self.rollup(on)?;
        if on == of {
            return Err(ClientError::SameChain(of).into());
        }
        if rollup.has_code(proxy).await? {
            return Ok(proxy);
        }
        let network = u64::from(self.rollup(of)?.network().get());
        let call = Manager::createCrossChainProxyCall { original, network };
        let request = TransactionRequest::default().to(MANAGER).input(call.abi_encode().into());
        rollup.send_sync(signer, request).await?;
        match rollup.has_code(proxy).await? {
            true => Ok(proxy),
            false => Err(ClientError::NoProxy(proxy).into()),
        }
    }
}
