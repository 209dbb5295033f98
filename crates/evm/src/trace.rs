//! Watching an execution: one tracer sees the frames of every chain, in the order in which they run.
//!
//! The joint machine is one call stack, so one inspector that is fed by all chains sees one tree. Without a tracer the
//! machine runs as ever; with one, revm's inspecting loop takes the place of the plain one, frame by frame.

use crate::{
    chain::{Chain, ChainEvm, Ctx},
    joint::{ExecError, Joint},
    precompiles::Precompiles,
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use revm::{
    DatabaseRef, Inspector,
    context::{
        FrameStack,
        result::{ExecutionResult, HaltReason},
    },
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, FrameTr, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
        instructions::EthInstructions,
    },
    inspector::{
        InspectorEvmTr,
        handler::{frame_end, frame_start},
    },
    interpreter::{FrameInput, interpreter::EthInterpreter, interpreter_action::FrameInit},
    state::{EvmState, TransactionId},
};
use weft_types::{NetworkId, Position};

/// EVM context of one chain, as tracers see it.
pub type TraceContext<D> = Ctx<D>;

/// One of the chains that a leg may touch, before or after it.
#[derive(Debug)]
pub struct TracedChain<'a, D: DatabaseRef> {
    /// The chain.
    pub network: NetworkId,
    /// Its context: the journal holds what earlier legs of the item did, the database what earlier items did.
    pub context: &'a mut TraceContext<D>,
}

/// How a leg that was watched ended.
#[derive(Debug, Clone)]
pub struct LegEnd<'a> {
    /// Position of the item.
    pub position: Position,
    /// Number of the leg.
    pub leg: u16,
    /// Chain of the leg's own transaction.
    pub home: NetworkId,
    /// Result of the leg's own transaction.
    pub result: &'a ExecutionResult<HaltReason>,
}

/// Somebody who watches legs on all chains. Watching changes nothing: a tracer must leave results and state alone.
pub trait Tracer<D: DatabaseRef>: Inspector<TraceContext<D>> {
    /// What follows happens on `network`.
    fn on_chain(&mut self, network: NetworkId);

    /// A leg's own transaction is about to run on `home`.
    fn begin_leg(
        &mut self,
        position: Position,
        leg: u16,
        home: NetworkId,
        chains: &mut dyn Iterator<Item = TracedChain<'_, D>>,
    ) {
        let _ = (position, leg, home, chains);
    }

    /// A leg's own transaction is over; the journals still hold what it did.
    fn end_leg(&mut self, end: &LegEnd<'_>, chains: &mut dyn Iterator<Item = TracedChain<'_, D>>) {
        let _ = (end, chains);
    }
}

/// A tracer and the crossings that it saw begin.
pub(crate) struct Watch<D: DatabaseRef> {
    tracer: Box<dyn Tracer<D>>,
    crossings: Vec<WatchedCrossing>,
}

/// A call to the reserved address that has not come back.
struct WatchedCrossing {
    chain: usize,
    depth: usize,
    input: FrameInput,
}

impl<D: DatabaseRef> fmt::Debug for Watch<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("crossings", &self.crossings.len()).finish()
    }
}

impl<D: DatabaseRef> Watch<D> {
    pub(crate) fn new(tracer: Box<dyn Tracer<D>>) -> Self {
        Self { tracer, crossings: Vec::new() }
    }
}

/// What opening a frame comes to, without the frame itself.
pub(crate) type Opened = ItemOrResult<(), FrameResult>;

impl<D: DatabaseRef> Joint<D> {
    /// Runs the top frame of the active chain until it calls or ends.
    #[inline]
    pub(crate) fn run_top(
        &mut self,
    ) -> Result<FrameInitOrResult<EthFrame<EthInterpreter>>, ExecError<D>> {
        let chain = &mut self.chains[self.active];
        Ok(match &mut self.watch {
            None => chain.evm.frame_run()?,
            Some(watch) => watched(chain, watch).inspect_frame_run()?,
        })
    }

    /// Opens a frame on the active chain, or has its result at once.
    #[inline]
    pub(crate) fn open_top(&mut self, init: FrameInit) -> Result<Opened, ExecError<D>> {
        let chain = &mut self.chains[self.active];
        let opened = match &mut self.watch {
            None => chain.evm.frame_init(init)?,
            Some(watch) => {
                return Ok(match watched(chain, watch).inspect_frame_init(init)? {
                    ItemOrResult::Item(_) => ItemOrResult::Item(()),
                    ItemOrResult::Result(result) => ItemOrResult::Result(result),
                });
            }
        };
        Ok(match opened {
            ItemOrResult::Item(_) => ItemOrResult::Item(()),
            ItemOrResult::Result(result) => ItemOrResult::Result(result),
        })
    }

    /// Shows the tracer a call to the reserved address; what the callee's chain does follows below it.
    pub(crate) fn watch_crossing(&mut self, init: &FrameInit) {
        let Some(watch) = &mut self.watch else { return };
        let chain = &mut self.chains[self.active];
        watch.tracer.on_chain(chain.network());
        let mut input = init.frame_input.clone();
        frame_start(&mut chain.evm.ctx, &mut watch.tracer.as_mut(), &mut input);
        watch.crossings.push(WatchedCrossing { chain: self.active, depth: chain.depth, input });
    }

