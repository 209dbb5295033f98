//! A histogram of times that can be set to what it was before a restart.

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the latency buckets, in seconds: from a transfer's execution to slots of several seconds.
const SECONDS: [f64; 14] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// A histogram of times. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latency(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    nanoseconds: AtomicU64,
    /// Times up to each bound and above the one before; the last ones are above all bounds.
    buckets: [AtomicU64; SECONDS.len() + 1],
}

impl Latency {
    /// Counts a time.
    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = SECONDS.partition_point(|bound| *bound < seconds);
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        // Wraps after 584 years of waiting.
        self.0.nanoseconds.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Adds the times that an earlier run added up.
    pub(super) fn add_seconds(&self, seconds: f64) {
        if seconds.is_finite() && seconds >= 0.0 {
            self.0.nanoseconds.fetch_add((seconds * 1e9).round() as u64, Ordering::Relaxed);
        }
    }

    /// Adds what an earlier run counted up to a bound, as text has it: smaller times are in it.
    ///
    /// Bounds have to come in increasing order. A bound that there is no longer is left out: its times count for the
    /// next one.
    pub(super) fn add_up_to(&self, bound: f64, times: u64) {
        let bucket = match SECONDS.iter().position(|known| *known == bound) {
            Some(bucket) => bucket,
            None if bound.is_infinite() => SECONDS.len(),
            None => return,
        };
        let below: u64 = self.0.buckets[..bucket].iter().map(|b| b.load(Ordering::Relaxed)).sum();
        let own = times.saturating_sub(below);
        self.0.buckets[bucket].fetch_add(own, Ordering::Relaxed);
    }
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let times = buckets.iter().map(|(_, times)| times).sum();
        let seconds = self.0.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(seconds, times, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}
