//! `weft demo`: stories with exact numbers, told through JSON-RPC alone.

mod arbitrage;
mod flash_loan;
mod holdings;
mod market;
mod receipts;
mod report;
mod sandwich;
mod stage;
mod story_tree;
mod thread;
mod tree;
mod twin;

use clap::{Args, Subcommand};
use eyre::Result;
use report::Report;
use stage::Stage;
use std::process::ExitCode;

/// Plays a story over two rollups and checks its numbers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft demo flash-loan
  weft demo arbitrage --json
  weft demo sandwich
  weft demo flash-loan --rpc http://127.0.0.1:9545

Without --rpc a realm starts for the story. With it the realm has to be there:
`weft dev`, and for the sandwich `weft dev --sealed --priority fees`.

The exit code is 0 when every number is the expected one.")]
pub(crate) struct Demo {
    #[command(subcommand)]
    story: Story,
}

#[derive(Debug, Subcommand)]
enum Story {
    /// Borrows on one rollup, trades on two, repays: one transaction
    FlashLoan(Options),
    /// The same trade with own funds: a bundle, one leg per rollup
    Arbitrage(Options),
    /// A bot reads a swap and is on both sides of it; then sealed
    Sandwich(Options),
}

#[derive(Debug, Args)]
struct Options {
    /// Node to play on; else one is started on free ports
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let (name, options) = match &self.story {
            Story::FlashLoan(options) => ("flash-loan", options),
            Story::Arbitrage(options) => ("arbitrage", options),
            Story::Sandwich(options) => ("sandwich", options),
        };
        let mut report = Report::new(name, options.json);
        let url = options.rpc.as_deref();
        let mut stage = match self.story {
            Story::Sandwich(_) => {
                // It needs auctions and sealed items, which not every node has.
                Stage::open_with(url, super::run::start(sandwich::config())).await?
            }
            _ => Stage::open(url).await?,
        };
        let told = match self.story {
            Story::FlashLoan(_) => flash_loan::tell(&mut stage, &mut report).await,
            Story::Arbitrage(_) => arbitrage::tell(&mut stage, &mut report).await,
            Story::Sandwich(_) => sandwich::tell(&mut stage, &mut report).await,
        };
        let closed = stage.close().await;
        told?;
        closed?;
        report.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}
