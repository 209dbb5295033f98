//! Records what legs do, on all rollups.

use super::config::Options;
use crate::rpc::errors::RpcError;
use alloy_primitives::{Address, Log, U256};
use revm::{
    Database, DatabaseRef, Inspector,
    context::result::{ExecutionResult, HaltReason},
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter,
        interpreter_types::LoopControl,
    },
    state::{AccountInfo, EvmState, TransactionId},
};
use revm_inspectors::tracing::{
    FourByteInspector, TraceLimits, TracingInspector, types::CallTraceNode,
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};
use weft_evm::trace::{LegEnd, TraceContext, TracedChain, Tracer, touched_state};
use weft_types::{NetworkId, Position};

/// Most opcodes that one request records.
const MAX_STEPS: u64 = 1_000_000;
/// Most bytes of memory and call data that one leg records.
const MAX_BYTES: usize = 256 << 20;
/// Opcodes between two looks at the clock.
const STEPS_PER_LOOK: u64 = 1024;

/// Accounts that a leg touched on one rollup.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    /// As they were before the leg.
    pub(crate) before: BTreeMap<Address, AccountInfo>,
    /// As the leg left them, with the slots that it touched.
    pub(crate) after: EvmState,
}

/// What one leg did.
#[derive(Debug)]
pub(crate) struct LegTrace {
    pub(crate) position: Position,
    pub(crate) leg: u16,
    /// Result of the leg's own transaction.
    pub(crate) result: ExecutionResult<HaltReason>,
    /// Frames of all rollups, parents before children.
    pub(crate) nodes: Vec<CallTraceNode>,
    /// Rollup of each frame.
    pub(crate) networks: Vec<NetworkId>,
    pub(crate) touched: BTreeMap<NetworkId, Touched>,
    pub(crate) selectors: BTreeMap<NetworkId, FourByteInspector>,
    /// True when something was left out to stay within bounds.
    pub(crate) is_cut: bool,
}

/// What a recorder hands over: the legs that it saw, and why it gave up, if it did.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub(crate) legs: Vec<LegTrace>,
    pub(crate) failure: Option<Failure>,
}

/// Why a recorder gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The time is over.
    Timeout(Duration),
    /// There is more than a request may record.
    TooLarge,
}

impl From<Failure> for RpcError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout(timeout) => {
                Self::refused(format!("execution timeout: tracing took longer than {timeout:?}"))
            }
            Failure::TooLarge => {
                Self::limit(format!("trace too large: more than {MAX_STEPS} opcodes"))
            }
        }
    }
}

/// Records every leg that it watches.
#[derive(Debug)]
pub(crate) struct Recorder {
    options: Options,
    /// Rollup whose opcodes are recorded.
    steps_of: NetworkId,
    deadline: Instant,
    steps: u64,
    active: NetworkId,
    /// Frames that are open, on all rollups.
    open: usize,
    inner: TracingInspector,
    networks: Vec<NetworkId>,
    selectors: BTreeMap<NetworkId, FourByteInspector>,
    /// State of the journals when the leg began.
    begun: BTreeMap<NetworkId, (TransactionId, EvmState)>,
    out: Rc<RefCell<Traces>>,
}

impl Recorder {
    /// Makes a recorder of frames everywhere and of the opcodes of `network`, with the place that receives them.
    pub(crate) fn new(options: &Options, network: NetworkId) -> (Self, Rc<RefCell<Traces>>) {
        let out = Rc::<RefCell<Traces>>::default();
        let limits = TraceLimits::default().set_max_recorded_bytes(Some(MAX_BYTES));
        let recorder = Self {
            deadline: Instant::now() + options.timeout,
            steps_of: network,
            steps: 0,
            active: network,
            open: 0,
            inner: TracingInspector::new(options.kind.recording()).with_limits(limits),
            networks: Vec::new(),
            selectors: BTreeMap::new(),
            begun: BTreeMap::new(),
            out: out.clone(),
            options: options.clone(),
        };
        (recorder, out)
    }

    fn fail(&self, failure: Failure) {
        self.out.borrow_mut().failure.get_or_insert(failure);
    }

    /// Ends a frame early when the answer is lost anyway.
    fn look(&mut self, interp: &mut Interpreter) {
        self.steps += 1;
        if self.steps % STEPS_PER_LOOK == 1 && Instant::now() >= self.deadline {
            self.fail(Failure::Timeout(self.options.timeout));
        }
        if self.inner.config().record_steps && self.steps > MAX_STEPS {
            self.fail(Failure::TooLarge);
        }
        if self.out.borrow().failure.is_some() && interp.bytecode.is_not_end() {
            interp.halt(InstructionResult::OutOfGas);
        }
    }

