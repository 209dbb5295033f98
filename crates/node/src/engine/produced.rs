//! A chain to which the node adds blocks, by Ethereum's rules: what stands in for L1 where there is none.
//!
//! ```text
//!  pool ──► block, with the clock or as soon as a transaction can run ──► state, store, archive of blobs ──► subscribers
//!                 ▲
//!                 └── empty ones in the place of what a reorg took back
//! ```
//!
//! Whoever runs it decides what it holds: there is no consensus, and no proof of anything.

use super::{At, ChainData, ChainEvent, Engine, imported::IMPORTED};
use crate::{
    blob_archive::{BlobArchive, BlobArchiveError},
    clock::Clock,
    foreign_pool::{ForeignPool, without_blobs},
    rpc::errors::{RpcError, RpcResult},
    store::{Body, StoredBlock},
};
use alloy_consensus::{Header, Transaction as _, TxEnvelope};
use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::DatabaseRef as _;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_ethereum::{Attributes, Built, build};
use weft_evm::{AccountChange, Escrow, Heads, Realm, Rollup, State as _, StateChange};
use weft_state::{ChainState, StoreError};
use weft_types::NetworkId;

/// Blocks that follow a safe one, an epoch of the beacon chain; a final one has twice as many behind it.
const SAFE_DEPTH: u64 = 32;
/// Turn of a chain to which nothing is ever added.
const IDLE_TURN: Duration = Duration::from_secs(60);

/// How the node adds blocks to a chain.
#[derive(Debug, Clone)]
pub struct Production {
    /// Time between two blocks.
    pub interval: Duration,
    /// Whether a block is made as soon as a transaction can run, between the others.
    pub is_eager: bool,
    /// Where blobs are kept.
    pub blobs: BlobArchive,
}

/// Makes the blocks of a chain.
#[derive(Debug)]
pub(crate) struct Producer {
    options: Production,
    /// When the next block is made, whoever waits.
    due: Instant,
    /// Whether a transaction can run that no block was made for yet.
    is_wanted: bool,
    /// How often blocks were taken back: those in their place differ by it.
    branch: u64,
    last_snapshot: u64,
    snapshots: BTreeMap<u64, Snapshot>,
}

/// What a revert brings back.
#[derive(Debug)]
struct Snapshot {
    number: u64,
    hash: B256,
    state: ChainState,
    pool: ForeignPool,
    clock: Clock,
}

impl Producer {
    pub(super) fn new(options: Production) -> Self {
        let due = Instant::now() + options.interval;
        let snapshots = BTreeMap::new();
        Self { options, due, is_wanted: false, branch: 0, last_snapshot: 0, snapshots }
    }
}

impl ChainData {
    fn producer(&self) -> Option<&Producer> {
        self.foreign.as_ref()?.producer.as_ref()
    }

    /// Returns the last block of an imported chain that is safe or, else, final; nothing for a rollup.
    pub(crate) fn sure(&self, is_safe: bool) -> Option<u64> {
        let (foreign, head) = (self.foreign.as_ref()?, self.store.head_number());
        let depth = if is_safe { SAFE_DEPTH } else { 2 * SAFE_DEPTH };
        Some(head.saturating_sub(foreign.producer.as_ref().map_or(0, |_| depth)))
    }
}

impl Engine {
    fn producer_mut(&mut self, network: NetworkId) -> RpcResult<&mut Producer> {
        let foreign = self.chain_mut(network).foreign.as_mut();
        let producer = foreign.and_then(|foreign| foreign.producer.as_mut());
        producer.ok_or_else(|| RpcError::refused("no block is added to this chain"))
    }

    /// Returns the archive of blobs of a chain that the node adds blocks to.
    pub(crate) fn blobs(&self, network: NetworkId) -> Option<&BlobArchive> {
        Some(&self.chain(network).producer()?.options.blobs)
    }

    /// Makes a block when it is time for one.
    pub(super) fn produce_due(&mut self) {
        let Ok(producer) = self.producer_mut(IMPORTED) else { return };
        let is_wanted = std::mem::take(&mut producer.is_wanted);
        let is_due = Instant::now() >= producer.due;
        if is_due {
            producer.due = Instant::now() + producer.options.interval;
        }
        if !is_due && !is_wanted {
            return;
        }
        if let Err(error) = self.produce_waiting(IMPORTED, is_due) {
            tracing::error!(error = error.message, "no block was made");
        }
    }

