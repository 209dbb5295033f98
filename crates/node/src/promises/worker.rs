//! The thread that signs.

use super::{Asked, Entry, PAUSE, Promises, Queue};
use crate::{
    metrics::{Metrics, Stage},
    notices::{Fresh, Saying, commitment_json, notice_json},
};
use alloy_primitives::B256;
use serde_json::value::to_raw_value;
use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use weft_promise::{IssueError, Issuer};
use weft_types::{Checkpoint, Section, Signature, SignedGroup, SlotNumber, Statement, chain_start};

/// Time between two checkpoints (P16).
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

/// Where the feed is.
#[derive(Debug, Clone, Copy)]
struct Head {
    slot: SlotNumber,
    parent: B256,
    section: Section,
    count: u32,
    chain: B256,
}

/// Signs until the queue is closed; an error ends the signing and not the node.
pub(super) fn run(promises: &Promises, mut issuer: Issuer, metrics: &Metrics) {
    let mut head = None;
    let mut due = Instant::now() + CHECKPOINT_EVERY;
    let mut next = Instant::now();
    while let Some(entries) = take(promises, due, next) {
        next = Instant::now() + PAUSE;
        let is_due = Instant::now() >= due;
        if is_due {
            due = Instant::now() + CHECKPOINT_EVERY;
        }
        let accepted: Vec<_> = entries.iter().filter_map(Entry::accepted).collect();
        let done = work(promises, &mut issuer, &mut head, entries, is_due);
        if done.is_ok() {
            accepted.into_iter().for_each(|at| metrics.reached(Stage::Promised, at));
        }
        let mut queue = promises.queue();
        queue.is_signing = false;
        queue.floor = issuer.guard().floor().filter(|floor| !is_past(head, *floor));
        promises.0.handed_out.notify_waiters();
        if let Err(error) = done {
            tracing::error!(%error, "promises stopped: nothing is signed until a restart");
            queue.stopped = Some(error.to_string());
            queue.entries.clear();
            promises.0.changed.notify_all();
            return;
        }
    }
}

fn is_past(head: Option<Head>, floor: SlotNumber) -> bool {
    head.is_some_and(|head| head.slot > floor)
}

/// Waits for entries, which are not taken before `next`, or for the next checkpoint; `None` in the end.
fn take(promises: &Promises, due: Instant, next: Instant) -> Option<Vec<Entry>> {
    let left = due.saturating_duration_since(Instant::now());
    let is_idle = |queue: &mut Queue| queue.entries.is_empty() && queue.runs();
    let waited = promises.0.changed.wait_timeout_while(promises.queue(), left, is_idle);
    let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let (is_closed, is_empty) = (queue.is_closed, queue.entries.is_empty());
    if queue.stopped.is_some() || (is_closed && is_empty) {
        return None;
    }
    drop(queue);
    if !is_closed && !is_empty {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let mut queue = promises.queue();
    queue.is_signing = true;
    let entries = std::mem::take(&mut queue.entries);
    promises.0.changed.notify_all();
    Some(entries)
}

/// Signs what was taken and hands it out.
fn work(
    promises: &Promises,
    issuer: &mut Issuer,
    head: &mut Option<Head>,
    entries: Vec<Entry>,
    is_due: bool,
) -> Result<(), IssueError> {
    let mut statements = Vec::with_capacity(entries.len() + 1);
    let (mut sayings, mut bundles) = (Vec::new(), Vec::<Asked>::new());
    let mut store = promises.0.store.lock().unwrap_or_else(PoisonError::into_inner);
    for entry in entries {
        match entry {
            Entry::Opened(slot, parent) => *head = Some(Head::start(issuer, slot, parent)),
            Entry::Statement(statement, names, _) => {
                follow(head, &statement);
                match (statement.item(), names.as_slice()) {
                    (_, []) => {}
                    (Some(item), _) => store.name(item, names),
                    (None, heads) => heads.iter().for_each(|head| store.await_closing(*head)),
                }
                statements.push(*statement);
            }
            Entry::Notice(saying) => sayings.push(*saying),
            Entry::Bundle(asked) => bundles.push(*asked),
            Entry::Forget => {
                if issuer.forget() {
                    statements.clear();
                    sayings.clear();
                    bundles.clear();
                    store.clear();
                    promises.notices().clear();
                }
            }
        }
    }
    drop(store);
    if is_due {
        statements.extend(head.map(Head::checkpoint));
    }
    let words: Vec<_> = sayings.iter().map(|saying| saying.word(issuer.domain())).collect();
    let (signed, signatures) = issuer.issue_with(statements, &words, now_ms())?;
    hand_out(promises, signed);
    // The positions of its envelopes may have been promised just now.
    bundles.into_iter().try_for_each(|asked| asked.serve(promises, issuer, now_ms()))?;
    for (saying, signature) in sayings.into_iter().zip(signatures) {
        // What may have been said otherwise is not said.
        if let Some(signature) = signature {
            say(promises, issuer, saying, signature);
        }
    }
    Ok(())
}

fn follow(head: &mut Option<Head>, statement: &Statement) {
    if let (Some(head), Statement::Order(promise)) = (head, statement)
        && promise.position.slot == head.slot
        && promise.position.section == head.section
    {
        (head.count, head.chain) = (promise.position.index + 1, promise.chain);
    }
}

fn hand_out(promises: &Promises, signed: Vec<SignedGroup>) {
    if signed.is_empty() {
        return;
    }
    let signed: Vec<_> = signed.into_iter().map(Arc::new).collect();
    let mut store = promises.0.store.lock().unwrap_or_else(PoisonError::into_inner);
    signed.iter().for_each(|group| store.insert(group));
    drop(store);
    if promises.0.feed.receiver_count() == 0 {
        return;
    }
    signed.iter().flat_map(|group| group.promises()).for_each(|promise| promises.tell(&promise));
}

/// Keeps a notice, and tells who listens.
fn say(promises: &Promises, issuer: &Issuer, saying: Saying, signature: Signature) {
    let fresh = promises.notices().put(saying, signature);
    if promises.0.notice_feed.receiver_count() == 0 {
        return;
    }
    let message = match &fresh {
        Fresh::Commitment(committed) => {
            commitment_json(&committed.signed, issuer.domain(), promises.0.key)
        }
        Fresh::Epoch(signed) => notice_json(signed, promises.0.key),
        // These are promises, and told as such.
        Fresh::Bundle(_) => return,
    };
    match to_raw_value(&message) {
        // Nobody listening is no error.
        Ok(message) => drop(promises.0.notice_feed.send(Arc::from(message))),
        Err(error) => tracing::warn!(%error, "a notice cannot be written as JSON"),
    }
}

impl Entry {
    /// Returns when the item was accepted whose position this promises.
    const fn accepted(&self) -> Option<Instant> {
        match self {
            Self::Statement(_, _, accepted) => *accepted,
            Self::Opened(..) | Self::Notice(_) | Self::Bundle(_) | Self::Forget => None,
        }
    }
}

impl Head {
    fn start(issuer: &Issuer, slot: SlotNumber, parent: B256) -> Self {
        let section = Section::Plaintext;
        let chain = chain_start(issuer.domain(), slot, section);
        Self { slot, parent, section, count: 0, chain }
    }

    fn checkpoint(self) -> Statement {
        let Self { slot, parent, section, count, chain } = self;
        let unix_ms = now_ms();
        Statement::Checkpoint(Checkpoint { slot, parent, section, count, chain, unix_ms })
    }
}

/// Returns the time, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
