//! Crossings: from a call to the reserved address to the frame on the callee's chain, and back.

mod answer;
mod elsewhere;
mod l1;
mod request;

pub(crate) use self::l1::L1Call;
use self::{
    answer::{failure, outcome, refusal},
    request::{Request, Route, is_accounted},
};
use crate::{
    escrow::TokenId,
    joint::{Effect, ExecError, Fault, Joint, Mark, Mode, Step, Stop},
    tariff,
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolError};
use core::ops::Range;
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    context::JournalTr,
    context_interface::journaled_state::JournalCheckpoint,
    handler::FrameResult,
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, FrameInput, InstructionResult,
        InterpreterResult, interpreter_action::FrameInit,
    },
    state::AccountInfo,
};
use weft_contracts::Manager;
use weft_types::{
    HopBody, HopCall, HopReturn, MANAGER, NetworkId, RESERVED, SYSTEM_SENDER, Status, TokenMove,
    Touched,
};

alloy_sol_types::sol! {
    /// Neither manager nor reserved address can be called from another chain (ADR 0002).
    error ForbiddenTarget(address target);
}

/// A crossing that has not come back.
#[derive(Debug)]
pub(crate) struct Crossing {
    caller: NetworkId,
    callee: NetworkId,
    is_static: bool,
    source: Address,
    thread_before: B256,
    /// Thread hash after the call.
    thread_called: B256,
    escrow: usize,
    /// Length of the effects before the crossing.
    effects: usize,
    outbound: Option<Outbound>,
    inbound: Option<Inbound>,
}

/// The caller's side, when it runs here.
#[derive(Debug)]
struct Outbound {
    route: Route,
    chain: usize,
    checkpoint: JournalCheckpoint,
    gas_limit: u64,
    tariff: u64,
    /// Gas that crossed and that calls back from elsewhere have not used.
    budget: u64,
    return_memory: Range<usize>,
}

/// The callee's side, when it runs here.
#[derive(Debug)]
struct Inbound {
    chain: usize,
    /// Frames of the callee's chain below the crossing.
    depth: usize,
    checkpoint: JournalCheckpoint,
    /// Gas that crossed.
    gas: u64,
    /// Part of it spent before the callee's frame.
    spent: u64,
    /// Index of the call among the item's hops.
    hop: usize,
    proxy: Address,
    /// Code that runs at the callee, unless the proxy's deployment may have changed it.
    code: Option<(B256, Bytecode)>,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The caller's proxy is being deployed.
    Deploy,
    /// The callee runs.
    Call,
}

/// A frame that no opcode opens.
struct Opening {
    caller: Address,
    target: Address,
    value: U256,
    data: Bytes,
    gas_limit: u64,
    is_static: bool,
    code: (B256, Bytecode),
}

impl Crossing {
    /// Returns true when a result at this depth of this chain is the callee's.
    pub(crate) fn ends_at(&self, chain: usize, depth: usize) -> bool {
        self.inbound.as_ref().is_some_and(|side| side.chain == chain && side.depth == depth)
    }
}

/// Returns true for a call that runs "code of the reserved address".
pub(crate) fn is_reserved(init: &FrameInit) -> bool {
    matches!(&init.frame_input, FrameInput::Call(inputs) if inputs.bytecode_address == RESERVED)
}

impl<D: DatabaseRef> Joint<D> {
    /// Answers a call to the reserved address.
    pub(crate) fn cross(&mut self, init: FrameInit) -> Result<Step, ExecError<D>> {
        let FrameInput::Call(inputs) = init.frame_input else {
            unreachable!("only calls reach the reserved address");
        };
        let request = match self.request(&inputs)? {
            Ok(request) => request,
            Err(refused) => {
                let result = InstructionResult::Revert;
                return self.deliver(refusal(&inputs, refused.cost, refused.output, result));
            }
        };
        let cost = tariff::CROSSING
            .saturating_add(request.lookup)
            .saturating_add(tariff::data(request.data.len()));
        if inputs.gas_limit < cost {
            let result = InstructionResult::OutOfGas;
            return self.deliver(refusal(&inputs, inputs.gas_limit, Bytes::new(), result));
        }
        if request.leaves_for_l1() {
            return self.leave(&inputs, request, cost);
        }
        match self.local_refusal(&request)? {
            Some((status, data)) => {
                let output = failure(request.route, request.network, status, &data);
                self.deliver(refusal(&inputs, cost, output, InstructionResult::Revert))
            }
            None => self.depart(inputs, request, cost),
        }
    }

