//! From raw transactions to the engine.
//!
//! ```text
//!  raw ─► room? ─► recover senders (threads of their own) ─► jobs for the engine, in the order of the request
//!          │ no
//!          └─► -32005 with `retryAfterMs`, at once
//! ```
//!
//! Long requests go part by part, so that the engine is free for others between two parts.
//! Nothing waits here without a bound, and what is refused never reaches the engine's log.

use crate::{
    engine::{Engine, EngineHandle, stopped},
    priority,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::{B256, Bytes};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use weft_types::{NetworkId, SignedTx};

/// Transactions whose senders are recovered by one piece of work; about a millisecond.
const PART: usize = 32;
/// Most transactions of a request whose senders its own task recovers.
const INLINE: usize = 4;
/// Longest time to name for trying again.
const LONGEST: Duration = Duration::from_secs(10);
/// What a transaction costs beside its raw bytes.
const ENTRY_BYTES: usize = 512;

/// Bounds on what is on its way to the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IntakeLimits {
    /// Most transactions.
    pub(crate) transactions: usize,
    /// Most bytes of them.
    pub(crate) bytes: usize,
}

/// Way of raw transactions to the engine. Clones share their bounds.
#[derive(Debug, Clone)]
pub(crate) struct Intake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: IntakeLimits,
    transactions: AtomicUsize,
    bytes: AtomicUsize,
    /// Nanoseconds that the engine took for a transaction, on average over the last ones.
    pace: AtomicU64,
    workers: ThreadPool,
}

/// Room of transactions that are on their way; it is free again when this is dropped.
#[derive(Debug)]
struct Room {
    shared: Arc<Shared>,
    transactions: usize,
    bytes: usize,
}

impl Intake {
    pub(crate) fn new(limits: IntakeLimits) -> std::io::Result<Self> {
        let name = |index| format!("weft-recover-{index}");
        let workers = ThreadPoolBuilder::new()
            .thread_name(name)
            .start_handler(|_| priority::make_way())
            .build();
        Ok(Self(Arc::new(Shared {
            limits,
            transactions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            pace: AtomicU64::new(0),
            workers: workers.map_err(std::io::Error::other)?,
        })))
    }

    /// Takes room for all transactions of a request, or for none: a refusal that waited for what was accepted beside it
    /// would not be said at once, and would leave a gap of nonces.
    fn enter(&self, raws: &[Bytes]) -> Option<Room> {
        let shared = self.0.clone();
        let limits = shared.limits;
        let transactions = raws.len();
        let bytes = raws.iter().map(|raw| raw.len() + ENTRY_BYTES).sum();
        if !take(&shared.transactions, transactions, limits.transactions) {
            return None;
        }
        // What was taken is given back with the room.
        let mut room = Room { shared, transactions, bytes: 0 };
        let has_bytes = take(&room.shared.bytes, bytes, limits.bytes);
        room.bytes = if has_bytes { bytes } else { 0 };
        has_bytes.then_some(room)
    }

    /// Refuses a transaction for want of room.
    pub(crate) fn full(&self) -> RpcError {
        RpcError::busy("too many transactions are on their way", self.retry_after())
    }

    /// Returns how long what is on its way will keep the engine busy.
    pub(crate) fn retry_after(&self) -> Duration {
        let waiting = self.0.transactions.load(Ordering::Relaxed) as u64;
        let nanos = self.0.pace.load(Ordering::Relaxed).saturating_mul(waiting);
        Duration::from_nanos(nanos).clamp(Duration::from_millis(10), LONGEST)
    }

    fn took(&self, time: Duration, transactions: usize) {
        let each = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / transactions.max(1) as u64;
        let old = self.0.pace.load(Ordering::Relaxed);
        // Only the engine's thread writes.
        self.0.pace.store(old - old / 8 + each / 8, Ordering::Relaxed);
    }

    /// Decodes transactions and recovers their senders; the parts of the request come in its order.
    fn recover(&self, raws: Vec<Bytes>) -> Vec<Part> {
        if raws.len() <= INLINE {
            return vec![Part::Here(raws.into_iter().map(decode).collect())];
        }
        let part = |raws: &[Bytes]| {
            let (raws, count, (done, recovered)) = (raws.to_vec(), raws.len(), oneshot::channel());
            self.0.workers.spawn_fifo(move || {
                // A client that went away needs no senders.
                let _ = done.send(raws.into_iter().map(decode).collect());
            });
            Part::Elsewhere { count, recovered }
        };
        raws.chunks(PART).map(part).collect()
    }
}

type Recovered = Vec<RpcResult<SignedTx>>;

/// Some transactions of a request.
#[derive(Debug)]
enum Part {
    Here(Recovered),
    Elsewhere { count: usize, recovered: oneshot::Receiver<Recovered> },
}

impl Part {
    async fn recovered(self) -> Recovered {
        match self {
            Self::Here(recovered) => recovered,
            Self::Elsewhere { count, recovered } => recovered.await.unwrap_or_else(|_| {
                vec![Err(RpcError::new(-32603, "signatures cannot be checked")); count]
            }),
        }
    }
}

/// A part of a request that is on its way to the engine, or why it is not.
struct Sent {
    count: usize,
    answers: RpcResult<oneshot::Receiver<RpcResult<Vec<RpcResult<B256>>>>>,
}

