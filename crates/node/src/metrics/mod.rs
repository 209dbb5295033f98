//! Figures of a running node, in the text format of Prometheus.

mod latency;
mod saved;

pub(crate) use saved::Saved;

use latency::Latency;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use weft_evm::ClosedBlock;
use weft_types::{Outcome, RemovalCause};

/// Where an item is, counted from its acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Stage {
    /// It has a position.
    Positioned,
    /// The promise of its position is signed.
    Promised,
    /// It was executed or removed.
    Executed,
    /// Its slot is closed: its blocks exist.
    Closed,
}

impl Stage {
    const ALL: [(&'static str, Self); 4] = [
        ("Positioned", Self::Positioned),
        ("Promised", Self::Promised),
        ("Executed", Self::Executed),
        ("Closed", Self::Closed),
    ];
}

/// What the engine's one thread does while everybody else waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Work {
    /// Slots close and open.
    Turn,
    /// A request, or a group of them.
    Job,
}

impl Work {
    const ALL: [(&'static str, Self); 2] = [("Turn", Self::Turn), ("Job", Self::Job)];
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// Everything: what happens, happens now.
    All = 0,
    /// Results and not times: a start repeats what no saved figure holds.
    Results = 1,
    /// Nothing: a start repeats what was counted before.
    Nothing = 2,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AtStage {
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AtWork {
    work: Work,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnChain {
    chain: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: Cow<'static, str>,
    code: i32,
}

/// Figures of a running node. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    stages: Family<AtStage, Latency>,
    engine: Family<AtWork, Latency>,
    items: Family<Ended, Counter>,
    blocks: Family<OnChain, Counter>,
    transactions: Family<OnChain, Counter>,
    gas: Family<OnChain, Counter>,
    heads: Family<OnChain, Gauge>,
    waiting: Gauge,
    contradictions: Counter,
    requests: Family<Answered, Counter>,
    request_seconds: Latency,
    counting: Arc<AtomicU8>,
    /// Last record of the log that restored figures hold.
    restored: Arc<AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            stages: Family::default(),
            engine: Family::default(),
            items: Family::default(),
            blocks: Family::default(),
            transactions: Family::default(),
            gas: Family::default(),
            heads: Family::default(),
            waiting: Gauge::default(),
            contradictions: Counter::default(),
            requests: Family::default(),
            request_seconds: Latency::default(),
            counting: Arc::default(),
            restored: Arc::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("weft");
        let stage = "Seconds from an item's acceptance to a stage";
        registry.register("stage_seconds", stage, self.stages.clone());
        let engine = "Seconds for which the engine was held";
        registry.register("engine_seconds", engine, self.engine.clone());
        registry.register("items", "Items that left the fold, by outcome", self.items.clone());
        registry.register("blocks", "Blocks closed", self.blocks.clone());
        let transactions = "Transactions in closed blocks, inbound work included";
        registry.register("transactions", transactions, self.transactions.clone());
        registry.register("gas_used", "Gas used in closed blocks", self.gas.clone());
        registry.register("head_block", "Number of the last block", self.heads.clone());
        let waiting = "Transactions that wait for a nonce or for block space";
        registry.register("waiting_transactions", waiting, self.waiting.clone());
        let undone = "Times that a node which follows undid what L1 does not hold";
        registry.register("contradictions", undone, self.contradictions.clone());
        let requests = "Requests answered, by method and error code (0 for none)";
        registry.register("requests", requests, self.requests.clone());
        let seconds = "Seconds to answer a request";
        registry.register("request_seconds", seconds, self.request_seconds.clone());
        registry
    }

    /// Counts an item that reached a stage.
    pub(crate) fn reached(&self, stage: Stage, accepted: Instant) {
        if self.counts(Counting::All) {
            self.stages.get_or_create(&AtStage { stage }).observe(accepted.elapsed());
        }
    }

    /// Counts how long the engine was held.
    pub(crate) fn held(&self, work: Work, took: Duration) {
        self.engine.get_or_create(&AtWork { work }).observe(took);
    }

    /// Counts what became of an item.
    pub(crate) fn ended(&self, outcome: &Outcome) {
        if !self.counts(Counting::Results) {
            return;
        }
        let outcome = match outcome {
            Outcome::Included => "included",
            Outcome::Removed(removal) => cause(removal.cause),
        };
        self.items.get_or_create(&Ended { outcome: outcome.into() }).inc();
    }

    /// Counts a closed block.
    pub(crate) fn closed(&self, chain: u64, block: &ClosedBlock) {
        let on = OnChain { chain };
        self.heads.get_or_create(&on).set(block.header.number as i64);
        if !self.counts(Counting::Results) {
            return;
        }
        self.blocks.get_or_create(&on).inc();
        self.transactions.get_or_create(&on).inc_by(block.transactions.len() as u64);
        self.gas.get_or_create(&on).inc_by(block.header.gas_used);
    }

    /// Notes how many transactions wait.
    pub(crate) fn waiting(&self, transactions: usize) {
        self.waiting.set(transactions as i64);
    }

    /// Counts that something was undone that L1 does not hold.
    pub(crate) fn contradicted(&self) {
        self.contradictions.inc();
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, method: &'static str, code: i32, took: Duration) {
        self.requests.get_or_create(&Answered { method: method.into(), code }).inc();
        self.request_seconds.observe(took);
    }

    /// Adds the figures of earlier runs. A file that cannot be read is left out: figures are no reason not to start.
    pub(crate) fn load(&self, saved: &Saved) {
        match saved.restore(self) {
            Ok(record) => self.restored.store(record, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "figures of earlier runs cannot be read; they begin at zero")
            }
        }
    }

    /// Says that a start repeats a record of the log.
    pub(crate) fn repeats(&self, record: u64) {
        let is_counted = record <= self.restored.load(Ordering::Relaxed);
        self.set(if is_counted { Counting::Nothing } else { Counting::Results });
    }

    /// Says that everything up to a record of the log is counted.
    pub(crate) fn has_counted(&self, record: u64) {
        self.restored.store(record, Ordering::Relaxed);
    }

    /// Says that nothing is repeated any more.
    pub(crate) fn goes_on(&self) {
        self.set(Counting::All);
    }

    fn set(&self, counting: Counting) {
        self.counting.store(counting as u8, Ordering::Relaxed);
    }

    fn counts(&self, wanted: Counting) -> bool {
        self.counting.load(Ordering::Relaxed) <= wanted as u8
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
    #[test]
    fn figures_are_read_back_to_the_last_digit() {
        let metrics = Metrics::new();
        metrics.ended(&Outcome::Included);
        metrics.answered("eth_call", -32000, Duration::from_millis(3));
        for (stage, micros) in
            [(Stage::Promised, 70), (Stage::Closed, 200_000), (Stage::Closed, 9_000_000)]
        {
            let accepted = Instant::now() - Duration::from_micros(micros);
            metrics.reached(stage, accepted);
        }
        metrics.held(Work::Turn, Duration::from_millis(4));
        metrics.gas.get_or_create(&OnChain { chain: 901 }).inc_by(21_000);
        let dir = tempfile::tempdir().unwrap();
        let file = Saved::new(dir.path());
        file.write(17, &metrics.text()).unwrap();
        let restored = Metrics::new();
        assert_eq!(file.restore(&restored).unwrap(), 17);
        assert_eq!(lines(&restored), lines(&metrics));
        // What comes next is added.
        restored.ended(&Outcome::Included);
        assert!(restored.text().contains(r#"weft_items_total{outcome="included"} 2"#));
    }

    #[test]
    fn a_torn_file_is_refused_and_an_older_text_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = Saved::new(dir.path());
        file.write(5, &Metrics::new().text()).unwrap();
        file.write(4, "older").unwrap();
        assert_eq!(file.restore(&Metrics::new()).unwrap(), 5);
        let path = dir.path().join("figures.prom");
        let whole = std::fs::read_to_string(&path).unwrap();
        for torn in ["", "# figures", &whole[..whole.len() - 3], &whole[3..]] {
            std::fs::write(&path, torn).unwrap();
            assert!(file.restore(&Metrics::new()).is_err(), "{torn:?}");
        }
    }

    #[test]
    fn what_a_start_repeats_is_counted_once() {
        let metrics = Metrics::new();
        metrics.restored.store(5, Ordering::Relaxed);
        for record in 4..8 {
            metrics.repeats(record);
            metrics.ended(&Outcome::Included);
            metrics.reached(Stage::Executed, Instant::now());
        }
        let text = metrics.text();
        assert!(text.contains(r#"weft_items_total{outcome="included"} 2"#), "{text}");
        assert!(!text.contains("weft_stage_seconds_count"), "{text}");
        metrics.goes_on();
        metrics.reached(Stage::Executed, Instant::now());
        assert!(metrics.text().contains(r#"weft_stage_seconds_count{stage="Executed"} 1"#));
    }

    /// Returns the lines of the text in an order of their own.
    fn lines(metrics: &Metrics) -> Vec<String> {
        let mut lines: Vec<_> = metrics.text().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}
