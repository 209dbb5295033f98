//! The sequencer's machine: lane, envelopes and fold, as a node has them.

use super::{
    cast::{HOME, ROLLUPS, domain, realm},
    sweep::Bug,
};
use crate::check::Violation;
use alloy_primitives::{Address, B256, U256, keccak256};
use revm::DatabaseRef as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_commitment::SlotVector;
use weft_contracts::fee_vault_slot;
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, KeyList, Verdict};
use weft_evidence::ClosedSlot;
use weft_evm::{Applied, BlockTx, ChainSpec, MemoryState, Realm};
use weft_lane::{
    Effect, Input, Lane, LaneConfig, Rejection, SealedSubmission, SealingConfig, Submission, Turn,
};
use weft_types::{
    FEE_VAULT, Item, NetworkId, Opening, Outcome, Parts, PromisedLeg, RemovalCause, Sealed,
    Section, SlotHeader, Terms, promise::logs_hash,
};

/// Length of a slot, in milliseconds.
pub(crate) const SLOT_MS: u64 = 100;
/// Slots of an epoch.
pub(crate) const EPOCH_SLOTS: u64 = 3;

/// Most items of an epoch; one payer has half of them.
pub(crate) const MAX_ITEMS: u32 = 6;

/// Returns the bounds of the realm's lane.
pub(crate) fn config() -> LaneConfig {
    let sealing = SealingConfig {
        max_items: MAX_ITEMS,
        max_bytes: 1 << 20,
        max_gas: 16_000_000,
        payer_share: 2,
        // The largest envelopes cost some times what small ones do, and not hundreds of times.
        wei_per_byte: 10_000_000,
        ..SealingConfig::new(HOME, EPOCH_SLOTS)
    };
    LaneConfig { sealing: Some(sealing), ..LaneConfig::new(SLOT_MS, ROLLUPS.into()) }
}

/// An item with a position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) position: weft_types::Position,
    pub(crate) item: B256,
    pub(crate) prev_chain: B256,
    pub(crate) chain: B256,
}

/// A closed slot with its items.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) closed: ClosedSlot,
    pub(crate) sealed: Vec<B256>,
    pub(crate) plaintext: Vec<B256>,
}

impl Row {
    /// Returns what a slot's order is committed to by.
    pub(crate) fn vector(&self) -> SlotVector {
        let slot = self.closed.header.number;
        let vector = SlotVector::of_items(&domain(), slot, &self.sealed, &self.plaintext);
        vector.expect("slots here are short")
    }
}

/// An epoch whose order stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) epoch: u64,
    pub(crate) head: B256,
    pub(crate) items: u32,
    pub(crate) is_late: bool,
}

/// An item that ran.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) item: B256,
    /// Running hash of its section after it.
    pub(crate) chain: B256,
    pub(crate) turn: Option<Turn>,
    pub(crate) applied: Applied,
    pub(crate) legs: Vec<PromisedLeg>,
    /// Rollups on which it is settled what became of it.
    pub(crate) networks: Vec<NetworkId>,
}

impl Ran {
    /// Returns the rollup that was away when the epoch closed, and the one transaction that there was for it.
    pub(crate) fn left_out(&self) -> Option<(NetworkId, B256)> {
        let Outcome::Removed(removal) = &self.applied.outcome else { return None };
        // Whatever else is invalid says in what.
        let is_away = removal.cause == RemovalCause::Invalid && removal.invalid.is_none();
        let is_single = self.turn.is_some() && self.networks.len() == 1;
        let tx = removal.tx_hash.filter(|_| is_away && is_single)?;
        Some((removal.network, tx))
    }
}

/// What one input led to.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) given: Option<Given>,
    pub(crate) opened: Vec<SlotHeader>,
    pub(crate) rows: Vec<Row>,
    pub(crate) ended: Vec<Ended>,
    pub(crate) ran: Vec<Ran>,
    pub(crate) refused: Option<Rejection>,
}

/// What is known of an epoch.
#[derive(Debug, Clone)]
pub(crate) struct EpochData {
    pub(crate) list: Arc<KeyList>,
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) secret: Option<EpochSecret>,
    /// What ran in slots before, while not all had their turn.
    pub(crate) begun: Option<Begun>,
}

