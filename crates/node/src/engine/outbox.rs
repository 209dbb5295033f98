//! What is to be promised, from the lane and the fold to the worker that signs.

use super::Engine;
use crate::{
    error::NodeError,
    promises::{Entry, Promises, Worker},
};
use alloy_primitives::{B256, KECCAK256_EMPTY, keccak256};
use std::{cell::OnceCell, time::Instant};
use weft_evm::{Applied, BlockTx};
use weft_types::{
    Bundle, Checkpoint, ExecutionPromise, Item, NetworkId, OrderPromise, Outcome, PromisedLeg,
    PromisedRemoval, SlotHeader, Statement, promise::logs_hash,
};

/// Statements that wait until what they rest on is durable.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: Vec<Entry>,
    /// Running hash after the last item.
    chain: B256,
    /// Hash of no logs.
    no_logs: OnceCell<B256>,
    worker: Option<Worker>,
}

impl Outbox {
    /// Returns the way to what was signed; `None` for a node without a key.
    pub(crate) fn promises(&self) -> Option<&Promises> {
        self.worker.as_ref().map(Worker::promises)
    }

    /// Waits until everything handed over is signed, and signs nothing more.
    pub(super) fn end(&mut self) {
        self.worker = None;
    }

    /// Signs nothing any more.
    pub(super) fn stop(&mut self, why: &str) {
        self.entries.clear();
        if let Some(promises) = self.promises() {
            promises.stop(why);
        }
    }

    pub(super) fn opened(&mut self, header: &SlotHeader) {
        self.put(Entry::Opened(header.number, header.parent));
    }

    /// Asks for a signature of the record behind which a slot opened, to be found by its hash: the closing head that an
    /// epoch's members release for (P17).
    pub(super) fn closes(&mut self, checkpoint: Checkpoint) {
        let head = checkpoint.parent;
        self.put(Entry::Statement(Box::new(Statement::Checkpoint(checkpoint)), vec![head], None));
    }

    /// Takes the promise of a position; [`Self::name`] says whose it is.
    pub(super) fn order(&mut self, promise: OrderPromise) {
        self.chain = promise.chain;
        self.put(Entry::Statement(Box::new(Statement::Order(promise)), Vec::new(), None));
    }

    /// Says that an opened item runs, and the running hash after it; its position was promised when it was sealed.
    pub(super) const fn runs(&mut self, chain: B256) {
        self.chain = chain;
    }

    /// Says which item has the last position, and when it was accepted.
    pub(super) fn name(&mut self, item: &Item, accepted: Instant) {
        if matches!(item, Item::Sealed(_)) {
            return;
        }
        let Some(Entry::Statement(statement, names, at)) = self.entries.last_mut() else { return };
        *at = Some(accepted);
        let bundle = item.bundle().map(Bundle::id);
        if let Statement::Order(promise) = &mut **statement {
            promise.bundle = bundle;
        }
        names.extend(bundle.map(|id| id.hash()));
        names.extend(item.legs().iter().map(|leg| leg.tx.hash()));
    }

    /// Says that the lane goes back in time.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.put(Entry::Forget);
    }

    fn put(&mut self, entry: Entry) {
        self.entries.push(entry);
    }
}

impl Engine {
    /// Begins to sign promises when there is a key.
    pub(super) fn start_promises(&mut self) -> Result<(), NodeError> {
        if let Some(key) = &self.config.promise_key {
            let capacity = self.config.limits.max_promises;
            let slot = self.realm.slot().map(|slot| slot.number).unwrap_or_default();
            let (domain, slot_ms) = (self.domain, self.config.slot_ms);
            let metrics = self.metrics.clone();
            let worker = Worker::start(key, domain, slot_ms, slot, capacity, metrics)?;
            self.outbox.worker = Some(worker);
        }
        // What a log repeated was promised when it first happened, or never.
        self.outbox.entries.retain(|entry| matches!(entry, Entry::Opened(..)));
        self.outbox.entries.drain(..self.outbox.entries.len().saturating_sub(1));
        Ok(())
    }

    /// Lets everything that was said so far be signed and sent, once the inputs of the lane that it rests on are on
    /// disk. The one way out for promises.
    pub(super) fn release_promises(&mut self) {
        let entries = std::mem::take(&mut self.outbox.entries);
        if let (Some(promises), false) = (self.outbox.promises().cloned(), entries.is_empty()) {
            self.when_durable(move || promises.push(entries));
        }
    }

    /// Notes the result of the item with the last position.
    pub(super) fn promise_execution(&mut self, item: B256, applied: &Applied) {
        let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
        let removal = match &applied.outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(PromisedRemoval::from(removal)),
        };
        let mut legs: Vec<_> = own.map(|(network, tx)| self.promised_leg(*network, tx)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let promise = ExecutionPromise {
            position: applied.position,
            item,
            chain: self.outbox.chain,
            l1_origin: B256::ZERO,
            legs,
            removal,
        };
        self.outbox.put(Entry::Statement(
            Box::new(Statement::Execution(promise)),
            Vec::new(),
            None,
        ));
    }

    fn promised_leg(&self, network: NetworkId, tx: &BlockTx) -> PromisedLeg {
        let number = self.realm.block_env(network).map(|env| env.number.saturating_to());
        let parent = self.realm.head(network).map(|(_, hash)| hash);
        let no_logs = || logs_hash(&self.domain, &[]);
        PromisedLeg {
            leg: tx.leg,
            network,
            tx_hash: *tx.tx.tx_hash(),
            success: tx.success,
            gas_used: tx.gas_used,
            output_hash: match tx.output.as_ref() {
                [] => KECCAK256_EMPTY,
                output => keccak256(output),
            },
            logs_hash: match &*tx.logs {
                [] => *self.outbox.no_logs.get_or_init(no_logs),
                logs => logs_hash(&self.domain, logs),
            },
            block_number: number.unwrap_or_default(),
            parent_hash: parent.unwrap_or_default(),
        }
    }
}
