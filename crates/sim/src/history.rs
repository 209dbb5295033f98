//! One history: a world, its slots, and every checker over them.

use crate::{
    check::{
        Verdict, Violation, agree, blocks,
        collapse::{self, Collapse},
        conservation::Conservation,
        elsewhere::Elsewhere,
        model,
        replay::Alone,
        require,
        threads::Threads,
        watched::Watched,
    },
    feature::{Feature, Features},
    generator::{Fate, Generator, Planned},
    observe,
    rng::Rng,
    sweep::SimConfig,
    world::{GENESIS_TIME, World},
};
use alloy_primitives::{B256, Bytes, keccak256};
use std::fmt::Write as _;
use weft_evm::{Applied, ClosedBlock, Escrow, MemoryState, Realm, Rollup, SimulateMode, tx_env};
use weft_thread::Heads;
use weft_types::{
    Domain, Hop, HopBody, Item, NetworkId, Outcome, Position, Removal, RemovalCause, Section,
    SlotHeader, SlotNumber,
};

/// A realm between two slots, by value.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) rollups: Vec<Rollup<MemoryState>>,
    pub(crate) escrow: Escrow,
    pub(crate) heads: Heads,
}

/// What became of one item.
#[derive(Debug)]
pub(crate) struct ItemLog {
    pub(crate) position: Position,
    /// Rollups that stopped right before the item (P8).
    pub(crate) halted: Vec<NetworkId>,
    pub(crate) planned: Planned,
    pub(crate) applied: Applied,
}

/// What happened in one slot.
#[derive(Debug)]
pub(crate) struct SlotLog {
    pub(crate) header: SlotHeader,
    pub(crate) items: Vec<ItemLog>,
    pub(crate) blocks: Vec<ClosedBlock>,
}

/// How much of a history is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Replays every rollup alone.
    pub(crate) replay: bool,
    /// Runs the slow model and computes state roots anew.
    pub(crate) model: bool,
    /// Runs some rollups behind byte streams.
    pub(crate) remote: bool,
}

/// Most bytes of a transaction's plan in the event log.
const PLAN_LEN: usize = 2_000;

impl Depth {
    /// Everything.
    pub(crate) const FULL: Self = Self { replay: true, model: true, remote: true };
}

/// What one history showed.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) features: Features,
    pub(crate) items: u64,
    pub(crate) hops: u64,
    /// Hash over all blocks, outcomes and heads.
    pub(crate) digest: B256,
}

/// A history that broke a rule, with its event log.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) violation: Violation,
    pub(crate) events: String,
}

impl ItemLog {
    /// Repeats on another realm what happened right before the item.
    pub(crate) fn prepare(&self, realm: &mut Realm<MemoryState>) {
        self.halted.iter().for_each(|network| realm.set_available(*network, false));
    }

    /// Returns true when the item may never run again (P4).
    fn died(&self) -> bool {
        let bundle = self.planned.item.bundle();
        Fate::Removed(RemovalCause::Failed).matches(&self.applied.outcome)
            && bundle.is_none_or(weft_types::Bundle::is_marked)
    }
}

impl Parts {
    pub(crate) fn of(realm: &Realm<MemoryState>) -> Self {
        let rollup = |spec: &weft_evm::ChainSpec| {
            let (head, head_hash) = realm.head(spec.network).expect("the rollup runs here");
            let state = realm.state(spec.network).expect("the rollup runs here").clone();
            Rollup { spec: spec.clone(), state, head: head.clone(), head_hash }
        };
        let rollups = realm.specs().map(rollup).collect();
        Self { rollups, escrow: realm.escrow().clone(), heads: realm.heads().clone() }
    }

    /// Builds a realm.
    pub(crate) fn realm(&self, domain: Domain) -> Realm<MemoryState> {
        Realm::new(domain, self.rollups.clone(), self.escrow.clone(), self.heads.clone())
    }
}

impl Fate {
    /// Returns true when `outcome` is this fate.
    pub(crate) fn matches(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Included, Outcome::Included) => true,
            (Self::Removed(cause), Outcome::Removed(removal)) => removal.cause == cause,
            (Self::Invalid(reason), Outcome::Removed(Removal { cause, invalid, .. })) => {
                *cause == RemovalCause::Invalid && *invalid == Some(reason)
            }
            _ => false,
        }
    }
}

