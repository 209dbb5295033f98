//! Sealed items: keys, their order, and what they turn out to be (P10-P13, P17, P40).

use crate::{
    admission::terms,
    derivation::Derivation,
    legs::Legs,
    lie::{Lie, LieKind},
    slot::Passage,
    underivable::Underivable,
};
use alloc::{boxed::Box, format, string::ToString as _, vec, vec::Vec};
use alloy_primitives::{Address, B256, U256};
use weft_batch::{EpochOpening, Opened, Ordered, Revealed};
use weft_contracts::fee_vault_slot;
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, KeyList, Verdict,
    curve::Secret,
};
use weft_evm::Begin;
use weft_lane::{Effect, Input, KeyAnnouncement, SealedSubmission, SealingConfig, Turn};
use weft_types::{FEE_VAULT, Item, Leg, NetworkId, Opening, Parts, Sealed};

/// An epoch with a key that is not opened.
#[derive(Debug, Clone)]
pub(crate) struct Epoch {
    list: KeyList,
    /// Envelopes in the order of their positions.
    ordered: Vec<Ordered>,
    /// Parts of bundles among those that had their turn.
    parts: Parts,
}

/// Items of an epoch that have their turns in one slot.
#[derive(Debug)]
pub(crate) struct Part {
    /// Rollups that there are for them: those that the last header of their epoch listed (P8, T1).
    pub(crate) listed: Vec<NetworkId>,
    pub(crate) turns: Vec<Turn>,
}

impl<S: Begin> Derivation<S> {
    fn sealing(&self, passage: &Passage<'_>) -> Result<SealingConfig, Lie> {
        let config = self.config.lane.sealing.clone();
        config.ok_or_else(|| passage.lie(LieKind::NoSealing))
    }

    pub(crate) fn announce(&mut self, passage: &Passage<'_>) -> Result<(), Lie> {
        for announced in &passage.slot.keys {
            let Some(setup) = &self.setup else { return Err(passage.lie(LieKind::NoSealing)) };
            let list = KeyList::decode(setup, &self.config.domain, &announced.list);
            let list = list.map_err(|error| passage.lie(LieKind::KeyList(error.to_string())))?;
            if let Some(member) = self.stranger(&list) {
                let why = format!("the realm has no member {member}");
                return Err(passage.lie(LieKind::KeyList(why)));
            }
            let key = KeyAnnouncement {
                epoch: list.epoch(),
                list: list.id(),
                members: list.shares().keys().copied().collect(),
                close_at_ms: announced.close_at_ms,
            };
            let stepped = self.step(passage.now_ms(), Input::Announce(key));
            stepped.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
            let parts = Parts::new(self.config.domain, list.epoch());
            self.epochs.insert(list.epoch(), Epoch { list, ordered: Vec::new(), parts });
        }
        Ok(())
    }

    /// Gives envelopes their order, with the deposits of their payers after the last block (P13).
    pub(crate) fn seal(&mut self, passage: &mut Passage<'_>) -> Result<(), Underivable<S::Error>> {
        for ordered in &passage.slot.sealed {
            let config = self.sealing(passage)?;
            let Ordered { envelope, carriage, .. } = ordered;
            let epoch = carriage.epoch;
            let Some(known) = self.epochs.get(&epoch) else {
                return Err(passage.lie(LieKind::Epoch { epoch, why: "it has no key" }).into());
            };
            let submission = SealedSubmission {
                item: *envelope,
                epoch,
                list: known.list.id(),
                valid_until: carriage.valid_until,
                payer: carriage.payer,
                home: carriage.deposit,
                size_bytes: carriage.size.bytes() as u64,
                gas_limit: carriage.gas.gas_limit(),
                max_fee_wei: carriage.max_fee_wei,
                deposit_wei: self.deposit_wei(&config, carriage.payer)?,
            };
            let stepped = self.step(passage.now_ms(), Input::Seal(submission));
            stepped.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
            if !ordered.is_signed() {
                let (envelope, payer) = (*envelope, carriage.payer);
                return Err(passage.lie(LieKind::Payer { envelope, payer }).into());
            }
            let known = self.epochs.get_mut(&epoch).expect("looked at above");
            known.ordered.push(ordered.clone());
            passage.sealed.push(*envelope);
            passage.has_items = true;
        }
        Ok(())
    }

