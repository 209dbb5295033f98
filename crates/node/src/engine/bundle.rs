//! Bundles: sent whole, or prepared and completed leg by leg (P18).

use super::{ChainEvent, Engine, admit, items::Ran};
use crate::{
    bundles::{Held, NotHeld, Prepared},
    outcomes::{Fate, Record},
    record::Record as Noted,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use weft_derive::is_dead;
use weft_types::{Bundle, BundleId, BundleShape, Item, Leg, NetworkId, SafetyLevel, SignedTx};

impl Engine {
    /// Takes a whole bundle and executes it.
    pub(crate) fn send_bundle(
        &mut self,
        salt: B256,
        level: SafetyLevel,
        legs: Vec<Leg>,
    ) -> RpcResult<Bundle> {
        self.tick();
        self.durably()?;
        self.check_bundle_size(&legs)?;
        let bundle = Bundle::new(&self.domain, salt, level, legs)?;
        self.check_bundle(&bundle)?;
        self.take_bundle(bundle.clone())?;
        Ok(bundle)
    }

    /// Checks that legs are for the chains that they name, and do not contradict each other.
    pub(super) fn check_bundle(&self, bundle: &Bundle) -> RpcResult<()> {
        for (index, leg) in bundle.legs().iter().enumerate() {
            let chain_id = self.chain(leg.network).spec.chain_id;
            if leg.tx.chain_id() != Some(chain_id) {
                return Err(RpcError::wrong_chain_id(index, chain_id, leg.tx.chain_id()));
            }
        }
        check_nonces(bundle.legs())
    }

    /// Executes a whole bundle that was checked.
    pub(super) fn take_bundle(&mut self, bundle: Bundle) -> RpcResult<()> {
        self.check_replay(&bundle)?;
        let id = bundle.id();
        self.run_bundle(bundle)?;
        drop(self.bundles.forget(id));
        if self.is_on_demand() && self.has_items() {
            self.close_now();
        }
        Ok(())
    }

    fn run_bundle(&mut self, bundle: Bundle) -> RpcResult<()> {
        let legs: Vec<_> = bundle.legs().iter().map(|leg| (leg.network, leg.tx.hash())).collect();
        let ran = self.run_or_wait(Item::Bundle(bundle))?;
        if matches!(ran, Ran::Decided(weft_types::Outcome::Included) | Ran::Waits) {
            for (network, hash) in legs {
                self.announce(network, ChainEvent::Pending(hash));
            }
        }
        Ok(())
    }

    pub(crate) fn check_bundle_size(&self, legs: &[Leg]) -> RpcResult<()> {
        let limits = self.limits();
        if legs.len() > limits.max_bundle_legs {
            let why = format!("{} legs, over the limit of {}", legs.len(), limits.max_bundle_legs);
            return Err(RpcError::bundle_too_large(why));
        }
        let bytes: usize = legs.iter().map(|leg| leg.tx.raw().len()).sum();
        if bytes > limits.max_bundle_bytes {
            let why = format!("{bytes} bytes, over the limit of {}", limits.max_bundle_bytes);
            return Err(RpcError::bundle_too_large(why));
        }
        Ok(())
    }

    pub(super) fn check_replay(&self, bundle: &Bundle) -> RpcResult<()> {
        let id = bundle.id();
        if self.pool.has_bundle(id) {
            return Err(RpcError::duplicate_bundle(id, "waits for the next slot already"));
        }
        if let Some(record) = self.outcomes.get(&id.hash()) {
            match &record.fate {
                Fate::Included => {
                    return Err(RpcError::replayed(format!("bundle {id} was included before")));
                }
                Fate::Removed(removal) if is_dead(removal, record.protected) => {
                    return Err(RpcError::replayed(format!(
                        "bundle {id} failed before and is dead"
                    )));
                }
                Fate::Removed(_) | Fate::Part(..) | Fate::Dropped(_) => {}
            }
        }
        for (index, leg) in bundle.legs().iter().enumerate() {
            let hash = leg.tx.hash();
            let included = self.chain(leg.network).store.has_transaction(&hash)?
                || self.opened.index(leg.network, &hash).is_some();
            if included {
                return Err(RpcError::replayed(format!(
                    "leg {index} ({hash}) was included before"
                )));
            }
        }
        Ok(())
    }

    /// Remembers a bundle whose legs wallets will send one by one; returns its id.
    pub(crate) fn prepare_bundle(&mut self, shape: BundleShape) -> RpcResult<BundleId> {
        self.durably()?;
        let id = shape.id(&self.domain);
        if self.outcomes.get(&id.hash()).is_some_and(had_its_turn) {
            let why = "had its turn; with another salt it is another bundle";
            return Err(RpcError::duplicate_bundle(id, why));
        }
        if self.bundles.get(id).is_some() {
            return Ok(id);
        }
        if !self.wait_for_legs(id, shape.clone()) {
            return Err(RpcError::too_many_bundles(self.limits().max_prepared));
        }
        self.note(|| Noted::Prepared(shape));
        Ok(id)
    }

    /// Starts waiting for the legs of a bundle; false when too many wait.
    pub(super) fn wait_for_legs(&mut self, id: BundleId, shape: BundleShape) -> bool {
        let BundleShape { salt, level, legs: shapes } = shape;
        let held = vec![None; shapes.len()];
        self.bundles.prepare(id, Prepared { salt, level, shapes, held })
    }

    /// Holds a marked transaction until its bundle is complete, which then runs.
    pub(super) fn hold_leg(
        &mut self,
        network: NetworkId,
        tx: SignedTx,
        id: BundleId,
    ) -> RpcResult<()> {
        let account = self.pending_account(network, tx.sender())?;
        self.check_tx(network, &tx, &account)?;
        if tx.envelope().nonce() < account.nonce {
            return Err(admit::nonce_too_low(&tx, account.nonce));
        }
        let held = self.bundles.hold(id, network, &tx).map_err(|error| match error {
            NotHeld::Unknown => RpcError::unknown_bundle(id),
            NotHeld::NotALeg => RpcError::not_a_leg(id),
        })?;
        let Held::Complete(prepared) = held else {
            self.note(|| Noted::Held(Leg { network, tx, may_revert: false }));
            return Ok(());
        };
        let ran = self.run_prepared(&prepared);
        if let Err(error) = &ran {
            // Whoever sent the other legs learns it from the outcome.
            self.drop_prepared(id, &prepared, error.message.clone());
        }
        ran
    }

    fn run_prepared(&mut self, prepared: &Prepared) -> RpcResult<()> {
        let legs = prepared.held_legs();
        self.check_bundle_size(&legs)?;
        check_nonces(&legs)?;
        self.run_bundle(Bundle::new(&self.domain, prepared.salt, prepared.level, legs)?)
    }

    /// Refuses legs whose nonces would be ahead of their senders' when they run; removed at once, they would only use
    /// up a position (T13).
    pub(super) fn check_nonce_gaps(&mut self, legs: &[Leg]) -> RpcResult<()> {
        let mut next = BTreeMap::new();
        let mut delegating = BTreeSet::new();
        for (index, leg) in legs.iter().enumerate() {
            let (network, sender, nonce) =
                (leg.network, leg.tx.sender(), leg.tx.envelope().nonce());
            if !self.is_available(network) {
                // P8: that is what removes it, whatever its nonce.
                continue;
            }
            let account = self.pending_account(network, sender)?;
            // EIP-7702: delegations, and calls of delegated accounts, use up nonces, so the fold decides there.
            if account.is_empty_code_hash() && !delegating.contains(&network) {
                let expected = next.entry((network, sender)).or_insert(account.nonce);
                if nonce > *expected {
                    return Err(RpcError::nonce_too_high(index, nonce, *expected));
                }
                *expected = nonce.saturating_add(1).max(*expected);
            }
            if leg.tx.envelope().authorization_list().is_some() {
                delegating.insert(network);
            }
        }
        Ok(())
    }

    /// Lets bundles go whose legs did not come in time.
    pub(super) fn expire_bundles(&mut self, now: Instant) {
        for (id, prepared) in self.bundles.expire(now) {
            let missing = prepared.held.iter().filter(|leg| leg.is_none()).count();
            let why = format!("expired: {missing} of {} legs missing", prepared.held.len());
            self.drop_prepared(id, &prepared, why);
        }
    }

    fn drop_prepared(&mut self, id: BundleId, prepared: &Prepared, why: String) {
        self.drop_legs(Some(id), true, &prepared.held_legs(), why);
    }
}

/// Returns true when a bundle was included or is dead.
fn had_its_turn(record: &Record) -> bool {
    match &record.fate {
        Fate::Included => true,
        Fate::Removed(removal) => is_dead(removal, record.protected),
        Fate::Part(..) | Fate::Dropped(_) => false,
    }
}

/// Checks that no two legs use the same nonce of the same sender on the same rollup.
fn check_nonces(legs: &[Leg]) -> RpcResult<()> {
    let mut seen = BTreeSet::new();
    let mut hashes = BTreeSet::new();
    for (index, leg) in legs.iter().enumerate() {
        let key = (leg.network, leg.tx.sender(), leg.tx.envelope().nonce());
        // The same transaction twice has an error of its own.
        if hashes.insert(leg.tx.hash()) && !seen.insert(key) {
            return Err(RpcError::contradictory(format!(
                "leg {index} uses nonce {} of {} a second time",
                key.2, key.1
            )));
        }
    }
    Ok(())
}
