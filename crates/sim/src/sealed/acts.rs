//! What users do: they seal, and send in clear. And how a sequencer cheats them of their places.

use super::{
    cast::{CAST, HOME, PAYERS, PLAIN, ROLLUPS, Tx},
    core::{Given, MAX_ITEMS, Step},
    disk::Entry,
    epochs::ADVERSARY_MS,
    feature::Sight,
    history::History,
    lie::Lie,
    plan::{self, Inside, Kind, PlannedLeg, Sent, Target},
    sweep::Bug,
};
use crate::check::{Verdict, Violation, agree, require};
use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use std::sync::Arc;
use weft_contracts::FeeVault;
use weft_crypto::KeyList;
use weft_lane::{Effect, Input, Lane, Rejection, SealedRejection};
use weft_types::{
    BundlePromise, FEE_VAULT, Item, Outcome, PromisedPlace, RemovalCause, SlotNumber, Statement,
    chain_next,
};

/// Something in clear: the item, what its fate depends on, and what a payer withdraws with it.
type InClear = (Item, Vec<PlannedLeg>, Option<(usize, u128)>);

impl History {
    /// A user seals something to the key of the epoch that takes items; sometimes something that must be refused.
    pub(super) fn user_seals(&mut self) -> Verdict {
        let Some(list) = self.current_list() else { return Ok(()) };
        if self.lie.is_some_and(Lie::is_of_order) && !self.has_lied && self.rng.chance(20) {
            return self.cheat(&list);
        }
        let target = Target { list: &list, bug: self.bug };
        let mut sent = plan::draw(&mut self.rng, target, &self.model, &mut self.ready);
        match self.rng.below(20) {
            0 => {
                // What the sequencer only pretended to order could still get its promised place.
                let ordered = |id: &&B256| {
                    self.model.waiting.contains_key(*id) || self.outcomes.contains_key(*id)
                };
                let earlier: Vec<B256> = self.sent.keys().filter(ordered).copied().collect();
                if !earlier.is_empty() {
                    let again = self.rng.pick(&earlier);
                    sent = self.sent[&again].clone();
                }
            }
            _ if !self.epochs.contains_key(&self.current_epoch()) => {
                let current = self.current_epoch();
                sent = sent.at(current);
            }
            1 => {
                let slot = self.slot();
                sent = sent.until(SlotNumber::new(slot - 1));
            }
            2 => {
                // Signed by somebody who does not pay.
                let stranger = (sent.payer + 1) % PAYERS;
                sent.signature = super::cast::sign(&CAST.payers[stranger], &sent.id);
            }
            _ => {}
        }
        self.seal(sent, true).map(|_| ())
    }

    /// Returns the key list of the current epoch, or another one when it has none.
    fn current_list(&self) -> Option<Arc<KeyList>> {
        let current = self.current_epoch();
        let view = self.epochs.get(&current).or_else(|| self.epochs.values().next_back());
        view.map(|view| view.list.clone())
    }

    pub(super) fn slot(&self) -> u64 {
        self.core.lane.open_slot().map_or(1, |header| header.number.get())
    }

    fn current_epoch(&self) -> u64 {
        (self.slot() - 1) / super::core::EPOCH_SLOTS + 1
    }

    /// Submits an envelope; what must be refused is, by name, and the rest has a position.
    fn seal(&mut self, sent: Sent, is_promised: bool) -> Result<Option<Given>, Violation> {
        if !sent.is_signed() {
            // A node checks this before anything else.
            self.told.seen.insert(Sight::RefusedStranger);
            return Ok(None);
        }
        let expected = self.refusal(&sent);
        let submission = self.core.submission(&sent.envelope);
        let entry = Entry::Seal(submission, Box::new(sent.envelope.clone()));
        if expected.is_none() && is_promised && self.rng.chance(4) {
            return self.cut_before_flush(entry);
        }
        let step = self.node(entry)?;
        let found = step.refused.as_ref().map(name);
        agree("refusal", || format!("{:?} {}", sent.kind, sent.id), &found, &expected)?;
        if let Some(name) = found {
            self.see_refusal(name);
            return Ok(None);
        }
        let given = step.given.expect("what is not refused has a position");
        let id = sent.id;
        self.ordered(sent)?;
        self.given.insert(id, given);
        if is_promised {
            self.promise(&given)?;
            self.promise_bundle(&id);
        }
        Ok(Some(given))
    }

