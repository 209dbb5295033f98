//! An L1 of `weft dev`'s own: started with it, with the realm's contracts on it; posted to, attested and settled by itself.

mod chain;
mod plan;
mod roles;
mod settling;

use super::{
    posting::Archived,
    run::{self, L1Place},
};
use crate::{
    say::say,
    settings::{L1Settings, Settings},
    style::dim,
    utc,
};
use chain::Wanted;
use clap::Args;
use eyre::{Report, Result, WrapErr, ensure, eyre};
use roles::Roles;
use serde_json::{Value, json};
use std::{
    future::pending,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use weft_contracts::l1::L1Addresses;
use weft_devl1::DevL1;
use weft_l1::{Deployed, Plan};
use weft_node::{
    BatchDir, BatchLimits, BatchOptions, DevConfig, EngineHandle, SigningKey,
    development_sequencer, realm_config,
};
use weft_poster::{Journal, L1, Limits, Poster, Turn};
use weft_promise::Signer as _;
use weft_types::Domain;

pub(super) use chain::{L1Client, Wanted as WantedL1};
pub(super) use plan::{Standing, stand};
pub(super) use roles::hub as development_hub;

/// Age at which a batch ends, in milliseconds.
const BATCH_MS: u64 = 2_000;
/// Between two looks of whoever posts and settles.
const LOOK: Duration = Duration::from_secs(1);
/// L1 blocks behind one whose entries run: nobody reorganises this chain by accident.
const CONFIRMATIONS: u64 = 1;
/// Ports between the first rollup's and the L1's: 9545 and 8545.
const BELOW: u16 = 9545 - weft_devl1::settings::PORT;

/// The L1 of a development realm.
#[derive(Debug, Default, Args)]
pub(crate) struct OwnL1Args {
    /// Starts no L1
    #[arg(long)]
    no_l1: bool,
    /// Uses this L1 instead of one of its own
    #[arg(long, value_name = "URL", conflicts_with_all = ["no_l1", "l1_port"])]
    l1: Option<String>,
    /// L1's client: embedded, anvil
    #[arg(long, value_name = "CLIENT", value_enum, default_value_t)]
    #[arg(hide_possible_values = true, conflicts_with_all = ["no_l1", "l1"])]
    l1_client: L1Client,
    /// Port of the L1 [default: 1000 below --port]
    #[arg(long, value_name = "PORT", conflicts_with = "no_l1")]
    l1_port: Option<u16>,
}

/// A chain, when it is this process's own; which client it is, and where.
type Started = (Option<Box<dyn DevL1>>, &'static str, String);

/// An L1 on which a realm is about to be deployed.
#[derive(Debug)]
pub(crate) struct OwnL1 {
    /// The chain, when it is this process's own; it ends with it.
    chain: Option<Box<dyn DevL1>>,
    client: &'static str,
    url: String,
    roles: Roles,
    plan: Plan,
    contracts: L1Addresses,
    batches: PathBuf,
    /// Batches, the poster's journal and blobs; gone with the process.
    home: TempDir,
}

impl OwnL1Args {
    /// Returns true when there is to be none.
    pub(crate) const fn is_off(&self) -> bool {
        self.no_l1
    }

    /// Starts the L1 and makes the realm one of it; nothing when there is to be none.
    pub(crate) async fn start(
        self,
        settings: &Settings,
        config: &mut DevConfig,
    ) -> Result<Option<OwnL1>> {
        if self.no_l1 {
            return Ok(None);
        }
        if let Some(why) = unfit(settings, config)? {
            let is_asked = self.l1.is_some() || self.l1_port.is_some();
            ensure!(!is_asked, "no L1 of its own: {why}");
            return Ok(None);
        }
        let home = TempDir::new().wrap_err("cannot make a directory for the L1")?;
        let (chain, client, url) = match &self.l1 {
            Some(url) => (None, "given", url.clone()),
            None => self.chain(home.path(), config).await?,
        };
        let roles = Roles::new(&url, self.l1.is_some()).await?;
        let domain = Domain {
            l1_chain_id: roles.chain_id,
            settlement: roles.contracts.hub,
            ..config.domain
        };
        config.domain = domain;
        config.l1_confirmations = CONFIRMATIONS;
        let timestamp = *config.genesis_unix_s.get_or_insert_with(utc::now_s);
        let batches = home.path().join("batches");
        let limits = BatchLimits { ms: BATCH_MS, ..BatchLimits::default() };
        let options = BatchOptions { dir: batches.clone(), limits, is_volatile: true };
        config.batches = Some(options);
        let sequencer = development_sequencer().address();
        let realm = realm_config(config, timestamp, sequencer)?;
        let plan = plan::of(realm, sequencer, &roles, chain.is_some());
        let contracts = roles.contracts;
        Ok(Some(OwnL1 { chain, client, url, roles, plan, contracts, batches, home }))
    }
}

impl OwnL1Args {
    /// Starts a chain.
    async fn chain(&self, home: &Path, config: &DevConfig) -> Result<Started> {
        let wanted = Wanted {
            client: self.l1_client,
            host: config.host,
            port: self.l1_port.unwrap_or_else(|| config.port.saturating_sub(BELOW)),
            is_asked: self.l1_port.is_some(),
            balance: config.balance,
        };
        let chain = wanted.start(home).await;
        let chain = chain.map_err(|error| eyre!("{error:#}; --no-l1 does without an L1"))?;
        let url = chain.url().to_owned();
        Ok((Some(chain), self.l1_client.name(), url))
    }
}

/// Returns why a realm cannot have an L1 that ends with the process.
pub(super) fn unfit(settings: &Settings, config: &DevConfig) -> Result<Option<&'static str>> {
    let reasons = [
        (settings.l1()?.hub.is_some(), "the configuration names a hub"),
        (config.data_dir.is_some(), "the realm of --data-dir outlives it"),
        (config.load_state.is_some(), "what --load-state brings is not on it"),
        (config.seed.is_some(), "--seed fixes all times, and it has its own"),
        (config.imported.is_some(), "an imported chain has none"),
        (!has_known_key(config), "its batches are signed with the development key alone"),
    ];
    Ok(reasons.into_iter().find_map(|(is_so, why)| is_so.then_some(why)))
}

fn has_known_key(config: &DevConfig) -> bool {
    matches!(config.promise_key, Some(SigningKey::Development))
}

impl OwnL1 {
    /// Returns true when the chain is this process's own, and so are the accounts there.
    pub(super) const fn is_own(&self) -> bool {
        self.chain.is_some()
    }

    /// Returns where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the lines of the banner.
    pub(super) fn text(&self) -> String {
        let contracts = &self.contracts;
        format!(
            "  {}  {}  {}\n  Hub        {}\n  Bridge     {}\n  Inbox      {}\n",
            self.roles.chain_id,
            self.url,
            dim(self.client),
            contracts.hub,
            contracts.bridge,
            contracts.inbox
        )
    }

    /// Returns what the banner in JSON says of it.
    pub(super) fn json(&self) -> Value {
        json!({
            "url": self.url,
            "chainId": self.roles.chain_id,
            "client": self.client,
            "hub": self.contracts.hub,
            "bridge": self.contracts.bridge,
            "inbox": self.contracts.inbox,
        })
    }

    /// Deploys, follows, posts and settles. It returns with what nobody but a person can mend.
    pub(super) async fn serve(
        &self,
        engine: &EngineHandle,
        as_json: bool,
        is_quiet: bool,
    ) -> Report {
        let deployed = match self.roles.deploy(&self.url, &self.plan).await {
            Ok(deployed) => deployed,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the contracts are not on L1");
                return pending().await;
            }
        };
        if as_json {
            say(
                json!({ "event": "deployed", "hub": deployed.contracts.hub, "from": deployed.from }),
            );
        } else if !is_quiet {
            say(dim(format_args!("L1: contracts deployed, {} transactions", deployed.steps.len())));
        }
        let place = self.place(&deployed);
        tokio::select! {
            error = run::feed(engine, Some(place)) => error,
            () = self.post() => pending().await,
            () = settling::settle(self, &deployed) => pending().await,
        }
    }

    fn place(&self, deployed: &Deployed) -> L1Place {
        let settings = L1Settings {
            urls: vec![self.url.clone()],
            hub: Some(deployed.contracts.hub),
            from: deployed.from,
            blobs: None,
        };
        L1Place::new(settings, deployed.chain_id, BatchDir::open(&self.batches))
    }

    /// Posts every batch as soon as it is there.
    async fn post(&self) {
        let mut poster = loop {
            match self.poster().await {
                Ok(poster) => break poster,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "nobody posts yet"),
            }
            tokio::time::sleep(LOOK).await;
        };
        loop {
            match poster.turn().await {
                Ok(Turn::Sent { number, hash, .. }) => tracing::info!(number, %hash, "batch sent"),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no batch was posted"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn poster(&self) -> Result<Poster> {
        let dir = BatchDir::open(&self.batches);
        let config = dir.realm().wrap_err("cannot read the realm")?;
        let l1 = L1::connect(&self.url, self.contracts.hub, self.roles.chain_id).await?;
        let account = self.roles.poster.address();
        let journal = self.home.path().join("journal");
        let journal = Journal::open(&journal, l1.chain_id(), l1.hub(), account)?;
        let sequencer = Box::new(development_sequencer());
        let (key, limits) = (self.roles.poster.clone(), Limits::default());
        let source = Box::new(Archived::new(dir, &config));
        Ok(Poster::new(l1, config.domain, source, journal, key, sequencer, limits))
    }
}
