//! `weft bundle build`.

use super::{
    DEFAULT_RPC,
    file::{self, Draft, DraftLeg},
};
use crate::{domain::parse_domain, realm::Realm};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use std::{
    io::{IsTerminal as _, stdin},
    process::ExitCode,
};
use weft_types::{Domain, SafetyLevel};

/// Gives a bundle its id, puts the marker into every leg, prints JSON
#[derive(Debug, Args)]
#[command(after_help = "\
A wallet, or `weft bundle sign`, then signs each leg. With the marker in it
nobody can execute a leg without its bundle.

A leg is `CHAIN:from=ADDRESS,to=ADDRESS` followed by any of
  value=AMOUNT   wei, or 1ether, 5gwei
  data=0x..      call data; without `to` it is the creation code of a contract
  gas=N          gas limit, else estimated when signing
  may-revert     the bundle stands even if this leg reverts
  list           marker in the access list: the receiver takes no call data

As JSON, on standard input or in FILE:
  {\"legs\": [
    {\"chainId\": 901, \"from\": \"0x..\", \"to\": \"0x..\", \"value\": \"1ether\"}]}

Permits and EIP-7702 authorizations inside a leg are signed apart: the marker
does not protect them.")]
pub(crate) struct Build {
    /// A leg; repeat for each, in execution order
    #[arg(long = "leg", value_name = "SPEC")]
    legs: Vec<DraftLeg>,
    /// Tells apart bundles that are otherwise the same: 32 bytes of hex
    #[arg(long)]
    salt: Option<B256>,
    /// Safety that the bundle asks for
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Realm as L1:ADDRESS:REALM, where no node is to be asked
    #[arg(long, value_name = "REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
    /// Any rollup of the realm, which says what realm it is
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
    /// Leaves the markers out: whoever sees a leg can then execute it alone
    #[arg(long)]
    unprotected: bool,
    /// Bundle as JSON, instead of --leg; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with = "legs")]
    file: Option<String>,
}

/// [`SafetyLevel`] on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Level {
    /// The sequencer's word
    Reputation,
    /// A bond covers the value at risk
    Cryptoeconomic,
    /// The rollups settle together
    Cryptographic,
}

impl From<Level> for SafetyLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Reputation => Self::Reputation,
            Level::Cryptoeconomic => Self::Cryptoeconomic,
            Level::Cryptographic => Self::Cryptographic,
        }
    }
}

impl Build {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let mut draft = if self.legs.is_empty() {
            let path = self.file.as_deref().unwrap_or("-");
            let is_typed = path == "-" && stdin().is_terminal();
            ensure!(self.file.is_some() || !is_typed, "{}", file::NO_LEGS);
            serde_json::from_value(file::read(path, file::NO_LEGS)?)
                .wrap_err_with(|| format!("{} is not a bundle", file::name(path)))?
        } else {
            Draft { legs: self.legs.clone(), ..Draft::default() }
        };
        draft.salt = self.salt.or(draft.salt);
        draft.check()?;
        draft.domain = match self.domain.or(draft.domain) {
            Some(said) => Some(said),
            None => self.served(&draft).await?,
        };
        draft.level = self.level.map_or(draft.level, Into::into);
        let listed = draft.legs.iter().any(|leg| leg.list_marker);
        ensure!(!(listed && self.unprotected), "`list` asks for a marker, --unprotected for none");
        let bundle = draft.build(!self.unprotected)?;
        if self.unprotected {
            eprintln!(
                "unprotected: the legs carry no marker, anybody who sees them can lift one out"
            );
        }
        file::print(&bundle)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Asks the node which realm a bundle is for, and whether it has the rollups; nothing is said of the realm without L1,
    /// which is that of old nodes.
    async fn served(&self, draft: &Draft) -> Result<Option<Domain>> {
        let realm = Realm::connect(&self.rpc).await;
        let hint = "which realm is the bundle for? Name it with --domain, or a node with --rpc";
        let realm = realm.wrap_err(hint)?;
        for (index, leg) in draft.legs.iter().enumerate() {
            realm.rollup(leg.chain_id).wrap_err_with(|| format!("leg {index}"))?;
        }
        let served = realm.domain().copied();
        Ok(served.filter(|served| *served != Domain::dev()))
    }
}