/// What of an epoch ran in slots before: so many envelopes, and the parts among them.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    envelopes: usize,
    parts: Parts,
}

/// Lane, envelopes and fold.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) lane: Lane,
    pub(crate) realm: Realm<MemoryState>,
    pub(crate) epochs: BTreeMap<u64, EpochData>,
    pub(crate) bug: Option<Bug>,
    /// Items of the open slot.
    pub(crate) sealed: Vec<B256>,
    pub(crate) plaintext: Vec<B256>,
}

impl Core {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        let lane = Lane::new(domain(), config()).expect("the bounds are sound");
        Self {
            lane,
            realm: realm(),
            epochs: BTreeMap::new(),
            bug,
            sealed: Vec::new(),
            plaintext: Vec::new(),
        }
    }

    /// Gives the lane an input and does what follows.
    pub(crate) fn step(&mut self, now_ms: u64, input: Input) -> Result<Step, Violation> {
        let mut effects = Vec::new();
        let result = self.lane.step(now_ms, input, &mut effects);
        let mut step = Step { refused: result.err(), ..Step::default() };
        for effect in effects {
            match effect {
                Effect::Opened(header) => {
                    self.open(&header)?;
                    step.opened.push(header);
                }
                Effect::Positioned { position, item, prev_chain, chain } => {
                    let row = match position.section {
                        Section::Sealed => &mut self.sealed,
                        _ => &mut self.plaintext,
                    };
                    row.push(item);
                    step.given = Some(Given { position, item, prev_chain, chain });
                }
                Effect::Closed { record, .. } => {
                    let header = self.realm.slot().cloned().ok_or_else(|| stopped("no slot"))?;
                    self.realm.close_slot().map_err(|error| stopped(&format!("{error:?}")))?;
                    step.rows.push(Row {
                        closed: ClosedSlot { header, record },
                        sealed: std::mem::take(&mut self.sealed),
                        plaintext: std::mem::take(&mut self.plaintext),
                    });
                }
                Effect::EpochClosed { epoch, head, items, is_late } => {
                    step.ended.push(Ended { epoch, head, items, is_late });
                }
                Effect::Opening { epoch, is_late, listed, turns } => {
                    self.run(epoch, is_late, (&listed, &turns), &mut step)?;
                }
            }
        }
        Ok(step)
    }

    /// Orders a plaintext item and runs it.
    pub(crate) fn submit(&mut self, now_ms: u64, item: &Item) -> Result<Step, Violation> {
        let hash = item.hash(&domain());
        let submission = Submission {
            item: hash,
            section: Section::Plaintext,
            declared_gas: 100_000,
            origin: None,
        };
        let mut step = self.step(now_ms, Input::Submit(submission))?;
        if let Some(given) = step.given {
            let ran = self.apply(given.position, item, (hash, given.chain, None))?;
            step.ran.push(ran);
        }
        Ok(step)
    }

    /// Orders an envelope.
    pub(crate) fn seal(
        &mut self,
        now_ms: u64,
        submission: SealedSubmission,
        envelope: &Envelope,
    ) -> Result<Step, Violation> {
        let step = self.step(now_ms, Input::Seal(submission))?;
        if let (Some(_), Some(data)) = (&step.given, self.epochs.get_mut(&submission.epoch)) {
            data.envelopes.push(envelope.clone());
        }
        Ok(step)
    }

    /// Opens a closed epoch with its secret.
    pub(crate) fn reveal(&mut self, now_ms: u64, secret: EpochSecret) -> Result<Step, Violation> {
        let list = secret.list();
        let found = self.epochs.iter_mut().find(|(_, data)| data.list.id() == list);
        let Some((epoch, data)) = found else { return Err(stopped("a secret of no list")) };
        data.secret = Some(secret);
        let epoch = *epoch;
        self.step(now_ms, Input::Reveal { epoch, list })
    }

    /// Returns what an envelope asks of the lane.
    pub(crate) fn submission(&self, envelope: &Envelope) -> SealedSubmission {
        let carriage = &envelope.carriage;
        let deposit_wei = match self.bug {
            Some(Bug::UncheckedDeposit) => u128::MAX,
            _ => self.vault(carriage.payer).0,
        };
        SealedSubmission {
            item: envelope.id(&domain()),
            epoch: carriage.epoch,
            list: envelope.key,
            valid_until: carriage.valid_until,
            payer: carriage.payer,
            home: carriage.deposit,
            size_bytes: carriage.size.bytes() as u64,
            gas_limit: carriage.gas.gas_limit(),
            max_fee_wei: carriage.max_fee_wei,
            deposit_wei,
        }
    }

    /// Returns a payer's deposit and what leaves of it, after the last closed slot, in wei.
    pub(crate) fn vault(&self, payer: Address) -> (u128, u128) {
        let word = self.vault_word(fee_vault_slot(payer));
        let half = |word: U256| -> u128 { word.to() };
        (half(word & U256::from(u128::MAX)), half(word >> 128_usize))
    }

    /// Returns what the coinbase has earned in the vault, in wei.
    pub(crate) fn earned(&self) -> U256 {
        let mut key = [0; 64];
        key[12..32].copy_from_slice(ChainSpec::dev(HOME.get()).coinbase.as_slice());
        key[63] = 1;
        self.vault_word(keccak256(key).into())
    }

    /// Returns the ether of the vault, in wei.
    pub(crate) fn vault_balance(&self) -> U256 {
        let state = self.realm.state(HOME).expect("the rollup runs here");
        let Ok(account) = state.basic_ref(FEE_VAULT);
        account.map(|account| account.balance).unwrap_or_default()
    }

    fn vault_word(&self, slot: U256) -> U256 {
        let state = self.realm.state(HOME).expect("the rollup runs here");
        let Ok(word) = state.storage_ref(FEE_VAULT, slot);
        word
    }

    /// Opens the lane's slot in the realm.
    pub(crate) fn open(&mut self, header: &SlotHeader) -> Result<(), Violation> {
        let mut header = header.clone();
        let waits = self.lane.sealing().waiting().any(|(_, closed)| !closed.released.is_empty());
        if self.bug == Some(Bug::Veto) && waits {
            header.available.retain(|network| *network == HOME);
        }
        self.realm.open_slot(header).map_err(|error| stopped(&format!("{error:?}")))
    }

    fn run(
        &mut self,
        epoch: u64,
        is_late: bool,
        (listed, turns): (&[NetworkId], &[Turn]),
        step: &mut Step,
    ) -> Result<(), Violation> {
        let data = self.epochs.get(&epoch).cloned();
        let data = data.ok_or_else(|| stopped("an opening without a key list"))?;
        let is_late = is_late && self.bug != Some(Bug::RunLate);
        let secret = match is_late {
            true => None,
            false => {
                Some(data.secret.clone().unwrap_or_else(|| super::committee::solved(&data.list)))
            }
        };
        let fresh = || Begun { envelopes: 0, parts: Parts::new(domain(), epoch) };
        let Begun { envelopes: from, mut parts } = data.begun.clone().unwrap_or_else(fresh);
        let until = from + turns.len();
        let is_last = is_late || self.lane.sealing().opening() != Some(epoch);
        if until > data.envelopes.len() || is_last != (until == data.envelopes.len()) {
            return Err(stopped("an epoch has lost envelopes"));
        }
        match self.bug {
            Some(Bug::LostSlot) if from > 0 => return Ok(()),
            Some(Bug::ForgetSlots) if from > 0 => parts = Parts::new(domain(), epoch),
            _ => {}
        }
        for (index, (turn, envelope)) in turns.iter().zip(&data.envelopes[from..]).enumerate() {
            if self.bug == Some(Bug::LostEnvelope) && index == 1 {
                continue;
            }
            let opening = secret
                .as_ref()
                .map_or(Opening::Late, |secret| opening(&data.list, secret, envelope, self.bug));
            let terms = terms(&config(), envelope, self.bug, &opening);
            if self.bug == Some(Bug::ForgetParts) {
                parts = Parts::new(domain(), epoch);
            }
            let opening = parts.turn(&terms, opening);
            let (envelope, listed) = (turn.item, self.there(listed));
            let item = Item::Sealed(Sealed { envelope, terms, listed, opening });
            let named = (turn.item, turn.chain, Some(*turn));
            step.ran.push(self.apply(turn.position, &item, named)?);
        }
        if let Some(data) = self.epochs.get_mut(&epoch) {
            data.begun = (!is_last).then_some(Begun { envelopes: until, parts });
        }
        Ok(())
    }

    /// Returns the rollups that there are for what is opened.
    fn there(&self, listed: &[NetworkId]) -> Vec<NetworkId> {
        match (self.bug, self.realm.slot()) {
            (Some(Bug::ComeBack), Some(slot)) => slot.available.clone(),
            _ => listed.to_vec(),
        }
    }

    fn apply(
        &mut self,
        position: weft_types::Position,
        item: &Item,
        (hash, chain, turn): (B256, B256, Option<Turn>),
    ) -> Result<Ran, Violation> {
        let applied = self.realm.apply(position, item);
        let applied = applied.map_err(|error| stopped(&format!("{error:?}")))?;
        let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
        let mut legs: Vec<_> = own.map(|(network, tx)| self.leg(*network, tx)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let networks = networks(item, &applied);
        Ok(Ran { item: hash, chain, turn, applied, legs, networks })
    }

    fn leg(&self, network: NetworkId, tx: &BlockTx) -> PromisedLeg {
        let (head, parent_hash) = self.realm.head(network).expect("the rollup runs here");
        PromisedLeg {
            leg: tx.leg,
            network,
            tx_hash: *tx.tx.tx_hash(),
            success: tx.success,
            gas_used: tx.gas_used,
            output_hash: keccak256(&tx.output),
            logs_hash: logs_hash(&domain(), &tx.logs),
            block_number: head.number + 1,
            parent_hash,
        }
    }
}

