//! What a story prints, and what it found wrong.

use crate::{
    amount::{grouped, plain},
    say::say,
    style::{bold, dim, green, red, short},
};
use alloy_primitives::{B256, U256};
use eyre::{Result, bail};
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// Width of the terminal that the output is made for.
pub(super) const WIDTH: usize = 80;

/// Output of a story: text as it goes, or one JSON object at the end.
#[derive(Debug)]
pub(super) struct Report {
    as_json: bool,
    members: Map<String, Value>,
    wrong: Vec<String>,
}

impl Report {
    /// Starts the report of `story`.
    pub(super) fn new(story: &str, as_json: bool) -> Self {
        let mut members = Map::new();
        members.insert("story".to_owned(), json!(story));
        Self { as_json, members, wrong: Vec::new() }
    }

    /// Prints a line.
    pub(super) fn line(&self, text: impl Display) {
        if !self.as_json {
            say(text);
        }
    }

    /// Prints a heading, with a note at the right edge.
    pub(super) fn heading(&self, title: &str, note: &str) {
        if note.is_empty() {
            return self.line(format_args!("\n{}", bold(title)));
        }
        let gap = WIDTH.saturating_sub(title.chars().count() + note.chars().count());
        self.line(format_args!("\n{}{:gap$}{}", bold(title), "", dim(note)));
    }

    /// Puts `value` into the JSON object.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// Adds `value` to the list `name` of the JSON object.
    pub(super) fn push(&mut self, name: &str, value: Value) {
        let list = self.members.entry(name).or_insert_with(|| json!([]));
        list.as_array_mut().expect("the name belongs to a list").push(value);
    }

    /// Prints an amount of a token and remembers if it is not `expected`.
    pub(super) fn amount(
        &mut self,
        label: &str,
        found: U256,
        expected: U256,
        decimals: u8,
        token: &str,
    ) {
        let ok = self.expect(label, &plain(found, decimals), &plain(expected, decimals));
        let text = |amount| format!("{} {token}", grouped(amount, decimals));
        let mark = if ok { green("✓") } else { red("✗") };
        self.line(format_args!("  {mark} {label:<28}{:>48}", text(found)));
        if !ok {
            self.line(format_args!("    {:<28}{:>48}", "expected", red(text(expected))));
        }
    }

    /// Checks that two blocks are of one slot.
    pub(super) fn check_same_slot(&mut self, number: u64, first: B256, second: B256) {
        let ok = self.expect("slot of both blocks", &second.to_string(), &first.to_string());
        let slot = format!("slot {number}, header {}", short(first));
        match ok {
            true => self.line(format_args!("  {} {:<28}{slot:>48}", green("✓"), "same slot")),
            false => self.line(format_args!("  {} {:<28}{slot:>48}", red("✗"), "other slots")),
        }
        self.set("slot", json!({"number": number, "headerHash": first}));
    }

    /// Remembers if `found` is not `expected`; returns whether it is.
    pub(super) fn expect(&mut self, label: &str, found: &str, expected: &str) -> bool {
        let ok = found == expected;
        self.push("checks", json!({"what": label, "found": found, "expected": expected}));
        if !ok {
            self.wrong.push(format!("{label}: found {found}, expected {expected}"));
        }
        ok
    }

    /// Prints the end of the story.
    ///
    /// # Errors
    ///
    /// Names everything that was not as expected.
    pub(super) fn finish(mut self) -> Result<()> {
        self.set("ok", json!(self.wrong.is_empty()));
        if self.as_json {
            say(Value::Object(self.members));
        }
        if !self.wrong.is_empty() {
            bail!("the story went differently: {}", self.wrong.join("; "));
        }
        Ok(())
    }
}
