//! From an item to its outcome.

use super::{Engine, admit::nonce_too_low};
use crate::{
    metrics::Stage,
    outcomes::{Fate, LegRef, Record},
    pool::{Candidate, Lane},
    record::Record as Noted,
    rpc::errors::{RpcError, RpcResult},
    store::Origin,
    turns::{Priority, Turns},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use weft_evm::Applied;
use weft_lane::{Input, Rejection, Submission};
use weft_types::{
    Bundle, BundleId, InvalidReason, Item, Leg, NetworkId, Outcome, Position, Removal, Section,
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

    fn wait(&mut self, item: Item) -> RpcResult<()> {
        match item {
            Item::Transaction(leg) => self.queue(leg.network, leg.tx),
            Item::Bundle(bundle) => {
                self.pool.queue_bundle(bundle.clone()).map_err(|why| self.no_room(why))?;
                self.note(|| Noted::Deferred(Item::Bundle(bundle)));
                Ok(())
            }
            Item::Sealed(_) | Item::Session(_) | Item::L1Born(_) => {
                unreachable!("clients send transactions and bundles")
            }
        }
    }

    /// Gives an item a position and executes it; returns its outcome and whose nonces it used, or `None` when the open
    /// slot has no room.
    fn run_item(&mut self, item: &Item) -> RpcResult<Option<(Outcome, BTreeSet<Lane>)>> {
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
        self.settle(position, item, hash).map(Some)
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

    /// Runs what waited for a slot or for a nonce, best first.
    pub(super) fn admit_waiting(&mut self) {
        if self.pool.len() == 0 {
            return;
        }
        let mut turns = Turns::new(self.config.priority);
        for candidate in self.pool.bundles().collect::<Vec<_>>() {
            self.add_turn(&mut turns, candidate);
        }
        self.add_ready(&mut turns, self.pool.lanes());
        self.run_turns(turns);
    }

    /// Runs what waits in `lanes` as far as its nonces have come up.
    pub(super) fn promote(&mut self, lanes: BTreeSet<Lane>) {
        let mut turns = Turns::new(self.config.priority);
        self.add_ready(&mut turns, lanes);
        self.run_turns(turns);
    }

    fn add_ready(&mut self, turns: &mut Turns, lanes: BTreeSet<Lane>) {
        for lane in lanes {
            if !self.pool.has_lane(&lane) {
                continue;
            }
            let Ok(account) = self.pending_account(lane.0, lane.1) else { continue };
            if let Some(candidate) = self.pool.ready(&lane, account.nonce) {
                self.add_turn(turns, candidate);
            }
        }
    }

    fn add_turn(&self, turns: &mut Turns, candidate: Candidate) {
        turns.push(candidate, |network| self.base_fee(network));
    }

    fn run_turns(&mut self, mut turns: Turns) {
        while let Some(item) = turns.pop() {
            // The same lane may have come up twice.
            if !self.pool.has(&item) {
                continue;
            }
            match self.take_turn(&item) {
                Ok(Some(lanes)) => {
                    self.pool.forget_item(&item);
                    self.add_ready(&mut turns, lanes);
                }
                Ok(None) => {}
                Err(error) => {
                    self.pool.forget_item(&item);
                    self.drop_item(&item, error.message);
                    let lanes = item.legs().iter().map(|leg| (leg.network, leg.tx.sender()));
                    self.add_ready(&mut turns, lanes.collect());
                }
            }
        }
    }

    /// Runs what waited; `None` when it has to wait on.
    fn take_turn(&mut self, item: &Item) -> RpcResult<Option<BTreeSet<Lane>>> {
        if let Item::Transaction(Leg { network, tx, .. }) = item {
            let account = self.pending_account(*network, tx.sender())?;
            match tx.envelope().nonce().cmp(&account.nonce) {
                Ordering::Less => return Err(nonce_too_low(tx, account.nonce)),
                Ordering::Greater => return Ok(None),
                Ordering::Equal => {}
            }
            // Base fees rise and fall: what was enough when it came may be enough again.
            if tx.envelope().max_fee_per_gas() < u128::from(self.base_fee(*network)) {
                return Ok(None);
            }
            self.check_tx(*network, tx, &account)?;
        }
        Ok(self.run_item(item)?.map(|(_, lanes)| lanes))
    }

    /// Lets go what waited too long.
    pub(super) fn expire_waiting(&mut self, now: Instant) {
        for item in self.pool.expire(now) {
            let seconds = self.limits().pending_ttl.as_secs();
            let why = format!("expired: no turn for its nonce, fee or size within {seconds} s");
            self.drop_item(&item, why);
        }
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
            }
        }
        let fate = match applied.outcome {
            Outcome::Included => Fate::Included,
            Outcome::Removed(removal) => Fate::Removed(removal),
        };
        self.outcomes.insert(Record {
            bundle: item.bundle().map(Bundle::id),
            protected: item.bundle().is_some_and(Bundle::is_marked),
            position: Some(applied.position),
            fate,
            legs: item.legs().iter().map(leg_ref).collect(),
            results: applied.legs,
            hops: applied.hops,
            system,
        });
    }
}

/// Returns what the lane is told about an item.
pub(super) fn submission(item: &Item, hash: B256) -> Submission {
    let gas = gas_limits(item.legs());
    Submission {
        item: hash,
        section: Section::Plaintext,
        declared_gas: gas.values().fold(0, |sum, gas| sum.saturating_add(*gas)),
        origin: item.legs().first().map(|leg| leg.tx.sender()),
    }
}

/// Returns true when what was removed never runs again (P4): it failed, and no leg of it can run outside.
pub(super) fn is_dead(removal: &Removal, is_whole: bool) -> bool {
    is_whole && (removal.is_failed() || removal.invalid == Some(InvalidReason::Dead))
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