    /// Finds refusals that the caller's chain knows by itself; they make no hop (ADR 0004).
    fn local_refusal(
        &mut self,
        request: &Request,
    ) -> Result<Option<(Status, Bytes)>, ExecError<D>> {
        let own = self.active_network();
        let network = u32::try_from(request.network).ok().map(NetworkId::new);
        let available = network.and_then(|network| self.available(network));
        let Some(available) = available.filter(|_| network != Some(own)) else {
            return Ok(Some((Status::NotProvisioned, Bytes::new())));
        };
        if !available {
            return Ok(Some((Status::Unavailable, Bytes::new())));
        }
        if request.target == MANAGER || request.target == RESERVED {
            let error = ForbiddenTarget { target: request.target };
            return Ok(Some((Status::Reverted, error.abi_encode().into())));
        }
        if self.mode == Mode::Ahead {
            return Err(self.halt(Stop::Crossing));
        }
        Ok(None)
    }

    /// Sends the call: escrow and ether leave the caller's chain, the hop is emitted.
    fn depart(
        &mut self,
        inputs: Box<CallInputs>,
        request: Request,
        cost: u64,
    ) -> Result<Step, ExecError<D>> {
        let (chain, caller) = (self.active, self.active_network());
        let value = inputs.value.get();
        let escrow = self.escrow.mark();
        if !self.take_escrow(caller, value, request.token.as_ref()) {
            let status = Status::InsufficientEscrow;
            let output = failure(request.route, request.network, status, &Bytes::new());
            return self.deliver(refusal(&inputs, cost, output, InstructionResult::Revert));
        }
        let checkpoint = self.chain().checkpoint();
        if !value.is_zero()
            && !self.chain().debit(inputs.caller, value).map_err(ExecError::<D>::Database)?
        {
            // Only a manager that is not ours offers what it does not have.
            self.escrow.undo_to(escrow);
            let result = InstructionResult::OutOfFunds;
            return self.deliver(refusal(&inputs, cost, Bytes::new(), result));
        }
        let callee = NetworkId::new(request.network as u32);
        let call = HopCall {
            origin: self.leg.origin,
            origin_network: self.leg.origin_network,
            gas_price: self.leg.gas_price,
            caller: request.source,
            target: request.target,
            value,
            token: request.token,
            gas: inputs.gas_limit - cost,
            is_static: inputs.is_static,
            data: request.data,
        };
        let crossing = Crossing {
            caller,
            callee,
            is_static: call.is_static,
            source: call.caller,
            thread_before: self.leg.thread,
            thread_called: self.leg.thread,
            escrow,
            effects: self.effects.len(),
            outbound: Some(Outbound {
                route: request.route,
                chain,
                checkpoint,
                gas_limit: inputs.gas_limit,
                tariff: cost,
                budget: inputs.gas_limit - cost,
                return_memory: inputs.return_memory_offset.clone(),
            }),
            inbound: None,
        };
        let hop = self.emit(caller, callee, HopBody::Call(call));
        self.arrive(crossing, hop)
    }

    /// Takes what moves out of the caller's escrow, all or nothing (P24).
    fn take_escrow(&mut self, own: NetworkId, value: U256, token: Option<&TokenMove>) -> bool {
        let mark = self.escrow.mark();
        let covered = self.escrow.take(own, TokenId::ETHER, value)
            && token.is_none_or(|token| self.escrow.take(own, TokenId::of(token), token.amount));
        if !covered {
            self.escrow.undo_to(mark);
        }
        covered
    }

    /// Opens the callee's side, or waits for it when it runs elsewhere. The call is hop number `hop` of the item.
    fn arrive(&mut self, mut crossing: Crossing, hop: usize) -> Result<Step, ExecError<D>> {
        let network = crossing.callee;
        let escrow = crossing.escrow;
        let number = self.hops[hop].place.k;
        crossing.thread_called = self.leg.thread;
        let Some(index) = self.index_of(network) else {
            self.check_stop()?;
            self.effects.push(Effect { network, hop: number, checkpoint: None, escrow });
            self.crossings.push(crossing);
            return Ok(Step::Await);
        };
        self.active = index;
        self.open_scope()?;
        let (source, gas) = (crossing.source, self.call(hop).gas);
        let proxy = self.proxy(crossing.caller, source);
        let chain = &mut self.chains[index];
        let checkpoint = chain.checkpoint();
        let depth = chain.depth;
        let effect = Effect { network, hop: number, checkpoint: Some(checkpoint), escrow };
        self.effects.push(effect);
        let (phase, code) = (Phase::Call, None);
        let inbound =
            Inbound { chain: index, depth, checkpoint, gas, spent: 0, hop, proxy, code, phase };
        crossing.inbound = Some(inbound);
        self.crossings.push(crossing);
        match self.refused_by_callee(hop) {
            Some(status) => self.come_back(status, 0, 0, Bytes::new()),
            None => self.admit(),
        }
    }

