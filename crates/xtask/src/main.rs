//! Every check of the repository, alone (`cargo xtask layers`) or all in turn (`cargo xtask ci`).
//!
//! [`STAGES`] is the one list of checks. A stage prints what it finds and returns the reason of its failure. `ci`
//! runs every stage even after a failure, so that one run tells everything, and ends with one line per stage and a
//! summary of the tests. What a machine or a checkout lacks makes a stage skipped, which is neither.

mod command;
mod features;
mod fuzz;
mod layers;
mod no_std;
mod readme;
mod rules;
mod stages;
mod tally;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};
use tally::Tally;

/// One check.
struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Tally) -> Result<(), String>,
    /// Tells what is not here without which there is nothing to run.
    lacks: fn() -> Option<&'static str>,
}

impl Stage {
    const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(&mut Tally) -> Result<(), String>,
    ) -> Self {
        Self { name, about, run, lacks: || None }
    }

    const fn unless(self, lacks: fn() -> Option<&'static str>) -> Self {
        Self { lacks, ..self }
    }

    fn outcome(&self, tally: &mut Tally) -> Outcome {
        if let Some(lacking) = (self.lacks)() {
            return Outcome::Skipped(lacking);
        }
        (self.run)(tally).map_or_else(Outcome::Failed, |()| Outcome::Ok)
    }
}

/// How a stage ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It found nothing.
    Ok,
    /// It did not run: this is not here.
    Skipped(&'static str),
    /// It found this.
    Failed(String),
}

/// Every check, in the order of `ci`: the quick ones first.
const STAGES: &[Stage] = &[
    Stage::new("fmt", "rustfmt finds nothing to change", stages::fmt),
    Stage::new("layers", "crates import only what the layer table allows", layers::run),
    Stage::new("features", "`cargo run` builds what the tests build", features::run),
    Stage::new("rules", "every protocol rule in force is cited in code", rules::run),
    Stage::new("clippy", "no warning in any target", stages::clippy),
    Stage::new("no-std", "rules crates build without std", no_std::run),
    Stage::new("tests", "unit and integration tests, then doc tests", stages::tests),
    Stage::new("gmp", "squaring by GMP, where that is", stages::gmp).unless(stages::lacks_gmp),
    Stage::new("fuzz", "fuzz targets of the decoders, briefly", fuzz::run),
    Stage::new("threshold", "threshold sealing, a workspace of its own", stages::threshold),
    Stage::new("contracts", "contracts/test.sh", stages::contracts),
    Stage::new("doc", "rustdoc has no warning", stages::doc),
    Stage::new("readme", "the README's marked commands work", readme::run),
    Stage::new("sdk", "sdk/test.sh", stages::sdk),
    Stage::new("acceptance", "acceptance/run.sh", stages::acceptance)
        .unless(stages::lacks_acceptance),
];

/// Returns the root of the checkout.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies two folders below the root")
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<&Stage> = match arguments.as_slice() {
        [word] if word == "ci" => STAGES.iter().collect(),
        [] => return usage(ExitCode::FAILURE),
        [word] if word == "help" || word == "--help" || word == "-h" => {
            return usage(ExitCode::SUCCESS);
        }
        words => {
            let found = words.iter().map(|word| STAGES.iter().find(|stage| stage.name == word));
            match found.collect() {
                Some(stages) => stages,
                None => return usage(ExitCode::FAILURE),
            }
        }
    };
    run_all(&chosen)
}

fn usage(code: ExitCode) -> ExitCode {
    println!("usage: cargo xtask ci | STAGE..\n");
    for stage in STAGES {
        println!("  {:<11} {}", stage.name, stage.about);
    }
    code
}

fn run_all(stages: &[&Stage]) -> ExitCode {
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut outcomes: Vec<(&Stage, Duration, Outcome)> = Vec::new();
    for stage in stages {
        println!("== {}: {}", stage.name, stage.about);
        let begun = Instant::now();
        let outcome = stage.outcome(&mut tally);
        if let Outcome::Failed(reason) = &outcome {
            println!("{reason}");
        }
        println!("== {}: {}\n", stage.name, in_words(&outcome, begun.elapsed()));
        outcomes.push((stage, begun.elapsed(), outcome));
    }
    for (stage, took, outcome) in &outcomes {
        println!("{:<11} {}", stage.name, in_words(outcome, *took));
    }
    let (summary, has_failed) = summary(outcomes.iter().map(|(_, _, outcome)| outcome));
    let seconds = start.elapsed().as_secs_f64();
    let word = if has_failed { "FAILED" } else { "ok" };
    println!("summary: {word}; tests: {tally}; stages: {summary}; {seconds:.1} s");
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Counts outcomes; tells whether any is a failure.
fn summary<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> (String, bool) {
    let [mut ok, mut skipped, mut failed] = [0; 3];
    for outcome in outcomes {
        match outcome {
            Outcome::Ok => ok += 1,
            Outcome::Skipped(_) => skipped += 1,
            Outcome::Failed(_) => failed += 1,
        }
    }
    (format!("{ok} ok, {skipped} skipped, {failed} failed"), failed > 0)
}

fn in_words(outcome: &Outcome, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match outcome {
        Outcome::Ok => format!("{:<7} {seconds:>7.1} s", "ok"),
        Outcome::Skipped(lacking) => format!("{:<7} {lacking}", "skipped"),
        Outcome::Failed(_) => format!("{:<7} {seconds:>7.1} s", "FAILED"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_skipped_and_not_called_ok() {
        let fails = |_: &mut Tally| Err("it ran".to_owned());
        let stage = Stage::new("gmp", "", fails).unless(|| Some("no GMP"));
        let skipped = stage.outcome(&mut Tally::default());
        assert_eq!(skipped, Outcome::Skipped("no GMP"));
        assert_eq!(in_words(&skipped, Duration::ZERO), "skipped no GMP");
        let ran = Stage::new("gmp", "", fails).outcome(&mut Tally::default());
        assert_eq!(ran, Outcome::Failed("it ran".to_owned()));
        let (counted, has_failed) = summary([&skipped, &Outcome::Ok].into_iter());
        assert_eq!((counted.as_str(), has_failed), ("1 ok, 1 skipped, 0 failed", false));
        assert!(summary([&skipped, &ran].into_iter()).1);
    }
}
