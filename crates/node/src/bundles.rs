//! Bundles whose marked legs are still coming (P18).

use alloy_primitives::{Address, B256, map::B256Set};
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};
use weft_types::{BundleId, Leg, LegShape, NetworkId, SafetyLevel, SignedTx};

/// A bundle that was described and waits for its legs.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) salt: B256,
    pub(crate) level: SafetyLevel,
    pub(crate) shapes: Vec<LegShape>,
    /// Signed legs that have come.
    pub(crate) held: Vec<Option<SignedTx>>,
}

impl Prepared {
    /// Returns the signed legs that have come.
    pub(crate) fn held_legs(&self) -> Vec<Leg> {
        let legs = self.shapes.iter().zip(&self.held).filter_map(|(shape, tx)| {
            Some(Leg { network: shape.network, tx: tx.clone()?, may_revert: shape.may_revert })
        });
        legs.collect()
    }
}

/// What holding a leg led to.
#[derive(Debug)]
pub(crate) enum Held {
    /// Other legs are still missing.
    Waiting,
    /// All legs are here.
    Complete(Prepared),
}

/// Why a leg is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// No such bundle is waited for.
    Unknown,
    /// The bundle has no such leg.
    NotALeg,
}

/// Bundles that wait for their legs, within bounds.
#[derive(Debug, Clone)]
pub(crate) struct Bundles {
    max: usize,
    ttl: Duration,
    prepared: BTreeMap<BundleId, Prepared>,
    deadlines: VecDeque<(Instant, BundleId)>,
    /// Hashes of the signed legs that are here.
    hashes: B256Set,
    version: u64,
}

impl Bundles {
    pub(crate) fn new(max: usize, ttl: Duration) -> Self {
        let (prepared, deadlines) = (BTreeMap::new(), VecDeque::new());
        Self { max, ttl, prepared, deadlines, hashes: B256Set::default(), version: 0 }
    }

    /// Starts waiting for a bundle; preparing one again changes nothing. When too many wait, the oldest of which no leg
    /// has come makes room, as describing one costs nothing; false when there is none.
    pub(crate) fn prepare(&mut self, id: BundleId, prepared: Prepared) -> bool {
        if self.prepared.contains_key(&id) {
            return true;
        }
        if self.prepared.len() >= self.max && !self.make_room() {
            return false;
        }
        self.version += 1;
        self.hashes.extend(prepared.held.iter().flatten().map(SignedTx::hash));
        self.deadlines.push_back((Instant::now() + self.ttl, id));
        self.prepared.insert(id, prepared);
        true
    }

    /// Forgets the oldest bundle of which no leg has come; false when legs of all of them have.
    fn make_room(&mut self) -> bool {
        let has_legs = |prepared: &Prepared| prepared.held.iter().any(Option::is_some);
        let idle = |id: &BundleId| self.prepared.get(id).is_some_and(|other| !has_legs(other));
        let Some(oldest) = self.deadlines.iter().position(|(_, id)| idle(id)) else { return false };
        self.deadlines.remove(oldest).is_some_and(|(_, id)| self.prepared.remove(&id).is_some())
    }

    pub(crate) fn get(&self, id: BundleId) -> Option<&Prepared> {
        self.prepared.get(&id)
    }

    /// Takes a leg of a bundle; the same leg signed again takes the place of the first.
    pub(crate) fn hold(
        &mut self,
        id: BundleId,
        network: NetworkId,
        tx: &SignedTx,
    ) -> Result<Held, NotHeld> {
        let prepared = self.prepared.get_mut(&id).ok_or(NotHeld::Unknown)?;
        let leg = Leg { network, tx: tx.clone(), may_revert: false };
        let mut shape = LegShape::of(&leg);
        let mut matching = Vec::new();
        for (index, expected) in prepared.shapes.iter().enumerate() {
            shape.may_revert = expected.may_revert;
            if shape == *expected {
                matching.push(index);
            }
        }
        let first = *matching.first().ok_or(NotHeld::NotALeg)?;
        let free = matching.iter().copied().find(|index| prepared.held[*index].is_none());
        self.version += 1;
        let old = prepared.held[free.unwrap_or(first)].replace(tx.clone());
        let is_waiting = prepared.held.iter().any(Option::is_none);
        self.hashes.insert(tx.hash());
        if let Some(old) = old.filter(|old| old.hash() != tx.hash()) {
            self.hashes.remove(&old.hash());
        }
        if is_waiting {
            return Ok(Held::Waiting);
        }
        Ok(Held::Complete(self.forget(id).expect("it was just found")))
    }

    /// Stops waiting for a bundle.
    pub(crate) fn forget(&mut self, id: BundleId) -> Option<Prepared> {
        let prepared = self.take(id)?;
        self.version += 1;
        self.deadlines.retain(|(_, other)| *other != id);
        Some(prepared)
    }

    fn take(&mut self, id: BundleId) -> Option<Prepared> {
        let prepared = self.prepared.remove(&id)?;
        for tx in prepared.held.iter().flatten() {
            self.hashes.remove(&tx.hash());
        }
        Some(prepared)
    }

    /// Returns true when a signed leg is here.
    pub(crate) fn holds(&self, hash: &B256) -> bool {
        self.hashes.contains(hash)
    }

    /// Takes every bundle whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(BundleId, Prepared)> {
        let mut expired = Vec::new();
        while let Some((deadline, id)) = self.deadlines.front().copied()
            && deadline <= now
        {
            self.version += 1;
            self.deadlines.pop_front();
            expired.extend(self.take(id).map(|prepared| (id, prepared)));
        }
        expired
    }

    /// Returns a number that differs after every change.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns the bundles in the order in which they expire.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (BundleId, &Prepared)> {
        let ids = self.deadlines.iter();
        ids.filter_map(|(_, id)| self.prepared.get(id).map(|prepared| (*id, prepared)))
    }

    /// Returns the held legs with their bundles.
    pub(crate) fn held(&self) -> impl Iterator<Item = (BundleId, NetworkId, &SignedTx)> {
        self.prepared.iter().flat_map(|(id, prepared)| {
            let legs = prepared.shapes.iter().zip(&prepared.held);
            legs.filter_map(|(shape, tx)| Some((*id, shape.network, tx.as_ref()?)))
        })
    }

    /// Returns true when a held leg of `sender` has this nonce.
    pub(crate) fn holds_nonce(&self, network: NetworkId, sender: Address, nonce: u64) -> bool {
        use alloy_consensus::Transaction as _;
        self.held().any(|(_, on, tx)| {
            on == network && tx.sender() == sender && tx.envelope().nonce() == nonce
        })
    }
}
