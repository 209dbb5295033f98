//! Independent rollups run in parallel between items that touch several (P6, ADR 0005).
//!
//! Which rollups an item touches is found out by running it. Every rollup runs ahead on its own items; the
//! smallest position at which an item tries to cross ends the segment, rollups that ran past it are taken back,
//! and that item runs jointly. Each item so sees exactly the state that the lane order gives it, whatever the
//! number of threads.

use crate::{
    block::OpenBlock,
    chain::{Chain, ChainSpec},
    fold::{Applied, FoldError, FoldErrorOf},
    joint::{Joint, Mode, Stop},
    realm::{Realm, Tip},
    state::State,
    working::{Savepoint, WorkingState},
};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, map::HashSet};
use core::sync::atomic::{AtomicUsize, Ordering};
use revm::{DatabaseRef, context::BlockEnv};
use std::{sync::Mutex, thread};
use weft_types::{Item, NetworkId, Position};

/// Longest run of items between two barriers; bounds what a crossing can throw away.
const SEGMENT: usize = 4_096;
/// Shortest run of items that is worth starting threads for.
const WORTHWHILE: usize = 16;

/// Receivers whose code crossed before. Only a guess about scheduling; never part of the outcome.
type Crossers = HashSet<(NetworkId, Address)>;

/// A chain without its EVM: what can move to another thread.
#[derive(Debug)]
struct ChainParts<D> {
    spec: ChainSpec,
    block: BlockEnv,
    working: WorkingState<D>,
    gas_left: u64,
}

impl<D: DatabaseRef> Chain<D> {
    fn into_parts(self) -> ChainParts<D> {
        let ctx = self.evm.ctx;
        let working = ctx.journaled_state.database;
        ChainParts { spec: self.spec, block: ctx.block, working, gas_left: self.gas_left }
    }

    fn from_parts(parts: ChainParts<D>) -> Self {
        let ChainParts { spec, block, working, gas_left } = parts;
        Self { gas_left, ..Self::new(spec, working, block) }
    }
}

/// One rollup that runs ahead.
struct Runner<D> {
    parts: ChainParts<D>,
    tip: Tip,
    /// Items of this rollup, as indexes into the segment.
    queue: Vec<usize>,
    done: Vec<(usize, Applied, Undo)>,
}

/// What became of a runner.
type Outcome<D> = Mutex<Option<Result<Runner<D>, FoldErrorOf<D>>>>;

/// What held on a rollup before an item.
struct Undo {
    savepoint: Savepoint,
    gas_left: u64,
    gas_used: u64,
    transactions: usize,
    dead: usize,
}

impl<D> Realm<D>
where
    D: State + Send,
    D::Error: Send,
{
    /// Applies items in lane order on up to `threads` threads. The result is that of applying them one by one.
    ///
    /// # Errors
    ///
    /// [`FoldError`] as for [`Self::apply`]; nothing after the failing item was applied.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open.
    pub fn apply_all(
        &mut self,
        items: &[(Position, Item)],
        threads: usize,
    ) -> Result<Vec<Applied>, FoldErrorOf<D>> {
        let mut out = Vec::with_capacity(items.len());
        let mut crossers = Crossers::default();
        while out.len() < items.len() {
            let rest = &items[out.len()..];
            let stays =
                |(_, item): &&(Position, Item)| self.has_home(item) && is_alone(item, &crossers);
            let alone = rest.iter().take(SEGMENT).take_while(stays);
            let segment = &rest[..alone.count()];
            if threads > 1 && segment.len() >= WORTHWHILE {
                out.extend(self.run_ahead(segment, threads)?);
            } else {
                for (position, item) in segment {
                    out.push(self.apply(*position, item)?);
                }
            }
            if let Some((position, item)) = items.get(out.len()) {
                let applied = self.apply(*position, item)?;
                if !applied.hops.is_empty() {
                    crossers.extend(target(item));
                }
                out.push(applied);
            }
        }
        Ok(out)
    }

    /// Returns true when the rollup of an item's first leg runs here, so that a runner takes the item.
    fn has_home(&self, item: &Item) -> bool {
        // Sealed items are charged on another rollup than their own.
        if matches!(item, Item::Sealed(_)) {
            return false;
        }
        item.legs().first().is_some_and(|leg| self.joint.index_of(leg.network).is_some())
    }

    /// Runs a segment with one rollup per thread; returns the results up to the first crossing.
    fn run_ahead(
        &mut self,
        segment: &[(Position, Item)],
        threads: usize,
    ) -> Result<Vec<Applied>, FoldErrorOf<D>> {
        let runners = self.detach(segment);
        let first_crossing = AtomicUsize::new(segment.len());
        let slots: Vec<Outcome<D>> = runners.iter().map(|_| Mutex::new(None)).collect();
        let work = Mutex::new(runners.into_iter().enumerate().collect::<Vec<_>>());
        let template = self.template();
        let worker = || {
            loop {
                let next = work.lock().expect("no worker panics").pop();
                let Some((index, runner)) = next else { return };
                let result = run(runner, &template, segment, &first_crossing);
                *slots[index].lock().expect("no worker panics") = Some(result);
            }
        };
        thread::scope(|scope| {
            (1..threads.min(slots.len())).for_each(|_| drop(scope.spawn(worker)));
            // This thread works as well: what it allocates it frees itself later.
            worker();
        });
        let end = first_crossing.into_inner();
        let mut applied: Vec<Option<Applied>> = segment[..end].iter().map(|_| None).collect();
        for slot in slots {
            let runner = slot.into_inner().expect("no worker panics").expect("every runner ran");
            self.attach(runner?, &mut applied);
        }
        self.joint.chains.sort_by_key(Chain::network);
        Ok(applied.into_iter().flatten().collect())
    }

    /// Takes the rollups out, each with its part of the segment.
    fn detach(&mut self, segment: &[(Position, Item)]) -> Vec<Runner<D>> {
        let chains = core::mem::take(&mut self.joint.chains);
        let tips = core::mem::take(&mut self.tips);
        let runner = |(chain, tip): (Chain<D>, Tip)| {
            let network = chain.network();
            let own = |(_, (_, item)): &(usize, &(Position, Item))| {
                item.legs().first().is_some_and(|leg| leg.network == network)
            };
            let queue = segment.iter().enumerate().filter(own).map(|(index, _)| index).collect();
            Runner { parts: chain.into_parts(), tip, queue, done: Vec::new() }
        };
        chains.into_iter().zip(tips).map(runner).collect()
    }

    /// Puts a rollup back, taken back to before the end of `applied`, which gets what stands.
    fn attach(&mut self, runner: Runner<D>, applied: &mut [Option<Applied>]) {
        let Runner { mut parts, mut tip, mut done, .. } = runner;
        let stands = done.partition_point(|(index, ..)| *index < applied.len());
        if let Some((_, _, undo)) = done.get(stands) {
            undo.apply(&mut parts, &mut tip.open);
        }
        done.truncate(stands);
        self.joint.chains.push(Chain::from_parts(parts));
        self.tips.push(tip);
        for (index, own, _) in done {
            applied[index] = Some(own);
        }
    }

    fn template(&self) -> Template {
        Template {
            domain: self.joint.domain,
            realm: self.joint.realm.clone(),
            slot: self.slot.clone(),
        }
    }
}