impl Sent {
    const fn is_on_its_way(&self) -> bool {
        self.answers.is_ok()
    }

    async fn answers(self) -> Vec<RpcResult<B256>> {
        let answers = match self.answers {
            Ok(answers) => answers.await.unwrap_or_else(|_| Err(stopped())),
            Err(error) => Err(error),
        };
        answers.unwrap_or_else(|error| vec![Err(error); self.count])
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.transactions.fetch_sub(self.transactions, Ordering::Relaxed);
        self.shared.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl EngineHandle {
    /// Takes raw transactions for a rollup, in order; returns the hash of each, or why it is refused. Answers when all
    /// that was accepted is safe; at once when there is no room.
    pub(crate) async fn send_raw(
        &self,
        network: NetworkId,
        raws: Vec<Bytes>,
    ) -> Vec<RpcResult<B256>> {
        let intake = self.intake();
        let Some(room) = intake.enter(&raws) else { return vec![Err(intake.full()); raws.len()] };
        if raws.is_empty() {
            return Vec::new();
        }
        let (room, mut sent) = (Arc::new(room), Vec::new());
        for part in intake.recover(raws) {
            let recovered = part.recovered().await;
            // What was begun goes on: a part that is refused would leave a gap of nonces.
            let waits = sent.iter().any(Sent::is_on_its_way);
            sent.push(self.send_recovered(network, recovered, room.clone(), waits).await);
        }
        let mut answers = Vec::new();
        for part in sent {
            answers.extend(part.answers().await);
        }
        answers
    }

    async fn send_recovered(
        &self,
        network: NetworkId,
        txs: Recovered,
        room: Arc<Room>,
        waits: bool,
    ) -> Sent {
        let (count, intake) = (txs.len(), self.intake().clone());
        let job = move |engine: &mut Engine| {
            let begun = Instant::now();
            let answers = engine.send_all(network, txs);
            intake.took(begun.elapsed(), answers.len());
            drop(room);
            answers
        };
        Sent { count, answers: self.queue(job, waits).await }
    }
}

fn decode(raw: Bytes) -> RpcResult<SignedTx> {
    Ok(SignedTx::decode(raw)?)
}

/// Adds to a count unless it would be over the limit then.
fn take(count: &AtomicUsize, by: usize, limit: usize) -> bool {
    let add = |now: usize| now.checked_add(by).filter(|sum| *sum <= limit);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raws(count: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![0; 88]); count]
    }

    #[test]
    fn room_is_for_all_or_none_and_is_given_back() {
        let intake = Intake::new(IntakeLimits { transactions: 5, bytes: 10_000 }).unwrap();
        let used = || {
            let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
            (load(&intake.0.transactions), load(&intake.0.bytes))
        };
        let first = intake.enter(&raws(3)).unwrap();
        assert!(intake.enter(&raws(3)).is_none());
        assert_eq!(used(), (3, 1_800));
        let second = intake.enter(&raws(2)).unwrap();
        assert!(intake.enter(&raws(1)).is_none() && intake.enter(&raws(0)).is_some());
        drop((first, second));
        assert_eq!(used(), (0, 0));
        assert!(intake.enter(&raws(6)).is_none() && intake.enter(&raws(5)).is_some());
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let intake = Intake::new(IntakeLimits { transactions: 100, bytes: 1_500 }).unwrap();
        assert!(intake.enter(&raws(3)).is_none());
        assert_eq!(intake.0.transactions.load(Ordering::Relaxed), 0);
        assert!(intake.enter(&raws(2)).is_some());
    }

    #[test]
    fn the_time_to_try_again_follows_what_waits() {
        let intake = Intake::new(IntakeLimits { transactions: 5_000, bytes: usize::MAX }).unwrap();
        assert_eq!(intake.retry_after(), Duration::from_millis(10));
        let _room = intake.enter(&raws(5_000)).unwrap();
        for _ in 0..100 {
            intake.took(Duration::from_micros(100), 1);
        }
        let after = intake.retry_after();
        assert!(
            (Duration::from_millis(400)..=Duration::from_millis(500)).contains(&after),
            "{after:?}"
        );
        intake.took(Duration::from_secs(1_000_000), 1);
        assert_eq!(intake.retry_after(), LONGEST);
        let error = intake.full();
        assert_eq!(
            (error.code, error.data),
            (-32005, Some(serde_json::json!({ "retryAfterMs": 10_000 })))
        );
    }

    #[tokio::test]
    async fn answers_keep_the_order_of_the_request() {
        let intake = Intake::new(IntakeLimits { transactions: 500, bytes: usize::MAX }).unwrap();
        let oversized = |index: usize| Bytes::from(vec![0; (index % 2) * 200_000]);
        let mut answers = Vec::new();
        for part in intake.recover((0..100).map(oversized).collect()) {
            answers.extend(part.recovered().await);
        }
        let is_oversized = |answer: &RpcResult<SignedTx>| {
            answer.as_ref().unwrap_err().message.starts_with("oversized")
        };
        let found: Vec<_> = answers.iter().map(is_oversized).collect();
        assert_eq!(found, (0..100).map(|index| index % 2 == 1).collect::<Vec<_>>());
    }
}
