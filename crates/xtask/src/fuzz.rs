//! Runs the decoders' fuzz targets for a short while, guided by coverage.
//!
//! `cargo fuzz` asks for a nightly compiler because of the sanitizers. Coverage alone needs options of code generation
//! that every compiler has, and no crate of ours has unsafe code for a sanitizer to watch.

use crate::{
    command::{program, run as run_command},
    root,
    tally::Tally,
};
use std::{fs, path::Path};

/// Targets: the files of `fuzz/fuzz_targets`.
const TARGETS: &[&str] =
    &["batch", "envelope", "evidence", "hop", "item", "promise", "slot", "transaction"];
/// How long each target runs, in seconds.
const SECONDS: u32 = 15;
/// What `cargo fuzz --sanitizer none` passes to the compiler.
const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
];

/// Builds the targets and runs each of them from the golden encodings on.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let triple = host()?;
    run_command(&mut cargo_in_fuzz(&["run", "--quiet", "--example", "seed"]))?;
    // With a target named, the flags stay away from build scripts and macros.
    let mut build = cargo_in_fuzz(&["build", "--release", "--bins", "--target", &triple]);
    run_command(build.env("RUSTFLAGS", COVERAGE.join(" ")))?;
    let found = targets()?;
    if found != TARGETS {
        return Err(format!("fuzz/fuzz_targets holds {found:?}, expected {TARGETS:?}"));
    }
    let folder = root().join("fuzz/target").join(&triple).join("release");
    let failed = TARGETS.iter().filter_map(|target| fuzz(&folder, target).err());
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Runs one target and prints what it counted, or everything it said when it found something.
fn fuzz(folder: &Path, target: &str) -> Result<(), String> {
    let limit = format!("-max_total_time={SECONDS}");
    let corpus = format!("fuzz/corpus/{target}");
    let arguments = [&corpus, &limit, "-seed=1", "-max_len=4096", "-print_final_stats=1"];
    let output = program(&folder.join(target).to_string_lossy(), &arguments).output();
    let output = output.map_err(|error| format!("cannot start {target}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{target}: {}\n{said}", output.status));
    }
    let units = said.lines().find(|line| line.starts_with("stat::number_of_executed_units"));
    println!("{target}: {}", units.ok_or_else(|| format!("{target} counted nothing"))?);
    Ok(())
}

fn cargo_in_fuzz(arguments: &[&str]) -> std::process::Command {
    let mut command = crate::command::cargo(arguments);
    command.current_dir(root().join("fuzz"));
    command
}

/// Returns the triple that the compiler builds for when none is named.
fn host() -> Result<String, String> {
    let about = crate::command::output(&mut program("rustc", &["-vV"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

/// Returns the names of the target files, sorted.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        is_rust.then(|| path.file_stem()?.to_str().map(str::to_owned))?
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}
