//! Chains and clients of tests.

use alloy_network::EthereumWallet;
use alloy_primitives::{Address, B256, U256, b256};
use alloy_provider::{Provider, ProviderBuilder};
use alloy_signer_local::PrivateKeySigner;
use std::{
    ops::Deref,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use weft_devl1::{ANVIL_VARIABLE, Backend, DevL1, Settings};

/// A development key that anvil knows, and one that nobody does.
pub(crate) const KEYS: [B256; 2] = [
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("0x0101010101010101010101010101010101010101010101010101010101010101"),
];

/// What a funded account has.
pub(crate) const ETHER: U256 = U256::from_limbs([10_000_000_000_000_000_000, 0, 0, 0]);

/// The backends.
pub(crate) mod backends {
    use super::*;

    /// The one that needs nothing.
    pub(crate) fn embedded() -> Backend {
        Backend::Embedded
    }

    /// anvil: the one that is named, else the one of the acceptance stories.
    pub(crate) fn anvil() -> Backend {
        let named = std::env::var_os(ANVIL_VARIABLE).map(PathBuf::from);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../acceptance/node_modules");
        let ours = folder.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
        let program = named.unwrap_or(ours);
        assert!(program.is_file(), "no {}: run npm ci in acceptance/", program.display());
        Backend::Anvil(program)
    }
}

/// A chain with the folder of its blobs.
pub(crate) struct Chain {
    pub(crate) l1: Box<dyn DevL1>,
    pub(crate) folder: TempDir,
}

impl Deref for Chain {
    type Target = dyn DevL1;

    fn deref(&self) -> &Self::Target {
        &*self.l1
    }
}

/// Returns settings of a chain that makes blocks only when it is told.
pub(crate) fn settings(backend: Backend, folder: &TempDir) -> Settings {
    Settings {
        port: 0,
        interval: Duration::from_secs(3600),
        funded: KEYS.iter().map(|key| (account(key), ETHER)).collect(),
        ..Settings::new(backend, folder.path().join("blobs"))
    }
}

pub(crate) async fn chain(backend: Backend) -> Chain {
    let folder = tempfile::tempdir().unwrap();
    let l1 = weft_devl1::start(settings(backend, &folder)).await.unwrap();
    Chain { l1, folder }
}

pub(crate) fn account(key: &B256) -> Address {
    PrivateKeySigner::from_bytes(key).unwrap().address()
}

/// Returns a client that signs with the second key.
pub(crate) fn client(l1: &dyn DevL1) -> impl Provider + Clone + use<> {
    let wallet = EthereumWallet::from(PrivateKeySigner::from_bytes(&KEYS[1]).unwrap());
    ProviderBuilder::new().wallet(wallet).connect_http(l1.url().parse().unwrap())
}
