//! Accounts that the genesis of a rollup holds.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::{addresses, code};

/// Opcode INVALID (EIP-141).
const INVALID: u8 = 0xfe;

/// One contract of the genesis state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predeploy {
    /// Where the contract is.
    pub address: Address,
    /// Its runtime bytecode.
    pub code: Bytes,
    /// Its non-zero storage as (slot, value).
    pub storage: Vec<(U256, U256)>,
    /// Its nonce, 1 as after a creation (EIP-161).
    pub nonce: u64,
}

/// Returns the contracts at genesis of the rollup `network`, in the order of their addresses.
pub fn predeploys(network: u32) -> Vec<Predeploy> {
    // The manager reads its own network id from slot 0, so that its code is the same on every rollup.
    let manager_storage = vec![(U256::ZERO, U256::from(network))];
    let mut all = vec![
        with_storage(addresses::MANAGER, code::MANAGER.clone(), manager_storage),
        // The executor intercepts calls to it before any code; this byte keeps it from being an empty account, to which
        // every value transfer would pay for a new one, and halts whoever runs it elsewhere.
        predeploy(addresses::RESERVED, Bytes::from_static(&[INVALID])),
        predeploy(addresses::BRIDGE, code::BRIDGE.clone()),
        predeploy(addresses::DEAD_REGISTRY, code::DEAD_REGISTRY.clone()),
        predeploy(addresses::CREATE2_DEPLOYER, Bytes::from_static(&code::CREATE2_DEPLOYER)),
        predeploy(addresses::MULTICALL3, Bytes::from_static(&code::MULTICALL3)),
        predeploy(addresses::PERMIT2, Bytes::from_static(&code::PERMIT2)),
        predeploy(addresses::HISTORY_STORAGE, Bytes::from_static(&code::HISTORY_STORAGE)),
        predeploy(addresses::BEACON_ROOTS, Bytes::from_static(&code::BEACON_ROOTS)),
    ];
    all.sort_by_key(|account| account.address);
    all
}

/// Returns the vault from which sealed items are paid, for the home rollup of a realm that takes them (P13).
pub fn fee_vault() -> Predeploy {
    predeploy(addresses::FEE_VAULT, code::FEE_VAULT.clone())
}

/// Returns the key of the first word of a payer's account in the vault: its deposit in the lower half, in wei, and what
/// leaves in the upper one.
pub fn fee_vault_slot(payer: Address) -> U256 {
    // The accounts are the first variable of the contract.
    keccak256((payer, U256::ZERO).abi_encode()).into()
}

fn predeploy(address: Address, code: Bytes) -> Predeploy {
    with_storage(address, code, Vec::new())
}

fn with_storage(address: Address, code: Bytes, storage: Vec<(U256, U256)>) -> Predeploy {
    Predeploy { address, code, storage, nonce: 1 }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn predeploys_of_two_rollups_differ_in_the_network_id_only() {
        let (mut first, second) = (predeploys(901), predeploys(902));
        let manager =
            first.iter_mut().find(|account| account.address == addresses::MANAGER).unwrap();
        assert_eq!(manager.storage, [(U256::ZERO, U256::from(901))]);
        manager.storage[0].1 = U256::from(902);
        assert_eq!(first, second);
    }

    #[test]
    fn predeploys_have_code_within_the_size_limit_and_distinct_addresses() {
        let all = predeploys(901);
        let addresses: BTreeSet<Address> = all.iter().map(|account| account.address).collect();
        assert_eq!(addresses.len(), all.len());
        assert!(all.iter().all(|account| !account.code.is_empty() && account.code.len() <= 24_576));
    }

    #[test]
    fn code_of_the_reserved_address_halts() {
        let all = predeploys(901);
        let reserved = all.iter().find(|account| account.address == addresses::RESERVED).unwrap();
        assert_eq!(reserved.code.as_ref(), [INVALID]);
    }
}