    /// Shows the inner inspector a frame at its depth in the joint stack: each rollup counts its own frames only.
    fn at_depth<D: DatabaseRef, T>(
        &mut self,
        context: &mut TraceContext<D>,
        open: impl FnOnce(&mut TracingInspector, &mut TraceContext<D>) -> T,
    ) -> T {
        let own = std::mem::replace(&mut context.journaled_state.inner.depth, self.open);
        let opened = open(&mut self.inner, context);
        context.journaled_state.inner.depth = own;
        self.open += 1;
        let frames = self.inner.traces().nodes().len();
        self.networks.resize(frames, self.active);
        opened
    }

    fn records_here(&self) -> bool {
        self.active == self.steps_of
    }
}

impl<D: DatabaseRef> Inspector<TraceContext<D>> for Recorder {
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut TraceContext<D>) {
        self.inner.initialize_interp(interp, context);
    }

    fn step(&mut self, interp: &mut Interpreter, context: &mut TraceContext<D>) {
        if self.records_here() {
            self.inner.step(interp, context);
        }
        self.look(interp);
    }

    fn step_end(&mut self, interp: &mut Interpreter, context: &mut TraceContext<D>) {
        if self.records_here() {
            self.inner.step_end(interp, context);
        }
    }

    fn log(&mut self, context: &mut TraceContext<D>, log: Log) {
        self.inner.log(context, log);
    }

    fn call(
        &mut self,
        context: &mut TraceContext<D>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        let selectors = self.selectors.entry(self.active).or_default();
        Inspector::<TraceContext<D>>::call(selectors, context, inputs);
        self.at_depth(context, |inner, context| inner.call(context, inputs))
    }

    fn call_end(
        &mut self,
        context: &mut TraceContext<D>,
        inputs: &CallInputs,
        outcome: &mut CallOutcome,
    ) {
        self.open -= 1;
        self.inner.call_end(context, inputs, outcome);
    }

    fn create(
        &mut self,
        context: &mut TraceContext<D>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        self.at_depth(context, |inner, context| inner.create(context, inputs))
    }

    fn create_end(
        &mut self,
        context: &mut TraceContext<D>,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.open -= 1;
        self.inner.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        Inspector::<TraceContext<D>>::selfdestruct(&mut self.inner, contract, target, value);
    }
}

impl<D: DatabaseRef> Tracer<D> for Recorder {
    fn on_chain(&mut self, network: NetworkId) {
        self.active = network;
    }

    fn begin_leg(
        &mut self,
        _: Position,
        _: u16,
        _: NetworkId,
        chains: &mut dyn Iterator<Item = TracedChain<'_, D>>,
    ) {
        self.inner.fuse();
        self.open = 0;
        self.networks.clear();
        self.selectors.clear();
        self.begun.clear();
        if self.options.kind.needs_accounts() {
            for TracedChain { network, context } in chains {
                let journal = &context.journaled_state;
                self.begun.insert(network, (journal.transaction_id, journal.state.clone()));
            }
        }
    }

    fn end_leg(&mut self, end: &LegEnd<'_>, chains: &mut dyn Iterator<Item = TracedChain<'_, D>>) {
        let begun = std::mem::take(&mut self.begun);
        let touched = |TracedChain { network, context }: TracedChain<'_, D>| {
            let (transaction, before) = begun.get(&network)?;
            Some((network, touched(context, *transaction, before)))
        };
        let touched = chains.filter_map(touched).collect();
        let nodes = std::mem::take(self.inner.traces_mut()).into_nodes();
        self.networks.resize(nodes.len(), end.home);
        self.out.borrow_mut().legs.push(LegTrace {
            position: end.position,
            leg: end.leg,
            result: end.result.clone(),
            nodes,
            networks: std::mem::take(&mut self.networks),
            touched,
            selectors: std::mem::take(&mut self.selectors),
            is_cut: self.inner.limit_exceeded(),
        });
    }
}

/// Returns what a leg touched on one rollup, before and after. The database still holds what earlier items left;
/// what earlier legs of the item did is in `begun`.
fn touched<D: DatabaseRef>(
    context: &mut TraceContext<D>,
    transaction: TransactionId,
    begun: &EvmState,
) -> Touched {
    let after = touched_state(context, transaction);
    let database = &mut context.journaled_state.database;
    let mut before = |address: &Address| match begun.get(address) {
        Some(account) if account.is_selfdestructed_locally() => AccountInfo::default(),
        Some(account) => account.info.clone(),
        None => database.basic(*address).ok().flatten().unwrap_or_default(),
    };
    let before = after.keys().map(|address| (*address, before(address))).collect();
    Touched { before, after }
}
