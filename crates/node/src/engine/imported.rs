//! An imported chain: its history is foreign, and no slot ever opens over it. Blocks come after it only where the node makes
//! them itself ([`super::produced`]).

use super::{
    At, ChainData, ChainEvent, Endpoint, Engine, empty_state,
    look::{Overrides, override_account},
    produced::{Producer, Production},
};
use crate::{
    config::DevConfig,
    foreign_pool::{ForeignPool, NoRoom},
    metrics::Metrics,
    rpc::{
        errors::{RpcError, RpcResult},
        overrides::override_env,
    },
    store::{BlockStore, Body, StoredBlock},
    view::View,
};
use alloy_consensus::{Header, Transaction as _, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::{
    eip2718::Decodable2718, eip2930::AccessList, eip7594::BlobTransactionSidecarVariant,
    eip7840::BlobParams,
};
use alloy_primitives::{Address, B256, Bytes};
use alloy_rpc_types_eth::state::StateOverride;
use revm::{
    DatabaseRef, ExecuteEvm, InspectEvm, MainBuilder,
    context::{
        BlockEnv, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    primitives::hardfork::SpecId,
};
use revm_inspectors::access_list::AccessListInspector;
use std::sync::Arc;
use weft_ethereum::{
    Context, ForeignBlock, Genesis, Rules, Schedule, block_env, context, next_header, tx_env,
};
use weft_evm::{
    AccountChange, ChainSpec, Escrow, FailedPolicy, Heads, Realm, Rollup, Simulated, State,
    StateChange, WorkingState,
};
use weft_lane::{Lane, LaneConfig};
use weft_state::{ChainState, StoreError};
use weft_types::NetworkId;

/// Network id of an imported chain in its realm of one.
pub(crate) const IMPORTED: NetworkId = NetworkId::new(1);
/// Tables speed up making cell proofs only, which the node never does, and take seconds to fill.
const NO_PRECOMPUTE: u64 = 0;
/// Seconds between two blocks, for the block that would come next.
const BLOCK_SECONDS: u64 = 12;

/// A foreign chain that was imported, to be served.
#[derive(Debug, Clone)]
pub struct ImportedChain {
    /// Its first block.
    pub genesis: Genesis,
    /// The blocks after it, in order.
    pub blocks: Vec<ForeignBlock>,
    /// How the node makes blocks behind them; none is ever added when there is nothing here.
    pub production: Option<Production>,
}

/// What the node keeps about an imported chain beside its blocks.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) pool: ForeignPool,
    /// Makes blocks, where the node does.
    pub(crate) producer: Option<Producer>,
}

/// State and rules of a moment of an imported chain.
#[derive(Debug, Clone)]
pub(crate) struct ForeignMoment {
    pub(crate) chain_id: u64,
    pub(crate) rules: Rules,
    pub(crate) block: BlockEnv,
    pub(crate) state: View,
}

impl ForeignMoment {
    /// Returns an EVM context that checks what `eth_call` checks: no nonce, no space, fees only when they are named.
    pub(crate) fn call_context(self, tx: &TxEnv) -> Context<View> {
        let mut context =
            context(WorkingState::new(self.state), self.chain_id, &self.rules, self.block);
        context.cfg.disable_nonce_check = true;
        context.cfg.disable_balance_check = tx.gas_price == 0;
        context.cfg.disable_base_fee = true;
        context.cfg.disable_block_gas_limit = true;
        context.cfg.disable_eip3607 = true;
        context.cfg.tx_gas_limit_cap = Some(u64::MAX);
        if tx.gas_price == 0 {
            context.block.basefee = 0;
        }
        context
    }
}

impl ForeignMoment {
    /// Returns an EVM context that checks what a block checks.
    pub(crate) fn block_context(self) -> Context<View> {
        context(WorkingState::new(self.state), self.chain_id, &self.rules, self.block)
    }

    /// Returns the same moment with state overrides.
    pub(crate) fn overridden(mut self, overrides: &StateOverride) -> RpcResult<Self> {
        let changes = overridden(&self.state, overrides)?;
        self.state = self.state.with(changes);
        Ok(self)
    }
}

impl Engine {
    /// Builds a realm of one chain, which stands where its import ended.
    pub(super) fn imported(
        config: DevConfig,
        endpoints: Vec<Endpoint>,
        chain: ImportedChain,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        let domain = config.domain;
        let (data, rollup) = load(&config, chain)?;
        let mut realm = Realm::new(domain, vec![rollup], Escrow::default(), Heads::default());
        realm.set_block_env(IMPORTED, data.next_env(None));
        let lane = Lane::new(domain, LaneConfig::new(config.slot_ms, vec![IMPORTED]))
            .expect("a realm of one makes a lane");
        let chains = [(IMPORTED, data)].into();
        Ok(Self::assemble(config, endpoints, metrics, (realm, lane, chains)))
    }

    /// Returns true when the realm is an imported chain, over which no slot opens.
    pub(crate) fn is_imported(&self) -> bool {
        self.chains.values().any(|chain| chain.foreign.is_some())
    }

    /// Returns state and rules of a moment of an imported chain: after a block, in that block's environment; or
    /// after the last one, in the environment of the next.
    pub(crate) fn foreign_moment(&self, network: NetworkId, at: At) -> RpcResult<ForeignMoment> {
        let (chain, schedule) = (self.chain(network), self.chain(network).schedule());
        let head = chain.store.head_number();
        let (number, rules, block) = match at {
            At::Pending => {
                let (rules, header) = chain.next_foreign(self.next_timestamp(chain));
                (head, rules, block_env(&rules, &header))
            }
            At::Block(number) => {
                let block = chain.store.by_number(number)?;
                let header = &block.ok_or_else(|| RpcError::refused("header not found"))?.header;
                let rules = schedule.rules_of(header);
                (number, rules, block_env(&rules, header))
            }
        };
        let state = self.view_after(network, number)?;
        Ok(ForeignMoment { chain_id: schedule.chain_id(), rules, block, state })
    }

    /// Returns state and rules in which the transactions of block `number` ran: the state after its parent, its own
    /// environment. The calls that open a block are not made yet.
    pub(crate) fn foreign_parent(
        &self,
        network: NetworkId,
        number: u64,
    ) -> RpcResult<ForeignMoment> {
        let moment = self.foreign_moment(network, At::Block(number))?;
        let state = self.view_after(network, number.saturating_sub(1))?;
        Ok(ForeignMoment { state, ..moment })
    }

    /// Returns a copy of the whole state after a block.
    pub(crate) fn whole_state(&self, network: NetworkId, at: At) -> RpcResult<ChainState> {
        let head = self.chain(network).store.head_number();
        let number = match at {
            At::Pending => head,
            At::Block(number) => number,
        };
        self.closed(network, At::Block(number))?;
        self.state_after(network, number)
    }

    /// Returns a copy of a rollup's state after a block that is kept.
    pub(super) fn state_after(&self, network: NetworkId, number: u64) -> RpcResult<ChainState> {
        let mut state = self.realm.state(network).expect("the rollup runs here").clone();
        if state.head_number() != Some(number) {
            state.unwind_to(number)?;
        }
        Ok(state)
    }

    /// Takes a raw transaction for an imported chain; returns its hash.
    pub(crate) fn send_foreign(&mut self, network: NetworkId, raw: &Bytes) -> RpcResult<B256> {
        self.check_intake()?;
        let tx = TxEnvelope::decode_2718_exact(raw)
            .map_err(|error| RpcError::params(format!("invalid transaction: {error}")))?;
        let hash = *tx.tx_hash();
        let waits = |foreign: &Foreign| foreign.pool.get(&hash).is_some();
        let chain = self.chain(network);
        if chain.store.has_transaction(&hash)? || chain.foreign.as_ref().is_some_and(waits) {
            return Err(RpcError::refused("already known"));
        }
        let sender = tx
            .recover_signer()
            .map_err(|_| RpcError::params("invalid sender: invalid signature"))?;
        self.check_foreign(network, &tx, sender)?;
        let nonce = tx.nonce();
        let foreign = self.chain_mut(network).foreign.as_mut().expect("the chain is imported");
        foreign.pool.insert(tx, sender).map_err(|error| match error {
            NoRoom::Pool => RpcError::limit("txpool is full"),
            NoRoom::Sender => RpcError::limit("account limit exceeded: too many waiting nonces"),
            NoRoom::Underpriced => RpcError::refused("replacement transaction underpriced"),
        })?;
        self.announce(network, ChainEvent::Pending(hash));
        if nonce < self.next_nonce(network, sender)? {
            self.want_block(network);
        }
        Ok(hash)
    }

    /// Checks a transaction as the next block would, but for its nonce being next and its fee being enough already.
    fn check_foreign(
        &mut self,
        network: NetworkId,
        tx: &TxEnvelope,
        sender: Address,
    ) -> RpcResult<()> {
        let moment = self.foreign_moment(network, At::Pending)?;
        if tx.chain_id() != Some(moment.chain_id) {
            let why = match tx.chain_id() {
                Some(id) => {
                    format!("invalid chain id for signer: have {id} want {}", moment.chain_id)
                }
                None => "only replay-protected (EIP-155) transactions allowed over RPC".to_owned(),
            };
            return Err(RpcError::refused(why));
        }
        let account = moment.state.basic_ref(sender)?;
        let nonce = account.map_or(0, |account| account.nonce);
        if tx.nonce() < nonce {
            let tx = tx.nonce();
            let why = format!("nonce too low: address {sender}, tx: {tx} state: {nonce}");
            return Err(RpcError::refused(why));
        }
        check_blobs(&moment.rules, tx)?;
        let mut context =
            context(WorkingState::new(moment.state), moment.chain_id, &moment.rules, moment.block);
        context.cfg.disable_nonce_check = true;
        context.cfg.disable_base_fee = true;
        let done = context.build_mainnet().transact(tx_env(tx, sender));
        done.map(|_| ()).map_err(|error| RpcError::refused(invalid(error)))
    }

    /// Runs a call at a moment of an imported chain and returns what it touches, with its result.
    pub(super) fn touched_foreign(
        &self,
        network: NetworkId,
        at: At,
        tx: TxEnv,
    ) -> RpcResult<(AccessList, ExecutionResult)> {
        let moment = self.foreign_moment(network, at)?;
        let inspector = AccessListInspector::new(tx.access_list.clone());
        let mut evm = moment.call_context(&tx).build_mainnet_with_inspector(inspector);
        let done = evm.inspect_tx(tx).map_err(|error| RpcError::refused(invalid(error)))?;
        Ok((evm.inspector.into_access_list(), done.result))
    }

    fn view_after(&self, network: NetworkId, number: u64) -> RpcResult<View> {
        let (state, number) =
            self.closed(network, At::Block(number))?.expect("closed blocks have a closed state");
        Ok(View::new(state.clone(), number, StateChange::new()))
    }

    /// Runs a call at a moment of an imported chain and forgets it.
    pub(super) fn look_foreign(
        &self,
        network: NetworkId,
        at: At,
        tx: TxEnv,
        overrides: Overrides,
    ) -> RpcResult<Simulated> {
        let mut moment = self.foreign_moment(network, at)?;
        if let Some(state) = &overrides.state {
            moment = moment.overridden(state)?;
        }
        if let Some(block) = &overrides.block {
            override_env(&mut moment.block, block)?;
        }
        let result = match moment.call_context(&tx).build_mainnet().transact(tx) {
            Ok(done) => Ok(done.result),
            Err(error) => Err(invalid(error)),
        };
        Ok(Simulated { result, hops: Vec::new() })
    }
}

/// Checks that the blobs of a transaction came with it and are what it names.
fn check_blobs(rules: &Rules, tx: &TxEnvelope) -> RpcResult<()> {
    let Some(tx) = tx.as_eip4844() else { return Ok(()) };
    let Some(sidecar) = tx.tx().sidecar() else {
        return Err(RpcError::refused("missing sidecar in blob transaction"));
    };
    let is_osaka = matches!(sidecar, BlobTransactionSidecarVariant::Eip7594(_));
    if is_osaka != rules.has(SpecId::OSAKA) {
        let kind =
            if is_osaka { "cell proofs before Osaka" } else { "blob proofs, not cell proofs" };
        return Err(RpcError::refused(format!("unexpected sidecar: {kind}")));
    }
    tx.tx()
        .validate(c_kzg::ethereum_kzg_settings(NO_PRECOMPUTE))
        .map_err(|error| RpcError::refused(format!("invalid blobs: {error}")))
}

/// Says why a transaction could not start.
pub(crate) fn invalid(error: EVMError<StoreError>) -> String {
    match error {
        EVMError::Transaction(why) => why.to_string(),
        error => error.to_string(),
    }
}

fn overridden(state: &View, overrides: &StateOverride) -> RpcResult<StateChange> {
    let mut changes = StateChange::new();
    for (address, account) in overrides {
        let info = state.basic_ref(*address)?;
        let mut change = AccountChange { info, ..AccountChange::default() };
        override_account(&mut change, account)?;
        changes.insert(*address, change);
    }
    Ok(changes)
}

/// Puts blocks and states where they are served from.
fn load(
    config: &DevConfig,
    chain: ImportedChain,
) -> Result<(ChainData, Rollup<ChainState>), StoreError> {
    let Genesis { schedule, state: memory, header, hash } = chain.genesis;
    let mut state = empty_state(IMPORTED)?;
    state.fill(&memory)?;
    state.insert_block_hash(header.number, hash)?;
    let first = StoredBlock::imported(header, hash, Vec::new(), Body::default());
    let mut store = BlockStore::starting_with(first);
    for block in chain.blocks {
        state.apply(&block.changes)?;
        state.insert_block_hash(block.header.number, block.hash)?;
        let body = Body {
            ommers: block.ommers,
            withdrawals: block.withdrawals,
            post_states: block.post_states,
        };
        store.push(StoredBlock::imported(block.header, block.hash, block.transactions, body));
    }
    let (head, head_hash) = (store.head().header.clone(), store.head().hash);
    let spec = ChainSpec {
        network: IMPORTED,
        chain_id: schedule.chain_id(),
        hardfork: schedule.rules_of(&head).spec,
        block_gas_limit: head.gas_limit,
        coinbase: head.beneficiary,
        max_block_interval: 0,
        failed: FailedPolicy::Keep,
    };
    let foreign = Foreign {
        schedule: Arc::new(schedule),
        pool: ForeignPool::new(&config.limits),
        producer: chain.production.map(Producer::new),
    };
    let mut data = ChainData::new(spec.clone(), store, &config.limits);
    data.foreign = Some(foreign);
    Ok((data, Rollup { spec, state, head, head_hash }))
}

impl ChainData {
    /// Returns the price of blob gas in a block, zero before there were blobs.
    pub(crate) fn blob_fee(&self, header: &Header) -> u128 {
        let foreign = self.foreign.as_ref();
        let params = match foreign {
            Some(foreign) => foreign.schedule.rules_of(header).blob,
            None => Some(BlobParams::osaka()),
        };
        params.and_then(|params| header.blob_fee(params)).unwrap_or_default()
    }

    /// Returns the blob gas that fits a block, zero before there were blobs.
    pub(crate) fn max_blob_gas(&self, header: &Header) -> u64 {
        let foreign = self.foreign.as_ref();
        let params = foreign.and_then(|foreign| foreign.schedule.rules_of(header).blob);
        params.map_or(0, |params| params.max_blob_gas_per_block())
    }

    /// Returns rules and header of the block that would come next, by default some seconds after the last one.
    pub(super) fn next_foreign(&self, timestamp: Option<u64>) -> (Rules, Header) {
        let head = self.store.head();
        let later = || head.header.timestamp.saturating_add(BLOCK_SECONDS);
        let timestamp = timestamp.unwrap_or_else(later);
        next_header(self.schedule(), &head.header, head.hash, timestamp)
    }

    /// Returns the environment of that block.
    pub(super) fn next_env(&self, timestamp: Option<u64>) -> BlockEnv {
        let (rules, header) = self.next_foreign(timestamp);
        block_env(&rules, &header)
    }

    /// Returns the fork schedule of an imported chain.
    pub(crate) fn schedule(&self) -> &Schedule {
        &self.foreign.as_ref().expect("the chain is imported").schedule
    }
}
