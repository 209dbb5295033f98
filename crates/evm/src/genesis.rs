//! Genesis of a rollup.

use crate::{
    chain::ChainSpec,
    realm::Rollup,
    state::{MemoryState, State},
};
use alloc::vec::Vec;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use weft_contracts::predeploys;

/// Base fee of a genesis block that names none, in wei per unit of gas.
pub const GENESIS_BASE_FEE: u64 = 1_000_000_000;

/// An account of a genesis state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Address.
    pub address: Address,
    /// Wei.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Runtime code.
    pub code: Bytes,
    /// Slots that are not zero.
    pub storage: Vec<(U256, U256)>,
}

/// Builds a rollup at genesis: the predeploys and `accounts`. `timestamp` is in seconds since the Unix epoch.
pub fn genesis(
    spec: ChainSpec,
    timestamp: u64,
    accounts: &[GenesisAccount],
) -> Rollup<MemoryState> {
    genesis_with_fee(spec, timestamp, GENESIS_BASE_FEE, accounts)
}

/// Builds a rollup at genesis like [`genesis`], with a base fee of its own, in wei per unit of gas.
pub fn genesis_with_fee(
    spec: ChainSpec,
    timestamp: u64,
    base_fee: u64,
    accounts: &[GenesisAccount],
) -> Rollup<MemoryState> {
    let mut state = MemoryState::new();
    for predeploy in predeploys(spec.network.get()) {
        let storage = predeploy.storage.iter().copied();
        state.insert(predeploy.address, U256::ZERO, predeploy.nonce, predeploy.code, storage);
    }
    for account in accounts {
        let storage = account.storage.iter().copied();
        state.insert(
            account.address,
            account.balance,
            account.nonce,
            account.code.clone(),
            storage,
        );
    }
    let Ok(root) = state.root();
    let head = genesis_header(&spec, timestamp, base_fee, root);
    let head_hash = head.hash_slow();
    let Ok(()) = state.insert_block_hash(0, head_hash);
    Rollup { spec, state, head, head_hash }
}

fn genesis_header(spec: &ChainSpec, timestamp: u64, base_fee: u64, state_root: B256) -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: spec.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        gas_limit: spec.block_gas_limit,
        timestamp,
        extra_data: Bytes::copy_from_slice(&(timestamp * 1000).to_be_bytes()),
        base_fee_per_gas: Some(base_fee),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
