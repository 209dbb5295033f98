//! Sending a transaction and getting its receipt in the same answer (EIP-7966).

use crate::{
    TxSigner,
    bundle::sign,
    error::ClientError,
    fill::{Nonces, fees, gas},
    outcome::Removed,
    realm::Rollup,
};
use alloy_primitives::{B256, U64};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_transport::{RpcError, TransportErrorKind};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Accepted, and no receipt in time.
const TIMEOUT: i64 = 4;
/// Accepted, and waiting for something else than time.
const UNREADY: i64 = 5;
/// Not accepted: there is a gap behind its sender's nonce.
const NONCE_GAP: i64 = 6;

/// Why there is no receipt.
#[derive(Debug, Error)]
pub enum NotSent {
    /// The transaction was accepted and has no receipt yet; it may still get one.
    #[error("transaction {0} has no receipt yet")]
    Undecided(B256),
    /// The transaction is a leg of a bundle that is not complete.
    #[error("transaction {0} waits for the other legs of its bundle")]
    WaitsForBundle(B256),
    /// The transaction is ahead of its sender's nonce and was not accepted.
    #[error("the nonce is too high, expected {0}")]
    NonceTooHigh(u64),
    /// The transaction is in no block; nothing of it is left.
    #[error("removed: {0}")]
    Removed(Box<Removed>),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] ClientError),
}

impl From<RpcError<TransportErrorKind>> for NotSent {
    fn from(error: RpcError<TransportErrorKind>) -> Self {
        Self::of(error)
    }
}

impl NotSent {
    fn of(error: RpcError<TransportErrorKind>) -> Self {
        let told = error.as_error_resp().and_then(|response| {
            let data = response.data.as_ref()?.get();
            match response.code {
                TIMEOUT => read(data).map(Self::Undecided),
                UNREADY => read(data).map(Self::WaitsForBundle),
                NONCE_GAP => read(data).map(|nonce: U64| Self::NonceTooHigh(nonce.to())),
                // A refused transaction has no position; the words of a removal do without it.
                _ => removed(data).map(Self::Removed),
            }
        });
        told.unwrap_or(Self::Other(ClientError::Rpc(error)))
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}

fn removed(data: &str) -> Option<Box<Removed>> {
    let mut data: serde_json::Value = read(data)?;
    data.as_object_mut()?.entry("slot").or_insert_with(|| 0.into());
    serde_json::from_value(data).ok()
}

impl Rollup {
    /// Fills in nonce, gas and fees, signs and sends a transaction, and returns its receipt. The block hash in it is zero
    /// until the block closes (P31).
    ///
    /// # Errors
    ///
    /// [`NotSent`]; when it is [`NotSent::Undecided`], the transaction was accepted and may still be executed.
    pub async fn send_sync(
        &self,
        signer: &TxSigner,
        mut request: TransactionRequest,
    ) -> Result<TransactionReceipt, NotSent> {
        let from = signer.address();
        request.from = Some(from);
        request.chain_id = Some(self.chain_id());
        request.to.get_or_insert(alloy_primitives::TxKind::Create);
        if request.gas.is_none() {
            request.gas = Some(gas(self, &request).await?);
        }
        if request.nonce.is_none() {
            request.nonce = Some(Nonces::default().take(self, from).await?);
        }
        if request.max_fee_per_gas.is_none() {
            let (fee, tip) = fees(self).await?;
            request.max_fee_per_gas = Some(fee);
            request.max_priority_fee_per_gas.get_or_insert(tip);
        }
        let tx = sign(signer, request, 0).await?;
        self.send_raw_sync(tx.raw()).await
    }

    /// Sends a signed transaction and returns its receipt.
    ///
    /// # Errors
    ///
    /// As [`Self::send_sync`].
    pub async fn send_raw_sync(&self, raw: &[u8]) -> Result<TransactionReceipt, NotSent> {
        self.provider().send_raw_transaction_sync(raw).await.map_err(NotSent::of)
    }
}
