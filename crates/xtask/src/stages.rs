//! The stages that are a command or two.

use crate::{
    command::{Reports, cargo, program, run, run_counted},
    root,
    tally::Tally,
};
use std::process::Stdio;

/// Checks the format of every crate.
pub(crate) fn fmt(_: &mut Tally) -> Result<(), String> {
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

/// Lints every target of every crate.
pub(crate) fn clippy(_: &mut Tally) -> Result<(), String> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Runs all tests with `cargo nextest` when it is installed, else with `cargo test`; then the doc tests.
pub(crate) fn tests(tally: &mut Tally) -> Result<(), String> {
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let tests = if nextest {
        run_counted(&mut cargo(&["nextest", "run", "--workspace"]), &Reports::Error, tally)
    } else {
        let arguments = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
        run_counted(&mut cargo(&arguments), &Reports::Out, tally)
    };
    let arguments = ["test", "--workspace", "--doc", "--no-fail-fast"];
    let doc_tests = run_counted(&mut cargo(&arguments), &Reports::Out, tally);
    tests.and(doc_tests)
}

/// Asks the C compiler whether it finds GMP.
pub(crate) fn lacks_gmp() -> Option<&'static str> {
    let found = program("cc", &["-E", "-include", "gmp.h", "-x", "c", "/dev/null"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    (!found).then_some("no GMP on this machine (Debian: libgmp-dev)")
}

/// Tests the engine on GMP, which nothing else builds.
pub(crate) fn gmp(_: &mut Tally) -> Result<(), String> {
    let test = ["test", "-p", "weft-crypto", "--features", "gmp", "--test", "it", "squaring"];
    run(&mut cargo(&test))
}

/// Runs the contracts' own checks.
pub(crate) fn contracts(_: &mut Tally) -> Result<(), String> {
    run(&mut program("bash", &["contracts/test.sh"]))
}

/// Tests threshold sealing, which is a workspace of its own.
pub(crate) fn threshold(_: &mut Tally) -> Result<(), String> {
    let within = root().join("threshold");
    run(cargo(&["fmt", "--check"]).current_dir(&within))?;
    run(cargo(&["test", "--all-targets"]).current_dir(within))
}

/// Builds the documentation of every crate.
pub(crate) fn doc(_: &mut Tally) -> Result<(), String> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Builds the TypeScript SDK and tests it against the node.
pub(crate) fn sdk(_: &mut Tally) -> Result<(), String> {
    run(&mut program("bash", &["sdk/test.sh"]))
}

/// Looks for the acceptance stories.
pub(crate) fn lacks_acceptance() -> Option<&'static str> {
    let found = root().join("acceptance").is_dir();
    (!found).then_some("no acceptance stories in this checkout")
}

/// Runs the acceptance stories.
pub(crate) fn acceptance(_: &mut Tally) -> Result<(), String> {
    run(&mut program("bash", &["acceptance/run.sh"]))
}
