//! The sandbox: rollups at a moment, on which blocks are made and forgotten.

use super::{
    block::{self, Called},
    call::{self, Filled, Surroundings},
    errors,
    logs::{LogTracer, Logged},
    overrides,
    rules::Rules,
    schedule::{self, Planned},
    state::Sand,
};
use crate::{
    engine::unopened,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_consensus::{Header, SignableTransaction, Transaction as _, TxLegacy};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
    eip7685::Requests,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, simulate::SimulatePayload};
use alloy_trie::EMPTY_ROOT_HASH;
use revm::{
    Database,
    context::{
        TxEnv,
        result::{ExecutionResult, HaltReason, Output},
    },
    context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_evm::{BlockTx, Escrow, FoldError, Heads, InboundWork, Kept, Realm, Rollup, State};
use weft_state::StoreError;
use weft_types::{Domain, MANAGER, NetworkId, Position, SYSTEM_SENDER, SlotHeader};

/// A chain on which blocks are made.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) network: NetworkId,
    pub(crate) chain_id: u64,
    /// Block that the first one follows.
    pub(crate) base: Header,
    pub(crate) base_hash: B256,
    pub(crate) rules: Box<dyn Rules>,
    /// The block that is open, when the first one stands in its place.
    pub(crate) open: Option<Header>,
}

/// Rollups at a moment, apart from the engine.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) domain: Domain,
    /// Slot of the moment; `None` for an imported chain, which has none.
    pub(crate) slot: Option<SlotHeader>,
    pub(crate) rollups: Vec<Rollup<Sand>>,
    pub(crate) escrow: Escrow,
    pub(crate) heads: Heads,
    pub(crate) targets: Vec<Target>,
    /// Gas of all calls together.
    pub(crate) gas: u64,
    pub(crate) timeout: Duration,
}

/// A chain in progress.
struct Chain {
    target: Target,
    payload: SimulatePayload,
    planned: std::vec::IntoIter<Planned>,
    parent: Header,
    parent_hash: B256,
    blocks: Vec<Value>,
    open: Option<Open>,
}

/// A block in progress.
struct Open {
    header: Header,
    spec: SpecId,
    requests: Vec<TransactionRequest>,
    called: Vec<Called>,
    gas_used: u64,
    blob_gas_used: u64,
    logged: Rc<RefCell<Logged>>,
}

/// A simulation in progress.
struct Run {
    realm: Realm<Sand>,
    gas: u64,
    deadline: Instant,
    timeout: Duration,
}

impl Sandbox {
    /// Makes the blocks that `payloads` ask for; returns them by network.
    pub(crate) fn run(
        self,
        mut payloads: BTreeMap<NetworkId, SimulatePayload>,
    ) -> RpcResult<BTreeMap<NetworkId, Vec<Value>>> {
        let mut realm = Realm::new(self.domain, self.rollups, self.escrow, self.heads);
        if let Some(slot) = self.slot {
            realm.open_slot(slot).map_err(unopened)?;
        }
        let deadline = Instant::now() + self.timeout;
        let mut run = Run { realm, gas: self.gas, deadline, timeout: self.timeout };
        let mut chains = Vec::new();
        for target in self.targets {
            let payload = payloads.remove(&target.network).unwrap_or_default();
            chains.push(Chain::new(target, payload)?);
        }
        while chains.iter().any(Chain::has_more) {
            run.step(&mut chains)?;
        }
        Ok(chains.into_iter().map(|chain| (chain.target.network, chain.blocks)).collect())
    }
}

impl Chain {
    fn new(target: Target, mut payload: SimulatePayload) -> RpcResult<Self> {
        let blocks = std::mem::take(&mut payload.block_state_calls);
        let planned = schedule::plan(&target.base, target.open.as_ref(), blocks)?.into_iter();
        Ok(Self {
            payload,
            planned,
            parent: target.base.clone(),
            parent_hash: target.base_hash,
            blocks: Vec::new(),
            open: None,
            target,
        })
    }

    fn has_more(&self) -> bool {
        !self.planned.as_slice().is_empty()
    }

