//! `weft committee serve`: a member that runs by itself, beside no node in particular.
//!
//! ```text
//!  look at the node ─► coming epochs: deal, sign, announce
//!                  └─► closed epochs: signed by the sequencer? my share in the list? ─► guard ─► sign, release
//! ```
//!
//! The node is not trusted: it cannot make a member release for a head that its sequencer did not sign, nor for two.

mod guard;
mod member;
mod words;

use super::super::{secret::KeyArgs, solve::parse_time};
use crate::{commands::run::Signals, rpc::Rpc};
use alloy_primitives::Address;
use clap::Args;
use eyre::Result;
use member::Member;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use weft_crypto::{MemberId, setup::ADVANTAGE};

/// Runs a member: announces shares, releases what is closed
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft committee serve --member <NUMBER> --dir <DIR> --key <KEY> [OPTIONS]",
    after_help = "\
DIR holds the seed of all secrets, encrypted under the passphrase of the key,
and a guard file with what was released. It is made at the first start. A
secret is released only behind a closing head that the sequencer signed, never
for two: a copy of DIR, such as a backup, keeps quiet for every epoch that may
have been released since. Never run two members from one seed.

A share is dealt only for an epoch that can come soon by this machine's clock,
and to a setup whose delay covers three epochs against the fastest solver; a
realm on a development L1 may have any. The first `realm` line says which realm
DIR belongs to from then on: compare it with what other members see.

What happens is printed as JSON, one object a line. SIGINT and SIGTERM end it."
)]
pub(crate) struct Serve {
    /// Number of the member
    #[arg(long, value_name = "NUMBER")]
    member: MemberId,
    #[command(flatten)]
    signer: KeyArgs,
    /// Directory for the seed and for what was released
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Any rollup
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Sequencer's key; else the first named is kept
    #[arg(long, value_name = "ADDRESS")]
    sequencer: Option<Address>,
    /// Time between two looks at the node
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse_time)]
    poll: Duration,
    /// How much faster solvers may be
    #[arg(long, value_name = "TIMES", default_value_t = ADVANTAGE)]
    advantage: u64,
    /// Says that DIR is from a backup
    #[arg(long)]
    restored: bool,
}

impl Serve {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<()> {
        let mut signals = Signals::listen()?;
        let (signer, passphrase) = (self.signer.open()?, self.signer.passphrase()?);
        let member = Member::open(
            &self.dir,
            self.member,
            signer,
            &passphrase,
            self.restored,
            self.advantage,
        )?;
        tell(json!({ "event": "started", "member": self.member, "key": member.key() }));
        tokio::select! {
            done = self.look(member) => done,
            name = signals.wait() => {
                tell(json!({ "event": "stopped", "signal": name }));
                Ok(())
            }
        }
    }

    async fn look(&self, mut member: Member) -> Result<()> {
        let rpc = Rpc::new(&self.rpc)?;
        let mut trouble = None;
        loop {
            // What a guard or an own file cannot do ends the member; a node that is away or refuses does not.
            let found = match rpc.request("weft_committee", json!([])).await {
                Ok(status) => member.turn(&rpc, &status, self.sequencer).await?,
                Err(error) => Some(error.to_string()),
            };
            if found != trouble {
                if let Some(why) = &found {
                    tell(json!({ "event": "trouble", "why": why }));
                }
                trouble = found;
            }
            tokio::time::sleep(self.poll).await;
        }
    }
}

/// Prints what happened, as a line of JSON.
fn tell(event: Value) {
    crate::say::say(event);
}