    /// Somebody asks for the promise of a bundle as soon as all its parts have places (P14).
    fn promise_bundle(&mut self, last: &B256) {
        let Some((bundle, epoch)) = self.part_of(last) else { return };
        let own = |id: &&B256| self.part_of(id) == Some((bundle, epoch));
        let mut places: Vec<_> =
            self.given.keys().filter(own).map(|id| place(&self.given[id])).collect();
        places.sort_by_key(|place| place.position);
        let mut promise = BundlePromise { epoch, places, unix_ms: self.now_ms };
        if promise.places.len() < 2 || self.rng.chance(30) {
            return;
        }
        if self.lie == Some(Lie::FalseBundle) && !self.has_lied {
            let Some(false_one) = elsewhere(&promise) else { return };
            promise = false_one;
            self.lied();
        }
        self.told.seen.insert(Sight::BundlePromised);
        // The issuer takes places of its own alone, and a guard has nothing to add to what they say.
        self.words.forge(Statement::Bundle(promise));
    }

    /// Returns bundle and epoch of an envelope with a part.
    fn part_of(&self, id: &B256) -> Option<(B256, u64)> {
        let sent = self.sent.get(id)?;
        match sent.inside {
            Inside::Part { bundle, .. } => Some((bundle, sent.envelope.carriage.epoch)),
            _ => None,
        }
    }

    fn ordered(&mut self, sent: Sent) -> Verdict {
        let epoch = sent.envelope.carriage.epoch;
        let (now_ms, payer) = (self.now_ms, sent.envelope.carriage.payer);
        let view = self.epochs.get_mut(&epoch).expect("it has a key");
        let hidden = now_ms < view.announced_ms + ADVERSARY_MS && view.head.is_none();
        require(hidden, "secrecy", || format!("ordered when epoch {epoch} could be read"))?;
        view.items += 1;
        *view.items_of.entry(payer).or_default() += 1;
        self.told.sealed += 1;
        self.model.ordered(&sent);
        let (kind, id) = (sent.kind, sent.id);
        self.log(|| format!("sealed {kind:?} {id} for epoch {epoch}"));
        self.sent.insert(id, sent);
        Ok(())
    }

    /// The power fails after an envelope was ordered and before that was on disk. Nothing was promised, so nothing is lost.
    fn cut_before_flush(&mut self, entry: Entry) -> Result<Option<Given>, Violation> {
        let before = self.core.digest();
        let step = self.core.act(self.now_ms, entry.clone())?;
        self.disk.note(self.now_ms, entry);
        if let (Some(Bug::PromiseBeforeDisk), Some(given)) = (self.bug, &step.given) {
            self.promise(given)?;
        }
        self.disk.lose_last();
        self.core = self.disk.recover(self.bug)?;
        self.told.seen.insert(Sight::PowerCutUnflushed);
        self.log(|| "power cut before an order was on disk".to_owned());
        agree("power cut", || "an unflushed order".to_owned(), &self.core.digest(), &before)?;
        Ok(None)
    }

