//! Epochs of batches that run again: keys, orders, openings and their ends, in the order in which derivation has them
//! (P2, P10-P13, P17).

use super::{super::Engine, Adoption};
use crate::record::Record;
use alloy_primitives::B256;
use weft_batch::{Opened, Slot};
use weft_crypto::{KeyList, curve::Secret};
use weft_derive::{Legs as _, Recovered};
use weft_lane::{Input, KeyAnnouncement};

impl Adoption<'_> {
    /// Lets the epoch run that is opened in this slot. The rest of one that went on is running by now.
    pub(super) fn opening(
        &mut self,
        slot: &Slot,
        goes_on: bool,
        legs: &mut Recovered,
    ) -> Result<(), String> {
        let Some(opening) = &slot.opening else { return Ok(()) };
        for opened in &opening.items {
            if let Opened::Transaction { leg, .. } = opened {
                // Who recovered senders ahead counts those in envelopes.
                let _ = legs.next(leg);
            }
        }
        if goes_on {
            return Ok(());
        }
        let secret = Secret::from_bytes(&opening.secret.0).ok_or("a secret that is none")?;
        let revealed = opening.revealed.clone();
        self.engine.open_again(slot.unix_ms, opening.epoch, &secret, revealed)?;
        self.engine.broken.clone().map_or(Ok(()), Err)
    }

    pub(super) fn announce(&mut self, slot: &Slot) -> Result<(), String> {
        for announced in &slot.keys {
            let sealing = self.engine.sealing.as_ref().ok_or("the realm takes no sealed items")?;
            let list = KeyList::decode(&sealing.setup, &self.engine.domain, &announced.list);
            let list = list.map_err(|error| error.to_string())?;
            let key = KeyAnnouncement {
                epoch: list.epoch(),
                list: list.id(),
                members: list.shares().keys().copied().collect(),
                close_at_ms: announced.close_at_ms,
            };
            let (now_ms, bytes) = (slot.unix_ms, announced.list.clone());
            let said = self.engine.announced(now_ms, key.clone(), bytes.clone());
            said.map_err(|rejection| rejection.to_string())?;
            self.engine.note(|| Record::KeyList { now_ms, key, bytes });
        }
        Ok(())
    }

    pub(super) fn seal(&mut self, slot: &Slot) -> Result<(), String> {
        for ordered in &slot.sealed {
            let opened = self.held.next();
            self.engine.seal_again(slot.unix_ms, ordered, opened)?;
        }
        Ok(())
    }

    /// Ends the last slot of an epoch that closed too late: at the first moment that is, as derivation has it (P17).
    pub(super) fn close_late(&mut self, unix_ms: u64) -> Result<(), String> {
        let lane = &self.engine.lane;
        let epoch = lane.open_slot().map_or(0, |header| header.epoch);
        let open = lane.sealing().open(epoch).ok_or("no epoch ends here that could be late")?;
        let now_ms = unix_ms.max(open.key.close_at_ms.saturating_add(1));
        if lane.closes_at_ms().is_some_and(|end| end <= now_ms) {
            self.engine.note(|| Record::Expired { now_ms });
            self.engine.expire(now_ms)?;
        } else {
            self.close(now_ms)?;
        }
        self.engine.broken.clone().map_or(Ok(()), Err)
    }

    /// Sees to it that nothing waits that nobody here could open, and leaves the keys of what was.
    pub(super) fn end_epochs(&mut self) -> Result<(), String> {
        if let Some(item) = self.engine.unknown_item() {
            let (item, slot) = (item.item, item.position.slot);
            return Err(format!(
                "envelope {item} of slot {slot} is ordered and not opened, and L1 does not hold it. With the data directory that \
                 has it the node goes on by itself; without, the realm goes on behind an inbox-only batch, which gives up what \
                 is sealed: `weft l1 post-inbox` posts one once the hub has heard of no batch for its silence window and an \
                 entry waits in the inbox (a deposit will do). Run this again then"
            ));
        }
        self.engine.leave_keys();
        Ok(())
    }
}

impl Engine {
    /// Lets the open slot end, whose time is over, and opens none.
    pub(in super::super) fn expire(&mut self, now_ms: u64) -> Result<(), String> {
        // Any input ends such a slot; this one does nothing else.
        let step = self.step_at(now_ms, Input::Release { item: B256::ZERO });
        step.map(|_| ()).map_err(|rejection| rejection.to_string())
    }
}