    /// Returns the header of the next block before anything ran in it.
    fn header(&self, planned: &Planned) -> RpcResult<(Header, SpecId)> {
        let next = self.target.rules.next(&self.parent, planned.timestamp);
        let overrides = planned.block.block_overrides.clone().unwrap_or_default();
        let from = |spec: SpecId| next.spec as u8 >= spec as u8;
        let mut header = match &self.target.open {
            Some(open) if open.number == planned.number => open.clone(),
            _ => Header {
                beneficiary: self.parent.beneficiary,
                difficulty: self.parent.difficulty,
                gas_limit: self.parent.gas_limit,
                base_fee_per_gas: next.base_fee,
                excess_blob_gas: next.excess_blob_gas,
                withdrawals_root: from(SpecId::SHANGHAI).then_some(EMPTY_ROOT_HASH),
                parent_beacon_block_root: from(SpecId::CANCUN).then_some(B256::ZERO),
                ..Header::default()
            },
        };
        header.parent_hash = self.parent_hash;
        header.number = planned.number;
        header.timestamp = planned.timestamp;
        if !self.payload.validation {
            header.base_fee_per_gas = next.base_fee.map(|_| 0);
        }
        override_header(&mut header, &overrides)?;
        Ok((header, next.spec))
    }
}

fn override_header(header: &mut Header, overrides: &BlockOverrides) -> RpcResult<()> {
    header.beneficiary = overrides.coinbase.unwrap_or(header.beneficiary);
    header.difficulty = overrides.difficulty.unwrap_or(header.difficulty);
    header.gas_limit = overrides.gas_limit.unwrap_or(header.gas_limit);
    header.mix_hash = overrides.random.unwrap_or(header.mix_hash);
    if header.parent_beacon_block_root.is_some() && overrides.beacon_root.is_some() {
        header.parent_beacon_block_root = overrides.beacon_root;
    }
    if let (Some(fee), Some(_)) = (overrides.base_fee, header.base_fee_per_gas) {
        let too_large = |_| RpcError::params("invalid blockOverrides: baseFeePerGas is too large");
        header.base_fee_per_gas = Some(u64::try_from(fee).map_err(too_large)?);
    }
    Ok(())
}

impl Run {
    /// Makes the next block of every chain that wants one; the calls of one chain run before those of the next.
    fn step(&mut self, chains: &mut [Chain]) -> RpcResult<()> {
        for chain in chains.iter_mut() {
            self.open(chain)?;
        }
        for index in 0..chains.len() {
            let Some(open) = &mut chains[index].open else { continue };
            for request in std::mem::take(&mut open.requests) {
                let inbound = self.call(&mut chains[index], &request)?;
                for work in inbound {
                    note_inbound(chains, work);
                }
            }
        }
        chains.iter_mut().try_for_each(|chain| self.close(chain))
    }

    fn open(&mut self, chain: &mut Chain) -> RpcResult<()> {
        let Some(planned) = chain.planned.next() else { return Ok(()) };
        let (header, spec) = chain.header(&planned)?;
        let network = chain.target.network;
        let none = Default::default();
        let overridden = planned.block.state_overrides.as_ref().unwrap_or(&none);
        overrides::apply(&mut self.realm, network, overridden)?;
        let mut env = chain.target.rules.env(&header);
        let blob_fee = planned.block.block_overrides.as_ref().and_then(|over| over.blob_base_fee);
        if let (Some(blob), Some(fee)) = (&mut env.blob_excess_gas_and_price, blob_fee) {
            let excess_blob_gas = blob.excess_blob_gas;
            *blob = BlobExcessGasAndPrice { excess_blob_gas, blob_gasprice: fee.saturating_to() };
        }
        self.realm.set_block_env(network, env);
        let is_open = chain.target.open.as_ref().is_some_and(|open| open.number == header.number);
        if !is_open {
            self.opening_calls(network, &header, spec)?;
        }
        chain.open = Some(Open {
            header,
            spec,
            requests: planned.block.calls,
            called: Vec::new(),
            gas_used: 0,
            blob_gas_used: 0,
            logged: Rc::default(),
        });
        Ok(())
    }

