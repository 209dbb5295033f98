//! Every check of the repository, alone (`cargo xtask layers`) or all in turn (`cargo xtask ci`).
//!
//! [`STAGES`] is the one list of checks. A stage prints what it finds and returns the reason of its failure. `ci`
//! runs every stage even after a failure, so that one run tells everything, and ends with one line per stage and a
//! summary of the tests.

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
}

/// Every check, in the order of `ci`: the quick ones first.
const STAGES: &[Stage] = &[
    Stage { name: "fmt", about: "rustfmt finds nothing to change", run: stages::fmt },
    Stage {
        name: "layers",
        about: "crates import only what the layer table allows",
        run: layers::run,
    },
    Stage {
        name: "features",
        about: "`cargo run` builds what the tests build",
        run: features::run,
    },
    Stage {
        name: "rules",
        about: "every protocol rule in force is cited in code",
        run: rules::run,
    },
    Stage { name: "clippy", about: "no warning in any target", run: stages::clippy },
    Stage { name: "no-std", about: "rules crates build without std", run: no_std::run },
    Stage {
        name: "tests",
        about: "unit and integration tests, then doc tests",
        run: stages::tests,
    },
    Stage { name: "gmp", about: "squaring by GMP, where that is", run: stages::gmp },
    Stage { name: "fuzz", about: "fuzz targets of the decoders, briefly", run: fuzz::run },
    Stage {
        name: "threshold",
        about: "threshold sealing, a workspace of its own",
        run: stages::threshold,
    },
    Stage { name: "contracts", about: "contracts/test.sh", run: stages::contracts },
    Stage { name: "doc", about: "rustdoc has no warning", run: stages::doc },
    Stage { name: "readme", about: "the README's marked commands work", run: readme::run },
    Stage { name: "sdk", about: "sdk/test.sh", run: stages::sdk },
    Stage { name: "acceptance", about: "acceptance/run.sh", run: stages::acceptance },
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
    let mut outcomes: Vec<(&Stage, Duration, Result<(), String>)> = Vec::new();
    for stage in stages {
        println!("== {}: {}", stage.name, stage.about);
        let begun = Instant::now();
        let outcome = (stage.run)(&mut tally);
        if let Err(reason) = &outcome {
            println!("{reason}");
        }
        println!("== {}: {}\n", stage.name, in_words(&outcome, begun.elapsed()));
        outcomes.push((stage, begun.elapsed(), outcome));
    }
    for (stage, took, outcome) in &outcomes {
        println!("{:<11} {}", stage.name, in_words(outcome, *took));
    }
    let failed = outcomes.iter().filter(|(_, _, outcome)| outcome.is_err()).count();
    println!(
        "summary: {}; tests: {tally}; stages: {} ok, {failed} failed; {:.1} s",
        if failed == 0 { "ok" } else { "FAILED" },
        outcomes.len() - failed,
        start.elapsed().as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(outcome: &Result<(), String>, took: Duration) -> String {
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    format!("{word:<6} {:>7.1} s", took.as_secs_f64())
}
