//! What commands do on L1: where it is, who signs, and `weft l1`.

mod deploy;
mod dev;
mod inbox;
mod register;
pub(crate) mod send;
mod told;
mod written;

pub(crate) use send::Sender;

use super::own_l1::development_hub;
use crate::settings::{Flags, L1Settings, Settings};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, bail, eyre};
use std::{path::PathBuf, process::ExitCode};
use weft_batch::RealmConfig;
use weft_contracts::{Hub, l1::L1Addresses};
use weft_l1::{History, L1Client, L1Patience, Sureness};

/// Most rollups that are named where another was asked for.
const MAX_NAMED: u32 = 20;

/// The realm's place on L1
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft l1 deploy --l1 http://127.0.0.1:8545 --key 0xac09.. --dev --unbacked \\
    --attester 0x7099..
  weft l1 deploy --config weft.toml --l1 http://l1:8545 --attester 0x7099..
  weft l1 register 903.toml --config weft.toml
  weft l1 dev --out l1.toml
  weft l1 post-inbox --config weft.toml      for a sequencer that is silent")]
pub(crate) enum L1Command {
    Deploy(Box<deploy::Deploy>),
    Register(Box<register::Register>),
    Dev(dev::L1Dev),
    PostInbox(Box<inbox::PostInbox>),
}

impl L1Command {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Deploy(command) => command.run().await,
            Self::Register(command) => command.run().await,
            Self::Dev(command) => command.run().await,
            Self::PostInbox(command) => command.run().await,
        }
    }
}

/// Where L1 is; flags before what the configuration says.
#[derive(Debug, Clone, Args)]
pub(crate) struct L1Args {
    /// L1 endpoint; may repeat
    #[arg(long = "l1", value_name = "URL", value_delimiter = ',')]
    pub(crate) urls: Vec<String>,
    /// Hub of the realm
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) hub: Option<Address>,
    /// L1 block to read from
    #[arg(long, value_name = "BLOCK")]
    pub(crate) from: Option<u64>,
    /// Configuration file; flags come first
    #[arg(long, value_name = "FILE", env = "WEFT_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
}

/// A realm that was found on L1.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) settings: L1Settings,
    pub(crate) contracts: L1Addresses,
    pub(crate) realm: RealmConfig,
}

impl L1Args {
    /// Brings together what flags and configuration say.
    pub(crate) fn settings(&self) -> Result<L1Settings> {
        let said = Settings::resolve(&Flags::with_file(self.config.clone()))?.l1()?;
        Ok(L1Settings {
            urls: if self.urls.is_empty() { said.urls } else { self.urls.clone() },
            hub: self.hub.or(said.hub),
            from: self.from.unwrap_or(said.from),
            ..said
        })
    }

    /// Returns the flags that find the same realm again, each with a space before it.
    pub(crate) fn again(&self) -> String {
        let urls = self.urls.iter().map(|url| format!(" --l1 {url}"));
        let hub = self.hub.iter().map(|hub| format!(" --hub {hub}"));
        let from = self.from.iter().map(|from| format!(" --from {from}"));
        let config = self.config.iter().map(|path| format!(" --config {}", path.display()));
        urls.chain(hub).chain(from).chain(config).collect()
    }

    /// Connects to L1.
    pub(crate) async fn connect(&self) -> Result<(L1Client, L1Settings)> {
        let settings = self.settings()?;
        if settings.urls.is_empty() {
            return Err(eyre!("no L1: name an endpoint with --l1, or set `l1.urls`"));
        }
        let client = L1Client::connect(&settings.urls, L1Patience::default()).await;
        Ok((client.wrap_err("cannot use L1")?, settings))
    }

    /// Finds the realm by its hub; where nothing is said, that of `weft dev`.
    pub(crate) async fn find(&self) -> Result<Found> {
        let said = self.settings()?;
        let is_dev = said.urls.is_empty() && said.hub.is_none();
        let development = || Self {
            urls: vec![format!("http://127.0.0.1:{}", weft_devl1::settings::PORT)],
            hub: Some(development_hub()),
            ..self.clone()
        };
        let place = if is_dev { development() } else { self.clone() };
        let found = place.found().await;
        let hint = "no L1 is named, and that of `weft dev` is of no use (one that just started may be in a moment); name one with --l1";
        if is_dev { found.wrap_err(hint) } else { found }
    }

    async fn found(&self) -> Result<Found> {
        let (client, settings) = self.connect().await?;
        let development =
            || (client.chain_id() == weft_devl1::settings::CHAIN_ID).then(development_hub);
        let hub = settings.hub.or_else(development).ok_or_else(no_hub)?;
        let to = client.height(Sureness::Latest).await?;
        let found = History::realm(&client, hub, settings.from, to).await;
        let (contracts, realm) = found.wrap_err("cannot find the realm on L1")?;
        Ok(Found { settings, contracts, realm })
    }
}

impl Found {
    /// Makes sure that the realm has a rollup: what is sent to another is refused on L1.
    pub(crate) async fn check_rollup(&self, sender: &Sender, chain_id: u32) -> Result<()> {
        let hub = self.contracts.hub;
        if sender.view(hub, &Hub::idOfCall { chainId: chain_id }).await? != 0 {
            return Ok(());
        }
        let count = sender.view(hub, &Hub::rollupCountCall {}).await?;
        let mut known = Vec::new();
        for id in 1..=count.min(MAX_NAMED) {
            known.push(sender.view(hub, &Hub::networkOfCall { id }).await?.to_string());
        }
        let more = if count > MAX_NAMED { " and others" } else { "" };
        bail!("the realm has no rollup {chain_id}; it has {}{more}", known.join(", "))
    }

    /// Signs with `key` what goes to L1.
    pub(crate) fn sender(&self, key: &PrivateKeySigner) -> Result<Sender> {
        Sender::new(&self.settings.urls[0], key)
    }
}

pub(crate) fn no_hub() -> eyre::Report {
    eyre!("no hub: name it with --hub, or set `l1.hub` (`weft l1 deploy` writes it)")
}
