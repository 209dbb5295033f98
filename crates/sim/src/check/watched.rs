//! The same items with somebody watching every step: watching must change nothing, and the frames of all chains must
//! nest as calls do.

use super::{Verdict, Violation, agree, agree_in_order, require};
use crate::history::{Parts, SlotLog};
use revm::{
    Inspector,
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};
use std::{cell::RefCell, rc::Rc};
use weft_evm::{
    MemoryState, Realm,
    trace::{LegEnd, TraceContext, TracedChain, Tracer},
};
use weft_types::{Domain, NetworkId, Position};

const WATCHED: &str = "watched";

/// A realm of the same rollups with a tracer.
#[derive(Debug)]
pub(crate) struct Watched {
    realm: Realm<MemoryState>,
    seen: Rc<RefCell<Seen>>,
}

/// What the tracer saw.
#[derive(Debug, Default)]
struct Seen {
    chain: NetworkId,
    /// Chains of the frames that are open.
    open: Vec<NetworkId>,
    frames: u64,
    broken: Option<String>,
}

/// Checks nesting, and asks of every context what a tracer may ask.
#[derive(Debug)]
struct Watcher(Rc<RefCell<Seen>>);

impl Seen {
    fn open(&mut self) {
        self.open.push(self.chain);
        self.frames += 1;
    }

    fn close(&mut self) {
        let opened = self.open.pop();
        if opened != Some(self.chain) {
            self.broken = Some(format!("frame of {opened:?} ended on {}", self.chain));
        }
    }
}

type Context = TraceContext<MemoryState>;

impl Inspector<Context> for Watcher {
    fn step(&mut self, _: &mut Interpreter, _: &mut Context) {
        let mut seen = self.0.borrow_mut();
        if seen.open.last() != Some(&seen.chain) {
            seen.broken = Some(format!("step on {} outside of its frames", seen.chain));
        }
    }

    fn call(&mut self, _: &mut Context, _: &mut CallInputs) -> Option<CallOutcome> {
        self.0.borrow_mut().open();
        None
    }

    fn call_end(&mut self, _: &mut Context, _: &CallInputs, _: &mut CallOutcome) {
        self.0.borrow_mut().close();
    }

    fn create(&mut self, _: &mut Context, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.0.borrow_mut().open();
        None
    }

    fn create_end(&mut self, _: &mut Context, _: &CreateInputs, _: &mut CreateOutcome) {
        self.0.borrow_mut().close();
    }
}

impl Tracer<MemoryState> for Watcher {
    fn on_chain(&mut self, network: NetworkId) {
        self.0.borrow_mut().chain = network;
    }

    fn begin_leg(
        &mut self,
        _: Position,
        _: u16,
        _: NetworkId,
        _: &mut dyn Iterator<Item = TracedChain<'_, MemoryState>>,
    ) {
        self.0.borrow_mut().open.clear();
    }

    fn end_leg(
        &mut self,
        end: &LegEnd<'_>,
        chains: &mut dyn Iterator<Item = TracedChain<'_, MemoryState>>,
    ) {
        let mut seen = self.0.borrow_mut();
        let knows_home = chains.map(|chain| chain.network).collect::<Vec<_>>().contains(&end.home);
        if !seen.open.is_empty() || !knows_home {
            seen.broken = Some(format!("leg {} of {} left frames open", end.leg, end.position));
        }
    }
}

impl Watched {
    pub(crate) fn new(domain: Domain, parts: &Parts) -> Self {
        let Parts { rollups, escrow, heads } = parts.clone();
        let mut realm = Realm::new(domain, rollups, escrow, heads);
        let seen = Rc::<RefCell<Seen>>::default();
        realm.set_tracer(Some(Box::new(Watcher(seen.clone()))));
        Self { realm, seen }
    }

    /// Repeats a slot and compares everything with the run that nobody watched.
    pub(crate) fn slot(&mut self, log: &SlotLog, joint: &Realm<MemoryState>) -> Verdict {
        self.realm.open_slot(log.header.clone()).map_err(|error| failed(&error))?;
        for item in &log.items {
            item.prepare(&mut self.realm);
            let frames = self.seen.borrow().frames;
            let applied = self
                .realm
                .apply(item.position, &item.planned.item)
                .map_err(|error| failed(&error))?;
            agree(WATCHED, || format!("item {}", item.position), &item.applied, &applied)?;
            let seen = self.seen.borrow();
            require(seen.broken.is_none(), WATCHED, || format!("{:?}", seen.broken))?;
            let ran = item.applied.legs.iter().any(|leg| leg.success);
            require(!ran || seen.frames > frames, WATCHED, || {
                format!("item {} ran and nothing was seen", item.position)
            })?;
        }
        let blocks = self.realm.close_slot().map_err(|error| failed(&error))?;
        agree_in_order(WATCHED, || "blocks".to_string(), &log.blocks, &blocks)?;
        agree(WATCHED, || "escrow".to_string(), joint.escrow(), self.realm.escrow())?;
        agree(WATCHED, || "heads".to_string(), joint.heads(), self.realm.heads())
    }
}

fn failed(error: &impl std::fmt::Debug) -> Violation {
    Violation { checker: WATCHED, text: format!("{error:?}") }
}
