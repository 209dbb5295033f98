//! `weft bundle send`.

use super::{DEFAULT_RPC, file, status};
use crate::{
    realm::Realm,
    rpc::Refused,
    say::say,
    style::{bold, dim, green, yellow},
};
use alloy_primitives::{B256, Bytes};
use clap::Args;
use eyre::{Result, WrapErr, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Code of a bundle that was included before.
const REPLAYED: i32 = -38004;

/// Hands a signed bundle to the node
#[derive(Debug, Args)]
#[command(after_help = "\
FILE is the output of `weft bundle sign`, or what any wallet signed:
  {\"legs\": [
    {\"chainId\": 901, \"raw\": \"0x02..\"},
    {\"chainId\": 902, \"raw\": \"0x02..\"}]}

Legs without a marker make an unprotected bundle: it is atomic, but whoever
sees a leg can execute it alone.")]
pub(crate) struct Send {
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
    /// Waits for the outcome
    #[arg(long)]
    wait: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Signed bundle; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
}

/// What the node needs to know of a signed bundle; other members of the JSON are for people.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    salt: Option<B256>,
    level: Option<Value>,
    legs: Vec<SignedLeg>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedLeg {
    #[serde(deserialize_with = "file::number")]
    chain_id: u64,
    raw: Option<Bytes>,
    #[serde(default)]
    may_revert: bool,
}

/// The node's answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    bundle_id: B256,
    protected: bool,
    tx_hashes: Vec<B256>,
}

impl Send {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let signed: Signed = serde_json::from_value(file::read(
            &self.file,
            "name the output of `weft bundle sign`",
        )?)
        .wrap_err_with(|| format!("{} is not a signed bundle", file::name(&self.file)))?;
        let request = signed.request()?;
        let realm = Realm::connect(&self.rpc).await?;
        let answer = realm.entry().ask("weft_sendBundle", json!([request])).await?;
        let answer: Value = answer.map_err(|refused| explained(&refused))?;
        let accepted: Accepted = serde_json::from_value(answer.clone())
            .wrap_err_with(|| format!("unexpected answer to weft_sendBundle: {answer}"))?;
        if self.json && !self.wait {
            say(answer);
        }
        if !self.json {
            accepted.print(&signed);
        }
        if self.wait {
            let mut outcome = realm.wait_outcome(accepted.bundle_id).await?;
            realm.add_blocks(&mut outcome, true).await?;
            return Ok(status::report(accepted.bundle_id, &outcome, self.json));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what to do about a refusal, where that is known.
fn explained(refused: &Refused) -> eyre::Report {
    let Refused { code, message } = refused;
    let hint = match *code {
        REPLAYED => {
            "; the same once more is another bundle: build it with another --salt, and sign"
        }
        _ => "",
    };
    eyre!("weft_sendBundle: {message} (code {code}){hint}")
}

impl Signed {
    /// Returns the parameter of `weft_sendBundle`.
    fn request(&self) -> Result<Value> {
        let mut legs = Vec::with_capacity(self.legs.len());
        for (index, leg) in self.legs.iter().enumerate() {
            let raw = leg.raw.as_ref().ok_or_else(|| {
                eyre!("leg {index} on {} is not signed: run `weft bundle sign`", leg.chain_id)
            })?;
            legs.push(json!({"chainId": leg.chain_id, "raw": raw, "mayRevert": leg.may_revert}));
        }
        let mut request = json!({"legs": legs});
        if let Some(salt) = self.salt {
            request["salt"] = json!(salt);
        }
        if let Some(level) = &self.level {
            request["level"] = level.clone();
        }
        Ok(request)
    }
}

impl Accepted {
    fn print(&self, signed: &Signed) {
        let label = if self.protected { green("protected") } else { yellow("unprotected") };
        say(format_args!("{} {}  {label}", bold("bundle"), self.bundle_id));
        for (index, (leg, hash)) in signed.legs.iter().zip(&self.tx_hashes).enumerate() {
            say(format_args!("  leg {index} on {}  {hash}", leg.chain_id));
        }
        if !self.protected {
            say(format_args!(
                "  {}",
                dim("no marker: anybody who sees a leg can execute it alone")
            ));
        }
    }
}
