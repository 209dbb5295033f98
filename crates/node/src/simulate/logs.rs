//! Logs of simulated calls, with ether transfers among them when asked for, and the clock.

use alloy_primitives::{Address, B256, Log, LogData, U256, address, b256};
use revm::{
    DatabaseRef, Inspector,
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult,
        Interpreter, interpreter_types::LoopControl,
    },
};
use std::{cell::RefCell, rc::Rc, time::Instant};
use weft_evm::trace::{TraceContext, Tracer};
use weft_types::NetworkId;

/// Who "emits" a transfer of ether.
const ETHER: Address = address!("0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// Opcodes between two looks at the clock.
const STEPS_PER_LOOK: u64 = 1024;

/// Logs of a block, numbered as in a block that is made.
#[derive(Debug, Default)]
pub(super) struct Logged {
    /// Logs of the open frames, outermost first; the first list is what stands.
    frames: Vec<Vec<Log>>,
    next: u64,
    active: NetworkId,
    pub(super) is_late: bool,
}

impl Logged {
    /// Begins a call.
    pub(super) fn begin(&mut self) {
        self.frames = vec![Vec::new()];
    }

    /// Returns the logs of the call.
    pub(super) fn take(&mut self) -> Vec<(u64, Log)> {
        let logs = self.frames.drain(..).flatten().collect();
        self.number(logs)
    }

    /// Numbers logs that stand.
    pub(super) fn number(&mut self, logs: Vec<Log>) -> Vec<(u64, Log)> {
        let first = self.next;
        self.next += logs.len() as u64;
        (first..).zip(logs).collect()
    }

    fn push(&mut self, log: Log) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push(log);
        }
    }

    fn close(&mut self, stands: bool) {
        if self.frames.len() < 2 {
            return;
        }
        let closed = self.frames.pop().expect("longer than one");
        if stands && let Some(below) = self.frames.last_mut() {
            below.extend(closed);
        }
    }
}

/// Watches one rollup's logs.
#[derive(Debug)]
pub(super) struct LogTracer {
    pub(super) out: Rc<RefCell<Logged>>,
    pub(super) network: NetworkId,
    pub(super) transfers: bool,
    pub(super) deadline: Instant,
    pub(super) steps: u64,
}

impl LogTracer {
    fn is_here(&self) -> bool {
        self.out.borrow().active == self.network
    }

    fn open(&mut self, transfer: Option<(Address, Address, U256)>) {
        let mut out = self.out.borrow_mut();
        out.frames.push(Vec::new());
        if out.active != self.network {
            return;
        }
        if let Some((from, to, wei)) = transfer.filter(|(.., wei)| self.transfers && !wei.is_zero())
        {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = LogData::new_unchecked(topics, wei.to_be_bytes_vec().into());
            out.push(Log { address: ETHER, data });
        }
    }
}

impl<D: DatabaseRef> Inspector<TraceContext<D>> for LogTracer {
    fn step(&mut self, interp: &mut Interpreter, _: &mut TraceContext<D>) {
        self.steps += 1;
        if self.steps % STEPS_PER_LOOK == 1 && Instant::now() >= self.deadline {
            self.out.borrow_mut().is_late = true;
        }
        if self.out.borrow().is_late && interp.bytecode.is_not_end() {
            interp.halt(InstructionResult::OutOfGas);
        }
    }

    fn log(&mut self, _: &mut TraceContext<D>, log: Log) {
        if self.is_here() {
            self.out.borrow_mut().push(log);
        }
    }

    fn call(&mut self, _: &mut TraceContext<D>, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let moves = inputs.scheme != CallScheme::DelegateCall;
        let transfer = (inputs.caller, inputs.target_address, inputs.call_value());
        self.open(moves.then_some(transfer));
        None
    }

    fn call_end(&mut self, _: &mut TraceContext<D>, _: &CallInputs, outcome: &mut CallOutcome) {
        self.out.borrow_mut().close(outcome.result.is_ok());
    }

    fn create(
        &mut self,
        context: &mut TraceContext<D>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        use revm::context::JournalTr as _;
        let creator = context.journaled_state.load_account(inputs.caller()).ok();
        let nonce = creator.map(|account| account.data.info.nonce).unwrap_or_default();
        let created = inputs.created_address(nonce);
        self.open(Some((inputs.caller(), created, inputs.value())));
        None
    }

    fn create_end(
        &mut self,
        _: &mut TraceContext<D>,
        _: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.out.borrow_mut().close(outcome.result.is_ok());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.open(Some((contract, target, value)));
        self.out.borrow_mut().close(true);
    }
}

impl<D: DatabaseRef> Tracer<D> for LogTracer {
    fn on_chain(&mut self, network: NetworkId) {
        self.out.borrow_mut().active = network;
    }
}
