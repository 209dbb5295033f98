//! Those that wait: how they begin to, and how they have their turn (ADR 0016).

use super::{Engine, admit::nonce_too_low};
use crate::{
    pool::{Candidate, Lane},
    record::Record,
    rpc::errors::RpcResult,
    turns::Turns,
};
use alloy_consensus::Transaction as _;
use std::{cmp::Ordering, collections::BTreeSet, time::Instant};
use weft_types::{Item, Leg};

impl Engine {
    /// Lets an item wait for the next slot.
    pub(super) fn wait(&mut self, item: Item) -> RpcResult<()> {
        match item {
            Item::Transaction(leg) => self.queue(leg.network, leg.tx),
            Item::Bundle(bundle) => {
                self.pool.queue_bundle(bundle.clone()).map_err(|why| self.no_room(why))?;
                self.note(|| Record::Deferred(Item::Bundle(bundle)));
                Ok(())
            }
            Item::Sealed(_) | Item::Session(_) | Item::L1Born(_) | Item::Part(_) => {
                unreachable!("clients send transactions and bundles")
            }
        }
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
}
