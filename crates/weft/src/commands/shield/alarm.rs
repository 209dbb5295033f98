//! What is said when a promise is broken, and what counts it.

use crate::{say::say, tower::Bench};
use alloy_primitives::{B256, hex};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use weft_evidence::Proof;
use weft_types::Encode as _;

/// Figures and alarms.
#[derive(Debug)]
pub(super) struct Alarms {
    bench: Bench,
    alarms: AtomicU64,
    promised: AtomicU64,
    refused: AtomicU64,
    included: AtomicU64,
    removed: AtomicU64,
}

/// What became of an item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Promised,
    Refused,
    Included,
    Removed,
}

impl Alarms {
    pub(super) fn new(bench: Bench) -> Self {
        Self {
            bench,
            alarms: AtomicU64::default(),
            promised: AtomicU64::default(),
            refused: AtomicU64::default(),
            included: AtomicU64::default(),
            removed: AtomicU64::default(),
        }
    }

    /// Counts something that became of an item.
    pub(super) fn count(&self, what: Count) {
        let count = match what {
            Count::Promised => &self.promised,
            Count::Refused => &self.refused,
            Count::Included => &self.included,
            Count::Removed => &self.removed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that a promise about an item is broken, without anything that would convince others.
    pub(super) fn raise(&self, item: B256, why: &str) {
        self.alarms.fetch_add(1, Ordering::Relaxed);
        say(json!({ "event": "alarm", "item": item, "why": why }));
    }

    /// Says that a promise is broken, and writes what convicts whoever broke it. What does not convict is no alarm.
    pub(super) fn convict(&self, item: Option<B256>, proof: Proof) -> bool {
        let Some(found) = self.bench.convict(proof) else { return false };
        // The same conviction counts once.
        if !found.is_new {
            return true;
        }
        self.alarms.fetch_add(1, Ordering::Relaxed);
        let conviction = found.conviction;
        let file = match found.file {
            Ok(file) => json!(file),
            Err(error) => {
                let text = hex::encode_prefixed(found.evidence.encode());
                say(json!({ "event": "trouble", "why": error.to_string(), "evidence": text }));
                json!(null)
            }
        };
        say(json!({
            "event": "alarm",
            "item": item,
            "why": conviction.fault.to_string(),
            "about": conviction.subject.to_string(),
            "convicted": conviction.convicted.to_string(),
            "evidence": file,
        }));
        true
    }

    /// Returns the figures in the text format of Prometheus.
    pub(super) fn text(&self, waiting: usize) -> String {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let lines = [
            ("alarms", "counter", load(&self.alarms)),
            ("promised", "counter", load(&self.promised)),
            ("refused", "counter", load(&self.refused)),
            ("included", "counter", load(&self.included)),
            ("removed", "counter", load(&self.removed)),
            ("waiting", "gauge", waiting as u64),
        ];
        let line = |(name, kind, value): (&str, &str, u64)| {
            format!("# TYPE weft_shield_{name} {kind}\nweft_shield_{name} {value}\n")
        };
        lines.into_iter().map(line).collect()
    }
}
