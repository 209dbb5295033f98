//! Transactions in clear beside the sealed ones: how long until their results are promised.

use crate::load::{
    http::Connection,
    stats::Times,
    traffic::{Kind, Senders},
};
use eyre::{Result, ensure};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Time between two transactions.
const EVERY: Duration = Duration::from_millis(20);

/// What happens beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Beside {
    /// Nothing. Next: any.
    Nothing = 0,
    /// Something that is not looked at, as making envelopes. Next: any.
    Anything = 1,
    /// Envelopes are ordered, wait, or are opened. Next: any.
    Sealed = 2,
    /// It is over. Nothing comes next.
    Over = 3,
}

/// Sends one transaction after the other until it is over.
#[derive(Debug)]
pub(super) struct Plain {
    beside: Arc<AtomicU8>,
    running: JoinHandle<Result<[Times; 2]>>,
}

impl Plain {
    /// Starts, with an account that nobody else sends from.
    pub(super) fn start(url: &str, senders: &Arc<Senders>, sender: usize) -> Self {
        let beside = Arc::new(AtomicU8::new(Beside::Nothing as u8));
        let running = tokio::spawn(send(url.to_owned(), senders.clone(), sender, beside.clone()));
        Self { beside, running }
    }

    pub(super) fn beside(&self, what: Beside) {
        self.beside.store(what as u8, Ordering::Relaxed);
    }

    /// Ends it; returns the times with nothing beside, and those with sealed items.
    pub(super) async fn end(self) -> Result<[Times; 2]> {
        self.beside(Beside::Over);
        self.running.await?
    }
}

async fn send(
    url: String,
    senders: Arc<Senders>,
    sender: usize,
    beside: Arc<AtomicU8>,
) -> Result<[Times; 2]> {
    let mut connection = Connection::open(&url).await?;
    let [mut quiet, mut sealed] = [Times::default(), Times::default()];
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    for nonce in 0.. {
        every.tick().await;
        let before = beside.load(Ordering::Relaxed);
        if before == Beside::Over as u8 {
            break;
        }
        let tx = senders.sign(Kind::Ether, sender, nonce)?;
        let begun = Instant::now();
        connection.call("eth_sendRawTransaction", json!([tx.hex()])).await?;
        let told = connection.call("weft_getPromise", json!([tx.hash])).await?;
        let lasted = begun.elapsed();
        ensure!(!told["execution"].is_null(), "a transaction in clear has no promise: {told}");
        // What began in one and ended in another says nothing about either.
        match (before, beside.load(Ordering::Relaxed)) {
            (0, 0) => quiet.push(lasted),
            (2, 2) => sealed.push(lasted),
            _ => {}
        }
    }
    Ok([quiet, sealed])
}
