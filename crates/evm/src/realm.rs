//! A realm: its rollups, the open slot, and the turn from slot to blocks.

use crate::{
    block::{self, OpenBlock},
    chain::{Chain, ChainSpec},
    escrow::{Escrow, TokenId},
    joint::{ExecError, Joint},
    state::{Begin, MemoryState, State},
    working::WorkingState,
};
use alloc::{boxed::Box, vec::Vec};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{
    Database, DatabaseRef, SystemCallEvm,
    context::{BlockEnv, JournalTr},
};
use weft_contracts::addresses;
use weft_thread::Heads;
use weft_types::{DEAD_REGISTRY, Domain, FEE_VAULT, NetworkId, SlotHeader};

/// A rollup as it stands between two slots.
#[derive(Debug, Clone)]
pub struct Rollup<D> {
    /// Fixed facts.
    pub spec: ChainSpec,
    /// State after the last block.
    pub state: D,
    /// Header of the last block.
    pub head: Header,
    /// Hash of the last block.
    pub head_hash: B256,
}

impl Rollup<MemoryState> {
    /// Returns the rollup with a state of another kind.
    pub fn begun<S: Begin>(self) -> Rollup<S> {
        let Self { spec, state, head, head_hash } = self;
        Rollup { spec, state: S::begin(state, head.state_root), head, head_hash }
    }
}

/// The last block of a rollup and the one that is open.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    pub(crate) head: Header,
    pub(crate) head_hash: B256,
    pub(crate) open: OpenBlock,
}

/// The rollups that share one lane, with everything the fold reads and writes (X of P3).
///
/// Not `Send`: a realm lives on the thread that made it.
#[derive(Debug)]
pub struct Realm<D: DatabaseRef> {
    pub(crate) joint: Joint<D>,
    pub(crate) tips: Vec<Tip>,
    pub(crate) slot: Option<SlotHeader>,
}

impl<D: State> Realm<D> {
    /// Puts rollups together. Networks of the realm that run elsewhere are added by [`Self::add_remote`].
    ///
    /// # Panics
    ///
    /// Panics when two rollups have the same network id.
    pub fn new(domain: Domain, mut rollups: Vec<Rollup<D>>, escrow: Escrow, heads: Heads) -> Self {
        rollups.sort_by_key(|rollup| rollup.spec.network);
        let distinct = rollups.windows(2).all(|pair| pair[0].spec.network != pair[1].spec.network);
        assert!(distinct, "network ids of a realm are distinct");
        let (mut chains, mut tips) = (Vec::new(), Vec::new());
        for Rollup { spec, state, head, head_hash } in rollups {
            chains.push(Chain::new(spec, WorkingState::new(state), BlockEnv::default()));
            tips.push(Tip { head, head_hash, open: OpenBlock::default() });
        }
        Self { joint: Joint::new(domain, chains, escrow, heads), tips, slot: None }
    }

    /// Plants a bug.
    #[doc(hidden)]
    pub const fn plant(&mut self, fault: crate::joint::Fault) {
        self.joint.fault = Some(fault);
    }

    /// Lets a rollup join the realm between two slots, available from the next slot header that lists it on (P8).
    ///
    /// `ether` is all that its accounts hold, in wei: its first escrow balance (P24).
    ///
    /// # Panics
    ///
    /// Panics while a slot is open, and when the realm has a network with this id.
    pub fn join(&mut self, rollup: Rollup<D>, ether: U256) {
        assert!(self.slot.is_none(), "rollups join between slots only");
        let Rollup { spec, state, head, head_hash } = rollup;
        let network = spec.network;
        let known = self.joint.realm.insert(network, true);
        assert!(known.is_none(), "network ids of a realm are distinct");
        let place = self.joint.chains.partition_point(|chain| chain.network() < network);
        let chain = Chain::new(spec, WorkingState::new(state), BlockEnv::default());
        self.joint.chains.insert(place, chain);
        self.tips.insert(place, Tip { head, head_hash, open: OpenBlock::default() });
        self.joint.escrow.set(network, TokenId::ETHER, ether);
    }

    /// Adds a rollup of the realm that runs elsewhere.
    pub fn add_remote(&mut self, network: NetworkId) {
        self.joint.realm.entry(network).or_insert(true);
    }

    /// Sets the way to rollups that run elsewhere, whose hops among each other pass through here as well.
    pub fn set_hub(&mut self, remote: Box<dyn crate::Remote>) {
        self.joint.remote = Some(remote);
        self.joint.is_hub = true;
    }

    /// Sets the way to rollups that run elsewhere.
    pub fn set_remote(&mut self, remote: Option<Box<dyn crate::Remote>>) {
        self.joint.remote = remote;
    }

