//! `weft bundle commit`, `agree` and `mark`: a bundle of several users, who do not show each other their legs.

use super::file::{self, Document};
use crate::{
    commands::bundle::{DEFAULT_RPC, DraftLeg, network},
    domain::parse_domain,
    realm::Realm,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_client::HiddenLeg;
use weft_types::{
    Domain, Item, LegShape, NetworkId, PartedShape, RESERVED, SafetyLevel, bundle::MAX_LEGS,
};

/// Commits to a leg that nobody else may read before the order is fixed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bundle commit --leg '901:from=0xf39F..,to=0x7099..,value=1ether' \\
      --out leg.json > commitment.txt

FILE is for its owner alone: who has it reads the leg. What is printed is for
the other users of the bundle, and tells them nothing. When all have committed:

  weft bundle agree --epoch 7 0x3a.. 0x91.. > bundle.json       the same for all
  weft bundle mark leg.json bundle.json                         what to sign
  weft seal --part leg.json --of bundle.json --to epoch-7.json .. tx.hex

A leg is written as for `weft bundle build`; `gas` and `list` say nothing here.")]
pub(crate) struct Commit {
    /// The leg
    #[arg(long, value_name = "SPEC")]
    leg: DraftLeg,
    /// File that keeps it; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    realm: RealmArgs,
}

/// Makes the bundle that several users committed to, prints JSON
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bundle agree --epoch 7 0x3a.. 0x91.. > bundle.json

One commitment for each leg, in execution order, of `weft bundle commit`. All
users need the same file: compare the id. It can run in that epoch alone: what
came of it is read by everybody when the epoch opens, so a bundle that is not
complete by then never runs. A leg which was opened once is hidden no more,
whether its bundle ran or not: commit to it anew for another bundle, and expect
that everybody knows it.

When all have sealed and sent their parts: `weft bundle promise`.")]
pub(crate) struct Agree {
    /// The only epoch in which it can run
    #[arg(long)]
    epoch: u64,
    /// Tells apart bundles that are the same; zeros
    #[arg(long, value_name = "HEX")]
    salt: Option<B256>,
    /// Commitments, in execution order
    #[arg(value_name = "COMMITMENT", num_args = 2..)]
    commitments: Vec<B256>,
    #[command(flatten)]
    realm: RealmArgs,
}

/// Says what to sign for the own leg of a bundle in parts
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bundle mark leg.json bundle.json | jq -r .data

Nonce, gas and fees are the wallet's. The signed transaction goes to `weft seal`
with --part and --of.")]
pub(crate) struct Mark {
    /// Leg of `weft bundle commit`
    #[arg(value_name = "LEG")]
    leg: PathBuf,
    /// Bundle of `weft bundle agree`
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
}

#[derive(Debug, Args)]
struct RealmArgs {
    /// Realm as L1:ADDRESS:REALM, to ask no node
    #[arg(long, value_name = "REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
    /// Any of its rollups
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
}

impl RealmArgs {
    async fn domain(&self) -> Result<Domain> {
        match self.domain {
            Some(domain) => Ok(domain),
            None => {
                let served = Realm::connect(&self.rpc).await?.domain().copied();
                Ok(served.unwrap_or_else(Domain::dev))
            }
        }
    }
}

impl Commit {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let domain = self.realm.domain().await?;
        let leg = HiddenLeg::new(self.leg.shape()?)?;
        let mut text = serde_json::to_vec_pretty(&leg_json(&domain, &leg))?;
        text.push(b'\n');
        let name = self.out.display();
        let is_new = super::secret::create(&self.out, &text);
        ensure!(
            is_new.wrap_err_with(|| format!("cannot write {name}"))?,
            "{name} exists; what hides a leg is never overwritten"
        );
        println!("{}", leg.commitment(&domain));
        Ok(ExitCode::SUCCESS)
    }
}

impl Agree {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let commitments = self.commitments;
        let count = commitments.len();
        ensure!(count <= MAX_LEGS, "{count} legs, over the limit of {MAX_LEGS}");
        let distinct: BTreeSet<_> = commitments.iter().collect();
        ensure!(distinct.len() == count, "the same commitment stands twice");
        let level = SafetyLevel::default();
        let salt = self.salt.unwrap_or_default();
        let shape = PartedShape { salt, level, epoch: self.epoch, commitments };
        file::print(&bundle_json(&self.realm.domain().await?, &shape))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Mark {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let ((domain, leg), (of, bundle)) = (read_leg(&self.leg)?, read_bundle(&self.bundle)?);
        let (own, whole) = (self.leg.display(), self.bundle.display());
        ensure!(domain == of, "{own} and {whole} are of two realms");
        let is_in = bundle.commitments.contains(&leg.commitment(&domain));
        ensure!(is_in, "{whole} does not commit to {own}");
        let shape = leg.shape();
        let mut told = json!({
            "chainId": shape.network.get(),
            "from": shape.sender,
            "to": shape.to,
            "value": shape.value,
            "data": leg.marked_data(&domain, &bundle),
        });
        // A creation would run its suffix as code (P18).
        if shape.to.is_none() {
            let keys = [bundle.id(&domain)];
            told["data"] = json!(shape.data);
            told["accessList"] = json!([{ "address": RESERVED, "storageKeys": keys }]);
        }
        file::print(&told)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the part that a user seals.
pub(super) fn part(leg: &Path, bundle: &Path, domain: &Domain, raw: Bytes) -> Result<Item> {
    let ((own, hidden), (of, shape)) = (read_leg(leg)?, read_bundle(bundle)?);
    ensure!(own == *domain && of == *domain, "leg, bundle and key are of several realms");
    Ok(hidden.part(domain, &shape, raw)?)
}

fn leg_json(domain: &Domain, leg: &HiddenLeg) -> Value {
    let LegShape { network, sender, to, value, data, may_revert } = leg.shape();
    json!({
        "kind": "hiddenLeg",
        "domain": domain,
        "chainId": network.get(),
        "from": sender,
        "to": to,
        "value": value,
        "data": data,
        "mayRevert": may_revert,
        "blinding": leg.blinding(),
        "commitment": leg.commitment(domain),
    })
}

fn read_leg(path: &Path) -> Result<(Domain, HiddenLeg)> {
    let document = Document::of_kind(path, "hiddenLeg")?;
    let domain: Domain = document.field("domain")?;
    let network: NetworkId = network(document.field("chainId")?)?;
    let shape = LegShape {
        network,
        sender: document.field::<Address>("from")?,
        to: document.field("to")?,
        value: document.field::<U256>("value")?,
        data: document.field("data")?,
        may_revert: document.field("mayRevert")?,
    };
    let leg = HiddenLeg::of(shape, document.field("blinding")?);
    document.says(&leg_json(&domain, &leg))?;
    Ok((domain, leg))
}

fn bundle_json(domain: &Domain, shape: &PartedShape) -> Value {
    json!({
        "kind": "partedBundle",
        "id": shape.id(domain),
        "domain": domain,
        "salt": shape.salt,
        "level": shape.level,
        "epoch": shape.epoch,
        "commitments": shape.commitments,
    })
}

fn read_bundle(path: &Path) -> Result<(Domain, PartedShape)> {
    let document = Document::of_kind(path, "partedBundle")?;
    let domain: Domain = document.field("domain")?;
    let shape = PartedShape {
        salt: document.field("salt")?,
        level: document.field("level")?,
        epoch: document.field("epoch")?,
        commitments: document.field("commitments")?,
    };
    document.says(&bundle_json(&domain, &shape))?;
    Ok((domain, shape))
}