    fn deposit_wei(
        &self,
        config: &SealingConfig,
        payer: Address,
    ) -> Result<u128, Underivable<S::Error>> {
        let Some(state) = self.realm.state(config.home) else { return Ok(0) };
        let word = state.storage_ref(FEE_VAULT, fee_vault_slot(payer));
        let word = word.map_err(Underivable::State)?;
        Ok((word & U256::from(u128::MAX)).to())
    }

    /// Gives up what is ordered and not opened: what it holds is nowhere on L1, which went on without whoever has it (ADR 0061).
    pub(crate) fn give_up(&mut self) {
        let given_up = self.step(0, Input::GiveUp);
        assert_eq!(given_up, Ok(vec![]), "no slot is open between batches");
        let lane = self.lane.sealing();
        self.epochs.retain(|epoch, _| lane.open(*epoch).is_some());
        self.epochs.values_mut().for_each(|epoch| epoch.ordered.clear());
    }

    /// Lets the epoch run that is opened in this slot, or so much of it as one slot takes.
    pub(crate) fn opening(
        &mut self,
        passage: &mut Passage<'_>,
        legs: &mut dyn Legs,
    ) -> Result<(), Underivable<S::Error>> {
        let goes_on = passage.goes_on.take();
        let Some(opening) = &passage.slot.opening else {
            let Some((epoch, _)) = goes_on else { return Ok(()) };
            return Err(passage.lie(LieKind::Epoch { epoch, why: "does not go on" }).into());
        };
        let epoch = opening.epoch;
        let wrong = |why| passage.lie(LieKind::Epoch { epoch, why });
        if goes_on.as_ref().is_some_and(|(other, _)| *other != epoch) {
            return Err(wrong("comes before the rest of another one").into());
        }
        if passage.has_items {
            return Err(wrong("runs beside another one").into());
        }
        let config = self.sealing(passage)?;
        let mut known = self.epochs.remove(&epoch).ok_or_else(|| wrong("does not wait"))?;
        let secret = Secret::from_bytes(&opening.secret.0);
        let secret = secret.and_then(|secret| known.list.fitting(&secret));
        let secret = secret.ok_or_else(|| passage.lie(LieKind::Secret { epoch }))?;
        let part = match goes_on {
            Some(_) if opening.revealed != Revealed::default() => {
                return Err(wrong("says again how its secret came to light").into());
            }
            Some((_, part)) => part,
            None => {
                self.check_revealed(passage, &known.list, &secret, opening)?;
                self.reveal(passage, epoch, known.list.id())?
            }
        };
        let turns = part.turns.len();
        if turns != opening.items.len() || turns > known.ordered.len() {
            return Err(wrong("has another number of items").into());
        }
        let rest = known.ordered.split_off(turns);
        self.run_opened(passage, legs, &config, &mut known, &secret, opening, &part)?;
        if !rest.is_empty() {
            self.epochs.insert(epoch, Epoch { ordered: rest, ..known });
        }
        Ok(())
    }

    fn reveal(&mut self, passage: &Passage<'_>, epoch: u64, list: B256) -> Result<Part, Lie> {
        let stepped = self.step(passage.now_ms(), Input::Reveal { epoch, list });
        let effects = stepped.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
        let part = effects.into_iter().find_map(|effect| match effect {
            Effect::Opening { listed, turns, .. } => Some(Part { listed, turns }),
            _ => None,
        });
        Ok(part.expect("a reveal that is taken lets an epoch run"))
    }

