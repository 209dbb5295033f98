//! Measured figures.

use std::time::{Duration, Instant};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds for one operation.
    Micros,
    /// Milliseconds.
    Millis,
    /// Operations in a second.
    PerSecond,
    /// Ours divided by the comparison's.
    Ratio,
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Part of all outcomes, in percent.
    Percent,
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// What is promised, when something is: at most for times, at least for rates.
    pub target: Option<f64>,
}

impl Figure {
    /// Names a figure without promise.
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, target: None }
    }

    /// Adds what is promised.
    #[must_use]
    pub fn promised(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Returns the figure with its unit.
    pub fn shown(&self) -> String {
        match self.unit {
            Unit::Micros => format!("{:.2} us", self.value),
            Unit::Millis => format!("{:.2} ms", self.value),
            Unit::PerSecond => format!("{:.0} /s", self.value),
            Unit::Ratio => format!("{:.3} x", self.value),
            Unit::Count => format!("{:.0}", self.value),
            Unit::Bytes => format!("{:.1} MiB", self.value / f64::from(1 << 20)),
            Unit::Percent => format!("{:.1} %", self.value),
        }
    }
}

/// Returns the shortest of `rounds` runs of `work`, each on what `setup` makes.
pub fn fastest<S>(
    rounds: usize,
    mut setup: impl FnMut() -> S,
    mut work: impl FnMut(&mut S),
) -> Duration {
    let run = |_| {
        let mut on = setup();
        let start = Instant::now();
        work(&mut on);
        start.elapsed()
    };
    (0..rounds).map(run).min().unwrap_or_default()
}

/// Returns microseconds for each of `count` operations.
pub fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
