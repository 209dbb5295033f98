//! `weft node`: a realm in production.

use super::run::{self, Show};
use crate::{
    log,
    settings::{Flags, Profile, Settings},
};
use clap::Args;
use eyre::Result;
use std::process::ExitCode;

/// Runs a realm that keeps everything, without development accounts
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft keys new promise.json --passphrase secret
  weft node --config weft.toml
  weft config check weft.toml            everything that is wrong with it
  weft node --config l1.toml --data-dir copy --follow l1

It needs a data directory, a key for promises and files of rollups. With
--follow l1 it needs neither key nor rollups: it runs what L1 holds, serves it
and orders nothing. SIGINT or SIGTERM end the slot and stop it with exit code 0;
a second signal aborts with 130. Nothing that was answered is lost either way.")]
pub(crate) struct NodeCommand {
    /// Says that the guard file is from a backup
    #[arg(long)]
    guard_restored: bool,
    #[command(flatten)]
    flags: Flags,
}

impl NodeCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let settings = Settings::resolve(&self.flags)?;
        let log = log::start(&settings)?;
        let config = settings.node(Profile::Production, self.guard_restored)?;
        let l1 = run::L1Place::of(&settings, &config)?;
        let show =
            Show { is_dev: false, blocks: false, json: false, is_public: false, no_l1: None };
        run::run(config, l1, None, log, show).await
    }
}