/// Returns the rollups of an item, as derivation has them; all of them for a part of a bundle that has its turn.
fn networks(item: &Item, applied: &Applied) -> Vec<NetworkId> {
    if let Item::Sealed(Sealed { opening, .. }) = item {
        match opening {
            Opening::Opened(item) if matches!(**item, Item::Part(_)) => return ROLLUPS.into(),
            Opening::Repeated(part) => return vec![part.leg().network],
            _ => {}
        }
    }
    let touched = applied.transactions.iter().map(|(network, _)| *network);
    let own = item.legs().iter().map(|leg| leg.network);
    touched.chain(own).collect::<BTreeSet<_>>().into_iter().collect()
}

fn opening(list: &KeyList, secret: &EpochSecret, envelope: &Envelope, bug: Option<Bug>) -> Opening {
    let verdict = EpochKeyScheme::new(list).open(envelope, secret);
    match verdict.expect("the lane took envelopes of this list alone") {
        Verdict::Opened { plaintext, .. } => match Item::from_plaintext(&plaintext) {
            Ok(item) => Opening::Opened(Box::new(item)),
            Err(_) => Opening::Malformed,
        },
        Verdict::Malformed { .. } => Opening::Malformed,
        Verdict::Undecryptable if bug == Some(Bug::WrongVerdict) => Opening::Malformed,
        Verdict::Undecryptable => Opening::Undecryptable,
    }
}

fn terms(config: &LaneConfig, envelope: &Envelope, bug: Option<Bug>, opening: &Opening) -> Terms {
    let carriage = &envelope.carriage;
    let sealing = config.sealing.as_ref().expect("the realm takes sealed items");
    let (size, gas_limit) = (carriage.size.bytes() as u64, carriage.gas.gas_limit());
    let (size_fee_wei, mut gas_fee_wei) = sealing.fees_wei(size, gas_limit);
    if bug == Some(Bug::FreeJunk) && *opening == Opening::Undecryptable {
        gas_fee_wei = 0;
    }
    Terms {
        payer: carriage.payer,
        deposit: carriage.deposit,
        rollup: carriage.rollup,
        gas_limit,
        size_fee_wei,
        gas_fee_wei,
    }
}

pub(crate) fn stopped(why: &str) -> Violation {
    Violation { checker: "node", text: why.to_owned() }
}
