//! Counting tests from the closing lines of `cargo nextest` and `cargo test`.

use std::fmt;

/// Tests counted so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds the counts of a line that closes a test run; any other line adds nothing.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim_start();
        if !(line.starts_with("Summary [") || line.starts_with("test result: ")) {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else { continue };
            match pair[1].trim_end_matches([',', ';']) {
                "passed" => self.passed += count,
                "failed" | "timed" => self.failed += count,
                "skipped" | "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Removes the escape sequences `ESC [ .. m`.
fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, text)| text);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tally_adds_the_closing_lines_of_both_runners() {
        let mut tally = Tally::default();
        for line in [
            "     Summary [   3.2s] 41 tests run: 40 passed (1 slow), 1 failed, 2 skipped",
            "\u{1b}[32m     Summary\u{1b}[0m [   3.2s] \u{1b}[1m5\u{1b}[0m tests run: 5 passed, 0 skipped",
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s",
            "        PASS [   0.005s] 12 passed into the thread",
        ] {
            tally.read_line(line);
        }
        assert_eq!(tally, Tally { passed: 52, failed: 1, skipped: 3 });
    }
}
