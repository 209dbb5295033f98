//! A closed epoch in its turn: every envelope gets its verdict, and every item its outcome (P11).

use super::{super::Engine, Sealing};
use crate::{
    batches::Recorder,
    sealing::{Found, Unsealing},
};
use alloy_primitives::B256;
use std::vec;
use weft_batch::{EpochOpening, Revealed, SignedRelease, Squared};
use weft_crypto::{Carriage, EpochSecret};
use weft_derive::terms;
use weft_lane::{Input, Rejection, Turn};
use weft_types::{Item, NetworkId, Opening, Parts, Sealed};

/// Items of an epoch that did not have their turn yet.
#[derive(Debug)]
pub(super) struct Running {
    epoch: u64,
    /// How its secret came to light, until its first part ran.
    revealed: Revealed,
    items: vec::IntoIter<(Carriage, Found)>,
}

impl Engine {
    /// Opens the envelopes of a closed epoch beside everything else; its items run as soon as that is done, and what waited
    /// for the nonces of its transactions after them.
    pub(super) fn reveal(&mut self, epoch: u64, secret: EpochSecret) -> Result<(), Rejection> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        // Both ways may end at the same time.
        if self.lane.sealing().closed(epoch).is_none() || !sealing.unsealing.insert(epoch) {
            return Ok(());
        }
        match self.unsealing(epoch, &secret) {
            Ok(unsealing) => self.committee().unseal(unsealing),
            Err(why) => self.break_down(why),
        }
        Ok(())
    }

    /// Opens a closed epoch whose puzzle is solved.
    pub(super) fn solved(
        &mut self,
        epoch: u64,
        secret: EpochSecret,
        squared: Option<Box<Squared>>,
    ) -> Result<(), Rejection> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        if self.lane.sealing().closed(epoch).is_some() {
            sealing.squared.extend(squared.map(|squared| (epoch, squared)));
        }
        self.reveal(epoch, secret)
    }

    fn unsealing(&mut self, epoch: u64, secret: &EpochSecret) -> Result<Unsealing, String> {
        let travels = self.batches.is_some();
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let list = sealing.read(epoch)?;
        let envelopes = sealing.envelopes.get(&epoch).ok_or("its envelopes are not known")?.clone();
        Ok(Unsealing { list, secret: secret.clone(), envelopes, travels })
    }

    /// Lets an epoch run whose envelopes are open.
    pub(super) fn unsealed(
        &mut self,
        epoch: u64,
        secret: EpochSecret,
        found: Vec<Found>,
    ) -> Result<(), Rejection> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        sealing.unsealing.remove(&epoch);
        if self.lane.sealing().closed(epoch).is_none() {
            return Ok(());
        }
        sealing.found = Some((epoch, found));
        self.revealed(self.now_ms, epoch, secret)?;
        self.go_on_opening();
        self.admit_waiting();
        Ok(())
    }

    /// Opens slots until every item of the epoch that is being opened had its turn, and a last one where those took the room
    /// of everything else.
    pub(in super::super) fn go_on_opening(&mut self) {
        let mut is_crowded = false;
        while self.lane.sealing().opening().is_some() && !self.is_broken() {
            self.next_slot();
            is_crowded = self.batches.as_ref().is_some_and(Recorder::is_crowded);
        }
        if is_crowded {
            self.next_slot();
        }
    }

    fn next_slot(&mut self) {
        self.step(Input::Close).expect("slots can always be closed");
        self.step(Input::Tick).expect("ticks are never refused");
    }

    /// Runs items of a closed epoch, in the slot that just opened.
    pub(in super::super) fn open_epoch(
        &mut self,
        epoch: u64,
        is_late: bool,
        listed: &[NetworkId],
        turns: &[Turn],
    ) {
        let part = match is_late {
            true => self.late(epoch, turns.len()),
            false => self.part(epoch, turns.len()),
        };
        let config = self.lane.config().sealing.clone();
        let part = match (part, config) {
            (Ok(part), Some(config)) => part.into_iter().map(move |(carriage, opening)| {
                let terms = terms(&config, &carriage);
                (terms, opening)
            }),
            (Err(why), _) => {
                return self.break_down(format!("epoch {epoch} cannot be opened: {why}"));
            }
            (Ok(_), None) => unreachable!("the lane takes sealed items"),
        };
        for (turn, (terms, opening)) in turns.iter().zip(part) {
            let (envelope, listed) = (turn.item, listed.to_vec());
            let item = Item::Sealed(Sealed { envelope, terms, listed, opening });
            self.items_in_slot += 1;
            self.outbox.runs(turn.chain);
            // What cannot run breaks the realm, which has been said.
            let _ = self.settle(turn.position, &item, turn.item);
        }
    }

    fn late(&mut self, epoch: u64, turns: usize) -> Result<Vec<(Carriage, Opening)>, String> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let envelopes = sealing.envelopes.remove(&epoch).unwrap_or_default();
        if envelopes.len() != turns {
            return Err("envelopes are lost".to_owned());
        }
        Ok(envelopes.iter().map(|known| (*known.carriage(), Opening::Late)).collect())
    }

    /// Takes so many items of the epoch that is being opened, in the order of their positions.
    fn part(&mut self, epoch: u64, turns: usize) -> Result<Vec<(Carriage, Opening)>, String> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        if sealing.running.as_ref().is_none_or(|running| running.epoch != epoch) {
            self.begin(epoch)?;
        }
        let is_last = self.lane.sealing().opening() != Some(epoch);
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let running = sealing.running.as_mut().ok_or("it did not begin")?;
        let revealed = std::mem::take(&mut running.revealed);
        let part: Vec<_> = running.items.by_ref().take(turns).collect();
        if part.len() != turns || is_last != (running.items.len() == 0) {
            return Err("envelopes are lost".to_owned());
        }
        let (mut items, mut travelling) = (Vec::with_capacity(turns), Vec::new());
        for (carriage, found) in part {
            let (opening, travels) = found.ok_or("nobody here has an envelope of it")?;
            items.push((carriage, opening));
            travelling.extend(travels);
        }
        let secret = sealing.secrets.get(&epoch).ok_or("its secret is not known")?;
        if let Some(batches) = &mut self.batches {
            let secret = B256::new(secret.secret().to_bytes());
            batches.revealed(EpochOpening { epoch, secret, revealed, items: travelling });
        }
        if is_last {
            sealing.running = None;
            sealing.secrets.remove(&epoch);
        }
        Ok(items)
    }

    /// Begins with an epoch whose secret is known.
    fn begin(&mut self, epoch: u64) -> Result<(), String> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let secret = sealing.secrets.get(&epoch).ok_or("its secret is not known")?.clone();
        let found = match sealing.found.take().filter(|(of, _)| *of == epoch) {
            Some((_, found)) => found,
            None => self.unsealing(epoch, &secret)?.run(),
        };
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let envelopes = sealing.envelopes.remove(&epoch).unwrap_or_default();
        if envelopes.len() != found.len() {
            return Err("envelopes are lost".to_owned());
        }
        let config = self.lane.config().sealing.as_ref().ok_or("the lane takes no sealed items")?;
        let mut parts = Parts::new(self.domain, epoch);
        let carriages = envelopes.iter().map(|known| *known.carriage());
        let in_turn = |(carriage, found): (Carriage, Found)| {
            let terms = terms(config, &carriage);
            let turned = found.map(|(opening, travels)| (parts.turn(&terms, opening), travels));
            (carriage, turned)
        };
        let items: Vec<_> = carriages.zip(found).map(in_turn).collect();
        let revealed = sealing.take_revealed(epoch)?;
        sealing.running = Some(Running { epoch, revealed, items: items.into_iter() });
        Ok(())
    }
}

impl Sealing {
    /// Takes what shows that an epoch's secret came to light for the order that stands (P17, T12); nothing where the committee is
    /// in process.
    fn take_revealed(&mut self, epoch: u64) -> Result<Revealed, String> {
        if let Some(shown) = self.shown.remove(&epoch) {
            return Ok(shown);
        }
        let released = self.releases.remove(&epoch).unwrap_or_default();
        let squared = self.squared.remove(&epoch);
        if !self.options.is_apart() {
            return Ok(Revealed::default());
        }
        let signed = released.iter().filter_map(|released| {
            let member = released.release.member;
            released.signature.map(|signature| SignedRelease { member, signature })
        });
        let mut releases: Vec<_> = signed.collect();
        releases.sort_unstable_by_key(|release| release.member);
        // Who squares while the last member releases has squared in vain.
        let is_complete = releases.len() == self.read(epoch)?.shares().len();
        Ok(Revealed { releases, squared: squared.filter(|_| !is_complete).map(|squared| *squared) })
    }
}
