//! Rollups as they stand before their first block.

use alloc::vec::Vec;
use alloy_primitives::U256;
use weft_batch::RollupGenesis;
use weft_contracts::fee_vault;
use weft_evm::{ChainSpec, FailedPolicy, GenesisAccount, MemoryState, Rollup, genesis_with_fee};

/// Builds a rollup at genesis.
pub fn rollup(genesis: &RollupGenesis) -> Rollup<MemoryState> {
    let account = |(address, balance): &(_, U256)| GenesisAccount {
        address: *address,
        balance: *balance,
        ..GenesisAccount::default()
    };
    let vault = genesis.is_home.then(|| {
        let vault = fee_vault();
        let (address, nonce, code) = (vault.address, vault.nonce, vault.code);
        GenesisAccount { address, nonce, code, ..GenesisAccount::default() }
    });
    let accounts: Vec<_> = genesis.allocations.iter().map(account).chain(vault).collect();
    let failed = FailedPolicy::removing(genesis.removes_failed);
    let usual = ChainSpec::dev(genesis.chain_id);
    let spec = ChainSpec { block_gas_limit: genesis.gas_limit, failed, ..usual };
    genesis_with_fee(spec, genesis.timestamp, genesis.base_fee, &accounts)
}

/// Returns the ether that a rollup begins with, in wei: its first escrow balance (P24).
pub(crate) fn ether(rollup: &Rollup<MemoryState>) -> U256 {
    let balances = rollup.state.accounts().map(|(_, account)| account.info.balance);
    balances.fold(U256::ZERO, U256::saturating_add)
}
