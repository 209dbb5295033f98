//! `weft shield`: a JSON-RPC proxy in front of a rollup that seals whatever a wallet sends.
//!
//! ```text
//!            ┌──────────────────── shield ─────────────────────┐
//!  wallet ──►│ server ─► calls ─► sealer ─► disk ─► weft_sendSealed ─► node
//!            │   │                  └─► watch: feed, outcomes ─► alarm, evidence
//!            │   └─ everything else, unchanged ────────────────────────► node
//!            └──────────────────────────────────────────────────┘
//! ```
//!
//! What was promised is on disk before the wallet hears of it. Whatever sends something that could be read before its order is
//! fixed is refused. What only tries it out (estimates, calls) tells its content all the same: it goes to a simulator of its own
//! when there is one.

mod alarm;
mod calls;
mod disk;
mod kept;
mod notices;
mod sealer;
mod server;
mod watch;

use crate::{
    amount::parse_wei,
    commands::{
        keys::{check_is_file, passphrase},
        run::Signals,
        sealing::read_roster,
    },
    delay::{is_development, least_delay_of},
    realm,
    say::say,
    tower::Bench,
    upstream::Upstream,
};
pub(super) use kept::kept_promise;

use alarm::Alarms;
use alloy_primitives::{Address, utils::format_ether};
use alloy_signer_local::PrivateKeySigner;
use calls::Nodes;
use clap::Args;
use disk::Disk;
use eyre::{Result, WrapErr, ensure, eyre};
use sealer::{Sealer, Setting};
use serde_json::json;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use weft_client::{Committee, Realm, SealingTerms};
use weft_crypto::setup::ADVANTAGE;
use weft_evidence::Registry;
use weft_promise::keystore;

/// Seals what a wallet sends, in front of a rollup
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft keys new payer.json --passphrase pass          prints PAYER
  weft sealed deposit PAYER --amount 1ether --key 0xac09..
  weft shield --key payer.json --passphrase pass --dir shield
  cast send --rpc-url http://127.0.0.1:8645 ..        sealed, as it is

A wallet needs no change: eth_sendRawTransaction is sealed to the open epoch,
all else goes to the node and back as it is, over HTTP and WebSocket. What would
be read before its order is fixed (eth_sendTransaction, bundles) is refused.

KEY pays for carriage from its deposit in the fee vault of the home rollup
(`weft sealed deposit`); at the start it is said what is there. Promises are in
DIR before the wallet hears of them. A broken one raises an alarm: a line of
output, weft_shield_alarms in /metrics, and a file in DIR/evidence for
`weft evidence verify`.

Without --sequencer the key that the node names is trusted; without --committee
whoever the node says. With one, all of it has to be in a key, unless --least
says less, and its delay has to cover three epochs of the length that the node
says, unless --least-delay says otherwise.

What a wallet asks to estimate, call or simulate before it sends goes to
--simulate, or to the node: then the node reads it before it is ordered.")]
pub(crate) struct Shield {
    /// Rollup behind it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Key file of who pays, as of `weft keys new`
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
    /// Directory for promises and evidence
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Port to listen on; 0 for any
    #[arg(long, default_value_t = 8645)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Web page that may ask; extensions always may
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Key that promises for the sequencer
    #[arg(long, value_name = "ADDRESS")]
    sequencer: Option<Address>,
    /// Members that are trusted, as JSON
    #[arg(long, value_name = "FILE")]
    committee: Option<PathBuf>,
    /// Fewest members in a key; all when not given
    #[arg(long, value_name = "N", requires = "committee")]
    least: Option<usize>,
    /// Shortest delay that is sealed to, in squarings
    #[arg(long, value_name = "N", requires = "committee")]
    least_delay: Option<u64>,
    /// Node that simulates what wallets ask; it reads it
    #[arg(long, value_name = "URL")]
    simulate: Option<String>,
    /// Most for one transaction
    #[arg(long, value_name = "AMOUNT", default_value = "1000000gwei")]
    max_fee: String,
    /// Seconds until a late item alarms
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    deadline: u64,
}

/// Returns the squarings that cover three epochs, as long as the node says that they are.
async fn delay_of(node: &Upstream) -> Result<u64> {
    let told = node.call("weft_committee", json!([])).await?;
    let number = |name: &str| told[name].as_u64().ok_or_else(|| eyre!("no `{name}` in {told}"));
    let epoch_ms = number("slotMs")?.saturating_mul(number("epochSlots")?);
    Ok(least_delay_of(epoch_ms, ADVANTAGE))
}

impl Shield {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut signals = Signals::listen()?;
        check_is_file(&self.key)?;
        let payer = keystore::read(&self.key, &passphrase(self.passphrase.as_deref())?)?;
        let payer = PrivateKeySigner::from_slice(&payer[..])
            .map_err(|_| eyre!("{} holds no key", self.key.display()))?;
        let upstream = Upstream::new(&self.rpc)?;
        let listed = realm::Realm::connect(&self.rpc).await?;
        listed.check_sealed()?;
        let realm = listed.client().await?;
        let told = realm.promise_key().await.wrap_err("the node promises nothing")?;
        let sequencer = self.sequencer.unwrap_or(told.key);
        ensure!(sequencer == told.key, "the node promises with {}, not with {sequencer}", told.key);
        let disk = Arc::new(Disk::open(&self.dir)?);
        let alarms = Arc::new(Alarms::new(Bench::open(
            Registry::new(*realm.domain(), sequencer),
            &disk.evidence(),
        )?));
        let setting = Setting {
            chain_id: upstream.chain_id().await?,
            sequencer,
            terms: self.terms(&realm, &upstream, sequencer).await?,
            deadline: Duration::from_secs(self.deadline),
        };
        let sealer = Arc::new(Sealer::new(realm, payer, setting, disk, alarms).await?);
        let address = SocketAddr::new(self.host, self.port);
        let listener = server::listen(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        say(json!({
            "event": "started",
            "url": url,
            "chainId": sealer.chain_id(),
            "payer": sealer.payer(),
            "deposit": format_ether(sealer.deposit_wei().await?),
            "sequencer": sequencer,
            "waiting": sealer.waiting(),
            "simulates": self.simulate.as_deref().unwrap_or(&self.rpc),
        }));
        let simulator = self.simulate.as_deref().map(Upstream::new).transpose()?;
        let nodes = Nodes { node: upstream, simulator };
        let serving = server::serve(listener, sealer.clone(), nodes, self.origin);
        tokio::select! {
            () = serving => {}
            () = watch::feed(&sealer) => {}
            () = watch::outcomes(&sealer) => {}
            name = signals.wait() => say(json!({ "event": "stopped", "signal": name })),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn terms(
        &self,
        realm: &Realm,
        node: &Upstream,
        sequencer: Address,
    ) -> Result<SealingTerms> {
        let max_fee_wei = parse_wei(&self.max_fee)?.try_into();
        let committee = match &self.committee {
            Some(path) => {
                let members = read_roster(path)?;
                let least = self.least.unwrap_or(members.len());
                let least_delay = match self.least_delay {
                    Some(least) => least,
                    None if is_development(realm.domain()) => 0,
                    None => delay_of(node).await?,
                };
                Some(Committee { members, least, least_delay })
            }
            None => None,
        };
        Ok(SealingTerms {
            max_fee_wei: max_fee_wei.wrap_err("the fee is over 128 bits")?,
            promise_key: Some(sequencer),
            committee,
            ..SealingTerms::default()
        })
    }
}
