//! The log under the engine: what is noted, and who waits until it is safe.

use super::{ChainEvent, Engine, taken_back::TakenBack};
use crate::{
    promises::Promises,
    record::{Closed, Record},
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::B256;
use std::{collections::VecDeque, fs::File, sync::Arc, time::Duration};
use tokio::sync::broadcast;
use weft_journal::{Journal, Ticket};
use weft_types::codec::Encode;

/// When to try again while the disk or the signer is behind.
const BEHIND: Duration = Duration::from_millis(100);

/// Where inputs are noted.
#[derive(Debug, Default)]
pub(super) enum Log {
    /// Nowhere: the node forgets everything when it stops.
    #[default]
    Nowhere,
    /// They come from the log.
    Replaying {
        /// What closings led to, in their order, until the log confirmed it: one input may close more than one slot.
        closed: VecDeque<Closed>,
        /// Number of the record that is repeated.
        sequence: u64,
        /// What L1 took back by the end of the log.
        back: Arc<TakenBack>,
    },
    /// In a log on disk.
    Open(OpenLog),
}

/// A log on disk.
#[derive(Debug)]
pub(super) struct OpenLog {
    journal: Journal,
    /// The last closing of a slot, until it is on disk.
    closing: Option<Ticket>,
    /// True when the answer of the running job promises something.
    is_promise: bool,
    /// True when the node has said that the log stopped.
    has_complained: bool,
    /// Keeps other nodes out of the data directory.
    lock: Option<File>,
}

impl OpenLog {
    pub(super) const fn new(journal: Journal, lock: Option<File>) -> Self {
        let (is_promise, has_complained) = (false, false);
        Self { journal, closing: None, is_promise, has_complained, lock }
    }

    /// Returns a ticket for everything noted so far.
    pub(super) fn last(&self) -> Ticket {
        self.journal.last()
    }

    /// Removes what no recovery needs any more.
    pub(super) fn remove_before(&self, sequence: u64) {
        self.journal.remove_before(sequence);
    }

    /// Returns what the answer of the job that just ran has to wait for.
    fn awaited(&mut self) -> Option<(Ticket, bool)> {
        self.closing.take_if(|closing| closing.is_durable());
        if std::mem::take(&mut self.is_promise) {
            return Some((self.journal.last(), true));
        }
        // The hash of a block that was shown must never change.
        self.closing.clone().map(|closing| (closing, false))
    }
}

/// What the log says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogHealth {
    /// Last record.
    pub(crate) last: u64,
    /// Last record that is on disk.
    pub(crate) durable: u64,
    /// Last record from which a start would not have to repeat anything.
    pub(crate) kept: Option<u64>,
    /// Why it stopped, when it did.
    pub(crate) failure: Option<String>,
}

impl Engine {
    /// Writes an input, or a check of one, to the log.
    pub(super) fn note(&mut self, record: impl FnOnce() -> Record) {
        let (Log::Open(log), None) = (&mut self.log, &self.broken) else {
            // What a broken realm led to must not be repeated.
            return;
        };
        let record = record();
        // A log that stopped refuses what comes, and the promise of this job fails with it.
        if let Ok(ticket) = log.journal.append(record.encode())
            && matches!(record, Record::Turn { .. } | Record::Closed(_) | Record::Revealed { .. })
        {
            log.closing = Some(ticket);
        }
    }

    /// Hands over what keeps other nodes out.
    pub(super) fn take_lock(&mut self) -> Option<File> {
        let Log::Open(log) = &mut self.log else { return None };
        log.lock.take()
    }

    /// Returns the number of the record that was noted or repeated last.
    pub(super) fn last_record(&self) -> u64 {
        match &self.log {
            Log::Nowhere => 0,
            Log::Replaying { sequence, .. } => *sequence,
            Log::Open(log) => log.last().sequence(),
        }
    }

    /// Returns true when the log says that L1 took a block back, or will.
    pub(super) fn is_gone(&self, block: &B256) -> bool {
        matches!(&self.log, Log::Replaying { back, .. } if back.is_gone(block))
    }

    /// Returns true while something is repeated behind what L1 took back: it may come out otherwise than it did.
    pub(super) fn is_folded_again(&self) -> bool {
        matches!(&self.log, Log::Replaying { back, sequence, .. } if back.is_unsure(*sequence))
    }

    /// Notes what closing a slot led to.
    pub(super) fn note_closed(&mut self, closed: Closed) {
        match &mut self.log {
            Log::Replaying { closed: waiting, .. } => waiting.push_back(closed),
            Log::Nowhere | Log::Open(_) => self.note(|| Record::Closed(closed)),
        }
    }

    /// Says that this job takes something in, and that its answer leaves only when all of it is on disk.
    pub(crate) fn durably(&mut self) -> RpcResult<()> {
        self.check_intake()?;
        if self.outbox.promises().is_some_and(Promises::is_behind) {
            return Err(RpcError::busy("too much waits for a signature", BEHIND));
        }
        self.promises()
    }

