//! What the contracts should hold: registrations, inbox, escrow and L1's exits, as plain values.

use crate::{
    chain::{L1, Refusal, refusal},
    tries::State,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue as _;
use std::collections::{BTreeMap, BTreeSet};
use weft_contracts::{Hub, Inbox, L1Bridge};
use weft_settlement::{
    ExitTree, Outcome, Token,
    batch::genesis_hash,
    global_exit_root,
    inbox::{Accumulator, accumulate},
    rollup_exit_root,
};
use weft_types::{Domain, Tag, Writer};

/// A registered rollup, and what the last settlement says of it.
#[derive(Debug, Clone)]
pub(crate) struct Rollup {
    pub(crate) network: u32,
    pub(crate) policy: Address,
    pub(crate) outcome: Outcome,
    /// The state behind the settled root.
    pub(crate) state: State,
    /// The settled tree of exits; empty as long as its root is zero.
    pub(crate) exits: ExitTree,
}

/// A batch that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) rollups: u128,
    pub(crate) cursor: u64,
    pub(crate) last_slot: u64,
}

/// Everything that the contracts say of themselves.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) domain: Domain,
    /// Block of the next transaction.
    pub(crate) block: u64,
    pub(crate) rollups: Vec<Rollup>,
    pub(crate) registry_hash: B256,
    /// Entries of the inbox: accumulator after each, and its block.
    pub(crate) entries: Vec<(Accumulator, u32)>,
    pub(crate) escrow: BTreeMap<(u32, Token), U256>,
    /// What the bridge holds of L1's tokens.
    pub(crate) held: BTreeMap<Address, U256>,
    /// Supply of wrapped tokens on L1, by holder.
    pub(crate) wrapped: BTreeMap<(u32, Address), BTreeMap<Address, U256>>,
    pub(crate) tree: ExitTree,
    pub(crate) updated: u32,
    pub(crate) mainnet_root: B256,
    pub(crate) rollup_root: B256,
    pub(crate) known_roots: BTreeSet<B256>,
    pub(crate) claimed: BTreeSet<(u32, u32)>,
    pub(crate) settled: Batch,
    pub(crate) settled_block: u64,
    pub(crate) digests: Vec<B256>,
    /// Batches after the settled one, in order.
    pub(crate) waiting: Vec<Batch>,
    pub(crate) heard: u64,
    pub(crate) must_reach: u64,
    pub(crate) voided_slot: u64,
    /// First slot and block of all times that numbers were given again.
    pub(crate) renumbered: Vec<(u64, u64)>,
    pub(crate) left: BTreeSet<(u32, B256, Address, Token)>,
}

/// Windows of the tested realm, in L1 blocks.
pub(crate) const FORCE: u64 = 20;
pub(crate) const SILENCE: u64 = 50;
pub(crate) const EXIT: u64 = 100;

impl Model {
    pub(crate) fn new(domain: Domain, block: u64) -> Self {
        let hash = genesis_hash(&domain);
        let empty = ExitTree::default().root();
        Self {
            domain,
            block,
            rollups: Vec::new(),
            registry_hash: B256::ZERO,
            entries: Vec::new(),
            escrow: BTreeMap::new(),
            held: BTreeMap::new(),
            wrapped: BTreeMap::new(),
            tree: ExitTree::default(),
            updated: 0,
            mainnet_root: empty,
            rollup_root: empty,
            known_roots: BTreeSet::new(),
            claimed: BTreeSet::new(),
            settled: Batch { number: 0, hash, rollups: 0, cursor: 0, last_slot: 0 },
            settled_block: block,
            digests: Vec::new(),
            waiting: Vec::new(),
            heard: block,
            must_reach: 0,
            voided_slot: 0,
            renumbered: Vec::new(),
            left: BTreeSet::new(),
        }
    }

    /// Returns the last posted batch that is not void.
    pub(crate) fn last(&self) -> Batch {
        self.waiting.last().copied().unwrap_or(self.settled)
    }

    /// Returns the id of a rollup, from 1; zero if there is none.
    pub(crate) fn id_of(&self, network: u32) -> u32 {
        let place = self.rollups.iter().position(|rollup| rollup.network == network);
        place.map_or(0, |place| place as u32 + 1)
    }

    pub(crate) fn register(
        &mut self,
        chain_id: u64,
        policy: Address,
        outcome: Outcome,
        config: &[u8],
        value: U256,
    ) -> Result<(), Refusal> {
        let network = chain_id as u32;
        if network == 0 || u64::from(network) != chain_id {
            return Err(refusal(Hub::InvalidChainId { chainId: chain_id }));
        }
        if chain_id == L1 || self.id_of(network) != 0 {
            return Err(refusal(Hub::ChainIdTaken { chainId: chain_id }));
        }
        let mut out = Writer::default();
        out.hash(&self.registry_hash).u32(self.rollups.len() as u32 + 1).u64(chain_id);
        out.raw(policy.as_slice()).hash(&outcome.commitment()).hash(&keccak256(config)).u256(value);
        self.registry_hash = self.domain.hash(Tag::Registry, out.as_slice());
        let (state, exits) = (State::default(), ExitTree::default());
        self.rollups.push(Rollup { network, policy, outcome, state, exits });
        self.take_ether(network, value);
        Ok(())
    }

    /// Books ether that came in for a rollup.
    fn take_ether(&mut self, network: u32, wei: U256) {
        *self.held.entry(Address::ZERO).or_default() += wei;
        self.credit(network, Token::ETHER, wei);
    }

