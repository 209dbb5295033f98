//! Promises on their way from the engine to clients.
//!
//! ```text
//!  engine ─► queue ─► worker: guard, flush, sign ─┬─► store: weft_getPromise
//!   (outbox)  bounded                             └─► feed: weft_subscribe
//! ```
//!
//! The engine never waits for a signature. While much waits it accepts nothing, and whoever hands over what was accepted
//! before waits when the queue is full, so that memory stays bounded.

mod bundles;
mod store;
mod worker;

pub(crate) use bundles::{Asked, Bundles, NoBundle, bundle_of, name_of as bundle_name, row_key};
pub(crate) use store::Found;

use crate::{
    config::SigningKey,
    error::NodeError,
    metrics::Metrics,
    notices::{Committed, Fresh, Saying, Shelf},
};
use alloy_primitives::{Address, B256};
use serde_json::value::{RawValue, to_raw_value};
use std::{
    ops::RangeInclusive,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use store::Store;
use tokio::sync::{Notify, broadcast, futures::Notified};
use weft_evidence::{EpochNotice, Signed};
use weft_promise::{
    Guard, Issuer, LocalSigner, ProgramSigner, Signer, guard::Setting, keystore, promise_json,
};
use weft_types::{Domain, SignedPromise, SlotNumber, Statement};

/// Most statements that wait for the worker.
const MAX_QUEUE: usize = 1 << 15;
/// Messages that a subscriber may be behind before it is dropped.
const FEED_BACKLOG: usize = 1 << 12;

/// What the engine says to the worker.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A slot opened behind the record with this hash.
    Opened(SlotNumber, B256),
    /// Something to be promised, with the hashes by which clients may ask for it, and when the item was accepted.
    Statement(Box<Statement>, Vec<B256>, Option<Instant>),
    /// A notice to be signed (P15).
    Notice(Box<Saying>),
    /// Positions to be signed once more as those of a bundle.
    Bundle(Box<Asked>),
    /// The lane went back in time, which only development nodes do.
    Forget,
}

/// A message of the feed, written once for all subscribers.
pub(crate) type Message = Arc<RawValue>;

/// Way to the worker and to what it signed. Clones reach the same one.
#[derive(Debug, Clone)]
pub(crate) struct Promises(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: Address,
    queue: Mutex<Queue>,
    /// The queue has something, or has room again.
    changed: Condvar,
    /// The worker handed out what it took, or stopped.
    handed_out: Notify,
    store: Mutex<Store>,
    feed: broadcast::Sender<Message>,
    notices: Mutex<Shelf>,
    notice_feed: broadcast::Sender<Message>,
}

#[derive(Debug, Default)]
struct Queue {
    entries: Vec<Entry>,
    /// True while the worker signs what it took.
    is_signing: bool,
    is_closed: bool,
    /// Why nothing is signed any more.
    stopped: Option<String>,
    /// Last slot of a wait after which signing goes on.
    floor: Option<SlotNumber>,
}

/// A running worker.
#[derive(Debug)]
pub(crate) struct Worker {
    promises: Promises,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts to sign with a key.
    pub(crate) fn start(
        key: &SigningKey,
        domain: Domain,
        slot_ms: u64,
        lane_slot: SlotNumber,
        capacity: usize,
        has_database: bool,
        metrics: Metrics,
    ) -> Result<Self, NodeError> {
        let issuer = issuer(key, domain, slot_ms, lane_slot)?;
        let promises = Promises(Arc::new(Shared {
            key: issuer.address(),
            queue: Mutex::new(Queue { floor: issuer.guard().floor(), ..Queue::default() }),
            changed: Condvar::new(),
            handed_out: Notify::new(),
            store: Mutex::new(Store::new(capacity)),
            feed: broadcast::channel(FEED_BACKLOG).0,
            notices: Mutex::new(Shelf::new(has_database)),
            notice_feed: broadcast::channel(FEED_BACKLOG).0,
        }));
        let shared = promises.clone();
        let thread = std::thread::Builder::new()
            .name("weft-promises".to_owned())
            .spawn(move || worker::run(&shared, issuer, &metrics))
            .map_err(|error| NodeError::Config(format!("no thread for promises: {error}")))?;
        Ok(Self { promises, thread: Some(thread) })
    }

    pub(crate) const fn promises(&self) -> &Promises {
        &self.promises
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.promises.queue().is_closed = true;
        self.promises.0.changed.notify_all();
        // A worker that panicked has ended as well.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Promises {
    /// Returns the address of the key.
    pub(crate) fn key(&self) -> Address {
        self.0.key
    }

    /// Returns why nothing is signed, if so, and the last slot of a wait.
    pub(crate) fn trouble(&self) -> (Option<String>, Option<SlotNumber>) {
        let queue = self.queue();
        (queue.stopped.clone(), queue.floor)
    }

    /// Hands statements over, in the order of the lane. Waits while the queue is full.
    pub(crate) fn push(&self, entries: Vec<Entry>) {
        let is_full = |queue: &mut Queue| queue.entries.len() >= MAX_QUEUE && queue.runs();
        let waited = self.0.changed.wait_while(self.queue(), is_full);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        if queue.runs() {
            queue.entries.extend(entries);
            self.0.changed.notify_all();
        }
    }

    /// Returns true when so much waits for a signature that no more should be accepted: the rest of the queue is for what
    /// was accepted and waits for the disk.
    pub(crate) fn is_behind(&self) -> bool {
        let queue = self.queue();
        queue.runs() && queue.entries.len() >= MAX_QUEUE / 2
    }

    /// Signs nothing any more, as what it would rest on may not last.
    pub(crate) fn stop(&self, why: &str) {
        let mut queue = self.queue();
        queue.stopped.get_or_insert_with(|| why.to_owned());
        queue.entries.clear();
        self.0.changed.notify_all();
    }

    /// Returns true while something waits for its signature.
    pub(crate) fn is_busy(&self) -> bool {
        let queue = self.queue();
        queue.is_signing || !queue.entries.is_empty()
    }

    /// Returns when the worker hands out what it took.
    pub(crate) fn handed_out(&self) -> Notified<'_> {
        self.0.handed_out.notified()
    }

