//! What the log's users and its writer thread share.

use crate::error::Poisoned;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

type Waiter = Box<dyn FnOnce(Result<(), Poisoned>) + Send>;

/// What the log's users and its writer thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
}

// Invariant: the waiting records are `next - records.len() .. next`, and waiters are for records after `told`.
pub(crate) struct State {
    /// Number of the next record.
    pub(crate) next: u64,
    /// Last record on disk.
    pub(crate) durable: u64,
    /// Last record on disk of which everybody was told who waited for it.
    told: u64,
    pub(crate) records: Vec<Vec<u8>>,
    /// Bytes of records that are not on disk.
    pub(crate) waiting_bytes: usize,
    waiters: BTreeMap<u64, Vec<Waiter>>,
    pub(crate) poison: Option<Poisoned>,
    pub(crate) is_closing: bool,
    pub(crate) remove_before: Option<u64>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("State");
        out.field("next", &self.next).field("durable", &self.durable);
        out.field("poison", &self.poison).finish_non_exhaustive()
    }
}

/// What the writer shall do next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write these records, the first of which has this number.
    Write(u64, Vec<Vec<u8>>),
    /// Remove segments that end before this record.
    Remove(u64),
    /// End.
    Stop,
}

impl Shared {
    pub(crate) fn new(next: u64) -> Arc<Self> {
        let state = State {
            next,
            durable: next - 1,
            told: next - 1,
            records: Vec::new(),
            waiting_bytes: 0,
            waiters: BTreeMap::new(),
            poison: None,
            is_closing: false,
            remove_before: None,
        };
        Arc::new(Self { state: Mutex::new(state), work: Condvar::new() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock calls foreign code.
        self.state.lock().expect("no holder of the lock panics")
    }

    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits for something to do.
    pub(crate) fn next_work(&self) -> Work {
        let mut state = self.lock();
        loop {
            if !state.records.is_empty() {
                let records = std::mem::take(&mut state.records);
                return Work::Write(state.next - records.len() as u64, records);
            }
            if let Some(before) = state.remove_before.take() {
                return Work::Remove(before);
            }
            if state.is_closing {
                return Work::Stop;
            }
            state = self.work.wait(state).expect("no holder of the lock panics");
        }
    }

    /// Tells everybody who waits for a record up to `last` that it is on disk.
    pub(crate) fn resolve(&self, last: u64, bytes: usize) {
        let mut state = self.lock();
        state.waiting_bytes -= bytes;
        state.durable = last;
        loop {
            let later = state.waiters.split_off(&(last + 1));
            let due = std::mem::replace(&mut state.waiters, later);
            if due.is_empty() {
                // Only now may others be told at once, or they would be told before those who waited.
                state.told = last;
                return;
            }
            drop(state);
            due.into_values().flatten().for_each(|waiter| waiter(Ok(())));
            state = self.lock();
        }
    }

    /// Stops the log for good and tells everybody who waits.
    pub(crate) fn poison(&self, why: &str) {
        let mut state = self.lock();
        let poison = state.poison.get_or_insert_with(|| Poisoned(why.into())).clone();
        state.records.clear();
        state.waiting_bytes = 0;
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_values().flatten().for_each(|waiter| waiter(Err(poison.clone())));
    }

    fn when_durable(&self, sequence: u64, waiter: Waiter) {
        let mut state = self.lock();
        let told = if sequence <= state.told {
            Ok(())
        } else if let Some(poison) = state.poison.clone().filter(|_| sequence > state.durable) {
            Err(poison)
        } else {
            state.waiters.entry(sequence).or_default().push(waiter);
            return;
        };
        drop(state);
        waiter(told);
    }
}

/// Resolves when a record, and with it every earlier one, is on disk.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub(crate) sequence: u64,
    pub(crate) shared: Arc<Shared>,
}

impl Ticket {
    /// Returns the number of the record.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns true when the record is on disk.
    pub fn is_durable(&self) -> bool {
        self.sequence <= self.shared.lock().durable
    }

    /// Calls `then` when the record is on disk, or when that can no longer be said: at once, or on the writer's
    /// thread, which must not be kept waiting. Callbacks come in the order of their records.
    pub fn when_durable(&self, then: impl FnOnce(Result<(), Poisoned>) + Send + 'static) {
        self.shared.when_durable(self.sequence, Box::new(then));
    }

    /// Waits until the record is on disk.
    ///
    /// # Errors
    ///
    /// [`Poisoned`] when the log stopped before.
    pub fn wait(&self) -> Result<(), Poisoned> {
        let (told, tell) = std::sync::mpsc::sync_channel(1);
        self.when_durable(move |result| {
            // Nobody else has the other end.
            let _ = told.send(result);
        });
        tell.recv().expect("every waiter is told")
    }
}
