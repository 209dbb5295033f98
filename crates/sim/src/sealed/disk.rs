//! What outlives a power cut: a snapshot between two slots, and the log of what came after it.

use super::{
    cast::domain,
    core::{Core, EpochData, Step, config, stopped},
    sweep::Bug,
};
use crate::{check::Violation, history::Parts};
use alloy_primitives::{B256, keccak256};
use std::{collections::BTreeMap, sync::Arc};
use weft_crypto::{Envelope, EpochSecret, KeyList};
use weft_lane::{Input, KeyAnnouncement, Lane, SealedSubmission, Sealing, Standing};
use weft_types::{Decode as _, Encode as _, Item, Position, SlotNumber};

/// Something that a node does, as its log has it.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Lane(Input),
    Announce(KeyAnnouncement, Arc<KeyList>),
    Submit(Box<Item>),
    Seal(SealedSubmission, Box<Envelope>),
    Reveal(EpochSecret),
}

/// A node between two slots.
#[derive(Debug)]
struct Snapshot {
    standing: Vec<u8>,
    sealing: Vec<u8>,
    recent: Vec<(Position, B256)>,
    parts: Parts,
    epochs: BTreeMap<u64, EpochData>,
}

/// What is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    snapshot: Option<Snapshot>,
    log: Vec<(u64, Entry)>,
}

impl Core {
    /// Does something at a time.
    pub(crate) fn act(&mut self, now_ms: u64, entry: Entry) -> Result<Step, Violation> {
        match entry {
            Entry::Lane(input) => self.step(now_ms, input),
            Entry::Announce(key, list) => {
                let epoch = key.epoch;
                let step = self.step(now_ms, Input::Announce(key))?;
                if step.refused.is_none() {
                    let data = EpochData { list, envelopes: Vec::new(), secret: None, begun: None };
                    self.epochs.insert(epoch, data);
                }
                Ok(step)
            }
            Entry::Submit(item) => self.submit(now_ms, &item),
            Entry::Seal(submission, envelope) => self.seal(now_ms, submission, &envelope),
            Entry::Reveal(secret) => self.reveal(now_ms, secret),
        }
    }

    /// Returns a hash of everything that a restart must find again.
    pub(crate) fn digest(&self) -> B256 {
        let mut bytes = self.lane.sealing().encode();
        bytes.extend_from_slice(self.lane.parent().as_slice());
        bytes.extend(self.lane.open_slot().map(|header| header.encode()).unwrap_or_default());
        for network in super::cast::ROLLUPS {
            bytes.extend_from_slice(self.realm.head(network).expect("it runs here").1.as_slice());
        }
        for data in self.epochs.values() {
            data.envelopes.iter().for_each(|envelope| {
                bytes.extend_from_slice(envelope.id(&domain()).as_slice());
            });
        }
        keccak256(bytes)
    }
}

impl Disk {
    /// Writes down something that was done.
    pub(crate) fn note(&mut self, now_ms: u64, entry: Entry) {
        self.log.push((now_ms, entry));
    }

    /// Loses the last entry, which was not flushed.
    pub(crate) fn lose_last(&mut self) {
        self.log.pop();
    }

    /// Takes a snapshot, if the node is between two items.
    pub(crate) fn snapshot(&mut self, core: &Core) -> bool {
        let Some(standing) = core.lane.standing() else { return false };
        let last = standing.last.map_or(0, |last| last.number.get());
        let recent = (0..=last).flat_map(|slot| core.lane.recent_in(SlotNumber::new(slot)));
        self.snapshot = Some(Snapshot {
            standing: standing.encode(),
            sealing: core.lane.sealing().encode(),
            recent: recent.collect(),
            parts: Parts::of(&core.realm),
            epochs: core.epochs.clone(),
        });
        self.log.clear();
        true
    }

    /// Starts a node over what is on the disk.
    pub(crate) fn recover(&self, bug: Option<Bug>) -> Result<Core, Violation> {
        let mut core = match &self.snapshot {
            None => Core::new(bug),
            Some(snapshot) => snapshot.core(bug)?,
        };
        for (now_ms, entry) in &self.log {
            core.act(*now_ms, entry.clone())?;
        }
        Ok(core)
    }
}

impl Snapshot {
    fn core(&self, bug: Option<Bug>) -> Result<Core, Violation> {
        let failed = |error: &dyn std::fmt::Display| stopped(&error.to_string());
        let standing = Standing::decode(&self.standing).map_err(|error| failed(&error))?;
        let sealing = Sealing::decode(&self.sealing).map_err(|error| failed(&error))?;
        let lane = Lane::resume(domain(), config(), standing, self.recent.iter().copied());
        let lane = lane.map_err(|error| failed(&error))?.with_sealing(sealing);
        let open = lane.open_slot().cloned();
        let mut core = Core {
            lane,
            realm: self.parts.realm(domain()),
            epochs: self.epochs.clone(),
            bug,
            sealed: Vec::new(),
            plaintext: Vec::new(),
        };
        open.iter().try_for_each(|header| core.open(header))?;
        Ok(core)
    }
}
