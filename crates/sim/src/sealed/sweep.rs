//! Many histories with sealed items, on many threads.

use super::{
    feature::Sights,
    history::{History, Told},
};
use crate::workers::{self, Findings, Seeds};
use std::fmt;
use thiserror::Error;

/// A fault planted on purpose: a simulator that finds nothing may be blind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
#[allow(missing_docs)] // Each says what it is.
pub enum Bug {
    UncheckedDeposit,
    EarlyRelease,
    PromiseBeforeDisk,
    WrongVerdict,
    FreeJunk,
    RunLate,
    Veto,
    ComeBack,
    PlaintextFirst,
    LostEnvelope,
    NobodySolves,
    ForgetParts,
    ForgetSlots,
    LostSlot,
    KeyOfOne,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::UncheckedDeposit,
        Self::EarlyRelease,
        Self::PromiseBeforeDisk,
        Self::WrongVerdict,
        Self::FreeJunk,
        Self::RunLate,
        Self::Veto,
        Self::ComeBack,
        Self::PlaintextFirst,
        Self::LostEnvelope,
        Self::NobodySolves,
        Self::ForgetParts,
        Self::ForgetSlots,
        Self::LostSlot,
        Self::KeyOfOne,
    ];
}

/// What to simulate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedConfig {
    /// Seed of the first history; the next ones have the next seeds.
    pub seed: u64,
    /// Number of histories.
    pub histories: u64,
    /// Threads; zero for one per core.
    pub threads: usize,
    #[doc(hidden)]
    pub bug: Option<Bug>,
}

/// What a simulation showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedReport {
    /// Histories that ran.
    pub histories: u64,
    /// Sealed items that were ordered.
    pub sealed: u64,
    /// Plaintext items.
    pub plaintext: u64,
    /// Words that were checked as evidence and convicted nobody.
    pub acquittals: u64,
    /// Words that convicted somebody.
    pub convictions: u64,
    /// In how many histories each thing was seen.
    pub sights: Sights,
    /// The failing history with the lowest seed among those that ran, if any failed.
    pub failure: Option<SealedFailure>,
}

/// A history that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}\nreplay: weft sim --sealed --seed {seed} --histories 1\n{events}")]
pub struct SealedFailure {
    /// Seed of the history.
    pub seed: u64,
    /// Rule that it broke.
    pub reason: String,
    /// What happened until then.
    pub events: String,
}

impl fmt::Display for SealedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, sealed, plaintext, acquittals, convictions, .. } = self;
        writeln!(f, "{histories} histories, {sealed} sealed items, {plaintext} in clear")?;
        writeln!(f, "{convictions} convictions, {acquittals} accusations of nobody guilty")?;
        writeln!(f, "histories  with")?;
        write!(f, "{}", self.sights)?;
        self.failure.iter().try_for_each(|failure| write!(f, "{failure}"))
    }
}

/// Runs histories until all are done or one fails.
pub fn run(config: &SealedConfig) -> SealedReport {
    let SealedConfig { seed: first, histories: count, threads, .. } = *config;
    workers::sweep(Seeds { first, count, threads }, |seed, report: &mut SealedReport| {
        report.histories += 1;
        match one(config, seed) {
            Ok(told) => report.count(&told),
            Err(failure) => report.failure = Some(failure),
        }
        report.failure.is_none()
    })
}

fn one(config: &SealedConfig, seed: u64) -> Result<Told, SealedFailure> {
    let failure = |reason, events| SealedFailure { seed, reason, events };
    match workers::caught(|| History::run(seed, config.bug)) {
        Ok(ran) => ran.map_err(|(violation, events)| failure(violation.to_string(), events)),
        Err(panic) => Err(failure(panic, String::new())),
    }
}

impl SealedReport {
    fn count(&mut self, told: &Told) {
        self.sealed += told.sealed;
        self.plaintext += told.plaintext;
        self.acquittals += told.acquittals;
        self.convictions += told.convictions;
        self.sights.count(&told.seen);
    }
}

impl Findings for SealedReport {
    fn merge(&mut self, other: Self) {
        self.histories += other.histories;
        self.sealed += other.sealed;
        self.plaintext += other.plaintext;
        self.acquittals += other.acquittals;
        self.convictions += other.convictions;
        self.sights.merge(&other.sights);
        self.failure = workers::earlier(self.failure.take(), other.failure, |failure| failure.seed);
    }
}
