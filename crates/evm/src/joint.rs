//! The joint machine: one frame stack over many chains (P6).
//!
//! Each chain has its own revm [`Evm`](revm::context::Evm) with its own journal and frames; the machine decides
//! which of them runs next. A call that reaches the reserved address from the manager suspends the chain it is
//! on and opens a frame on the callee's chain ([`crate::crossing`]); a frame that reverts takes back everything
//! below it on *every* chain. revm's handler runs validation, fees and refunds of a leg's own transaction
//! unchanged; only its execution loop is replaced.

use crate::{
    chain::{Chain, ChainSpec, Ctx},
    crossing::Crossing,
    escrow::Escrow,
    precompiles::Precompiles,
    remote::{Remote, RemoteLost},
    trace::Watch,
};
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use alloy_primitives::{Address, B256, map::HashMap};
use revm::{
    DatabaseRef,
    context::{
        FrameStack,
        result::{EVMError, ExecutionResult, HaltReason},
    },
    context_interface::journaled_state::JournalCheckpoint,
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, FrameTr, Handler, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
        instructions::EthInstructions,
    },
    interpreter::{interpreter::EthInterpreter, interpreter_action::FrameInit},
};
use weft_contracts::proxy_address;
use weft_thread::{Heads, advance};
use weft_types::{Domain, Hop, HopBody, NetworkId, Position, Writer};

/// Why a leg could not be run to its end.
pub type ExecError<D> = EVMError<<D as DatabaseRef>::Error>;

/// Why a machine stopped in the middle of a leg. The leg left nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A machine that runs one rollup ahead of the others met a crossing (ADR 0005).
    Crossing,
    /// A rollup that runs elsewhere is lost (P8).
    Lost(RemoteLost),
    /// A hop does not fit the thread.
    BadHop(String),
}

/// The leg in progress.
#[derive(Debug, Clone)]
pub(crate) struct LegContext {
    pub(crate) position: Position,
    pub(crate) leg: u16,
    pub(crate) origin: Address,
    pub(crate) origin_network: NetworkId,
    pub(crate) gas_price: u128,
    /// Gas limit of the leg's transaction; no hop carries more.
    pub(crate) gas_limit: u64,
    pub(crate) thread: B256,
    /// Number of the next hop.
    pub(crate) k: u32,
}

impl Default for LegContext {
    fn default() -> Self {
        Self {
            position: Position::default(),
            leg: 0,
            origin: Address::ZERO,
            origin_network: NetworkId::L1,
            gas_price: 0,
            gas_limit: 0,
            thread: B256::ZERO,
            k: 0,
        }
    }
}

/// What held when a frame began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) effects: usize,
    pub(crate) thread: B256,
    pub(crate) escrow: usize,
}

/// A crossing whose effects stand: what to undo when a frame above it reverts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effect {
    pub(crate) network: NetworkId,
    pub(crate) hop: u32,
    /// State of the chain before the crossing; `None` when it runs elsewhere.
    pub(crate) checkpoint: Option<JournalCheckpoint>,
    pub(crate) escrow: usize,
}

/// What the machine does next.
pub(crate) enum Step {
    /// Runs the top frame of the active chain.
    Run,
    /// Waits for a hop from a chain that runs elsewhere.
    Await,
    /// The leg's own transaction is over; its result waits in [`Joint::done`].
    Done,
}

/// Which questions a machine may answer itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// All chains of the realm run here or are reached through a [`Remote`].
    #[default]
    Joint,
    /// One chain runs ahead; any crossing stops it.
    Ahead,
}

/// A bug planted on purpose, so that the simulator can show that it would find it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A reverted frame's effects on this rollup stand.
    SkipRollback(NetworkId),
    /// Two neighbouring hops of an item change places in its record.
    SwapHops,
    /// The callee's refund is lost on the way home.
    DropRefund,
    /// A return carries the place after its own.
    WrongPlace,
    /// Removed failures stay alive.
    LoseDeadHash,
}