    /// Marks a rollup as stopped from the next item on (P8's `Halted`), or as back.
    pub fn set_available(&mut self, network: NetworkId, available: bool) {
        if let Some(entry) = self.joint.realm.get_mut(&network) {
            *entry = available;
        }
    }

    /// Returns the domain.
    pub const fn domain(&self) -> &Domain {
        &self.joint.domain
    }

    /// Returns the networks of the realm in order, with their availability.
    pub fn networks(&self) -> impl Iterator<Item = (NetworkId, bool)> + '_ {
        self.joint.realm.iter().map(|(network, available)| (*network, *available))
    }

    /// Returns the fixed facts of the rollups that run here, in order.
    pub fn specs(&self) -> impl Iterator<Item = &ChainSpec> {
        self.joint.specs()
    }

    /// Returns the escrow balances.
    pub const fn escrow(&self) -> &Escrow {
        &self.joint.escrow
    }

    /// Returns the escrow balances, for whoever counts what moves.
    pub const fn escrow_mut(&mut self) -> &mut Escrow {
        &mut self.joint.escrow
    }

    /// Returns the mailbox heads.
    pub const fn heads(&self) -> &Heads {
        &self.joint.heads
    }

    /// Returns the open slot's header.
    pub const fn slot(&self) -> Option<&SlotHeader> {
        self.slot.as_ref()
    }

    /// Returns a rollup's last header and its hash.
    pub fn head(&self, network: NetworkId) -> Option<(&Header, B256)> {
        let tip = &self.tips[self.joint.index_of(network)?];
        Some((&tip.head, tip.head_hash))
    }

    /// Returns the environment of a rollup's open block.
    pub fn block_env(&self, network: NetworkId) -> Option<&BlockEnv> {
        let chain = &self.joint.chains[self.joint.index_of(network)?];
        Some(&chain.evm.ctx.block)
    }

    /// Replaces the environment of a rollup's open block: reference tests name blocks that follow no header.
    #[doc(hidden)]
    pub fn set_block_env(&mut self, network: NetworkId, env: BlockEnv) {
        let index = self.joint.index_of(network).expect("the rollup runs here");
        let chain = &mut self.joint.chains[index];
        chain.gas_left = env.gas_limit;
        chain.evm.ctx.block = env;
    }

    /// Returns the transactions of a rollup's open block.
    pub fn open_transactions(&self, network: NetworkId) -> Option<&[block::BlockTx]> {
        Some(&self.tips[self.joint.index_of(network)?].open.transactions)
    }

    /// Hashes the transactions that open blocks have so far, so that less is left to do when the slot closes. May be
    /// called between any two items, or never: blocks are the same.
    pub fn hash_ahead(&mut self) {
        for open in self.tips.iter_mut().map(|tip| &mut tip.open) {
            open.roots.advance(&open.transactions);
        }
    }

    /// Returns the gas that a rollup's open block still has.
    pub fn gas_left(&self, network: NetworkId) -> Option<u64> {
        Some(self.joint.chains[self.joint.index_of(network)?].gas_left)
    }

    /// Returns a rollup's state after its last block.
    pub fn state(&self, network: NetworkId) -> Option<&D> {
        Some(self.joint.chains[self.joint.index_of(network)?].working().base())
    }

    /// Returns the states after the last blocks, in the order of [`Self::specs`], for what no read can notice, such as
    /// putting them on disk.
    pub fn states_mut(&mut self) -> impl Iterator<Item = &mut D> {
        self.joint.chains.iter_mut().map(|chain| chain.working_mut().base_mut())
    }

    /// Returns every rollup with its state after its last block, to change what can be read of it, and forgets what was read.
    ///
    /// # Panics
    ///
    /// Panics while a slot is open.
    pub fn rebase(&mut self) -> impl Iterator<Item = (NetworkId, &mut D)> {
        assert!(self.slot.is_none(), "states are changed between two slots only");
        let chains = self.joint.chains.iter_mut();
        chains.map(|chain| (chain.spec.network, chain.working_mut().rebase()))
    }

    /// Returns a rollup's state with everything that the open slot did.
    pub fn working(&mut self, network: NetworkId) -> Option<&mut WorkingState<D>> {
        let index = self.joint.index_of(network)?;
        Some(self.joint.chains[index].working_mut())
    }

    /// Returns a copy that goes on by itself.
    ///
    /// # Panics
    ///
    /// Panics while a slot is open.
    #[must_use]
    pub fn fork(&self) -> Self
    where
        D: Clone,
    {
        assert!(self.slot.is_none(), "a realm is copied between slots only");
        let rollup = |(chain, tip): (&Chain<D>, &Tip)| Rollup {
            spec: chain.spec.clone(),
            state: chain.working().base().clone(),
            head: tip.head.clone(),
            head_hash: tip.head_hash,
        };
        let rollups = self.joint.chains.iter().zip(&self.tips).map(rollup).collect();
        let (escrow, heads) = (self.joint.escrow.clone(), self.joint.heads.clone());
        Self::new(self.joint.domain, rollups, escrow, heads)
    }

    /// Takes the realm apart between two slots.
    ///
    /// # Panics
    ///
    /// Panics while a slot is open.
    pub fn into_parts(self) -> (Vec<Rollup<D>>, Escrow, Heads)
    where
        D: Clone,
    {
        assert!(self.slot.is_none(), "a realm comes apart between slots only");
        let rollup = |(chain, tip): (&Chain<D>, Tip)| Rollup {
            spec: chain.spec.clone(),
            state: chain.working().base().clone(),
            head: tip.head,
            head_hash: tip.head_hash,
        };
        let rollups = self.joint.chains.iter().zip(self.tips).map(rollup).collect();
        (rollups, self.joint.escrow, self.joint.heads)
    }

    /// Opens a slot: block environments, availability, block-opening calls (P8, P9).
    ///
    /// # Errors
    ///
    /// A state's error, after which the realm is of no use.
    ///
    /// # Panics
    ///
    /// Panics when a slot is open already.
    pub fn open_slot(&mut self, header: SlotHeader) -> Result<(), ExecError<D>> {
        assert!(self.slot.is_none(), "slots do not overlap");
        for (network, available) in &mut self.joint.realm {
            *available = header.is_available(*network);
        }
        let hash = header.hash(&self.joint.domain);
        for (chain, tip) in self.joint.chains.iter_mut().zip(&mut self.tips) {
            let env = block::block_env(&self.joint.domain, &chain.spec, &tip.head, &header);
            chain.evm.ctx.block = env;
            chain.gas_left = chain.spec.block_gas_limit;
            system_call(chain, addresses::HISTORY_STORAGE, tip.head_hash.0.into())?;
            system_call(chain, addresses::BEACON_ROOTS, hash.0.into())?;
        }
        self.slot = Some(header);
        Ok(())
    }

    /// Leaves the open slot as if it had never opened.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open, or something ran in it.
    pub fn leave_slot(&mut self) {
        self.slot.take().expect("a slot is open");
        for (chain, tip) in self.joint.chains.iter_mut().zip(&self.tips) {
            assert!(tip.open.is_empty(), "nothing ran in the slot");
            chain.working_mut().rebase();
        }
    }

    /// Returns true when `hash` failed before on a rollup and may not run again (P4).
    ///
    /// # Errors
    ///
    /// A state's error.
    pub fn is_dead(&mut self, network: NetworkId, hash: &B256) -> Result<bool, ExecError<D>> {
        match self.joint.index_of(network) {
            Some(index) => self.is_dead_at(index, hash),
            None => Ok(false),
        }
    }

    pub(crate) fn is_dead_at(&mut self, index: usize, hash: &B256) -> Result<bool, ExecError<D>> {
        if self.tips[index].open.dead.contains(hash) {
            return Ok(true);
        }
        let working = self.joint.chains[index].working_mut();
        let entry =
            working.storage(DEAD_REGISTRY, dead_slot(hash)).map_err(ExecError::<D>::Database)?;
        Ok(!entry.is_zero())
    }

    pub(crate) fn record_dead(&mut self, index: usize, hash: B256) {
        self.tips[index].open.dead.push(hash);
    }
}

