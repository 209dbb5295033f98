//! One history: time passes, users and members act, and after every event everything is checked.

use super::{
    cast::{CAST, HOME, Tx, domain},
    core::{Core, EPOCH_SLOTS, Ended, Given, Ran, SLOT_MS, Step},
    disk::{Disk, Entry},
    epochs::EpochView,
    feature::{Seen, Sight},
    lie::Lie,
    members::{self, Character},
    model::Model,
    plan::{Kind, Ready, Sent},
    sweep::Bug,
    words::Words,
};
use crate::{
    check::{Verdict, Violation, agree, require},
    rng::Rng,
};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::SolCall as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};
use weft_contracts::FeeVault;
use weft_crypto::MemberId;
use weft_evidence::Convicted;
use weft_lane::Input;
use weft_types::{
    Checkpoint, ExecutionPromise, FEE_VAULT, Halt, Item, NetworkId, OrderPromise, Outcome,
    Position, PromisedRemoval, RemovalCause, Section, SlotNumber, Statement, chain_next,
    chain_start, halts_hash,
};

/// When histories begin, in milliseconds since the Unix epoch.
const START_MS: u64 = 1_800_000_010_000;
/// What every payer deposits, in wei: enough for some envelopes and too little for many.
const DEPOSIT: u128 = 7_000_000_000_000;
/// Slots in which items that wait must have run, at the latest: the slow way, and some.
const DRAIN_TURNS: usize = 60;

/// What a history showed.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) sealed: u64,
    pub(crate) plaintext: u64,
    pub(crate) acquittals: u64,
    pub(crate) convictions: u64,
    pub(crate) seen: Seen,
}

/// A history on its way.
#[derive(Debug)]
pub(crate) struct History {
    pub(super) rng: Rng,
    pub(super) bug: Option<Bug>,
    pub(super) lie: Option<Lie>,
    pub(super) has_lied: bool,
    /// The sequencer signs no checkpoints.
    pub(super) withholds: bool,
    pub(super) now_ms: u64,
    pub(super) core: Core,
    pub(super) disk: Disk,
    pub(super) model: Model,
    pub(super) words: Words,
    pub(super) members: BTreeMap<MemberId, Character>,
    pub(super) epochs: BTreeMap<u64, EpochView>,
    /// Epochs whose members announced nothing that makes a key.
    pub(super) keyless: BTreeSet<u64>,
    pub(super) sent: BTreeMap<B256, Sent>,
    /// Parts of bundles that users may seal.
    pub(super) ready: Vec<Ready>,
    /// Slots in which the first part of a bundle was opened.
    pub(super) first_parts: BTreeMap<B256, u64>,
    /// Why items must be removed, if they must: of those that ran.
    pub(super) outcomes: BTreeMap<B256, Option<RemovalCause>>,
    /// What ran, as an honest sequencer promises it, and on which rollups that is settled.
    pub(super) results: BTreeMap<Position, (ExecutionPromise, Vec<NetworkId>)>,
    /// Places of envelopes.
    pub(super) given: BTreeMap<B256, Given>,
    pub(super) rows: BTreeMap<u64, super::core::Row>,
    pub(super) guilty: BTreeSet<Convicted>,
    /// Items whose content came to light, with what is expected of them in clear.
    pub(super) revealed: Vec<B256>,
    pub(super) told: Told,
    pub(super) events: String,
}

