//! What L1 says of sealed items, where a realm goes on from there: envelopes that are made again or known by their carriage alone,
//! epochs that were opened, and what was given up (P41, P46).

use super::super::Engine;
use crate::{
    outcomes::{Fate, Record as Became},
    record::Record,
    rpc::errors::{RpcError, RpcResult},
    sealing::Known,
};
use alloy_primitives::B256;
use std::collections::BTreeSet;
use weft_batch::{Opened, Ordered, Revealed};
use weft_crypto::{EpochKeyScheme, curve::Secret};
use weft_lane::{Input, SealedItem};
use weft_types::{Signature, SlotNumber};

/// What is said of an item that was given up.
const GIVEN_UP: &str =
    "given up: L1 went on before it was opened; nothing was charged, and it may be sent again";

impl Engine {
    /// Gives an envelope its order again, in the open slot; `opened` is what it held, where L1 says so.
    pub(in super::super) fn seal_again(
        &mut self,
        now_ms: u64,
        ordered: &Ordered,
        opened: Option<&Opened>,
    ) -> Result<(), String> {
        let Ordered { envelope: item, carriage, signature } = ordered;
        let Some(opened) = opened else {
            self.named(now_ms, *item, Known::Named(*carriage), *signature)?;
            let (item, carriage, signature) = (*item, *carriage, *signature);
            self.note(|| Record::Named { now_ms, item, carriage, signature });
            return Ok(());
        };
        let sealing = self.sealing.as_mut().ok_or("the realm takes no sealed items")?;
        let list = sealing.read(carriage.epoch)?;
        let scheme = EpochKeyScheme::new(&list);
        let envelope = opened.envelope(&scheme, carriage).map_err(|error| error.to_string())?;
        if envelope.id(&self.domain) != *item {
            return Err(format!("envelope {item} is not made of what it is said to hold"));
        }
        self.named(now_ms, *item, Known::Whole(envelope.clone()), *signature)?;
        self.note(|| Record::Sealed { now_ms, envelope, signature: *signature });
        Ok(())
    }

    /// Gives an envelope its order, of which no more may be known than its carriage.
    pub(in super::super) fn named(
        &mut self,
        now_ms: u64,
        item: B256,
        known: Known,
        signature: Signature,
    ) -> Result<(), String> {
        let epoch = known.carriage().epoch;
        let list = self.lane.sealing().open(epoch).map(|open| open.key.list);
        let list = list.ok_or_else(|| format!("epoch {epoch} is not open"))?;
        let submission = self.submission_of(item, list, known.carriage());
        let submission = submission.map_err(|error| error.message)?;
        let step = self.step_at(now_ms, Input::Seal(submission));
        step.map_err(|rejection| rejection.to_string())?;
        self.keep_envelope(item, known, signature);
        Ok(())
    }

    /// Lets a closed epoch run whose secret L1 holds, and how it came to light.
    pub(in super::super) fn open_again(
        &mut self,
        now_ms: u64,
        epoch: u64,
        secret: &Secret,
        revealed: Revealed,
    ) -> Result<(), String> {
        let sealing = self.sealing.as_mut().ok_or("the realm takes no sealed items")?;
        let secret = sealing.read(epoch)?.fitting(secret);
        let secret = secret.ok_or_else(|| format!("not the secret of epoch {epoch}"))?;
        sealing.shown.insert(epoch, revealed);
        self.revealed(now_ms, epoch, secret).map_err(|why| why.to_string())
    }

    /// Gives up what is ordered and not opened, between two slots: L1 went on without it.
    pub(in super::super) fn give_up(&mut self) {
        if self.sealing.is_none() {
            return;
        }
        self.note(|| Record::GiveUp);
        let items: Vec<_> = self.lane.sealing().unopened().copied().collect();
        let mut effects = Vec::new();
        let given_up = self.lane.step(0, Input::GiveUp, &mut effects);
        assert!(given_up.is_ok() && effects.is_empty(), "no slot is open: {effects:?}");
        items.into_iter().for_each(|item| self.outcomes.insert(given_up_item(&item)));
        let lane = self.lane.sealing();
        let Some(sealing) = &mut self.sealing else { return };
        let is_open = |epoch: &u64| lane.open(*epoch).is_some();
        sealing.envelopes.clear();
        (sealing.found, sealing.running) = (None, None);
        sealing.secrets.retain(|epoch, _| is_open(epoch));
        sealing.releases.retain(|epoch, _| is_open(epoch));
        sealing.squared.retain(|epoch, _| is_open(epoch));
        sealing.shown.retain(|epoch, _| is_open(epoch));
        sealing.unsealing.clear();
    }

    /// Returns an item that L1 holds and that nobody here can open.
    pub(in super::super) fn unknown_item(&self) -> Option<SealedItem> {
        let lane = self.lane.sealing();
        // What is late is removed unread.
        let late = lane.waiting().filter(|(_, closed)| closed.is_late);
        let late = late.flat_map(|(_, closed)| &closed.epoch.items);
        let late: BTreeSet<_> = late.map(|item| item.position).collect();
        lane.unopened().find(|item| !late.contains(&item.position)).copied()
    }

    /// Lets nobody seal to the keys that are known by now: they may be older than what was void, and what was released for it
    /// opens them. The next epochs have new ones.
    pub(in super::super) fn leave_keys(&mut self) {
        let announced = self.lane.sealing().announced().map(|(epoch, _)| epoch).max();
        let Some(epoch) = announced else { return };
        self.note(|| Record::LeaveKeys { epoch });
        self.left_keys(epoch);
    }

    pub(in super::super) fn left_keys(&mut self, epoch: u64) {
        let Some(sealing) = &mut self.sealing else { return };
        sealing.void_keys = sealing.void_keys.max(epoch);
    }

    /// Refuses what is sealed to a key that nobody should seal to.
    pub(super) fn check_key_is_good(&self, epoch: u64) -> RpcResult<()> {
        let why = self.key_is_bad(epoch);
        why.map_or(Ok(()), |why| Err(RpcError::sealed_refused("NoKey", why)))
    }

    /// Returns why nobody should seal to the key of an epoch, if so.
    pub(crate) fn key_is_bad(&self, epoch: u64) -> Option<String> {
        let sealing = self.sealing.as_ref()?;
        if epoch <= sealing.void_keys {
            return Some(format!("the key of epoch {epoch} is void: the realm went on from L1"));
        }
        let floor = self.unsigned_closing(epoch).filter(|_| sealing.options.is_apart())?;
        Some(format!(
            "nothing is signed up to slot {floor}, the end of epoch {epoch} neither, and its members release only for what is"
        ))
    }

    /// Returns the last slot in which nothing is signed, where the checkpoint behind an epoch falls into that time (P17).
    fn unsigned_closing(&self, epoch: u64) -> Option<SlotNumber> {
        let config = self.lane.config().sealing.as_ref()?;
        let (_, floor) = self.outbox.promises()?.trouble();
        floor.filter(|floor| config.first_slot(epoch.saturating_add(1)) <= *floor)
    }
}

fn given_up_item(item: &SealedItem) -> Became {
    Became {
        bundle: None,
        protected: false,
        position: Some(item.position),
        fate: Fate::Dropped(GIVEN_UP.to_owned()),
        legs: Vec::new(),
        results: Vec::new(),
        hops: Vec::new(),
        system: Vec::new(),
        envelope: Some(item.item),
    }
}