    /// Returns the call that is hop number `hop` of the item.
    fn call(&self, hop: usize) -> &HopCall {
        match &self.hops[hop].body {
            HopBody::Call(call) => call,
            body => unreachable!("only calls open crossings: {body:?}"),
        }
    }

    /// Returns the return that is hop number `hop` of the item.
    fn ret(&self, hop: usize) -> &HopReturn {
        match &self.hops[hop].body {
            HopBody::Return(ret) => ret,
            body => unreachable!("only returns close crossings: {body:?}"),
        }
    }

    /// Opens a scope for the leg in progress, unless it is at home here or has one.
    fn open_scope(&mut self) -> Result<(), ExecError<D>> {
        let chain = &self.chains[self.active];
        let (origin, network) = (self.leg.origin, self.leg.origin_network);
        if chain.network() == network || chain.scope.is_some() {
            return Ok(());
        }
        let origin = self.proxy(network, origin);
        self.chain().open_scope(origin).map_err(ExecError::<D>::Database)
    }

    /// Charges for the accounts that the frame needs and deploys the caller's proxy when it is missing (P20).
    fn admit(&mut self) -> Result<Step, ExecError<D>> {
        let side = self.inbound_side();
        let (proxy, gas, hop) = (side.proxy, side.gas, side.hop);
        let HopCall { target, value, is_static, .. } = *self.call(hop);
        let journal = self.chain().journal();
        let loaded = journal.load_account(proxy).map_err(ExecError::<D>::Database)?;
        let missing = loaded.data.info.is_empty_code_hash();
        let mut cost = tariff::access(loaded.is_cold);
        let loaded = journal.load_account_with_code(target).map_err(ExecError::<D>::Database)?;
        cost += tariff::access(loaded.is_cold);
        if !value.is_zero() {
            let fresh = if loaded.data.info.is_empty() { tariff::NEW_ACCOUNT } else { 0 };
            cost += tariff::VALUE + fresh;
        }
        let mut code = code_in(&loaded.data.info);
        if let Some(delegate) = code.1.eip7702_address() {
            let loaded =
                journal.load_account_with_code(delegate).map_err(ExecError::<D>::Database)?;
            cost += tariff::access(loaded.is_cold);
            code = code_in(&loaded.data.info);
        }
        if gas < cost {
            return self.come_back(Status::OutOfGas, gas, 0, Bytes::new());
        }
        let side = self.inbound_side();
        side.spent = cost;
        if missing && !is_static {
            return self.deploy_proxy();
        }
        side.code = Some(code);
        self.call_target()
    }

    fn inbound_side(&mut self) -> &mut Inbound {
        let crossing = self.crossings.last_mut().expect("a crossing is open");
        crossing.inbound.as_mut().expect("the callee runs here")
    }

    fn deploy_proxy(&mut self) -> Result<Step, ExecError<D>> {
        let network = self.crossings.last().expect("a crossing is open").caller;
        let side = self.inbound_side();
        side.phase = Phase::Deploy;
        let (gas_limit, hop) = (side.gas - side.spent, side.hop);
        let original = self.call(hop).caller;
        let call =
            Manager::createCrossChainProxyCall { original, network: u64::from(network.get()) };
        let code = self.code_of(MANAGER)?;
        self.open_frame(Opening {
            caller: SYSTEM_SENDER,
            target: MANAGER,
            value: U256::ZERO,
            data: call.abi_encode().into(),
            gas_limit,
            is_static: false,
            code,
        })
    }

    fn call_target(&mut self) -> Result<Step, ExecError<D>> {
        let side = self.inbound_side();
        side.phase = Phase::Call;
        let (gas_limit, proxy, hop) = (side.gas - side.spent, side.proxy, side.hop);
        let code = side.code.take();
        let call = self.call(hop);
        let (data, token) = (call.data.clone(), call.token);
        let HopCall { target, value, is_static, .. } = *call;
        let own = self.active_network();
        let from = self.crossings.last().expect("a crossing is open").caller;
        if !value.is_zero() {
            self.escrow.pass(from, own, TokenId::ETHER, value);
            self.chain().credit(proxy, value).map_err(ExecError::<D>::Database)?;
        }
        if let Some(token) = &token {
            self.escrow.pass(from, own, TokenId::of(token), token.amount);
        }
        let code = match code {
            Some(code) => code,
            None => self.code_of(target)?,
        };
        let caller = proxy;
        self.open_frame(Opening { caller, target, value, data, gas_limit, is_static, code })
    }

