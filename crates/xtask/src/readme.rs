//! Runs the commands that the README promises.
//!
//! A fenced `sh` block whose last non-empty line before it is `<!-- test -->` is run by bash in the root of the
//! checkout and must succeed in time.

use crate::{
    command::{program, run_within},
    root,
    tally::Tally,
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// Longest time that one block may take; the first one may have to build the binary.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// A marked block.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    script: String,
}

/// Runs the check.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let text = fs::read_to_string(root().join("README.md"))
        .map_err(|error| format!("README.md: {error}"))?;
    let blocks = marked_blocks(&text);
    if blocks.is_empty() {
        return Err("README.md has no sh block marked <!-- test -->".to_owned());
    }
    let mut failures = Vec::new();
    for Block { line, script } in blocks {
        println!("README.md:{line}\n{}", script.trim_end());
        let begun = Instant::now();
        let outcome = run_within(&mut program("bash", &["-euo", "pipefail", "-c", &script]), LIMIT);
        let took = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("README.md:{line} works, {took:.1} s"),
            Err(reason) => {
                failures.push(format!("README.md:{line} fails after {took:.1} s: {reason}"))
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Returns the marked `sh` blocks with the line on which each begins.
fn marked_blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut marked = false;
    let mut lines = (1..).zip(text.lines());
    while let Some((line, content)) = lines.next() {
        let Some(language) = content.strip_prefix("```") else {
            marked = content.trim() == "<!-- test -->" || (marked && content.trim().is_empty());
            continue;
        };
        let mut script = String::new();
        for (_, inside) in lines.by_ref().take_while(|(_, inside)| *inside != "```") {
            script.push_str(inside);
            script.push('\n');
        }
        if marked && language == "sh" {
            blocks.push(Block { line: line + 1, script });
        }
        marked = false;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_finds_only_marked_sh() {
        let text = "# Weft\n```sh\nunmarked\n```\n<!-- test -->\n\n```sh\nfirst\nsecond\n```\n\
                    ```sh\nunmarked\n```\n<!-- test -->\n```text\noutput\n```\n<!-- test -->\nwords\n\
                    ```sh\nunmarked\n```\n";
        assert_eq!(marked_blocks(text), [Block { line: 8, script: "first\nsecond\n".to_owned() }]);
    }
}
