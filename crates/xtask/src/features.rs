//! Compares the features with which users build `weft` and with which tests do.
//!
//! Cargo builds a crate again for every set of features. Where `cargo run` and the tests of the workspace want different
//! sets, whoever runs one after the other waits for everything above the first difference twice, ten minutes on two
//! cores; so does CI. What a crate lacks is named in `crates/weft/Cargo.toml`.

use crate::{
    command::{cargo, output},
    tally::Tally,
};
use std::collections::BTreeSet;

/// Runs the check.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let of_tests = tree(&["--workspace", "--edges", "normal,build,dev"])?;
    let of_users = tree(&["--package", "weft", "--edges", "normal,build"])?;
    let differing = differing(&of_users, &of_tests);
    if differing.is_empty() { Ok(()) } else { Err(differing.join("\n")) }
}

/// Returns every package with its features.
fn tree(arguments: &[&str]) -> Result<BTreeSet<String>, String> {
    let format = ["tree", "--locked", "--prefix", "none", "--format", "{p} [{f}]"];
    let text = output(&mut cargo(&[&format, arguments].concat()))?;
    Ok(text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect())
}

/// Says of which packages users build what no test does.
fn differing(of_users: &BTreeSet<String>, of_tests: &BTreeSet<String>) -> Vec<String> {
    let words = |line: &String| {
        let package = line.split(" [").next().unwrap_or(line);
        let beside: Vec<&str> = of_tests
            .iter()
            .filter(|other| other.split(" [").next() == Some(package))
            .map(String::as_str)
            .collect();
        format!("`cargo run` builds {line}, tests build {}", beside.join(" and "))
    };
    of_users.difference(of_tests).map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_names_what_only_users_build() {
        let set = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let of_tests = set(&["log v1 [std]", "either v1 [std,use_std]", "proptest v1 []"]);
        assert!(differing(&set(&["log v1 [std]"]), &of_tests).is_empty());
        assert_eq!(
            differing(&set(&["log v1 [std]", "either v1 [std]"]), &of_tests),
            ["`cargo run` builds either v1 [std], tests build either v1 [std,use_std]"]
        );
    }
}