/// Runs the history of `seed`.
pub(crate) fn run(seed: u64, config: &SimConfig, depth: Depth) -> Result<History, Broken> {
    let mut rng = Rng::new(seed);
    let world = World::draw(&mut rng, config.rollups);
    let mut runner = Runner::new(&world, rng, config, depth);
    match runner.history() {
        Ok(()) => Ok(runner.done()),
        Err(violation) => Err(Broken { violation, events: runner.events }),
    }
}

struct Runner<'a> {
    world: &'a World,
    config: &'a SimConfig,
    rng: Rng,
    depth: Depth,
    realm: Realm<MemoryState>,
    threads: Threads,
    headers: blocks::Headers,
    conservation: Conservation,
    oracle: Option<Collapse<'a>>,
    alone: Vec<Alone>,
    elsewhere: Option<Elsewhere>,
    watched: Option<Watched>,
    past: Vec<Item>,
    dead: Vec<Item>,
    unix_ms: u64,
    features: Features,
    items: u64,
    hops: u64,
    digest: Vec<u8>,
    events: String,
}

impl<'a> Runner<'a> {
    fn new(world: &'a World, rng: Rng, config: &'a SimConfig, depth: Depth) -> Self {
        let mut realm = world.realm();
        let parts = Parts::of(&realm);
        if let Some(fault) = config.fault {
            realm.plant(fault);
        }
        let mut features = observe::world(world);
        features.add_if(depth.replay, Feature::Alone);
        let alone = if depth.replay { Alone::all(world.domain, &parts) } else { Vec::new() };
        Self {
            world,
            config,
            rng,
            depth,
            threads: Threads::new(world.domain),
            headers: blocks::Headers::new(&parts),
            conservation: Conservation::new(&realm),
            oracle: world.collapsible.then(|| Collapse::new(world)),
            realm,
            alone,
            elsewhere: None,
            watched: depth.replay.then(|| Watched::new(world.domain, &parts)),
            past: Vec::new(),
            dead: Vec::new(),
            unix_ms: GENESIS_TIME * 1_000,
            features,
            items: 0,
            hops: 0,
            digest: Vec::new(),
            events: format!("{world:?}\n"),
        }
    }

    fn history(&mut self) -> Verdict {
        if self.depth.remote {
            let parts = Parts::of(&self.realm);
            let mut rng = self.rng.clone();
            let executor = self.config.executor.clone();
            self.elsewhere = Some(Elsewhere::new(self.world.domain, &parts, executor, &mut rng)?);
            self.features.add(Feature::Elsewhere);
        }
        let slots = self.rng.within(1, 3) as u64;
        (1..=slots).try_for_each(|number| self.slot(number))?;
        self.threads.history()
    }

    fn slot(&mut self, number: u64) -> Verdict {
        let before = self.depth.model.then(|| Parts::of(&self.realm));
        let header = self.header(number);
        let opened = self.realm.open_slot(header.clone());
        require(opened.is_ok(), "fold", || format!("slot {number} does not open: {opened:?}"))?;
        let mut available: Vec<bool> =
            self.world.networks().iter().map(|network| header.is_available(*network)).collect();
        let mut log = SlotLog { header, items: Vec::new(), blocks: Vec::new() };
        // A long slot now and then lets rollups run ahead of each other.
        let scenarios = if self.rng.chance(1) { 40 } else { self.rng.within(1, 5) };
        let mut halted = Vec::new();
        for _ in 0..scenarios {
            halted.extend(self.halt(&mut available));
            for planned in self.draw(&available) {
                let position = next_position(&log, &planned.item);
                let applied = self.item(position, core::mem::take(&mut halted), planned)?;
                log.items.push(applied);
            }
        }
        let closed = self.realm.close_slot();
        log.blocks = match closed {
            Ok(blocks) => blocks,
            Err(error) => return Err(stopped(&error)),
        };
        self.check_slot(&log, before.as_ref())?;
        let dead = log.items.iter().filter(|item| item.died());
        self.dead.extend(dead.map(|item| item.planned.item.clone()));
        Ok(())
    }

