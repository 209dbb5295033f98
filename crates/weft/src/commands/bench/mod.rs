//! `weft bench`: the figures that Weft promises, measured here and now.

mod accounts;
mod overload;
mod sealed_rpc;
mod vs_anvil;

use crate::style::{bold, dim};
use clap::{Args, Subcommand, ValueEnum};
use eyre::{Result, bail};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use weft_bench::{Figure, Unit, bundles, crossing, parallel, sealed, swap, transfers};

/// Measures what Weft promises, against plain revm in the same process
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  weft bench
  weft bench crossing swap --uniswap acceptance/node_modules/@uniswap
  weft bench vs-anvil --help   a node in its own process, beside anvil
  weft bench overload --help   a node that is asked for too much
  weft bench accounts --help   a state of ten million accounts
  weft bench sealed-rpc --help sealed items over HTTP, with disk

Build with --release; the figures of a debug build say little."
)]
pub(crate) struct Bench {
    #[command(subcommand)]
    load: Option<Load>,
    /// What to measure; everything when not given
    #[arg(value_enum)]
    workloads: Vec<Workload>,
    /// Size of the workloads, as a multiple of the usual one
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Folder of npm's @uniswap packages, to swap in the published contracts
    #[arg(long, value_name = "FOLDER")]
    uniswap: Option<PathBuf>,
    /// Prints one JSON object per figure
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// A call of an empty callee across rollups
    Crossing,
    /// A swap called across rollups and within one
    Swap,
    /// Transfers against stock revm
    Transfers,
    /// Contended bundles over two rollups
    Bundles,
    /// Two rollups on one thread and on two
    Parallel,
    /// Sealed items from envelope to charge
    Sealed,
    /// A million envelopes of junk among honest ones
    Junk,
}

/// Benches that take more than a moment.
#[derive(Debug, Subcommand)]
enum Load {
    VsAnvil(vs_anvil::VsAnvil),
    Overload(overload::Overload),
    Accounts(accounts::Accounts),
    SealedRpc(sealed_rpc::SealedRpc),
}

impl Bench {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.load {
            Some(Load::VsAnvil(command)) => return super::block_on(command.run()),
            Some(Load::Overload(command)) => return super::block_on(command.run()),
            Some(Load::Accounts(command)) => return command.run(),
            Some(Load::SealedRpc(command)) => return super::block_on(command.run()),
            None => {}
        }
        if !(0.001..=1000.0).contains(&self.scale) {
            bail!("--scale {} is out of range, expected 0.001 to 1000", self.scale);
        }
        if let Some(folder) = self.uniswap.as_ref().filter(|folder| !folder.is_dir()) {
            bail!("--uniswap {}: no such folder", folder.display());
        }
        let all = Workload::value_variants();
        let chosen = if self.workloads.is_empty() { all } else { &self.workloads };
        let mut report = Report::new(self.json);
        for workload in chosen {
            self.measure(*workload).iter().for_each(|figure| report.add(figure));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self, workload: Workload) -> Vec<Figure> {
        match workload {
            Workload::Crossing => crossing::figures(self.scale),
            Workload::Swap => swap::figures(self.scale, self.uniswap.as_deref()),
            Workload::Transfers => transfers::figures(self.scale),
            Workload::Bundles => bundles::figures(self.scale),
            Workload::Parallel => parallel::figures(self.scale),
            Workload::Sealed => sealed::figures(self.scale),
            Workload::Junk => sealed::junk(self.scale),
        }
    }
}

/// Figures as they are printed.
#[derive(Debug)]
struct Report {
    json: bool,
    has_missed: bool,
}

impl Report {
    const fn new(json: bool) -> Self {
        Self { json, has_missed: false }
    }

    /// Prints a figure, with what is promised.
    fn add(&mut self, figure: &Figure) {
        self.has_missed |= figure.target.is_some_and(|target| is_missed(figure, target));
        if self.json {
            let unit = format!("{:?}", figure.unit);
            let line = json!({
                "name": figure.name, "value": figure.value, "unit": unit, "target": figure.target,
            });
            println!("{line}");
            return;
        }
        let target = figure.target.map(|target| target_text(figure, target)).unwrap_or_default();
        println!("{:<60} {:>12}  {}", figure.name, bold(&figure.shown()), dim(&target));
    }

    /// Prints how a figure came about.
    fn note(&self, text: &str) {
        if self.json {
            println!("{}", json!({ "note": text }));
        } else {
            println!("{}", dim(&text));
        }
    }

    /// Returns failure when a promise was missed.
    fn verdict(&self) -> ExitCode {
        if self.has_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Returns true for figures of which less is better.
fn is_at_most(figure: &Figure) -> bool {
    matches!(figure.unit, Unit::Micros | Unit::Millis | Unit::Count | Unit::Bytes)
        || ["across against within", "many against few"]
            .iter()
            .any(|name| figure.name.contains(name))
}

fn is_missed(figure: &Figure, target: f64) -> bool {
    if is_at_most(figure) { figure.value > target } else { figure.value < target }
}

fn target_text(figure: &Figure, target: f64) -> String {
    let bound = Figure { value: target, ..figure.clone() }.shown();
    let kind = if is_at_most(figure) { "at most" } else { "at least" };
    let missed = if is_missed(figure, target) { ", missed" } else { "" };
    format!("{kind} {bound}{missed}")
}
