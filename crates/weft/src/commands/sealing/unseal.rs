//! `weft unseal`.

use super::{
    content,
    file::{self, Document},
    key::{Key, read_secret},
    seal::read_envelope,
    solve::read_opening,
};
use alloy_primitives::Bytes;
use clap::Args;
use eyre::{Result, bail};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, PuzzleScheme, Verdict};
use weft_types::Domain;

/// Exit code of an envelope that holds nothing.
const NOTHING: u8 = 2;

/// Opens an envelope with a secret or an opening
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft unseal envelope.json --to epoch-7.json --with secret-7.json
  weft unseal envelope.json --to setup.json --with opening.json

The secret is that of `weft committee open` or `weft solve`; an opening is that
of `weft solve`. Exit codes: 0 opened; 1 error; 2 the envelope holds nothing, as
everybody else will find too.")]
pub(crate) struct Unseal {
    /// Envelope of `weft seal`
    #[arg(value_name = "ENVELOPE")]
    envelope: PathBuf,
    /// Key list or setup that it is sealed to
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Secret of the epoch, or opening of the puzzle
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
}

impl Unseal {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let (domain, envelope) = read_envelope(&self.envelope)?;
        let verdict = self.open(&domain, &envelope)?;
        let mut told = verdict_json(&verdict);
        if let Verdict::Opened { plaintext, .. } = &verdict {
            let content = content::described(plaintext, &domain);
            told["content"] = content.unwrap_or(Value::Null);
        }
        file::print(&told)?;
        let opened = matches!(verdict, Verdict::Opened { .. });
        Ok(if opened { ExitCode::SUCCESS } else { ExitCode::from(NOTHING) })
    }

    fn open(&self, domain: &Domain, envelope: &Envelope) -> Result<Verdict> {
        match Key::read(&self.to)?.0 {
            Key::List(key) => {
                let list = &key.1;
                if list.domain() != domain {
                    bail!("{} is for another realm than the envelope", self.to.display());
                }
                let secret = read_secret(&self.with, list)?;
                Ok(EpochKeyScheme::new(list).open(envelope, &secret)?)
            }
            Key::Puzzle(setup) => {
                let scheme = PuzzleScheme::new(*domain, &setup);
                scheme.own(envelope)?;
                let document = Document::of_kind(&self.with, "opening")?;
                read_opening(&document, &setup, &scheme, envelope)
            }
        }
    }
}

/// Says a verdict in words.
pub(super) fn verdict_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Opened { plaintext, seed } => {
            json!({ "verdict": "opened", "seed": seed, "plaintext": Bytes::clone(plaintext) })
        }
        Verdict::Malformed { seed } => json!({ "verdict": "malformed", "seed": seed }),
        Verdict::Undecryptable => json!({ "verdict": "undecryptable" }),
    }
}