/// Many chains, one frame stack.
#[derive(Debug)]
pub struct Joint<D: DatabaseRef> {
    pub(crate) domain: Domain,
    /// Every rollup of the realm; `chains` holds those that run here.
    pub(crate) realm: BTreeMap<NetworkId, bool>,
    /// Rollups that there are for the item that runs, when that was fixed before it could be read (P8).
    pub(crate) listed: Option<Vec<NetworkId>>,
    pub(crate) chains: Vec<Chain<D>>,
    pub(crate) active: usize,
    pub(crate) mode: Mode,
    /// True while simulating: fees and block space are not checked.
    pub(crate) lenient: bool,
    pub(crate) leg: LegContext,
    pub(crate) marks: Vec<Mark>,
    pub(crate) effects: Vec<Effect>,
    /// What the latest rollbacks from elsewhere took back.
    pub(crate) undone: Vec<Effect>,
    pub(crate) crossings: Vec<Crossing>,
    pub(crate) escrow: Escrow,
    pub(crate) heads: Heads,
    /// Hops of the item in progress, emitted and consumed, in order.
    pub(crate) hops: Vec<Hop>,
    /// Their hashes.
    pub(crate) hashes: Vec<B256>,
    pub(crate) remote: Option<Box<dyn Remote>>,
    /// Result of the leg's own transaction, between its end and whoever drives the machine.
    done: Option<FrameResult>,
    pub(crate) stop: Option<Stop>,
    pub(crate) fault: Option<Fault>,
    /// Who watches, if anybody.
    pub(crate) watch: Option<Box<Watch<D>>>,
    /// True when hops between chains that run elsewhere pass through here.
    pub(crate) is_hub: bool,
    /// True while the bridge takes over what L1 sent and could not be delivered: no block is too full for that.
    pub(crate) is_settling: bool,
    proxies: HashMap<(NetworkId, Address), Address>,
    /// The proxy that was asked for last: contracts tend to call more than once.
    last_proxy: ((NetworkId, Address), Address),
    scratch: Writer,
}

/// Bound of a hop's number within its leg, which gas keeps far lower; numbers never wrap.
const MAX_HOPS: u32 = 1 << 24;
/// Most proxy addresses remembered.
const PROXY_CACHE: usize = 1 << 16;

impl<D: DatabaseRef> Joint<D> {
    pub(crate) fn new(domain: Domain, chains: Vec<Chain<D>>, escrow: Escrow, heads: Heads) -> Self {
        let realm = chains.iter().map(|chain| (chain.network(), true)).collect();
        Self {
            domain,
            realm,
            listed: None,
            chains,
            active: 0,
            mode: Mode::Joint,
            lenient: false,
            leg: LegContext::default(),
            marks: Vec::new(),
            effects: Vec::new(),
            undone: Vec::new(),
            crossings: Vec::new(),
            escrow,
            heads,
            hops: Vec::new(),
            hashes: Vec::new(),
            remote: None,
            done: None,
            stop: None,
            fault: None,
            watch: None,
            is_hub: false,
            is_settling: false,
            proxies: HashMap::default(),
            last_proxy: first_proxy(),
            scratch: Writer::default(),
        }
    }

    /// Returns the fixed facts of the chains that run here.
    pub fn specs(&self) -> impl Iterator<Item = &ChainSpec> {
        self.chains.iter().map(|chain| &chain.spec)
    }

    pub(crate) fn index_of(&self, network: NetworkId) -> Option<usize> {
        self.chains.binary_search_by_key(&network, Chain::network).ok()
    }

    pub(crate) fn chain(&mut self) -> &mut Chain<D> {
        &mut self.chains[self.active]
    }

    pub(crate) fn active_network(&self) -> NetworkId {
        self.chains[self.active].network()
    }

    /// Returns the address that stands for `original` of `network` on every other chain.
    pub(crate) fn proxy(&mut self, network: NetworkId, original: Address) -> Address {
        let (known, proxy) = self.last_proxy;
        if known == (network, original) {
            return proxy;
        }
        let proxy = self.cached_proxy(network, original);
        self.last_proxy = ((network, original), proxy);
        proxy
    }

    fn cached_proxy(&mut self, network: NetworkId, original: Address) -> Address {
        if self.proxies.len() >= PROXY_CACHE {
            self.proxies.clear();
        }
        *self
            .proxies
            .entry((network, original))
            .or_insert_with(|| proxy_address(network.get(), original))
    }