    /// Returns what was promised about an item, by its hash, its bundle or one of its transactions.
    pub(crate) fn get(&self, key: &B256) -> Option<Found> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Returns the signed checkpoint behind the closing head of an epoch.
    pub(crate) fn closing(&self, head: &B256) -> Option<SignedPromise> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner).closing(head)
    }

    /// Returns a signed checkpoint of the last of these slots that has one.
    pub(crate) fn checkpoint(
        &self,
        slots: RangeInclusive<SlotNumber>,
    ) -> Option<(SlotNumber, SignedPromise)> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner).checkpoint(slots)
    }

    /// Returns the commitment to a slot, if it was signed since the start and not too long ago.
    pub(crate) fn commitment(&self, slot: SlotNumber) -> Option<Arc<Committed>> {
        self.notices().slot(slot)
    }

    /// Returns the notice of an epoch's key, if it was signed since the start.
    pub(crate) fn notice(&self, epoch: u64) -> Option<Signed<EpochNotice>> {
        self.notices().epoch(epoch)
    }

    /// Returns the promise of a bundle, if it was signed since the start and not too long ago.
    pub(crate) fn bundle(&self, name: &B256) -> Option<SignedPromise> {
        self.notices().bundle(name)
    }

    /// Returns the notices that the database does not have.
    pub(crate) fn take_fresh(&self) -> Vec<Fresh> {
        self.notices().take_fresh()
    }

    fn notices(&self) -> MutexGuard<'_, Shelf> {
        self.0.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells who listens of a promise.
    fn tell(&self, promise: &SignedPromise) {
        match to_raw_value(&promise_json(promise, self.0.key)) {
            // Nobody listening is no error.
            Ok(message) => drop(self.0.feed.send(Arc::from(message))),
            Err(error) => tracing::warn!(%error, "a promise cannot be written as JSON"),
        }
    }

    /// Begins to listen to the feed of notices.
    pub(crate) fn subscribe_notices(&self) -> broadcast::Receiver<Message> {
        self.0.notice_feed.subscribe()
    }

    /// Begins to listen to the feed.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.0.feed.subscribe()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    const fn runs(&self) -> bool {
        !self.is_closed && self.stopped.is_none()
    }
}

/// Returns who signs with a configured key what has no guard: batches, whose numbers and parents stand in them.
pub(crate) fn signer(key: &SigningKey) -> Result<Box<dyn Signer>, NodeError> {
    let failed = |error: &dyn std::fmt::Display| NodeError::Config(format!("batches: {error}"));
    Ok(match key {
        SigningKey::Development => Box::new(crate::batches::development_sequencer()),
        SigningKey::Keystore { file, passphrase, .. } => {
            Box::new(keystore::open(file, passphrase).map_err(|error| failed(&error))?)
        }
        SigningKey::Program { program, args, patience, .. } => {
            let signer = ProgramSigner::start(program, args, *patience);
            Box::new(signer.map_err(|error| failed(&error))?)
        }
    })
}

/// Brings a configured key and its guard together.
fn issuer(
    key: &SigningKey,
    domain: Domain,
    slot_ms: u64,
    lane_slot: SlotNumber,
) -> Result<Issuer, NodeError> {
    let failed = |error: &dyn std::fmt::Display| NodeError::Config(format!("promises: {error}"));
    let (signer, guard): (Box<dyn Signer>, _) = match key {
        SigningKey::Development => {
            let signer = LocalSigner::new(&crate::accounts::PROMISE_KEY)
                .ok_or_else(|| failed(&"the development key is no key"))?;
            return Ok(Issuer::new(domain, Box::new(signer), Guard::in_memory()));
        }
        SigningKey::Keystore { file, passphrase, guard } => {
            let signer = keystore::open(file, passphrase).map_err(|error| failed(&error))?;
            (Box::new(signer), guard)
        }
        SigningKey::Program { program, args, patience, guard } => {
            let signer = ProgramSigner::start(program, args, *patience);
            (Box::new(signer.map_err(|error| failed(&error))?), guard)
        }
    };
    let setting = Setting {
        key: signer.address(),
        domain,
        slot_ms,
        lane_slot,
        now_ms: worker::now_ms(),
        is_restored: guard.is_restored,
    };
    let file = &guard.file;
    let (guard, start) = Guard::open(file, &setting).map_err(|error| failed(&error))?;
    if let Some(slot) = guard.highest().filter(|slot| slot.get() > lane_slot.get() + 1) {
        tracing::warn!(
            signed = %slot,
            lane = %lane_slot,
            file = %file.display(),
            "the guard is ahead of this lane: its key signed for another history, and promises stop at the first conflict; \
             take the data directory that belongs to it, or another key"
        );
    }
    if let weft_promise::Start::Waits(slot) = start {
        tracing::warn!(
            %slot,
            "the guard file may be an older copy: nothing is promised up to and including this slot"
        );
    }
    Ok(Issuer::new(domain, signer, guard))
}

/// Least time from one signature to the next: a statement that comes alone is signed at once, under load a signature covers many.
const PAUSE: Duration = Duration::from_millis(1);
