//! `weft l1 deploy`.

use super::{L1Args, Sender, told, written::Waiting};
use crate::{
    amount::parse_wei,
    say::say,
    settings::{Flags, Profile, Settings},
    style::{bold, dim, yellow},
    utc,
};
use alloy_primitives::{Address, B256, U256};
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, ensure, eyre};
use serde_json::json;
use std::process::ExitCode;
use weft_contracts::l1::L1Config;
use weft_l1::{Deployed, Done, Plan, deploy};
use weft_node::{DevConfig, SigningKey, development_sequencer, realm_config};
use weft_promise::{Signer as _, keystore};

/// Puts the realm's contracts on L1 and registers its rollups
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft l1 deploy --config weft.toml --l1 http://l1:8545 --attester 0x7099..
  weft l1 deploy --dev --l1 http://127.0.0.1:8545 --key 0xac09.. --unbacked \\
    --attester 0x7099..

It comes before the first start of the node: the hub is part of everything that
is signed. With --config it writes [l1] and `realm.genesis` into the file, and
nothing else; a file that names a hub is refused. Nobody owns the contracts, and
nothing about them can be changed later. Windows are in L1 blocks.")]
pub(crate) struct Deploy {
    #[command(flatten)]
    l1: L1Args,
    /// Private key that pays
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Deploys the realm that `weft dev` runs
    #[arg(long)]
    dev: bool,
    /// Who signs; default: the configured key
    #[arg(long, value_name = "ADDRESS")]
    sequencer: Option<Address>,
    /// Who holds the bond; default: the payer
    #[arg(long, value_name = "ADDRESS")]
    operator: Option<Address>,
    /// Attester of settlements; may repeat
    #[arg(long = "attester", value_name = "ADDRESS", required = true, value_delimiter = ',')]
    attesters: Vec<Address>,
    /// How many must sign; default: over half
    #[arg(long, value_name = "N")]
    threshold: Option<u32>,
    /// Program whose results they sign; default: 0
    #[arg(long, value_name = "HASH", default_value_t = B256::ZERO, hide_default_value = true)]
    program: B256,
    /// Who adds rollups; default: the payer
    #[arg(long, value_name = "ADDRESS")]
    registrar: Option<Address>,
    /// No ether behind genesis balances: tests
    #[arg(long)]
    unbacked: bool,
    /// The operator's bond
    #[arg(long, value_name = "AMOUNT", default_value = "1ether", value_parser = wei)]
    bond: U256,
    /// Least for the seat; default: safety penalty
    #[arg(long, value_name = "AMOUNT", value_parser = wei)]
    minimum_bond: Option<U256>,
    /// Cost of a false promise; default: bond
    #[arg(long, value_name = "AMOUNT", value_parser = wei)]
    safety_penalty: Option<U256>,
    /// Cost of being late; default: bond / 10
    #[arg(long, value_name = "AMOUNT", value_parser = wei)]
    liveness_penalty: Option<U256>,
    /// When entries must be taken
    #[arg(long, value_name = "BLOCKS", default_value_t = 7_200)]
    force_window: u64,
    /// When anybody may post
    #[arg(long, value_name = "BLOCKS", default_value_t = 14_400)]
    silence_window: u64,
    /// When accounts may leave
    #[arg(long, value_name = "BLOCKS", default_value_t = 50_400)]
    exit_window: u64,
    /// How long a bond stays
    #[arg(long, value_name = "BLOCKS", default_value_t = 100_800)]
    unbonding: u64,
    /// Delay of late penalties
    #[arg(long, value_name = "BLOCKS", default_value_t = 300)]
    grace: u64,
    /// Universal Registry Contract
    #[arg(long, value_name = "ADDRESS")]
    urc: Option<Address>,
    /// What that slashes in addition
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = wei)]
    urc_penalty: U256,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

fn wei(text: &str) -> Result<U256, String> {
    parse_wei(text).map_err(|error| error.to_string())
}