    fn open_frame(&mut self, opening: Opening) -> Result<Step, ExecError<D>> {
        let Opening { caller, target, value, data, gas_limit, is_static, code } = opening;
        let (depth, memory) = self.chain().inbound_memory();
        let inputs = CallInputs {
            input: CallInput::Bytes(data),
            return_memory_offset: 0..0,
            gas_limit,
            reservoir: 0,
            bytecode_address: target,
            known_bytecode: code,
            target_address: target,
            caller,
            value: CallValue::Transfer(value),
            scheme: if is_static { CallScheme::StaticCall } else { CallScheme::Call },
            is_static,
            charged_new_account_state_gas: false,
        };
        let frame_input = FrameInput::Call(Box::new(inputs));
        self.enter(FrameInit { depth, memory, frame_input })
    }

    /// Returns the code that runs at `target`, through an EIP-7702 delegation when there is one.
    fn code_of(&mut self, target: Address) -> Result<(B256, Bytecode), ExecError<D>> {
        let journal = self.chain().journal();
        let load = |journal: &mut revm::Journal<_>, address| {
            let account =
                journal.load_account_with_code(address).map_err(ExecError::<D>::Database)?;
            Ok::<_, ExecError<D>>(code_in(&account.data.info))
        };
        let (hash, code) = load(journal, target)?;
        match code.eip7702_address() {
            Some(delegate) => load(journal, delegate),
            None => Ok((hash, code)),
        }
    }

    /// Takes the result of a frame that no opcode opened: the proxy's deployment, or the callee.
    pub(crate) fn inbound_result(&mut self, result: FrameResult) -> Result<Step, ExecError<D>> {
        let FrameResult::Call(outcome) = result else {
            unreachable!("inbound frames are calls");
        };
        let InterpreterResult { result, output, gas } = outcome.result;
        let side = self.inbound_side();
        let spent = side.spent + (gas.limit() - gas.remaining());
        let all = side.gas;
        if side.phase == Phase::Deploy {
            if !result.is_ok() {
                return self.come_back(Status::OutOfGas, all, 0, Bytes::new());
            }
            side.spent = spent;
            return self.call_target();
        }
        let total = spent.saturating_add(tariff::data(output.len()));
        match result {
            result if total > all => {
                if result.is_ok() {
                    self.undo_callee();
                }
                self.come_back(Status::OutOfGas, all, 0, Bytes::new())
            }
            result if result.is_ok() => self.come_back(Status::Ok, total, gas.refunded(), output),
            result if result.is_revert() => self.come_back(Status::Reverted, total, 0, output),
            _ => self.come_back(Status::OutOfGas, all, 0, Bytes::new()),
        }
    }

    /// Takes back what a callee that succeeded did on third chains, because its answer cannot be paid for.
    fn undo_callee(&mut self) {
        let crossing = self.crossings.last().expect("a crossing is open");
        let mark = Mark {
            effects: crossing.effects + 1,
            thread: crossing.thread_called,
            escrow: crossing.escrow,
        };
        self.undo_to(&mark);
    }

    /// Closes the callee's side and sends the return.
    fn come_back(
        &mut self,
        status: Status,
        gas_used: u64,
        refund: i64,
        data: Bytes,
    ) -> Result<Step, ExecError<D>> {
        let crossing = self.crossings.pop().expect("a crossing is open");
        let side = crossing.inbound.as_ref().expect("the callee runs here");
        let (mut value, mut touched) = (U256::ZERO, Vec::new());
        if status == Status::Ok {
            touched = self.touched_below(&crossing);
            if !crossing.is_static {
                // L1 gets its ether back as an exit, when the delivery is over.
                let is_l1 = crossing.caller == NetworkId::L1;
                value = if is_l1 { U256::ZERO } else { self.sweep(side.proxy)? };
            }
        } else {
            self.chains[side.chain].revert_to(side.checkpoint);
            self.effects.truncate(crossing.effects);
            self.escrow.undo_to(crossing.escrow);
            self.leg.thread = crossing.thread_before;
        }
        // A crossing into a chain that is in the middle of another one is part of that one's gas.
        let inner = self
            .crossings
            .iter()
            .any(|outer| outer.inbound.as_ref().is_some_and(|outer| outer.chain == side.chain));
        if let Some(scope) = &mut self.chains[side.chain].scope
            && !inner
        {
            scope.gas_used += gas_used;
        }
        let is_static = crossing.is_static;
        let ret = HopReturn { status, is_static, gas_used, refund, value, touched, data };
        let hop = self.emit(crossing.callee, crossing.caller, HopBody::Return(ret));
        self.check_stop()?;
        match crossing.outbound {
            Some(_) => self.settle(&crossing, hop),
            None if crossing.caller == NetworkId::L1 => Ok(Step::Done),
            None => {
                let budget = self.budget();
                *budget = budget.saturating_sub(gas_used);
                Ok(Step::Await)
            }
        }
    }