/// What every runner of a segment shares.
struct Template {
    domain: weft_types::Domain,
    realm: BTreeMap<NetworkId, bool>,
    slot: Option<weft_types::SlotHeader>,
}

fn run<D: State>(
    runner: Runner<D>,
    template: &Template,
    segment: &[(Position, Item)],
    first_crossing: &AtomicUsize,
) -> Result<Runner<D>, FoldErrorOf<D>> {
    let Runner { parts, tip, queue, mut done } = runner;
    let chains = Vec::from([Chain::from_parts(parts)]);
    let mut joint = Joint::new(template.domain, chains, Default::default(), Default::default());
    joint.realm = template.realm.clone();
    joint.mode = Mode::Ahead;
    let mut realm = Realm { joint, tips: Vec::from([tip]), slot: template.slot.clone() };
    for &index in &queue {
        if index >= first_crossing.load(Ordering::Acquire) {
            break;
        }
        let undo = Undo::before(&realm);
        let (position, item) = &segment[index];
        match realm.apply(*position, item) {
            Ok(applied) => done.push((index, applied, undo)),
            Err(FoldError::Stopped(Stop::Crossing)) => {
                first_crossing.fetch_min(index, Ordering::AcqRel);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let chain = realm.joint.chains.pop().expect("one rollup");
    let tip = realm.tips.pop().expect("one rollup");
    Ok(Runner { parts: chain.into_parts(), tip, queue, done })
}

impl Undo {
    fn before<D: State>(realm: &Realm<D>) -> Self {
        let (chain, open) = (&realm.joint.chains[0], &realm.tips[0].open);
        Self {
            savepoint: chain.working().savepoint(),
            gas_left: chain.gas_left,
            gas_used: open.gas_used,
            transactions: open.transactions.len(),
            dead: open.dead.len(),
        }
    }

    fn apply<D: State>(&self, parts: &mut ChainParts<D>, open: &mut OpenBlock) {
        parts.working.restore(self.savepoint);
        parts.gas_left = self.gas_left;
        open.gas_used = self.gas_used;
        open.transactions.truncate(self.transactions);
        open.dead.truncate(self.dead);
    }
}

/// Guesses whether an item stays on one rollup.
fn is_alone(item: &Item, crossers: &Crossers) -> bool {
    let mut networks = item.legs().iter().map(|leg| leg.network);
    let Some(first) = networks.next() else { return false };
    networks.all(|network| network == first)
        && !target(item).any(|target| crossers.contains(&target))
}

fn target(item: &Item) -> impl Iterator<Item = (NetworkId, Address)> + '_ {
    item.legs().iter().filter_map(|leg| Some((leg.network, leg.tx.envelope().to()?)))
}