    /// Returns how long the engine may wait before the next block.
    pub(super) fn until_block(&self) -> Duration {
        match self.chain(IMPORTED).producer() {
            Some(producer) if producer.is_wanted => Duration::ZERO,
            Some(producer) => producer.due.saturating_duration_since(Instant::now()),
            None => IDLE_TURN,
        }
    }

    /// Notes that a transaction can run.
    pub(super) fn want_block(&mut self, network: NetworkId) {
        if let Ok(producer) = self.producer_mut(network) {
            producer.is_wanted = producer.options.is_eager;
        }
    }

    /// Returns the time of the next block of a chain that the node adds blocks to.
    pub(super) fn next_timestamp(&self, chain: &ChainData) -> Option<u64> {
        chain.producer()?;
        Some((self.clock.now_ms() / 1000).max(chain.store.head().header.timestamp + 1))
    }

    /// Returns what waits for the block after a moment, the best tip first.
    pub(crate) fn waiting_for(&mut self, network: NetworkId, at: At) -> RpcResult<Vec<TxEnvelope>> {
        let pool =
            |engine: &Self| engine.chain(network).foreign.as_ref().map(|it| it.pool.senders());
        let mut nonces = BTreeMap::new();
        for sender in pool(self).unwrap_or_default() {
            let account = self.account(network, at, sender)?;
            nonces.insert(sender, account.map_or(0, |account| account.nonce));
        }
        let base_fee = self.realm.block_env(network).map_or(0, |env| env.basefee);
        let foreign = self.chain(network).foreign.as_ref();
        let best = foreign.map(|foreign| foreign.pool.best(&nonces, base_fee)).unwrap_or_default();
        Ok(best.into_iter().map(|waiting| waiting.tx.clone()).collect())
    }

    /// Makes the block of an imported chain that follows `parent`, after which its state is `state`; returns it with the state
    /// after it.
    pub(crate) fn build_foreign(
        &self,
        network: NetworkId,
        parent: &StoredBlock,
        mut state: ChainState,
        attributes: Attributes,
        transactions: &[TxEnvelope],
        must_run: bool,
    ) -> RpcResult<(Built, ChainState)> {
        let transactions: Vec<TxEnvelope> = transactions.iter().map(without_blobs).collect();
        let (before, mut unread) = (state.clone(), None);
        let mut root_after = |changes: &StateChange| {
            state.apply(changes)?;
            state.root()
        };
        let built = build(
            self.chain(network).schedule(),
            (&parent.header, parent.hash),
            &before,
            |changes| {
                root_after(changes).unwrap_or_else(|error: StoreError| {
                    unread = Some(error);
                    B256::ZERO
                })
            },
            attributes,
            &transactions,
            must_run,
        );
        match unread {
            Some(error) => Err(error.into()),
            None => Ok((built.map_err(|why| RpcError::refused(why.to_string()))?, state)),
        }
    }

    /// Makes `blocks` blocks now, each at least `seconds` after the one before it.
    pub(crate) fn produce(
        &mut self,
        network: NetworkId,
        blocks: u64,
        seconds: u64,
    ) -> RpcResult<()> {
        for index in 0..blocks {
            if index > 0 && seconds > 0 {
                self.let_pass(network, seconds);
            }
            self.produce_waiting(network, true)?;
        }
        Ok(())
    }

    /// Moves the clock to `seconds` after the last block.
    fn let_pass(&mut self, network: NetworkId, seconds: u64) {
        let last = self.chain(network).store.head().header.timestamp;
        let until_ms = last.saturating_add(seconds).saturating_mul(1000);
        self.clock.increase(until_ms.saturating_sub(self.clock.now_ms()));
    }

    /// Makes a block of what waits; none when nothing of it can run, unless it `may_be_empty`.
    fn produce_waiting(&mut self, network: NetworkId, may_be_empty: bool) -> RpcResult<()> {
        let head = self.chain(network).store.head_number();
        let transactions = self.waiting_for(network, At::Block(head))?;
        self.add_block(network, &transactions, may_be_empty)
    }