    fn header(&mut self, number: u64) -> SlotHeader {
        self.unix_ms += if self.rng.chance(5) { 70_000 } else { self.rng.pick(&[200, 1_000]) };
        let mut available = self.world.networks();
        // The oracle needs two rollups that can call each other.
        if self.rng.chance(15) && (available.len() > 2 || !self.world.collapsible) {
            let gone = self.rng.below(available.len());
            available.remove(gone);
        }
        SlotHeader {
            number: SlotNumber::new(number),
            unix_ms: self.unix_ms,
            parent: keccak256(number.to_be_bytes()),
            available,
            inbox_cursor: 0,
            epoch: 0,
        }
    }

    /// Stops a rollup in the middle of the slot, now and then.
    fn halt(&mut self, available: &mut [bool]) -> Option<NetworkId> {
        let up = available.iter().filter(|up| **up).count();
        // The oracle needs two rollups that can call each other.
        let spare = up > if self.world.collapsible { 2 } else { 1 };
        if !spare || !self.rng.chance(2) {
            return None;
        }
        let gone = self.rng.below(available.len());
        let network = self.world.cast(gone).network;
        let stops = core::mem::replace(&mut available[gone], false);
        self.realm.set_available(network, false);
        self.features.add_if(stops, Feature::Halted);
        stops.then_some(network)
    }

    fn draw(&mut self, available: &[bool]) -> Vec<Planned> {
        let mut generator = Generator {
            rng: Rng::new(self.rng.next()),
            world: self.world,
            realm: &mut self.realm,
            available: available.to_vec(),
            past: &self.past,
            dead: &self.dead,
        };
        generator.next()
    }

    fn item(
        &mut self,
        position: Position,
        halted: Vec<NetworkId>,
        planned: Planned,
    ) -> Result<ItemLog, Violation> {
        let foreseen = if self.depth.model { self.foresee(&planned)? } else { None };
        let applied = self.realm.apply(position, &planned.item).map_err(|error| stopped(&error))?;
        if let Some((gas_used, output)) = foreseen
            && let Some(leg) = applied.legs.first()
        {
            agree(
                "simulation",
                || format!("item {position}"),
                &(gas_used, output),
                &(leg.gas_used, leg.output.clone()),
            )?;
            self.features.add(Feature::Simulated);
        }
        let log = ItemLog { position, halted, planned, applied };
        self.note(&log);
        if let Some(expectation) = log.planned.expectation {
            let met = expectation.fate.matches(&log.applied.outcome);
            require(met, "expectation", || {
                let declared = expectation.fate;
                format!(
                    "item {position}: declared {declared:?}, computed {:?}",
                    log.applied.outcome
                )
            })?;
        }
        self.threads.item(&log)?;
        collapse::has_drafts(&log)?;
        if log.applied.outcome == Outcome::Included {
            self.past.push(log.planned.item.clone());
        }
        self.features.merge(observe::item(&log, self.world));
        self.items += 1;
        self.hops += log.applied.hops.len() as u64;
        Ok(log)
    }

    /// Simulates a single transaction; what it foresees must come, and nothing may stay of it.
    fn foresee(&mut self, planned: &Planned) -> Result<Option<(u64, Bytes)>, Violation> {
        let (Item::Transaction(leg), true) = (&planned.item, planned.expectation.is_none()) else {
            return Ok(None);
        };
        let tx = tx_env(&leg.tx);
        let simulated = self.realm.simulate(leg.network, tx, SimulateMode::Strict);
        let simulated = simulated.map_err(|error| stopped(&error))?;
        let seen = simulated.result.ok().map(|result| {
            let output = result.output().cloned().unwrap_or_default();
            (result.tx_gas_used(), output)
        });
        Ok(seen)
    }

