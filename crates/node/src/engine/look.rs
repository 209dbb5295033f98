//! Looking at states: of the open slot, of closed blocks, with overrides; and running calls on them.

use super::Engine;
use crate::{
    rpc::{
        errors::{RpcError, RpcResult},
        overrides::apply as override_block,
    },
    view::View,
};
use alloy_primitives::{Address, B256, U256};
use alloy_rpc_types_eth::{
    BlockOverrides,
    state::{AccountOverride, StateOverride},
};
use revm::{Database, DatabaseRef, bytecode::Bytecode, context::TxEnv, state::AccountInfo};
use weft_evm::{
    AccountChange, Escrow, Heads, Realm, Rollup, SimulateMode, Simulated, StateChange, TokenId,
};
use weft_state::ChainState;
use weft_types::{Domain, NetworkId, SlotHeader, SlotNumber};

/// A moment of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The open slot, with everything that was executed in it.
    Pending,
    /// After a block.
    Block(u64),
}

/// What a call finds otherwise than it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    pub(crate) state: Option<StateOverride>,
    pub(crate) block: Option<BlockOverrides>,
}

impl Overrides {
    pub(crate) const fn is_empty(&self) -> bool {
        self.state.is_none() && self.block.is_none()
    }
}

/// What a realm that may be written to and thrown away is made of. It stands apart from the engine, so that any thread
/// may run it.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(super) domain: Domain,
    pub(super) slot: SlotHeader,
    pub(super) rollups: Vec<Rollup<View>>,
    pub(super) escrow: Escrow,
    pub(super) heads: Heads,
}

impl Scratch {
    /// Opens the slot of the moment.
    pub(crate) fn open(self) -> RpcResult<Realm<View>> {
        let mut realm = Realm::new(self.domain, self.rollups, self.escrow, self.heads);
        realm.open_slot(self.slot).map_err(unopened)?;
        Ok(realm)
    }
}

/// What every scratch realm of a look is made of.
struct Moment {
    head: alloy_consensus::Header,
    head_hash: B256,
    state: ChainState,
    number: Option<u64>,
    overlay: StateChange,
}

impl Engine {
    /// Returns an account at a moment; `None` when it does not exist.
    pub(crate) fn account(
        &mut self,
        network: NetworkId,
        at: At,
        address: Address,
    ) -> RpcResult<Option<AccountInfo>> {
        match self.closed(network, at)? {
            None => Ok(self.working(network).basic(address)?),
            Some((state, None)) => Ok(state.basic_ref(address)?),
            Some((state, Some(number))) => Ok(state.account_at(number, address)?),
        }
    }

    /// Returns a storage slot at a moment.
    pub(crate) fn storage(
        &mut self,
        network: NetworkId,
        at: At,
        address: Address,
        key: U256,
    ) -> RpcResult<U256> {
        match self.closed(network, at)? {
            None => Ok(self.working(network).storage(address, key)?),
            Some((state, None)) => Ok(state.storage_ref(address, key)?),
            Some((state, Some(number))) => Ok(state.storage_at(number, address, key)?),
        }
    }

    pub(super) fn working(
        &mut self,
        network: NetworkId,
    ) -> &mut weft_evm::WorkingState<ChainState> {
        self.realm.working(network).expect("the rollup runs here")
    }

    /// Returns the closed state of a moment and, when it is not the last one, its block; `None` for the open slot.
    pub(super) fn closed(
        &self,
        network: NetworkId,
        at: At,
    ) -> RpcResult<Option<(&ChainState, Option<u64>)>> {
        let At::Block(number) = at else { return Ok(None) };
        let state = self.realm.state(network).expect("the rollup runs here");
        let head = self.chain(network).store.head_number();
        if number == head {
            return Ok(Some((state, None)));
        }
        if !state.reaches(number) {
            return Err(RpcError::refused(format!(
                "historical state unavailable: block {number} is too far from block {head}"
            )));
        }
        Ok(Some((state, Some(number))))
    }

    /// Returns the ether of all rollups together.
    pub(crate) fn all_ether(&self) -> U256 {
        let balances = self.realm.escrow().iter();
        let ether = balances.filter(|(_, token, _)| *token == TokenId::ETHER);
        ether.fold(U256::ZERO, |sum, (_, _, wei)| sum.saturating_add(wei))
    }

    /// Runs a call at a moment, over all rollups, and forgets it.
    pub(crate) fn look(
        &mut self,
        network: NetworkId,
        at: At,
        tx: TxEnv,
        overrides: Overrides,
    ) -> RpcResult<Simulated> {
        if self.chain(network).foreign.is_some() {
            return self.look_foreign(network, at, tx, overrides);
        }
        let simulated = if at == At::Pending && overrides.is_empty() {
            self.realm.simulate(network, tx, SimulateMode::Call)
        } else {
            let mut scratch = self.scratch(network, at, overrides.state.unwrap_or_default())?;
            if let Some(block) = &overrides.block {
                override_block(&mut scratch, network, block)?;
            }
            scratch.simulate(network, tx, SimulateMode::Call)
        };
        simulated.map_err(|error| RpcError::new(-32603, format!("call could not run: {error}")))
    }

