//! Many histories on many threads.

use crate::{
    feature::Coverage,
    history::{self, Broken, Depth, History},
    workers::{self, Findings, Seeds},
};
use std::{fmt, path::PathBuf};
use thiserror::Error;
use weft_evm::Fault;

/// Every so many histories each rollup is replayed alone.
const REPLAY_EVERY: u64 = 4;
/// Every so many histories the slow model runs and the history runs twice.
const MODEL_EVERY: u64 = 16;

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimConfig {
    /// Seed of the first history; the next ones have the next seeds.
    pub seed: u64,
    /// Number of histories.
    pub histories: u64,
    /// Number of rollups, from 2 to 5; `None` draws it for each history.
    pub rollups: Option<usize>,
    /// Threads; zero for one per core.
    pub threads: usize,
    /// Runs every checker on every history, and keeps event logs.
    pub thorough: bool,
    /// Program that runs rollups elsewhere as processes of their own, by `program executor`; threads do when there is
    /// none.
    pub executor: Option<PathBuf>,
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            histories: 1,
            rollups: None,
            threads: 0,
            thorough: false,
            executor: None,
            fault: None,
        }
    }
}

/// What a simulation showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Histories that ran.
    pub histories: u64,
    /// Items in them.
    pub items: u64,
    /// Hops in them.
    pub hops: u64,
    /// In how many histories each feature occurred.
    pub coverage: Coverage,
    /// The failing history with the lowest seed among those that ran, if any failed.
    pub failure: Option<Failure>,
}

/// A history that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}\nreplay: {}\n{events}", self.replay_line())]
pub struct Failure {
    /// Seed of the history.
    pub seed: u64,
    /// Number of rollups, when it was given.
    pub rollups: Option<usize>,
    /// Rule that it broke.
    pub reason: String,
    /// What happened until then.
    pub events: String,
}

impl Failure {
    /// Returns the command that runs the history again.
    pub fn replay_line(&self) -> String {
        let rollups = self.rollups.map(|rollups| format!(" --rollups {rollups}"));
        format!("weft sim --seed {} --histories 1{}", self.seed, rollups.unwrap_or_default())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} histories, {} items, {} hops", self.histories, self.items, self.hops)?;
        writeln!(f, "histories  with feature")?;
        write!(f, "{}", self.coverage)?;
        match &self.failure {
            Some(failure) => write!(f, "{failure}"),
            None => Ok(()),
        }
    }
}

/// Runs histories until all are done or one fails.
///
/// # Panics
///
/// Panics when `rollups` is not from 2 to 5.
pub fn run(config: &SimConfig) -> Report {
    let rollups =
        config.rollups.is_none_or(|rollups| (2..=crate::world::MAX_ROLLUPS).contains(&rollups));
    assert!(rollups, "a realm of the simulator has 2 to 5 rollups");
    let SimConfig { seed: first, histories: count, threads, .. } = *config;
    workers::sweep(Seeds { first, count, threads }, |seed, report: &mut Report| {
        report.histories += 1;
        match one(config, seed) {
            Ok(history) => report.count(&history),
            Err(failure) => report.failure = Some(failure),
        }
        report.failure.is_none()
    })
}

impl Report {
    fn count(&mut self, history: &History) {
        self.items += history.items;
        self.hops += history.hops;
        self.coverage.count(history.features);
    }
}

impl Findings for Report {
    fn merge(&mut self, other: Self) {
        self.histories += other.histories;
        self.items += other.items;
        self.hops += other.hops;
        self.coverage.merge(&other.coverage);
        self.failure = workers::earlier(self.failure.take(), other.failure, |failure| failure.seed);
    }
}

/// Runs the history of one seed with the checkers that its seed asks for.
fn one(config: &SimConfig, seed: u64) -> Result<History, Failure> {
    // A history by itself is a replay of a failure: everything is checked.
    let thorough = config.thorough || config.histories == 1;
    let model = thorough || seed.is_multiple_of(MODEL_EVERY);
    let depth = Depth {
        replay: model || seed.is_multiple_of(REPLAY_EVERY),
        model,
        remote: thorough || seed % MODEL_EVERY == 1,
    };
    let failure = |reason, events| Failure { seed, rollups: config.rollups, reason, events };
    let run = || match caught(config, seed, depth) {
        Ok(result) => result.map_err(|broken| failure(broken.violation.to_string(), broken.events)),
        Err(panic) => Err(failure(panic, String::new())),
    };
    let history = match run() {
        // Once more with everything, for the event log.
        Err(failure) if depth != Depth::FULL => {
            let again = caught(config, seed, Depth::FULL);
            let events = again.ok().and_then(Result::err).map(|broken| broken.events);
            return Err(Failure { events: events.unwrap_or_default(), ..failure });
        }
        result => result?,
    };
    if model {
        let again = run()?;
        if again.digest != history.digest {
            let (one, two) = (history.digest, again.digest);
            let reason = format!("determinism: declared {one}, computed {two}");
            return Err(failure(reason, String::new()));
        }
    }
    Ok(history)
}

fn caught(config: &SimConfig, seed: u64, depth: Depth) -> Result<Result<History, Broken>, String> {
    workers::caught(|| history::run(seed, config, depth))
}
