//! `weft l1 dev`: a development L1 by itself.

use super::{deploy::key_of, told, written::Waiting};
use crate::{
    commands::{
        own_l1::{L1Client, Standing, WantedL1, stand},
        run::Signals,
    },
    log,
    say::say,
    settings::{Flags, Profile, Settings},
    style::{bold, dim},
    utc,
};
use clap::Args;
use eyre::{Result, WrapErr};
use std::{path::PathBuf, process::ExitCode};
use tempfile::TempDir;
use weft_node::{DevConfig, realm_config};
use weft_types::Domain;

/// Runs a development L1 with the realm's contracts on it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft l1 dev --out l1.toml          the realm of `weft dev`, at port 8545
  weft dev --config l1.toml          that realm, on it
  weft l1 dev --config weft.toml --out on-l1.toml
  weft node --config on-l1.toml      the realm of weft.toml, on it

It is in memory, with a block every two seconds and with every transaction;
when it ends everything on it is gone. Nobody posts or settles
here: see `weft post`, `weft attest`, `weft settle`. All keys are public.")]
pub(crate) struct L1Dev {
    /// Port
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// Client: embedded or anvil
    #[arg(long, value_name = "CLIENT", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    l1_client: L1Client,
    /// Configuration of the realm; default: as `weft dev`
    #[arg(long, value_name = "FILE", env = "WEFT_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    /// File for that configuration with its place on L1
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl L1Dev {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let mut signals = Signals::listen()?;
        let waiting = match &self.config {
            Some(path) => Waiting::read(path)?,
            None => Waiting::empty(),
        };
        let settings = Settings::resolve(&Flags::with_file(self.config.clone()))?;
        let profile =
            if self.config.is_some() { Profile::Production } else { Profile::Development };
        let config = settings.node(profile, false)?;
        let sequencer = key_of(&config)?;
        let wanted = WantedL1 {
            client: self.l1_client,
            host: config.host,
            port: self.port,
            is_asked: true,
            balance: config.balance,
        };
        let realm = |l1_chain_id, settlement| {
            let domain = Domain { l1_chain_id, settlement, ..config.domain };
            let timestamp = config.genesis_unix_s.unwrap_or_else(utc::now_s);
            Ok(realm_config(&DevConfig { domain, ..config.clone() }, timestamp, sequencer)?)
        };
        let home = TempDir::new().wrap_err("cannot make a directory for the L1")?;
        let standing = tokio::select! {
            standing = stand(wanted, home.path(), sequencer, realm) => standing?,
            _ = signals.wait() => return Ok(ExitCode::SUCCESS),
        };
        let url = standing.chain.url().to_owned();
        if let Some(out) = &self.out {
            waiting.at(out).write(&standing.deployed, &[url])?;
        }
        self.tell(&standing);
        signals.wait().await;
        standing.chain.stop().await?;
        Ok(ExitCode::SUCCESS)
    }

    fn tell(&self, Standing { chain, deployed }: &Standing) {
        let url = chain.url();
        if self.json {
            let mut told = told::json(deployed);
            told["url"] = url.into();
            return say(told);
        }
        let contracts = &deployed.contracts;
        say(format_args!("{}  {}  {}", bold("L1"), deployed.chain_id, url));
        for (name, address) in [
            ("Hub", contracts.hub),
            ("Bridge", contracts.bridge),
            ("Inbox", contracts.inbox),
            ("Slasher", contracts.slasher),
            ("Policy", deployed.policy),
        ] {
            say(format_args!("  {name:<10} {address}"));
        }
        say(match &self.out {
            Some(out) => format!("{} has its place", out.display()),
            None => format!("{} WEFT_L1_URLS={url}", told::start(deployed)),
        });
        say(dim("Ctrl-C ends it"));
    }
}
