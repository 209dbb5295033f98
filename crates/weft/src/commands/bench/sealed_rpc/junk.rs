//! Envelopes that their payers did not sign, sent beside honest ones.

use super::own_seconds;
use crate::load::{
    http::Connection,
    process::{NodeProcess, processor_seconds, resident_bytes},
};
use eyre::Result;
use serde_json::Value;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Connections that send junk.
pub(super) const CONNECTIONS: usize = 4;
/// Envelopes of junk in a request.
pub(super) const BATCH: usize = 100;
/// Longest time that junk is sent alone, to see what it costs.
const ALONE: Duration = Duration::from_secs(10);

/// Junk that was answered.
#[derive(Debug, Default)]
pub(super) struct Junk {
    refused: AtomicU64,
    taken: AtomicU64,
    /// How much is answered in all.
    most: u64,
}

/// What junk cost while nothing else was sent.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cost {
    /// Time to make one, beforehand.
    pub(super) making: f64,
    /// Processor time of the node, and of whoever sends.
    pub(super) node: f64,
    pub(super) sender: f64,
    pub(super) answered: f64,
    /// Memory of the node before, and after.
    pub(super) memory: [f64; 2],
}

impl Junk {
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, ..Self::default() })
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn is_done(&self) -> bool {
        self.answered() >= self.most
    }

    fn answered(&self) -> u64 {
        self.refused() + self.taken()
    }

    /// Starts senders, each of one request again and again; each says when it ended.
    pub(super) fn start(
        self: &Arc<Self>,
        url: &str,
        requests: Vec<Vec<u8>>,
    ) -> JoinSet<Result<Instant>> {
        let mut senders = JoinSet::new();
        for request in requests {
            let (url, junk) = (url.to_owned(), self.clone());
            senders.spawn(async move { junk.send(&url, &request).await });
        }
        senders
    }

    async fn send(&self, url: &str, request: &[u8]) -> Result<Instant> {
        let mut connection = Connection::open(url).await?;
        while !self.is_done() {
            let answers: Vec<Value> = serde_json::from_slice(connection.ask(request).await?)?;
            let refused = answers.iter().filter(|answer| answer.get("error").is_some()).count();
            self.refused.fetch_add(refused as u64, Ordering::Relaxed);
            self.taken.fetch_add((answers.len() - refused) as u64, Ordering::Relaxed);
        }
        Ok(Instant::now())
    }

    /// Waits until a tenth is answered, at most ten seconds, while nothing else is sent; returns what that cost.
    pub(super) async fn alone(&self, node: &NodeProcess) -> Result<Cost> {
        let (begun, id) = (Instant::now(), node.id()?);
        let (node_before, own_before) = (processor_seconds(id)?, own_seconds()?);
        let (before, memory) = (self.answered(), resident_bytes(id)? as f64);
        while self.answered() < self.most / 10 && begun.elapsed() < ALONE {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Cost {
            making: 0.0,
            node: processor_seconds(id)? - node_before,
            sender: own_seconds()? - own_before,
            answered: (self.answered() - before) as f64,
            memory: [memory, resident_bytes(id)? as f64],
        })
    }
}