    pub(crate) fn credit(&mut self, network: u32, token: Token, amount: U256) {
        if token.network != network && !amount.is_zero() {
            *self.escrow.entry((network, token)).or_default() += amount;
        }
    }

    pub(crate) fn debit(
        &mut self,
        network: u32,
        token: Token,
        amount: U256,
    ) -> Result<(), Refusal> {
        if token.network == network || amount.is_zero() {
            return Ok(());
        }
        let balance = self.escrow.entry((network, token)).or_default();
        *balance = balance.checked_sub(amount).ok_or(refusal(L1Bridge::InsufficientEscrow {
            network,
            originNetwork: token.network,
            originToken: token.address,
            balance: *balance,
            amount,
        }))?;
        Ok(())
    }

    /// Returns the accumulator over the first entries, and the blocks of the last of them and of the next.
    pub(crate) fn mark(&self, cursor: u64) -> Result<(Accumulator, u64, u64), Refusal> {
        let count = self.entries.len() as u64;
        if cursor > count {
            return Err(refusal(Inbox::NoSuchEntry { cursor, count }));
        }
        let at = cursor as usize;
        let (accumulator, before) = match at.checked_sub(1) {
            Some(place) => self.entries[place],
            None => (Accumulator::ZERO, 0),
        };
        let next = self.entries.get(at).map_or(0, |entry| entry.1);
        Ok((accumulator, before.into(), next.into()))
    }

    pub(crate) fn add_entry(&mut self, payload: &[u8]) {
        let before = self.entries.last().map_or(Accumulator::ZERO, |entry| entry.0);
        let (index, block) = (self.entries.len() as u64, self.block as u32);
        let after = accumulate(&self.domain, &before, index, block, &keccak256(payload));
        self.entries.push((after, block));
    }

    fn check_rollup(&self, network: u32) -> Result<(), Refusal> {
        if self.id_of(network) == 0 {
            return Err(refusal(Inbox::UnknownRollup { network }));
        }
        Ok(())
    }

    /// A deposit entry: `sender` in the lane is `from`.
    pub(crate) fn add_deposit(
        &mut self,
        network: u32,
        from: Address,
        to: Address,
        value: U256,
        gas: u64,
        data: &[u8],
    ) -> Result<(), Refusal> {
        self.check_rollup(network)?;
        if gas < 21_000 + 16 * data.len() as u64 || gas > 10_000_000 {
            return Err(refusal(Inbox::WrongGas { gas }));
        }
        let mut out = Writer::default();
        out.u8(0).number(network).raw(from.as_slice()).raw(to.as_slice());
        out.u256(value).u64(gas).bytes(data);
        self.add_entry(out.as_slice());
        Ok(())
    }

    pub(crate) fn deposit(
        &mut self,
        network: u32,
        from: Address,
        to: Address,
        value: U256,
        gas: u64,
        data: &[u8],
    ) -> Result<(), Refusal> {
        self.add_deposit(network, from, to, value, gas, data)?;
        self.take_ether(network, value);
        Ok(())
    }

    pub(crate) fn force(&mut self, network: u32, transaction: &[u8]) -> Result<(), Refusal> {
        self.check_rollup(network)?;
        check_size(transaction)?;
        let mut out = Writer::default();
        out.u8(1).number(network).u8(0).bytes(transaction);
        self.add_entry(out.as_slice());
        Ok(())
    }

    pub(crate) fn force_bundle(&mut self, bundle: &[u8]) -> Result<(), Refusal> {
        check_size(bundle)?;
        self.add_entry(&[&[2], bundle].concat());
        Ok(())
    }

    pub(crate) fn update_mainnet(&mut self) {
        self.mainnet_root = self.tree.root();
        self.updated = self.tree.leaves().len() as u32;
        self.known_roots.insert(self.global_root());
    }

    pub(crate) fn global_root(&self) -> B256 {
        global_exit_root(&self.mainnet_root, &self.rollup_root)
    }

    /// Takes over the settled exit roots.
    pub(crate) fn update_rollups(&mut self) {
        let roots = (1..).zip(self.rollups.iter().map(|rollup| rollup.outcome.exit_root)).collect();
        let root = rollup_exit_root(&roots);
        if root != self.rollup_root {
            self.rollup_root = root;
            self.known_roots.insert(self.global_root());
        }
    }

    /// I1: of every token that is native on L1 the bridge holds what the rollups may take out.
    pub(crate) fn is_conserved(&self) -> bool {
        let sum = |token: &Address| {
            let of = |key: &(u32, Token)| key.1 == Token { network: 0, address: *token };
            let some = self.escrow.iter().filter(|(key, _)| of(key));
            some.fold(U256::ZERO, |sum, (_, balance)| sum + *balance)
        };
        self.held.iter().all(|(token, held)| *held == sum(token))
    }
}

fn check_size(bytes: &[u8]) -> Result<(), Refusal> {
    let is_allowed = !bytes.is_empty() && bytes.len() <= 131_072;
    let error = Inbox::WrongSize { size: U256::from(bytes.len()) };
    if is_allowed { Ok(()) } else { Err(refusal(error)) }
}

/// Returns the metadata of a token without a name, as the bridge reads it.
pub(crate) fn no_metadata() -> Bytes {
    (String::new(), String::new(), U256::from(18)).abi_encode_params().into()
}
