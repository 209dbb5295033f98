//! Promised results beside what was settled (P47): what no two signatures show.

use alloy_primitives::{Address, B256, Bytes};
use eyre::{Result, eyre};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use weft_batch::{Batch, WireItem, WireLeg};
use weft_contracts::Slasher;
use weft_evidence::{Convicted, Conviction, Fault, Subject};
use weft_l1::{Audit, Broken, Held, Renumberings, Span};
use weft_types::{
    Bundle, Domain, ExecutionPromise, Item, Leg, Position, SignedPromise, SignedTx, Statement,
};

/// Items of settlements that promises are held against; of more the oldest settlements are left alone.
const MAX_ITEMS: usize = 200_000;

/// Digests of all settlements, in their order: what leads to one of them changes with each.
type Digests = Arc<Mutex<Vec<B256>>>;

/// A signed result, and what was settled instead.
#[derive(Debug, Clone)]
pub(crate) struct WrongResult {
    pub(crate) promise: Arc<SignedPromise>,
    /// Who signed it.
    pub(crate) key: Address,
    pub(crate) broken: Box<Broken>,
    /// The item as L1 wants to see it before it pays the victim, where it is known.
    pub(crate) item: Option<Bytes>,
    program: B256,
    digests: Digests,
}

/// The last settlements, and what was held against them.
#[derive(Debug, Default)]
pub(crate) struct Docket {
    spans: VecDeque<Span>,
    digests: Digests,
    /// Programs that the realm's policies name.
    programs: Vec<B256>,
    /// Where slots were numbered again: promises from before are void.
    renumberings: Renumberings,
    /// Results that contradict a settlement, by place and L1 block: each is told once.
    told: BTreeSet<(Position, B256, u32)>,
}

impl Docket {
    /// Takes what was settled since the last time; `programs` are those that the realm's policies name.
    pub(crate) fn take(&mut self, audit: &mut Audit, programs: Vec<B256>) {
        self.spans.extend(audit.take_spans());
        let mut items: usize = self.spans.iter().map(Span::items).sum();
        while items > MAX_ITEMS && self.spans.len() > 1 {
            items -= self.spans.pop_front().map_or(0, |span| span.items());
        }
        let history = audit.history();
        let digests = history.statements.iter().map(|settled| settled.digest).collect();
        *self.digests.lock().unwrap_or_else(PoisonError::into_inner) = digests;
        self.renumberings.clone_from(&history.renumberings);
        self.programs = programs;
    }

    /// Forgets settlements that come again.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
    }

    /// Returns the results that are not what was settled and were not told before.
    pub(crate) fn hold(&mut self, results: &[Arc<SignedPromise>]) -> Result<Vec<WrongResult>> {
        let mut wrong = Vec::new();
        for promise in results {
            let Statement::Execution(result) = &promise.statement else { continue };
            let Some(broken) = self.spans.iter().find_map(|span| broken(span, result)) else {
                continue;
            };
            let name = (result.position, result.l1_origin, broken.settlement);
            if !self.told.contains(&name) {
                wrong.push(self.charge(promise.clone(), broken)?);
                self.told.insert(name);
            }
        }
        Ok(wrong)
    }

    /// Returns what one promise says beside what was settled, the last time that its place was.
    pub(crate) fn held(&self, result: &ExecutionPromise) -> Held {
        let held = self.spans.iter().rev().map(|span| span.hold(result));
        held.into_iter().find(|held| !matches!(held, Held::Elsewhere)).unwrap_or(Held::Elsewhere)
    }

    /// Tells whether a result that rests on this L1 block may be of a slot that is void: another item may have its place now.
    pub(crate) fn is_void(&self, result: &ExecutionPromise, l1_number: u64) -> bool {
        self.renumberings.voids(result.position.slot.get(), l1_number)
    }

    /// Returns what L1 punishes.
    ///
    /// # Errors
    ///
    /// When nobody signed it, or no policy names the program of the settlement.
    pub(crate) fn charge(
        &self,
        promise: Arc<SignedPromise>,
        broken: Box<Broken>,
    ) -> Result<WrongResult> {
        let key = promise.signer()?;
        let number = broken.settlement;
        let program = broken.program(&self.programs);
        let program = program.ok_or_else(|| {
            eyre!("no policy names the program whose result settlement {number} is")
        })?;
        let digests = self.digests.clone();
        Ok(WrongResult { promise, key, broken, item: None, program, digests })
    }
}

fn broken(span: &Span, result: &ExecutionPromise) -> Option<Box<Broken>> {
    match span.hold(result) {
        Held::Broken(broken) => Some(broken),
        _ => None,
    }
}

impl WrongResult {
    /// Returns what L1 convicts of.
    pub(crate) fn conviction(&self) -> Conviction {
        let subject = Subject::Position(self.broken.fate.position);
        let convicted = Convicted::Sequencer(self.key);
        Conviction { convicted, fault: Fault::WrongOutcome, subject }
    }

    pub(crate) fn id(&self) -> B256 {
        self.conviction().id(&self.promise.domain)
    }

    /// Returns the L1 block that the result rests on.
    pub(crate) fn l1_origin(&self) -> B256 {
        self.result().map_or(B256::ZERO, |result| result.l1_origin)
    }

    /// Returns the promised result.
    pub(crate) fn result(&self) -> Option<&ExecutionPromise> {
        match &self.promise.statement {
            Statement::Execution(result) => Some(result),
            _ => None,
        }
    }

    /// Returns what L1 is shown beside the promise.
    pub(crate) fn shown(&self, l1_number: u64) -> Slasher::SettledFate {
        let digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        self.broken.shown(self.program, &digests, l1_number)
    }
}

/// Returns the items that a batch holds in clear; what is none is left out, derivation names it.
pub(crate) fn clear_items(domain: &Domain, batch: &Batch) -> BTreeMap<B256, Item> {
    let all = batch.slots.iter().flat_map(|slot| &slot.plaintext);
    let items = all.filter_map(|wire| item(domain, wire));
    items.map(|item| (item.hash(domain), item)).collect()
}

fn item(domain: &Domain, wire: &WireItem) -> Option<Item> {
    match wire {
        WireItem::Transaction(one) => leg(one).map(Item::Transaction),
        WireItem::Bundle(bundle) => {
            let legs = bundle.legs.iter().map(leg).collect::<Option<_>>()?;
            Bundle::new(domain, bundle.salt, bundle.level, legs).ok().map(Item::Bundle)
        }
    }
}

fn leg(wire: &WireLeg) -> Option<Leg> {
    let tx = SignedTx::decode(wire.raw.clone()).ok()?;
    Some(Leg { network: wire.network, tx, may_revert: wire.may_revert })
}
