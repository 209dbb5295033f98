//! Development helpers that write to the state or to the clock.

use super::{Engine, look::set_code};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    turns::Priority,
};
use alloy_primitives::{Address, Bytes, U256};
use revm::{DatabaseRef, context::BlockEnv, state::AccountInfo};
use weft_contracts::addresses;
use weft_evm::{AccountChange, Realm, StateChange, TokenId};
use weft_types::NetworkId;

/// Addresses that the executor or the opening and closing of blocks rely on.
const SYSTEM: [Address; 7] = [
    addresses::RESERVED,
    addresses::MANAGER,
    addresses::BRIDGE,
    addresses::DEAD_REGISTRY,
    addresses::SYSTEM_SENDER,
    addresses::HISTORY_STORAGE,
    addresses::BEACON_ROOTS,
];

/// How far the clock may be moved at once: a century keeps all times far from the end of 64 bits.
const MAX_AHEAD_MS: u64 = 100 * 365 * 86_400 * 1_000;

impl Engine {
    /// Gives an account other ether; the rollup's escrow follows, or ether could leave that never came (P24).
    pub(crate) fn set_balance(
        &mut self,
        network: NetworkId,
        address: Address,
        balance: U256,
    ) -> RpcResult<()> {
        self.between_slots(|engine| {
            let old = engine.closed_account(network, address)?.balance;
            let escrow = engine.realm.escrow().balance(network, TokenId::ETHER);
            let others = engine.all_ether().saturating_sub(old);
            if others.checked_add(balance).is_none() {
                return Err(RpcError::params("all ether of the realm must fit 256 bits"));
            }
            let escrow = escrow.saturating_sub(old).saturating_add(balance);
            engine.set_escrow(network, escrow);
            engine.cheat(network, address, |change| {
                change.info.get_or_insert_default().balance = balance;
                Ok(())
            })
        })
    }

    /// Gives an account another nonce.
    pub(crate) fn set_nonce(
        &mut self,
        network: NetworkId,
        address: Address,
        nonce: u64,
    ) -> RpcResult<()> {
        check_writable(address, "nonce")?;
        self.between_slots(|engine| {
            engine.cheat(network, address, |change| {
                change.info.get_or_insert_default().nonce = nonce;
                Ok(())
            })
        })
    }

    /// Gives an account other code.
    pub(crate) fn set_code(
        &mut self,
        network: NetworkId,
        address: Address,
        code: Bytes,
    ) -> RpcResult<()> {
        check_writable(address, "code")?;
        self.between_slots(|engine| {
            engine.cheat(network, address, |change| {
                set_code(change.info.get_or_insert_default(), code)
            })
        })
    }

    /// Writes a storage slot.
    pub(crate) fn set_storage(
        &mut self,
        network: NetworkId,
        address: Address,
        key: U256,
        value: U256,
    ) -> RpcResult<()> {
        check_writable(address, "storage")?;
        self.between_slots(|engine| {
            engine.cheat(network, address, |change| {
                change.info.get_or_insert_default();
                change.storage.insert(key, value);
                Ok(())
            })
        })
    }

    /// Gives the block that is open another base fee. What is in it closes first.
    pub(crate) fn set_base_fee(&mut self, network: NetworkId, wei: u64) {
        if self.has_items() {
            self.close_now();
        }
        let env = self.realm.block_env(network).expect("the rollup runs here");
        let env = BlockEnv { basefee: wei, ..env.clone() };
        self.realm.set_block_env(network, env);
    }

    /// Moves the clock forward; returns by how much it is ahead of the wall's in all, in seconds.
    pub(crate) fn increase_time(&mut self, seconds: u64) -> RpcResult<()> {
        if seconds > MAX_AHEAD_MS / 1000 {
            return Err(RpcError::params(format!("{seconds} seconds is too far in the future")));
        }
        self.clock.increase(seconds * 1000);
        self.tick();
        Ok(())
    }

