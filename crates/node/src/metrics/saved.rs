//! Figures on disk, in the text that is served, so that they go on after a restart.
//!
//! The first line names the last record of the log that is counted. What a start repeats from later records is
//! counted again; what it repeats from earlier ones is not.

use super::{Answered, AtStage, AtWork, Ended, Metrics, OnChain, Stage, Work};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Name of the file in the data directory.
const NAME: &str = "figures.prom";
/// What stands before the number of a record in the first line.
const FIRST: &str = "# figures after record ";
/// Most bytes of the file that are read.
const MAX_BYTES: u64 = 4 << 20;

/// Where figures are kept.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    path: PathBuf,
    /// Record of the last text that was written, so that a slow writer does not put an older text over a newer one.
    last: Arc<Mutex<u64>>,
}

impl Saved {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(NAME), last: Arc::default() }
    }

    /// Writes figures whole or not at all.
    pub(crate) fn write(&self, record: u64, text: &str) -> io::Result<()> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if record < *last {
            return Ok(());
        }
        let next = self.path.with_extension("next");
        let mut file = File::create(&next)?;
        writeln!(file, "{FIRST}{record}")?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        *last = record;
        Ok(())
    }

    /// Adds what was written to `metrics`; returns the last record that is counted, 0 when there is no file.
    pub(crate) fn restore(&self, metrics: &Metrics) -> io::Result<u64> {
        let text = match fs::metadata(&self.path) {
            Ok(found) if found.len() > MAX_BYTES => Err(invalid("it is too large")),
            Ok(_) => fs::read_to_string(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => Err(error),
        }?;
        let first = text.lines().next().and_then(|line| line.strip_prefix(FIRST));
        let record = first.and_then(|record| record.parse().ok());
        let record = record.ok_or_else(|| invalid("its first line names no record"))?;
        if !text.ends_with("# EOF\n") {
            return Err(invalid("its end is missing"));
        }
        text.lines().filter_map(Sample::read).for_each(|sample| metrics.restore(&sample));
        Ok(record)
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A line of the text.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) labels: BTreeMap<&'a str, &'a str>,
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    /// Reads a line; `None` when it holds no figure. No label of a figure here holds a quote or a comma.
    fn read(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}')?),
            None => (series, ""),
        };
        let label = |label: &'a str| {
            let (name, value) = label.split_once('=')?;
            Some((name, value.strip_prefix('"')?.strip_suffix('"')?))
        };
        let labels = labels.split(',').filter(|label| !label.is_empty());
        let labels = labels.map(label).collect::<Option<_>>()?;
        Some(Self { name, labels, value: value.parse().ok()? })
    }

    /// Returns the value of a counter.
    pub(super) const fn count(&self) -> u64 {
        // Counts above 2^53 would lose digits; saturates below zero.
        self.value as u64
    }

    pub(super) fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name).copied()
    }
}

impl Metrics {
    /// Adds what a line of saved figures says. Lines that name nothing known, or what a start sees anew, are left out.
    fn restore(&self, sample: &Sample<'_>) {
        let count = sample.count();
        let chain = || {
            let chain = sample.label("chain")?.parse().ok()?;
            Some(OnChain { chain })
        };
        let add = |family: &Family<OnChain, Counter>| {
            chain().map(|on| family.get_or_create(&on).inc_by(count));
        };
        match sample.name {
            "weft_blocks_total" => add(&self.blocks),
            "weft_transactions_total" => add(&self.transactions),
            "weft_gas_used_total" => add(&self.gas),
            "weft_items_total" => {
                let Some(outcome) = sample.label("outcome") else { return };
                let ended = Ended { outcome: outcome.to_owned().into() };
                self.items.get_or_create(&ended).inc_by(count);
            }
            "weft_requests_total" => {
                let code = sample.label("code").and_then(|code| code.parse().ok());
                let (Some(method), Some(code)) = (sample.label("method"), code) else { return };
                let answered = Answered { method: method.to_owned().into(), code };
                self.requests.get_or_create(&answered).inc_by(count);
            }
            _ => self.restore_latency(sample),
        }
    }

    fn restore_latency(&self, sample: &Sample<'_>) {
        let Some((name, part)) = sample.name.rsplit_once('_') else { return };
        let latency = match name {
            "weft_request_seconds" => self.request_seconds.clone(),
            "weft_stage_seconds" => {
                let named = |(name, _): &&(&str, Stage)| sample.label("stage") == Some(*name);
                let Some((_, stage)) = Stage::ALL.iter().find(named) else { return };
                self.stages.get_or_create(&AtStage { stage: *stage }).clone()
            }
            "weft_engine_seconds" => {
                let named = |(name, _): &&(&str, Work)| sample.label("work") == Some(*name);
                let Some((_, work)) = Work::ALL.iter().find(named) else { return };
                self.engine.get_or_create(&AtWork { work: *work }).clone()
            }
            _ => return,
        };
        match (part, sample.label("le").and_then(bound)) {
            ("sum", None) => latency.add_seconds(sample.value),
            ("bucket", Some(bound)) => latency.add_up_to(bound, sample.count()),
            // The number of times is the sum of the buckets.
            _ => {}
        }
    }
}

/// Reads the bound of a bucket.
fn bound(text: &str) -> Option<f64> {
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_apart() {
        let sample = Sample::read(r#"weft_items_total{outcome="included",x="1"} 7"#).unwrap();
        assert_eq!((sample.name, sample.count()), ("weft_items_total", 7));
        assert_eq!((sample.label("outcome"), sample.label("x")), (Some("included"), Some("1")));
        assert_eq!(Sample::read("weft_x 0.5").unwrap().value, 0.5);
        for line in ["# EOF", "", "weft_x", "weft_x{a=1} 2", "weft_x{a=\"1\" 2", "weft_x y"] {
            assert_eq!(Sample::read(line), None, "{line}");
        }
    }
}