    /// Runs a leg's own transaction on chain `chain`; its context must be in `leg` and in the chain's EVM.
    pub(crate) fn run_leg(
        &mut self,
        chain: usize,
    ) -> Result<ExecutionResult<HaltReason>, ExecError<D>> {
        self.begin_leg();
        self.active = chain;
        self.watch_begin(chain);
        let result = LegHandler(core::marker::PhantomData).run(self)?;
        self.watch_end(chain, &result);
        Ok(result)
    }

    /// Runs the work that a leg of another chain does on the chains here, until the leg is over.
    pub(crate) fn run_inbound(&mut self) -> Result<(), ExecError<D>> {
        self.begin_leg();
        match self.drive(Step::Await)? {
            None => Ok(()),
            Some(_) => Err(self.halt(Stop::BadHop("an inbound leg cannot return".into()))),
        }
    }

    pub(crate) fn begin_leg(&mut self) {
        self.marks.clear();
        self.effects.clear();
        self.undone.clear();
        self.crossings.clear();
        self.chains.iter_mut().for_each(|chain| chain.depth = 0);
    }

    /// Drives the machine until the leg's own transaction is over (`Some`) or the remote side ends the leg.
    pub(crate) fn drive(&mut self, first: Step) -> Result<Option<FrameResult>, ExecError<D>> {
        let mut step = first;
        loop {
            step = match step {
                Step::Run => self.run_frame()?,
                Step::Await => match self.receive()? {
                    Some(hop) => self.inbound(hop)?,
                    None => return Ok(None),
                },
                Step::Done => return Ok(self.done.take()),
            };
        }
    }

    fn run_frame(&mut self) -> Result<Step, ExecError<D>> {
        match self.run_top()? {
            ItemOrResult::Item(init) => self.enter(init),
            ItemOrResult::Result(result) => {
                let chain = self.chain();
                chain.evm.frame_stack.pop();
                chain.depth -= 1;
                let mark = self.marks.pop().expect("every frame has a mark");
                if !result.instruction_result().is_ok() {
                    self.undo_to(&mark);
                }
                self.deliver(result)
            }
        }
    }

    /// Opens a frame on the active chain, or crosses when it is a call to the reserved address.
    pub(crate) fn enter(&mut self, init: FrameInit) -> Result<Step, ExecError<D>> {
        if crate::crossing::is_reserved(&init) {
            self.watch_crossing(&init);
            return self.cross(init);
        }
        let mark = self.mark();
        match self.open_top(init)? {
            ItemOrResult::Item(()) => {
                self.chain().depth += 1;
                self.marks.push(mark);
                Ok(Step::Run)
            }
            ItemOrResult::Result(result) => self.deliver(result),
        }
    }

    /// Hands a frame's result to whoever waits for it: a crossing, the frame below, or the leg.
    pub(crate) fn deliver(&mut self, mut result: FrameResult) -> Result<Step, ExecError<D>> {
        let (active, depth) = (self.active, self.chains[self.active].depth);
        if self.crossings.last().is_some_and(|crossing| crossing.ends_at(active, depth)) {
            return self.inbound_result(result);
        }
        self.watch_delivery(&mut result);
        if depth == 0 {
            self.done = Some(result);
            return Ok(Step::Done);
        }
        let evm = &mut self.chain().evm;
        evm.frame_stack.get().return_result::<_, ContextDbError<Ctx<D>>>(&mut evm.ctx, result)?;
        Ok(Step::Run)
    }

    pub(crate) const fn mark(&self) -> Mark {
        Mark { effects: self.effects.len(), thread: self.leg.thread, escrow: self.escrow.mark() }
    }

