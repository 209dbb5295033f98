//! The ten well-known development accounts.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, b256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use eyre::Result;

/// Words that the keys are derived from.
pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Path of the derivation, without the index.
pub(crate) const DERIVATION_PATH: &str = "m/44'/60'/0'/0/";

/// Private keys at indices 0 to 9 of the path.
pub(crate) const KEYS: [B256; 10] = [
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    b256!("0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    b256!("0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    b256!("0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    b256!("0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

/// Returns the signer of account `index`.
///
/// # Panics
///
/// Panics when there is no such account.
pub(crate) fn signer(index: usize) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&KEYS[index]).expect("the keys are valid")
}

/// Signs `tx`; returns its EIP-2718 bytes and its hash.
pub(crate) fn sign(signer: &PrivateKeySigner, tx: TxEip1559) -> Result<(Bytes, B256)> {
    let signature = signer.sign_hash_sync(&tx.signature_hash())?;
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    Ok((envelope.encoded_2718().into(), *envelope.tx_hash()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    #[test]
    fn accounts_are_the_well_known_ones() {
        assert_eq!(signer(0).address(), address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(signer(1).address(), address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"));
        assert_eq!(signer(4).address(), address!("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"));
        assert_eq!(signer(9).address(), address!("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"));
    }
}
