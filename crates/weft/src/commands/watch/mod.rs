//! `weft watch`: a watchtower that finds broken promises and has them punished, without a human.
//!
//! ```text
//!  node: promises, notices ──► ears ──► Bench (a file each) ──► hand ──► L1: punish, compensate
//!  own promises, own items ──┤    └───► promises with a deadline ─┘        (again until L1 answers, and when it goes back)
//!  L1: batches, settlements ──► eyes ─┘
//! ```

mod ears;
mod eyes;
mod hand;
mod own;

use crate::{
    commands::run::Signals,
    court::{Court, slasher_of},
    realm,
    say::say,
    tower::Bench,
};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use ears::Ears;
use eyes::Eyes;
use eyre::{Result, WrapErr, ensure};
use hand::{Charge, Hand};
use own::Own;
use serde_json::json;
use std::{future::pending, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::sync::mpsc;
use weft_client::Realm;
use weft_evidence::Registry;
use weft_types::Domain;

/// Convictions that wait for L1; more than this and the ears wait.
const WAITING: usize = 1_024;

/// Watches a sequencer and has it punished when it breaks its word
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft watch --rpc http://node:9545 --dir tower
  weft watch --rpc http://node:9545 --dir tower --l1 http://l1:8545 \\
      --key 0xac09.. --sequencer 0x7099.. --own promises

It hears every promise, checkpoint, slot commitment and epoch notice of a node.
Two that one key cannot keep are evidence: DIR/evidence gets a file, and with
--key the contract on L1 gets a transaction. What was kept before a restart, or
while L1 was away, goes there as soon as it can. A promised slot that no batch
holds by its deadline is punished too.

OWN holds promises that you were given (`weft promise get`, *.json): each is
held against the order that its slot is committed to. Results of signed
transactions and bundles there (*.raw, hex) are held against their legs, and
they are shown to L1 when they were the ones promised, so that their senders are
compensated; others are asked for at the node. With --verify every batch on L1
is derived as `weft verify --l1` does: what is false in it is said, what it
holds in clear is held against the results that were promised, and so is what
was settled: a result that is not what was settled is punished, too.")]
pub(crate) struct Watch {
    /// Rollup to watch
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Directory for evidence
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Key that promises; else the one that the node names
    #[arg(long, value_name = "ADDRESS")]
    sequencer: Option<Address>,
    /// Promises and transactions of your own
    #[arg(long, value_name = "DIR")]
    own: Option<PathBuf>,
    /// L1 endpoint
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    l1: String,
    /// Contract that punishes; default: the realm's
    #[arg(long, value_name = "ADDRESS", env = "WEFT_SLASHER", hide_env = true)]
    #[arg(requires = "key")]
    slasher: Option<Address>,
    /// L1 block to read from
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    from: u64,
    /// Derives what is posted on L1, too
    #[arg(long)]
    verify: bool,
    /// Where blobs are; default: the L1 endpoint
    #[arg(long, value_name = "DIR|URL", requires = "verify")]
    blobs: Option<String>,
    /// Private key of who pays for gas
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env = true)]
    key: Option<PrivateKeySigner>,
}

impl Watch {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let realm = realm::Realm::connect(&self.rpc).await?.client().await?;
        let told = realm.promise_key().await.wrap_err("the node promises nothing")?;
        let sequencer = self.sequencer.unwrap_or(told.key);
        ensure!(sequencer == told.key, "the node promises with {}, not with {sequencer}", told.key);
        let registry = Registry::new(*realm.domain(), sequencer);
        let bench = Arc::new(Bench::open(registry, &self.dir.join("evidence"))?);
        let own = Own::new(self.own.clone());
        let court = self.court(&realm).await?;
        say(json!({
            "event": "started",
            "sequencer": sequencer,
            "domain": realm.domain(),
            "punishes": court.as_ref().map(Court::me),
        }));
        let (found, waiting) = mpsc::channel(WAITING);
        for kept in bench.kept()? {
            // What came before fits: there are fewer files than places, or the rest goes at the next start.
            let _ = found.try_send(Charge::Word(Box::new(kept)));
        }
        let hand = Hand::new(court, own.clone(), self.rpc.clone());
        let eyes = self.eyes(*realm.domain());
        let ears = Ears::new(realm, sequencer, bench, own, found);
        ears.remember().await;
        tokio::select! {
            () = ears.promises() => {}
            () = ears.notices() => {}
            () = ears.own() => {}
            () = look(eyes.as_ref(), &ears) => {}
            () = hand.punish(waiting) => {}
            () = hand.deadlines(&ears) => {}
            name = signals.wait() => say(json!({ "event": "stopped", "signal": name })),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn eyes(&self, domain: Domain) -> Option<Eyes> {
        let (url, from, blobs) = (self.l1.clone(), self.from, self.blobs.clone());
        self.verify.then_some(Eyes { url, domain, from, blobs })
    }

    async fn court(&self, realm: &Realm) -> Result<Option<Court>> {
        let Some(key) = &self.key else { return Ok(None) };
        let slasher = match self.slasher {
            Some(named) => named,
            None => slasher_of(&self.l1, realm.domain(), self.from).await?,
        };
        Ok(Some(Court::open(&self.l1, realm.domain(), slasher, key.clone()).await?))
    }
}

async fn look(eyes: Option<&Eyes>, ears: &Ears) {
    match eyes {
        Some(eyes) => eyes.look(ears).await,
        None => pending().await,
    }
}
