//! Bindings, addresses and bytecode of the Weft contracts.
//!
//! The contracts live in `contracts/` at the root of the repository; their compiled artifacts are committed there, so
//! this crate builds without a Solidity compiler. [`Manager`], [`Bridge`] and their kind are generated from the
//! artifacts and carry the ABI types together with `BYTECODE` and `DEPLOYED_BYTECODE`. [`predeploys`] is what the
//! genesis of a rollup holds, [`proxy_address`] the address of a cross-chain proxy.
//!
//! This crate executes nothing and encodes nothing beyond the ABI.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod addresses;
pub mod code;
pub mod l1;

mod bindings;
mod predeploys;
mod proxy;

pub use bindings::*;
pub use predeploys::{Predeploy, fee_vault, fee_vault_slot, predeploys};
pub use proxy::{
    PROXY_INIT_CODE_HASH, WRAPPED_TOKEN_INIT_CODE_HASH, proxy_address, proxy_registry_entry,
    proxy_registry_slot, wrapped_token_address,
};