/// Slot of `mapping(bytes32 => bool)` number 0 of the dead registry.
fn dead_slot(hash: &B256) -> U256 {
    let mut key = [0; 64];
    key[..32].copy_from_slice(hash.as_slice());
    keccak256(key).into()
}

fn system_call<D: State>(
    chain: &mut Chain<D>,
    target: Address,
    input: Bytes,
) -> Result<(), ExecError<D>> {
    system_call_from(chain, revm::handler::SYSTEM_ADDRESS, target, input)
}

/// Runs a system contract and keeps what it did. A rollup without the contract is left alone.
pub(crate) fn system_call_from<D: State>(
    chain: &mut Chain<D>,
    caller: Address,
    target: Address,
    input: Bytes,
) -> Result<(), ExecError<D>> {
    let working = chain.working_mut();
    let account = working.basic(target).map_err(ExecError::<D>::Database)?;
    if account.is_none_or(|info| info.is_empty_code_hash()) {
        return Ok(());
    }
    let result = chain.evm.system_call_one_with_caller(caller, target, input)?;
    // Opening calls may fail without consequence (EIP-2935, EIP-4788); a lost dead hash would break P4, a lost charge P13.
    let counts = [DEAD_REGISTRY, FEE_VAULT].contains(&target);
    assert!(result.is_success() || !counts, "{target} refuses the system: {result:?}");
    let changes = chain.evm.ctx.journaled_state.finalize();
    chain.working_mut().commit(changes).map_err(ExecError::<D>::Database)
}
