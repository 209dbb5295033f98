//! `weft solve`: everybody's slow path.

use super::{
    file::{self, Document},
    key::{read_list, read_setup, secret_json},
    seal::read_envelope,
    secret::replace,
};
use crate::{progress::Progress, rpc::Rpc};
use alloy_primitives::{B256, Bytes};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::{Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use weft_crypto::{
    Chain, Checkpoint, DelayScheme as _, Element, Envelope, Proof, PuzzleScheme, Setup, Verdict,
};

/// Squarings between two looks at the clock; some tens of milliseconds.
const STEP: u64 = 1 << 15;
/// Most bytes of a checkpoint: 16,384 values of 256 bytes on the way, and some.
const MAX_CHECKPOINT: u64 = 8 << 20;

/// Opens what nobody opens: squares until the secret is found
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft solve epoch-7.json --checkpoint epoch-7.chain > secret-7.json
  weft solve epoch-7.json --checkpoint c --submit http://node:9545
  weft solve envelope.json --setup setup.json --checkpoint c > opening.json

A key list gives the secret of its epoch, as `weft committee open` does when all
members release theirs. An envelope with a puzzle of its own gives its opening,
with a proof for others. The squarings follow one another, so more processors do
not help; a fast one does. Stop it at any time: the same command goes on from
the checkpoint, and keeps it at the end.")]
pub(crate) struct Solve {
    /// Key list, or an envelope with a puzzle of its own
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Setup of the envelope's puzzle
    #[arg(long, value_name = "SETUP")]
    setup: Option<PathBuf>,
    /// File to keep the work in, and to go on from
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Time between two checkpoints
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    every: Duration,
    /// Node that gets the secret of a closed epoch as well
    #[arg(long, value_name = "URL")]
    submit: Option<String>,
}

impl Solve {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let kind = Document::read(&self.file)?.kind().to_owned();
        let found = match (kind.as_str(), &self.setup) {
            ("keyList", None) => return self.epoch().await,
            ("keyList", Some(_)) => bail!("a key list holds its setup: leave --setup out"),
            ("envelope", _) if self.submit.is_some() => {
                bail!("a node takes the secrets of epochs alone: leave --submit out")
            }
            ("envelope", Some(setup)) => self.envelope(setup)?,
            ("envelope", None) => bail!("the envelope's setup is missing: add --setup"),
            _ => bail!(
                "{} is a file of kind `{kind}`, expected `keyList` or `envelope`",
                self.file.display()
            ),
        };
        file::print(&found)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn epoch(&self) -> Result<ExitCode> {
        let (setup, list) = read_list(&self.file)?;
        let (found, squared) = {
            let chain = self.squared(&setup, *list.puzzle())?;
            let value = chain.result().expect("the chain is complete");
            let secret = list.recover(&setup, &value).wrap_err_with(|| self.useless())?;
            let hex = |element: Vec<u8>| Bytes::from(element);
            // A node whose members are elsewhere believes nobody who does not show the squarings.
            let squared = self.submit.as_ref().map(|_| {
                let proof = Proof::new(&chain);
                (hex(value.to_vec()), hex(proof.to_vec()))
            });
            (secret_json(&list, &secret), squared)
        };
        file::print(&found)?;
        if let (Some(url), Some((value, proof))) = (&self.submit, squared) {
            let params = json!([found["epoch"], found["secret"], value, proof]);
            let _: Value = Rpc::new(url)?.request("weft_openEpoch", params).await?;
            eprintln!("epoch {} is open at {url}", found["epoch"]);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn envelope(&self, setup: &Path) -> Result<Value> {
        let (domain, envelope) = read_envelope(&self.file)?;
        let setup = read_setup(setup)?;
        let scheme = PuzzleScheme::new(domain, &setup);
        scheme.own(&envelope)?;
        let Ok(puzzle) = scheme.puzzle(&envelope) else {
            return opening_json(&scheme, &envelope, None);
        };
        let chain = self.squared(&setup, puzzle)?;
        let value = chain.result().expect("the chain is complete");
        let proof = Proof::new(&chain);
        // What a changed checkpoint led to has no proof.
        scheme.verify_solution(&envelope, &value, &proof).wrap_err_with(|| self.useless())?;
        opening_json(&scheme, &envelope, Some((value, proof)))
    }

    /// Squares to the end, from the checkpoint if there is one.
    fn squared<'s>(&self, setup: &'s Setup, puzzle: Element) -> Result<Chain<'s>> {
        let mut chain = with_engine(self.begun(setup, puzzle)?);
        let total = chain.progress().total;
        let shown = Progress::new("squaring", total);
        let (mut saved, started, before) = (Instant::now(), Instant::now(), chain.progress().done);
        while !chain.progress().is_complete() {
            let done = chain.advance(STEP).done;
            shown.at(done, &speed(done - before, started.elapsed()));
            if saved.elapsed() >= self.every {
                self.save(&chain)?;
                saved = Instant::now();
            }
        }
        self.save(&chain)?;
        shown.end();
        Ok(chain)
    }

    fn begun<'s>(&self, setup: &'s Setup, puzzle: Element) -> Result<Chain<'s>> {
        let total = setup.delay_squarings();
        let Some(checkpoint) = self.saved()? else {
            eprintln!("squaring {total} times");
            return Ok(setup.solve(puzzle));
        };
        let chain = Chain::resume(setup.group(), &checkpoint).wrap_err_with(|| self.useless())?;
        let progress = chain.progress();
        ensure!(
            *chain.base() == puzzle && progress.total == total,
            "{} belongs to another puzzle; name another file",
            self.checkpoint.display()
        );
        eprintln!("going on from {} of {total} squarings", progress.done);
        Ok(chain)
    }

    fn saved(&self) -> Result<Option<Checkpoint>> {
        let cannot = || format!("cannot read {}", self.checkpoint.display());
        match fs::metadata(&self.checkpoint) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found if found.as_ref().is_ok_and(|found| found.len() > MAX_CHECKPOINT) => {
                bail!("{} is too large for a checkpoint", self.checkpoint.display())
            }
            found => found.wrap_err_with(cannot)?,
        };
        let bytes = fs::read(&self.checkpoint).wrap_err_with(cannot)?;
        Ok(Some(Checkpoint::from_bytes(bytes)))
    }

    fn save(&self, chain: &Chain<'_>) -> Result<()> {
        replace(&self.checkpoint, chain.checkpoint().as_bytes())
    }

    fn useless(&self) -> String {
        format!("{} is of no use, remove it and begin anew", self.checkpoint.display())
    }
}