    /// Returns a realm that may be written to and thrown away, standing where this one stood at a moment.
    pub(crate) fn scratch(
        &mut self,
        network: NetworkId,
        at: At,
        overrides: StateOverride,
    ) -> RpcResult<Realm<View>> {
        self.apart(network, at, overrides)?.open()
    }

    /// Returns what a scratch realm is made of.
    pub(crate) fn apart(
        &mut self,
        network: NetworkId,
        at: At,
        overrides: StateOverride,
    ) -> RpcResult<Scratch> {
        let slot = self.slot_at(network, at)?;
        // No more than this can arrive from elsewhere, whatever a call does.
        let most_ether = U256::MAX - self.all_ether();
        let mut rollups = Vec::new();
        for spec in self.realm.specs().cloned().collect::<Vec<_>>() {
            let mut moment = match at {
                At::Pending => self.pending_moment(spec.network)?,
                At::Block(number) if spec.network == network => self.moment(network, number)?,
                // After its last block a rollup sees the others after theirs; after an earlier one as they were then.
                At::Block(number) if number == self.chain(network).store.head_number() => {
                    self.moment(spec.network, self.chain(spec.network).store.head_number())?
                }
                At::Block(_) => {
                    let store = &self.chain(spec.network).store;
                    self.moment(spec.network, store.at_time(slot.unix_ms)?.header.number)?
                }
            };
            if spec.network == network {
                moment.apply(&overrides, most_ether)?;
            }
            let state = View::new(moment.state, moment.number, moment.overlay);
            let (head, head_hash) = (moment.head, moment.head_hash);
            rollups.push(Rollup { spec, state, head, head_hash });
        }
        let (escrow, heads) = (self.realm.escrow().clone(), self.realm.heads().clone());
        Ok(Scratch { domain: self.domain, slot, rollups, escrow, heads })
    }

    /// Returns the header of the slot in which a moment's block was made.
    fn slot_at(&self, network: NetworkId, at: At) -> RpcResult<SlotHeader> {
        let open = self.realm.slot().expect("a slot is always open").clone();
        Ok(match at {
            At::Pending => open,
            At::Block(number) => match self.chain(network).store.by_number(number)? {
                Some(block) => SlotHeader {
                    number: SlotNumber::new(block.slot),
                    unix_ms: block.unix_ms(),
                    ..open
                },
                None => open,
            },
        })
    }

    fn pending_moment(&mut self, network: NetworkId) -> RpcResult<Moment> {
        let overlay = self.working(network).changes()?;
        let state = self.realm.state(network).expect("the rollup runs here").clone();
        let (head, head_hash) = self.realm.head(network).expect("the rollup runs here");
        Ok(Moment { head: head.clone(), head_hash, state, number: None, overlay })
    }

    /// A call after block `n` sees the environment of block `n`, so its parent counts as the last block.
    fn moment(&self, network: NetworkId, number: u64) -> RpcResult<Moment> {
        let (state, at) =
            self.closed(network, At::Block(number))?.expect("closed blocks have a closed state");
        let store = &self.chain(network).store;
        let parent = store.by_number(number.saturating_sub(1))?;
        let parent = parent.expect("blocks are stored without gaps");
        Ok(Moment {
            head: parent.header.clone(),
            head_hash: parent.hash,
            state: state.clone(),
            number: at,
            overlay: StateChange::new(),
        })
    }
}

impl Moment {
    /// Writes overrides; balances are cut so that arriving ether still fits 256 bits.
    fn apply(&mut self, overrides: &StateOverride, most_ether: U256) -> RpcResult<()> {
        let view = View::new(self.state.clone(), self.number, self.overlay.clone());
        for (address, account) in overrides {
            let info = view.basic_ref(*address)?;
            let entry = self.overlay.entry(*address);
            let entry = entry.or_insert(AccountChange { info, ..AccountChange::default() });
            override_account(entry, account)?;
            if let Some(info) = &mut entry.info {
                info.balance = info.balance.min(most_ether);
            }
        }
        Ok(())
    }
}

/// Says why a slot over a state that is looked at could not open.
pub(crate) fn unopened(error: impl std::fmt::Debug) -> RpcError {
    RpcError::new(-32603, format!("state unavailable: {error:?}"))
}

pub(crate) fn override_account(
    change: &mut AccountChange,
    account: &AccountOverride,
) -> RpcResult<()> {
    if account.move_precompile_to.is_some() {
        return Err(RpcError::params("movePrecompileToAddress is not supported"));
    }
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(RpcError::params("account has both 'state' and 'stateDiff'"));
    }
    let info = change.info.get_or_insert_default();
    info.balance = account.balance.unwrap_or(info.balance);
    info.nonce = account.nonce.unwrap_or(info.nonce);
    if let Some(code) = &account.code {
        set_code(info, code.clone())?;
    }
    if account.state.is_some() {
        change.wiped = true;
        change.storage.clear();
    }
    for (key, value) in account.state.iter().chain(&account.state_diff).flatten() {
        change.storage.insert((*key).into(), (*value).into());
    }
    Ok(())
}

/// Gives an account other code.
pub(super) fn set_code(info: &mut AccountInfo, code: alloy_primitives::Bytes) -> RpcResult<()> {
    let code = Bytecode::new_raw_checked(code)
        .map_err(|error| RpcError::params(format!("invalid code: {error}")))?;
    info.code_hash = code.hash_slow();
    info.code = Some(code);
    Ok(())
}
