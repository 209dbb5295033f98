//! `weft committee setup`.

use super::super::{file, key::setup_json};
use clap::Args;
use eyre::Result;
use weft_crypto::{Setup, setup::RSA_2048};

/// Makes a setup: the delay, proven, over the RSA-2048 number
#[derive(Debug, Args)]
#[command(after_help = "\
The squarings are done once, here; whoever reads the setup checks their proof in
milliseconds. Choose as many as the fastest solver that you fear does while an
epoch must stay shut; `weft solve` shows how many this machine does.")]
pub(crate) struct SetupCommand {
    /// Squarings of the delay, at most 2^32
    #[arg(long, value_name = "COUNT")]
    squarings: u64,
}

impl SetupCommand {
    /// Runs the command.
    pub(super) fn run(self) -> Result<()> {
        let setup = Setup::prepare(&RSA_2048, self.squarings)?;
        file::print(&setup_json(&setup))
    }
}
