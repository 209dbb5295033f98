//! `weft evidence`: what convicts somebody of a broken promise, without a network and on L1.

mod missing;
mod result;
mod submit;

use super::verify_promise::{print_realm, read_bounded};
use crate::{
    domain::parse_domain,
    say::say,
    style::{bold, red, yellow},
};
use alloy_primitives::{Address, hex};
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, eyre};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_evidence::{Convicted, Evidence, Proof, Registry};
use weft_promise::read_promise;
use weft_types::{Decode as _, Domain, Encode as _, SignedPromise};

/// Most bytes of a file with evidence, which is hex.
const MAX_FILE: u64 = 1 << 25;
/// Most bytes of a promise file.
const MAX_PROMISE: u64 = 1 << 20;

/// Evidence of broken promises
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft evidence make promise.json other.json -o proof.hex
  weft evidence verify proof.hex
  weft evidence verify proof.hex --signer 0x7099.. --domain 1:0xABcd..:7
  weft evidence submit proof.hex --l1 http://l1:8545 --slasher 0x12..")]
pub(crate) enum EvidenceCommand {
    Verify(Verify),
    Make(Make),
    Submit(Box<submit::Submit>),
    Compensate(Box<submit::Compensate>),
}

/// Says offline who is convicted of what, if anybody is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft evidence verify proof.hex
  weft evidence verify proof.hex --signer 0x7099..
  weft evidence verify leak.hex --member 2:0x1234.. --open-epoch 8

Without --signer or --member the accused key is the one that the evidence names:
the fault is shown, and it is for you to know whose key that is. A leaked secret
is evidence only while its epoch is open, which no file can show.

Exit code 0 says that somebody is convicted, 1 that nobody is.")]
pub(crate) struct Verify {
    /// File with the evidence in hex
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Key that promises for the realm; repeatable
    #[arg(long, value_name = "ADDRESS")]
    signer: Vec<Address>,
    /// Committee member and its key; repeatable
    #[arg(long, value_name = "NUMBER:ADDRESS", value_parser = parse_member)]
    member: Vec<(u32, Address)>,
    /// Epoch that is known to be open; repeatable
    #[arg(long, value_name = "EPOCH")]
    open_epoch: Vec<u64>,
    /// Realm that it must be about
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
}

/// Makes evidence of two promises that one key cannot keep both
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft evidence make promise.json other.json -o proof.hex

Exit code 0 says that the evidence is written, 1 that both promises can be kept
or that they are of two keys or two realms.")]
pub(crate) struct Make {
    /// File of `weft promise get`
    #[arg(value_name = "PROMISE")]
    promise: PathBuf,
    /// Another promise of the key
    #[arg(value_name = "OTHER")]
    other: PathBuf,
    /// File for the evidence in hex; else it is printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl EvidenceCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Make(make) => make.run(),
            Self::Submit(submit) => submit.run().await,
            Self::Compensate(compensate) => compensate.run().await,
        }
    }
}

impl Verify {
    fn run(self) -> Result<ExitCode> {
        let name = self.file.display();
        let text = read_bounded(&self.file, MAX_FILE)?;
        let refused = || format!("{name} is no evidence");
        let bytes = hex::decode(text.trim()).wrap_err_with(refused)?;
        let evidence = Evidence::decode(&bytes).wrap_err_with(refused)?;
        let (registry, is_known) = self.registry(&evidence).wrap_err_with(refused)?;
        let conviction = evidence.check(&registry).wrap_err_with(refused)?;
        say(format_args!("{}  {}", red("convicted"), bold(conviction.convicted)));
        if !is_known {
            let hint = "the evidence names this key itself: check that you know whose it is";
            say(format_args!("  {}", yellow(hint)));
        }
        print_realm(evidence.domain());
        say(format_args!("{}  {}", bold("fault"), conviction.fault));
        say(format_args!("  about {}", conviction.subject));
        say(format_args!("  conviction {}", conviction.id(evidence.domain())));
        Ok(ExitCode::SUCCESS)
    }

    /// Returns what the evidence is checked against, and whether the accused key came from the command line.
    fn registry(&self, evidence: &Evidence) -> Result<(Registry, bool)> {
        let told = Registry {
            domain: self.domain.unwrap_or(*evidence.domain()),
            sequencers: self.signer.iter().copied().collect(),
            members: self.member.iter().copied().collect(),
            open_epochs: self.open_epoch.iter().copied().collect(),
        };
        complete(evidence, told)
    }
}

/// Adds the key that the evidence names where none of its kind is known; returns whether one was.
fn complete(evidence: &Evidence, mut registry: Registry) -> Result<(Registry, bool)> {
    let accused = evidence.accused().ok_or_else(|| eyre!("nobody signed it"))?;
    match accused {
        Convicted::Sequencer(key) if registry.sequencers.is_empty() => {
            registry.sequencers.insert(key)
        }
        Convicted::Member { member, key } if registry.members.is_empty() => {
            registry.members.insert(member, key).is_none()
        }
        _ => return Ok((registry, true)),
    };
    Ok((registry, false))
}

impl Make {
    fn run(self) -> Result<ExitCode> {
        let (one, key) = promise(&self.promise)?;
        let (other, _) = promise(&self.other)?;
        let domain = one.domain;
        let evidence = Evidence::new(domain, Proof::Promises(Box::new([one, other])));
        let conviction = evidence
            .check(&Registry::new(domain, key))
            .wrap_err("the two promises are no evidence")?;
        let text = hex::encode_prefixed(evidence.encode());
        let Some(file) = &self.output else {
            say(text);
            return Ok(ExitCode::SUCCESS);
        };
        fs::write(file, text + "\n")
            .wrap_err_with(|| format!("cannot write {}", file.display()))?;
        say(format_args!("{}  {}", red(conviction.fault), conviction.subject));
        Ok(ExitCode::SUCCESS)
    }
}

fn promise(file: &Path) -> Result<(SignedPromise, Address)> {
    let text = read_bounded(file, MAX_PROMISE)?;
    read_promise(&text).wrap_err_with(|| format!("{} is refused", file.display()))
}

fn parse_member(text: &str) -> Result<(u32, Address), String> {
    let wrong = || "write a member as NUMBER:ADDRESS, such as 2:0xABcd..".to_owned();
    let (member, key) = text.split_once(':').ok_or_else(wrong)?;
    Ok((member.parse().map_err(|_| wrong())?, key.parse().map_err(|_| wrong())?))
}
