//! `weft sealed`: keys from a running node, envelopes to it.

use super::{
    deposit::DepositCommand,
    file::{self, Document},
    key::{HOME, list_json},
    seal::read_envelope,
};
use crate::{realm::Realm, rpc::Refused};
use alloy_primitives::{B256, Bytes};
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, ensure, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};
use weft_crypto::{KeyList, Setup, setup::RSA_2048};
use weft_promise::read_promise;
use weft_types::Domain;

/// Keys and envelopes of a node that takes sealed items
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft sealed key > epoch.json
  weft seal --to epoch.json .. tx.hex > envelope.json
  weft sealed send envelope.json > promise.json
  weft verify-promise promise.json

The payer, the key that seals, needs a deposit:
  weft keys new payer.json --passphrase pass          prints PAYER
  weft sealed deposit PAYER --amount 1ether --key 0xac09..")]
pub(crate) enum Sealed {
    Deposit(Box<DepositCommand>),
    Key(KeyCommand),
    Send(Send),
}

/// Prints the key list of an epoch, for `weft seal --to`
#[derive(Debug, Args)]
#[command(after_help = "\
Every share is checked. Whose committee it is, nobody can check but you: compare
the name with that of people whom you trust, or seal with --expect.")]
pub(crate) struct KeyCommand {
    /// Epoch; the open one when not given
    #[arg(long)]
    epoch: Option<u64>,
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
}

/// Sends an envelope; prints the signed promise of its position
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Envelope, as `weft seal` prints it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
}

/// Answer of `weft_keyList`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    list: Bytes,
    setup: Bytes,
    first_slot: u64,
    last_slot: u64,
}

impl Sealed {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Deposit(command) => command.run().await,
            Self::Key(command) => command.run().await,
            Self::Send(command) => command.run().await,
        }
    }
}

impl KeyCommand {
    async fn run(self) -> Result<ExitCode> {
        let (realm, domain) = sealed_realm(&self.rpc).await?;
        let rpc = realm.entry();
        let params = self.epoch.map_or(json!([]), |epoch| json!([epoch]));
        let listed: Option<Listed> = rpc.request("weft_keyList", params).await?;
        let listed = listed
            .ok_or_else(|| eyre!("{} has no key for that epoch; try again soon", self.rpc))?;
        let refused = || format!("the key list of {} is refused", self.rpc);
        let setup = Setup::decode(&listed.setup).wrap_err_with(refused)?;
        // Whoever made another modulus may know its factors, and read everything.
        ensure!(*setup.group().modulus() == RSA_2048, "{}: its modulus is not RSA-2048", refused());
        let list = KeyList::decode(&setup, &domain, &listed.list).wrap_err_with(refused)?;
        let Listed { first_slot, last_slot, .. } = listed;
        let epoch = list.epoch();
        eprintln!("epoch {epoch}: slots {first_slot} to {last_slot}, key list {}", list.id());
        let mut said = list_json(&setup, &list);
        let epoch: Value = rpc.request("weft_getEpoch", json!([epoch])).await?;
        said[HOME] = epoch["home"].clone();
        file::print(&said)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what to do about an envelope that is refused, where that is known.
fn explained(refused: &Refused) -> eyre::Report {
    let Refused { code, message } = refused;
    let hint = match message.split(':').next().unwrap_or_default() {
        "FeeTooHigh" => "; seal it again with a larger --max-fee",
        "OtherHome" => "; seal it again with another --deposit",
        "OtherEpoch" => "; get the key that is open now (weft sealed key), and seal again",
        "Deposit" => "; pay in first: weft sealed deposit PAYER --amount 1ether",
        _ => "",
    };
    eyre!("weft_sendSealed: {message} (code {code}){hint}")
}

impl Send {
    async fn run(self) -> Result<ExitCode> {
        let (domain, envelope) = read_envelope(&self.file)?;
        let (realm, there) = sealed_realm(&self.rpc).await?;
        ensure!(domain == there, "{} is for another realm than {}", self.file.display(), self.rpc);
        let document = Document::of_kind(&self.file, "envelope")?;
        let (bytes, signature): (Bytes, Value) =
            (document.bytes("encoding")?, document.field("signature")?);
        let answer = realm.entry().ask("weft_sendSealed", json!([bytes, signature])).await?;
        let answer: Value = answer.map_err(|refused| explained(&refused))?;
        let item: B256 = serde_json::from_value(answer["item"].clone())
            .map_err(|_| eyre!("unexpected answer of {}", self.rpc))?;
        ensure!(
            item == envelope.id(&domain),
            "{} ordered another item than the one that was sent: {item}",
            self.rpc
        );
        eprintln!("ordered at {}: {item}", answer["position"]["text"].as_str().unwrap_or("?"));
        let promise = &answer["promise"];
        if promise.is_null() {
            eprintln!("the node signs no promises");
            return Ok(ExitCode::SUCCESS);
        }
        // What does not verify here would be of no use later.
        read_promise(&promise.to_string())?;
        file::print(promise)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Connects to a realm that takes sealed items; returns what all that is signed there is bound to.
pub(super) async fn sealed_realm(url: &str) -> Result<(Realm, Domain)> {
    let realm = Realm::connect(url).await?;
    realm.check_sealed()?;
    let domain = realm.domain().copied();
    let domain = domain.ok_or_else(|| eyre!("{url} does not say which realm it serves"))?;
    Ok((realm, domain))
}
