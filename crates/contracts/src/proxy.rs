//! Addresses and registry entries of cross-chain proxies (P20).

use alloy_primitives::{Address, B256, U256, b256, keccak256};

use crate::addresses::{BRIDGE, MANAGER};

/// Keccak hash of the creation code that every cross-chain proxy has.
pub const PROXY_INIT_CODE_HASH: B256 =
    b256!("c3d6f96fb95e1613e4de968fbee90df7e8a7ba0cd5e9357d8ab04ebf398118aa");

/// Keccak hash of the creation code that every wrapped token has.
pub const WRAPPED_TOKEN_INIT_CODE_HASH: B256 =
    b256!("29a21e3d1b60b2c08cdd017d177f4d1ed0b19c1202df840209b77ead94227c04");

/// Bit that tells a registered proxy from an empty entry.
const REGISTERED_BIT: usize = 255;

/// Returns the address that the proxy of `original` of `network` has on every other network.
pub fn proxy_address(network: u32, original: Address) -> Address {
    MANAGER.create2(keccak256(two_words(network, original)), PROXY_INIT_CODE_HASH)
}

/// Returns the address that the wrapped form of a token has on every network but its own.
pub fn wrapped_token_address(origin_network: u32, origin_token: Address) -> Address {
    BRIDGE.create2(keccak256(two_words(origin_network, origin_token)), WRAPPED_TOKEN_INIT_CODE_HASH)
}

/// Returns the storage slot of the manager that says whom `proxy` stands for: the address itself.
pub fn proxy_registry_slot(proxy: Address) -> U256 {
    proxy.into_word().into()
}

/// Returns what the manager stores for the proxy of `original` of `network`.
pub fn proxy_registry_entry(network: u32, original: Address) -> U256 {
    let mut entry: U256 = U256::from(network) << 160 | U256::from_be_slice(original.as_slice());
    entry.set_bit(REGISTERED_BIT, true);
    entry
}

/// ABI encoding of a network and an address.
fn two_words(network: u32, address: Address) -> [u8; 64] {
    let mut words = [0; 64];
    words[28..32].copy_from_slice(&network.to_be_bytes());
    words[44..].copy_from_slice(address.as_slice());
    words
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;
    use crate::code;

    #[test]
    fn init_code_hashes_are_those_of_the_artifacts() {
        assert_eq!(keccak256(&code::PROXY_CREATION), PROXY_INIT_CODE_HASH);
        assert_eq!(keccak256(&code::WRAPPED_TOKEN_CREATION), WRAPPED_TOKEN_INIT_CODE_HASH);
    }

    #[test]
    fn runtime_code_of_the_proxy_ends_its_creation_code() {
        assert!(code::PROXY_CREATION.ends_with(&code::PROXY));
    }

    // The same values stand in contracts/test/Manager.t.sol and Bridge.t.sol.
    #[test]
    fn addresses_are_those_that_the_contracts_compute() {
        let original = address!("000000000000000000000000000000000000cafe");
        assert_eq!(
            proxy_address(902, original),
            address!("9b36c68af7f8b89a4df8e0794621a178c8503a37")
        );
        assert_eq!(
            wrapped_token_address(902, original),
            address!("64cb84c251d480ad9ea52eb3bd69e2487a8ec25b")
        );
    }

    #[test]
    fn registry_entry_of_the_zero_address_of_l1_is_not_empty() {
        assert_eq!(proxy_registry_entry(0, Address::ZERO), U256::from(1) << 255);
    }

    #[test]
    fn registry_entry_holds_network_above_original() {
        let original = address!("000000000000000000000000000000000000cafe");
        let entry = proxy_registry_entry(902, original);
        assert_eq!(entry, U256::from(1) << 255 | U256::from(902) << 160 | U256::from(0xcafe));
    }
}
