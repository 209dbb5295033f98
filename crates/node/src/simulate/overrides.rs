//! Overrides of a block: accounts, precompiled contracts, header fields.

use super::state::Sand;
use crate::{
    engine::override_account,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::{Address, U256};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use revm::{Database, DatabaseRef, state::AccountInfo};
use std::collections::BTreeMap;
use weft_evm::{AccountChange, MovedPrecompiles, Realm, State, StateChange};
use weft_state::StoreError;
use weft_types::NetworkId;

/// Writes state overrides into a rollup; they are no part of any transaction. Precompiled contracts are where this
/// block moves them: every block starts with all of them at home.
pub(super) fn apply(
    realm: &mut Realm<Sand>,
    network: NetworkId,
    overrides: &StateOverride,
) -> RpcResult<()> {
    let mut moved = MovedPrecompiles::new();
    let sorted: BTreeMap<_, _> = overrides.iter().collect();
    let mut changes = StateChange::new();
    let mut made = U256::ZERO;
    for (address, account) in sorted {
        move_precompile(realm, network, *address, account, overrides, &mut moved)?;
        let rest = AccountOverride { move_precompile_to: None, ..account.clone() };
        if rest == AccountOverride::default() {
            continue;
        }
        let state = realm.state(network).expect("the rollup runs here");
        let info = state.basic_ref(*address)?;
        let before = info.as_ref().map(|info| info.balance).unwrap_or_default();
        let mut change = AccountChange { info, ..AccountChange::default() };
        override_account(&mut change, &rest)?;
        let after = change.info.as_ref().map(|info| info.balance).unwrap_or_default();
        made = made.saturating_add(after.saturating_sub(before));
        changes.insert(*address, change);
    }
    realm.working(network).expect("the rollup runs here").rebase().apply(&changes)?;
    realm.grow_escrow(network, made);
    realm.move_precompiles(network, moved);
    Ok(())
}

/// Writes a nonce into a rollup.
pub(super) fn set_nonce(
    realm: &mut Realm<Sand>,
    network: NetworkId,
    address: Address,
    nonce: u64,
) -> Result<(), StoreError> {
    write(realm, network, address, |info| info.nonce = nonce)
}

/// Adds wei to an account of a rollup.
pub(super) fn credit(
    realm: &mut Realm<Sand>,
    network: NetworkId,
    address: Address,
    wei: U256,
) -> Result<(), StoreError> {
    write(realm, network, address, |info| info.balance = info.balance.saturating_add(wei))
}

fn write(
    realm: &mut Realm<Sand>,
    network: NetworkId,
    address: Address,
    write: impl FnOnce(&mut AccountInfo),
) -> Result<(), StoreError> {
    let working = realm.working(network).expect("the rollup runs here");
    let (info, mut changes) = (working.basic(address)?, working.changes()?);
    let change = changes.entry(address).or_default();
    write(change.info.insert(info.unwrap_or_default()));
    working.rebase().apply(&changes)
}

fn move_precompile(
    realm: &Realm<Sand>,
    network: NetworkId,
    address: Address,
    account: &AccountOverride,
    overrides: &StateOverride,
    moved: &mut MovedPrecompiles,
) -> RpcResult<()> {
    let original = match moved.get(&address) {
        Some(original) => *original,
        None => realm.is_precompile(network, &address).then_some(address),
    };
    if let Some(to) = account.move_precompile_to {
        let original = original
            .ok_or_else(|| RpcError::refused(format!("account {address} is not a precompile")))?;
        if overrides.contains_key(&to) {
            return Err(RpcError::refused(format!("account {to} is already overridden")));
        }
        moved.insert(to, Some(original));
    }
    // What is overridden is no precompile any more.
    if original.is_some() {
        moved.insert(address, None);
    }
    Ok(())
}