    /// Says that the answer of this job promises something, so that it leaves only when all of it is on disk.
    pub(crate) fn promises(&mut self) -> RpcResult<()> {
        if let Some(why) = self.stopped_because() {
            return Err(not_durable(&why));
        }
        let is_behind = self.is_keeping_behind();
        let Log::Open(log) = &mut self.log else { return Ok(()) };
        if is_behind || log.journal.is_behind() {
            return Err(RpcError::busy("too much waits for the disk", BEHIND));
        }
        log.is_promise = true;
        Ok(())
    }

    /// Calls `then` when the answer of the job that just ran may leave: at once, or on the log's thread.
    pub(super) fn when_safe(&mut self, then: impl FnOnce(RpcResult<()>) + Send + 'static) {
        let Log::Open(log) = &mut self.log else { return then(Ok(())) };
        match log.awaited() {
            None => then(Ok(())),
            // When the log stopped, clients may still read.
            Some((ticket, is_promise)) => ticket.when_durable(move |result| match result {
                Err(why) if is_promise => then(Err(not_durable(&why.to_string()))),
                Ok(()) | Err(_) => then(Ok(())),
            }),
        }
    }

    /// Calls `then` when everything noted so far is on disk; never, when that can no longer be.
    pub(super) fn when_durable(&self, then: impl FnOnce() + Send + 'static) {
        match &self.log {
            Log::Nowhere => then(),
            Log::Replaying { .. } => {}
            Log::Open(log) => log.journal.last().when_durable(move |result| {
                if result.is_ok() {
                    then();
                }
            }),
        }
    }

    /// Waits until everything noted so far is on disk and whoever waited for that was called, or until it is clear
    /// that it never will be.
    pub(crate) fn flush(&self) {
        let (done, is_done) = std::sync::mpsc::channel();
        self.when_durable(move || {
            let _ = done.send(());
        });
        // A log that stopped drops the other end; it has complained.
        let _ = is_done.recv();
    }

    /// Writes the figures when everything that they count is on disk.
    pub(super) fn save_figures(&self) {
        let Some(saved) = self.saved.clone() else { return };
        let (record, text) = (self.log_health().map_or(0, |log| log.last), self.metrics.text());
        let write = move || {
            if let Err(error) = saved.write(record, &text) {
                tracing::warn!(%error, "figures cannot be written");
            }
        };
        // Neither the engine nor the log waits for this file.
        self.when_durable(move || drop(std::thread::spawn(write)));
    }

    /// Tells subscribers when what they hear is on disk.
    pub(super) fn send_when_safe(&self, to: broadcast::Sender<ChainEvent>, event: ChainEvent) {
        // Nobody listening is no error.
        self.when_durable(move || drop(to.send(event)));
    }

    /// Returns true when log or database stopped: no slot opens or closes any more, and nothing is signed.
    pub(super) fn has_stopped(&mut self) -> bool {
        self.collect_kept();
        let Some(why) = self.stopped_because() else { return false };
        let Log::Open(log) = &mut self.log else { return true };
        if !std::mem::replace(&mut log.has_complained, true) {
            tracing::error!(%why, "nothing is accepted any more; free the disk and start again");
            self.outbox.stop(&why);
        }
        true
    }

    /// Returns why nothing is accepted any more.
    pub(super) fn stopped_because(&self) -> Option<String> {
        let log = match &self.log {
            Log::Open(log) => log.journal.failure().map(|why| why.to_string()),
            Log::Nowhere | Log::Replaying { .. } => None,
        };
        let state = || Some(format!("the state cannot be written: {}", self.keep_failure()?));
        self.broken.clone().or(log).or_else(state)
    }

    /// Refuses what is in no log, so that recovery could not repeat it.
    pub(crate) fn check_cheat(&self) -> RpcResult<()> {
        match &self.log {
            Log::Nowhere => Ok(()),
            Log::Replaying { .. } | Log::Open(_) => Err(RpcError::refused(
                "development helpers that change state or time are off in a node with a data directory",
            )),
        }
    }

    pub(super) const fn is_durable(&self) -> bool {
        matches!(self.log, Log::Open(_) | Log::Replaying { .. })
    }

    /// Returns true while inputs come from the log.
    pub(super) const fn is_repeating(&self) -> bool {
        matches!(self.log, Log::Replaying { .. })
    }

    /// Returns what the log says about itself; `None` without one.
    pub(crate) fn log_health(&self) -> Option<LogHealth> {
        let Log::Open(log) = &self.log else { return None };
        let failure = self.stopped_because();
        Some(LogHealth {
            last: log.journal.last().sequence(),
            durable: log.journal.durable(),
            kept: self.safe_sequence(),
            failure,
        })
    }
}

fn not_durable(why: &str) -> RpcError {
    RpcError::new(
        -32603,
        format!("not durable: {why}; the node accepts nothing until it is started again"),
    )
}
