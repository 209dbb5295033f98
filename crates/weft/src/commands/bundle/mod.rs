//! `weft bundle`: bundles from the command line, step by step.

mod build;
mod file;
mod leg_spec;
mod send;
mod sign;
mod status;

pub(in crate::commands) use file::{BundleFile, Draft, DraftLeg, network, read_text};

use super::sealing::{Agree, Commit, Mark, PromiseBundle};
use clap::Subcommand;
use eyre::Result;
use std::process::ExitCode;

/// Default endpoint: the first rollup of `weft dev`.
pub(in crate::commands) const DEFAULT_RPC: &str = "http://127.0.0.1:9545";
/// Exit code of a bundle that was removed.
const REMOVED: u8 = 2;
/// Exit code of a bundle about which nothing is known yet.
const PENDING: u8 = 3;

/// Legs on several rollups, included together or not at all
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft bundle build \\
      --leg '901:from=0xf39F..,to=0x7099..,value=1ether' \\
      --leg '902:from=0xf39F..,to=0x7099..,data=0xa9059cbb..' > bundle.json
  weft bundle sign --key $KEY bundle.json > signed.json
  weft bundle send signed.json --wait
  weft bundle status 0x1f6e..

Each step reads JSON from standard input where the file is left out:
  weft bundle build .. | weft bundle sign .. | weft bundle send --wait

Where several users seal a leg each, `weft bundle commit` is the first step.

The node at --rpc, by default the first of `weft dev`, says which realm it is.

Exit codes: 0 included, or the step is done; 1 error; 2 removed; 3 not decided.")]
pub(crate) enum Bundle {
    Build(build::Build),
    Commit(Commit),
    Agree(Agree),
    Mark(Mark),
    Promise(PromiseBundle),
    Sign(sign::Sign),
    Send(send::Send),
    Status(status::Status),
}

impl Bundle {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Build(command) => command.run().await,
            Self::Commit(command) => command.run().await,
            Self::Agree(command) => command.run().await,
            Self::Mark(command) => command.run(),
            Self::Promise(command) => command.run().await,
            Self::Sign(command) => command.run().await,
            Self::Send(command) => command.run().await,
            Self::Status(command) => command.run().await,
        }
    }
}
