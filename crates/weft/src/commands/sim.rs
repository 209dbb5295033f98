//! `weft sim`: random histories over several rollups, checked from all sides.

use crate::say::say;
use clap::Args;
use eyre::{Result, WrapErr, bail};
use std::process::ExitCode;
use weft_sim::{
    SimConfig,
    sealed::{self, SealedConfig},
};

/// Runs random histories over several rollups through every checker
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft sim --histories 2000
  weft sim --seed 4711 --histories 1     one history, with every checker
  weft sim --sealed --histories 1000     with sealed items

A failure prints what broke, the events that led there, and the command that
replays it.")]
pub(crate) struct Sim {
    /// Seed of the first history; others follow
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Number of histories
    #[arg(long, value_name = "N", default_value_t = 200)]
    histories: u64,
    /// Number of rollups, 2 to 5; else drawn for each history
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(2..=5))]
    rollups: Option<u8>,
    /// Threads; 0 for one per core
    #[arg(long, value_name = "T", default_value_t = 0)]
    threads: usize,
    /// Runs every checker on every history
    #[arg(long)]
    thorough: bool,
    /// Runs executors as processes, not as threads
    #[arg(long)]
    processes: bool,
    /// Seals items; committee and sequencer may break their word
    #[arg(long, conflicts_with_all = ["rollups", "thorough", "processes"])]
    sealed: bool,
}

impl Sim {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.sealed {
            return self.run_sealed();
        }
        let own = std::env::current_exe().wrap_err("cannot find this program")?;
        let mut report = weft_sim::run(&SimConfig {
            seed: self.seed,
            histories: self.histories,
            rollups: self.rollups.map(usize::from),
            threads: self.threads,
            thorough: self.thorough,
            executor: self.processes.then_some(own),
            ..SimConfig::default()
        });
        let failure = report.failure.take();
        say(report.to_string().trim_end());
        match failure {
            Some(failure) => bail!("{failure}"),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn run_sealed(self) -> Result<ExitCode> {
        let Self { seed, histories, threads, .. } = self;
        let config = SealedConfig { seed, histories, threads, ..SealedConfig::default() };
        let mut report = sealed::run(&config);
        let failure = report.failure.take();
        say(report.to_string().trim_end());
        match failure {
            Some(failure) => bail!("{failure}"),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}
