//! Signing with development keys.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use eyre::Result;
use weft_node::DEV_ACCOUNTS;

/// Words that the keys of the development accounts are derived from.
pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Returns the signer of development account `index`.
///
/// # Panics
///
/// Panics when there is no such account.
pub(crate) fn signer(index: usize) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&DEV_ACCOUNTS[index].key).expect("the keys are valid")
}

/// Signs `tx`; returns its EIP-2718 bytes and its hash.
pub(crate) fn sign(signer: &PrivateKeySigner, tx: TxEip1559) -> Result<(Bytes, B256)> {
    let signature = signer.sign_hash_sync(&tx.signature_hash())?;
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    Ok((envelope.encoded_2718().into(), *envelope.tx_hash()))
}