    fn add_block(
        &mut self,
        network: NetworkId,
        transactions: &[TxEnvelope],
        may_be_empty: bool,
    ) -> RpcResult<()> {
        let head = self.chain(network).store.head().clone();
        let state = self.realm.state(network).expect("the chain runs here").clone();
        let attributes = self.attributes(network, &head);
        let built = self.build_foreign(network, &head, state, attributes, transactions, false)?;
        let (built, mut state) = built;
        if built.transactions.is_empty() && !may_be_empty {
            return Ok(());
        }
        let hash = built.header.hash_slow();
        self.keep_blobs(network, &built, transactions)?;
        state.insert_block_hash(built.header.number, hash)?;
        let block = stored(built, hash);
        let block = self.chain_mut(network).store.push(block);
        self.stand_on(network, state);
        self.forget_used(network, &block);
        self.announce(network, ChainEvent::Block(block));
        Ok(())
    }

    /// Returns what the block after `head` is made with. Its randomness and the root of the beacon block before follow from its
    /// parent and its branch.
    fn attributes(&self, network: NetworkId, head: &StoredBlock) -> Attributes {
        let chain = self.chain(network);
        let branch = chain.producer().map_or(0, |producer| producer.branch);
        let word = |what: &str| {
            keccak256([what.as_bytes(), head.hash.as_slice(), &branch.to_be_bytes()].concat())
        };
        Attributes {
            timestamp: self.next_timestamp(chain).unwrap_or_default(),
            prev_randao: word("randao"),
            fee_recipient: Address::ZERO,
            withdrawals: Vec::new(),
            parent_beacon_block_root: word("beacon root"),
            extra_data: Bytes::new(),
            gas_limit: head.header.gas_limit,
        }
    }

    /// Keeps the blobs of the transactions that a block took.
    fn keep_blobs(&self, network: NetworkId, built: &Built, sent: &[TxEnvelope]) -> RpcResult<()> {
        let Some(archive) = self.blobs(network) else { return Ok(()) };
        for tx in &built.transactions {
            let sent = sent.iter().find(|sent| sent.tx_hash() == tx.tx.tx_hash());
            let hashes = tx.tx.blob_versioned_hashes().unwrap_or_default();
            for (hash, blob) in hashes.iter().zip(sent.map(blobs_of).unwrap_or_default()) {
                archive.put(hash, blob.as_slice()).map_err(unkept)?;
            }
        }
        Ok(())
    }

    /// Forgets what can wait no more: what is in a block, and what has its nonce.
    fn forget_used(&mut self, network: NetworkId, block: &StoredBlock) {
        let Some(foreign) = &mut self.chain_mut(network).foreign else { return };
        for tx in &block.transactions {
            foreign.pool.forget_before(tx.sender, tx.tx.nonce().saturating_add(1));
        }
    }

    /// Lets the realm stand on the last block, after which its state is `state`.
    fn stand_on(&mut self, network: NetworkId, state: ChainState) {
        let chain = self.chain(network);
        let (spec, head) = (chain.spec.clone(), chain.store.head());
        let (head, head_hash): (Header, B256) = (head.header.clone(), head.hash);
        let env = chain.next_env(self.next_timestamp(chain));
        let rollup = Rollup { spec, state, head, head_hash };
        self.realm = Realm::new(self.domain, vec![rollup], Escrow::default(), Heads::default());
        self.realm.set_block_env(network, env);
    }

    /// Replaces the last `depth` blocks by as many empty ones. What was in them is gone.
    pub(crate) fn reorg(&mut self, network: NetworkId, depth: u64) -> RpcResult<()> {
        let head = self.chain(network).store.head_number();
        let below = head.checked_sub(depth).ok_or_else(|| {
            RpcError::params(format!("a reorg of {depth} blocks, and there are {head}"))
        })?;
        let state = self.realm.state(network).expect("the chain runs here");
        if !state.reaches(below) {
            let most = head - state.oldest();
            return Err(RpcError::limit(format!("{depth} blocks, over the limit of {most}")));
        }
        let state = self.state_after(network, below)?;
        self.take_back(network, below, state)?;
        (0..depth).try_for_each(|_| self.add_block(network, &[], true))
    }

