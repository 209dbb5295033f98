//! Runtime bytecode of the predeploys, and creation bytecode of what is deployed by others.
//!
//! Runtime bytecode of a contract with immutables has zeros where they go, so only predeploys, which have none, are
//! listed with it.

use alloy_primitives::{hex, hex::const_decode_to_array};

pub use crate::bindings::{
    Bridge::DEPLOYED_BYTECODE as BRIDGE, Counter::BYTECODE as COUNTER_CREATION,
    CrossChainProxy::BYTECODE as PROXY_CREATION, CrossChainProxy::DEPLOYED_BYTECODE as PROXY,
    CrossChainToken::BYTECODE as CROSS_CHAIN_TOKEN_CREATION,
    DeadRegistry::DEPLOYED_BYTECODE as DEAD_REGISTRY, FeeVault::DEPLOYED_BYTECODE as FEE_VAULT,
    FlashArb::BYTECODE as FLASH_ARB_CREATION, FlashLender::BYTECODE as FLASH_LENDER_CREATION,
    Manager::DEPLOYED_BYTECODE as MANAGER, Payer::BYTECODE as PAYER_CREATION,
    Pool::BYTECODE as POOL_CREATION, RemoteTrader::BYTECODE as REMOTE_TRADER_CREATION,
    Weth::BYTECODE as WETH_CREATION, WrappedToken::BYTECODE as WRAPPED_TOKEN_CREATION,
};

/// Runtime bytecode of Arachnid's deterministic deployment proxy.
pub static CREATE2_DEPLOYER: [u8; 69] = hex!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe036016000816020823780358282"
    "34f58015156039578182fd5b8082525050506014600cf3"
);

/// Runtime bytecode of Multicall3 1.0 (MIT), as on Ethereum.
pub static MULTICALL3: [u8; 3808] = parse(include_str!("../bytecode/multicall3.hex"));

/// Runtime bytecode of Permit2 (MIT), as on Ethereum; it computes its domain separator where the chain id is not 1.
pub static PERMIT2: [u8; 9152] = parse(include_str!("../bytecode/permit2.hex"));

/// Runtime bytecode of EIP-2935.
pub static HISTORY_STORAGE: [u8; 83] = hex!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff"
    "81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
);

/// Runtime bytecode of EIP-4788.
pub static BEACON_ROOTS: [u8; 97] = hex!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001f"
    "ff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff"
    "015500"
);

const fn parse<const N: usize>(text: &str) -> [u8; N] {
    match const_decode_to_array(text.as_bytes().trim_ascii()) {
        Ok(bytes) => bytes,
        Err(_) => panic!("committed bytecode is not hex of the declared length"),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, keccak256};

    use super::*;

    #[test]
    fn public_contracts_have_the_code_hashes_of_ethereum() {
        assert_eq!(
            keccak256(MULTICALL3),
            b256!("d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891")
        );
        assert_eq!(
            keccak256(PERMIT2),
            b256!("c67d1657868aa5146eaf24fb879fb1fdec3d2d493b3683a61c9c2f4fb2851131")
        );
        assert_eq!(
            keccak256(CREATE2_DEPLOYER),
            b256!("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
        );
    }
}