    /// Returns why an envelope must be refused, if it must.
    fn refusal(&self, sent: &Sent) -> Option<&'static str> {
        let carriage = &sent.envelope.carriage;
        let current = self.current_epoch();
        if self.core.lane.position_of(&sent.id).is_some() {
            return Some("duplicate");
        }
        if carriage.epoch != current {
            return Some("other epoch");
        }
        let Some(view) = self.epochs.get(&current) else { return Some("no key") };
        if carriage.valid_until.get() < self.slot() {
            return Some("expired");
        }
        if self.now_ms > view.close_at_ms {
            return Some("too late");
        }
        let own = view.items_of.get(&carriage.payer).copied().unwrap_or(0);
        if view.items >= MAX_ITEMS || own >= MAX_ITEMS / 2 {
            return Some("full");
        }
        let account = self.model.accounts.get(&carriage.payer).copied().unwrap_or_default();
        let asked = self.model.reserved(carriage.payer) + sent.fee_wei;
        (asked > account.deposited).then_some("deposit")
    }

    fn see_refusal(&mut self, name: &str) {
        let sight = match name {
            "duplicate" => Sight::RefusedDuplicate,
            "other epoch" => Sight::RefusedOtherEpoch,
            "no key" => Sight::RefusedNoKey,
            "expired" => Sight::RefusedExpired,
            "too late" => Sight::RefusedTooLate,
            "full" => Sight::RefusedFull,
            _ => Sight::RefusedDeposit,
        };
        self.told.seen.insert(sight);
    }

    /// Somebody sends a transaction in clear: it has its result at once, whatever is sealed.
    pub(super) fn plaintext(&mut self) -> Verdict {
        let (item, legs, withdrawal) = match self.rng.below(10) {
            0..=1 => self.withdrawal(),
            2..=4 => self.again(),
            _ => None,
        }
        .unwrap_or_else(|| self.payment());
        let hash = item.hash(&super::cast::domain());
        if self.core.lane.position_of(&hash).is_some() {
            return Ok(());
        }
        let readable = self.epochs.iter().find(|(epoch, view)| {
            self.core.lane.sealing().closed(**epoch).is_some() && view.is_readable()
        });
        let readable = readable.map(|(epoch, _)| *epoch);
        let step = self.node(Entry::Submit(Box::new(item)))?;
        self.told.plaintext += 1;
        require(readable.is_none(), "order before content", || {
            format!("plaintext had a position when the sequencer could read epoch {readable:?}")
        })?;
        self.ran_in_clear(&step, &legs, withdrawal)
    }

    fn ran_in_clear(
        &mut self,
        step: &Step,
        legs: &[PlannedLeg],
        withdrawal: Option<(usize, u128)>,
    ) -> Verdict {
        let [ran] = &step.ran[..] else {
            let text = || format!("it got no result at once: {:?}", step.refused);
            return require(false, "plaintext", text);
        };
        let available = &self.core.lane.open_slot().expect("it ran in a slot").available;
        let expected = self.model.legs(legs, available);
        let found = match &ran.applied.outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal.cause),
        };
        agree("plaintext", || format!("{legs:?}"), &found, &expected)?;
        if let (Some((payer, wei)), None) = (withdrawal, expected) {
            self.model.withdraw(CAST.payers[payer].address(), wei);
            if !self.model.waiting.is_empty() {
                self.told.seen.insert(Sight::Withdrawal);
            }
        }
        if self.core.lane.sealing().waiting().next().is_some() && expected.is_none() {
            self.told.seen.insert(Sight::PlaintextMeanwhile);
        }
        if expected == Some(RemovalCause::Failed) {
            // What fails in clear is kept by these rollups.
            return require(false, "plaintext", || "nothing in clear reverts".to_owned());
        }
        Ok(())
    }

    fn payment(&mut self) -> InClear {
        let key = &CAST.plain[self.rng.below(PLAIN)];
        let network = self.rng.pick(&ROLLUPS);
        let nonce = self.model.next_nonce(network, key.address());
        let leg = Tx::pay(network, nonce, u128::from(self.rng.next() % 1_000)).sign(key);
        let sender = key.address();
        let planned = PlannedLeg { network, sender, nonce, reverts: false, hash: leg.tx.hash() };
        (Item::Transaction(leg), vec![planned], None)
    }

    /// A payer begins to withdraw a part of its deposit, reserved or not.
    fn withdrawal(&mut self) -> Option<InClear> {
        let payer = self.rng.below(PAYERS);
        let key = &CAST.payers[payer];
        let wei = self.model.free_to_leave(key.address()) / 4;
        let nonce = self.model.next_nonce(HOME, key.address());
        let call = FeeVault::beginWithdrawalCall { amount: U256::from(wei) };
        let input = Bytes::from(call.abi_encode());
        let tx = Tx { gas: 90_000, to: FEE_VAULT, input, ..Tx::pay(HOME, nonce, 0) };
        let leg = tx.sign(key);
        let (sender, hash) = (key.address(), leg.tx.hash());
        let planned = PlannedLeg { network: HOME, sender, nonce, reverts: false, hash };
        Some((Item::Transaction(leg), vec![planned], Some((payer, wei))))
    }

    /// Somebody copies a transaction out of an envelope that was opened.
    fn again(&mut self) -> Option<InClear> {
        if self.revealed.is_empty() {
            return None;
        }
        let id = self.rng.pick(&self.revealed);
        let sent = &self.sent[&id];
        let Inside::Legs(legs) = &sent.inside else { return None };
        let item = sent.item.clone().filter(|item| item.bundle().is_none())?;
        let was = self.outcomes.get(&id).copied().flatten();
        // One that would run now has a nonce that others count on.
        if was.is_none() || was == Some(RemovalCause::Failed) {
            let sight = match was {
                Some(_) => Sight::DeadInClear,
                None => Sight::RevealedAgain,
            };
            self.told.seen.insert(sight);
            return Some((item, legs.clone(), None));
        }
        None
    }
}

