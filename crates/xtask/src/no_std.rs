//! Checks that the crates which run inside verifiers and guests need no `std`.
//!
//! A build for this host would not notice a dependency that uses `std`, so the features of everything below are
//! read as well: none may be called `std`.

use crate::{
    command::{cargo, output, run as run_command},
    root,
    tally::Tally,
};
use std::{collections::BTreeSet, fs};

/// Crates without `std`: name, folder under `crates/`. They are built at once.
const CRATES: &[(&str, &str)] = &[
    ("weft-types", "types"),
    ("weft-thread", "thread"),
    ("weft-lane", "lane"),
    ("weft-crypto", "crypto"),
    ("weft-commitment", "commitment"),
    ("weft-evidence", "evidence"),
    ("weft-settlement", "settlement"),
    ("weft-contracts", "contracts"),
    ("weft-batch", "batch"),
    ("weft-evm", "evm"),
    ("weft-derive", "derive"),
    ("weft-statement", "statement"),
];

/// Runs the check.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let mut problems = Vec::new();
    for (name, folder) in CRATES {
        problems.extend(missing_attribute(folder)?);
        problems.extend(std_features(name)?);
    }
    let mut arguments = vec!["clippy", "--no-default-features"];
    arguments.extend(CRATES.iter().flat_map(|(name, _)| ["-p", name]));
    arguments.extend(["--", "-D", "warnings"]);
    problems.extend(run_command(&mut cargo(&arguments)).err());
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Returns a problem when the crate does not declare itself free of `std`.
fn missing_attribute(folder: &str) -> Result<Option<String>, String> {
    let file = format!("crates/{folder}/src/lib.rs");
    let text =
        fs::read_to_string(root().join(&file)).map_err(|error| format!("{file}: {error}"))?;
    let declared = text.lines().any(|line| {
        line == "#![no_std]" || line == r#"#![cfg_attr(not(feature = "std"), no_std)]"#
    });
    Ok((!declared).then(|| {
        format!(r#"{file} lacks #![no_std] or #![cfg_attr(not(feature = "std"), no_std)]"#)
    }))
}

/// Returns a problem for each package below `name` that has its feature `std` on.
fn std_features(name: &str) -> Result<Vec<String>, String> {
    let tree = output(&mut cargo(&[
        "tree",
        "--package",
        name,
        "--no-default-features",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p} {f}",
    ]))?;
    let packages: BTreeSet<&str> = tree.lines().filter(|line| has_std(line)).collect();
    Ok(packages
        .into_iter()
        .map(|package| format!("{name} without default features uses std through {package}"))
        .collect())
}

/// Tells whether a line `name version features` of `cargo tree` names the feature `std`.
fn has_std(line: &str) -> bool {
    let line = line.trim_end_matches(" (*)");
    line.rsplit(' ').next().is_some_and(|features| features.split(',').any(|one| one == "std"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_std_reads_the_feature_list() {
        assert!(has_std("secp256k1 v0.30.0 alloc,recovery,std"));
        assert!(has_std("secp256k1 v0.30.0 std (*)"));
        assert!(!has_std("ark-std v0.6.0 "));
        assert!(!has_std("weft-types v0.1.0 (/somewhere/std) alloc"));
        assert!(!has_std("foldhash v0.2.0 nostd"));
    }
}
