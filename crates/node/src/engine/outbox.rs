//! What is to be promised, from the lane and the fold to the worker that signs.

use super::Engine;
use crate::{
    error::NodeError,
    notices::{Committer, Fresh, Running, Saying},
    promises::{Asked, Entry, Promises, Worker},
};
use alloy_primitives::{B256, KECCAK256_EMPTY, keccak256};
use std::{cell::OnceCell, collections::VecDeque, time::Instant};
use weft_commitment::SlotVector;
use weft_evidence::EpochNotice;
use weft_evm::{Applied, BlockTx};
use weft_types::{
    Bundle, Checkpoint, ExecutionPromise, Item, NetworkId, OrderPromise, Outcome, PromisedLeg,
    PromisedRemoval, SlotHeader, SlotNumber, Statement, promise::logs_hash,
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
    /// Running hashes of the open slot.
    running: Running,
    /// Commits to closed slots, on a node that does.
    committer: Option<Committer>,
    /// The last slots that a log repeated: nobody may have committed to them before the stop.
    repeated: VecDeque<SlotVector>,
}

/// Those who sign, and commit.
#[derive(Debug, Default)]
pub(super) struct Signing(Option<Worker>, Option<Committer>);

/// Repeated slots that are committed to.
const MAX_REPEATED: usize = 256;

impl Outbox {
    /// Returns the way to what was signed; `None` for a node without a key.
    pub(crate) fn promises(&self) -> Option<&Promises> {
        self.worker.as_ref().map(Worker::promises)
    }

    /// Waits until everything handed over is signed, and signs nothing more; returns the notices that the database does
    /// not have. Only a node that keeps them waits for its commitments.
    pub(super) fn end(&mut self, keeps: bool) -> Vec<Fresh> {
        self.committer.take().filter(|_| keeps).into_iter().for_each(Committer::finish);
        let promises = self.promises().cloned();
        self.worker = None;
        promises.map(|promises| promises.take_fresh()).unwrap_or_default()
    }

    /// Hands over those who sign, for an engine that goes on.
    pub(super) fn take_signing(&mut self) -> Signing {
        Signing(self.worker.take(), self.committer.take())
    }

    /// Goes on with those who signed for an engine that ended.
    pub(super) fn set_signing(&mut self, signing: Signing) {
        let Signing(worker, committer) = signing;
        (self.worker, self.committer) = (worker, committer);
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
        self.running.push(promise.position, promise.chain);
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
        self.running = Running::default();
        self.put(Entry::Forget);
    }

    /// Asks for the promise of a bundle; those of its envelopes are on their way, or signed.
    pub(super) fn bundle(&mut self, asked: Asked) {
        self.put(Entry::Bundle(Box::new(asked)));
    }

    fn put(&mut self, entry: Entry) {
        self.entries.push(entry);
    }
}

impl Engine {
    /// Begins to sign promises when there is a key.
    pub(super) fn start_promises(&mut self) -> Result<(), NodeError> {
        if let (Some(key), None) = (&self.config.promise_key, &self.outbox.worker) {
            let capacity = self.config.limits.max_promises;
            let slot = self.realm.slot().map(|slot| slot.number).unwrap_or_default();
            let (domain, slot_ms) = (self.domain, self.config.slot_ms);
            let metrics = self.metrics.clone();
            let is_durable = self.is_durable();
            let worker = Worker::start(key, domain, slot_ms, slot, capacity, is_durable, metrics)?;
            self.outbox.worker = Some(worker);
            if self.config.commits {
                let failed = |error| NodeError::Config(format!("no thread to commit: {error}"));
                self.outbox.committer = Some(Committer::start(domain, 1).map_err(failed)?);
            }
        }
        // What a log repeated was promised when it first happened, or never.
        self.outbox.entries.retain(|entry| matches!(entry, Entry::Opened(..)));
        self.outbox.entries.drain(..self.outbox.entries.len().saturating_sub(1));
        // But for commitments, which come later than promises: the guard knows which ones were signed.
        for vector in std::mem::take(&mut self.outbox.repeated) {
            self.commit_to(vector);
        }
        self.say_known_keys();
        Ok(())
    }

    /// Notes that a slot closed: its order is committed to once its record is on disk (P15).
    pub(super) fn commit_order(&mut self, slot: SlotNumber) -> Option<SlotVector> {
        let vector = self.outbox.running.close(slot)?;
        if self.is_repeating() {
            self.outbox.repeated.push_back(vector.clone());
            if self.outbox.repeated.len() > MAX_REPEATED {
                self.outbox.repeated.pop_front();
            }
        } else if self.outbox.committer.is_some() {
            self.commit_to(vector.clone());
        }
        Some(vector)
    }

    fn commit_to(&self, vector: SlotVector) {
        let (Some(promises), Some(committer)) = (self.outbox.promises(), &self.outbox.committer)
        else {
            return;
        };
        let (promises, orders) = (promises.clone(), committer.orders());
        self.when_durable(move || {
            if !orders.has_room() {
                let slot = vector.slot();
                tracing::warn!(%slot, "too many slots wait for their commitments: none to this one");
                return;
            }
            orders.order(vector, move |vector, commitment| {
                let saying = Saying::Commitment(vector, commitment);
                promises.push(vec![Entry::Notice(Box::new(saying))]);
            });
        });
    }

    /// Lets the key of an epoch be signed, once its list is on disk; `since` is the first slot in which it can have been
    /// announced.
    pub(super) fn say_key(&self, notice: EpochNotice, since: SlotNumber) {
        let Some(promises) = self.outbox.promises().cloned() else { return };
        let saying = Saying::Epoch(notice, since);
        self.when_durable(move || promises.push(vec![Entry::Notice(Box::new(saying))]));
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
            l1_origin: self.l1.origin(),
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