    /// Takes back everything that a reverted frame of the active chain did on other chains, and tells them
    /// (P23). The chain's own journal is reverted by revm.
    pub(crate) fn undo_to(&mut self, mark: &Mark) {
        self.leg.thread = mark.thread;
        self.escrow.undo_to(mark.escrow);
        if self.effects.len() == mark.effects {
            return;
        }
        let own = self.active_network();
        let mut touched = BTreeMap::new();
        while self.effects.len() > mark.effects {
            let effect = self.effects.pop().expect("longer than the mark");
            if effect.network != own {
                self.revert_effect(&effect);
                // What a callee elsewhere touched is noted after its return, so hops are not in order.
                let first = touched.entry(effect.network).or_insert(effect.hop);
                *first = effect.hop.min(*first);
            }
        }
        for (network, to_hop) in touched {
            self.emit(own, network, HopBody::Rollback { to_hop });
        }
    }

    pub(crate) fn revert_effect(&mut self, effect: &Effect) {
        if self.fault == Some(Fault::SkipRollback(effect.network)) {
            return;
        }
        if let (Some(index), Some(checkpoint)) = (self.index_of(effect.network), effect.checkpoint)
        {
            self.chains[index].revert_to(checkpoint);
        }
    }

    /// Sends a hop from a chain that runs here, folding it into the thread; returns its index among the
    /// item's hops.
    pub(crate) fn emit(&mut self, from: NetworkId, to: NetworkId, body: HopBody) -> usize {
        let wrong = self.fault == Some(Fault::WrongPlace) && matches!(body, HopBody::Return(_));
        let k = self.leg.k + u32::from(wrong);
        let place = self.leg.position.place(self.leg.leg, k);
        let is_elsewhere = self.index_of(to).is_none() || from == NetworkId::L1;
        // Hops are made where they stay: they are large, and there are many.
        self.hops.push(Hop { place, from, to, thread: self.leg.thread, body });
        if is_elsewhere {
            let hop = self.hops.pop().expect("just added");
            self.pass_on(&hop);
            self.hops.push(hop);
        }
        self.fold_last()
    }

    /// Folds the last hop into the thread; returns its index among the item's hops.
    fn fold_last(&mut self) -> usize {
        let last = self.hops.len() - 1;
        let hop = &self.hops[last];
        let hash = hop.hash_into(&mut self.scratch);
        self.leg.thread = advance(hop, hash);
        self.leg.k = hop.place.k + 1;
        self.hashes.push(hash);
        last
    }

    /// Hands the item's hops over. The next item gets as much room, so that hops are moved once only.
    pub(crate) fn take_hops(&mut self) -> Vec<Hop> {
        let room = Vec::with_capacity(self.hops.len());
        core::mem::replace(&mut self.hops, room)
    }

    /// Folds the hops of an included item into the heads.
    pub(crate) fn fold_heads(&mut self) {
        if !self.hops.is_empty() {
            let hashes = self.hops.iter().zip(&self.hashes);
            let hops = hashes.map(|(hop, hash)| (hop.from, hop.to, *hash));
            self.heads.fold_item(&self.domain, hops);
        }
    }

    /// Waits for the next hop to a chain that runs here, passing on those between chains that both run elsewhere.
    pub(crate) fn receive(&mut self) -> Result<Option<Hop>, ExecError<D>> {
        loop {
            match self.next_hop(None)? {
                Some(hop) if self.index_of(hop.to).is_none() => self.pass_on(&hop),
                other => return Ok(other),
            }
        }
    }

    /// Waits for the next hop from a chain that runs elsewhere.
    pub(crate) fn next_hop(
        &mut self,
        from: Option<NetworkId>,
    ) -> Result<Option<Hop>, ExecError<D>> {
        self.check_stop()?;
        let Some(remote) = &mut self.remote else {
            return Err(self.halt(Stop::BadHop("no other side to wait for".into())));
        };
        match remote.receive(self.leg.position, self.leg.leg, from) {
            Ok(Some(hop)) => self.accept(hop).map(Some),
            Ok(None) => Ok(None),
            Err(lost) => Err(self.halt(Stop::Lost(lost))),
        }
    }

    /// Sends a hop on its way. Those from and to L1 reach the hub, which knows all heads, and nobody else: L1 has no machine.
    pub(crate) fn pass_on(&mut self, hop: &Hop) {
        if self.is_hub && hop.touches_l1() {
            return;
        }
        if let Some(Err(lost)) = self.remote.as_mut().map(|remote| remote.send(hop)) {
            self.stop = Some(Stop::Lost(lost));
        }
    }