impl Deploy {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let waiting = self.l1.config.as_deref().map(Waiting::read).transpose()?;
        ensure!(self.dev || waiting.is_some(), "name the realm: --config FILE, or --dev");
        let plan = self.plan()?;
        let (client, settings) = self.l1.connect().await?;
        ensure!(
            settings.hub.is_none(),
            "the realm has a hub: {}",
            settings.hub.unwrap_or_default()
        );
        let sender = Sender::new(&settings.urls[0], &self.key)?;
        if !self.json {
            say(format_args!("deploying to chain {} from {}", client.chain_id(), sender.address));
        }
        let is_text = !self.json;
        let mut told = |done: &Done| {
            if is_text {
                say(row(done));
            }
        };
        let deployed = deploy(&sender.provider, sender.address, &plan, &mut told).await?;
        let written = waiting.map(|waiting| waiting.write(&deployed, &self.l1.urls)).transpose();
        self.tell(&deployed);
        written.wrap_err("the realm is deployed, but its place is not in the file")?;
        Ok(ExitCode::SUCCESS)
    }

    fn plan(&self) -> Result<Plan> {
        let settings = Settings::resolve(&Flags::with_file(self.l1.config.clone()))?;
        let profile = if self.dev { Profile::Development } else { Profile::Production };
        let config = settings.node(profile, false)?;
        let sequencer = match self.sequencer {
            Some(sequencer) => sequencer,
            None => key_of(&config)?,
        };
        let payer = self.key.address();
        let now_s = utc::now_s();
        let realm = realm_config(&config, config.genesis_unix_s.unwrap_or(now_s), sequencer)?;
        let count = u32::try_from(self.attesters.len()).unwrap_or(u32::MAX);
        let safety_penalty = self.safety_penalty.unwrap_or(self.bond);
        let l1 = L1Config {
            realm: config.domain.realm,
            registrar: self.registrar.unwrap_or(payer),
            force_window: self.force_window,
            silence_window: self.silence_window,
            exit_window: self.exit_window,
            minimum_bond: self.minimum_bond.unwrap_or(safety_penalty),
            unbonding_blocks: self.unbonding,
            operator: self.operator.unwrap_or(payer),
            sequencer,
            bond: self.bond,
            safety_penalty,
            liveness_penalty: self.liveness_penalty.unwrap_or(self.bond / U256::from(10)),
            grace_blocks: self.grace,
            urc: self.urc.unwrap_or_default(),
            urc_penalty: self.urc_penalty,
        };
        Ok(Plan {
            l1,
            threshold: self.threshold.unwrap_or(count / 2 + 1),
            attesters: self.attesters.clone(),
            program_id: self.program,
            realm,
            is_backed: !self.unbacked,
        })
    }

    fn tell(&self, deployed: &Deployed) {
        if self.json {
            let mut told = told::json(deployed);
            told["program"] = json!(self.program);
            return say(told);
        }
        let gas: u64 = deployed.steps.iter().map(|done| done.gas_used).sum();
        say(format_args!("{} gas in {} transactions", gas, deployed.steps.len()));
        if !self.program.is_zero() {
            say(format_args!("attesters sign with --program {}", self.program));
        }
        if self.unbacked {
            let why = "genesis balances have no ether behind them: good for tests only";
            say(yellow(why));
        }
        match &self.l1.config {
            Some(path) => {
                say(format_args!("{} names the hub {}", path.display(), deployed.contracts.hub));
            }
            None => say(told::start(deployed)),
        }
    }
}

fn row(done: &Done) -> String {
    format!(
        "  {:<18} {} {}",
        bold(&done.name),
        done.address,
        dim(format_args!("{} gas", done.gas_used))
    )
}

/// Returns the address of the key that the configuration signs with.
pub(super) fn key_of(config: &DevConfig) -> Result<Address> {
    match &config.promise_key {
        Some(SigningKey::Keystore { file, passphrase, .. }) => {
            Ok(keystore::open(file, passphrase)?.address())
        }
        Some(SigningKey::Development) => Ok(development_sequencer().address()),
        Some(SigningKey::Program { .. }) | None => {
            Err(eyre!("name who signs with --sequencer: the configuration holds no key to look at"))
        }
    }
}
