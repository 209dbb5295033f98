//! The thread that commits.

use super::{News, UndoRow};
use crate::priority;
use std::{
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread::JoinHandle,
};
use weft_journal::Ticket;
use weft_state::{Database, Durability, Staged, StoreError};

/// A batch to commit.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) news: News,
    /// Last record of the log that the news cover.
    pub(crate) sequence: u64,
    pub(crate) durability: Durability,
    /// The way back to be kept with it.
    pub(crate) undo: Option<UndoRow>,
    /// What has to be on disk first: a database must never know more than the log.
    pub(crate) after: Option<Ticket>,
}

/// A batch that was committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) sequence: u64,
    pub(crate) durability: Durability,
}

/// A running keeper. It has one order at a time.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Option<Sender<Order>>,
    answers: Receiver<Result<Done, StoreError>>,
    is_busy: bool,
    failure: Option<StoreError>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(database: Database) -> std::io::Result<Self> {
        let (orders, inbox) = channel::<Order>();
        let (answer, answers) = channel();
        let thread = std::thread::Builder::new().name("weft-keeper".to_owned());
        let thread = thread.spawn(move || {
            // Nobody waits for it: what it writes is in the log already.
            priority::stand_behind();
            let mut held = Vec::new();
            for order in inbox {
                let Some(done) = carry_out(&database, order, &mut held) else { return };
                if answer.send(done).is_err() {
                    return;
                }
            }
        })?;
        let orders = Some(orders);
        Ok(Self { orders, answers, is_busy: false, failure: None, thread: Some(thread) })
    }

    /// Hands over an order.
    ///
    /// # Panics
    ///
    /// Panics while the keeper is busy.
    pub(crate) fn send(&mut self, order: Order) {
        assert!(!self.is_busy, "a keeper has one order at a time");
        // One that ended after an error says so when it is asked.
        self.is_busy = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
    }

    pub(crate) const fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Returns why nothing is committed any more.
    pub(crate) const fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    /// Returns what was committed since the last time, without waiting.
    pub(crate) fn poll(&mut self) -> Option<Done> {
        match self.answers.try_recv() {
            Ok(answer) => self.heard(answer),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// Waits for the order that is being carried out.
    pub(crate) fn wait(&mut self) -> Option<Done> {
        if !self.is_busy {
            return None;
        }
        match self.answers.recv() {
            Ok(answer) => self.heard(answer),
            // The log stopped before.
            Err(_) => None,
        }
    }

    fn heard(&mut self, answer: Result<Done, StoreError>) -> Option<Done> {
        self.is_busy = false;
        answer.map_err(|error| self.failure.get_or_insert(error).clone()).ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        // A keeper that panicked committed nothing more.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Carries out an order; `None` when the log stopped, so that nothing may follow.
///
/// `held` keeps the writes of states until the next order, when the engine reads past them: to free them takes
/// milliseconds, which the engine must not lose.
fn carry_out(
    database: &Database,
    order: Order,
    held: &mut Vec<Staged>,
) -> Option<Result<Done, StoreError>> {
    let Order { news, sequence, durability, undo, after } = order;
    if after.is_some_and(|ticket| ticket.wait().is_err()) {
        return None;
    }
    let done = Done { sequence, durability };
    let committed = commit(database, news, undo, durability);
    Some(committed.map(|states| {
        *held = states;
        done
    }))
}

/// Commits, and returns the writes of states.
fn commit(
    database: &Database,
    news: News,
    undo: Option<UndoRow>,
    durability: Durability,
) -> Result<Vec<Staged>, StoreError> {
    let view = database.view()?;
    let (mut batch, states) = news.into_batch(&*view)?;
    undo.map_or(Ok(()), |undo| undo.add_to(&mut batch, &*view))?;
    database.commit(&batch, durability)?;
    Ok(states)
}