    /// Shows the tracer what a call to the reserved address came to, when `result` is that.
    pub(crate) fn watch_delivery(&mut self, result: &mut FrameResult) {
        let Some(watch) = &mut self.watch else { return };
        let chain = &mut self.chains[self.active];
        let ends = |open: &WatchedCrossing| (open.chain, open.depth) == (self.active, chain.depth);
        if let Some(crossing) = watch.crossings.pop_if(|open| ends(open)) {
            watch.tracer.on_chain(chain.network());
            frame_end(&mut chain.evm.ctx, &mut watch.tracer.as_mut(), &crossing.input, result);
        }
    }

    /// Tells the tracer that the leg in progress begins.
    pub(crate) fn watch_begin(&mut self, home: usize) {
        let Some(watch) = &mut self.watch else { return };
        watch.crossings.clear();
        let home = self.chains[home].network();
        let mut chains = self.chains.iter_mut().map(traced);
        watch.tracer.begin_leg(self.leg.position, self.leg.leg, home, &mut chains);
    }

    /// Tells the tracer how the leg in progress ended.
    pub(crate) fn watch_end(&mut self, home: usize, result: &ExecutionResult<HaltReason>) {
        let Some(watch) = &mut self.watch else { return };
        let home = self.chains[home].network();
        let end = LegEnd { position: self.leg.position, leg: self.leg.leg, home, result };
        watch.tracer.end_leg(&end, &mut self.chains.iter_mut().map(traced));
    }
}

impl<D: crate::State> crate::Realm<D> {
    /// Sets who watches the legs from now on, `None` for nobody; returns who watched until now.
    pub fn set_tracer(&mut self, tracer: Option<Box<dyn Tracer<D>>>) -> Option<Box<dyn Tracer<D>>> {
        let watch = tracer.map(|tracer| Box::new(Watch::new(tracer)));
        core::mem::replace(&mut self.joint.watch, watch).map(|watch| watch.tracer)
    }
}

fn traced<D: DatabaseRef>(chain: &mut Chain<D>) -> TracedChain<'_, D> {
    TracedChain { network: chain.network(), context: &mut chain.evm.ctx }
}

/// Returns the accounts and slots that a transaction touched, with what they hold now.
pub fn touched_state<D: DatabaseRef>(
    context: &TraceContext<D>,
    transaction: TransactionId,
) -> EvmState {
    let journal = &context.journaled_state;
    let touched = journal.state.iter().filter(|(_, account)| account.transaction_id == transaction);
    let mut state = EvmState::default();
    for (address, account) in touched {
        let mut account = account.clone();
        account.storage.retain(|_, slot| slot.transaction_id == transaction);
        state.insert(*address, account);
    }
    state
}

/// A chain's EVM with the tracer looking on.
struct Watched<'a, D: DatabaseRef> {
    evm: &'a mut ChainEvm<D>,
    tracer: &'a mut dyn Tracer<D>,
}

fn watched<'a, D: DatabaseRef>(chain: &'a mut Chain<D>, watch: &'a mut Watch<D>) -> Watched<'a, D> {
    watch.tracer.on_chain(chain.network());
    Watched { evm: &mut chain.evm, tracer: watch.tracer.as_mut() }
}

impl<'a, D: DatabaseRef> EvmTr for Watched<'a, D> {
    type Context = Ctx<D>;
    type Instructions = EthInstructions<EthInterpreter, Ctx<D>>;
    type Precompiles = Precompiles;
    type Frame = EthFrame<EthInterpreter>;

    fn all(
        &self,
    ) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &FrameStack<Self::Frame>) {
        self.evm.all()
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
    ) {
        self.evm.all_mut()
    }

    fn frame_init(
        &mut self,
        init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        self.evm.frame_init(init)
    }

    fn frame_run(
        &mut self,
    ) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Self::Context>> {
        self.evm.frame_run()
    }

    fn frame_return_result(
        &mut self,
        result: <Self::Frame as FrameTr>::FrameResult,
    ) -> Result<Option<<Self::Frame as FrameTr>::FrameResult>, ContextDbError<Self::Context>> {
        self.evm.frame_return_result(result)
    }
}

impl<'a, D: DatabaseRef> InspectorEvmTr for Watched<'a, D> {
    type Inspector = &'a mut dyn Tracer<D>;

    fn all_inspector(
        &self,
    ) -> (
        &Self::Context,
        &Self::Instructions,
        &Self::Precompiles,
        &FrameStack<Self::Frame>,
        &Self::Inspector,
    ) {
        let (context, instructions, precompiles, frames) = self.evm.all();
        (context, instructions, precompiles, frames, &self.tracer)
    }

    fn all_mut_inspector(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
        &mut Self::Inspector,
    ) {
        let (context, instructions, precompiles, frames) = self.evm.all_mut();
        (context, instructions, precompiles, frames, &mut self.tracer)
    }
}