    fn opening_calls(
        &mut self,
        network: NetworkId,
        header: &Header,
        spec: SpecId,
    ) -> RpcResult<()> {
        if let Some(root) = header.parent_beacon_block_root {
            self.system(network, BEACON_ROOTS_ADDRESS, root.0.into())?;
        }
        if spec as u8 >= SpecId::PRAGUE as u8 {
            self.system(network, HISTORY_STORAGE_ADDRESS, header.parent_hash.0.into())?;
        }
        Ok(())
    }

    fn system(
        &mut self,
        network: NetworkId,
        target: Address,
        input: Bytes,
    ) -> RpcResult<Option<ExecutionResult<HaltReason>>> {
        self.realm
            .call_system(network, target, input)
            .map_err(|error| RpcError::new(-32603, format!("system call failed: {error:?}")))
    }

    /// Runs one call; returns what it did on other rollups.
    fn call(
        &mut self,
        chain: &mut Chain,
        request: &TransactionRequest,
    ) -> RpcResult<Vec<InboundWork>> {
        if Instant::now() >= self.deadline {
            return Err(self.late());
        }
        let network = chain.target.network;
        let from = request.from.unwrap_or_default();
        let working = self.realm.working(network).expect("the rollup runs here");
        let account = working.basic(from)?;
        let open = chain.open.as_mut().expect("the block is open");
        let filled = call::fill(
            request,
            Surroundings {
                chain_id: chain.target.chain_id,
                nonce: account.map_or(0, |account| account.nonce),
                block_gas_limit: open.header.gas_limit,
                block_gas_used: open.gas_used,
                gas_left: self.gas,
                base_fee: open.header.base_fee_per_gas,
            },
        )?;
        open.logged.borrow_mut().begin();
        self.realm.set_tracer(Some(Box::new(LogTracer {
            out: open.logged.clone(),
            network,
            transfers: chain.payload.trace_transfers,
            deadline: self.deadline,
            steps: 0,
        })));
        let kept = self.execute(network, &filled.env, chain.payload.validation);
        self.realm.set_tracer(None);
        let kept =
            kept.map_err(|error| RpcError::new(-32603, format!("call could not run: {error}")))?;
        if open.logged.borrow().is_late {
            return Err(self.late());
        }
        let base_fee = open.header.base_fee_per_gas;
        let result = kept
            .result
            .map_err(|error| errors::invalid(&error, &filled.env, base_fee.unwrap_or_default()))?;
        self.gas = self.gas.saturating_sub(result.tx_gas_used());
        open.note(filled, &result);
        Ok(kept.inbound)
    }

    /// Runs a transaction. Where nonces are not checked, the last one is followed by zero, as in go-ethereum.
    fn execute(
        &mut self,
        network: NetworkId,
        env: &TxEnv,
        validates: bool,
    ) -> Result<Kept, FoldError<StoreError>> {
        if validates || env.nonce != u64::MAX {
            return self.realm.execute(network, env.clone(), validates);
        }
        let reset = |realm: &mut _| {
            overrides::set_nonce(realm, network, env.caller, 0).map_err(FoldError::State)
        };
        reset(&mut self.realm)?;
        let kept = self.realm.execute(network, TxEnv { nonce: 0, ..env.clone() }, validates);
        reset(&mut self.realm)?;
        kept
    }

    fn late(&self) -> RpcError {
        RpcError::refused(format!("execution aborted (timeout = {:?})", self.timeout))
    }

    fn close(&mut self, chain: &mut Chain) -> RpcResult<()> {
        let Some(mut open) = chain.open.take() else { return Ok(()) };
        let network = chain.target.network;
        if open.spec as u8 >= SpecId::PRAGUE as u8 {
            let requests = match chain.target.rules.has_requests() {
                true => self.requests(network)?,
                false => Requests::default(),
            };
            open.header.requests_hash = Some(requests.requests_hash());
        }
        if open.spec as u8 >= SpecId::CANCUN as u8 {
            open.header.blob_gas_used = Some(open.blob_gas_used);
        }
        let reward = chain.target.rules.reward(&open.header);
        if !reward.is_zero() {
            overrides::credit(&mut self.realm, network, open.header.beneficiary, reward)?;
        }
        let working = self.realm.working(network).expect("the rollup runs here");
        let changes = working.changes()?;
        let state = working.rebase();
        state.apply(&changes)?;
        open.header.state_root = state.root()?;
        block::seal(&mut open.header, &open.called);
        let hash = open.header.hash_slow();
        state.insert_block_hash(open.header.number, hash)?;
        (chain.parent, chain.parent_hash) = (open.header.clone(), hash);
        let full = chain.payload.return_full_transactions;
        chain.blocks.push(block::answer(open.header, hash, open.called, full)?);
        Ok(())
    }

