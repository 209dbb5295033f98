//! Addresses that are the same on every rollup.

use alloy_primitives::{Address, address};

/// Address that the executor intercepts; it has no code (P21).
pub const RESERVED: Address = address!("5745465400000000000000000000000000000000");
/// Address of the `Manager` predeploy.
pub const MANAGER: Address = address!("5745465400000000000000000000000000000001");
/// Address of the `Bridge` predeploy.
pub const BRIDGE: Address = address!("5745465400000000000000000000000000000002");
/// Address of the `DeadRegistry` predeploy.
pub const DEAD_REGISTRY: Address = address!("5745465400000000000000000000000000000003");
/// Address of the `FeeVault` predeploy, on the home rollup of a realm that takes sealed items (P13).
pub const FEE_VAULT: Address = address!("5745465400000000000000000000000000000004");
/// Sender of system transactions and of the closing system call (P29).
pub const SYSTEM_SENDER: Address = address!("57454654000000000000000000000000000000fF");

/// Arachnid's deterministic deployment proxy.
pub const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
/// Multicall3.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");
/// Permit2.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");
/// History storage of EIP-2935.
pub const HISTORY_STORAGE: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
/// Beacon roots of EIP-4788.
pub const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