impl History {
    /// Runs the history of a seed.
    pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Result<Told, (Violation, String)> {
        let mut history = Self::new(seed, bug);
        match history.play() {
            Ok(()) => Ok(history.told),
            Err(violation) => Err((violation, history.events)),
        }
    }

    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = Rng::new(seed);
        let members = members::draw(&mut rng);
        let lie = Lie::draw(&mut rng);
        let withholds = lie.is_some_and(Lie::is_of_order) && rng.chance(40);
        Self {
            lie,
            rng,
            withholds,
            bug,
            has_lied: false,
            now_ms: START_MS,
            core: Core::new(bug),
            disk: Disk::default(),
            model: Model::default(),
            words: Words::new(lie.is_none()),
            members,
            epochs: BTreeMap::new(),
            keyless: BTreeSet::new(),
            sent: BTreeMap::new(),
            ready: Vec::new(),
            first_parts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            results: BTreeMap::new(),
            given: BTreeMap::new(),
            rows: BTreeMap::new(),
            guilty: BTreeSet::new(),
            revealed: Vec::new(),
            told: Told::default(),
            events: String::new(),
        }
    }

    fn play(&mut self) -> Verdict {
        let (members, lie) = (self.members.clone(), self.lie);
        self.log(|| format!("committee {members:?}, sequencer's lie {lie:?}"));
        self.turn(0)?;
        self.deposits()?;
        let acts = self.rng.within(50, 90);
        for _ in 0..acts {
            self.act()?;
            self.check()?;
        }
        self.drain()?;
        self.judge()
    }

    fn act(&mut self) -> Verdict {
        let ms = self.rng.within(5, 45) as u64;
        self.turn(ms)?;
        match self.rng.below(100) {
            0..=49 => self.user_seals(),
            50..=69 => self.plaintext(),
            70..=76 => self.checkpoint(),
            77..=84 => self.availability(),
            85..=90 => self.power_cut(),
            91..=92 => {
                // The sequencer sleeps.
                self.told.seen.insert(Sight::Stall);
                let ms = self.rng.within(200, 900) as u64;
                self.turn(ms)
            }
            _ => Ok(()),
        }
    }

    /// Lets time pass, for everybody.
    pub(super) fn turn(&mut self, ms: u64) -> Verdict {
        self.now_ms += ms;
        let step = self.node(Entry::Lane(Input::Tick))?;
        if !step.opened.is_empty() && self.rng.chance(30) {
            self.disk.snapshot(&self.core);
        }
        self.deal()?;
        self.members_act()?;
        self.solve()?;
        self.check()
    }

    /// Does something, writes it down, and follows what comes of it.
    pub(super) fn node(&mut self, entry: Entry) -> Result<Step, Violation> {
        let step = self.core.act(self.now_ms, entry.clone())?;
        self.disk.note(self.now_ms, entry);
        self.follow(&step)?;
        Ok(step)
    }

    pub(super) fn follow(&mut self, step: &Step) -> Verdict {
        let mut all = step.ran.iter().peekable();
        for row in &step.rows {
            let number = row.closed.header.number;
            // What became late with the slot before runs in one of its own, which closes before an epoch is opened.
            while let Some(ran) = all.next_if(|ran| ran.applied.position.slot <= number) {
                self.ran(ran)?;
            }
            self.model.close();
            self.rows.insert(number.get(), row.clone());
            self.commit(row);
            let ended = step.ended.iter().filter(|it| it.epoch * EPOCH_SLOTS == number.get());
            ended.into_iter().try_for_each(|ended| self.epoch_ended(ended))?;
        }
        if !step.rows.is_empty() {
            self.check_vault()?;
        }
        // What is in clear runs at once: its place is promised with its result, and before it.
        let in_clear = step.given.filter(|given| given.position.section == Section::Plaintext);
        in_clear.iter().try_for_each(|given| self.promise(given))?;
        all.try_for_each(|ran| self.ran(ran))
    }

    fn epoch_ended(&mut self, ended: &Ended) -> Verdict {
        let now_ms = self.now_ms;
        let members = self.members.clone();
        let last = self.rows.get(&(ended.epoch * EPOCH_SLOTS)).cloned();
        let Some(view) = self.epochs.get_mut(&ended.epoch) else {
            return Err(super::core::stopped("an epoch without a key ended"));
        };
        let withheld = self.withholds;
        let available = last.map(|row| row.closed.header.available);
        view.ended(ended, (now_ms, withheld), &members, available)?;
        if ended.items > 0 && !ended.is_late {
            self.sign_closing(ended)?;
        }
        let line =
            format!("epoch {} ended: {} items, late {}", ended.epoch, ended.items, ended.is_late);
        self.log(|| line);
        Ok(())
    }

    /// The sequencer commits to a closed slot, as its batch has to (P15).
    fn commit(&mut self, row: &super::core::Row) {
        let vector = row.vector();
        self.words.commit(&vector);
        let lies = self.lie == Some(Lie::TwoCommitments) && !self.has_lied;
        if lies && vector.counts().total() > 0 && self.rng.chance(30) {
            let mut other = row.clone();
            other.plaintext.push(B256::repeat_byte(0x1e));
            self.words.commit(&other.vector());
            self.lied();
        }
    }

    /// Members release only for a closing head that the sequencer signed (P17); it may sign another one then.
    fn sign_closing(&mut self, ended: &Ended) -> Verdict {
        if self.withholds {
            return Ok(());
        }
        let slot = SlotNumber::new(ended.epoch * EPOCH_SLOTS + 1);
        let section = Section::Plaintext;
        let word = Checkpoint {
            slot,
            parent: ended.head,
            section,
            count: 0,
            chain: chain_start(&domain(), slot, section),
            unix_ms: self.now_ms,
        };
        self.words.promise(vec![Statement::Checkpoint(word.clone())], self.now_ms)?;
        if let Some(parent) = self.other_closing(ended) {
            self.words.forge(Statement::Checkpoint(Checkpoint { parent, ..word }));
            self.lied();
        }
        Ok(())
    }

    /// Returns the closing head that a liar signs beside the first one: of anything, or of the same slot with a halt that it
    /// writes when it has read the epoch (T1).
    fn other_closing(&mut self, ended: &Ended) -> Option<B256> {
        let lie = self.lie.filter(|_| !self.has_lied)?;
        match lie {
            Lie::TwoClosings if self.rng.chance(30) => Some(keccak256(ended.head)),
            Lie::LateHalt if self.rng.chance(30) => {
                let mut record = self.rows[&(ended.epoch * EPOCH_SLOTS)].closed.record.clone();
                let (section, index, network) = (Section::Plaintext, 0, super::cast::ROLLUPS[1]);
                let halt = Halt { section, index, network };
                record.halts = halts_hash(&domain(), [halt].iter());
                Some(record.hash(&domain()))
            }
            _ => None,
        }
    }

    /// An item ran: it has the outcome that its user's knowledge says, and its promise is published.
    fn ran(&mut self, ran: &Ran) -> Verdict {
        if ran.turn.is_some() {
            self.opened(ran)?;
        }
        let honest = ExecutionPromise {
            position: ran.applied.position,
            item: ran.item,
            chain: ran.chain,
            l1_origin: B256::ZERO,
            legs: ran.legs.clone(),
            removal: match &ran.applied.outcome {
                Outcome::Included => None,
                Outcome::Removed(removal) => Some(PromisedRemoval::from(removal)),
            },
        };
        self.results.insert(honest.position, (honest.clone(), ran.networks.clone()));
        let lie = self.lie.filter(|_| !self.has_lied);
        // A hash that nobody knows the transaction of, under another's number, shows nothing.
        let is_part = self.sent.get(&ran.item).is_some_and(|sent| sent.kind == Kind::Part);
        let is_about_one = |lie: &Lie| matches!(lie, Lie::WrongPlaintext | Lie::ComesBack);
        let lie = lie.filter(|lie| !(is_part && is_about_one(lie)));
        if let Some((lie, word)) = lie.and_then(|lie| Some((lie, lie.result(ran, &honest)?))) {
            self.lied();
            if !lie.say(word, &mut self.words) {
                return Ok(());
            }
        }
        self.words.promise(vec![Statement::Execution(honest)], self.now_ms)
    }

    fn opened(&mut self, ran: &Ran) -> Verdict {
        let Some(epoch) = self.model.waiting.get(&ran.item).map(|item| item.epoch) else {
            let text = || format!("{} ran without an order, or twice", ran.item);
            return require(false, "one outcome", text);
        };
        let slot = self.core.lane.open_slot().expect("items run in an open slot");
        let available = slot.available.clone();
        let view = &self.epochs[&epoch];
        let stays = |network: &NetworkId| available.contains(network);
        require(view.pinned.iter().all(stays), "veto (T1)", || {
            format!("epoch {epoch} closed with {:?}, runs with {available:?}", view.pinned)
        })?;
        let (is_late, there) = (view.is_late, view.pinned.clone());
        let expected = self.model.run(&ran.item, &there, is_late);
        let expected = expected.expect("it was just looked at");
        let found = match &ran.applied.outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal.cause),
        };
        let kind = self.sent[&ran.item].kind;
        self.log(|| format!("  {kind:?} {} runs at {}: {found:?}", ran.item, ran.applied.position));
        agree("outcome", || format!("{kind:?} {}", ran.item), &found, &expected)?;
        self.outcomes.insert(ran.item, expected);
        if !is_late {
            self.revealed.push(ran.item);
        }
        if let Outcome::Removed(removal) = &ran.applied.outcome
            && self.model.was_away
            && available.contains(&removal.network)
        {
            self.told.seen.insert(Sight::ComesBack);
        }
        self.see_outcome(&ran.item, kind, expected);
        self.see_slots(ran, expected);
        Ok(())
    }

    /// Promises a position that is on disk.
    pub(super) fn promise(&mut self, given: &Given) -> Verdict {
        self.words.promise(vec![Statement::Order(self.order(given))], self.now_ms)
    }

    pub(super) const fn order(&self, given: &Given) -> OrderPromise {
        let Given { position, item, prev_chain, chain } = *given;
        let (unix_ms, l1_deadline) = (self.now_ms, 0);
        OrderPromise { position, item, prev_chain, chain, unix_ms, l1_deadline, bundle: None }
    }

    pub(super) fn checkpoint(&mut self) -> Verdict {
        let Some(header) = self.core.lane.open_slot().cloned() else { return Ok(()) };
        if self.withholds {
            return Ok(());
        }
        // Of sealed items the parent alone says how many there are: the guard signs checkpoints of the other section.
        let (section, items) = (Section::Plaintext, &self.core.plaintext);
        let start = chain_start(&domain(), header.number, section);
        let next = |chain, (index, item): (u32, &B256)| chain_next(&chain, index, item);
        let chain = (0..).zip(items).fold(start, next);
        let word = Checkpoint {
            slot: header.number,
            parent: header.parent,
            section,
            count: items.len() as u32,
            chain,
            unix_ms: self.now_ms,
        };
        self.words.promise(vec![Statement::Checkpoint(word)], self.now_ms)
    }

    fn availability(&mut self) -> Verdict {
        let network = if self.rng.chance(80) { super::cast::ROLLUPS[1] } else { HOME };
        let available = self.rng.chance(60);
        let waits = self.core.lane.sealing().waiting().next().is_some();
        self.node(Entry::Lane(Input::SetAvailable { network, available }))?;
        if !available && waits {
            self.told.seen.insert(Sight::LeavesLate);
        }
        self.log(|| format!("{network} available: {available}"));
        Ok(())
    }

    pub(super) fn power_cut(&mut self) -> Verdict {
        let before = self.core.digest();
        self.core = self.disk.recover(self.bug)?;
        agree("power cut", || "the node after it".to_owned(), &self.core.digest(), &before)?;
        let waits = self.core.lane.sealing().waiting().next().is_some();
        self.told.seen.insert(if waits { Sight::PowerCutWaiting } else { Sight::PowerCut });
        self.log(|| "power cut".to_owned());
        Ok(())
    }

    /// Payers deposit, in clear, before anything is sealed.
    fn deposits(&mut self) -> Verdict {
        for payer in &CAST.payers {
            let call = FeeVault::depositCall { payer: payer.address() };
            let input = Bytes::from(call.abi_encode());
            let tx = Tx { gas: 90_000, to: FEE_VAULT, input, ..Tx::pay(HOME, 0, DEPOSIT) };
            let item = Item::Transaction(tx.sign(payer));
            let step = self.node(Entry::Submit(Box::new(item)))?;
            let included = step.ran.iter().all(|ran| ran.applied.outcome == Outcome::Included);
            require(included && !step.ran.is_empty(), "deposit", || format!("{:?}", step.refused))?;
            self.model.deposit(payer.address(), DEPOSIT);
        }
        self.turn(SLOT_MS)
    }

    /// Lets everything that waits run, and the last slots close.
    fn drain(&mut self) -> Verdict {
        for _ in 0..DRAIN_TURNS {
            if self.model.waiting.is_empty() && self.rows.len() as u64 >= self.slots_promised() {
                break;
            }
            self.turn(SLOT_MS)?;
        }
        let left = &self.model.waiting;
        require(left.is_empty(), "liveness", || {
            let epochs: BTreeSet<_> = left.values().map(|item| item.epoch).collect();
            format!("{} items of epochs {epochs:?} never ran", left.len())
        })?;
        self.turn(SLOT_MS)?;
        self.checkpoint()
    }

    /// Returns the last slot in which something was promised.
    fn slots_promised(&self) -> u64 {
        let slots = self.words.promises.iter().filter_map(|promise| match &promise.statement {
            Statement::Order(order) => Some(order.position.slot.get()),
            _ => None,
        });
        slots.max().unwrap_or(0)
    }

    /// Notes that the sequencer broke its word.
    pub(super) fn lied(&mut self) {
        self.has_lied = true;
        self.guilty.insert(Convicted::Sequencer(self.words.sequencer()));
        let lie = self.lie;
        self.log(|| format!("the sequencer lies: {lie:?}"));
    }

    pub(super) fn log(&mut self, line: impl FnOnce() -> String) {
        let slot = self.core.lane.open_slot().map_or(0, |slot| slot.number.get());
        let _ = writeln!(self.events, "{} slot {slot}: {}", self.now_ms - START_MS, line());
    }
}