    fn check_slot(&mut self, log: &SlotLog, before: Option<&Parts>) -> Verdict {
        blocks::slot(log)?;
        self.threads.heads(self.realm.heads())?;
        log.blocks.iter().try_for_each(|block| self.headers.block(block))?;
        self.conservation.slot(log, &self.realm)?;
        for network in self.world.networks() {
            self.check_head(network)?;
        }
        if let Some(oracle) = &mut self.oracle {
            oracle.slot(log, &self.realm)?;
        }
        for alone in &mut self.alone {
            alone.slot(log, &self.realm)?;
        }
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.slot(log, &self.realm)?;
        }
        if let Some(watched) = &mut self.watched {
            watched.slot(log, &self.realm)?;
        }
        if let Some(before) = before {
            model::slot(self.world.domain, before, log, &self.realm)?;
        }
        log.blocks.iter().for_each(|block| self.digest.extend_from_slice(block.hash.as_slice()));
        Ok(())
    }

    fn check_head(&self, network: NetworkId) -> Verdict {
        let (head, hash) = self.realm.head(network).expect("the rollup runs here");
        let followed = self.headers.head(network);
        let fits = followed.is_some_and(|(own, own_hash)| own == head && *own_hash == hash);
        require(fits, "header", || format!("the tip of {network} is not its last block"))?;
        if self.depth.model {
            let state = self.realm.state(network).expect("the rollup runs here");
            blocks::root(network, head, state)?;
        }
        Ok(())
    }

    /// Writes what happened into the event log.
    fn note(&mut self, log: &ItemLog) {
        let outcome = match &log.applied.outcome {
            Outcome::Included => "included".to_string(),
            Outcome::Removed(removal) => {
                format!("removed, {:?}: {}", removal.cause, removal.reason)
            }
        };
        self.digest.extend_from_slice(outcome.as_bytes());
        if self.depth != Depth::FULL {
            return;
        }
        for network in &log.halted {
            let _ = writeln!(self.events, "{network} stops");
        }
        let _ = writeln!(self.events, "{} {outcome}", log.position);
        for (draft, leg) in log.planned.drafts.iter().zip(&log.applied.legs) {
            let plan: String = format!("{draft:?}").chars().take(PLAN_LEN).collect();
            let _ = writeln!(self.events, "  {plan}");
            let _ = writeln!(self.events, "  -> {leg:?}");
        }
        for hop in &log.applied.hops {
            let _ = writeln!(self.events, "  {}", in_words(hop));
        }
    }

    fn done(mut self) -> History {
        for ((from, to), head) in self.realm.heads().iter() {
            self.digest.extend_from_slice(&from.get().to_be_bytes());
            self.digest.extend_from_slice(&to.get().to_be_bytes());
            self.digest.extend_from_slice(head.as_slice());
        }
        let digest = keccak256(&self.digest);
        History { features: self.features, items: self.items, hops: self.hops, digest }
    }
}

/// Returns the position after the items of a slot; sections do not go back (P2).
fn next_position(log: &SlotLog, item: &Item) -> Position {
    let wanted = match item {
        Item::L1Born(_) => Section::L1Born,
        Item::Sealed(_) => Section::Opened,
        _ => Section::Plaintext,
    };
    let reached = log.items.last().map_or(Section::L1Born, |last| last.position.section);
    let section = wanted.max(reached);
    let same = log.items.iter().filter(|item| item.position.section == section);
    Position { slot: log.header.number, section, index: same.count() as u32 }
}

/// A hop on one line.
fn in_words(hop: &Hop) -> String {
    let way = format!("{} {}->{}", hop.place, hop.from, hop.to);
    match &hop.body {
        HopBody::Call(call) => {
            let (how, bytes) =
                (if call.is_static { "static call" } else { "call" }, call.data.len());
            let (caller, target) = (call.caller, call.target);
            let with = format!("{} wei, {} gas, {bytes} bytes", call.value, call.gas);
            format!("{way} {how} of {target} by {caller}, {with}")
        }
        HopBody::Return(ret) => {
            let data = &ret.data[..ret.data.len().min(8)];
            let data = alloy_primitives::hex::encode(data);
            let (gas, refund, wei) = (ret.gas_used, ret.refund, ret.value);
            let with =
                format!("{gas} gas, {refund} refund, {wei} wei, {} bytes 0x{data}", ret.data.len());
            format!("{way} return {:?}, {with}, touched {:?}", ret.status, ret.touched)
        }
        HopBody::Rollback { to_hop } => format!("{way} rollback to {to_hop}"),
        HopBody::Verdict(verdict) => format!("{way} verdict on leg {}", verdict.leg),
    }
}

fn stopped(error: &impl std::fmt::Debug) -> Violation {
    Violation { checker: "fold", text: format!("{error:?}") }
}