    #[expect(clippy::too_many_arguments, reason = "an epoch and everything that opens it")]
    fn run_opened(
        &mut self,
        passage: &mut Passage<'_>,
        legs: &mut dyn Legs,
        config: &SealingConfig,
        epoch: &mut Epoch,
        secret: &EpochSecret,
        opening: &EpochOpening,
        part: &Part,
    ) -> Result<(), Underivable<S::Error>> {
        let scheme = EpochKeyScheme::new(&epoch.list);
        let listed = &part.listed;
        for ((turn, opened), ordered) in part.turns.iter().zip(&opening.items).zip(&epoch.ordered) {
            let carriage = &ordered.carriage;
            let opening = Unsealing { scheme: &scheme, carriage, secret, envelope: turn.item };
            let opening = opening.of(opened, legs);
            let opening = opening.map_err(|kind| passage.lie(kind).position(turn.position))?;
            let terms = terms(config, carriage);
            let opening = epoch.parts.turn(&terms, opening);
            let (envelope, listed) = (turn.item, listed.clone());
            self.run_turn(passage, turn, Sealed { envelope, terms, listed, opening })?;
        }
        Ok(())
    }

    /// Removes what was ordered too late (P17).
    pub(crate) fn run_late(
        &mut self,
        passage: &mut Passage<'_>,
        epoch: u64,
        part: Part,
    ) -> Result<(), Underivable<S::Error>> {
        let config = self.sealing(passage)?;
        let known = self.epochs.remove(&epoch).expect("the lane knows epochs with keys only");
        for (turn, ordered) in part.turns.iter().zip(&known.ordered) {
            let terms = terms(&config, &ordered.carriage);
            let (envelope, listed) = (turn.item, part.listed.clone());
            let sealed = Sealed { envelope, terms, listed, opening: Opening::Late };
            self.run_turn(passage, turn, sealed)?;
        }
        Ok(())
    }
}

/// One envelope with everything that opens it.
struct Unsealing<'a> {
    scheme: &'a EpochKeyScheme,
    carriage: &'a Carriage,
    secret: &'a EpochSecret,
    /// Hash of the envelope that was ordered.
    envelope: B256,
}

impl Unsealing<'_> {
    /// Makes the envelope again and returns what it holds.
    fn of(&self, opened: &Opened, legs: &mut dyn Legs) -> Result<Opening, LieKind> {
        let envelope = opened.envelope(self.scheme, self.carriage);
        let too_long = LieKind::Verdict { claimed: "a plaintext longer than its envelope" };
        let envelope = envelope.map_err(|_| too_long)?;
        self.check(&envelope)?;
        match opened {
            Opened::Transaction { leg, .. } => {
                let (network, may_revert) = (leg.network, leg.may_revert);
                let tx = legs.next(leg);
                let item = tx.map(|tx| Item::Transaction(Leg { network, tx, may_revert }));
                Ok(item.map_or(Opening::Malformed, |item| Opening::Opened(Box::new(item))))
            }
            Opened::Other { plaintext, .. } => {
                let item = Item::from_plaintext(plaintext);
                Ok(item.map_or(Opening::Malformed, |item| Opening::Opened(Box::new(item))))
            }
            Opened::Malformed { seed, .. } => match self.scheme.verify_opening(&envelope, seed) {
                Ok(Verdict::Malformed { .. }) => Ok(Opening::Malformed),
                _ => Err(LieKind::Verdict { claimed: "malformed" }),
            },
            Opened::Undecryptable { .. } => match self.scheme.open(&envelope, self.secret) {
                Ok(Verdict::Undecryptable) => Ok(Opening::Undecryptable),
                _ => Err(LieKind::Verdict { claimed: "undecryptable" }),
            },
        }
    }

    fn check(&self, envelope: &Envelope) -> Result<(), LieKind> {
        let (found, ordered) = (envelope.id(self.scheme.domain()), self.envelope);
        if found == ordered { Ok(()) } else { Err(LieKind::Envelope { found, ordered }) }
    }
}