/// Reads the opening of an envelope's puzzle and checks it: by its seed, else by its proof.
pub(super) fn read_opening(
    document: &Document,
    setup: &Setup,
    scheme: &PuzzleScheme<'_>,
    envelope: &Envelope,
) -> Result<Verdict> {
    let refused = || format!("{} is refused", document.name());
    let about: B256 = document.field("envelope")?;
    ensure!(about == envelope.id(scheme.domain()), "{} is about envelope {about}", document.name());
    let seed: Option<B256> = document.field("seed")?;
    if let Some(seed) = seed {
        let verdict = scheme.verify_opening(envelope, &seed).wrap_err_with(refused)?;
        return as_said(document, verdict);
    }
    let solution: Option<Bytes> = document.field("solution")?;
    let solution = match solution {
        None => scheme.solution(envelope, None),
        Some(value) => {
            let proof: Bytes = document.field("proof")?;
            let group = setup.group();
            let value = group.decode(&value).wrap_err_with(refused)?;
            let proof = Proof::decode(group, &proof).wrap_err_with(refused)?;
            Some(scheme.verify_solution(envelope, &value, &proof).wrap_err_with(refused)?)
        }
    };
    let solution = solution.ok_or_else(|| eyre!("{}: it has neither seed nor proof", refused()))?;
    as_said(document, scheme.open(envelope, &solution)?)
}

/// Returns a verdict if the file says the same.
fn as_said(document: &Document, verdict: Verdict) -> Result<Verdict> {
    let (said, found): (String, _) = (document.field("verdict")?, word(&verdict));
    ensure!(said == found, "{} says that the envelope is {said}; it is {found}", document.name());
    Ok(verdict)
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Opened { .. } => "opened",
        Verdict::Malformed { .. } => "malformed",
        Verdict::Undecryptable => "undecryptable",
    }
}

fn opening_json(
    scheme: &PuzzleScheme<'_>,
    envelope: &Envelope,
    solved: Option<(Element, Proof)>,
) -> Result<Value> {
    let solution = match &solved {
        None => scheme.solution(envelope, None).expect("the envelope has no puzzle"),
        Some((value, proof)) => scheme.verify_solution(envelope, value, proof)?,
    };
    let verdict = scheme.open(envelope, &solution)?;
    let seed = match &verdict {
        Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => Some(*seed),
        Verdict::Undecryptable => None,
    };
    Ok(json!({
        "kind": "opening",
        "envelope": envelope.id(scheme.domain()),
        "verdict": word(&verdict),
        "seed": seed,
        "solution": solved.map(|(value, _)| Bytes::from(value.to_vec())),
        "proof": solved.map(|(_, proof)| Bytes::from(proof.to_vec())),
    }))
}

#[cfg(feature = "gmp")]
const fn with_engine(chain: Chain<'_>) -> Chain<'_> {
    chain.with_engine(weft_crypto::Engine::Gmp)
}

#[cfg(not(feature = "gmp"))]
const fn with_engine(chain: Chain<'_>) -> Chain<'_> {
    chain
}

fn speed(done: u64, time: Duration) -> String {
    format!("{:.2} million a second", done as f64 / 1e6 / time.as_secs_f64().max(1e-9))
}

pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let unreadable = || "write a time like 200ms or 1s".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| unreadable())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(unreadable()),
    }
}