    /// Asks the contracts of EIP-7002 and EIP-7251 for requests.
    fn requests(&mut self, network: NetworkId) -> RpcResult<Requests> {
        let mut requests = Requests::default();
        for (kind, contract) in [
            (WITHDRAWAL_REQUEST_TYPE, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS),
            (CONSOLIDATION_REQUEST_TYPE, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS),
        ] {
            let answer = self.system(network, contract, Bytes::new())?;
            if let Some(ExecutionResult::Success { output, .. }) = answer {
                requests.push_request_with_type(kind, output.into_data());
            }
        }
        Ok(requests)
    }
}

impl Open {
    fn note(&mut self, filled: Filled, result: &ExecutionResult<HaltReason>) {
        let Filled { tx, env } = filled;
        self.gas_used += result.tx_gas_used();
        self.blob_gas_used += tx.blob_gas_used().unwrap_or_default();
        let logs = self.logged.borrow_mut().take();
        let contract_address = match result {
            ExecutionResult::Success { output: Output::Create(_, address), .. } => *address,
            _ => None,
        };
        let output = result.output().cloned().unwrap_or_default();
        let tx = BlockTx {
            effective_gas_price: block::effective_price(&tx, self.header.base_fee_per_gas),
            tx: Arc::new(tx),
            sender: env.caller,
            position: Position::default(),
            leg: 0,
            is_system: false,
            success: result.is_success(),
            gas_used: result.tx_gas_used(),
            logs: result.logs().to_vec(),
            output,
            contract_address,
        };
        let answer = answer(result);
        self.called.push(Called { tx, logs, answer: Some(answer) });
    }
}

fn answer(result: &ExecutionResult<HaltReason>) -> Value {
    let gas = result.gas();
    // What a failed call returned stands in its error.
    let returned = result.output().filter(|_| result.is_success()).cloned().unwrap_or_default();
    let mut answer = json!({
        "returnData": returned,
        "gasUsed": block::gas(gas.tx_gas_used()),
        "maxUsedGas": block::gas(gas.total_gas_spent().max(gas.floor_gas())),
        "status": if result.is_success() { "0x1" } else { "0x0" },
    });
    match result {
        ExecutionResult::Success { .. } => {}
        ExecutionResult::Revert { output, .. } => answer["error"] = errors::reverted(output),
        ExecutionResult::Halt { reason, .. } => answer["error"] = errors::halted(reason),
    }
    answer
}

/// Puts what a call did on another chain into that chain's block (P29).
fn note_inbound(chains: &mut [Chain], work: InboundWork) {
    let chain = chains.iter_mut().find(|chain| chain.target.network == work.network);
    let Some((open, chain_id)) =
        chain.and_then(|chain| Some((chain.open.as_mut()?, chain.target.chain_id)))
    else {
        return;
    };
    let tx = TxLegacy {
        chain_id: Some(chain_id),
        gas_limit: work.gas_used,
        to: TxKind::Call(MANAGER),
        ..TxLegacy::default()
    };
    open.gas_used += work.gas_used;
    let logs = open.logged.borrow_mut().number(work.logs.clone());
    let tx = BlockTx {
        tx: Arc::new(tx.into_signed(Signature::new(U256::ZERO, U256::ZERO, false)).into()),
        sender: SYSTEM_SENDER,
        position: Position::default(),
        leg: 0,
        is_system: true,
        success: true,
        gas_used: work.gas_used,
        effective_gas_price: 0,
        logs: work.logs,
        output: Bytes::new(),
        contract_address: None,
    };
    open.called.push(Called { tx, logs, answer: None });
}
