//! Checks that every protocol rule in force is cited in the code that keeps it.
//!
//! A citation is the rule's name in a comment (`// P24`, also in documentation comments and NatSpec) or in the name
//! of a function (`fn p24_escrow_never_negative`).

use crate::{root, tally::Tally};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Rules of docs/reference/protocol.md that are in force.
const RULES: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 27, 29,
    31, 40, 41, 42, 44, 45, 46, 47, 48,
];

/// Folders with the code that keeps the rules.
const FOLDERS: &[&str] = &["crates", "contracts/src"];

/// Folders that are not read: built or fetched, or this checker itself.
const SKIPPED: &[&str] = &["target", "node_modules", "xtask"];

/// Runs the check.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let mut citing: BTreeMap<u8, BTreeSet<PathBuf>> = BTreeMap::new();
    for folder in FOLDERS {
        collect(Path::new(folder), &mut citing)?;
    }
    let mut uncited = Vec::new();
    for rule in RULES {
        match citing.get(rule).map_or(0, BTreeSet::len) {
            0 => uncited.push(format!("P{rule}")),
            files => println!("P{rule:<2} cited in {files} files"),
        }
    }
    if uncited.is_empty() {
        return Ok(());
    }
    Err(format!("no code under {} cites {}", FOLDERS.join(" or "), uncited.join(", ")))
}

/// Adds the files under `folder` to the rules that they cite.
fn collect(folder: &Path, citing: &mut BTreeMap<u8, BTreeSet<PathBuf>>) -> Result<(), String> {
    let full = root().join(folder);
    let entries = fs::read_dir(&full).map_err(|error| format!("{}: {error}", full.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", full.display()))?;
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            if !SKIPPED.iter().any(|skipped| path.ends_with(skipped)) {
                collect(&path, citing)?;
            }
        } else if path.extension().is_some_and(|end| end == "rs" || end == "sol") {
            let text = fs::read_to_string(entry.path())
                .map_err(|error| format!("{}: {error}", path.display()))?;
            for rule in text.lines().flat_map(cited) {
                citing.entry(rule).or_default().insert(path.clone());
            }
        }
    }
    Ok(())
}

/// Returns the rules that one line of Rust or Solidity cites.
fn cited(line: &str) -> Vec<u8> {
    let mut rules = Vec::new();
    let trimmed = line.trim_start();
    let comment = match line.split_once("//") {
        Some((_, comment)) => comment,
        None if trimmed.starts_with("/*") || trimmed.starts_with('*') => trimmed,
        None => "",
    };
    rules.extend(comment.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(in_comment));
    if let Some((_, after)) = line.split_once("fn ") {
        let name = after.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next();
        rules.extend(name.unwrap_or("").split('_').filter_map(in_name));
    }
    rules
}

fn in_comment(word: &str) -> Option<u8> {
    word.strip_prefix('P')?.parse().ok()
}

fn in_name(word: &str) -> Option<u8> {
    word.strip_prefix('p')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cited_reads_comments_and_test_names() {
        assert_eq!(cited("    let x = 1; // P24: checked at the hop (P4)."), [24, 4]);
        assert_eq!(cited("/// Moves ether home (P20/P23)."), [20, 23]);
        assert_eq!(cited("     * @dev P25 in NatSpec"), [25]);
        assert_eq!(cited("fn p27_replay_refuses_swapped_hops() {"), [27]);
    }

    #[test]
    fn cited_ignores_code_and_other_words() {
        assert_eq!(cited("let p24 = P24;"), Vec::<u8>::new());
        assert_eq!(cited("// EIP24 PP20 P2P P256 P300"), Vec::<u8>::new());
        assert_eq!(cited("// curve P-256"), Vec::<u8>::new());
    }
}
