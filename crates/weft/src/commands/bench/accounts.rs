//! `weft bench accounts`: what a transfer costs over ten million accounts.

use super::Report;
use clap::Args;
use eyre::{Result, ensure};
use std::{path::PathBuf, process::ExitCode};
use weft_bench::accounts::{Sizes, figures};

/// Compares transfers over many accounts with transfers over few
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bench accounts
  weft bench accounts --accounts 1000000 --folder /mnt/data

Ten million accounts take about 6 GB in the folder for the time of the run.")]
pub(crate) struct Accounts {
    /// Accounts of the large state
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    accounts: u64,
    /// Accounts of the small state
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    few: u64,
    /// Slots that are measured
    #[arg(long, value_name = "N", default_value_t = 40)]
    slots: u64,
    /// Transactions in a slot
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    transactions: u64,
    /// Megabytes of the file kept in memory
    #[arg(long, value_name = "MIB", default_value_t = 896)]
    cache: usize,
    /// Folder for the file
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Prints one JSON object per figure
    #[arg(long)]
    json: bool,
}

impl Accounts {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        ensure!(self.few >= 2 && self.accounts >= self.few, "--accounts: expected --few or more");
        ensure!(self.accounts <= 1 << 40, "--accounts {}: expected 2^40 at most", self.accounts);
        ensure!(self.slots >= 1 && self.transactions >= 1, "nothing is measured without transfers");
        ensure!((1..=1 << 20).contains(&self.cache), "--cache {}: expected 1 to 2^20", self.cache);
        ensure!(self.folder.is_dir(), "--folder {}: no such folder", self.folder.display());
        let sizes = Sizes {
            many: self.accounts,
            few: self.few,
            slots: self.slots,
            transactions: self.transactions,
            cache_bytes: self.cache << 20,
            folder: self.folder,
        };
        let mut report = Report::new(self.json);
        let measured = figures(&sizes, |text| report.note(text))?;
        measured.iter().for_each(|figure| report.add(figure));
        Ok(report.verdict())
    }
}
