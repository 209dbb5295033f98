//! From raw transactions to the engine.
//!
//! ```text
//!  raw ─► room? ─► recover senders (threads of their own) ─► one job for the engine, in the order of the request
//!          │ no
//!          └─► -32005 with `retryAfterMs`, at once
//! ```
//!
//! Nothing waits here without a bound, and what is refused never reaches the engine's log.

use crate::{
    engine::EngineHandle,
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
        let workers = ThreadPoolBuilder::new().thread_name(name).build();
        Ok(Self(Arc::new(Shared {
            limits,
            transactions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            pace: AtomicU64::new(0),
            workers: workers.map_err(std::io::Error::other)?,
        })))
    }

    /// Takes room for as many transactions as there is room for, from the first one on.
    fn enter(&self, raws: &[Bytes]) -> Room {
        let mut room = Room { shared: self.0.clone(), transactions: 0, bytes: 0 };
        for raw in raws {
            let bytes = raw.len() + ENTRY_BYTES;
            if !take(&self.0.transactions, 1, self.0.limits.transactions) {
                break;
            }
            room.transactions += 1;
            if !take(&self.0.bytes, bytes, self.0.limits.bytes) {
                room.transactions -= 1;
                self.0.transactions.fetch_sub(1, Ordering::Relaxed);
                break;
            }
            room.bytes += bytes;
        }
        room
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

    /// Decodes transactions and recovers their senders, in order.
    async fn recover(&self, raws: Vec<Bytes>) -> Vec<RpcResult<SignedTx>> {
        if raws.len() <= INLINE {
            return raws.into_iter().map(decode).collect();
        }
        let parts = raws.chunks(PART).map(|part| {
            let (part, (done, is_done)) = (part.to_vec(), oneshot::channel());
            self.0.workers.spawn_fifo(move || {
                // A client that went away needs no senders.
                let _ = done.send(part.into_iter().map(decode).collect::<Vec<_>>());
            });
            is_done
        });
        let mut out = Vec::with_capacity(raws.len());
        for part in parts.collect::<Vec<_>>() {
            match part.await {
                Ok(part) => out.extend(part),
                Err(_) => out.push(Err(RpcError::new(-32603, "signatures cannot be checked"))),
            }
        }
        out
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
    /// that was accepted is safe.
    pub(crate) async fn send_raw(
        &self,
        network: NetworkId,
        mut raws: Vec<Bytes>,
    ) -> Vec<RpcResult<B256>> {
        let count = raws.len();
        let intake = self.intake();
        let room = intake.enter(&raws);
        raws.truncate(room.transactions);
        let mut answers = Vec::with_capacity(count);
        if !raws.is_empty() {
            let recovered = intake.recover(raws).await;
            answers = self.send_recovered(network, recovered, room).await;
        }
        answers.resize_with(count, || Err(intake.full()));
        answers
    }

    async fn send_recovered(
        &self,
        network: NetworkId,
        txs: Vec<RpcResult<SignedTx>>,
        room: Room,
    ) -> Vec<RpcResult<B256>> {
        let (count, intake) = (txs.len(), self.intake().clone());
        let sent = self.call(move |engine| {
            let begun = Instant::now();
            let answers = engine.send_all(network, txs);
            intake.took(begun.elapsed(), answers.len());
            drop(room);
            answers
        });
        sent.await.unwrap_or_else(|error| vec![Err(error); count])
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
    fn room_is_given_from_the_first_on_and_given_back() {
        let intake = Intake::new(IntakeLimits { transactions: 5, bytes: 10_000 }).unwrap();
        let first = intake.enter(&raws(3));
        let second = intake.enter(&raws(3));
        assert_eq!((first.transactions, second.transactions), (3, 2));
        assert_eq!(intake.enter(&raws(1)).transactions, 0);
        drop(first);
        assert_eq!(intake.enter(&raws(9)).transactions, 3);
        drop(second);
        let used = (&intake.0.transactions, &intake.0.bytes);
        assert_eq!((used.0.load(Ordering::Relaxed), used.1.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let intake = Intake::new(IntakeLimits { transactions: 100, bytes: 1_500 }).unwrap();
        assert_eq!(intake.enter(&raws(9)).transactions, 2);
    }

    #[test]
    fn the_time_to_try_again_follows_what_waits() {
        let intake = Intake::new(IntakeLimits { transactions: 5_000, bytes: usize::MAX }).unwrap();
        assert_eq!(intake.retry_after(), Duration::from_millis(10));
        let _room = intake.enter(&raws(5_000));
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
        let answers = intake.recover((0..100).map(oversized).collect()).await;
        let is_oversized = |answer: &RpcResult<SignedTx>| {
            answer.as_ref().unwrap_err().message.starts_with("oversized")
        };
        let found: Vec<_> = answers.iter().map(is_oversized).collect();
        assert_eq!(found, (0..100).map(|index| index % 2 == 1).collect::<Vec<_>>());
    }
}