    /// Lists the first standing hop into each chain below a crossing, caller and callee aside.
    fn touched_below(&self, crossing: &Crossing) -> Vec<Touched> {
        if self.effects.len() <= crossing.effects + 1 {
            return Vec::new();
        }
        let mut first = BTreeMap::new();
        for effect in &self.effects[crossing.effects + 1..] {
            if effect.network != crossing.caller && effect.network != crossing.callee {
                let first = first.entry(effect.network).or_insert(effect.hop);
                *first = effect.hop.min(*first);
            }
        }
        let touched = first.into_iter();
        touched.map(|(network, first_hop)| Touched { network, first_hop }).collect()
    }

    /// Takes home the ether that the caller's proxy holds (P20).
    fn sweep(&mut self, proxy: Address) -> Result<U256, ExecError<D>> {
        let own = self.active_network();
        let journal = self.chain().journal();
        // The crossing loaded it when it came in.
        let held = journal.state.get(&proxy).map_or(U256::ZERO, |account| account.info.balance);
        if held.is_zero() || !self.escrow.take(own, TokenId::ETHER, held) {
            return Ok(U256::ZERO);
        }
        let taken = self.chain().debit(proxy, held).map_err(ExecError::<D>::Database)?;
        assert!(taken, "the balance was just read");
        Ok(held)
    }

    /// Hands a return, which is hop number `hop` of the item, to the frame that called.
    fn settle(&mut self, crossing: &Crossing, hop: usize) -> Result<Step, ExecError<D>> {
        let side = crossing.outbound.as_ref().expect("the caller runs here");
        self.active = side.chain;
        let HopReturn { status, value, .. } = *self.ret(hop);
        if status == Status::Ok {
            if !value.is_zero() {
                self.escrow.pass(crossing.callee, crossing.caller, TokenId::ETHER, value);
                self.chain().credit(crossing.source, value).map_err(ExecError::<D>::Database)?;
            }
            if crossing.inbound.is_none() {
                self.note_touched(crossing, hop);
            }
        } else {
            self.chains[side.chain].revert_to(side.checkpoint);
            self.effects.truncate(crossing.effects);
            self.escrow.undo_to(crossing.escrow);
        }
        let loses_refund = self.fault == Some(Fault::DropRefund);
        let network = u64::from(crossing.callee.get());
        let outcome = outcome(side, network, self.ret(hop), loses_refund);
        self.deliver(FrameResult::Call(outcome))
    }

    /// Remembers what a callee that runs elsewhere touched in turn. One that runs here left its own effects.
    fn note_touched(&mut self, crossing: &Crossing, hop: usize) {
        let escrow = crossing.escrow;
        let effects = self.ret(hop).touched.iter().map(|touched| Effect {
            network: touched.network,
            hop: touched.first_hop,
            checkpoint: None,
            escrow,
        });
        let effects: Vec<_> = effects.collect();
        self.effects.extend(effects);
    }

    /// Finds refusals that depend on the callee's chain (P29).
    fn refused_by_callee(&self, hop: usize) -> Option<Status> {
        let chain = &self.chains[self.active];
        // A leg's own chain checked its fee and reserved its gas before the leg began.
        if self.lenient || chain.network() == self.leg.origin_network {
            return None;
        }
        let call = self.call(hop);
        // P48: what comes from L1 was paid there.
        let is_paid = self.leg.origin_network == NetworkId::L1;
        if !is_paid && call.gas_price < chain.base_fee() {
            return Some(Status::FeeTooLow);
        }
        if self.is_settling {
            return None;
        }
        let used = chain.item_gas + chain.scope.map_or(0, |scope| scope.gas_used);
        (chain.gas_left.saturating_sub(used) < call.gas).then_some(Status::Full)
    }
}

/// Returns an account's code with its hash.
fn code_in(info: &AccountInfo) -> (B256, Bytecode) {
    (info.code_hash, info.code.clone().unwrap_or_default())
}
