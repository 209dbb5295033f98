//! `weft bench`: the figures that Weft promises, measured here and now.

use crate::style::{bold, dim};
use clap::{Args, ValueEnum};
use eyre::{Result, bail};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use weft_bench::{Figure, Unit, bundles, crossing, parallel, swap, transfers};

/// Measures what Weft promises, against plain revm in the same process
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bench
  weft bench crossing swap --uniswap acceptance/node_modules/@uniswap

Build with --release; the figures of a debug build say little.")]
pub(crate) struct Bench {
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
}

impl Bench {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if !(0.001..=1000.0).contains(&self.scale) {
            bail!("--scale {} is out of range, expected 0.001 to 1000", self.scale);
        }
        if let Some(folder) = self.uniswap.as_ref().filter(|folder| !folder.is_dir()) {
            bail!("--uniswap {}: no such folder", folder.display());
        }
        let all = Workload::value_variants();
        let chosen = if self.workloads.is_empty() { all } else { &self.workloads };
        for workload in chosen {
            for figure in self.measure(*workload) {
                self.print(&figure);
            }
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
        }
    }

    fn print(&self, figure: &Figure) {
        if self.json {
            let unit = format!("{:?}", figure.unit);
            let line = json!({
                "name": figure.name, "value": figure.value, "unit": unit, "target": figure.target,
            });
            println!("{line}");
            return;
        }
        let target = figure.target.map(|target| target_text(figure, target)).unwrap_or_default();
        println!("{:<52} {:>12}  {}", figure.name, bold(&figure.shown()), dim(&target));
    }
}

fn target_text(figure: &Figure, target: f64) -> String {
    let at_most = figure.unit == Unit::Micros || figure.name.contains("across against within");
    let bound = Figure { value: target, ..figure.clone() }.shown();
    format!("{} {bound}", if at_most { "at most" } else { "at least" })
}