    /// Tells whether a rollup takes part in what runs now; nothing of one that the realm does not have. To an item that was
    /// sealed all are alike that its epoch's last header did not list: who joins or comes back does so when others have
    /// read it (T1).
    pub(crate) fn available(&self, network: NetworkId) -> Option<bool> {
        let is_left_out =
            |listed: &Vec<NetworkId>| network != NetworkId::L1 && !listed.contains(&network);
        match self.listed.as_ref().is_some_and(is_left_out) {
            true => Some(false),
            false => self.realm.get(&network).copied(),
        }
    }

    /// Takes a hop in: its place must be after everything seen in this leg (P27).
    fn accept(&mut self, hop: Hop) -> Result<Hop, ExecError<D>> {
        let expected = self.leg.position.place(self.leg.leg, self.leg.k);
        let same_leg = hop.place.position == expected.position && hop.place.leg == expected.leg;
        let in_order = (expected.k..MAX_HOPS).contains(&hop.place.k);
        let is_elsewhere =
            |network| self.realm.contains_key(&network) && self.index_of(network).is_none();
        let is_right = match (hop.from, hop.to) {
            // What a machine elsewhere exchanges with L1 is told to the hub only.
            (NetworkId::L1, to) => self.is_hub && is_elsewhere(to),
            (from, NetworkId::L1) => self.is_hub && is_elsewhere(from),
            (from, to) => is_elsewhere(from) && self.realm.contains_key(&to),
        };
        if !same_leg || !in_order || !is_right {
            let why = alloc::format!("hop {} to {} after place {expected}", hop.place, hop.to);
            return Err(self.halt(Stop::BadHop(why)));
        }
        self.hops.push(hop.clone());
        self.fold_last();
        Ok(hop)
    }

    pub(crate) fn check_stop(&mut self) -> Result<(), ExecError<D>> {
        match self.stop {
            Some(_) => Err(EVMError::Custom(String::new())),
            None => Ok(()),
        }
    }

    /// Stops the leg; the reason waits in `stop`.
    pub(crate) fn halt(&mut self, why: Stop) -> ExecError<D> {
        self.stop.get_or_insert(why);
        EVMError::Custom(String::new())
    }
}

/// Returns an entry to start remembering proxies with.
fn first_proxy() -> ((NetworkId, Address), Address) {
    let nobody = (NetworkId::L1, Address::ZERO);
    (nobody, proxy_address(nobody.0.get(), nobody.1))
}

/// revm's handler with the joint execution loop.
struct LegHandler<D>(core::marker::PhantomData<D>);

impl<D: DatabaseRef> Handler for LegHandler<D> {
    type Evm = Joint<D>;
    type Error = ExecError<D>;
    type HaltReason = HaltReason;

    fn run_exec_loop(
        &mut self,
        joint: &mut Joint<D>,
        first: FrameInit,
    ) -> Result<FrameResult, Self::Error> {
        let home = joint.active;
        let step = joint.enter(first)?;
        let result = joint.drive(step)?;
        joint.check_stop()?;
        joint.active = home;
        result.ok_or_else(|| joint.halt(Stop::BadHop("the leg ended before its result".into())))
    }
}

impl<D: DatabaseRef> EvmTr for Joint<D> {
    type Context = Ctx<D>;
    type Instructions = EthInstructions<EthInterpreter, Ctx<D>>;
    type Precompiles = Precompiles;
    type Frame = EthFrame<EthInterpreter>;

    fn all(
        &self,
    ) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &FrameStack<Self::Frame>) {
        self.chains[self.active].evm.all()
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
    ) {
        self.chains[self.active].evm.all_mut()
    }

    fn frame_init(
        &mut self,
        init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        self.chains[self.active].evm.frame_init(init)
    }

    fn frame_run(
        &mut self,
    ) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Self::Context>> {
        self.chains[self.active].evm.frame_run()
    }

    fn frame_return_result(
        &mut self,
        result: <Self::Frame as FrameTr>::FrameResult,
    ) -> Result<Option<<Self::Frame as FrameTr>::FrameResult>, ContextDbError<Self::Context>> {
        self.chains[self.active].evm.frame_return_result(result)
    }
}