    /// Moves the clock forward to the beginning of a second, which may be the present one.
    pub(crate) fn set_time(&mut self, timestamp: u64) -> RpcResult<()> {
        let now_ms = self.clock.now_ms();
        if timestamp < now_ms / 1000 {
            return Err(RpcError::params(format!("timestamp {timestamp} is in the past")));
        }
        let ahead_ms = timestamp.saturating_mul(1000).saturating_sub(now_ms);
        if ahead_ms > MAX_AHEAD_MS {
            return Err(RpcError::params(format!(
                "timestamp {timestamp} is too far in the future"
            )));
        }
        self.clock.increase(ahead_ms);
        self.tick();
        Ok(())
    }

    /// Closes `blocks` blocks of a rollup now, empty ones if need be, each at least a second after the last and
    /// `seconds` after the one before it.
    ///
    /// A realm makes an empty block only when the last one is too old, so for a moment one second is too old here.
    pub(crate) fn mine(&mut self, network: NetworkId, blocks: u64, seconds: u64) {
        for index in 0..blocks {
            if index > 0 {
                self.let_age(network, seconds);
            }
            let before = self.chain(network).store.head_number();
            // An auction takes place when a slot opens.
            if self.config.priority == Priority::Fees {
                self.close_now();
            }
            if self.has_items() {
                self.close_now();
            }
            if self.chain(network).store.head_number() == before {
                self.between_slots(|engine| engine.make_due(network, 1));
                self.let_age(network, 1);
                self.close_now();
                let interval = self.chain(network).spec.max_block_interval;
                self.between_slots(|engine| engine.make_due(network, interval));
            }
        }
    }

    /// Lets time pass until the last block is `seconds` old.
    fn let_age(&mut self, network: NetworkId, seconds: u64) {
        let head = self.chain(network).store.head().header.timestamp;
        let until_ms = head.saturating_add(seconds).saturating_mul(1000);
        self.clock.increase(until_ms.saturating_sub(self.clock.now_ms()));
        self.tick();
    }

    /// Rebuilds the realm with another longest time without a block on one rollup.
    fn make_due(&mut self, network: NetworkId, interval: u64) {
        let (mut rollups, escrow, heads) = self.parts();
        for rollup in rollups.iter_mut().filter(|rollup| rollup.spec.network == network) {
            rollup.spec.max_block_interval = interval;
        }
        self.realm = Realm::new(self.domain, rollups, escrow, heads);
    }

    fn set_escrow(&mut self, network: NetworkId, wei: U256) {
        let (rollups, mut escrow, heads) = self.parts();
        escrow.set(network, TokenId::ETHER, wei);
        self.realm = Realm::new(self.domain, rollups, escrow, heads);
    }

    fn closed_account(&self, network: NetworkId, address: Address) -> RpcResult<AccountInfo> {
        let state = self.realm.state(network).expect("the rollup runs here");
        Ok(state.basic_ref(address)?.unwrap_or_default())
    }

    /// Writes to an account while no slot is open.
    fn cheat(
        &mut self,
        network: NetworkId,
        address: Address,
        write: impl FnOnce(&mut AccountChange) -> RpcResult<()>,
    ) -> RpcResult<()> {
        let state = self.realm.state(network).expect("the rollup runs here");
        let info = state.basic_ref(address)?;
        let mut change = AccountChange { info, ..AccountChange::default() };
        write(&mut change)?;
        let working = self.realm.working(network).expect("the rollup runs here");
        Ok(working.rebase().amend(&StateChange::from([(address, change)]))?)
    }
}

/// Refuses to change a system contract, without which no block could be made.
fn check_writable(address: Address, what: &str) -> RpcResult<()> {
    if SYSTEM.contains(&address) {
        return Err(RpcError::params(format!("{what} of system contract {address} is fixed")));
    }
    Ok(())
}
