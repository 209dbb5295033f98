//! Figures of a running node, in the text format of Prometheus.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_evm::ClosedBlock;
use weft_types::{Outcome, RemovalCause};

/// Upper bounds of the latency buckets, in seconds: from a transfer's execution to slots of several seconds.
const SECONDS: [f64; 14] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// Where an item is, counted from its acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Stage {
    /// It has a position.
    Positioned,
    /// It was executed or removed.
    Executed,
    /// Its slot is closed: its blocks exist.
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AtStage {
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnChain {
    chain: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    code: i32,
}

/// Figures of a running node. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    stages: Family<AtStage, Histogram, fn() -> Histogram>,
    items: Family<Ended, Counter>,
    blocks: Family<OnChain, Counter>,
    transactions: Family<OnChain, Counter>,
    gas: Family<OnChain, Counter>,
    heads: Family<OnChain, Gauge>,
    waiting: Gauge,
    requests: Family<Answered, Counter>,
    request_seconds: Histogram,
}

fn latency() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            stages: Family::new_with_constructor(latency),
            items: Family::default(),
            blocks: Family::default(),
            transactions: Family::default(),
            gas: Family::default(),
            heads: Family::default(),
            waiting: Gauge::default(),
            requests: Family::default(),
            request_seconds: latency(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("weft");
        let stage = "Seconds from an item's acceptance to a stage";
        registry.register("stage_seconds", stage, self.stages.clone());
        registry.register("items", "Items that left the fold, by outcome", self.items.clone());
        registry.register("blocks", "Blocks closed", self.blocks.clone());
        let transactions = "Transactions in closed blocks, inbound work included";
        registry.register("transactions", transactions, self.transactions.clone());
        registry.register("gas_used", "Gas used in closed blocks", self.gas.clone());
        registry.register("head_block", "Number of the last block", self.heads.clone());
        let waiting = "Transactions that wait for a nonce or for block space";
        registry.register("waiting_transactions", waiting, self.waiting.clone());
        let requests = "Requests answered, by method and error code (0 for none)";
        registry.register("requests", requests, self.requests.clone());
        let seconds = "Seconds to answer a request";
        registry.register("request_seconds", seconds, self.request_seconds.clone());
        registry
    }

    /// Counts an item that reached a stage.
    pub(crate) fn reached(&self, stage: Stage, accepted: Instant) {
        let seconds = accepted.elapsed().as_secs_f64();
        self.stages.get_or_create(&AtStage { stage }).observe(seconds);
    }

    /// Counts what became of an item.
    pub(crate) fn ended(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Included => "included",
            Outcome::Removed(removal) => cause(removal.cause),
        };
        self.items.get_or_create(&Ended { outcome }).inc();
    }

    /// Counts a closed block.
    pub(crate) fn closed(&self, chain: u64, block: &ClosedBlock) {
        let on = OnChain { chain };
        self.blocks.get_or_create(&on).inc();
        self.transactions.get_or_create(&on).inc_by(block.transactions.len() as u64);
        self.gas.get_or_create(&on).inc_by(block.header.gas_used);
        self.heads.get_or_create(&on).set(block.header.number as i64);
    }

    /// Notes how many transactions wait.
    pub(crate) fn waiting(&self, transactions: usize) {
        self.waiting.set(transactions as i64);
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, method: &'static str, code: i32, took: Duration) {
        self.requests.get_or_create(&Answered { method, code }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// Returns every figure as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }
}

/// Returns the name of a cause as it stands in the figures.
const fn cause(cause: RemovalCause) -> &'static str {
    match cause {
        RemovalCause::Failed => "failed",
        RemovalCause::Sibling => "sibling",
        RemovalCause::Undecryptable => "undecryptable",
        RemovalCause::Malformed => "malformed",
        RemovalCause::Invalid => "invalid",
        RemovalCause::Late => "late",
        RemovalCause::Unavailable => "unavailable",
        RemovalCause::Reorged => "reorged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_holds_what_was_counted() {
        let metrics = Metrics::new();
        metrics.ended(&Outcome::Included);
        metrics.reached(Stage::Executed, Instant::now());
        metrics.answered("eth_call", -32000, Duration::from_millis(3));
        let text = metrics.text();
        for line in [
            r#"weft_items_total{outcome="included"} 1"#,
            r#"weft_stage_seconds_count{stage="Executed"} 1"#,
            r#"weft_requests_total{method="eth_call",code="-32000"} 1"#,
            r#"weft_request_seconds_bucket{le="0.005"} 1"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