/// How a sequencer breaks its word about the order: it promises what a copy of its lane says, and goes on with another.
impl History {
    fn cheat(&mut self, list: &KeyList) -> Verdict {
        let lie = self.lie.expect("it was just looked at");
        let target = Target { list, bug: self.bug };
        let draw =
            |history: &mut Self| plan::of_kind(&mut history.rng, Kind::Pay, target, &history.model);
        let fork = self.core.lane.clone();
        let one = draw(self);
        match lie {
            Lie::Omit => {
                if self.refusal(&one).is_none() && self.forge(fork, &[&one]) {
                    self.sent.insert(one.id, one);
                    self.lied();
                }
            }
            Lie::Reorder => {
                let first = draw(self);
                if self.seal(first, true)?.is_some() && self.seal(one.clone(), false)?.is_some() {
                    self.lie_if(fork, &[&one]);
                }
            }
            Lie::Insert => {
                let [own, other] = [draw(self), draw(self)];
                let is_first = self.seal(own, true)?.is_some();
                let are_next = is_first
                    && self.seal(one.clone(), false)?.is_some()
                    && self.seal(other.clone(), false)?.is_some();
                if are_next {
                    self.lie_if(fork, &[&one, &other]);
                }
            }
            Lie::TwoOrders => {
                let other = draw(self);
                if self.seal(one, true)?.is_some() {
                    self.lie_if(fork, &[&other]);
                    self.sent.insert(other.id, other);
                }
            }
            _ => self.stale(one)?,
        }
        Ok(())
    }

    fn lie_if(&mut self, fork: Lane, sent: &[&Sent]) {
        if self.forge(fork, sent) {
            self.lied();
        }
    }

    /// Promises what a copy of the lane says about some envelopes; false when it takes none.
    fn forge(&mut self, mut fork: Lane, sent: &[&Sent]) -> bool {
        let mut has_promised = false;
        for sent in sent {
            let mut effects = Vec::new();
            let input = Input::Seal(self.core.submission(&sent.envelope));
            let _ = fork.step(self.now_ms, input, &mut effects);
            for effect in effects {
                let Effect::Positioned { position, item, prev_chain, chain } = effect else {
                    continue;
                };
                let order = self.order(&Given { position, item, prev_chain, chain });
                self.words.forge(Statement::Order(order));
                has_promised = true;
            }
        }
        has_promised
    }

    /// Orders an envelope after the last slot that its payer allowed.
    fn stale(&mut self, sent: Sent) -> Verdict {
        if self.refusal(&sent).is_some() {
            return Ok(());
        }
        let sent = sent.until(SlotNumber::new(self.slot() - 1));
        let mut submission = self.core.submission(&sent.envelope);
        submission.valid_until = SlotNumber::new(u64::MAX);
        let entry = Entry::Seal(submission, Box::new(sent.envelope.clone()));
        let step = self.node(entry)?;
        if let Some(given) = step.given {
            self.ordered(sent)?;
            self.words.forge(Statement::Order(self.order(&given)));
            self.lied();
        }
        Ok(())
    }
}

const fn place(given: &Given) -> PromisedPlace {
    let Given { position, item, prev_chain, chain } = *given;
    PromisedPlace { position, item, prev_chain, chain }
}

/// Returns the promise of a bundle with one place that something else stands before; nothing when none has anything before it.
fn elsewhere(promise: &BundlePromise) -> Option<BundlePromise> {
    let mut other = promise.clone();
    let place = other.places.iter_mut().find(|place| place.position.index > 0)?;
    place.prev_chain = place.item;
    place.chain = chain_next(&place.prev_chain, place.position.index, &place.item);
    other.flaw(&super::cast::domain()).is_none().then_some(other)
}

/// Returns the name under which users hear why an envelope is refused.
const fn name(rejection: &Rejection) -> &'static str {
    use SealedRejection as Why;
    match rejection {
        Rejection::Duplicate { .. } => "duplicate",
        Rejection::Sealed(Why::OtherEpoch { .. }) => "other epoch",
        Rejection::Sealed(Why::NoKey { .. }) => "no key",
        Rejection::Sealed(Why::Expired { .. }) => "expired",
        Rejection::Sealed(Why::TooLate { .. }) => "too late",
        Rejection::Sealed(Why::EpochFull { .. } | Why::PayerFull { .. }) => "full",
        Rejection::Sealed(Why::Deposit { .. }) => "deposit",
        _ => "something else",
    }
}