    /// Takes back every block after `below`, after which the state is `state`.
    fn take_back(&mut self, network: NetworkId, below: u64, state: ChainState) -> RpcResult<()> {
        self.producer_mut(network)?.branch += 1;
        let chain = self.chain_mut(network);
        let numbers = below + 1..=chain.store.head_number();
        let gone = numbers.filter_map(|number| chain.store.by_number(number).transpose());
        let gone: Vec<Arc<StoredBlock>> = gone.collect::<Result<_, _>>()?;
        chain.store.truncate(below);
        chain.filters.take_back(below, &gone);
        self.stand_on(network, state);
        for block in gone.into_iter().rev() {
            self.announce(network, ChainEvent::Gone(block));
        }
        Ok(())
    }

    /// Remembers how the chain stands; returns the snapshot's id.
    pub(crate) fn snapshot_foreign(&mut self, network: NetworkId) -> RpcResult<u64> {
        let most = self.limits().max_snapshots;
        let chain = self.chain(network);
        let head = chain.store.head();
        let pool = chain.foreign.as_ref().map(|foreign| foreign.pool.clone());
        let snapshot = Snapshot {
            number: head.header.number,
            hash: head.hash,
            state: self.realm.state(network).expect("the chain runs here").clone(),
            pool: pool.unwrap_or_default(),
            clock: self.clock.clone(),
        };
        let producer = self.producer_mut(network)?;
        let kept = producer.snapshots.len();
        if kept >= most {
            return Err(RpcError::limit(format!("{kept} snapshots are kept")));
        }
        producer.last_snapshot += 1;
        producer.snapshots.insert(producer.last_snapshot, snapshot);
        Ok(producer.last_snapshot)
    }

    /// Takes the chain back to a snapshot, which is gone then, and with it all later ones; false when there is no such
    /// snapshot, or a reorg took its block.
    pub(crate) fn revert_foreign(&mut self, network: NetworkId, id: u64) -> RpcResult<bool> {
        let snapshots = &mut self.producer_mut(network)?.snapshots;
        if !snapshots.contains_key(&id) {
            return Ok(false);
        }
        let Some(snapshot) = snapshots.split_off(&id).remove(&id) else { return Ok(false) };
        let block = self.chain(network).store.by_number(snapshot.number)?;
        if block.is_none_or(|block| block.hash != snapshot.hash) {
            return Ok(false);
        }
        self.clock = snapshot.clock;
        self.take_back(network, snapshot.number, snapshot.state)?;
        if let Some(foreign) = &mut self.chain_mut(network).foreign {
            foreign.pool = snapshot.pool;
        }
        Ok(true)
    }

    /// Gives an account other ether, outside of any block; the state root follows with the next one.
    pub(crate) fn set_foreign_balance(
        &mut self,
        network: NetworkId,
        address: Address,
        balance: U256,
    ) -> RpcResult<()> {
        let mut state = self.realm.state(network).expect("the chain runs here").clone();
        let mut info = state.basic_ref(address)?.unwrap_or_default();
        info.balance = balance;
        let change = AccountChange { info: Some(info), ..AccountChange::default() };
        state.amend(&StateChange::from([(address, change)]))?;
        self.stand_on(network, state);
        Ok(())
    }
}

fn stored(built: Built, hash: B256) -> StoredBlock {
    let withdrawals = Some(built.withdrawals.into());
    let body = Body { withdrawals, ..Body::default() };
    StoredBlock::imported(built.header, hash, built.transactions, body)
}

/// Returns the blobs that came with a transaction.
fn blobs_of(tx: &TxEnvelope) -> &[Blob] {
    let sidecar = tx.as_eip4844().and_then(|tx| tx.tx().sidecar());
    sidecar.map_or(&[], |sidecar| sidecar.blobs())
}

/// Says that the archive failed, which is nobody's fault who asks.
pub(crate) fn unkept(error: BlobArchiveError) -> RpcError {
    RpcError::new(-32603, error.to_string())
}
