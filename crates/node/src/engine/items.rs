//! From an item to its outcome.

use super::Engine;
use crate::{
    metrics::Stage,
    outcomes::{Fate, LegRef, Record},
    pool::Lane,
    record::Record as Noted,
    rpc::errors::{RpcError, RpcResult},
    store::Origin,
    turns::Priority,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use weft_derive::{is_dead, submission};
use weft_evm::Applied;
use weft_lane::{Input, Rejection};
use weft_types::{
    Bundle, BundleId, Item, Leg, NetworkId, Opening, Outcome, Part, Position, Sealed,
};

/// Where an item is after it was submitted.
#[derive(Debug)]
pub(crate) enum Ran {
    /// It has a position and this outcome.
    Decided(Outcome),
    /// It waits for the next slot.
    Waits,
}

impl Engine {
    /// Gives an item a position and executes it; one that does not fit, and everything before an auction, waits for
    /// the next slot (ADR 0016).
    pub(super) fn run_or_wait(&mut self, item: Item) -> RpcResult<Ran> {
        self.check_removals(&item)?;
        if self.config.priority == Priority::Fees {
            self.check_bundle_nonces(&item)?;
            self.fits(&item)?;
        } else if let Some((outcome, lanes)) = self.run_item(&item)? {
            self.promote(lanes);
            return Ok(Ran::Decided(outcome));
        }
        self.wait(item)?;
        Ok(Ran::Waits)
    }

    /// Gives an item a position and executes it; returns its outcome and whose nonces it used, or `None` when the open
    /// slot has no room.
    pub(super) fn run_item(&mut self, item: &Item) -> RpcResult<Option<(Outcome, BTreeSet<Lane>)>> {
        self.check_bundle_nonces(item)?;
        if let Some(why) = &self.broken {
            return Err(RpcError::new(-32603, format!("the node stops: {why}")));
        }
        if !self.fits(item)? {
            return Ok(None);
        }
        let hash = item.hash(&self.domain);
        let position = match self.step(Input::Submit(submission(item, hash))) {
            Ok(position) => position.expect("accepted submissions have a position"),
            Err(rejection) => return refused(item, rejection).map(|()| None),
        };
        let now_ms = self.now_ms;
        self.note(|| Noted::Item { now_ms, item: item.clone() });
        let settled = self.settle(position, item, hash)?;
        if matches!(settled.0, Outcome::Removed(_)) {
            let gas = gas_limits(item.legs()).into_values().fold(0, u64::saturating_add);
            self.removals.count(item, hash, gas, Instant::now());
        }
        Ok(Some(settled))
    }

    /// Refuses for a while what comes from who wasted much lately: what is removed in clear is paid for by nobody (P13).
    fn check_removals(&mut self, item: &Item) -> RpcResult<()> {
        let hash = item.hash(&self.domain);
        match self.removals.wait(item, hash, Instant::now()) {
            Some(wait) => Err(RpcError::busy("too much of it was removed lately", wait)),
            None => Ok(()),
        }
    }

    fn check_bundle_nonces(&mut self, item: &Item) -> RpcResult<()> {
        item.bundle().map_or(Ok(()), |bundle| self.check_nonce_gaps(bundle.legs()))
    }

    /// Executes an item at its position; returns its outcome and whose nonces it used.
    pub(super) fn settle(
        &mut self,
        position: Position,
        item: &Item,
        hash: B256,
    ) -> RpcResult<(Outcome, BTreeSet<Lane>)> {
        let accepted = self.arrived;
        self.accepted.push(accepted);
        self.metrics.reached(Stage::Positioned, accepted);
        self.outbox.name(item, accepted);
        let elsewhere = self.execute_elsewhere(position, item);
        let applied = match self.realm.apply(position, item) {
            Ok(applied) => applied,
            Err(error) => {
                // It has a position, so nothing may follow it before it ran.
                let why = format!("item at position {position} could not run: {error}");
                self.break_down(why.clone());
                return Err(RpcError::new(-32603, why));
            }
        };
        self.check_elsewhere(elsewhere.as_ref(), &applied);
        self.recording.iter_mut().for_each(|recording| recording.applied(item, &applied));
        self.batches.iter_mut().for_each(|batches| batches.applied(item, &applied));
        self.index_opened(&applied);
        self.promise_execution(hash, &applied);
        let outcome = applied.outcome.clone();
        self.metrics.reached(Stage::Executed, accepted);
        self.metrics.ended(&outcome);
        self.slots.push(position, item, &outcome);
        if let Outcome::Removed(removal) = &outcome
            && !is_dead(removal, item.bundle().is_none_or(Bundle::is_marked))
        {
            self.release(hash);
        }
        let senders = senders(&applied);
        self.record(item, applied);
        Ok((outcome, senders))
    }

    /// Notes where the transactions of an item stand in the open blocks.
    fn index_opened(&mut self, applied: &Applied) {
        let networks: BTreeSet<_> =
            applied.transactions.iter().map(|(network, _)| *network).collect();
        for network in networks {
            let appended = applied.transactions.iter().filter(|(on, _)| *on == network);
            let len = self.realm.open_transactions(network).map_or(0, <[_]>::len);
            self.opened.append(network, appended.map(|(_, tx)| tx), len);
        }
    }

    /// Returns true when every rollup's open block has room for the item's legs.
    fn fits(&self, item: &Item) -> RpcResult<bool> {
        if self.l1.has_exits() {
            return Ok(false);
        }
        if let Some(batches) = &self.batches
            && !batches.has_room(item).map_err(RpcError::refused)?
        {
            return Ok(false);
        }
        for (network, declared) in gas_limits(item.legs()) {
            let limit = self.chains.get(&network).map_or(u64::MAX, |c| c.spec.block_gas_limit);
            if declared > limit {
                let why = format!("exceeds block gas limit: {declared} over {limit}");
                return Err(RpcError::refused(why));
            }
            if self.realm.gas_left(network).is_some_and(|left| declared > left) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn drop_item(&mut self, item: &Item, why: String) {
        let bundle = item.bundle();
        let protected = bundle.is_some_and(Bundle::is_marked);
        self.drop_legs(bundle.map(Bundle::id), protected, item.legs(), why);
    }

    pub(super) fn drop_legs(
        &mut self,
        bundle: Option<BundleId>,
        protected: bool,
        legs: &[Leg],
        why: String,
    ) {
        self.note(|| Noted::Dropped { bundle, protected, legs: legs.to_vec(), why: why.clone() });
        self.outcomes.insert(Record {
            bundle,
            protected,
            position: None,
            fate: Fate::Dropped(why),
            legs: legs.iter().map(leg_ref).collect(),
            results: Vec::new(),
            hops: Vec::new(),
            system: Vec::new(),
            envelope: None,
        });
    }

    fn record(&mut self, item: &Item, applied: Applied) {
        let mut system = Vec::new();
        for (network, tx) in applied.transactions.iter().filter(|(_, tx)| tx.is_system) {
            let hash = *tx.tx.tx_hash();
            system.push((*network, hash));
            if let Some(leg) = item.legs().get(usize::from(tx.leg)) {
                let origin = Origin { network: leg.network, tx_hash: leg.tx.hash() };
                self.chain_mut(*network).store.set_origin(hash, origin);
            } else if let Item::L1Born(born) = item {
                let origin = Origin { network: NetworkId::L1, tx_hash: born.origin.block_hash };
                self.chain_mut(*network).store.set_origin(hash, origin);
            }
        }
        let part = part_of(item).filter(|_| applied.outcome == Outcome::Included);
        let fate = match (applied.outcome, part) {
            (Outcome::Included, Some(part)) => Fate::Part(part.index(), part.count() as u16),
            (Outcome::Included, None) => Fate::Included,
            (Outcome::Removed(removal), _) => Fate::Removed(removal),
        };
        self.outcomes.insert(Record {
            bundle: item.bundle().map(Bundle::id).or(part.map(Part::id)),
            protected: item.bundle().is_some_and(Bundle::is_marked) || part.is_some(),
            position: Some(applied.position),
            fate,
            legs: item.legs().iter().chain(repeated_leg(item)).map(leg_ref).collect(),
            results: applied.legs,
            hops: applied.hops,
            system,
            envelope: match item {
                Item::Sealed(sealed) => Some(sealed.envelope),
                _ => None,
            },
        });
    }
}

/// Returns the part that an envelope held whose bundle is not complete.
fn part_of(item: &Item) -> Option<&Part> {
    match item {
        Item::Sealed(sealed) => match sealed.opened() {
            Some(Item::Part(part)) => Some(part),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the leg of a part whose place in its bundle another one has.
fn repeated_leg(item: &Item) -> Option<&Leg> {
    match item {
        Item::Sealed(Sealed { opening: Opening::Repeated(part), .. }) => Some(part.leg()),
        _ => None,
    }
}

/// Returns the gas that legs declare, by rollup.
fn gas_limits(legs: &[Leg]) -> BTreeMap<NetworkId, u64> {
    let mut limits = BTreeMap::new();
    for leg in legs {
        let sum: &mut u64 = limits.entry(leg.network).or_default();
        *sum = sum.saturating_add(leg.tx.envelope().gas_limit());
    }
    limits
}

fn senders(applied: &Applied) -> BTreeSet<Lane> {
    let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
    own.map(|(network, tx)| (*network, tx.sender)).collect()
}

fn leg_ref(leg: &Leg) -> LegRef {
    LegRef {
        network: leg.network,
        tx_hash: leg.tx.hash(),
        raw: leg.tx.raw().clone(),
        may_revert: leg.may_revert,
    }
}

/// Sorts the lane's refusals into those that time heals and the others.
fn refused(item: &Item, rejection: Rejection) -> RpcResult<()> {
    match (&rejection, item.bundle()) {
        (
            Rejection::SectionOver { .. }
            | Rejection::SlotFull { .. }
            | Rejection::SlotOutOfGas { .. }
            | Rejection::OriginOutOfGas { .. },
            _,
        ) => Ok(()),
        (Rejection::Duplicate { position, .. }, Some(bundle)) => {
            let why = format!("has position {position}; with another salt it is another bundle");
            Err(RpcError::duplicate_bundle(bundle.id(), why))
        }
        (Rejection::Duplicate { .. }, None) => Err(RpcError::refused("already known")),
        _ => Err(RpcError::refused(rejection.to_string())),
    }
}
