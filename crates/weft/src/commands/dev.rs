//! `weft dev`: a development realm in one process.

use super::{
    own_l1::{OwnL1Args, unfit},
    run::{self, Show},
};
use crate::{
    log,
    settings::{Flags, Profile, Settings},
};
use clap::Args;
use eyre::{Result, ensure};
use std::{path::PathBuf, process::ExitCode};
use weft_node::{DevConfig, SigningKey};

/// Runs several rollups and an L1 for development, one JSON-RPC port each
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft dev                           rollups 901, 902, 903 at 9545, 9546, 9547,
                                     on an L1 at 8545
  weft dev --rollups 2 --slot 1s --port 8000
  weft dev --dump-state realm.json   writes all state when Ctrl-C stops it
  weft dev --load-state realm.json   goes on from there
  weft dev --data-dir realm          keeps everything there, crash or not
  weft dev --executor 903            runs rollup 903 in a process of its own
  weft dev --sealed                  takes envelopes: order before content
  weft dev --json | jq .             JSON lines, the first is the banner
  weft dev --no-l1                   rollups alone
  weft dev --l1 http://l1:8545       on an L1 that somebody else runs
  weft dev --l1-client anvil         anvil makes the blocks of the L1

The L1 is in memory: there is none beside --data-dir, --load-state or --seed.

The keys of the accounts are public: never send them anything of value.
`weft node` runs a realm without them.")]
pub(crate) struct Dev {
    /// Number of rollups [default: 3]
    #[arg(long, value_name = "N")]
    rollups: Option<u32>,
    /// Port of the first rollup; 0 for any
    #[arg(long, default_value_t = 9545)]
    port: u16,
    /// Gas limit of a block
    #[arg(long, value_name = "GAS", default_value_t = 60_000_000)]
    gas_limit: u64,
    /// Fixes all times: same submissions, same blocks
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Says that the guard file is from a backup
    #[arg(long)]
    guard_restored: bool,
    /// Prints no blocks
    #[arg(long)]
    quiet: bool,
    /// Prints JSON lines instead of text
    #[arg(long)]
    json: bool,
    /// File to write the state to when stopped
    #[arg(long, value_name = "FILE")]
    dump_state: Option<PathBuf>,
    /// File to start from
    #[arg(long, value_name = "FILE", conflicts_with = "data-dir")]
    load_state: Option<PathBuf>,
    #[command(flatten)]
    own: OwnL1Args,
    #[command(flatten)]
    flags: Flags,
}

impl Dev {
    /// Runs the command.
    pub(crate) async fn run(mut self) -> Result<ExitCode> {
        let mut settings = Settings::resolve(&self.flags)?;
        if self.json {
            settings.prefer_json_log();
        }
        let log = log::start(&settings)?;
        let (json, quiet) = (self.json, self.quiet);
        let own = std::mem::take(&mut self.own);
        let mut config = self.config(&settings)?;
        let l1 = run::L1Place::of(&settings, &config)?;
        // Who asked for none, or has another, is told nothing.
        let asks = !own.is_off() && l1.is_none();
        let no_l1 = unfit(&settings, &config)?.filter(|_| asks);
        let own = own.start(&settings, &mut config).await?;
        let is_public = matches!(config.promise_key, Some(SigningKey::Development));
        let show = Show { is_dev: true, blocks: !quiet, json, is_public, no_l1 };
        run::run(config, l1, own, log, show).await
    }

    fn config(self, settings: &Settings) -> Result<DevConfig> {
        let config = settings.node(Profile::Development, self.guard_restored)?;
        let is_counted = self.rollups.is_some() && !config.listed.is_empty();
        ensure!(!is_counted, "--rollups cannot be used with files of rollups");
        Ok(DevConfig {
            rollups: self.rollups.unwrap_or(config.rollups),
            port: self.port,
            gas_limit: self.gas_limit,
            seed: self.seed,
            dump_state: self.dump_state,
            load_state: self.load_state,
            ..config
        })
    }
}
